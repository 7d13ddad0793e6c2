//! What a board of 1,000 calls that are up costs the server, after a day of 20,000 calls that are over, looked at by ten
//! people each second: `board [SECONDS]`. Prints the share of a core, of this process alone.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/api/common/mod.rs"]
mod common;

use std::{
    collections::BTreeMap,
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use common::{now, server};
use tokio::{task::JoinSet, time::sleep};
use waihu_compliance::Gate;
use waihu_store::{NewAttempt, Passage, Role, Store};
use waihu_types::{
    AnsweredBy, Disposition, Identity, Lang, OUTCOME_VERSION, Outcome, Redial, ScriptVersion, WallTime,
};

const UP: usize = 1_000;
const OVER: usize = 20_000;
const VIEWERS: usize = 10;
/// Calls that are filed at once.
const AT_ONCE: usize = 64;
/// A tick of the kernel's clock for processes [ms]: 100 a second on Linux.
const TICK_MS: f64 = 10.0;

fn script() -> ScriptVersion {
    let (name, sha256) = ("reminder".into(), "ab".repeat(32));
    ScriptVersion { name, lang: Lang::Zh, sha256, variant: None, draft: false }
}

/// A call: up, or over.
async fn a_call(store: &Store, n: usize, at: WallTime) {
    let new = NewAttempt {
        attempt: format!("{n:08}").parse().unwrap(),
        campaign: None,
        case: format!("C{n}").parse().unwrap(),
        callee: format!("100{n:07}").parse().unwrap(),
        script: script(),
        models: BTreeMap::new(),
        dialled_at: at,
        own_number: true,
    };
    store.begin_attempt(&new, &Passage::new(Gate::laboratory(), "Asia/Shanghai")).await.unwrap();
    if n < UP {
        store.mark_answered(&new.attempt, at).await.unwrap();
        return;
    }
    let outcome = Outcome {
        version: OUTCOME_VERSION,
        attempt: new.attempt.clone(),
        campaign: None,
        case: new.case,
        callee: new.callee,
        dialled_at: at,
        answered_at: Some(at),
        ended_at: at,
        answered_by: AnsweredBy::Human,
        announcement: None,
        told: None,
        mood: None,
        identity: Identity::Confirmed,
        debt_disclosed: true,
        disposition: [Disposition::PromiseToPay, Disposition::NoCommitment][n % 2],
        promise: None,
        callback: None,
        follow_ups: Vec::new(),
        intents: Vec::new(),
        handover: None,
        script: script(),
        models: BTreeMap::new(),
        recording: None,
        transcript: None,
        sound: None,
        sip: None,
        ended_by: None,
        fault: None,
        redial: Redial::No { rule: "attempts_used_up".into() },
    };
    store.close_attempt(&outcome).await.unwrap();
}

/// What this process has had of the processors [ms].
fn spent_ms() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let after = stat.rsplit(") ").next().unwrap();
    let ticks: Vec<f64> = after.split(' ').skip(11).take(2).map(|n| n.parse().unwrap()).collect();
    ticks.iter().sum::<f64>() * TICK_MS
}

#[tokio::main]
async fn main() {
    let seconds: u64 = std::env::args().nth(1).map_or(30, |n| n.parse().unwrap());
    let server = Arc::new(server().await);
    let token = server.token(Role::Operations).await;
    // Over the day that a board counts.
    let day = |n: usize| {
        let ago = i64::try_from(n).unwrap() * 80_000_000 / i64::try_from(UP + OVER).unwrap();
        WallTime::from_unix_millis(now().unix_millis() - ago)
    };
    for first in (0..UP + OVER).step_by(AT_ONCE) {
        let mut filing = JoinSet::new();
        for n in first..(first + AT_ONCE).min(UP + OVER) {
            let (server, at) = (Arc::clone(&server), day(n));
            filing.spawn(async move { a_call(&server.store, n, at).await });
        }
        filing.join_all().await;
    }
    let board = server.get(&token, "/v1/board").await;
    assert_eq!(board.body["calls"].as_array().unwrap().len(), UP);
    println!("{UP} calls up, {OVER} over; an answer of {} KB", board.body.to_string().len() / 1_000);
    let (begun, before) = (Instant::now(), spent_ms());
    let (mut looks, mut longest) = (0, Duration::ZERO);
    while begun.elapsed() < Duration::from_secs(seconds) {
        let round = Instant::now();
        for _ in 0..VIEWERS {
            let look = Instant::now();
            let answer = server.get(&token, "/v1/board").await;
            assert_eq!(answer.status, 200);
            longest = longest.max(look.elapsed());
            looks += 1;
        }
        sleep(Duration::from_secs(1).saturating_sub(round.elapsed())).await;
    }
    let (wall_ms, spent) = (begun.elapsed().as_secs_f64() * 1e3, spent_ms() - before);
    println!(
        "{looks} looks of {VIEWERS} viewers in {:.0} s: {:.1} % of a core; the longest took {} ms",
        wall_ms / 1e3,
        spent / wall_ms * 100.0,
        longest.as_millis()
    );
}
