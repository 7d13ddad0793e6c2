//! A callee wants a person: a desk, signed in by its password, is offered the call over its WebSocket, sees the card,
//! takes it, hears the whisper and the callee, is heard, hangs up and puts down a promise. The desk's page and its
//! sound are of this test: checks of ICE, a handshake, SRTP with PCMA.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/desk.rs"]
mod desk;
#[path = "common/page.rs"]
mod page;

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use common::{COLUMNS, PATIENCE, Told, approve, at, callees, lay_out, row, run, waihu};
use desk::{add_agent, sits_down};
use page::{Sound, take};
use serde_json::{Value, json};
use tokio::time::sleep;

const SIP: &str = "127.0.0.1:5082";
const API: &str = "127.0.0.1:8482";

/// How long the card is read: it rings for twenty seconds.
const READS: Duration = Duration::from_secs(9);

const PERSONAS: &str = r#"
[[persona]]
number = "1301"
name = "wants a person"
lang = "zh"
voice = "zm_yunxia"
steps = [
    { say = "对，我是。" },
    { bot_spoke_ms = 9000, say = "我不想跟机器说，帮我转人工客服。" },
    { after_ms = 24000, say = "你好，我想问一下能不能晚几天还款。" },
]
otherwise = { say = "好的，我知道了。" }
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_desk_takes_a_call_from_the_offer_to_the_wrap_up() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    let trunk = format!(
        "[trunk]\nproxy = {SIP:?}\nfrom = \"sip:4008001234@127.0.0.1\"\ncompliance = \"laboratory\"\n\
         bind = \"127.0.0.1:0\"\nrtp_ports = [24400, 24498]\nmax_calls = 4\n"
    );
    lay_out(
        project,
        &[
            ("sip-config/desk.toml", &trunk),
            ("desk.toml", "trunk = \"desk\"\nscript = \"reminder\"\n"),
            ("personas.toml", PERSONAS),
            ("cases.csv", &[COLUMNS, &row("c-1", "1301")].concat()),
        ],
    );
    approve(project, "reminder");
    add_agent(project);
    let at = |file| at(project, file);
    run(
        project,
        &["campaign", "create", "desk", "--settings", &at("desk.toml"), "--cases", &at("cases.csv")],
    );
    let _callees = callees(project, SIP, ("34400", "34498"), "personas.toml");
    let engine = Told::spawn(waihu(project).args(["serve", "--trunk", "desk", "--listen", API]));
    engine.wait_for("serving");

    let mut desk = sits_down(API).await;
    assert_eq!(desk.wait_for("state").await["presence"], "away");
    desk.say(json!({"type": "presence", "wish": "available"})).await;
    run(project, &["campaign", "start", "desk"]);

    let offer = desk.wait_for("offer").await;
    let (attempt, card) = (offer["attempt"].clone(), &offer["card"]);
    assert_eq!((&card["case"], &card["name"]), (&json!("c-1"), &json!("张伟")));
    assert_eq!((&card["identity"], &card["reason"]), (&json!("confirmed"), &json!("request_human")));
    assert!(card["offers"].as_array().is_some_and(|offers| !offers.is_empty()), "{card}");

    // Somebody reads the card; the whisper is spoken meanwhile, or left out.
    sleep(READS).await;
    desk.say(json!({"type": "answer", "attempt": attempt})).await;
    let sdp = desk.wait_for("sdp").await["sdp"].as_str().unwrap().to_owned();
    let sound = Arc::new(Sound::default());
    let answer = take(&sdp, Arc::clone(&sound));
    desk.say(json!({"type": "sdp", "attempt": attempt, "sdp": answer})).await;
    desk.wait_for("joined").await;
    assert_eq!(*sound.fault.lock().unwrap(), None);
    let whispered = sound.loud.load(Relaxed);
    assert!(
        whispered > 40,
        "the whisper was heard: {whispered} loud packets of {}",
        sound.heard.load(Relaxed)
    );

    // The callee speaks, and is understood and heard.
    let line = loop {
        let line = desk.wait_for("line").await["line"].clone();
        if line["speaker"] == "callee" {
            break line;
        }
    };
    assert!(line["text"].as_str().is_some_and(|text| !text.is_empty()));
    assert!(sound.loud.load(Relaxed) > whispered + 40, "the callee was heard");

    desk.say(json!({"type": "hang_up", "attempt": attempt})).await;
    desk.wait_for("ended").await;
    let wrap_up = |promise: Value| {
        json!({"type": "wrap_up", "attempt": attempt, "disposition": "promise_to_pay", "notes": "下月初还",
            "promise": promise})
    };
    let mut promise = card["offers"][0].clone();
    promise["amount"] = json!("9999.00");
    desk.say(wrap_up(promise)).await;
    let refused = desk.wait_for("refused").await;
    assert!(refused["why"].as_str().is_some_and(|why| why.starts_with("promise: ")), "{refused}");
    desk.say(wrap_up(card["offers"][0].clone())).await;
    desk.wait_for("wrapped").await;
    desk.say(json!({"type": "done"})).await;
    assert_eq!(desk.wait_for("state").await["presence"], "available");

    let outcome = filed(project).await;
    let handover = &outcome["handover"];
    assert_eq!((&handover["agent"], &handover["result"]), (&json!("李明"), &json!("joined")));
    assert_eq!(
        (&handover["disposition"], &handover["notes"]),
        (&json!("promise_to_pay"), &json!("下月初还"))
    );
    assert!(handover["waited_ms"].as_u64() > Some(0) && handover["talked_ms"].as_u64() > Some(1_000));
    assert_eq!(handover["offers"][0]["result"], "joined");
    assert_eq!(
        (&outcome["disposition"], &outcome["promise"]["date"]),
        (&json!("handed_over"), &card["offers"][0]["date"])
    );
    the_agent_is_in_the_recording(Path::new(outcome["recording"]["path"].as_str().unwrap()));
    engine.end();
}

/// The outcome, once the wrap-up is in it.
async fn filed(project: &Path) -> Value {
    let by = Instant::now() + PATIENCE;
    loop {
        let told = run(project, &["outcomes", "--json", "--campaign", "desk"]);
        let outcome: Option<Value> = told.lines().next().map(|l| serde_json::from_str(l).unwrap());
        match outcome {
            Some(outcome) if outcome["handover"]["notes"].is_string() => return outcome,
            _ if Instant::now() > by => panic!("the wrap-up is not in the outcome"),
            _ => sleep(Duration::from_millis(500)).await,
        }
    }
}

/// The page's tone is on the side of what the callee hears.
fn the_agent_is_in_the_recording(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    let samples: Vec<i16> = bytes[44..].chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
    let right: Vec<i16> = samples.chunks_exact(2).map(|both| both[1]).collect();
    // Of a square wave nearly all is loud, of speech little.
    let loud =
        right.chunks_exact(800).filter(|w| w.iter().filter(|s| s.unsigned_abs() > 1_000).count() > 700);
    assert!(loud.count() > 10, "a second of the agent's tone");
}
