//! Messages damaged at random, at an agent with calls in every stage: nothing panics, nothing is kept that time
//! does not take away, and every call comes to one end. Seeded; `WAIHU_DAMAGE=1000000` runs it for long.
#![allow(clippy::unwrap_used)]

mod agent;

use std::{collections::HashMap, fs, path::PathBuf};

use agent::{Agent, BODY, CALL, THERE, field, request, response, sdp, with};
use waihu_sip::{
    CallHandle, Command, Credentials, EndpointConfig, Event, Input, Referral, SessionDescription,
    auth::Challenge,
    registrar::{Registrar, Telephone},
};

struct Seed(u64);

impl Seed {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n.max(1)
    }
}

/// Bytes that grammars break on.
const ODD: [&[u8]; 16] = [
    b"\r\n",
    b"\r\n\r\n",
    b";",
    b",",
    b"<",
    b">",
    b"\"",
    b"%",
    b"%00",
    b"\xff",
    b"4294967296",
    b"-1",
    b" ",
    b":",
    b"@",
    b"",
];

fn damaged(seed: &mut Seed, text: &[u8]) -> Vec<u8> {
    let mut bytes = text.to_vec();
    for _ in 0..=seed.below(6) {
        let at = seed.below(bytes.len().max(1)).min(bytes.len());
        match seed.below(5) {
            0 if at < bytes.len() => bytes[at] = u8::try_from(seed.below(256)).unwrap(),
            1 => drop(bytes.splice(at..at, ODD[seed.below(ODD.len())].iter().copied())),
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..(at + seed.below(20)).min(bytes.len()))),
            _ => {
                let piece = bytes[at..(at + seed.below(60)).min(bytes.len())].to_vec();
                let to = seed.below(bytes.len().max(1)).min(bytes.len());
                bytes.splice(to..to, piece);
            }
        }
    }
    bytes
}

/// An agent with a call that rings, one that is up, one that came in, and the messages that fit them.
fn busy() -> (Agent, Vec<String>) {
    let mut config = EndpointConfig::new(agent::HERE.parse().unwrap(), "test", 7);
    config.referral = Referral::Told;
    let mut us = Agent::with(config.clone());
    let telephones = vec![Telephone { user: "desk".into(), password: "p".into() }];
    us.endpoint = waihu_sip::Endpoint::new(config).with_registrar(Registrar::new("waihu", telephones, 7));
    let who = Credentials { username: "u".into(), password: "p".into(), realm: None };
    let (_, ack) = us.call(CALL);
    let invite = us.invite(CallHandle(4), Some(who));
    let (_, came) = us.ringing();
    us.input(Input::Command(Command::Ring { call: came, code: 183, sdp: Some(sdp()) }));
    let theirs = (field(&ack, "To"), field(&ack, "From"), field(&ack, "Call-ID"));
    let mut fitting: Vec<String> = ["BYE", "INVITE", "UPDATE", "INFO", "OPTIONS", "PRACK", "NOTIFY", "REFER"]
        .iter()
        .enumerate()
        .map(|(n, method)| {
            request(method, 10 + n as u32, &format!("d{n}"), theirs, if n < 3 { BODY } else { "" })
        })
        .collect();
    fitting.push(with(&fitting[7], "Refer-To: <sip:x@192.0.2.8?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>"));
    fitting.push(with(&fitting[6], "Event: refer\r\nSubscription-State: terminated"));
    for status in ["100 Trying", "183 Session Progress", "200 OK", "486 Busy Here", "422 Too Small"] {
        fitting.push(with(
            &response(&invite, status, BODY),
            "Require: 100rel\r\nRSeq: 1\r\nMin-SE: 1900\r\nSession-Expires: 1800",
        ));
    }
    let challenge =
        "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth,auth-int\", algorithm=SHA-256";
    fitting.push(with(&response(&invite, "407 Proxy Authentication Required", ""), challenge));
    let dialog = ("<sip:desk@x>;tag=f", "<sip:desk@x>", "reg@x");
    fitting.push(request("REGISTER", 1, "r", dialog, ""));
    fitting.push(with(
        &request("INVITE", 1, "n", ("<sip:n@x>;tag=n", "<sip:waihu@x>", "n@x"), BODY),
        "Replaces: a;to-tag=b;from-tag=c\r\nRequire: 100rel\r\nSession-Expires: 90;refresher=uac\r\nSupported: timer",
    ));
    (us, fitting)
}

#[test]
fn whatever_comes_every_call_ends_once_and_nothing_stays() {
    let rounds: usize = std::env::var("WAIHU_DAMAGE").ok().and_then(|n| n.parse().ok()).unwrap_or(3_000);
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/rfc4475");
    let torture: Vec<Vec<u8>> =
        fs::read_dir(folder).unwrap().map(|f| fs::read(f.unwrap().path()).unwrap()).collect();
    let mut seed = Seed(4_475);
    for round in 0..rounds {
        let (mut us, fitting) = busy();
        for _ in 0..20 {
            let bytes = if seed.below(4) == 0 {
                let which = seed.below(torture.len());
                damaged(&mut seed, &torture[which])
            } else {
                let which = seed.below(fitting.len());
                let text = fitting[which].clone();
                if seed.below(5) == 0 { text.into_bytes() } else { damaged(&mut seed, text.as_bytes()) }
            };
            let from = THERE.parse::<std::net::SocketAddr>().unwrap().into();
            if seed.below(2) == 0 {
                us.hear_lossy(from, &bytes);
            } else {
                us.input_lossy(Input::Stranger { from, bytes: &bytes });
            }
            if seed.below(6) == 0 {
                us.wait_lossy(us.now_ms + 700);
            }
        }
        let calls: Vec<CallHandle> =
            us.events.iter().map(|(call, _)| *call).chain([CALL, CallHandle(4)]).collect();
        for call in calls {
            us.input_lossy(Input::Command(Command::Hangup { call, reason: None }));
        }
        us.wait_lossy(us.now_ms + 4_000_000);
        let mut ends: HashMap<CallHandle, usize> = HashMap::new();
        for (call, event) in &us.events {
            if matches!(event, Event::Ended { .. } | Event::Failed { .. }) {
                *ends.entry(*call).or_default() += 1;
            }
        }
        assert!(ends.values().all(|n| *n == 1), "round {round}: {ends:?}");
        assert!(us.is_empty(), "round {round}: {:?}", us.endpoint.usage());
    }
}

#[test]
fn descriptions_and_challenges_are_read_or_refused() {
    let mut seed = Seed(8_866);
    let challenge =
        "Digest realm=\"a\\\"b\", nonce=\"c\", opaque=d, qop=\"auth-int\", algorithm=SHA-256, stale=TRUE";
    for _ in 0..100_000 {
        let body = damaged(&mut seed, BODY.as_bytes());
        if let Ok(read) = SessionDescription::parse(&body) {
            let again = SessionDescription::parse(read.to_string().as_bytes());
            assert!(again.is_ok(), "{:?}", String::from_utf8_lossy(&body));
        }
        let text = damaged(&mut seed, challenge.as_bytes());
        let _ = Challenge::parse(&String::from_utf8_lossy(&text));
    }
}
