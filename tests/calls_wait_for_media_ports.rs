//! Where all media ports are taken, calls wait a moment and are placed then: no case is used up, and none is reported as
//! not called.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{COLUMNS, approve, at, callees, lay_out, row, run, waihu};
use serde_json::Value;

const SIP: &str = "127.0.0.1:5128";

const PERSONAS: &str = r#"
[[persona]]
number = "1501"
name = "one"
lang = "zh"
rings_ms = 4000
decline = 486

[[persona]]
number = "1502"
name = "two"
lang = "zh"
rings_ms = 4000
decline = 486

[[persona]]
number = "1503"
name = "three"
lang = "zh"
rings_ms = 4000
decline = 486
"#;

#[test]
fn three_calls_over_one_port_are_placed_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    let trunk = format!(
        "[trunk]\nproxy = {SIP:?}\nfrom = \"sip:4008001234@127.0.0.1\"\ncompliance = \"laboratory\"\n\
         bind = \"127.0.0.1:0\"\nrtp_ports = [26500, 26501]\nring_timeout_s = 20\nmax_calls = 3\n"
    );
    let rows = ["1501", "1502", "1503"].map(|number| row(&format!("c{number}"), number)).concat();
    lay_out(
        project,
        &[
            ("sip-config/narrow.toml", &trunk),
            ("personas.toml", PERSONAS),
            ("cases.csv", &[COLUMNS, &rows].concat()),
        ],
    );
    approve(project, "reminder");
    let _callees = callees(project, SIP, ("35500", "35598"), "personas.toml");
    let campaign = ["campaign", "run", "--script", "reminder", "--trunk", "narrow", "--cases"];
    let done = waihu(project).args(campaign).arg(at(project, "cases.csv")).output().unwrap();
    let told = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{told}");
    assert_eq!(told.matches("calls wait for media ports").count(), 1, "told, and once: {told}");

    let outcomes = run(project, &["outcomes", "--json"]);
    let outcomes: Vec<Value> = outcomes.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut called: Vec<&str> = outcomes.iter().map(|outcome| outcome["case"].as_str().unwrap()).collect();
    called.sort_unstable();
    assert_eq!(called, ["c1501", "c1502", "c1503"], "each once");
    assert!(outcomes.iter().all(|outcome| outcome["sip"]["code"] == 486), "{outcomes:?}");
}
