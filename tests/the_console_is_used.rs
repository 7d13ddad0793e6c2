//! A day in the console, in a real browser: each kind of people signs in, a campaign is made from a file, started and
//! watched, a call is found by a word and heard, and nobody sees what is not theirs. The walks are `console/tests`;
//! pictures of each page in both languages lie in `console/shots` after it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use common::{Told, approve, lay_out, waihu};

const SIP: &str = "127.0.0.1:5088";
const PASSWORD: &str = "a horse with nine lamps";

/// A person who may sign in.
fn person(project: &Path, login: &str, role: &str) {
    let mut adding = waihu(project)
        .args(["person", "add", login, "--role", role, "--name", login])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(adding.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    assert!(adding.wait().unwrap().success(), "{login} could not be added");
}

#[test]
fn people_of_every_role_do_their_work_in_it() {
    let console = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("console");
    assert!(
        waihu_api::has_console() && console.join("node_modules").is_dir(),
        "the console is not built: `make console`, then build again"
    );
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    let trunk = format!(
        "[trunk]\nproxy = {SIP:?}\nfrom = \"sip:4008001234@127.0.0.1\"\ncompliance = \"laboratory\"\n\
         bind = \"127.0.0.1:0\"\nrtp_ports = [25200, 25298]\nring_timeout_s = 20\nmax_calls = 2\n"
    );
    let practice = include_str!("../sip-config/practice.toml");
    // Due at any hour, and no mail server is there to take it.
    let waihu_toml = "[[report]]\nname = \"daily\"\nevery = \"day\"\nhour = 0\nzone = \"Asia/Shanghai\"\n\
         mail = [\"operations@bank.example\"]\n\
         [mail]\nhost = \"127.0.0.1\"\nport = 8497\nencipher = \"off\"\nfrom = \"waihu@bank.example\"\n";
    lay_out(
        project,
        &[
            ("waihu.toml", waihu_toml),
            ("sip-config/main.toml", &trunk),
            ("sip-config/practice.toml", practice),
        ],
    );
    // The one that was approved last is offered first.
    approve(project, "handoff-only");
    approve(project, "reminder");
    for (login, role) in
        [("ops", "operations"), ("comp", "compliance"), ("agent", "agent"), ("admin", "admin")]
    {
        person(project, login, role);
    }
    let callees = Told::spawn(waihu(project).args(["simulate", "--while-stdin", "--bind", SIP]));
    callees.wait_for("practice ground open");
    let engine = Told::spawn(waihu(project).args(["serve", "--trunk", "main", "--listen", "127.0.0.1:0"]));
    let serving = engine.wait_for("serving");
    let address = serving.split(' ').next_back().unwrap();
    let walked = Command::new("node")
        .args(["tests/all.mjs", address])
        .current_dir(&console)
        .env("WAIHU_PASSWORD", PASSWORD)
        .output()
        .expect("node is needed: .ci/setup brings it");
    let (out, err) = (String::from_utf8_lossy(&walked.stdout), String::from_utf8_lossy(&walked.stderr));
    assert!(walked.status.success(), "{out}\n{err}");
    engine.end();
    callees.close();
}
