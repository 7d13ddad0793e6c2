//! A node that is asked to end (SIGTERM) in the middle of a call lets the call come to its own end, files its outcome,
//! and dials nobody any more.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{COLUMNS, Told, approve, at, callees, lay_out, row, run, waihu};
use serde_json::Value;

const SIP: &str = "127.0.0.1:5131";

const PERSONAS: &str = r#"
[[persona]]
number = "1301"
name = "talks"
lang = "zh"
voice = "zm_yunjian"
rings_ms = 300
steps = [
    { say = "对，我就是。" },
    { bot_spoke_ms = 9000, say = "哦，我知道了，我明天就还。" },
    { bot_spoke_ms = 3400, say = "对，没问题。" },
]
otherwise = { bot_spoke_ms = 3400, say = "对，没问题。", to_shorter = "我明天就还。" }

[[persona]]
number = "1302"
name = "is next"
lang = "zh"
no_answer = true
"#;

#[test]
fn the_call_that_is_up_is_finished_and_the_next_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    let trunk = format!(
        "[trunk]\nproxy = {SIP:?}\nfrom = \"sip:4008001234@127.0.0.1\"\ncompliance = \"laboratory\"\n\
         bind = \"127.0.0.1:0\"\nrtp_ports = [26800, 26898]\nmax_calls = 1\n"
    );
    lay_out(
        project,
        &[
            ("sip-config/line.toml", &trunk),
            ("drains.toml", "trunk = \"line\"\nscript = \"reminder\"\n"),
            ("personas.toml", PERSONAS),
            ("cases.csv", &[COLUMNS, &row("c-1", "1301"), &row("c-2", "1302")].concat()),
        ],
    );
    approve(project, "reminder");
    let (settings, cases) = (at(project, "drains.toml"), at(project, "cases.csv"));
    run(project, &["campaign", "create", "drains", "--settings", &settings, "--cases", &cases, "--start"]);
    let callees = callees(project, SIP, ("36800", "36898"), "personas.toml");
    let serve = ["serve", "--trunk", "line", "--listen", "127.0.0.1:0", "--words"];
    let node = Told::spawn(waihu(project).args(serve));
    node.wait_for("callee 对方");

    let told = node.end();
    let went_on = |words: &str| told.iter().any(|line| line.contains(words));
    assert!(went_on("no further call is placed") && went_on("callee 对方"), "{told:?}");
    let outcomes = run(project, &["outcomes", "--json"]);
    let outcomes: Vec<Value> = outcomes.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(outcomes.len(), 1, "{outcomes:?}");
    let outcome = &outcomes[0];
    assert_eq!((&outcome["case"], &outcome["ended_by"]), (&"c-1".into(), &"us".into()), "{outcome}");
    assert!(outcome["answered_at"].is_string() && outcome["recording"].is_object(), "{outcome}");
    let cut = ["engine_failed", "unknown", "hung_up"].map(Value::from);
    assert!(!cut.contains(&outcome["disposition"]), "{outcome}");

    let called = callees.close();
    let called: Vec<&String> = called.iter().filter(|line| line.starts_with("called 来电: ")).collect();
    assert_eq!(called, ["called 来电: talks"]);
    let status: Value =
        serde_json::from_str(&run(project, &["campaign", "status", "drains", "--json"])).unwrap();
    assert_eq!((&status["leased"], &status["state"]), (&0.into(), &"running".into()), "{status}");
}
