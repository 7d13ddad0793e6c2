//! `kill -9` at random moments of a campaign that is being dialled, again and again. Afterwards every person was
//! called as often as the rules allow, every attempt has its one outcome, and every outcome was brought to a webhook,
//! the same to the byte each time.
//!
//! `WAIHU_KILLS=200 cargo test --release --test a_crash_repeats_nothing -- --nocapture` is the long run; without it
//! there are a few kills.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
    thread::{sleep, spawn},
    time::{Duration, Instant},
};

use common::{COLUMNS, Told, approve, at, callees, lay_out, row, run, waihu};
use serde_json::Value;
use waihu_types::SplitMix64;

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

/// An engine that dials.
fn engine(project: &Path) -> Told {
    let engine = Told::spawn(waihu(project).args(["serve", "--trunk", "crash"]));
    engine.wait_for("serving");
    engine
}

/// A lender's webhook: what came under each key, and how often.
#[derive(Clone, Default)]
struct Webhook(Arc<Mutex<HashMap<String, (String, usize)>>>);

impl Webhook {
    fn open() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (hook, address) = (Self::default(), listener.local_addr().unwrap());
        let own = hook.clone();
        spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let hook = own.clone();
                spawn(move || while hook.take(&stream).is_some() {});
            }
        });
        (hook, format!("http://{address}/"))
    }

    /// Takes one request; none where the connection is over.
    fn take(&self, mut stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let (mut key, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let Some((name, value)) = line.trim().split_once(':') else {
                if line.trim().is_empty() {
                    break;
                }
                continue;
            };
            match name.to_ascii_lowercase().as_str() {
                "idempotency-key" => key = value.trim().to_owned(),
                "content-length" => length = value.trim().parse().unwrap(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body = String::from_utf8(body).unwrap();
        {
            let mut all = self.0.lock().unwrap();
            let (first, times) = all.entry(key.clone()).or_insert_with(|| (body.clone(), 0));
            assert_eq!(*first, body, "{key} came again and was another");
            *times += 1;
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").ok()
    }

    /// The outcome that was told last of an attempt.
    fn outcome(&self, attempt: &str) -> Option<Value> {
        let all = self.0.lock().unwrap();
        let told = (1..9).rev().find_map(|revision| all.get(&format!("{attempt}:{revision}")))?;
        Some(serde_json::from_str::<Value>(&told.0).unwrap()["data"]["outcome"].clone())
    }

    /// How many events came, and how many times in all.
    fn counts(&self) -> (usize, usize) {
        let all = self.0.lock().unwrap();
        (all.len(), all.values().map(|(_, times)| times).sum())
    }
}

fn queue(project: &Path) -> Value {
    serde_json::from_str(&run(project, &["campaign", "status", CAMPAIGN, "--json"])).unwrap()
}

fn outcomes(project: &Path) -> Vec<Value> {
    run(project, &["outcomes", "--json"]).lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

#[test]
fn whoever_is_killed_calls_nobody_once_too_often() {
    let kills = kills();
    let cases = 60 + 4 * kills;
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    let trunk = format!(
        "[trunk]\nproxy = {SIP:?}\nfrom = \"sip:4008001234@127.0.0.1\"\ncompliance = \"laboratory\"\nbind = \"127.0.0.1:0\"\n\
         rtp_ports = [24000, 24198]\nring_timeout_s = 5\nmax_calls = {AT_ONCE}\nmax_cps = 20.0\n"
    );
    let (webhook, url) = Webhook::open();
    let readers = format!(
        "[api]\nlisten = \"127.0.0.1:0\"\n\n[[reader]]\nname = \"lender\"\nkind = \"webhook\"\nevents = [\"outcome\"]\nurl = {url:?}\n"
    );
    let table: String = (0..cases).map(|n| row(&name(n), &number(n))).collect();
    lay_out(
        project,
        &[
            ("waihu.toml", &readers),
            ("sip-config/crash.toml", &trunk),
            ("strategies/quick.toml", STRATEGY),
            ("crash.toml", "trunk = \"crash\"\nscript = \"reminder\"\nstrategy = \"quick\"\n"),
            ("personas.toml", &personas(cases)),
            ("cases.csv", &format!("{COLUMNS}{table}")),
        ],
    );
    approve(project, "reminder");
    let at = |file| at(project, file);
    let created =
        ["campaign", "create", CAMPAIGN, "--settings", &at("crash.toml"), "--cases", &at("cases.csv")];
    run(project, &[&created[..], &["--start"]].concat());
    let ground = callees(project, SIP, ("34000", "34998"), "personas.toml");

    let mut random = SplitMix64::new(0x6b69_6c6c);
    for n in 0..kills {
        let mut engine = engine(project);
        // From the first look at the queue to calls in all their stages.
        sleep(Duration::from_millis(random.next_u64() % 4_000));
        engine.child.kill().unwrap();
        engine.child.wait().unwrap();
        if n % 20 == 19 {
            println!("{} of {kills} kills, queue {}", n + 1, queue(project));
        }
    }
    // The last one is let to its end. In the long run also whoever may still have been ringing at a kill, and is
    // called again after 200 s, has a turn; what waits for longer is for other days.
    let patience_s = if kills > 20 { 300 } else { 70 };
    let engine = engine(project);
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
    // A webhook's reader is another node's for a minute and a half after a kill.
    let filed = outcomes(project);
    let until = Instant::now() + Duration::from_secs(180);
    let attempt = |outcome: &Value| outcome["attempt"].as_str().unwrap().to_owned();
    while filed.iter().any(|outcome| webhook.outcome(&attempt(outcome)).is_none()) {
        assert!(Instant::now() < until, "an outcome was not delivered");
        sleep(Duration::from_secs(1));
    }
    engine.end();
    for outcome in &filed {
        assert_eq!(webhook.outcome(&attempt(outcome)).as_ref(), Some(outcome));
    }
    let mut called = HashMap::<String, usize>::new();
    for line in ground.close() {
        if let Some(name) = line.strip_prefix("called 来电: ") {
            *called.entry(name.to_owned()).or_default() += 1;
        }
    }

    let mut by_case = BTreeMap::<String, Vec<Value>>::new();
    for outcome in filed {
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
    let (events, times) = webhook.counts();
    println!("the webhook was told of {events} outcomes, {times} times in all, each time the same");
    println!(
        "{kills} kills: {cases} people, {attempts} attempts, {rang} telephones rang, {interrupted} calls were cut off by a kill"
    );
    assert!(interrupted > 0, "no kill came into a call: nothing was tried");
}
