//! `waihu trace` shows what passed over the wire for a call, of the service that placed it: to whom it may, without a
//! number; and says why where there is nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;

use common::{COLUMNS, Told, approve, at, callees, lay_out, row, run, waihu};
use serde_json::Value;

const SIP: &str = "127.0.0.1:5126";

const PERSONAS: &str = r#"
[[persona]]
number = "1401"
name = "rings"
lang = "zh"
no_answer = true
"#;

/// What `waihu trace` prints with a token, and whether it went well.
fn trace(project: &Path, of: &str, url: &str, token: &str) -> (bool, String) {
    let done = waihu(project).args(["trace", of, "--at", url]).env("WAIHU_TOKEN", token).output().unwrap();
    let told = [done.stdout, done.stderr].concat();
    (done.status.success(), String::from_utf8(told).unwrap())
}

fn serve(project: &Path) -> (Told, String) {
    let engine = Told::spawn(waihu(project).args(["serve", "--trunk", "line", "--listen", "127.0.0.1:0"]));
    let ready = engine.wait_for("serving");
    let url = ready.split_whitespace().find(|word| word.starts_with("http")).unwrap().to_owned();
    (engine, url)
}

#[test]
fn a_call_that_nobody_answered_is_shown_message_by_message() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    let trunk = format!(
        "[trunk]\nproxy = {SIP:?}\nfrom = \"sip:4008001234@127.0.0.1\"\ncompliance = \"laboratory\"\n\
         bind = \"127.0.0.1:0\"\nrtp_ports = [26400, 26498]\nring_timeout_s = 5\nmax_calls = 2\n"
    );
    lay_out(
        project,
        &[
            ("sip-config/line.toml", &trunk),
            ("rung.toml", "trunk = \"line\"\nscript = \"reminder\"\n"),
            ("personas.toml", PERSONAS),
            ("cases.csv", &[COLUMNS, &row("a", "1401")].concat()),
        ],
    );
    approve(project, "reminder");
    let token = |name: &str, role: &str| {
        run(project, &["token", "make", name, "--role", role, "--person", "Li"]).trim().to_owned()
    };
    let (operations, integrator) = (token("ops", "operations"), token("crm", "integrator"));
    let (settings, cases) = (at(project, "rung.toml"), at(project, "cases.csv"));
    run(project, &["campaign", "create", "rung", "--settings", &settings, "--cases", &cases, "--start"]);
    let callees = callees(project, SIP, ("35400", "35498"), "personas.toml");
    let (engine, url) = serve(project);
    callees.wait_for("called 来电: rings");
    let outcome = (0..200).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        run(project, &["outcomes", "--json"])
            .lines()
            .next()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
    });
    let outcome = outcome.expect("no outcome is filed");
    let call = outcome["attempt"].as_str().unwrap();

    let (well, ladder) = trace(project, call, &url, &operations);
    assert!(well, "{ladder}");
    for step in
        ["INVITE sip:…@127.0.0.1:5126 [sdp] ─", "─ 180 Ringing│", "CANCEL sip:…@", "─ 487 ", "ACK sip:…@"]
    {
        assert!(ladder.contains(step), "{step}: {ladder}");
    }
    assert!(ladder.contains("UDP 127.0.0.1:5126") && !ladder.contains("1401"), "{ladder}");

    // Who may not, and what there is not.
    let (well, told) = trace(project, call, &url, &integrator);
    assert!(!well && told.contains("operations and compliance may"), "{told}");
    let (well, told) = trace(project, call, &url, "whu_guessed");
    assert!(!well && told.contains("not known"), "{told}");
    let (well, told) = trace(project, "no-such-call", &url, &operations);
    assert!(!well && told.contains("there is no such attempt"), "{told}");
    engine.end();
    let (well, told) = trace(project, call, &url, &operations);
    assert!(!well && told.contains("does not answer"), "{told}");
    let (engine, url) = serve(project);
    let (well, told) = trace(project, call, &url, &operations);
    assert!(!well && told.contains("which has ended"), "{told}");
    engine.end();
}
