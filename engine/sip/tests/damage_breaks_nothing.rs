//! Messages damaged at random, at an agent with calls in every stage: nothing panics, nothing is kept that time
//! does not take away, and every call comes to one end. Seeded; `WAIHU_DAMAGE=1000000` runs it for long.
#![allow(clippy::unwrap_used)]

mod agent;
mod torture;

use std::collections::HashMap;

use agent::{BODY, CALL, THERE, busy::busy};
use waihu_sip::{CallHandle, Command, Event, Input, SessionDescription, auth::Challenge};

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

#[test]
fn whatever_comes_every_call_ends_once_and_nothing_stays() {
    let rounds: usize = std::env::var("WAIHU_DAMAGE").ok().and_then(|n| n.parse().ok()).unwrap_or(3_000);
    let torture = torture::all();
    let mut seed = Seed(4_475);
    for round in 0..rounds {
        let (mut us, fitting) = busy();
        for _ in 0..20 {
            let bytes = if seed.below(4) == 0 && !torture.is_empty() {
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
