//! A campaign is started, paused and stopped, and a case paid, by rows that another process writes: the engine that
//! serves them sees it, also where a telephone rings already.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::symlink,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
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
"#;

const CASES: &str = "id,phone,name,title,lang,creditor,product,amount,currency,due_date
rings,1301,张伟,先生,zh,安信银行,信用卡,3250.00,CNY,2026-11-15
busy,1302,张伟,先生,zh,安信银行,信用卡,3250.00,CNY,2026-11-15
";
const LATER: &str = "id,phone,name,title,lang,creditor,product,amount,currency,due_date
later,1303,张伟,先生,zh,安信银行,信用卡,3250.00,CNY,2026-11-15
";

/// Long enough for a model to be loaded on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn waihu(project: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waihu"));
    command.arg("--project").arg(project).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn run(project: &Path, args: &[&str]) -> String {
    let done = waihu(project).args(args).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

fn lay_out(folder: &Path) {
    for shared in ["models", "dialogs", ".waihu/models", ".waihu/prompts"] {
        let path = folder.join(shared);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(Path::new(ROOT).join(shared), path).unwrap();
    }
    fs::create_dir(folder.join("sip-config")).unwrap();
    let trunk = format!(
        "[trunk]\nproxy = {SIP:?}\nfrom = \"sip:4008001234@127.0.0.1\"\ncompliance = \"laboratory\"\n\
         bind = \"127.0.0.1:0\"\nrtp_ports = [24200, 24298]\nring_timeout_s = 120\nmax_calls = 4\n"
    );
    fs::write(folder.join("sip-config/rows.toml"), trunk).unwrap();
    for (file, text) in [
        ("rows.toml", "trunk = \"rows\"\nscript = \"reminder\"\n"),
        ("personas.toml", PERSONAS),
        ("cases.csv", CASES),
        ("later.csv", LATER),
    ] {
        fs::write(folder.join(file), text).unwrap();
    }
}

/// A process whose lines can be waited for.
struct Told {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Told {
    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let (tell, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let stdin = child.stdin.take();
        Self { child, stdin, lines }
    }

    fn wait_for(&self, words: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("{words:?} was not told"));
            if line.contains(words) {
                return line;
            }
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn status(project: &Path) -> Value {
    serde_json::from_str(&run(project, &["campaign", "status", "rows", "--json"])).unwrap()
}

#[tokio::test]
async fn rows_start_and_stop_calls() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    lay_out(project);
    let version = run(project, &["dialog", "submit", "reminder", "--by", "Li"]);
    run(project, &["dialog", "approve", version.split(':').next().unwrap(), "--by", "Wang"]);
    let at = |file: &str| project.join(file).to_str().unwrap().to_owned();
    run(
        project,
        &["campaign", "create", "rows", "--settings", &at("rows.toml"), "--cases", &at("cases.csv")],
    );
    assert_eq!((&status(project)["state"], &status(project)["waiting"]), (&"created".into(), &2.into()));

    let personas = at("personas.toml");
    let callees = Told::spawn(waihu(project).args([
        "simulate",
        "--while-stdin",
        "--bind",
        SIP,
        "--rtp-ports",
        "34000",
        "34098",
        "--personas",
        &personas,
    ]));
    callees.wait_for("practice ground open");
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
    let outcome: Value =
        serde_json::from_str(&run(project, &["outcomes", "--case", "rings", "--json"])).unwrap();
    assert!(outcome["answered_at"].is_null(), "{outcome}");
    // The busy one is called again by and by; the paid one is done with, whatever the ladder says.
    let stands = status(project);
    assert_eq!((&stands["waiting"], &stands["done"], &stands["ready"]), (&1.into(), &1.into(), &0.into()));

    // Paused, it takes cases and calls none; started again, it does.
    run(project, &["campaign", "pause", "rows"]);
    run(project, &["campaign", "add", "rows", "--cases", &at("later.csv")]);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(status(project)["waiting"], 2, "nobody was called");
    run(project, &["campaign", "start", "rows"]);
    callees.wait_for("called 来电: busy too");

    // Asked to end, the engine ends; a stopped campaign is not started again.
    Command::new("kill").args(["-TERM", &engine.child.id().to_string()]).status().unwrap();
    let mut engine = engine;
    assert!(engine.child.wait().unwrap().success());
    run(project, &["campaign", "stop", "rows"]);
    let refused = waihu(project).args(["campaign", "start", "rows"]).output().unwrap();
    assert!(!refused.status.success());
}
