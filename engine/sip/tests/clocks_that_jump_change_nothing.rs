//! Clocks that jump by a day, forward and back. Timers run by the time that is handed in, which the shells take from a
//! clock that is never set; the far end's own clock, in Date, is read over; and a nonce ages by the same time as all
//! else: one that is too old is asked for anew as stale, and nobody is refused for it (RFC 7616 §3.3).
#![allow(clippy::unwrap_used)]

mod agent;

use std::{fs, path::Path};

use agent::{Agent, BODY, CALL, HERE, field, fields, request, response, with};
use waihu_sip::{
    CallHandle, Credentials, EndedBy, Endpoint, EndpointConfig, Event, Input,
    auth::Challenge,
    registrar::{Registrar, Telephone},
    registration::State,
};

/// [ms]
const DAY: u64 = 86_400_000;
/// What the far end's clock says, from one message to the next.
const DATES: [&str; 3] = [
    "Date: Thu, 26 Nov 2026 23:59:59 GMT",
    "Date: Wed, 25 Nov 2026 23:59:59 GMT",
    "Date: Fri, 27 Nov 2026 23:59:59 GMT",
];

/// Every file below a folder that ends so.
fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn nothing_here_reads_a_clock() {
    let room = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for entry in fs::read_dir(room).unwrap() {
        let path = entry.unwrap().path();
        let outside = ["tests", "benches", "fuzz", "target"].iter().any(|name| path.ends_with(name));
        if path.is_dir() && !outside {
            sources(&path, &mut found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(found.len() > 40, "{} files", found.len());
    for (path, text) in found {
        for clock in ["SystemTime", "Instant::", "WallTime", "jiff", "UNIX_EPOCH"] {
            assert!(!text.contains(clock), "{path} names {clock}");
        }
    }
}

fn registers(us: &mut Agent) {
    us.register(None);
    us.hear(&response(&us.last("REGISTER"), "200 OK", ""));
}

/// A call of ours, answered with these lines; its ACK.
fn talks(us: &mut Agent, call: CallHandle, lines: &str) -> String {
    let invite = us.invite(call, None);
    let ok = response(&invite, "200 OK", BODY);
    us.hear(&if lines.is_empty() { ok } else { with(&ok, lines) });
    us.last("ACK")
}

fn within(method: &str, cseq: u32, ack: &str) -> String {
    let dialog = (field(ack, "To"), field(ack, "From"), field(ack, "Call-ID"));
    request(method, cseq, &format!("{method}{cseq}"), dialog, "")
}

#[test]
fn a_far_end_whose_clock_jumps_is_refreshed_and_registered_at_as_ever() {
    let mut us = Agent::new();
    registers(&mut us);
    let agreed = "Allow: INVITE, UPDATE\r\nSession-Expires: 600;refresher=uac\r\nRequire: timer";
    let ack = talks(&mut us, CALL, agreed);
    let mut answered = 0;
    for n in 1..=80_u64 {
        let date = DATES[n as usize % 3];
        us.wait(n * 60_000);
        if us.times("REGISTER").len() > us.registrations.len() {
            us.hear(&with(&response(&us.last("REGISTER"), "200 OK", ""), date));
        }
        if us.times("UPDATE").len() > answered {
            answered += 1;
            let ok = response(&us.last("UPDATE"), "200 OK", "");
            us.hear(&with(&ok, &format!("Session-Expires: 600;refresher=uac\r\n{date}")));
        }
        us.hear(&with(&within("OPTIONS", n as u32, &ack), date));
        assert!(us.last("SIP/2.0").starts_with("SIP/2.0 200"));
    }
    // 480 s of 600, and half of 600, whatever the other clock says.
    let every =
        |step: u64, from: u64, most: u64| (0..).map(move |n| from + n * step).take_while(move |t| *t <= most);
    assert_eq!(us.times("REGISTER"), every(480_000, 0, 4_800_000).collect::<Vec<_>>());
    assert_eq!(us.times("UPDATE").len(), 16);
    assert!(us.registrations.iter().all(|s| *s == State::Registered { expires_s: 600 }));
    assert_eq!((us.events.len(), us.times("BYE").len()), (1, 0), "nobody is told of anything");
}

#[test]
fn a_day_that_passes_at_one_stroke_ends_no_call_and_registers_anew() {
    let mut us = Agent::new();
    registers(&mut us);
    let ack = talks(&mut us, CALL, "");
    talks(&mut us, CallHandle(4), "Session-Expires: 1800;refresher=uas");
    us.wait(40_000);
    // The machine stood still.
    us.now_ms += DAY;
    us.input(Input::Timeout);
    assert_eq!(us.times("REGISTER"), [0, 40_000 + DAY]);
    us.hear(&response(&us.last("REGISTER"), "200 OK", ""));
    assert_eq!(us.registrations.last(), Some(&State::Registered { expires_s: 600 }));
    // Nobody has refreshed the second call for a day, as was agreed that somebody would.
    assert!(us.last("BYE").contains("Session expired"));
    let ended: Vec<CallHandle> =
        us.events.iter().filter(|(_, e)| matches!(e, Event::Ended { .. })).map(|(call, _)| *call).collect();
    assert_eq!(ended, [CallHandle(4)]);
    us.hear(&within("INFO", 1, &ack));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 200"));
    us.hear(&within("BYE", 2, &ack));
    assert!(matches!(us.end(), Event::Ended { by: EndedBy::Remote, .. }));
}

#[test]
fn even_a_time_that_goes_back_a_day_ends_nothing() {
    let mut us = Agent::new();
    us.now_ms = 2 * DAY;
    registers(&mut us);
    let ack = talks(&mut us, CALL, "Allow: UPDATE\r\nSession-Expires: 600;refresher=uac");
    us.now_ms = DAY;
    us.input(Input::Timeout);
    us.hear(&within("INFO", 1, &ack));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 200"));
    let other = talks(&mut us, CallHandle(4), "");
    us.hear(&within("BYE", 1, &other));
    assert!(matches!(us.end(), Event::Ended { by: EndedBy::Remote, .. }));
    assert_eq!((us.times("REGISTER").len(), us.times("UPDATE").len()), (1, 0));
    // Until it is where it was.
    us.wait(2 * DAY + 299_999);
    assert!(us.times("UPDATE").is_empty());
    us.wait(2 * DAY + 480_000);
    assert_eq!(us.times("UPDATE")[0], 2 * DAY + 300_000);
    assert_eq!(us.times("REGISTER").last(), Some(&(2 * DAY + 480_000)));
}

fn registrar(secret: u64) -> Endpoint {
    let telephones = vec![Telephone { user: "desk".into(), password: "secret".into() }];
    Endpoint::new(EndpointConfig::new(HERE.parse().unwrap(), "test", secret))
        .with_registrar(Registrar::new("waihu", telephones, secret))
}

/// A REGISTER of a telephone, the `cseq`th; with the answer to a challenge, whose nonce it uses for the `cseq`th time.
fn register(us: &mut Agent, cseq: u32, proof: Option<(&Challenge, &str)>) -> String {
    let dialog = ("<sip:desk@x>;tag=f", "<sip:desk@x>", "reg@x");
    let text = with(&request("REGISTER", cseq, &format!("r{cseq}"), dialog, ""), "Expires: 120");
    us.hear(&proof.map_or(text.clone(), |(challenge, password)| {
        let who = Credentials { username: "desk".into(), password: password.into(), realm: None };
        let uri = format!("sip:waihu@{HERE}");
        let answer = challenge.answer(&who, ("REGISTER", &uri, b""), cseq, "c");
        with(&text, &format!("Authorization: {answer}"))
    }));
    us.last("SIP/2.0")
}

fn asked(answer: &str) -> Challenge {
    assert!(answer.starts_with("SIP/2.0 401"), "{answer}");
    Challenge::parse(fields(answer, "WWW-Authenticate")[0]).unwrap()
}

#[test]
fn a_nonce_too_old_is_stale_and_nobody_is_refused_for_it() {
    let mut us = Agent::new();
    us.endpoint = registrar(7);
    let first = asked(&register(&mut us, 1, None));
    us.wait(300_000);
    assert!(register(&mut us, 2, Some((&first, "secret"))).starts_with("SIP/2.0 200"));
    // A day at one stroke: asked anew, told that it is the nonce alone, and registered at once.
    us.now_ms += DAY;
    let anew = asked(&register(&mut us, 3, Some((&first, "secret"))));
    assert!(!first.stale && anew.stale);
    assert!(register(&mut us, 4, Some((&anew, "secret"))).starts_with("SIP/2.0 200"));
    // A day back: what was made since is not older for that.
    us.now_ms -= DAY;
    assert!(register(&mut us, 5, Some((&anew, "secret"))).starts_with("SIP/2.0 200"));
    assert!(register(&mut us, 6, Some((&anew, "wrong"))).starts_with("SIP/2.0 403"));
}

#[test]
fn a_nonce_of_before_a_restart_is_stale_to_who_knows_the_password() {
    let mut us = Agent::new();
    us.endpoint = registrar(7);
    let before = asked(&register(&mut us, 1, None));
    assert!(register(&mut us, 2, Some((&before, "secret"))).starts_with("SIP/2.0 200"));
    us.endpoint = registrar(8);
    let anew = asked(&register(&mut us, 3, Some((&before, "secret"))));
    assert!(anew.stale);
    // Whoever guesses is asked as anybody is, and nothing is kept of either.
    assert!(!asked(&register(&mut us, 4, Some((&before, "wrong")))).stale);
    assert!(us.is_empty());
    assert!(register(&mut us, 5, Some((&anew, "secret"))).starts_with("SIP/2.0 200"));
}
