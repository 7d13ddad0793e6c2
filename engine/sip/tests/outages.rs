//! Machines and connections that fail in the middle of a call: what is tried again, with which proof, and what is
//! given up.
#![allow(clippy::unwrap_used)]

mod agent;

use std::net::SocketAddr;

use agent::{Agent, BODY, CALL, HERE, THERE, fields, response, sdp};
use waihu_sip::{
    Command, Credentials, EndpointConfig, Event, Hop, Input, Invite, LargeRequests, NameAddr, Transport, Uri,
};

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
