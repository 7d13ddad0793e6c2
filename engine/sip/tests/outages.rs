//! Machines and connections that fail in the middle of a call: what is tried again, with which proof, and what is
//! given up.
#![allow(clippy::unwrap_used)]

mod agent;

use std::net::SocketAddr;

use agent::{Agent, BODY, CALL, HERE, THERE, field, fields, request, response, sdp, with};
use waihu_sip::{
    Change, Command, Credentials, Direction, EndedBy, EndpointConfig, Event, Hop, Input, Invite,
    LargeRequests, NameAddr, Transport, Uri,
};

fn who() -> Option<Credentials> {
    Some(Credentials { username: "u".into(), password: "p".into(), realm: None })
}

fn challenged(request: &str, nonce: &str) -> String {
    let line = format!("Proxy-Authenticate: Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\"");
    with(&response(request, "407 Proxy Authentication Required", ""), &line)
}

/// Whether a request proves itself with this nonce, used for the `count`th time.
fn proves(request: &str, nonce: &str, count: u32) -> bool {
    let proof = field(request, "Proxy-Authorization");
    proof.contains(&format!(" nonce=\"{nonce}\"")) && proof.contains(&format!("nc={count:08x}"))
}

/// Places a call that may go elsewhere.
fn call_with(
    us: &mut Agent,
    backups: &[&str],
    credentials: Option<Credentials>,
    headers: &[(&str, &str)],
) -> String {
    let there: SocketAddr = THERE.parse().unwrap();
    let hop = |text: &&str| Hop::from(text.parse::<SocketAddr>().unwrap());
    us.input(Input::Command(Command::Invite(Box::new(Invite {
        call: CALL,
        target: Uri::sip("far", there),
        next_hop: there.into(),
        backups: backups.iter().map(hop).collect(),
        redirects: Vec::new(),
        call_id: None,
        from: NameAddr::new(None, Uri::sip("waihu", HERE.parse().unwrap())),
        credentials,
        offer: sdp(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }))));
    us.last("INVITE")
}

#[test]
fn what_was_answered_over_tcp_is_not_sent_again_over_udp_when_the_connection_closes() {
    for status in ["100 Trying", "180 Ringing", "200 OK", "486 Busy Here"] {
        let mut config = EndpointConfig::new(HERE.parse().unwrap(), "test", 7);
        config.large = LargeRequests::OverTcp;
        let mut us = Agent::with(config);
        let long = "x".repeat(1_300);
        let invite = call_with(&mut us, &[], None, &[("X-Long", long.as_str())]);
        assert!(fields(&invite, "Via")[0].starts_with("SIP/2.0/TCP "));
        us.hear(&response(&invite, status, if status.starts_with('2') { BODY } else { "" }));
        let told = us.events.len();
        us.input(Input::Unreachable { to: Hop::new(Transport::Tcp, THERE.parse().unwrap()) });
        assert_eq!((us.times("INVITE").len(), us.events.len()), (1, told), "{status}");
        assert!(!us.events.iter().any(|(_, e)| matches!(e, Event::Failed { code: 503, .. })));
    }
}

#[test]
fn a_call_that_goes_elsewhere_proves_itself_anew_and_who_wakes_up_late_is_hung_up_on_with_the_old_proof() {
    let mut us = Agent::new();
    let first = call_with(&mut us, &["192.0.2.3:5060"], who(), &[]);
    us.hear(&challenged(&first, "old"));
    let silent = us.last("INVITE");
    assert!(proves(&silent, "old", 1));
    us.wait(6_000);
    assert_eq!(us.sent_last("INVITE").to.to_string(), "192.0.2.3:5060");
    let elsewhere = us.last("INVITE");
    assert!(fields(&elsewhere, "Proxy-Authorization").is_empty());
    // The same realm, and its own nonce: no wrong password.
    us.hear(&challenged(&elsewhere, "new"));
    let proven = us.last("INVITE");
    assert!(proves(&proven, "new", 1));
    us.hear(&response(&proven, "200 OK", BODY));
    assert!(matches!(us.end(), Event::Answered { .. }));
    us.hear(&response(&silent, "200 OK", BODY).replace("tag=far", "tag=late"));
    us.hear(&challenged(&us.last("BYE"), "old"));
    assert!(proves(&us.last("BYE"), "old", 2));
    assert!(field(&us.last("BYE"), "To").ends_with(";tag=late"));
    us.hear(&response(&us.last("BYE"), "200 OK", ""));
    us.hang_up(CALL);
    us.hear(&challenged(&us.last("BYE"), "new"));
    assert!(proves(&us.last("BYE"), "new", 2));
    us.hear(&response(&us.last("BYE"), "200 OK", ""));
    us.wait(100_000);
    assert!(us.is_empty());
}

#[test]
fn each_use_of_a_nonce_has_its_own_count_where_no_challenge_asked_for_it() {
    let mut us = Agent::new();
    let first = us.invite(CALL, who());
    us.hear(&challenged(&first, "n"));
    let too_short = response(&us.last("INVITE"), "422 Session Interval Too Small", "");
    us.hear(&with(&too_short, "Min-SE: 3600"));
    let longer = us.last("INVITE");
    assert_eq!(field(&longer, "CSeq"), "3 INVITE");
    assert!(proves(&longer, "n", 2));

    let mut us = Agent::new();
    us.register(who());
    us.hear(&challenged(&us.last("REGISTER"), "n"));
    us.hear(&with(&response(&us.last("REGISTER"), "423 Interval Too Brief", ""), "Min-Expires: 1200"));
    let longer = us.last("REGISTER");
    assert_eq!(field(&longer, "Expires"), "1200");
    assert!(proves(&longer, "n", 2));
}

#[test]
fn who_wakes_up_late_and_never_ends_what_was_cancelled_is_given_up_after_32_seconds() {
    let mut us = Agent::new();
    let first = call_with(&mut us, &["192.0.2.3:5060"], None, &[]);
    us.wait(6_000);
    us.hear(&response(&us.last("INVITE"), "200 OK", BODY));
    us.wait(7_000);
    us.hear(&response(&first, "100 Trying", ""));
    us.hear(&response(&us.last("CANCEL"), "200 OK", ""));
    us.hang_up(CALL);
    us.hear(&response(&us.last("BYE"), "200 OK", ""));
    us.wait(38_999);
    assert!(!us.endpoint.is_settled(), "its 487 may still come");
    us.wait(39_000);
    assert!(us.endpoint.is_settled());
    us.wait(100_000);
    assert!(us.is_empty());
}

/// A call that is up whose change the far end has heard of, and no more.
fn changes(us: &mut Agent) -> String {
    let (_, ack) = us.call(CALL);
    us.input(Input::Command(Command::Modify { call: CALL, change: Change::Direction(Direction::SendOnly) }));
    us.hear(&response(&us.last("INVITE"), "100 Trying", ""));
    ack
}

#[test]
fn a_change_of_ours_that_is_never_answered_ends_the_call_after_32_seconds() {
    let mut us = Agent::new();
    changes(&mut us);
    us.wait(31_999);
    assert!(us.times("BYE").is_empty());
    us.wait(32_000);
    assert_eq!((us.times("INVITE").len(), us.times("BYE")), (2, vec![32_000]));
    assert!(matches!(us.end(), Event::Ended { by: EndedBy::Local, reason: Some(_) }));
    us.hear(&response(&us.last("BYE"), "200 OK", ""));
    us.wait(100_000);
    assert!(us.is_empty());
}

#[test]
fn a_change_of_ours_that_is_never_answered_does_not_outlive_its_call() {
    let mut us = Agent::new();
    let ack = changes(&mut us);
    let theirs = (field(&ack, "To"), field(&ack, "From"), field(&ack, "Call-ID"));
    us.hear(&request("BYE", 1, "bye", theirs, ""));
    assert!(matches!(us.end(), Event::Ended { by: EndedBy::Remote, .. }));
    us.wait(32_000);
    assert!(us.endpoint.is_settled());
    assert!(us.is_empty(), "{:?}", us.endpoint.usage());
}
