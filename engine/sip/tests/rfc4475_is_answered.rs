//! What a telephone does with each of the 49 messages of RFC 4475, by the RFC's own words, none left out: the
//! answer that it sends, a call that it takes, or nothing; as a datagram, and cut out of a stream.
#![allow(clippy::unwrap_used, clippy::panic)]

mod agent;

use std::{fs, path::PathBuf};

use agent::Agent;
use waihu_sip::{
    Event, Transport,
    framing::{Frame, Framer, Unframable},
};

/// What comes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comes {
    /// A call that rings, and 100.
    Rings,
    /// This answer, and nothing else.
    Answer(u16),
    /// Nothing: a response to nothing of ours.
    Nothing,
}
use Comes::{Answer, Nothing, Rings};

/// By section. REGISTER and MESSAGE are 405 to whoever is no registrar and shows no messages; a request within a
/// dialog that is not there is 481. Both are what comes after the message was found right.
const ALL: [(&str, Comes); 49] = [
    // 3.1.1: valid
    ("wsinv", Answer(481)),
    ("intmeth", Answer(501)),
    ("esc01", Rings),
    ("escnull", Answer(405)),
    ("esc02", Answer(501)),
    ("lwsdisp", Answer(200)),
    ("longreq", Rings),
    ("dblreq", Answer(405)),
    ("semiuri", Answer(200)),
    ("transports", Answer(200)),
    ("mpart01", Answer(405)),
    ("unreason", Nothing),
    ("noreason", Nothing),
    // 3.1.2: invalid
    ("badinv01", Answer(400)),
    ("clerr", Answer(400)),
    ("ncl", Answer(400)),
    ("scalar02", Answer(400)),
    ("scalarlg", Nothing),
    ("quotbal", Answer(400)),
    ("ltgtruri", Answer(400)),
    ("lwsruri", Answer(400)),
    ("lwsstart", Answer(400)),
    ("trws", Answer(400)),
    ("escruri", Answer(400)),
    ("baddate", Answer(400)),
    ("regbadct", Answer(400)),
    ("badaspec", Answer(400)),
    ("baddn", Answer(400)),
    ("badvers", Answer(505)),
    ("mismatch01", Answer(400)),
    ("mismatch02", Answer(400)),
    ("bigcode", Nothing),
    // 3.2: the transaction's
    ("badbranch", Answer(200)),
    // 3.3: the application's
    ("insuf", Answer(400)),
    ("unkscm", Answer(416)),
    ("novelsc", Answer(416)),
    ("unksm2", Answer(405)),
    ("bext01", Answer(420)),
    ("invut", Answer(415)),
    ("regaut01", Answer(405)),
    ("multi01", Answer(400)),
    ("mcl01", Answer(400)),
    ("bcast", Nothing),
    ("zeromf", Answer(200)),
    ("cparam01", Answer(405)),
    ("cparam02", Answer(405)),
    ("regescrt", Answer(405)),
    ("sdp01", Answer(406)),
    // 3.4: of before RFC 3261
    ("inv2543", Rings),
];

/// What is other over a stream, where Content-Length says where a message ends: the answers, and why the stream is closed;
/// none where more is waited for.
const OVER_STREAMS: [(&str, &[u16], Option<Unframable>); 6] = [
    // Two requests, the second with a broken description, and what is left of that.
    ("dblreq", &[405, 400], Some(Unframable::Length)),
    // A length below nothing, none, two.
    ("ncl", &[], Some(Unframable::Length)),
    ("inv2543", &[], Some(Unframable::Length)),
    ("mcl01", &[], Some(Unframable::Length)),
    // Cut short, in the body and in the head.
    ("clerr", &[], None),
    ("baddn", &[], None),
];

fn message(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/rfc4475/{name}.dat"));
    fs::read(path).unwrap()
}

fn codes(us: &Agent) -> Vec<u16> {
    us.sent.iter().map(|s| s.text[8..11].parse().unwrap()).collect()
}

/// What came of one message.
fn comes(us: &Agent, name: &str) -> Comes {
    let rings = us.events.iter().any(|(_, e)| matches!(e, Event::Incoming { .. }));
    match (&codes(us)[..], rings) {
        ([100], true) => Rings,
        ([code], false) => Answer(*code),
        ([], false) => Nothing,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn each_of_the_49_messages_comes_to_what_the_rfc_says() {
    let mut wrong = Vec::new();
    for transport in [Transport::Udp, Transport::Tcp] {
        for (name, expected) in ALL {
            let mut us = Agent::new();
            us.transport = transport;
            us.hear_bytes(&message(name));
            let comes = comes(&us, name);
            if comes != expected {
                wrong.push((name, transport, comes, expected));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Hears a stream in pieces; why it is closed, and whether more is waited for.
fn hear_stream(us: &mut Agent, bytes: &[u8], piece: usize) -> (Option<Unframable>, bool) {
    let mut framer = Framer::default();
    us.transport = Transport::Tcp;
    for piece in bytes.chunks(piece) {
        framer.push(piece);
        loop {
            match framer.next_frame() {
                Ok(Some(Frame::Message(message))) => us.hear_bytes(&message),
                Ok(Some(Frame::Ping | Frame::Pong)) => {}
                Ok(None) => break,
                Err(fault) => return (Some(fault), false),
            }
        }
    }
    (None, framer.is_within())
}

#[test]
fn over_a_stream_each_comes_to_the_same_or_ends_the_stream() {
    for piece in [1, 100, usize::MAX] {
        for (name, expected) in ALL {
            let mut us = Agent::new();
            let end = hear_stream(&mut us, &message(name), piece);
            match OVER_STREAMS.iter().find(|(other, ..)| *other == name) {
                Some((_, answers, closed)) => {
                    assert_eq!(codes(&us), *answers, "{name} in pieces of {piece}");
                    assert_eq!(end, (*closed, closed.is_none()), "{name} in pieces of {piece}");
                }
                None => {
                    assert_eq!(comes(&us, name), expected, "{name} in pieces of {piece}");
                    assert_eq!(end, (None, false), "{name} in pieces of {piece}");
                }
            }
        }
    }
}
