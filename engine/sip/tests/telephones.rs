//! Telephones that register with passwords, many at once (RFC 3261 §10.3, RFC 7616), and strangers in crowds among them.
#![allow(clippy::unwrap_used)]

mod agent;

use std::net::SocketAddr;

use agent::{Agent, CALL, HERE, THERE, field, fields, request, sdp, with};
use waihu_sip::{
    CallHandle, Command, Credentials, EndedBy, Endpoint, EndpointConfig, Event, FailureCause, Hop, Input,
    Invite, NameAddr, Uri,
    auth::Challenge,
    registrar::{Registrar, Telephone},
};

fn registrar(users: &[&str]) -> Agent {
    registrar_of(EndpointConfig::new(HERE.parse().unwrap(), "test", 7), users)
}

fn registrar_of(config: EndpointConfig, users: &[&str]) -> Agent {
    let telephones =
        users.iter().map(|user| Telephone { user: (*user).to_owned(), password: "secret".to_owned() });
    let mut us = Agent::new();
    us.endpoint = Endpoint::new(config).with_registrar(Registrar::new("waihu", telephones.collect(), 7));
    us
}

/// A REGISTER of a user's `device`, the `cseq`th.
fn register(user: &str, device: &str, cseq: u32) -> String {
    let (address, id) = (format!("<sip:{user}@x>"), format!("{user}.{device}"));
    let from = format!("{address};tag=f");
    let asked = request("REGISTER", cseq, &format!("{id}.{cseq}"), (&from, &address, &id), "");
    with(&asked, "Expires: 120")
}

/// What the last answer of ours asks for.
fn asked(us: &Agent) -> Challenge {
    let text = us.last("SIP/2.0 401");
    Challenge::parse(fields(&text, "WWW-Authenticate")[0]).unwrap()
}

/// The REGISTER with a proof, its nonce used for the `count`th time.
fn proven(register: &str, user: &str, challenge: &Challenge, count: u32) -> String {
    let who = Credentials { username: user.into(), password: "secret".into(), realm: None };
    let proof = challenge.answer(&who, ("REGISTER", &format!("sip:waihu@{HERE}"), b""), count, "c");
    with(register, &format!("Authorization: {proof}"))
}

#[test]
fn telephones_that_are_asked_in_the_same_second_each_register_at_once() {
    let mut us = registrar(&["desk", "shop", "hall"]);
    let telephones = [("desk", "a"), ("desk", "b"), ("shop", "a"), ("hall", "a"), ("hall", "b")];
    let challenges: Vec<Challenge> = telephones
        .iter()
        .map(|(user, device)| {
            us.hear(&register(user, device, 1));
            asked(&us)
        })
        .collect();
    for ((user, device), challenge) in telephones.iter().zip(&challenges) {
        us.hear(&proven(&register(user, device, 2), user, challenge, 1));
        assert!(us.last("SIP/2.0").starts_with("SIP/2.0 200"), "{user} {device}");
    }
    // The nonce once more, with the next count: a telephone that proves itself before it is asked.
    us.hear(&proven(&register("desk", "a", 3), "desk", &challenges[0], 2));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 200"));
}

#[test]
fn all_places_are_taken_back_by_a_star_that_stands_alone_with_expires_0() {
    let mut us = registrar(&["desk"]);
    let mut cseq = 1;
    let mut registers = |us: &mut Agent, contact: &str, expires: &str| {
        us.hear(&register("desk", "a", cseq));
        let challenge = asked(us);
        let asked = register("desk", "a", cseq + 1)
            .replace(&format!("Contact: <sip:far@{THERE}>\r\n"), contact)
            .replace("Expires: 120\r\n", expires);
        us.hear(&proven(&asked, "desk", &challenge, 1));
        cseq += 2;
        us.last("SIP/2.0")
    };
    let is_there = |ok: &str| (ok.starts_with("SIP/2.0 200"), fields(ok, "Contact").len());
    let contact = format!("Contact: <sip:far@{THERE}>\r\n");
    assert_eq!(is_there(&registers(&mut us, &contact, "Expires: 120\r\n")), (true, 1));
    for (contact, expires) in [
        ("Contact: *\r\n", "Expires: 120\r\n"),
        ("m: *\r\n", ""),
        (&*format!("Contact: *\r\n{contact}"), "Expires: 0\r\n"),
    ] {
        let refused = registers(&mut us, contact, expires);
        assert!(refused.starts_with("SIP/2.0 400"), "{refused}");
    }
    // Whoever names no place asks where the telephone is, and takes nothing back (§10.2.3).
    assert_eq!(is_there(&registers(&mut us, "", "Expires: 0\r\n")), (true, 1));
    assert_eq!(calls_desk(&mut us, 2, HERE).1, THERE);
    assert_eq!(is_there(&registers(&mut us, "Contact: *\r\n", "Expires: 0\r\n")), (true, 0));
    assert_eq!(calls_desk(&mut us, 4, HERE).1, HERE, "nobody is there any more");
}

#[test]
fn a_proof_is_good_once_also_when_its_user_has_given_many_since() {
    let mut us = registrar(&["desk", "shop"]);
    us.hear(&register("desk", "a", 1));
    let first = asked(&us);
    us.hear(&proven(&register("desk", "a", 2), "desk", &first, 1));
    let refused = |us: &mut Agent, cseq: u32| {
        us.hear(&proven(&register("desk", "thief", cseq), "desk", &first, 1));
        assert!(us.last("SIP/2.0").starts_with("SIP/2.0 401") && asked(us).stale);
    };
    refused(&mut us, 1);
    for n in 0..40 {
        us.hear(&register("desk", "a", 10 + 2 * n));
        let challenge = asked(&us);
        us.hear(&proven(&register("desk", "a", 11 + 2 * n), "desk", &challenge, 1));
        assert!(us.last("SIP/2.0").starts_with("SIP/2.0 200"));
    }
    refused(&mut us, 2);
    // Another's proofs leave the place alone: a nonce asked for early is still good.
    us.hear(&register("shop", "a", 1));
    let early = asked(&us);
    for n in 0..40 {
        us.hear(&register("desk", "b", 10 + 2 * n));
        let challenge = asked(&us);
        us.hear(&proven(&register("desk", "b", 11 + 2 * n), "desk", &challenge, 1));
    }
    us.hear(&proven(&register("shop", "a", 2), "shop", &early, 1));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 200"));
}

#[test]
fn who_proves_nothing_is_asked_500_times_a_second_at_most_and_nothing_is_kept_of_him() {
    let mut us = registrar(&["desk"]);
    us.hear(&register("desk", "a", 1));
    let challenge = asked(&us);
    us.hear(&proven(&register("desk", "a", 2), "desk", &challenge, 1));
    assert_eq!(us.endpoint.usage().servers, 1);
    let flood = |us: &mut Agent| {
        let from = Hop::from("203.0.113.9:5060".parse::<SocketAddr>().unwrap());
        for n in 1..=2_000 {
            us.input(Input::Stranger { from, bytes: register("nobody", "x", n).as_bytes() });
        }
    };
    flood(&mut us);
    assert_eq!((us.times("SIP/2.0 401").len(), us.endpoint.usage().servers), (500, 1));
    us.wait(1_000);
    flood(&mut us);
    assert_eq!((us.times("SIP/2.0 401").len(), us.endpoint.usage().servers), (1_000, 1));
    // A telephone that is registered is asked all the same, under one tag however often it asks.
    let again = register("desk", "a", 3);
    us.hear(&again);
    let first = us.last("SIP/2.0 401");
    us.hear(&again);
    let second = us.last("SIP/2.0 401");
    assert_eq!(us.times("SIP/2.0 401").len(), 1_002);
    assert_eq!(field(&first, "To"), field(&second, "To"));
    let challenge = asked(&us);
    us.hear(&proven(&register("desk", "a", 4), "desk", &challenge, 1));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 200"));
    us.wait(40_000);
    assert!(us.is_empty(), "{:?}", us.endpoint.usage());
}

#[test]
fn a_flood_leaves_room_for_what_belongs_to_calls() {
    let mut us = Agent::new();
    let (_, ack) = us.call(CALL);
    us.ringing();
    let from = Hop::from(THERE.parse::<SocketAddr>().unwrap());
    let options = |n: u32| {
        let dialog = ("<sip:far@x>;tag=o", "<sip:waihu@x>", "options@x");
        request("OPTIONS", 1, &format!("o{n}"), dialog, "")
    };
    for n in 0..=100_000 {
        us.hear_lossy(from, options(n).as_bytes());
    }
    assert_eq!(us.endpoint.usage().servers, 100_000);
    us.hear(&options(100_001));
    assert!(us.times("SIP/2.0 200").is_empty(), "there is no more room");
    let theirs = (field(&ack, "To"), field(&ack, "From"), field(&ack, "Call-ID"));
    us.hear(&request("BYE", 1, "bye", theirs, ""));
    assert!(matches!(us.end(), Event::Ended { by: EndedBy::Remote, .. }));
    us.hear(&request("CANCEL", 1, "in", ("<sip:far@x>;tag=f", "<sip:waihu@x>", "in@x"), ""));
    assert!(matches!(us.end(), Event::Failed { code: 487, cause: FailureCause::Cancelled, .. }));
    assert_eq!(us.times("SIP/2.0 200").len(), 2);
    us.wait(40_000);
    assert!(us.is_empty(), "{:?}", us.endpoint.usage());
}

/// Calls the telephone of a desk at this address: the INVITE's first line, and where it goes.
fn calls_desk(us: &mut Agent, call: u64, at: &str) -> (String, String) {
    let at: SocketAddr = at.parse().unwrap();
    let invite = Invite {
        call: CallHandle(call),
        target: Uri::sip("desk", at),
        next_hop: at.into(),
        backups: Vec::new(),
        redirects: Vec::new(),
        call_id: None,
        from: NameAddr::new(None, Uri::sip("waihu", at)),
        credentials: None,
        offer: sdp(),
        headers: Vec::new(),
    };
    us.input(Input::Command(Command::Invite(Box::new(invite))));
    (us.last("INVITE").lines().next().unwrap().to_owned(), us.sent_last("INVITE").to.to_string())
}

#[test]
fn behind_a_translator_a_telephone_is_found_by_our_bound_address_and_by_the_public_one() {
    let public = "203.0.113.5:5060";
    let mut config = EndpointConfig::new(public.parse().unwrap(), "test", 7);
    config.bound = HERE.parse().unwrap();
    let mut us = registrar_of(config, &["desk"]);
    us.hear(&register("desk", "a", 1));
    let challenge = asked(&us);
    us.hear(&proven(&register("desk", "a", 2), "desk", &challenge, 1));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 200"));
    for (call, at) in [(2, HERE), (4, public)] {
        let there = (format!("INVITE sip:far@{THERE} SIP/2.0"), THERE.to_owned());
        assert_eq!(calls_desk(&mut us, call, at), there, "called at {at}");
        assert_eq!(field(&us.last("INVITE"), "Contact"), format!("<sip:waihu@{public}>"));
    }
    // The same user at another's address is another's.
    assert_eq!(calls_desk(&mut us, 6, "192.0.2.9:5060").1, "192.0.2.9:5060");
}
