//! A call is found by its words, its recording heard in parts, its words read while it is up, its files compared with
//! what was filed; and each look is written down.
#![allow(clippy::unwrap_used)]

mod common;

use std::{collections::BTreeMap, fs};

use axum::{
    body::{Body, to_bytes},
    http::Request,
};
use common::{Server, now, server};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower::ServiceExt;
use waihu_campaign::redial;
use waihu_compliance::Gate;
use waihu_store::{NewAttempt, Passage, Role, Said};
use waihu_types::{
    AnsweredBy, CaseId, Disposition, Identity, Lang, OUTCOME_VERSION, Outcome, Recording, ScriptVersion,
    Transcript,
};

const SOUND: &[u8] = b"RIFF....WAVEfmt and a second of sound";
const WORDS: &str = "{\"at_ms\":0,\"speaker\":\"bot\",\"text\":\"您好\"}\n\
    {\"at_ms\":900,\"speaker\":\"callee\",\"text\":\"我周五还\",\"intent\":\"promise_to_pay\",\"confidence\":0.9}\n\
    {\"at_ms\":950,\"speaker\":\"system\",\"text\":\"ask: promise_to_pay (0.90): script.toml line 7 → end\"}\n";

fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
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

/// A call that is up, with its files as far as they are.
async fn up(server: &Server, id: &str) -> Outcome {
    let folder = server.folder.path().join("recordings");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{id}.wav")), SOUND).unwrap();
    fs::write(folder.join(format!("{id}.jsonl")), WORDS).unwrap();
    let case: CaseId = format!("case-{id}").parse().unwrap();
    let new = NewAttempt {
        attempt: id.parse().unwrap(),
        campaign: None,
        case: case.clone(),
        callee: "1001".parse().unwrap(),
        script: script(),
        models: BTreeMap::new(),
        dialled_at: now(),
        own_number: true,
    };
    server.store.begin_attempt(&new, &Passage::new(Gate::laboratory(), "Asia/Shanghai")).await.unwrap();
    Outcome {
        version: OUTCOME_VERSION,
        attempt: new.attempt,
        campaign: None,
        case,
        callee: new.callee,
        dialled_at: new.dialled_at,
        answered_at: Some(new.dialled_at),
        ended_at: now(),
        answered_by: AnsweredBy::Human,
        announcement: None,
        told: None,
        mood: None,
        identity: Identity::Confirmed,
        debt_disclosed: true,
        disposition: Disposition::NoCommitment,
        promise: None,
        callback: None,
        follow_ups: Vec::new(),
        intents: Vec::new(),
        handover: None,
        script: script(),
        models: BTreeMap::new(),
        recording: Some(Recording {
            path: folder.join(format!("{id}.wav")).display().to_string(),
            sha256: hash(SOUND),
            duration_ms: 1_000,
            cut_short: None,
            holes_ms: 0,
            paused_ms: 0,
        }),
        transcript: Some(Transcript {
            path: folder.join(format!("{id}.jsonl")).display().to_string(),
            sha256: hash(WORDS.as_bytes()),
        }),
        sound: None,
        sip: None,
        ended_by: None,
        fault: None,
        redial: redial(Disposition::NoCommitment, now(), 1),
    }
}

async fn part(server: &Server, token: &str, range: Option<&str>) -> (u16, Vec<u8>) {
    let mut request =
        Request::get("/v1/calls/one/recording").header("authorization", format!("Bearer {token}"));
    if let Some(range) = range {
        request = request.header("range", range);
    }
    let answer = server.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    (status, to_bytes(answer.into_body(), 1 << 20).await.unwrap().to_vec())
}

#[tokio::test]
async fn a_call_that_is_over_is_found_heard_and_checked() {
    let server = server().await;
    let outcome = up(&server, "one").await;
    let (compliance, operations) =
        (server.token(Role::Compliance).await, server.token(Role::Operations).await);

    // While it is up its words are read, and no more than that.
    let live = server.get(&operations, "/v1/calls/one/transcript").await;
    assert_eq!((&live.body["live"], live.body["lines"].as_array().unwrap().len()), (&json!(true), 3));
    assert_eq!(server.get(&compliance, "/v1/calls/one/recording").await.status, 404);
    server.store.close_attempt(&outcome).await.unwrap();
    let said = [Said { at_ms: 900, speaker: "callee", text: "我周五还" }];
    server.store.keep_words(&outcome.attempt, &said).await.unwrap();

    let found = server.post(&compliance, "/v1/search", json!({"words": "周五"})).await;
    let call = &found.body["items"][0];
    assert_eq!((&call["attempt"], &call["said"]["at_ms"]), (&json!("one"), &json!(900)));
    assert_eq!(server.post(&compliance, "/v1/search", json!({})).await.body["items"][0]["said"], Value::Null);

    assert_eq!(part(&server, &compliance, None).await, (200, SOUND.to_vec()));
    assert_eq!(part(&server, &compliance, Some("bytes=4-7")).await, (206, SOUND[4..8].to_vec()));
    assert_eq!(part(&server, &compliance, Some("bytes=9999-")).await.0, 416);
    assert_eq!(part(&server, &operations, None).await.0, 403);
    let rest = server.get(&operations, "/v1/calls/one/transcript?after=2").await;
    assert_eq!(rest.body["lines"][0]["speaker"], "system");

    let check = async || server.get(&compliance, "/v1/calls/one/check").await.body;
    assert_eq!(check().await, json!({"recording": "same", "transcript": "same"}));
    let folder = server.folder.path().join("recordings");
    // What is no recording has no outline either; one has it without being heard.
    assert_eq!(server.get(&compliance, "/v1/calls/one/waveform").await.status, 404);
    let mut wav = [&b"RIFF"[..], &[0; 20], &8_000_u32.to_le_bytes(), &[0; 16]].concat();
    wav.extend([0x00, 0x40, 0, 0].repeat(8_000));
    fs::write(folder.join("one.wav"), wav).unwrap();
    let outline = server.get(&compliance, "/v1/calls/one/waveform?points=2").await.body;
    assert_eq!(outline, json!({"duration_ms": 1_000, "callee": [50, 50], "ours": [0, 0]}));
    assert_eq!(server.get(&operations, "/v1/calls/one/waveform").await.status, 403);
    assert_eq!(server.get(&compliance, "/v1/calls/one/waveform?points=0").await.status, 422);
    fs::write(folder.join("one.wav"), b"another sound").unwrap();
    fs::remove_file(folder.join("one.jsonl")).unwrap();
    assert_eq!(check().await, json!({"recording": "changed", "transcript": "missing"}));

    // Each look stands in the log, and a word that was sought in none of its rows.
    let log = server.get(&server.token(Role::Admin).await, "/v1/audit?limit=200").await.body;
    let acts: Vec<&str> =
        log["items"].as_array().unwrap().iter().map(|row| row["act"].as_str().unwrap()).collect();
    assert_eq!(acts.iter().filter(|act| **act == "GET /v1/calls/one/recording").count(), 3);
    assert_eq!(acts.iter().filter(|act| **act == "GET /v1/calls/one/transcript").count(), 1);
    assert!(acts.contains(&"POST /v1/search") && !log.to_string().contains("周五"));
}

#[tokio::test]
async fn a_row_leads_nowhere_but_to_the_recordings() {
    let server = server().await;
    let mut outcome = up(&server, "one").await;
    fs::write(server.folder.path().join("secret.wav"), b"secret").unwrap();
    std::os::unix::fs::symlink(
        server.folder.path().join("secret.wav"),
        server.folder.path().join("recordings/link.wav"),
    )
    .unwrap();
    if let Some(recording) = &mut outcome.recording {
        recording.path = "recordings/link.wav".to_owned();
    }
    server.store.close_attempt(&outcome).await.unwrap();
    let compliance = server.token(Role::Compliance).await;
    assert_eq!(server.get(&compliance, "/v1/calls/one/recording").await.status, 404);
}

#[tokio::test]
async fn a_board_tells_of_calls_that_are_up_and_results_of_those_that_are_over() {
    let server = server().await;
    let over = up(&server, "one").await;
    up(&server, "two").await;
    server.store.close_attempt(&over).await.unwrap();
    let token = server.token(Role::Operations).await;
    let board = server.get(&token, "/v1/board").await.body;
    assert_eq!(board["calls"].as_array().unwrap().len(), 1);
    assert_eq!((&board["calls"][0]["attempt"], &board["day"]["human"]), (&json!("two"), &json!(1)));
    assert_eq!(board["faults"], json!({"calls": 1, "trunk": 0, "engine": 0}));
    let results = server.get(&token, "/v1/results?ahead_min=480").await.body;
    assert_eq!((&results[0]["disposition"], &results[0]["calls"]), (&json!("no_commitment"), &json!(1)));
    assert_eq!(server.get(&token, "/v1/results?ahead_min=9999").await.status, 422);
    let choices = server.get(&token, "/v1/choices").await.body;
    assert_eq!(
        (&choices["case_keys"][0]["key"], &choices["case_keys"][0]["required"]),
        (&json!("id"), &json!(true))
    );
}
