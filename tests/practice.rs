//! Calls to the practice ground, as `make run` places them: all come out as expected, and the log keeps
//! to itself what was said and to whom.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::Command;

use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// One of each kind: a promise in each language, a handover, a box, a busy line, a number that is none, and one
/// that is announced to be none before the call is refused.
const CASES: [&str; 7] = [
    "zh-promises",
    "en-promises",
    "zh-wants-human",
    "zh-voicemail",
    "zh-busy",
    "en-no-such-number",
    "zh-early-no-number",
];

fn waihu(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waihu"));
    command.args(["--project", ROOT]).args(args);
    command
}

#[test]
fn calls_come_out_as_expected_and_the_log_tells_no_secret() {
    let done =
        waihu(&["practice", "--max-at-once", "1"]).args(CASES).env("WAIHU_LOG", "trace").output().unwrap();
    let (out, log) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
    assert!(done.status.success(), "{out}");

    let campaign = out.split("--campaign ").nth(1).unwrap().split(')').next().unwrap().to_owned();
    let records = waihu(&["outcomes", "--practice", "--json", "--campaign", &campaign]).output().unwrap();
    let records: Vec<Value> = String::from_utf8(records.stdout)
        .unwrap()
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(records.len(), CASES.len());

    // Every line of every transcript, every name, number and sum: none of it in the log.
    let mut secrets: Vec<String> = Vec::new();
    for record in &records {
        secrets.push(format!("sip:{}@", record["callee"].as_str().unwrap()));
        if let Some(path) = record["transcript"]["path"].as_str() {
            let text = std::fs::read_to_string(path).unwrap();
            let lines = text.lines().map(|l| serde_json::from_str::<Value>(l).unwrap());
            secrets.extend(
                lines.filter(|l| l["speaker"] != "system").map(|l| l["text"].as_str().unwrap().to_owned()),
            );
        }
    }
    let cases = waihu_simulator::practice::CASES;
    for row in cases.lines().skip(1) {
        secrets
            .extend(row.split(',').filter(|cell| cell.contains(' ') || !cell.is_ascii()).map(str::to_owned));
    }
    assert!(secrets.len() > 20);
    assert!(log.lines().count() > 20, "with trace there is a log to search");
    for secret in secrets.iter().filter(|s| s.chars().count() > 1) {
        assert!(!log.contains(secret.as_str()), "the log holds {secret:?}");
    }
}
