//! `outcome.schema.json` is held against outcomes of every kind by a JSON Schema validator of others: what is filed is
//! valid by it, and what it refuses the reader refuses, but for keys that nobody knows here.

use std::path::Path;

use jiff::civil::{date, time};
use serde_json::{Value, json};
use waihu_types::{
    Announcement, AnsweredBy, Callback, Currency, Disposition, EndedBy, FaultOwner, FollowUp, Handover,
    HandoverOffer, HandoverOther, HandoverResult, Identity, Intent, Money, Mood, OfferResult, OtherPart,
    Outcome, PaymentChannel, Promise, PromisedPart, Recording, Redial, SipCause, Sound, SoundQuality, Told,
    Transcript,
};

use crate::{
    common::{at, outcome},
    json_schema,
};

fn schema() -> Value {
    serde_json::from_str(include_str!("../../outcome.schema.json")).unwrap()
}

/// For each outcome whether it is valid by the schema, formats and all.
fn by_schema(outcomes: &[Value]) -> Vec<bool> {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("outcome.schema.json");
    json_schema::by_schema(&schema, true, outcomes)
}

fn promised() -> Outcome {
    outcome("a1", "C1", Disposition::PromiseToPay)
}

fn with(change: impl FnOnce(&mut Outcome)) -> Outcome {
    let mut outcome = promised();
    change(&mut outcome);
    outcome
}

/// Everything that may stand in an outcome, each of it at least once.
fn varied() -> Vec<Outcome> {
    let mut all: Vec<Outcome> = Disposition::ALL.iter().map(|d| outcome("a1", "C1", *d)).collect();
    all.extend(Announcement::ALL.map(|a| with(|o| o.announcement = Some(a))));
    let answered_by = [
        AnsweredBy::Nobody,
        AnsweredBy::Human,
        AnsweredBy::Voicemail,
        AnsweredBy::Announcement,
        AnsweredBy::Screening,
        AnsweredBy::Ivr,
        AnsweredBy::Fax,
        AnsweredBy::Silence,
        AnsweredBy::Unknown,
    ];
    all.extend(answered_by.map(|by| with(|o| o.answered_by = by)));
    all.extend(
        [Identity::Confirmed, Identity::Denied, Identity::Unconfirmed].map(|i| with(|o| o.identity = i)),
    );
    all.extend([EndedBy::Callee, EndedBy::Us, EndedBy::Network].map(|by| with(|o| o.ended_by = Some(by))));
    let owners = [FaultOwner::Callee, FaultOwner::Trunk, FaultOwner::Us, FaultOwner::Unknown];
    all.extend(owners.map(|owner| with(|o| o.fault = Some(owner))));
    all.extend(promises().map(|promise| with(|o| o.promise = Some(promise))));
    let (day, clock) = (date(2026, 11, 28), time(10, 30, 0, 0));
    for (date, time, by_agent) in
        [(Some(day), Some(clock), false), (Some(day), None, true), (None, None, true)]
    {
        all.push(with(|o| o.callback = Some(Callback { date, time, by_agent })));
    }
    all.extend(handovers().into_iter().map(|handover| with(|o| o.handover = Some(handover))));
    all.push(with(|o| {
        o.follow_ups = vec![
            FollowUp::Sms { template: "promise".into(), text: "您承诺还款3250元".into() },
            FollowUp::Note { words: "asks for the app's address".into() },
        ];
        o.intents = Intent::ALL.to_vec();
        o.told = Some(Told { after_ms: 900, confidence: 97 });
        o.mood = Some(Mood { agitation: 0, distress: 100, willingness: 50 });
    }));
    all.push(with(|o| {
        (o.campaign, o.script.variant, o.script.draft) = (None, Some("A".into()), true);
        o.redial = Redial::Allowed { rule: "no_answer_2_h, best_time".into(), not_before: at(7_240) };
        o.models.clear();
    }));
    all.extend([None, Some("the disk was full".to_owned())].map(|cut_short| {
        with(|o| {
            let (sha256, path) = ("ab".repeat(32), "recordings/a1.wav".to_owned());
            let recording =
                Recording { path, sha256, duration_ms: 40_000, cut_short, holes_ms: 20, paused_ms: 60 };
            o.transcript = Some(Transcript { path: "recordings/a1.jsonl".into(), sha256: "cd".repeat(32) });
            o.recording = Some(recording);
            o.sip = Some(SipCause { code: 200, reason: "OK".into() });
        })
    }));
    all.extend(sounds().map(|sound| with(|o| o.sound = Some(sound))));
    all
}

/// A promise by each channel, of one payment and of two.
fn promises() -> impl Iterator<Item = Promise> {
    let money = |text| Money::parse(text, Currency::CNY).unwrap();
    let part = move |day, text| PromisedPart { date: date(2026, 12, day), sum: money(text) };
    PaymentChannel::ALL.into_iter().map(move |channel| Promise {
        parts: if channel == PaymentChannel::App {
            vec![part(1, "2000"), part(15, "925")]
        } else {
            Vec::new()
        },
        discount: (channel != PaymentChannel::Other).then(|| money("325")),
        channel: Some(channel),
        ..Promise::of(date(2026, 12, 1), money("2925"))
    })
}

/// A handover with each end, and one in which all happened that may.
fn handovers() -> Vec<Handover> {
    let plain = |result| Handover::of("王芳".to_owned(), result);
    let offers = [
        OfferResult::Declined,
        OfferResult::NoAnswer,
        OfferResult::Lost,
        OfferResult::Withdrawn,
        OfferResult::Joined,
    ];
    let parts = [
        OtherPart::Consulted,
        OtherPart::Listened,
        OtherPart::Whispered,
        OtherPart::Joined,
        OtherPart::TookOver,
        OtherPart::CalledIn,
    ];
    let other = |part| HandoverOther { name: "Zhao".into(), part, since: at(20), until: at(30) };
    let full = Handover {
        joined_at: Some(at(15)),
        waited_ms: Some(1_900),
        talked_ms: Some(25_000),
        offers: offers.map(|result| HandoverOffer { agent: "Li".into(), at: at(9), result }).into(),
        others: parts.map(other).into(),
        disposition: Some(Disposition::Hardship),
        notes: Some("has lost her work".into()),
        ..plain(HandoverResult::Joined)
    };
    vec![full, plain(HandoverResult::Joined), plain(HandoverResult::NoAnswer), plain(HandoverResult::Failed)]
}

/// How a call sounded: not heard, heard, and heard with what the far end told.
fn sounds() -> impl Iterator<Item = Sound> {
    let quality = |round_trip_ms: Option<u16>| SoundQuality {
        concealed_permille: 3,
        jitter_ms: 12,
        round_trip_ms,
        far_loss_permille: round_trip_ms.map(|_| 0),
        mos_hundredths: 441,
    };
    [None, Some(quality(None)), Some(quality(Some(40)))].into_iter().map(|quality| Sound {
        codec: "PCMA".into(),
        srtp: quality.as_ref().map(|_| "AEAD_AES_256_GCM".to_owned()),
        sent: 2_000,
        received: 1_999,
        lost: 1,
        quality,
    })
}

#[test]
fn every_outcome_is_valid_and_reads_back() {
    let outcomes = varied();
    let records: Vec<Value> = outcomes.iter().map(|o| serde_json::to_value(o).unwrap()).collect();
    let schema = schema();
    let told = schema["properties"].as_object().unwrap();
    for ((outcome, record), valid) in outcomes.iter().zip(&records).zip(by_schema(&records)) {
        assert!(valid, "{record}");
        assert_eq!(serde_json::from_value::<Outcome>(record.clone()).unwrap(), *outcome);
        // What the schema does not speak of it lets pass.
        assert!(record.as_object().unwrap().keys().all(|key| told.contains_key(key)), "{record}");
    }
    // And everything that it speaks of was there.
    let met = |key: &String| records.iter().any(|record| !record[key.as_str()].is_null());
    assert_eq!(told.keys().filter(|key| !met(key)).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn what_is_none_is_refused() {
    let mut wrong = Vec::new();
    for key in schema()["required"].as_array().unwrap() {
        let mut record = serde_json::to_value(promised()).unwrap();
        record.as_object_mut().unwrap().remove(key.as_str().unwrap()).unwrap();
        wrong.push(record);
    }
    let left_out = wrong.len();
    for (place, value) in [
        ("/attempt", json!("../etc")),
        ("/callee", json!(null)),
        ("/dialled_at", json!(1_795_772_096)),
        ("/answered_by", json!("somebody")),
        ("/identity", json!("perhaps")),
        ("/debt_disclosed", json!("yes")),
        ("/disposition", json!("paid")),
        ("/promise/date", json!("27.11.2026")),
        ("/promise/amount", json!("everything")),
        ("/promise/currency", json!("yuan")),
        ("/callback", json!({ "date": null, "time": null })),
        ("/intents", json!("affirm")),
        ("/handover", json!({ "agent": "Li", "result": "lost", "joined_at": null })),
        ("/script/lang", json!("fr")),
        ("/recording", json!({ "path": "a.wav" })),
        ("/sip", json!({ "code": "200", "reason": "OK" })),
        ("/ended_by", json!("agent")),
        ("/fault", json!("theirs")),
        ("/redial", json!({ "verdict": "allowed", "rule": "busy_10_min" })),
    ] {
        let mut record = serde_json::to_value(promised()).unwrap();
        *record.pointer_mut(place).unwrap() = value;
        wrong.push(record);
    }
    for (n, (record, valid)) in wrong.iter().zip(by_schema(&wrong)).enumerate() {
        assert!(!valid, "{record}");
        // What may be none the reader takes for none where it is left out.
        let read = serde_json::from_value::<Outcome>(record.clone());
        assert!(n < left_out || read.is_err(), "{record}");
    }
    // Nothing is filed that it does not speak of; of a newer program's record the reader passes over such.
    let mut newer = serde_json::to_value(promised()).unwrap();
    newer["handover"] = json!({ "agent": "Li", "result": "joined", "joined_at": null, "mood": 5 });
    assert_eq!(by_schema(std::slice::from_ref(&newer)), [false]);
    assert!(serde_json::from_value::<Outcome>(newer).is_ok());
}
