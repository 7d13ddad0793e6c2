//! What a telephone does with each of the 49 messages of RFC 4475, by the RFC's own words, none left out: the
//! answer that it sends, a call that it takes, or nothing; as a datagram, and cut out of a stream; and what a registrar
//! does with their REGISTERs.
#![allow(clippy::unwrap_used, clippy::panic)]

mod agent;
mod torture;

use agent::{Agent, CALL, HERE, field, fields};
use waihu_sip::{
    Credentials, Endpoint, EndpointConfig, Event, Transport,
    auth::Challenge,
    framing::{Frame, Framer, Unframable},
    registrar::{Registrar, Telephone},
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

/// By section. REGISTER and MESSAGE are 405 to whoever is no registrar and shows no messages ([`REGISTERS`] has what a
/// registrar says); a request within a dialog that is not there is 481. Both are what comes after the message was found right.
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
    torture::message(name).unwrap()
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

/// The REGISTERs among them, at a registrar that knows their users: what is said to each at first, and the Contacts that
/// are registered once it has proven itself; none where it was refused before that.
const REGISTERS: [(&str, u16, Option<&[&str]>); 9] = [
    // Distinct places, however little of them there is to see.
    ("escnull", 401, Some(&["<sip:%00@host5.example.com>", "<sip:%00%00@host5.example.com>"])),
    // The INVITE behind it in the same datagram is left alone.
    ("dblreq", 401, Some(&["<sip:j.user@host.example.com>"])),
    ("scalar02", 400, None),
    ("regbadct", 400, None),
    // To must be a SIP address.
    ("unksm2", 400, None),
    // Credentials that nobody knows are none; without a Contact it only asks.
    ("regaut01", 401, Some(&[])),
    // The parameter is the header's, and is not the address's.
    ("cparam01", 401, Some(&["<sip:+19725552222@gw1.example.net>"])),
    // Here it is the address's.
    ("cparam02", 401, Some(&["<sip:+19725552222@gw1.example.net;unknownparam>"])),
    ("regescrt", 401, Some(&["<sip:user@example.com?Route=%3Csip:sip.example.com%3E>"])),
];

fn registrar(transport: Transport) -> Agent {
    let users = ["null-\0-null", "j.user", "user", "watson"];
    let telephones = users.map(|user| Telephone { user: user.into(), password: "secret".into() });
    let mut us = Agent::new();
    us.transport = transport;
    us.endpoint = Endpoint::new(EndpointConfig::new(HERE.parse().unwrap(), "test", 7))
        .with_registrar(Registrar::new("waihu", telephones.to_vec(), 7));
    us
}

/// The same with a proof that answers our challenge.
fn proven(register: &str, asked: &str) -> String {
    let challenge = Challenge::parse(fields(asked, "WWW-Authenticate")[0]).unwrap();
    let to = register.lines().find_map(|l| l.strip_prefix("To: sip:")).unwrap();
    let user = to.split('@').next().unwrap().replace("%00", "\0");
    let who = Credentials { username: user, password: "secret".into(), realm: None };
    let proof = challenge.answer(&who, ("REGISTER", "sip:example.com", b""), 1, "c");
    register.replacen("\r\n", &format!("\r\nAuthorization: {proof}\r\n"), 1)
}

#[test]
fn each_register_is_asked_for_a_proof_or_refused_and_then_registers_what_it_says() {
    if torture::folder().is_none() {
        return;
    }
    for transport in [Transport::Udp, Transport::Tcp] {
        for (name, first, places) in REGISTERS {
            let mut us = registrar(transport);
            let text = String::from_utf8(message(name)).unwrap();
            us.hear(&text);
            assert!(us.last("SIP/2.0").starts_with(&format!("SIP/2.0 {first} ")), "{name}");
            assert!(us.is_empty(), "{name}: nothing is kept of who has proven nothing");
            let Some(places) = places else { continue };
            us.hear(&proven(&text, &us.last("SIP/2.0 401")));
            let ok = us.last("SIP/2.0");
            assert!(ok.starts_with("SIP/2.0 200"), "{name}: {ok}");
            let told: Vec<&str> =
                fields(&ok, "Contact").iter().map(|c| c.rsplit_once(';').unwrap().0).rev().collect();
            assert_eq!(told, places, "{name}");
            assert!(us.events.is_empty() && us.sent.len() == 2, "{name}");
        }
    }
}

#[test]
fn a_telephone_whose_contact_brings_headers_is_called_without_them() {
    if torture::folder().is_none() {
        return;
    }
    let mut us = registrar(Transport::Udp);
    let text = String::from_utf8(message("regescrt")).unwrap();
    us.hear(&text);
    us.hear(&proven(&text, &us.last("SIP/2.0 401")));
    let invite = us.invite_here(CALL, "user");
    assert!(invite.starts_with("INVITE sip:user@example.com SIP/2.0\r\n"), "{invite}");
    assert_eq!(fields(&invite, "Route"), [""; 0]);
}

#[test]
fn a_register_that_requires_what_is_unknown_or_asks_no_sip_address_is_told_so() {
    if torture::folder().is_none() {
        return;
    }
    let mut us = registrar(Transport::Udp);
    let text = String::from_utf8(message("cparam01")).unwrap();
    us.hear(&text.replace("l: 0", "Require: path, timer\r\nl: 0"));
    let answer = us.last("SIP/2.0");
    assert!(answer.starts_with("SIP/2.0 420 "), "{answer}");
    assert_eq!(field(&answer, "Unsupported"), "path");
    us.hear(&text.replace("REGISTER sip:example.com", "REGISTER tel:12345"));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 416 "));
    assert!(us.is_empty(), "nothing is kept of it");
}

#[test]
fn each_of_the_49_messages_comes_to_what_the_rfc_says() {
    let mut wrong = Vec::new();
    let asks = |name| REGISTERS.iter().find(|(n, ..)| *n == name).map(|(_, code, _)| Answer(*code));
    let ways = [Transport::Udp, Transport::Tcp].map(|t| [(t, false), (t, true)]);
    for (transport, registers) in ways.into_iter().flatten() {
        for (name, expected) in ALL {
            let expected = asks(name).filter(|_| registers).unwrap_or(expected);
            let mut us = if registers { registrar(transport) } else { Agent::new() };
            us.transport = transport;
            us.hear_bytes(&message(name));
            let comes = comes(&us, name);
            if comes != expected {
                wrong.push((name, transport, registers, comes, expected));
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
    if torture::folder().is_none() {
        return;
    }
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
