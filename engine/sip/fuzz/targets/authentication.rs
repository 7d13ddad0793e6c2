//! Wild text as a challenge and as its answer: what a challenge is answered with proves itself to no registrar but its
//! own, and nothing that was made up is believed. How to run it: `message.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waihu_sip::{
    Credentials, Hop, Message,
    auth::Challenge,
    registrar::{Registrar, Telephone},
};
use waihu_types::Time;

fuzz_target!(|text: &str| {
    let who = Credentials { username: "desk".into(), password: "p".into(), realm: None };
    if let Some(challenge) = Challenge::parse(text) {
        let answer = challenge.answer(&who, ("REGISTER", "sip:waihu", b"body"), 1, "c");
        // Its own parameters are read back as they were written.
        let again = Challenge::parse(&answer.replace("response=", "x=")).map(|a| (a.realm, a.nonce));
        assert!(again.is_none_or(|(realm, nonce)| realm == challenge.realm && nonce == challenge.nonce), "{answer}");
    }
    if text.contains(['\r', '\n']) {
        return;
    }
    let register = format!(
        "REGISTER sip:waihu SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKa\r\nFrom: <sip:desk@x>;tag=f\r\n\
         To: <sip:desk@x>\r\nCall-ID: r\r\nCSeq: 1 REGISTER\r\nContact: <sip:desk@192.0.2.2>\r\n\
         Authorization: {text}\r\nContent-Length: 0\r\n\r\n"
    );
    let Ok(Message::Request(register)) = Message::parse(register.as_bytes()) else { return };
    let telephones = vec![Telephone { user: "desk".into(), password: "p".into() }];
    let mut registrar = Registrar::new("waihu", telephones, 7);
    let from = Hop::from(std::net::SocketAddr::from(([192, 0, 2, 2], 5060)));
    let answer = registrar.answer(Time::ZERO, from, &register, "t");
    // Who has not asked for a nonce cannot have answered one.
    assert_ne!(answer.code, 200, "{text}");
});
