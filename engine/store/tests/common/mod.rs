//! Attempts and outcomes to test with.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use tempfile::TempDir;
use waihu_compliance::Gate;
use waihu_store::{NewAttempt, Passage, Store};
use waihu_types::{
    AnsweredBy, CampaignId, Currency, Disposition, Identity, Lang, Money, Outcome, PhoneNumber, Promise,
    Redial, ScriptVersion, WallTime,
};

pub async fn store() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("outcomes.db")).await.unwrap();
    (dir, store)
}

/// `s` seconds after the tests' beginning.
pub fn at(s: i64) -> WallTime {
    WallTime::from_unix_millis(1_795_772_096_000 + s * 1_000)
}

/// The way to machines of one's own.
pub fn free() -> Passage {
    Passage::new(Gate::laboratory(), "Asia/Shanghai")
}

pub fn campaign() -> CampaignId {
    "november".parse().unwrap()
}

fn script() -> ScriptVersion {
    ScriptVersion {
        name: "reminder".into(),
        lang: Lang::Zh,
        sha256: "ab".repeat(32),
        variant: None,
        draft: false,
    }
}

fn models() -> BTreeMap<String, String> {
    BTreeMap::from([("asr".into(), "whisper-base@1.0.0".into())])
}

/// A number of each case's own.
pub fn number(case: &str) -> PhoneNumber {
    let digits: String = case.chars().filter(char::is_ascii_digit).collect();
    format!("100{}", if digits.is_empty() { "1" } else { &digits }).parse().unwrap()
}

pub fn attempt(id: &str, case: &str, s: i64) -> NewAttempt {
    NewAttempt {
        attempt: id.parse().unwrap(),
        campaign: Some(campaign()),
        case: case.parse().unwrap(),
        callee: number(case),
        script: script(),
        models: models(),
        dialled_at: at(s),
        own_number: true,
    }
}

/// An outcome that goes with [`attempt`] at 0 s; answered where the disposition says so.
pub fn outcome(id: &str, case: &str, disposition: Disposition) -> Outcome {
    let answered = disposition == Disposition::PromiseToPay;
    Outcome {
        version: waihu_types::OUTCOME_VERSION,
        attempt: id.parse().unwrap(),
        campaign: Some(campaign()),
        case: case.parse().unwrap(),
        callee: number(case),
        dialled_at: at(0),
        answered_at: answered.then(|| at(5)),
        ended_at: at(40),
        answered_by: if answered { AnsweredBy::Human } else { AnsweredBy::Nobody },
        announcement: None,
        told: None,
        mood: None,
        identity: if answered { Identity::Confirmed } else { Identity::Unconfirmed },
        debt_disclosed: answered,
        disposition,
        promise: answered.then(|| {
            Promise::of(jiff::civil::date(2026, 11, 27), Money::parse("3250", Currency::CNY).unwrap())
        }),
        callback: None,
        follow_ups: Vec::new(),
        intents: vec![],
        handover: None,
        script: script(),
        models: models(),
        recording: None,
        transcript: None,
        sound: None,
        sip: None,
        ended_by: None,
        fault: None,
        redial: waihu_campaign::redial(disposition, at(40), 1),
    }
}

pub fn redial_from(o: &Outcome) -> (String, WallTime) {
    match &o.redial {
        Redial::Allowed { rule, not_before } => (rule.clone(), *not_before),
        Redial::No { rule } => panic!("{rule}"),
    }
}
