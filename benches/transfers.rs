//! Two hundred transfers at once, and how soon a card is on an agent's screen: `cargo bench --bench transfers [CALLS]`.
//!
//! The program, its callees and its agents' telephones are processes of their own on this machine, joined by SIP and
//! RTP. Each call is first shown at a desk, over its WebSocket, which declines it, and is then put through to a
//! telephone. Nothing here is asserted but that all are put through: it prints. It needs the models.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/common/desk.rs"]
mod desk;
#[path = "../tests/common/floor.rs"]
mod floor;
#[path = "../tests/common/page.rs"]
mod page;

use std::{
    collections::HashSet,
    fmt::Write as _,
    time::{Duration, Instant},
};

use desk::{add_person, gets, signs_in};
use floor::{Agent, Floor, Place};
use serde_json::json;
use tokio::{sync::mpsc, time::sleep};

const API: &str = "127.0.0.1:8509";
const PLACE: Place = Place {
    sip: "127.0.0.1:5109",
    api: API,
    ports: (27_000, 37_000),
    span: 1_998,
    bind: "127.0.0.1:0",
    greets: "",
};

/// All of them talk for so long while it is looked how late packets are.
const TALK: Duration = Duration::from_secs(30);
/// Nothing here takes so long.
const PATIENCE: Duration = Duration::from_secs(300);

fn main() {
    // `cargo test --benches` only asks whether it builds.
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|a| a == "--test") {
        return;
    }
    let calls = args.iter().find_map(|a| a.parse().ok()).unwrap_or(200);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measure(calls));
}

async fn measure(calls: usize) {
    let mut telephones = String::new();
    let mut personas = String::new();
    for n in 0..calls {
        write!(telephones, "\n[[agent]]\nname = \"T{n}\"\naddress = \"sip:{}@{}\"\n", 7_000 + n, PLACE.sip)
            .unwrap();
        write!(
            personas,
            "[[persona]]\nnumber = \"{}\"\nname = \"telephone {n}\"\nlang = \"zh\"\nrings_ms = 200\n\
             patience_ms = 600000\nmax_call_ms = 900000\nmax_turns = 9999\n\n",
            7_000 + n
        )
        .unwrap();
    }
    let mut floor = Floor::open(PLACE, calls, &personas, &[], &format!("max_cps = 20.0\n{telephones}"));
    add_person(floor.path(), "sun", "孙涛", &["--role", "operations"]);
    floor.is_open();
    let (told, mut cards) = mpsc::unbounded_channel();
    let desks = ["li", "wang"].map(|login| tokio::spawn(declines(login, told.clone())));
    drop(told);
    let cookie = signs_in(API, "sun").await;
    let campaign = floor.call_all(calls, "张伟");
    let begun = Instant::now();
    let talks = loop {
        let talks = gets(API, &cookie, "/v1/talks").await["items"].as_array().unwrap().len();
        if talks == calls {
            break talks;
        }
        assert!(begun.elapsed() < PATIENCE, "{talks} of {calls} are put through");
        sleep(Duration::from_millis(500)).await;
    };
    println!("{talks} transfers in {:.0} s, and all of them up", begun.elapsed().as_secs_f64());
    let (mut worst, since) = (0.0_f64, Instant::now());
    while since.elapsed() < TALK {
        worst = worst.max(gets(API, &cookie, "/v1/board").await["media_late"].as_f64().unwrap_or_default());
        sleep(Duration::from_secs(1)).await;
    }
    println!(
        "all of them talk for {} s: at the worst second {:.3} % of packets late",
        TALK.as_secs(),
        worst * 100.0
    );
    floor.callees_hang_up();
    let (mut seen, mut after_ms) = (HashSet::new(), Vec::new());
    while let Ok((attempt, ms)) = cards.try_recv() {
        if seen.insert(attempt) {
            after_ms.push(ms);
        }
    }
    after_ms.sort_unstable();
    let at = |share: f64| {
        after_ms.get(((after_ms.len() as f64 * share) as usize).min(after_ms.len().saturating_sub(1)))
    };
    println!(
        "{} cards, from the request to the page [ms]: p50 {:?}, p99 {:?}, most {:?}",
        after_ms.len(),
        at(0.5),
        at(0.99),
        after_ms.last()
    );
    let outcomes = floor.all_filed(&campaign, calls).await;
    let sum = |key: &str| -> u64 { outcomes.iter().filter_map(|o| o["sound"][key].as_u64()).sum() };
    println!(
        "callees: {} packets sent, {} received, {} lost on the way here",
        sum("sent"),
        sum("received"),
        sum("lost")
    );
    // A desk that still waits for an offer would take the end for a fault.
    for desk in desks {
        desk.abort();
        let _ = desk.await;
    }
    floor.end();
}

/// A desk that is shown cards, and takes no call; how long each was on its way [ms].
async fn declines(login: &'static str, told: mpsc::UnboundedSender<(String, i64)>) {
    let mut agent = Agent::comes(API, login, 500).await;
    loop {
        let offer = agent.rings().await;
        let now = jiff::Timestamp::now();
        let wanted: jiff::Timestamp = offer["card"]["wanted_at"].as_str().unwrap().parse().unwrap();
        let ms = now.as_millisecond() - wanted.as_millisecond();
        let _ = told.send((offer["attempt"].as_str().unwrap().to_owned(), ms));
        agent.desk.say(json!({"type": "decline", "attempt": offer["attempt"]})).await;
    }
}
