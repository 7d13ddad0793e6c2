//! A callee wants a person: a desk, signed in by its password, is offered the call over its WebSocket, sees the card,
//! takes it, hears the whisper and the callee, is heard, hangs up and puts down a promise. The desk's page and its
//! sound are of this test: checks of ICE, a handshake, SRTP with PCMA.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/desk.rs"]
mod desk;

use std::{
    net::{SocketAddr, UdpSocket},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use common::{COLUMNS, PATIENCE, Told, approve, at, callees, lay_out, row, run, waihu};
use desk::{add_agent, sits_down};
use serde_json::{Value, json};
use tokio::time::sleep;
use waihu_srtp::{Certificate, Handshake, Lock, Role, Unlock, is_dtls, is_rtp_or_rtcp};

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

/// What a page's sound has met.
#[derive(Default)]
struct Sound {
    /// Packets that were heard, and those of them that were not silence.
    heard: AtomicU64,
    loud: AtomicU64,
    fault: Mutex<Option<String>>,
}

/// The value of a line of a description.
fn line<'a>(sdp: &'a str, begins: &str) -> &'a str {
    sdp.lines().find_map(|l| l.strip_prefix(begins)).unwrap_or_else(|| panic!("no {begins} in\n{sdp}")).trim()
}

/// A check of ICE (RFC 8445, 7.2.2) that nominates, as STUN has it (RFC 8489).
fn check(username: &str, pwd: &str, number: u64) -> Vec<u8> {
    let mut message = vec![0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 0, 0, 0, 0];
    message.extend(number.to_be_bytes());
    let mut attribute = |kind: u16, value: &[u8]| {
        message.extend(kind.to_be_bytes());
        message.extend((value.len() as u16).to_be_bytes());
        message.extend(value);
        message.resize(message.len().next_multiple_of(4), 0);
    };
    attribute(0x0006, username.as_bytes());
    attribute(0x0024, &1_u32.to_be_bytes());
    attribute(0x802A, &7_u64.to_be_bytes());
    attribute(0x0025, &[]);
    let sized = |message: &mut Vec<u8>, more: usize| {
        let len = (message.len() + more - 20) as u16;
        message[2..4].copy_from_slice(&len.to_be_bytes());
    };
    sized(&mut message, 24);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, pwd.as_bytes());
    let tag = ring::hmac::sign(&key, &message);
    message.extend([0, 8, 0, 20]);
    message.extend(tag.as_ref());
    sized(&mut message, 8);
    let crc = crc32fast::hash(&message) ^ 0x5354_554E;
    message.extend([0x80, 0x28, 0, 4]);
    message.extend(crc.to_be_bytes());
    message
}

/// Takes an offer, and speaks in a thread of its own until the test ends; the answer.
fn take(offer: &str, sound: Arc<Sound>) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = line(offer, "m=audio ").split(' ').next().unwrap().parse().unwrap();
    let there = SocketAddr::from(([127, 0, 0, 1], port));
    let certificate = Certificate::generate().unwrap();
    let ours = certificate.sha256_fingerprint().map(|byte| format!("{byte:02X}")).join(":");
    let theirs: Vec<u8> = line(offer, "a=fingerprint:sha-256 ")
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect();
    let theirs: [u8; 32] = theirs.try_into().unwrap();
    let handshake = Handshake::new(&certificate, Role::Active, theirs, Instant::now()).unwrap();
    let username = format!("{}:page", line(offer, "a=ice-ufrag:"));
    let pwd = line(offer, "a=ice-pwd:").to_owned();
    let answer = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
         m=audio {} UDP/TLS/RTP/SAVPF 8\r\nc=IN IP4 127.0.0.1\r\na=mid:0\r\na=rtpmap:8 PCMA/8000\r\n\
         a=rtcp-mux\r\na=setup:active\r\na=fingerprint:sha-256 {ours}\r\na=ice-ufrag:page\r\n\
         a=ice-pwd:0123456789012345678901\r\na=sendrecv\r\n",
        socket.local_addr().unwrap().port()
    );
    thread::spawn(move || {
        if let Err(fault) = speak(&socket, there, handshake, (&username, &pwd), &sound) {
            *sound.fault.lock().unwrap() = Some(fault);
        }
    });
    answer
}

/// Checks, shakes hands, sends a tone and counts what comes.
fn speak(
    socket: &UdpSocket,
    there: SocketAddr,
    mut handshake: Handshake,
    (username, pwd): (&str, &str),
    sound: &Sound,
) -> Result<(), String> {
    socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    let (mut locks, mut number, mut checked, mut sent) =
        (None::<(Lock, Unlock)>, 0_u64, None, None::<Instant>);
    let (mut buffer, mut spoken) = ([0; 2_048], 0_u64);
    loop {
        let now = Instant::now();
        if checked.is_none_or(|at: Instant| now - at > Duration::from_millis(500)) {
            checked = Some(now);
            number += 1;
            let _ = socket.send_to(&check(username, pwd, number), there);
        }
        if let Ok((len, _)) = socket.recv_from(&mut buffer) {
            let packet = &mut buffer[..len];
            match (&mut locks, packet[0]) {
                (_, first) if is_dtls(first) => handshake.handle_datagram(now, packet),
                (Some((_, unlock)), first) if is_rtp_or_rtcp(first) && packet[1] & 0x7F == 8 => {
                    if let Ok(len) = unlock.rtp(packet) {
                        sound.heard.fetch_add(1, Relaxed);
                        // A-law's silence is 0xD5 and 0x55; sound has many values.
                        let loud =
                            packet[12..len].iter().filter(|b| !matches!(**b ^ 0x55, 0..8 | 0x80..0x88));
                        sound.loud.fetch_add(u64::from(loud.count() > 40), Relaxed);
                    }
                }
                _ => {}
            }
        }
        handshake.handle_timeout(now);
        while let Some(datagram) = handshake.poll_datagram() {
            let _ = socket.send_to(&datagram, there);
        }
        if let Some(keys) = handshake.outcome() {
            let keys = keys.map_err(|e| e.to_string())?;
            let fault = |e: waihu_srtp::SrtpError| e.to_string();
            let both = (Lock::new(&keys.ours).map_err(fault)?, Unlock::new(&keys.theirs).map_err(fault)?);
            locks.get_or_insert(both);
        }
        if let Some((lock, _)) = &mut locks
            && sent.is_none_or(|at| now - at >= Duration::from_millis(20))
        {
            sent = Some(sent.map_or(now, |at| at + Duration::from_millis(20)));
            spoken += 1;
            let n = spoken;
            let mut packet = vec![0x80, 8];
            packet.extend((n as u16).to_be_bytes());
            packet.extend((n as u32 * 160).to_be_bytes());
            packet.extend([0, 0, 0, 9]);
            // A square wave of 500 Hz, loud enough to be found in the recording.
            packet.extend((0..160).map(|s| if s % 16 < 8 { 0xA5 } else { 0x25 }));
            let len = packet.len();
            packet.resize(len + 64, 0);
            if let Ok(len) = lock.rtp(&mut packet, len) {
                let _ = socket.send_to(&packet[..len], there);
            }
        }
    }
}

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
    desk.say(json!({"type": "wrap_up", "attempt": attempt, "disposition": "promise_to_pay",
        "notes": "下月初还", "promise": {"date": "2026-12-01", "amount": "3250.00", "currency": "CNY"}}))
        .await;
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
        (&json!("handed_over"), &json!("2026-12-01"))
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
