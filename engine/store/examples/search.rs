//! How fast words are found: `search [--utterances N] [--filled] [--sealed] ADDRESS…`, an address being a file's path or
//! `postgres://…`, to be given empty, or with `--filled` as an earlier run left it; with `--sealed` words are sealed.
//! Prints a table; see FIGURES.md.
#![allow(missing_docs, clippy::print_stdout)]

use std::{
    collections::BTreeMap,
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use waihu_compliance::Gate;
use waihu_store::{Keeper, NewAttempt, Passage, Said, Seal, SealingSecret, Sought, Store};
use waihu_types::{
    AnsweredBy, Disposition, Identity, Lang, OUTCOME_VERSION, Outcome, ScriptVersion, WallTime,
};

type Done<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Utterances of a call, as a long one has.
const A_CALL: usize = 40;
/// Calls that are filed at once.
const AT_ONCE: usize = 64;
/// How often each is sought.
const TIMES: usize = 21;

/// What callees and the bot say; the numbers in their midst make each one its own.
const SAYINGS: [(&str, &str); 8] = [
    ("bot", "您在安信银行的信用卡，有一笔{}元的款项，还款日是11月6日，目前我们还没有收到。"),
    ("callee", "我知道了，等下个月{}号发了工资就还，你们别再打了。"),
    ("bot", "请问您大概哪天可以还款？最低可以先还{}元。"),
    ("callee", "最近手头有点紧，可以分{}期还吗？"),
    ("bot", "好的，跟您确认一下：您会在11月28日星期六还款{}元，对吗？"),
    ("callee", "Could you call me back at {} o'clock, I am driving right now."),
    ("bot", "谢谢您，我会如实记录您的情况，编号是{}，请专员再跟您联系。"),
    ("callee", "对，没问题，就这样吧，{}。"),
];
/// Said in one call of a thousand.
const RARE: &str = "我要向银保监会投诉你们";

/// Sought: in every eighth utterance, in many more, in few, with two phrases, in English, by a single sign, nowhere.
const SOUGHT: [&str; 7] = ["分期还", "还款", "银保监会", "安信银行 11月6日", "driving", "紧", "火星"];

fn script() -> ScriptVersion {
    ScriptVersion {
        name: "reminder".into(),
        lang: Lang::Zh,
        sha256: "ab".repeat(32),
        variant: None,
        draft: false,
    }
}

async fn a_call(store: &Store, n: usize) -> Done<()> {
    let at = WallTime::from_unix_millis(1_795_772_096_000 + i64::try_from(n)? * 1_000);
    let new = NewAttempt {
        attempt: format!("{n:08}").parse()?,
        campaign: n.is_multiple_of(10).then(|| "one".parse()).transpose()?,
        case: format!("C{n}").parse()?,
        callee: format!("100{n:07}").parse()?,
        script: script(),
        models: BTreeMap::new(),
        dialled_at: at,
        own_number: true,
    };
    store.begin_attempt(&new, &Passage::new(Gate::laboratory(), "Asia/Shanghai")).await?;
    let ended = if n.is_multiple_of(3) { Disposition::PromiseToPay } else { Disposition::NoCommitment };
    let outcome = Outcome {
        version: OUTCOME_VERSION,
        attempt: new.attempt.clone(),
        campaign: new.campaign.clone(),
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
        disposition: ended,
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
        redial: waihu_campaign::redial(ended, at, 1),
    };
    store.close_attempt(&outcome).await?;
    let text = |k: usize| match k {
        0 if n.is_multiple_of(1_000) => RARE.to_owned(),
        k => SAYINGS[k % SAYINGS.len()].1.replace("{}", &(n * 37 + k * 13).to_string()),
    };
    let texts: Vec<String> = (0..A_CALL).map(text).collect();
    let lines: Vec<Said<'_>> = (0..)
        .zip(&texts)
        .map(|(k, text)| Said {
            at_ms: k * 3_000,
            speaker: SAYINGS[usize::try_from(k).unwrap_or(0) % SAYINGS.len()].0,
            text,
        })
        .collect();
    Ok(store.keep_words(&new.attempt, &lines).await?)
}

#[tokio::main]
async fn main() -> Done<()> {
    let (mut utterances, mut filled, mut addresses) = (1_000_000_usize, false, Vec::new());
    let mut secret = None;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--utterances" => utterances = args.next().ok_or("--utterances N")?.parse()?,
            "--filled" => filled = true,
            "--sealed" => secret = SealingSecret::of(&[7; 32]),
            _ => addresses.push(arg),
        }
    }
    println!("| store | utterances | taken in, a second | sought | found, a page | ms p50 / most |");
    println!("|---|---|---|---|---|---|");
    for address in &addresses {
        let name = if address.starts_with("postgres") { "PostgreSQL" } else { "SQLite" };
        let store = Arc::new(Store::connect(address).await?);
        if let Some(secret) = &secret {
            store.seal_with(Seal::new(Keeper::All, (1, secret), []));
        }
        if name == "PostgreSQL" {
            store.join("search", WallTime::from_unix_millis(0), Duration::from_secs(315_360_000)).await?;
        }
        let begun = Instant::now();
        let calls = if filled { 0 } else { utterances / A_CALL };
        for first in (0..calls).step_by(AT_ONCE) {
            let mut filing = tokio::task::JoinSet::new();
            for n in first..(first + AT_ONCE).min(calls) {
                let store = Arc::clone(&store);
                filing.spawn(async move { a_call(&store, n).await });
            }
            while let Some(filed) = filing.join_next().await {
                filed??;
            }
        }
        let a_second = match filled {
            true => "-".to_owned(),
            false => format!("{:.0}", utterances as f64 / begun.elapsed().as_secs_f64()),
        };
        let how = if secret.is_some() { ", sealed" } else { "" };
        let ended = Some(Disposition::PromiseToPay);
        let narrow = Sought { words: Some("还款".into()), disposition: ended, ..Sought::default() };
        let within =
            Sought { words: Some("还款".into()), campaign: Some("one".parse()?), ..Sought::default() };
        let whole = SOUGHT.map(|words| (words, Sought { words: Some(words.into()), ..Sought::default() }));
        for (words, sought) in whole
            .into_iter()
            .chain([("还款, promise_to_pay", narrow), ("还款, in one of ten campaigns", within)])
        {
            let (mut took, mut found) = (Vec::new(), 0);
            for _ in 0..TIMES {
                let begun = Instant::now();
                found = store.search(&sought, None, 51).await?.len();
                took.push(begun.elapsed().as_secs_f64() * 1_000.0);
            }
            took.sort_by(f64::total_cmp);
            println!(
                "| {name}{how} | {utterances} | {a_second} | {words} | {found} | {:.1} / {:.1} |",
                took[TIMES / 2],
                took[TIMES - 1]
            );
        }
    }
    Ok(())
}
