//! A call is found by its words, its recording heard in parts, its words read while it is up, its files compared with
//! what was filed; and each look is written down.
use std::{collections::BTreeMap, fs, time::Duration};

use crate::common::{Server, now, server, server_sealing};
use axum::{
    body::{Body, to_bytes},
    http::Request,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower::ServiceExt;
use waihu_campaign::redial;
use waihu_compliance::Gate;
use waihu_store::{CaseState, NewAttempt, NewMessage, Passage, Role, Said};
use waihu_types::{
    AnsweredBy, Case, CaseId, Disposition, FollowUp, Identity, Lang, OUTCOME_VERSION, Outcome, Promise,
    Recording, ScriptVersion, Transcript, WallTime,
};
use waihu_vault::{Note, Vault, new_key};

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
pub async fn up(server: &Server, id: &str) -> Outcome {
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
    let mut request = Request::get("/v1/calls/one/recording?purpose=quality")
        .header("authorization", format!("Bearer {token}"));
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
    assert_eq!(server.get(&compliance, "/v1/calls/one/recording?purpose=quality").await.status, 404);
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
    assert_eq!(acts.iter().filter(|act| **act == "GET /v1/calls/one/recording for quality").count(), 3);
    assert_eq!(acts.iter().filter(|act| **act == "GET /v1/calls/one/transcript").count(), 1);
    assert!(acts.contains(&"POST /v1/search") && !log.to_string().contains("周五"));
}

#[tokio::test]
async fn a_sealed_call_is_heard_by_who_has_the_key_and_not_past_what_was_altered() {
    let (key, recipient) = new_key().unwrap();
    let vault = || Vault::new(&[], Some(("test", &key))).unwrap();
    let server = server_sealing(vault()).await;
    let mut outcome = up(&server, "one").await;
    let folder = server.folder.path().join("recordings");
    let sound: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    fs::write(folder.join("one.wav"), &sound).unwrap();
    outcome.recording.as_mut().unwrap().sha256 = hash(&sound);
    server.store.close_attempt(&outcome).await.unwrap();
    for name in ["one.wav", "one.jsonl"] {
        vault().seal(&folder.join(name), Note::default()).unwrap();
    }
    let compliance = server.token(Role::Compliance).await;
    assert_eq!(part(&server, &compliance, None).await, (200, sound.clone()));
    let (status, middle) = part(&server, &compliance, Some("bytes=70000-139999")).await;
    assert_eq!((status, middle.as_slice()), (206, &sound[70_000..140_000]));
    assert_eq!(part(&server, &compliance, Some("bytes=200000-")).await.0, 416);
    assert_eq!(
        server.get(&compliance, "/v1/calls/one/transcript").await.body["lines"].as_array().unwrap().len(),
        3
    );
    let check = async || server.get(&compliance, "/v1/calls/one/check").await.body;
    assert_eq!(check().await, json!({"recording": "same", "transcript": "same"}));

    // All of it as one file.
    let request = Request::get("/v1/calls/one/bundle?purpose=dispute")
        .header("authorization", format!("Bearer {compliance}"));
    let answer = server.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    let zip = server.folder.path().join("one.zip");
    fs::write(&zip, to_bytes(answer.into_body(), 1 << 22).await.unwrap()).unwrap();
    assert!(waihu_keeping::verify(&zip).unwrap().holds());
    let operations = server.token(Role::Operations).await;
    assert_eq!(server.get(&operations, "/v1/calls/one/bundle").await.status, 403);

    // A byte of the second piece: what comes before it is played, and nothing from it on.
    let sealed = folder.join("one.wav.age");
    let whole = fs::read(&sealed).unwrap();
    let mut bytes = whole.clone();
    let at = bytes.len() - 200_000 + 70_000;
    bytes[at] ^= 1;
    fs::write(&sealed, &bytes).unwrap();
    assert_eq!(part(&server, &compliance, Some("bytes=0-999")).await, (206, sound[..1_000].to_vec()));
    let (status, told) = part(&server, &compliance, Some("bytes=70000-70999")).await;
    assert_eq!(status, 409);
    assert!(String::from_utf8(told).unwrap().contains("altered"));
    let request = Request::get("/v1/calls/one/recording?purpose=quality")
        .header("authorization", format!("Bearer {compliance}"));
    let answer = server.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert!(to_bytes(answer.into_body(), 1 << 22).await.is_err(), "the answer breaks off");
    assert_eq!(check().await, json!({"recording": "changed", "transcript": "same"}));

    // A node without the key says whose is needed.
    let other = server_sealing(Vault::none()).await;
    let outcome = up(&other, "one").await;
    other.store.close_attempt(&outcome).await.unwrap();
    let folder = other.folder.path().join("recordings");
    fs::remove_file(folder.join("one.wav")).unwrap();
    fs::write(folder.join("one.wav.age"), &whole).unwrap();
    let compliance = other.token(Role::Compliance).await;
    let (status, told) = part(&other, &compliance, None).await;
    assert_eq!(status, 409);
    assert!(String::from_utf8(told).unwrap().contains(&recipient));
    assert_eq!(
        other.get(&compliance, "/v1/calls/one/check").await.body,
        json!({"recording": "locked", "transcript": "same"})
    );
}

#[tokio::test]
async fn holds_are_compliances_and_the_audit_is_checked() {
    let server = server().await;
    let (compliance, operations) =
        (server.token(Role::Compliance).await, server.token(Role::Operations).await);
    let wanted = json!({"kind": "case", "id": "C-1001", "why": "a court"});
    assert_eq!(server.post(&operations, "/v1/holds", wanted.clone()).await.status, 403);
    assert_eq!(server.post(&compliance, "/v1/holds", wanted).await.status, 201);
    for wrong in [
        json!({"kind": "case", "id": "../x", "why": "a court"}),
        json!({"kind": "case", "id": "C-1", "why": " "}),
        json!({"kind": "case", "id": "C-1", "why": "x", "until": "2020-01-01T00:00:00Z"}),
    ] {
        assert_eq!(server.post(&compliance, "/v1/holds", wrong).await.status, 422);
    }
    let listed = server.get(&compliance, "/v1/holds").await.body;
    let hold = &listed["items"][0];
    assert_eq!((&hold["subject"], &hold["stands"]), (&json!("C-1001"), &json!(true)));
    let lift = format!("/v1/holds/{}/lift", hold["id"]);
    assert_eq!(server.post(&compliance, &lift, json!({"why": "over"})).await.status, 204);
    assert_eq!(server.post(&compliance, &lift, json!({"why": "over"})).await.status, 404);
    let checked = server.get(&server.token(Role::Admin).await, "/v1/audit/check").await.body;
    assert_eq!((&checked["whole"], &checked["fault"]), (&json!(true), &Value::Null));
    assert!(checked["rows"].as_i64().unwrap() >= 8 && checked["head"].as_str().unwrap().len() == 64);
}

#[tokio::test]
async fn holds_are_listed_the_newest_first_and_those_that_stand_before_others() {
    let server = server().await;
    let token = server.token(Role::Compliance).await;
    let place = async |id: &str| {
        let wanted = json!({"kind": "case", "id": id, "why": "a court"});
        server.post(&token, "/v1/holds", wanted).await.body["id"].clone()
    };
    let mut ids = Vec::new();
    for id in ["C-1", "C-2", "C-3", "C-4", "C-5"] {
        ids.push(place(id).await);
    }
    for lifted in [&ids[4], &ids[1]] {
        let lift = format!("/v1/holds/{lifted}/lift");
        assert_eq!(server.post(&token, &lift, json!({"why": "over"})).await.status, 204);
    }
    let (mut seen, mut path) = (Vec::new(), "/v1/holds?limit=2".to_owned());
    loop {
        let page = server.get(&token, &path).await.body;
        let subjects = page["items"].as_array().unwrap().iter().map(|hold| hold["subject"].clone());
        seen.extend(subjects);
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/holds?limit=2&cursor={next}");
        // What is placed meanwhile moves nothing.
        place("C-6").await;
    }
    assert_eq!(seen, ["C-4", "C-3", "C-1", "C-5", "C-2"]);
    assert_eq!(server.get(&token, "/v1/holds?limit=1").await.body["items"][0]["subject"], "C-6");
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
    assert_eq!(server.get(&compliance, "/v1/calls/one/recording?purpose=quality").await.status, 404);
}

#[tokio::test]
async fn a_board_tells_of_calls_that_are_up_and_results_of_those_that_are_over() {
    let server = server().await;
    server.store.join("here:1@main", now(), Duration::from_secs(3_600)).await.unwrap();
    let over = up(&server, "one").await;
    up(&server, "two").await;
    server.store.close_attempt(&over).await.unwrap();
    let token = server.token(Role::Operations).await;
    let board = server.get(&token, "/v1/board").await.body;
    assert_eq!(board["calls"].as_array().unwrap().len(), 1);
    assert_eq!((&board["calls"][0]["attempt"], &board["day"]["human"]), (&json!("two"), &json!(1)));
    assert_eq!(board["faults"], json!({"calls": 1, "trunk": 0, "engine": 0}));
    let trunk = &board["trunks"][0];
    assert_eq!((&trunk["name"], &trunk["calls"]), (&json!("main"), &json!(1)), "{board}");
    assert!(trunk["cps"].is_number() && trunk["max_calls"].is_null(), "its file is not here: {board}");
    let results = server.get(&token, "/v1/results?ahead_min=480").await.body;
    assert_eq!((&results[0]["disposition"], &results[0]["calls"]), (&json!("no_commitment"), &json!(1)));
    assert_eq!(server.get(&token, "/v1/results?ahead_min=9999").await.status, 422);
    let choices = server.get(&token, "/v1/choices").await.body;
    assert_eq!(
        (&choices["case_keys"][0]["key"], &choices["case_keys"][0]["required"]),
        (&json!("id"), &json!(true))
    );
}

#[tokio::test]
async fn numbers_and_names_that_were_said_are_for_who_sees_in_clear() {
    let server = server().await;
    let outcome = up(&server, "one").await;
    let case = serde_json::from_value(crate::common::case(outcome.case.as_str())).unwrap();
    server.store.import(&[case], now()).await.unwrap();
    let said = "{\"at_ms\":0,\"speaker\":\"bot\",\"text\":\"请问是张伟先生吗？\"}\n\
        {\"at_ms\":900,\"speaker\":\"callee\",\"text\":\"打我另一个，一三八零零\",\"entities\":{\"amount\":\"13800\"}}\n\
        {\"at_ms\":3900,\"speaker\":\"callee\",\"text\":\"一三八零零零，下周还3250.00元\"}\n";
    fs::write(server.folder.path().join("recordings/one.jsonl"), said).unwrap();
    let read = async |role| {
        let (token, purpose) = (server.token(role).await, [("x-waihu-purpose", "quality")]);
        let body = server.ask("GET", "/v1/calls/one/transcript", &token, &purpose, None).await.body;
        body["lines"]
            .as_array()
            .unwrap()
            .iter()
            .map(|l| l["text"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(read(Role::Compliance).await[1].contains("一三八零零"));
    let hidden = read(Role::Operations).await;
    assert_eq!(hidden, ["请问是〔姓名〕先生吗？", "打我另一个，〔电话〕", "〔电话〕，下周还3250.00元"]);
    // Who has read the first lines does not see the rest of a number that was begun in them.
    let token = server.token_of(Role::Operations, "Zhou").await;
    for _ in 0..2 {
        let rest = server.get(&token, "/v1/calls/one/transcript?after=2").await.body;
        assert_eq!(rest["lines"][0]["text"], "〔电话〕，下周还3250.00元");
    }
    let written = server.store.audit(0, 100).await.unwrap();
    let looks = written.iter().filter(|row| row.person == "Zhou").count();
    assert_eq!(looks, 1, "whoever begins with a later line has looked, once");
    server.store.close_attempt(&outcome).await.unwrap();
    let words = [Said { at_ms: 900, speaker: "callee", text: "周五打13800138000" }];
    server.store.keep_words(&outcome.attempt, &words).await.unwrap();
    let found = server.post(&token, "/v1/search", json!({"words": "周五"})).await.body;
    assert_eq!(found["items"][0]["said"]["text"], "周五打〔电话〕");
}

#[tokio::test]
async fn what_became_of_a_promise_is_told_and_counted() {
    let server = server().await;
    let mut outcome = up(&server, "one").await;
    let case: Case = serde_json::from_value(crate::common::case(outcome.case.as_str())).unwrap();
    server.store.import(std::slice::from_ref(&case), now()).await.unwrap();
    outcome.disposition = Disposition::PromiseToPay;
    outcome.promise = Some(Promise::of(now().date_in("UTC").unwrap(), case.due));
    server.store.close_attempt(&outcome).await.unwrap();
    let integrator = server.token(Role::Integrator).await;
    let told = server.get(&integrator, "/v1/promises").await.body;
    assert_eq!(told["items"][0]["state"], "open");
    server.store.set_case_state(&case.id, CaseState::Paid, None, now()).await.unwrap();
    // The day, the one of the books, and the farthest zone.
    let later = WallTime::from_unix_millis(now().unix_millis() + 4 * 86_400_000);
    server.store.judge_promises(later).await.unwrap();
    let told = server.get(&integrator, "/v1/promises").await.body;
    assert_eq!(told["items"][0]["state"], "kept");
    let operations = server.token(Role::Operations).await;
    // By its call, and with all that is kept of a person, it is the same; of a call without one nothing is told.
    assert_eq!(server.get(&operations, "/v1/promises/one").await.body, told["items"][0]);
    assert_eq!(server.get(&operations, "/v1/promises/two").await.status, 404);
    let compliance = server.token(Role::Compliance).await;
    let found = server.post(&compliance, "/v1/debtors/find", json!({"case": case.id})).await.body;
    assert_eq!(found["items"][0]["promises"], told["items"]);
    let results = server.get(&operations, "/v1/results").await.body;
    let counted = ["promises", "due", "kept", "kept_in_part"].map(|key| results[0][key].as_i64().unwrap());
    assert_eq!(counted, [1, 1, 1, 0]);
    let costs = server.get(&operations, "/v1/results/costs").await.body;
    assert_eq!((&costs[0]["kept"], &costs[0]["per_kept"]), (&json!(1), &json!("0.00")));
}

/// A transcript's file with these lines.
fn transcript_of(lines: &[Said<'_>]) -> String {
    let line = |line: &Said<'_>| {
        json!({"at_ms": line.at_ms, "speaker": line.speaker, "text": line.text}).to_string() + "\n"
    };
    lines.iter().map(line).collect()
}

#[tokio::test]
async fn words_are_found_as_the_transcript_shows_them_and_by_nothing_that_it_hides() {
    found_as_shown(&server().await).await;
}

#[tokio::test]
async fn sealed_words_are_found_as_the_transcript_shows_them_too() {
    let server = server().await;
    let (key, _) = new_key().unwrap();
    let vault = Vault::new(&[], Some(("test", &key))).unwrap();
    waihu_keeping::unlock_words(&server.store, &vault).await.unwrap();
    assert!(server.store.seals_words());
    found_as_shown(&server).await;
}

async fn found_as_shown(server: &Server) {
    let outcome = up(server, "one").await;
    let case = serde_json::from_value(crate::common::case(outcome.case.as_str())).unwrap();
    server.store.import(&[case], now()).await.unwrap();
    server.store.close_attempt(&outcome).await.unwrap();
    let said = [
        (0, "bot", "请问是张伟先生吗？二十八号联系过您"),
        (6_000, "callee", "我的卡号是六二二二"),
        (8_500, "bot", "嗯，您说"),
        (8_600, "callee", "零二零零"),
        (10_000, "callee", "一一一一"),
        (11_500, "callee", "二二二一"),
        (14_000, "callee", "周五还"),
    ];
    let said = said.map(|(at_ms, speaker, text)| Said { at_ms, speaker, text });
    server.store.keep_words(&outcome.attempt, &said).await.unwrap();
    fs::write(server.folder.path().join("recordings/one.jsonl"), transcript_of(&said)).unwrap();
    let (operations, compliance) =
        (server.token(Role::Operations).await, server.token(Role::Compliance).await);
    let shown = server.get(&operations, "/v1/calls/one/transcript").await.body;
    let found = async |token: &str, words: &str| {
        let (purpose, seek) = ([("x-waihu-purpose", "quality")], json!({"words": words}));
        let body = server.ask("POST", "/v1/search", token, &purpose, Some(seek)).await.body;
        assert_eq!(body["next"], Value::Null, "{words}");
        body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|call| call["said"]["text"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    // What is in sight finds the line, which is shown as the transcript shows it.
    for (words, line) in [("先生", 0_usize), ("卡号", 1), ("卡号 我的", 1), ("您说", 2), ("周五", 6)]
    {
        assert_eq!(found(&operations, words).await, [shown["lines"][line]["text"].as_str().unwrap()]);
    }
    assert_eq!(shown["lines"][1]["text"], "我的卡号是〔卡号〕");
    // What is hidden finds nothing, and neither does it together with what is in sight.
    for words in ["张伟", "六二二二", "零二零零", "一一", "是六", "卡号 六二", "二二二"]
    {
        assert!(found(&operations, words).await.is_empty(), "{words}");
        assert!(!found(&compliance, words).await.is_empty(), "{words}");
    }
    assert_eq!(found(&compliance, "零二零零").await, ["零二零零"]);
    // A page is full of what is in sight, however much that is newer is not.
    let one = server.post(&operations, "/v1/search", json!({"words": "二", "limit": 1})).await.body;
    assert_eq!((&one["items"][0]["said"]["at_ms"], &one["next"]), (&json!(0), &Value::Null));
}

#[tokio::test]
async fn a_page_ends_where_hundreds_are_hidden_and_the_next_goes_on() {
    let server = server().await;
    let outcome = up(&server, "one").await;
    server.store.close_attempt(&outcome).await.unwrap();
    let first = Said { at_ms: 0, speaker: "bot", text: "周五打138页的表" };
    let hidden = (1..500).map(|n| Said { at_ms: n * 60_000, speaker: "bot", text: "打13800138000" });
    let said: Vec<Said<'_>> = std::iter::once(first).chain(hidden).collect();
    server.store.keep_words(&outcome.attempt, &said).await.unwrap();
    let token = server.token(Role::Operations).await;
    let page = server.post(&token, "/v1/search", json!({"words": "138"})).await.body;
    assert_eq!(page["items"], json!([]));
    let next = page["next"].as_str().unwrap();
    assert!(!String::from_utf8(hex::decode(next).unwrap()).unwrap().contains("one"), "a place, and no call");
    let page = server.post(&token, "/v1/search", json!({"words": "138", "cursor": next})).await.body;
    assert_eq!((&page["items"][0]["said"]["at_ms"], &page["next"]), (&json!(0), &Value::Null));
}

#[tokio::test]
async fn a_judgement_is_read_with_its_evidence_and_counted_by_check() {
    let server = server().await;
    let outcome = up(&server, "one").await;
    server.store.close_attempt(&outcome).await.unwrap();
    let line = |at_ms, speaker, text: &str| waihu_quality::Line {
        at_ms,
        speaker,
        text: text.into(),
        intent: None,
        confidence: None,
    };
    let lines = [
        line(0, waihu_quality::Speaker::Bot, "您好，您的信用卡逾期了。"),
        line(4_000, waihu_quality::Speaker::Callee, "什么"),
    ];
    let call = waihu_quality::Call {
        outcome: &outcome,
        case: None,
        lines: Some(&lines),
        decided: None,
        profile: "cn",
    };
    let judged = waihu_quality::judge(&call, &waihu_quality::Rules::shipped(BTreeMap::new()).unwrap());
    let (compliance, agent) = (server.token(Role::Compliance).await, server.token(Role::Agent).await);
    assert_eq!(server.get(&compliance, "/v1/calls/one/quality").await.status, 404);
    server.judged(&outcome.attempt, &judged).await;
    assert_eq!(server.get(&agent, "/v1/calls/one/quality").await.status, 403);
    let whole = server.get(&compliance, "/v1/calls/one/quality").await.body;
    assert_eq!(
        (&whole["passed"], &whole["critical"], &whole["checks"][0]["id"]),
        (&json!(false), &json!(true), &json!("identity"))
    );
    assert_eq!(whole["checks"][0]["evidence"][0]["line"], 1);
    // Sealed it is read as before; without its key that is told, and the list goes on.
    let sealing = |id: i64, byte: u8| {
        let secret = waihu_store::SealingSecret::of(&[byte; 32]).unwrap();
        server.store.seal_with(waihu_store::Seal::new(waihu_store::Keeper::All, (id, &secret), []));
    };
    sealing(1, 7);
    server.judged(&outcome.attempt, &judged).await;
    let sealed = server.get(&compliance, "/v1/calls/one/quality").await.body;
    assert_eq!(sealed["checks"], whole["checks"]);
    sealing(2, 8);
    let closed = server.get(&compliance, "/v1/calls/one/quality").await;
    assert_eq!(closed.status, 409);
    assert!(closed.body["detail"].as_str().unwrap().contains("waihu vault status"), "{}", closed.body);
    let listed = server.get(&compliance, "/v1/quality?failing=identity&passed=false").await.body;
    assert_eq!(listed["items"][0]["attempt"], "one");
    assert_eq!(listed["items"][0]["failing"][0], "identity");
    assert_eq!(server.get(&compliance, "/v1/quality?failing=hours").await.body["items"], json!([]));
    assert_eq!(server.get(&compliance, "/v1/quality?failing=manners").await.status, 422);
    let shares = server.get(&compliance, "/v1/quality/checks").await.body;
    assert_eq!(
        (&shares[0]["id"], &shares[0]["failed"], &shares[0]["share"]),
        (&json!("identity"), &json!(1), &json!(0.0))
    );
    let costs = server.get(&compliance, "/v1/results/costs").await.body;
    assert_eq!((&costs[0]["calls"], &costs[0]["calls_cost"]), (&json!(1), &json!("0.00")));
}

#[tokio::test]
async fn a_review_has_two_pairs_of_eyes_and_none_of_them_the_agents() {
    let server = server().await;
    let outcome = up(&server, "one").await;
    server.store.close_attempt(&outcome).await.unwrap();
    let sampling = waihu_quality::Sampling::shipped().unwrap();
    let form = serde_json::to_string(sampling.form("call").unwrap()).unwrap();
    let drawn = waihu_store::NewReview {
        attempt: outcome.attempt.clone(),
        form,
        four_eyes: true,
        agents: vec!["Wang".into()],
    };
    server.store.keep_draw("critical", "2026-11-26", &[drawn], now()).await.unwrap();
    let (li, wang, zhao) = (
        server.token_of(Role::Compliance, "Li").await,
        server.token_of(Role::Compliance, "wang").await,
        server.token_of(Role::Compliance, "Zhao").await,
    );
    let listed = server.get(&li, "/v1/reviews?stage=open").await.body;
    let path = format!("/v1/reviews/{}", listed["items"][0]["id"]);
    let operations = server.token(Role::Operations).await;
    assert_eq!(server.get(&operations, &path).await.body["form"]["id"], "call");
    let answers: Vec<Value> = sampling
        .form("call")
        .unwrap()
        .questions
        .iter()
        .map(|q| json!({"question": q.id, "score": q.most}))
        .collect();
    let fill = json!({"answers": answers, "note": "fine"});
    assert_eq!(server.post(&operations, &path, fill.clone()).await.status, 403);
    assert_eq!(server.post(&wang, &path, fill.clone()).await.status, 409, "it was their call");
    assert_eq!(
        server.post(&li, &path, json!({"confirms": true})).await.status,
        409,
        "there is nothing to confirm"
    );
    assert_eq!(server.post(&li, &path, json!({"answers": [], "note": ""})).await.status, 422);
    let filled = server.post(&li, &path, fill.clone()).await.body;
    assert_eq!(
        (&filled["stage"], &filled["may"], &filled["opinion"]),
        (&json!("second"), &json!(false), &Value::Null)
    );
    assert_eq!(
        server.post(&li, &path, json!({"confirms": true})).await.status,
        409,
        "nobody confirms themselves"
    );
    assert_eq!(
        server.post(&zhao, &path, json!({"confirms": false})).await.status,
        422,
        "who disagrees says why"
    );
    let done = server.post(&zhao, &path, json!({"confirms": true})).await.body;
    assert_eq!(
        (&done["stage"], &done["opinion"], &done["score"]),
        (&Value::Null, &json!("right"), &json!(100))
    );
    assert_eq!(done["acts"].as_array().unwrap().len(), 2);
    assert_eq!(server.get(&li, "/v1/reviews?stage=done").await.body["items"].as_array().unwrap().len(), 1);
    assert_eq!(server.get(&li, "/v1/reviews?stage=never").await.status, 422);
    assert_eq!(server.get(&li, "/v1/reviews/99").await.status, 404);
}

#[tokio::test]
async fn a_call_tells_how_the_texts_stand_that_it_left_and_none_of_their_words() {
    let server = server().await;
    let operations = server.token(Role::Operations).await;
    let outcome = up(&server, "one").await;
    let texts = async || server.get(&operations, "/v1/calls/one/texts").await;
    assert_eq!(texts().await.status, 404, "it is up");
    let follow_ups = vec![
        FollowUp::Note { words: "a note".into() },
        FollowUp::Sms { template: "promise".into(), text: "private words".into() },
    ];
    let outcome = Outcome { follow_ups, ..outcome };
    server.store.close_attempt(&outcome).await.unwrap();
    assert_eq!(texts().await.body, json!([]));
    let new = NewMessage {
        message: NewMessage::id(&outcome.attempt, 1),
        attempt: outcome.attempt,
        case: outcome.case,
        callee: outcome.callee,
        template: "promise".into(),
        text: "private words".into(),
        made_at: outcome.ended_at,
    };
    server.store.add_messages(std::slice::from_ref(&new)).await.unwrap();
    server.store.put_off_message(&new.message, None, "not to be", now()).await.unwrap();
    let told = texts().await.body;
    let [text] = &told.as_array().unwrap()[..] else { panic!("{told}") };
    assert_eq!(
        (&text["template"], &text["state"], &text["why"]),
        (&json!("promise"), &json!("refused"), &json!("not to be"))
    );
    assert!(!told.to_string().contains("private") && text.get("callee").is_none(), "{told}");
}
