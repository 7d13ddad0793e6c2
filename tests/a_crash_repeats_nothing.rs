//! `kill -9` at random moments of a campaign that is being dialled, again and again, by the rules of mainland China.
//! Who was rung, who picked up and who heard the bot is told by the telephones. Afterwards nobody was rung again who had
//! been spoken to, every person was called as often as the rules allow, every attempt has its one outcome, and every
//! outcome was brought to a webhook that often fails: each time the same to the byte.
//!
//! `WAIHU_KILLS=200 cargo test --release --test a_crash_repeats_nothing -- --nocapture` is the long run; without it
//! there are a few kills. What came of it stands in `target/crash-report.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    fs,
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
/// From one call to a number to the next, by `cn-minute` [s].
const APART_S: i64 = 60;

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

/// The rules of mainland China, but that they hold at any hour: a test runs at night too.
fn rules() -> String {
    let rules = include_str!("../compliance/cn.toml");
    let (id, hours) = ("id = \"cn\"\n", "every_day = [\"08:00-22:00\"]");
    assert!(rules.contains(id) && rules.contains(hours));
    rules.replace(id, "id = \"cn-all-day\"\n").replace(hours, "every_day = [\"00:00-24:00\"]")
}

/// After so long it is nobody's turn: a killed node's calls keep their channels until its lease is over (15 s).
const CALLS_WITHIN: Duration = Duration::from_secs(25);

/// An engine that dials.
fn engine(project: &Path) -> Told {
    let engine = Told::spawn(waihu(project).args(["serve", "--trunk", "crash"]));
    engine.wait_for("serving");
    engine
}

/// What came to the webhook under a key.
struct Came {
    body: Vec<u8>,
    times: usize,
    /// Whether it said that it has it.
    taken: bool,
}

#[derive(Default)]
struct Mail {
    by_key: HashMap<String, Came>,
    requests: usize,
    /// Keys that came again and were another.
    changed: Vec<String>,
}

/// A lender's webhook. Of its requests some it fails, and some it reads and hangs up on.
#[derive(Clone, Default)]
struct Webhook(Arc<Mutex<Mail>>);

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
        let status = self.note(key, body)?;
        stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()).ok()
    }

    /// Keeps what came; the answer, or none to hang up.
    fn note(&self, key: String, body: Vec<u8>) -> Option<&'static str> {
        let mut mail = self.0.lock().unwrap();
        let Mail { by_key, requests, changed } = &mut *mail;
        *requests += 1;
        let answer = match *requests {
            n if n % 7 == 3 => Some("500 Internal Server Error"),
            n if n % 11 == 5 => None,
            _ => Some("200 OK"),
        };
        if by_key.get(&key).is_some_and(|came| came.body != body) {
            changed.push(key.clone());
        }
        let came = by_key.entry(key).or_insert(Came { body, times: 0, taken: false });
        came.times += 1;
        came.taken |= answer == Some("200 OK");
        answer
    }

    /// The outcome of an attempt that it took last.
    fn outcome(&self, attempt: &str) -> Option<Value> {
        let mail = self.0.lock().unwrap();
        let by_revision = (1..9).rev().find_map(|revision| mail.by_key.get(&format!("{attempt}:{revision}")));
        let came = by_revision.filter(|came| came.taken)?;
        Some(serde_json::from_slice::<Value>(&came.body).unwrap()["data"]["outcome"].clone())
    }

    /// How many outcomes came, in how many requests, and how many of them more than once: each the same each time.
    fn counts(&self) -> (usize, usize, usize) {
        let mail = self.0.lock().unwrap();
        assert_eq!(mail.changed, Vec::<String>::new(), "came again and were others");
        let repeated = mail.by_key.values().filter(|came| came.times > 1).count();
        (mail.by_key.len(), mail.requests, repeated)
    }
}

/// What a telephone tells, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Far {
    Rang,
    PickedUp,
    /// The bot was heard.
    Greeted,
}

/// What happened at each telephone, by the name of its owner.
fn far_end(told: Vec<String>) -> HashMap<String, Vec<Far>> {
    let mut by_name = HashMap::<String, Vec<Far>>::new();
    for line in told {
        for (begins, far) in [
            ("called 来电: ", Far::Rang),
            ("picked up 已接听: ", Far::PickedUp),
            ("hears the bot 听到机器人: ", Far::Greeted),
        ] {
            if let Some(name) = line.strip_prefix(begins) {
                by_name.entry(name.to_owned()).or_default().push(far);
            }
        }
    }
    by_name
}

/// What is told at the end.
struct Report {
    people: usize,
    attempts: usize,
    kills: usize,
    cut_off: usize,
    rang: usize,
    picked_up: usize,
    spoken_to: usize,
    outcomes: usize,
    deliveries: usize,
    repeated: usize,
}

impl Report {
    /// Prints it, and keeps it beside what was built.
    fn tell(&self) {
        let mut table = "# Killed while it dials\n\n| what | how many |\n|---|---|\n".to_owned();
        for (what, n) in [
            ("people", self.people),
            ("attempts", self.attempts),
            ("kills", self.kills),
            ("calls cut off by a kill", self.cut_off),
            ("times that a telephone rang", self.rang),
            ("of these picked up", self.picked_up),
            ("of these spoken to; none was rung again", self.spoken_to),
            ("outcomes brought to the webhook", self.outcomes),
            ("deliveries", self.deliveries),
            ("outcomes brought more than once, the same to the byte", self.repeated),
        ] {
            writeln!(table, "| {what} | {n} |").unwrap();
        }
        println!("{table}");
        let built = Path::new(env!("CARGO_TARGET_TMPDIR"));
        fs::write(built.with_file_name("crash-report.md"), table).unwrap();
    }
}

fn queue(project: &Path) -> Value {
    serde_json::from_str(&run(project, &["campaign", "status", CAMPAIGN, "--json"])).unwrap()
}

fn outcomes(project: &Path) -> Vec<Value> {
    run(project, &["outcomes", "--json"]).lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

/// A campaign of so many people, started, and what is told to the webhook at `url`.
fn set_up(project: &Path, cases: usize, url: &str) {
    let trunk = format!(
        "[trunk]\nproxy = {SIP:?}\nfrom = \"sip:4008001234@127.0.0.1\"\ncompliance = \"cn-all-day\"\nbind = \"127.0.0.1:0\"\n\
         rtp_ports = [24000, 24198]\nring_timeout_s = 15\nmax_calls = {AT_ONCE}\nmax_cps = 20.0\n"
    );
    let readers = format!(
        "[api]\nlisten = \"127.0.0.1:0\"\n\n[[reader]]\nname = \"lender\"\nkind = \"webhook\"\nevents = [\"outcome\"]\nurl = {url:?}\n"
    );
    let table: String = (0..cases).map(|n| row(&name(n), &number(n))).collect();
    lay_out(
        project,
        &[
            ("waihu.toml", &readers),
            ("compliance/cn-all-day.toml", &rules()),
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
}

/// Kills the engine so often; what the telephones have told by then.
fn kill(project: &Path, ground: &Told, kills: usize) -> Vec<String> {
    let mut random = SplitMix64::new(0x6b69_6c6c);
    let mut told = Vec::new();
    for n in 0..kills {
        let mut engine = engine(project);
        told.extend(ground.so_far());
        // From the first look at the queue on; and where it has called somebody, which takes a busy machine longer
        // than that, among calls in all their stages.
        if n % 4 > 0 {
            told.extend(ground.told_within("called", CALLS_WITHIN));
        }
        sleep(Duration::from_millis(random.next_u64() % 4_000));
        engine.child.kill().unwrap();
        engine.child.wait().unwrap();
        if n % 20 == 19 {
            println!("{} of {kills} kills, queue {}", n + 1, queue(project));
        }
    }
    told
}

/// Waits until nobody is to be called soon. In the long run whoever may still have been ringing at a kill, and is
/// called again after 200 s, has a turn; what waits for longer is for other days.
fn until_all_are_called(project: &Path, kills: usize) {
    let patience_s = if kills > 20 { 300 } else { 70 };
    loop {
        sleep(Duration::from_secs(2));
        let queue = queue(project);
        let now = jiff::Timestamp::now();
        let soon = queue["next_due"]
            .as_str()
            .is_some_and(|at| moment(at).duration_since(now).as_secs() < patience_s);
        if queue["ready"] == 0 && queue["leased"] == 0 && !soon {
            return;
        }
    }
}

fn moment(told: &str) -> jiff::Timestamp {
    told.parse().unwrap()
}

/// Waits until the webhook has taken all outcomes. A reader is another node's for two minutes after a kill, and what
/// the webhook fails comes again within a second or two.
fn until_all_are_delivered(webhook: &Webhook, filed: &[Value]) {
    let attempt = |outcome: &Value| outcome["attempt"].as_str().unwrap().to_owned();
    let until = Instant::now() + Duration::from_secs(200 + filed.len() as u64);
    while filed.iter().any(|outcome| webhook.outcome(&attempt(outcome)).is_none()) {
        assert!(Instant::now() < until, "an outcome was not delivered");
        sleep(Duration::from_secs(1));
    }
    for outcome in filed {
        assert_eq!(webhook.outcome(&attempt(outcome)).as_ref(), Some(outcome));
    }
}

/// Holds what is on file of a person against what happened at the telephone.
fn judge(name: &str, tried: &[Value], far: &[Far]) {
    assert!((1..=PER_CASE).contains(&tried.len()), "{name}: {} attempts", tried.len());
    let count = |what: Far| far.iter().filter(|f| **f == what).count();
    // Each INVITE has its attempt: none left without having been written down.
    let rang = count(Far::Rang);
    assert!(rang <= tried.len(), "{name} was called {rang} times, and {} are on file", tried.len());
    // Whoever heard a word is on file as having answered, and is not rung again.
    let answered = tried.iter().filter(|o| o["answered_at"].is_string()).count();
    assert!(count(Far::Greeted) <= answered, "{name}: {far:?}, {tried:?}");
    let mut since = far.iter().skip_while(|f| **f != Far::Greeted);
    assert!(!since.any(|f| *f == Far::Rang), "{name} was spoken to, and rung again: {far:?}, {tried:?}");
    for pair in tried.windows(2) {
        let redial = &pair[0]["redial"];
        assert_eq!(redial["verdict"], "allowed", "{name}: {pair:?}");
        let at = |of: &Value, what: &str| moment(of[what].as_str().unwrap());
        let [before, after] = [&pair[0], &pair[1]].map(|tried| at(tried, "dialled_at"));
        assert!(after >= at(redial, "not_before"), "{name}: {pair:?}");
        assert!(after.duration_since(before).as_secs() >= APART_S, "{name}: {pair:?}");
        assert!(pair[0]["answered_at"].is_null(), "{name}: {pair:?}");
    }
}

#[test]
fn whoever_is_killed_calls_nobody_once_too_often() {
    let kills = kills();
    let cases = 60 + 4 * kills;
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    let (webhook, url) = Webhook::open();
    set_up(project, cases, &url);
    let ground = callees(project, SIP, ("34000", "34998"), "personas.toml");
    let mut told = kill(project, &ground, kills);
    // The last one is let to its end.
    let engine = engine(project);
    until_all_are_called(project, kills);
    let filed = outcomes(project);
    until_all_are_delivered(&webhook, &filed);
    engine.end();

    told.extend(ground.close());
    let far = far_end(told);
    let mut by_case = BTreeMap::<String, Vec<Value>>::new();
    for outcome in &filed {
        by_case.entry(outcome["case"].as_str().unwrap().to_owned()).or_default().push(outcome.clone());
    }
    for n in 0..cases {
        let of = |name: &str| {
            (by_case.get(name).cloned().unwrap_or_default(), far.get(name).cloned().unwrap_or_default())
        };
        let (tried, far) = of(&name(n));
        judge(&name(n), &tried, &far);
    }
    let (outcomes, deliveries, repeated) = webhook.counts();
    let count = |what: Far| far.values().flatten().filter(|f| **f == what).count();
    let report = Report {
        people: cases,
        attempts: filed.len(),
        kills,
        cut_off: filed.iter().filter(|o| o["disposition"] == "unknown").count(),
        rang: count(Far::Rang),
        picked_up: count(Far::PickedUp),
        spoken_to: count(Far::Greeted),
        outcomes,
        deliveries,
        repeated,
    };
    report.tell();
    assert!(report.cut_off > 0, "no kill came into a call: nothing was tried");
    assert!(report.spoken_to > 0, "nobody was spoken to: nothing was tried");
    assert!(report.repeated > 0, "nothing was delivered again: nothing was tried");
}
