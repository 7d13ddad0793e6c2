//! A campaign is started, paused and stopped, and a case paid, by rows that another process writes: the engine that
//! serves them sees it, also where a telephone rings already.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{path::Path, time::Duration};

use common::{COLUMNS, Told, approve, at, callees, lay_out, row, run, waihu};
use serde_json::Value;

const SIP: &str = "127.0.0.1:5078";

const PERSONAS: &str = r#"
[[persona]]
number = "1301"
name = "rings"
lang = "zh"
no_answer = true

[[persona]]
number = "1302"
name = "busy"
lang = "zh"
rings_ms = 200
decline = 486

[[persona]]
number = "1303"
name = "busy too"
lang = "zh"
rings_ms = 200
decline = 486

[[persona]]
number = "1304"
name = "entered"
lang = "zh"
no_answer = true
"#;

fn status(project: &Path) -> Value {
    serde_json::from_str(&run(project, &["campaign", "status", "rows", "--json"])).unwrap()
}

/// How long a call that nobody answered rang, out of the two minutes that it may [s].
fn rang_s(project: &Path, case: &str) -> i64 {
    let outcome: Value =
        serde_json::from_str(&run(project, &["outcomes", "--case", case, "--json"])).unwrap();
    assert!(outcome["answered_at"].is_null(), "{outcome}");
    let at = |key: &str| outcome[key].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    at("ended_at") - at("dialled_at")
}

#[tokio::test]
async fn rows_start_and_stop_calls() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    let trunk = format!(
        "[trunk]\nproxy = {SIP:?}\nfrom = \"sip:4008001234@127.0.0.1\"\ncompliance = \"laboratory\"\n\
         bind = \"127.0.0.1:0\"\nrtp_ports = [24200, 24298]\nring_timeout_s = 120\nmax_calls = 4\n"
    );
    lay_out(
        project,
        &[
            ("sip-config/rows.toml", &trunk),
            ("rows.toml", "trunk = \"rows\"\nscript = \"reminder\"\n[pacing]\nring_s = 120\n"),
            ("personas.toml", PERSONAS),
            ("cases.csv", &[COLUMNS, &row("rings", "1301"), &row("busy", "1302")].concat()),
            ("later.csv", &[COLUMNS, &row("later", "1303")].concat()),
            ("entered.csv", &[COLUMNS, &row("entered", "1304")].concat()),
        ],
    );
    approve(project, "reminder");
    let at = |file| at(project, file);
    run(
        project,
        &["campaign", "create", "rows", "--settings", &at("rows.toml"), "--cases", &at("cases.csv")],
    );
    assert_eq!((&status(project)["state"], &status(project)["waiting"]), (&"created".into(), &2.into()));

    let callees = callees(project, SIP, ("33600", "33698"), "personas.toml");
    let engine = Told::spawn(waihu(project).args(["serve", "--trunk", "rows"]));
    engine.wait_for("serving");

    // Nobody is called before it is started; then everybody, and the second is busy.
    run(project, &["campaign", "start", "rows"]);
    callees.wait_for("called 来电: rings");
    engine.wait_for("busy: busy");

    // It rings for two minutes, unless its case is paid meanwhile.
    let store = waihu_store::Store::open(project.join(".waihu/waihu.sqlite")).await.unwrap();
    let now = waihu_types::WallTime::from_unix_millis(jiff::Timestamp::now().as_millisecond());
    let paid = waihu_store::CaseState::Paid;
    store.set_case_state(&"rings".parse().unwrap(), paid, None, now).await.unwrap();
    callees.wait_for("over 结束: rings");
    engine.wait_for("rings: ");
    assert!(rang_s(project, "rings") < 120);
    // The busy one is called again by and by; the paid one is done with, whatever the ladder says.
    let stands = status(project);
    assert_eq!((&stands["waiting"], &stands["done"], &stands["ready"]), (&1.into(), &1.into(), &0.into()));

    // Paused, it takes cases and calls none; started again, it does. Who watches it sees that it has nothing to do.
    let watched = Told::spawn(waihu(project).args(["campaign", "status", "rows", "--watch", "--json"]));
    watched.wait_for("\"state\":\"running\"");
    run(project, &["campaign", "pause", "rows"]);
    assert!(watched.last().contains("\"state\":\"paused\""));
    run(project, &["campaign", "add", "rows", "--cases", &at("later.csv")]);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(status(project)["waiting"], 2, "nobody was called");
    run(project, &["campaign", "resume", "rows"]);
    callees.wait_for("called 来电: busy too");

    // A telephone whose number somebody enters while it rings is let go as well.
    run(project, &["campaign", "add", "rows", "--cases", &at("entered.csv")]);
    callees.wait_for("called 来电: entered");
    run(project, &["do-not-call", "add", "1304", "--reason", "a letter", "--by", "Li"]);
    callees.wait_for("over 结束: entered");
    engine.wait_for("entered: ");
    assert!(rang_s(project, "entered") < 120);

    // Asked to end, the engine ends; a stopped campaign is not started again.
    engine.end();
    run(project, &["campaign", "stop", "rows"]);
    let refused = waihu(project).args(["campaign", "start", "rows"]).output().unwrap();
    assert!(!refused.status.success());
}
