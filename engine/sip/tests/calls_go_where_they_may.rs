//! Redirections are followed to the carrier's own machines and the same callee, and what each machine makes of a call
//! is told.
#![allow(clippy::unwrap_used)]

mod agent;

use std::net::SocketAddr;

use agent::{Agent, BODY, CALL, HERE, THERE, field, response, sdp, with};
use waihu_sip::{
    Command, Credentials, Event, FailureCause, Hop, Input, Invite, NameAddr, Uri,
    health::{Asked, Sign},
    uri::Host,
};

const CALLEE: &str = "+8613800001234";

/// A call that may be redirected to 192.0.2.7 and within carrier.example.
fn call(us: &mut Agent, backups: &[&str]) -> String {
    let there: SocketAddr = THERE.parse().unwrap();
    let hop = |text: &&str| Hop::from(text.parse::<SocketAddr>().unwrap());
    let credentials = Credentials { username: "u".into(), password: "p".into(), realm: None };
    us.input(Input::Command(Command::Invite(Box::new(Invite {
        call: CALL,
        target: Uri::sip(CALLEE, there),
        next_hop: there.into(),
        backups: backups.iter().map(hop).collect(),
        redirects: vec![
            Host::Address("192.0.2.7".parse().unwrap()),
            Host::Address("192.0.2.2".parse().unwrap()),
            Host::Name("carrier.example".into()),
        ],
        call_id: None,
        from: NameAddr::new(None, Uri::sip("waihu", HERE.parse().unwrap())),
        credentials: Some(credentials),
        offer: sdp(),
        headers: Vec::new(),
    }))));
    us.last("INVITE")
}

fn moved(invite: &str, contacts: &str) -> String {
    let own = format!("Contact: <sip:far@{THERE}>\r\n");
    with(&response(invite, "302 Moved Temporarily", "").replace(&own, ""), &format!("Contact: {contacts}"))
}

#[test]
fn a_redirection_to_the_carriers_own_machines_is_followed() {
    for (contacts, line, to) in [
        (
            format!("<sip:{CALLEE}@192.0.2.7:5080>"),
            format!("INVITE sip:{CALLEE}@192.0.2.7:5080 SIP/2.0"),
            "192.0.2.7:5080",
        ),
        // A name of the carrier leads where the call went.
        (
            format!("<sip:{CALLEE};npdi@Carrier.Example.;user=phone?subject=x>"),
            format!("INVITE sip:{CALLEE};npdi@Carrier.Example.;user=phone SIP/2.0"),
            THERE,
        ),
        // The preferred of those that may be followed.
        (
            format!(
                "<sip:{CALLEE}@203.0.113.9>;q=1.0, <sip:{CALLEE}@192.0.2.7>;q=0.3, <sip:{CALLEE}@192.0.2.2:5070>;q=0.7"
            ),
            format!("INVITE sip:{CALLEE}@192.0.2.2:5070 SIP/2.0"),
            "192.0.2.2:5070",
        ),
    ] {
        let mut us = Agent::new();
        let first = call(&mut us, &[]);
        us.hear(&moved(&first, &contacts));
        let second = us.last("INVITE");
        assert_eq!(second.lines().next().unwrap(), line);
        assert_eq!(us.sent_last("INVITE").to.to_string(), to);
        for name in ["Call-ID", "To", "From"] {
            assert_eq!(field(&first, name), field(&second, name), "{name}");
        }
        assert_eq!(field(&second, "CSeq"), "2 INVITE");
        us.hear(&response(&second, "200 OK", BODY));
        assert!(matches!(us.events[..], [(_, Event::Answered { .. })]));
    }
}

#[test]
fn a_redirection_to_anybody_else_is_a_refusal() {
    for contacts in [
        // Another host, and another callee: nobody has asked whether they may be called.
        format!("<sip:{CALLEE}@203.0.113.9>"),
        format!("<sip:{CALLEE}@evil.example>"),
        "<sip:+8613900000000@192.0.2.7>".to_owned(),
        format!("<tel:{CALLEE}>"),
        "<sip:192.0.2.7>".to_owned(),
        // Where it came from.
        format!("<sip:{CALLEE}@{THERE}>"),
    ] {
        let mut us = Agent::new();
        let first = call(&mut us, &[]);
        us.hear(&moved(&first, &contacts));
        assert!(
            matches!(us.end(), Event::Failed { code: 302, cause: FailureCause::Rejected, .. }),
            "{contacts}: {:?}",
            us.end()
        );
        assert_eq!(us.times("INVITE").len(), 1);
        us.wait(100_000);
        assert!(us.is_empty());
    }
}

#[test]
fn a_circle_of_redirections_ends() {
    let mut us = Agent::new();
    let mut invite = call(&mut us, &[]);
    for n in 0..10 {
        us.hear(&moved(&invite, &format!("<sip:{CALLEE}@192.0.2.7:{}>", 5_080 + n % 2)));
        invite = us.last("INVITE");
    }
    assert_eq!(us.times("INVITE").len(), 4, "the call, and three redirections");
    assert!(matches!(us.end(), Event::Failed { code: 302, .. }));
}

#[test]
fn a_redirected_call_proves_itself_anew() {
    let mut us = Agent::new();
    let challenge = |nonce: &str| format!("WWW-Authenticate: Digest realm=\"r\", nonce=\"{nonce}\"");
    let first = call(&mut us, &[]);
    us.hear(&with(&response(&first, "401 Unauthorized", ""), &challenge("a")));
    let second = us.last("INVITE");
    assert!(field(&second, "Authorization").contains("nonce=\"a\""));
    us.hear(&moved(&second, &format!("<sip:{CALLEE}@192.0.2.7>")));
    let third = us.last("INVITE");
    assert!(!third.contains("Authorization"));
    us.hear(&with(&response(&third, "401 Unauthorized", ""), &challenge("b")));
    assert!(field(&us.last("INVITE"), "Authorization").contains("nonce=\"b\""));
}

#[test]
fn what_each_machine_makes_of_a_call_is_told() {
    let hop = |text: &str| Hop::from(text.parse::<SocketAddr>().unwrap());
    let (there, third) = (hop(THERE), hop("192.0.2.3:5060"));
    let mut us = Agent::new();
    let first = call(&mut us, &["192.0.2.3:5060", "192.0.2.4:5060"]);
    us.wait(6_000);
    assert_eq!(us.signs, [(there, Asked::Call, Sign::Silent)]);
    let second = us.last("INVITE");
    us.hear(&with(&response(&second, "503 Service Unavailable", ""), "Retry-After: 90 (maintenance)"));
    assert_eq!(us.signs[1], (third, Asked::Call, Sign::Overloaded { retry_after_s: 90 }));
    us.input(Input::Unreachable { to: hop("192.0.2.4:5060") });
    assert_eq!(us.signs[2], (hop("192.0.2.4:5060"), Asked::Call, Sign::Unreachable));
    // Who wakes up late is there after all, and is told of once.
    us.hear(&response(&first, "100 Trying", ""));
    us.hear(&response(&first, "180 Ringing", ""));
    assert_eq!(us.signs[3..], [(there, Asked::Call, Sign::Answered)]);

    let mut us = Agent::new();
    us.input(Input::Command(Command::Options {
        ping: 1,
        target: Uri::sip("", there.address),
        next_hop: there,
    }));
    let asked = us.last("OPTIONS");
    us.hear(&response(&asked, "405 Method Not Allowed", ""));
    assert_eq!(us.signs, [(there, Asked::Options, Sign::Answered)]);
    us.input(Input::Command(Command::Options {
        ping: 2,
        target: Uri::sip("", there.address),
        next_hop: there,
    }));
    us.input(Input::Unreachable { to: there });
    assert_eq!(us.signs[1..], [(there, Asked::Options, Sign::Unreachable)]);
}

#[test]
fn the_networks_own_cause_is_told() {
    let mut us = Agent::new();
    let invite = call(&mut us, &[]);
    let refused = response(&invite, "480 Temporarily Unavailable", "");
    us.hear(&with(&refused, "Reason: Q.850;cause=20;text=\"Subscriber absent\", SIP;cause=480"));
    let Event::Failed { code: 480, because, .. } = us.end() else { panic!("{:?}", us.end()) };
    assert_eq!((because[0].protocol.as_str(), because[0].code), ("Q.850", 20));
    assert_eq!((because[0].text.as_deref(), because.len()), (Some("Subscriber absent"), 2));
}

#[test]
fn a_call_that_finds_everything_taken_is_told_when_to_come_again() {
    let mut us = Agent::new();
    let (_, call) = us.ringing();
    us.input(Input::Command(Command::Reject { call, code: 503, reason: "Service Unavailable".into() }));
    assert_eq!(field(&us.last("SIP/2.0 503"), "Retry-After"), "10");
    let mut us = Agent::new();
    let (_, call) = us.ringing();
    us.input(Input::Command(Command::Reject { call, code: 486, reason: "Busy Here".into() }));
    assert!(!us.last("SIP/2.0 486").contains("Retry-After"));
}
