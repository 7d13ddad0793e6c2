//! `kill -9` in the middle of a call: the next run files what is known of it, names its recording, and calls
//! that person no more.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::symlink,
    path::Path,
    process::{Child, Command, Stdio},
    thread::JoinHandle,
};

use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const SIP: &str = "127.0.0.1:5076";

fn waihu(project: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waihu"));
    command.arg("--project").arg(project).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Two people make a flow one that campaigns dial with.
fn approve(waihu: impl Fn() -> Command, flow: &str) {
    let run = |args: &[&str]| {
        let done = waihu().arg("dialog").args(args).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    let told = run(&["submit", flow, "--by", "Li"]);
    run(&["approve", told.split(':').next().unwrap(), "--by", "Wang"]);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to)
        } else {
            fs::copy(entry.path(), to).map(drop).unwrap()
        }
    }
}

/// A project of its own: scripts and models are those here, store and recordings are new.
fn lay_out(folder: &Path) {
    copy(&Path::new(ROOT).join("dialogs"), &folder.join("dialogs"));
    for shared in ["models", ".waihu/models", ".waihu/prompts"] {
        let path = folder.join(shared);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(Path::new(ROOT).join(shared), path).unwrap();
    }
    fs::create_dir(folder.join("sip-config")).unwrap();
    let trunk = format!(
        "[trunk]\nproxy = {SIP:?}\nfrom = \"sip:4008001234@127.0.0.1\"\ncompliance = \"laboratory\"\nbind = \"127.0.0.1:0\"\n\
         rtp_ports = [22000, 22098]\nring_timeout_s = 8\nmax_calls = 1\n"
    );
    fs::write(folder.join("sip-config/kill.toml"), trunk).unwrap();
    let mut cases = waihu_simulator::practice::CASES.lines();
    let header = cases.next().unwrap();
    let of = |id: &str| waihu_simulator::practice::CASES.lines().find(|l| l.starts_with(id)).unwrap();
    let table = format!("{header}\n{}\n{}\n", of("zh-promises"), of("zh-busy"));
    fs::write(folder.join("cases.csv"), table).unwrap();
}

/// The practice ground; when it ends, it tells who was called.
fn practice_ground(project: &Path) -> (Child, JoinHandle<Vec<String>>) {
    let mut child = waihu(project)
        .args(["simulate", "--while-stdin", "--bind", SIP, "--rtp-ports", "32000", "32098"])
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|l| l.starts_with("practice ground open")), "the practice ground did not open");
    let called = std::thread::spawn(move || lines.filter(|l| l.starts_with("called")).collect());
    (child, called)
}

fn campaign(project: &Path) -> Command {
    let mut command = waihu(project);
    command.args(["campaign", "run", "--script", "reminder", "--trunk", "kill", "--id", "kill", "--words"]);
    command.arg("--cases").arg(project.join("cases.csv"));
    command
}

#[test]
fn a_killed_call_is_filed_by_the_next_run_and_not_placed_again() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    lay_out(project);
    approve(|| waihu(project), "reminder");
    let (mut ground, called) = practice_ground(project);

    let mut first = campaign(project).spawn().unwrap();
    let mut lines = BufReader::new(first.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|l| l.contains("callee")), "nobody spoke");
    first.kill().unwrap();
    first.wait().unwrap();

    // The campaign goes on with what was approved, whatever lies on the disk by now.
    fs::write(project.join("dialogs/reminder/script.toml"), "start = \"nowhere\"").unwrap();
    let second = campaign(project).output().unwrap();
    assert!(second.status.success(), "{}", String::from_utf8_lossy(&second.stderr));
    drop(ground.stdin.take());
    ground.wait().unwrap();
    let called = called.join().unwrap();
    assert_eq!(called.iter().filter(|l| l.contains("promises")).count(), 1, "{called:?}");
    assert_eq!(called.len(), 2, "the other case had its turn: {called:?}");

    let printed = waihu(project).args(["outcomes", "--json"]).output().unwrap();
    let outcomes: Vec<Value> = String::from_utf8(printed.stdout)
        .unwrap()
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(outcomes.len(), 2);
    assert_eq!(outcomes[0]["script"]["sha256"], outcomes[1]["script"]["sha256"]);
    let killed = outcomes.iter().find(|o| o["case"] == "zh-promises").unwrap();
    assert_eq!(killed["disposition"], "unknown");
    assert_eq!(killed["redial"]["verdict"], "no");
    assert!(killed["answered_at"].is_string(), "{killed}");
    let path =
        |file: &str| killed[file]["path"].as_str().expect("the killed call's files are named").to_owned();
    let recording = waihu_record::wav::read(Path::new(&path("recording"))).unwrap();
    assert!(recording.channels[0].len() > 8_000, "more than a second was recorded");
    assert!(fs::read_to_string(path("transcript")).unwrap().contains("\"callee\""), "what was said is kept");
}
