//! A campaign that waits for agents calls nobody where there is none, and one person for one free agent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{path::Path, time::Duration};

use common::{COLUMNS, Told, approve, at, callees, lay_out, row, run, waihu};
use serde_json::Value;

const SIP: &str = "127.0.0.1:5086";

const PERSONAS: &str = r#"
[[persona]]
number = "1301"
name = "rings"
lang = "zh"
no_answer = true

[[persona]]
number = "1302"
name = "rings too"
lang = "zh"
no_answer = true
"#;

/// Long enough for ten rounds of the engine.
const ROUNDS: Duration = Duration::from_secs(3);

fn status(project: &Path) -> Value {
    serde_json::from_str(&run(project, &["campaign", "status", "paced", "--json"])).unwrap()
}

#[test]
fn a_call_for_each_free_agent_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    let trunk = format!(
        "[trunk]\nproxy = {SIP:?}\nfrom = \"sip:4008001234@127.0.0.1\"\ncompliance = \"laboratory\"\n\
         bind = \"127.0.0.1:0\"\nrtp_ports = [25600, 25698]\nring_timeout_s = 20\nmax_calls = 4\n"
    );
    let agent = format!("\n[[agent]]\nname = \"Li\"\naddress = \"sip:1900@{SIP}\"\nring_timeout_s = 8\n");
    lay_out(
        project,
        &[
            ("sip-config/line.toml", &trunk),
            ("paced.toml", "trunk = \"line\"\nscript = \"reminder\"\n[pacing]\nmode = \"progressive\"\n"),
            ("personas.toml", PERSONAS),
            ("cases.csv", &[COLUMNS, &row("a", "1301"), &row("b", "1302")].concat()),
        ],
    );
    approve(project, "reminder");
    let at = |file| at(project, file);
    let (settings, cases) = (at("paced.toml"), at("cases.csv"));
    run(project, &["campaign", "create", "paced", "--settings", &settings, "--cases", &cases, "--start"]);
    let callees = callees(project, SIP, ("34200", "34298"), "personas.toml");

    // Nobody would be there to talk with.
    let engine = Told::spawn(waihu(project).args(["serve", "--trunk", "line"]));
    engine.wait_for("serving");
    std::thread::sleep(ROUNDS);
    let stands = status(project);
    assert_eq!((&stands["ready"], &stands["leased"]), (&2.into(), &0.into()), "{stands}");
    engine.end();

    // One agent: one telephone rings, though the trunk has room for four.
    std::fs::write(project.join("sip-config/line.toml"), trunk + &agent).unwrap();
    let engine = Told::spawn(waihu(project).args(["serve", "--trunk", "line"]));
    engine.wait_for("serving");
    callees.wait_for("called 来电: rings");
    std::thread::sleep(ROUNDS);
    let stands = status(project);
    assert_eq!((&stands["ready"], &stands["leased"]), (&1.into(), &1.into()), "{stands}");

    // It is given up, and the agent is there for the next.
    run(project, &["cases", "paid", "a"]);
    callees.wait_for("called 来电: rings too");
    engine.end();
}
