//! `kill -9` at random moments of a campaign that is being dialled, again and again. Afterwards every person was
//! called as often as the rules allow, and every attempt has its one outcome.
//!
//! `WAIHU_KILLS=200 cargo test --release --test a_crash_repeats_nothing -- --nocapture` is the long run; without it
//! there are a few kills.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::symlink,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread::{JoinHandle, sleep},
    time::Duration,
};

use serde_json::Value;
use waihu_types::SplitMix64;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const SIP: &str = "127.0.0.1:5079";
const CAMPAIGN: &str = "crash";
/// Calls at once.
const AT_ONCE: u32 = 8;
/// Attempts that the strategy allows a case.
const PER_CASE: usize = 2;

fn kills() -> usize {
    std::env::var("WAIHU_KILLS").ok().map_or(6, |n| n.parse().expect("WAIHU_KILLS is a number"))
}

/// How a callee behaves, by its place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Busy,
    /// Picks up, and hangs up after so long [ms].
    HangsUp(u64),
    /// Picks up, says so, and hangs up a while later.
    Speaks,
    RingsOut,
}

fn manner(n: usize) -> Manner {
    match n % 10 {
        0..=3 => Manner::Busy,
        4..=7 => Manner::HangsUp(500 + 400 * (n as u64 % 7)),
        8 => Manner::Speaks,
        _ => Manner::RingsOut,
    }
}

fn number(n: usize) -> String {
    format!("{}", 1_300_000 + n)
}

fn personas(count: usize) -> String {
    let mut file = String::new();
    for n in 0..count {
        let (name, number) = (name(n), number(n));
        let does = match manner(n) {
            Manner::Busy => "rings_ms = 200\ndecline = 486".to_owned(),
            Manner::HangsUp(ms) => {
                format!("rings_ms = {}\nsteps = [{{ after_ms = {ms}, hang_up = true }}]", 100 * (n % 9))
            }
            Manner::Speaks => {
                "rings_ms = 300\nsteps = [{ say = \"对，我就是。\" }, { after_ms = 3000, hang_up = true }]"
                    .to_owned()
            }
            Manner::RingsOut => "no_answer = true".to_owned(),
        };
        write!(file, "[[persona]]\nnumber = {number:?}\nname = {name:?}\nlang = \"zh\"\nvoice = \"zm_yunjian\"\n{does}\n\n").unwrap();
    }
    file
}

fn name(n: usize) -> String {
    format!("p{n:04}")
}

/// Busy is called again after a minute, everything else on another day; two attempts at most.
const STRATEGY: &str = "
[limits]
per_case = 2
per_day = 2

[[rule]]
id = \"all\"
zh = \"全部\"
en = \"all\"
rank = 1000

[[ladder]]
id = \"busy_soon\"
after = [\"busy\"]
wait = [\"1 minute\"]
";

fn waihu(project: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waihu"));
    command.arg("--project").arg(project).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn run(project: &Path, args: &[&str]) -> Output {
    let done = waihu(project).args(args).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    done
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

fn lay_out(folder: &Path, cases: usize) {
    copy(&Path::new(ROOT).join("dialogs"), &folder.join("dialogs"));
    for shared in ["models", ".waihu/models", ".waihu/prompts"] {
        let path = folder.join(shared);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(Path::new(ROOT).join(shared), path).unwrap();
    }
    for made in ["sip-config", "strategies"] {
        fs::create_dir(folder.join(made)).unwrap();
    }
    let trunk = format!(
        "[trunk]\nproxy = {SIP:?}\nfrom = \"sip:4008001234@127.0.0.1\"\ncompliance = \"laboratory\"\nbind = \"127.0.0.1:0\"\n\
         rtp_ports = [24000, 24198]\nring_timeout_s = 5\nmax_calls = {AT_ONCE}\n"
    );
    fs::write(folder.join("sip-config/crash.toml"), trunk).unwrap();
    fs::write(folder.join("strategies/quick.toml"), STRATEGY).unwrap();
    let settings = "trunk = \"crash\"\nscript = \"reminder\"\nstrategy = \"quick\"\n";
    fs::write(folder.join("crash.toml"), settings).unwrap();
    fs::write(folder.join("personas.toml"), personas(cases)).unwrap();
    // One name and one sum for all: their prompts are spoken once.
    let mut table = "id,phone,name,title,lang,creditor,product,amount,currency,due_date\n".to_owned();
    for n in 0..cases {
        writeln!(table, "{},{},张伟,先生,zh,安信银行,信用卡,3250.00,CNY,2026-11-15", name(n), number(n))
            .unwrap();
    }
    fs::write(folder.join("cases.csv"), table).unwrap();
}

/// The callees; when they end, they tell how often each was called.
fn callees(project: &Path) -> (Child, JoinHandle<HashMap<String, usize>>) {
    let mut child = waihu(project)
        .args(["simulate", "--while-stdin", "--bind", SIP, "--rtp-ports", "34000", "34998", "--personas"])
        .arg(project.join("personas.toml"))
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|l| l.starts_with("practice ground open")), "nobody can be called");
    let called = std::thread::spawn(move || {
        let mut called = HashMap::new();
        for line in lines {
            if let Some(name) = line.strip_prefix("called 来电: ") {
                *called.entry(name.to_owned()).or_default() += 1;
            }
        }
        called
    });
    (child, called)
}

/// An engine that dials; `ready` once it does.
fn engine(project: &Path) -> Child {
    let mut child = waihu(project).args(["serve", "--trunk", "crash"]).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|l| l.starts_with("serving")), "the engine did not start");
    // All that it tells later is read, so that its pipe never fills.
    std::thread::spawn(move || lines.for_each(drop));
    child
}

fn queue(project: &Path) -> Value {
    let told = run(project, &["campaign", "status", CAMPAIGN, "--json"]);
    serde_json::from_slice(&told.stdout).unwrap()
}

fn outcomes(project: &Path) -> Vec<Value> {
    let told = run(project, &["outcomes", "--json"]);
    String::from_utf8(told.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

#[test]
fn whoever_is_killed_calls_nobody_once_too_often() {
    let kills = kills();
    let cases = 60 + 4 * kills;
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    lay_out(project, cases);
    let submitted = run(project, &["dialog", "submit", "reminder", "--by", "Li"]);
    let version = String::from_utf8(submitted.stdout).unwrap();
    run(project, &["dialog", "approve", version.split(':').next().unwrap(), "--by", "Wang"]);
    let at = |file: &str| project.join(file).to_str().unwrap().to_owned();
    run(
        project,
        &[
            "campaign",
            "create",
            CAMPAIGN,
            "--settings",
            &at("crash.toml"),
            "--cases",
            &at("cases.csv"),
            "--start",
        ],
    );
    let (mut ground, called) = callees(project);

    let mut random = SplitMix64::new(0x6b69_6c6c);
    for n in 0..kills {
        let mut engine = engine(project);
        // From the first look at the queue to calls in all their stages.
        sleep(Duration::from_millis(random.next_u64() % 4_000));
        engine.kill().unwrap();
        engine.wait().unwrap();
        if n % 20 == 19 {
            println!("{} of {kills} kills, queue {}", n + 1, queue(project));
        }
    }
    // The last one is let to its end. In the long run also whoever may still have been ringing at a kill, and is
    // called again after 200 s, has a turn; what waits for longer is for other days.
    let patience_s = if kills > 20 { 300 } else { 70 };
    let mut engine = engine(project);
    loop {
        sleep(Duration::from_secs(2));
        let queue = queue(project);
        let now = jiff::Timestamp::now();
        let soon = queue["next_due"].as_str().is_some_and(|at| {
            at.parse::<jiff::Timestamp>().unwrap().duration_since(now).as_secs() < patience_s
        });
        if queue["ready"] == 0 && queue["leased"] == 0 && !soon {
            break;
        }
    }
    // Asked to end, it ends.
    Command::new("kill").args(["-TERM", &engine.id().to_string()]).status().unwrap();
    assert!(engine.wait().unwrap().success());
    drop(ground.stdin.take());
    ground.wait().unwrap();
    let called = called.join().unwrap();

    let mut by_case = BTreeMap::<String, Vec<Value>>::new();
    for outcome in outcomes(project) {
        by_case.entry(outcome["case"].as_str().unwrap().to_owned()).or_default().push(outcome);
    }
    let mut interrupted = 0;
    for n in 0..cases {
        let (name, none) = (name(n), Vec::new());
        let tried = by_case.get(&name).unwrap_or(&none);
        assert!((1..=PER_CASE).contains(&tried.len()), "{name}: {} attempts", tried.len());
        // Each INVITE has its attempt: none left without having been written down.
        let rang = called.get(&name).copied().unwrap_or(0);
        assert!(rang <= tried.len(), "{name} was called {rang} times, and {} are on file", tried.len());
        for pair in tried.windows(2) {
            let redial = &pair[0]["redial"];
            assert_eq!(redial["verdict"], "allowed", "{name}: {pair:?}");
            let (dialled, from) = (pair[1]["dialled_at"].as_str(), redial["not_before"].as_str());
            assert!(dialled >= from, "{name}: {pair:?}");
            assert!(pair[0]["answered_at"].is_null() || manner(n) == Manner::Busy, "{name}: {pair:?}");
        }
        interrupted += tried.iter().filter(|o| o["disposition"] == "unknown").count();
    }
    let attempts: usize = by_case.values().map(Vec::len).sum();
    let rang: usize = called.values().sum();
    println!(
        "{kills} kills: {cases} people, {attempts} attempts, {rang} telephones rang, {interrupted} calls were cut off by a kill"
    );
    assert!(interrupted > 0, "no kill came into a call: nothing was tried");
}
