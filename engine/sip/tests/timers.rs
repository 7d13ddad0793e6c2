//! The timers of RFC 3261 table 4 by the clock, against a far end that says exactly what it is told to:
//! how often each message goes out, when it is given up, and that nothing of it stays.
#![allow(clippy::unwrap_used)]

mod agent;

use std::net::SocketAddr;

use agent::{Agent, BODY, CALL, THERE, field, request, response, sdp};
use waihu_sip::{CallHandle, Command, Counts, Credentials, EndedBy, Event, FailureCause, Input};

/// When a message goes out that doubles its pace up to T2 and is given up at 32 s [ms].
const DOUBLING_TO_T2: [u64; 11] =
    [0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];

#[test]
fn an_unheard_invite_goes_out_seven_times_in_32_seconds() {
    let mut us = Agent::new();
    us.invite(CALL, None);
    us.wait(31_999);
    assert_eq!(us.times("INVITE"), [0, 500, 1_500, 3_500, 7_500, 15_500, 31_500]);
    assert!(us.sent.iter().all(|s| s.text == us.sent[0].text), "a retransmission is not the same");
    assert!(us.events.is_empty());
    us.wait(32_000);
    assert!(matches!(us.end(), Event::Failed { code: 408, cause: FailureCause::TimedOut, .. }));
    assert!(us.is_empty());
}

#[test]
fn a_silent_next_hop_is_told_as_such_though_we_gave_up_before() {
    let mut us = Agent::new();
    us.invite(CALL, None);
    us.wait(30_000);
    us.hang_up(CALL);
    us.wait(32_000);
    assert!(matches!(us.end(), Event::Failed { code: 408, cause: FailureCause::TimedOut, .. }));
    assert!(us.times("CANCEL").is_empty() && us.is_empty());
}

#[test]
fn a_provisional_response_ends_the_retransmissions_and_the_patience_is_the_callers() {
    let mut us = Agent::new();
    let invite = us.invite(CALL, None);
    us.wait(700);
    us.hear(&response(&invite, "100 Trying", ""));
    us.wait(300_000);
    assert_eq!(us.times("INVITE"), [0, 500]);
    assert!(matches!(us.events[..], [(CALL, Event::Provisional { code: 100, .. })]));
}

#[test]
fn an_unheard_bye_goes_out_eleven_times_in_32_seconds() {
    let mut us = Agent::new();
    us.call(CALL);
    us.hang_up(CALL);
    assert_eq!(us.end(), &Event::Ended { by: EndedBy::Local, reason: None });
    assert!(!us.endpoint.is_settled());
    us.wait(100_000);
    assert_eq!(us.times("BYE"), DOUBLING_TO_T2);
    assert_eq!(us.endpoint.counts(), Counts { sent_again: 10, heard_again: 0, unanswered: 1 });
    assert!(us.endpoint.is_settled() && us.is_empty());
}

#[test]
fn an_unheard_cancel_gives_the_call_up_after_32_seconds() {
    let mut us = Agent::new();
    let invite = us.invite(CALL, None);
    us.hear(&response(&invite, "180 Ringing", ""));
    us.hang_up(CALL);
    us.wait(31_999);
    assert_eq!(us.times("CANCEL"), DOUBLING_TO_T2);
    assert!(!us.events.iter().any(|(_, e)| matches!(e, Event::Failed { .. })));
    us.wait(32_000);
    assert!(matches!(us.end(), Event::Failed { code: 487, cause: FailureCause::Cancelled, .. }));
    us.wait(100_000);
    assert!(us.is_empty());
}

#[test]
fn no_cancel_goes_out_before_the_far_end_has_answered_at_all() {
    let mut us = Agent::new();
    let invite = us.invite(CALL, None);
    us.hang_up(CALL);
    us.wait(3_000);
    assert!(us.times("CANCEL").is_empty());
    us.hear(&response(&invite, "100 Trying", ""));
    assert_eq!(us.times("CANCEL"), [3_000]);
    assert!(matches!(us.end(), Event::Provisional { code: 100, .. }), "the next hop is not silent");
    us.hear(&response(&us.last("CANCEL"), "200 OK", ""));
    us.hear(&response(&invite, "487 Request Terminated", ""));
    assert!(matches!(us.end(), Event::Failed { code: 487, cause: FailureCause::Cancelled, .. }));
    us.wait(100_000);
    assert!(us.is_empty());
}

#[test]
fn a_repeated_refusal_is_acknowledged_for_32_seconds_and_told_once() {
    let mut us = Agent::new();
    let invite = us.invite(CALL, None);
    let busy = response(&invite, "486 Busy Here", "");
    for at in [0, 500, 31_900, 32_000] {
        us.wait(at);
        us.hear(&busy);
    }
    assert_eq!(us.times("ACK"), [0, 500, 31_900]);
    assert_eq!(us.events.len(), 1);
    assert!(us.is_empty());
}

#[test]
fn a_repeated_answer_is_acknowledged_alike_for_32_seconds() {
    let mut us = Agent::new();
    let (invite, ack) = us.call(CALL);
    for at in [500, 1_500, 31_900] {
        us.wait(at);
        us.hear(&response(&invite, "200 OK", BODY));
    }
    assert_eq!(us.times("ACK"), [0, 500, 1_500, 31_900]);
    assert_eq!(us.last("ACK"), ack);
    assert_ne!(field(&ack, "Via"), field(&invite, "Via"), "the ACK of a 2xx is its own transaction");
    assert_eq!(us.events.len(), 1);
}

#[test]
fn our_refusal_is_repeated_until_its_ack() {
    let mut us = Agent::new();
    let (_, call) = us.ringing();
    us.input(Input::Command(Command::Reject { call, code: 603, reason: "Decline".into() }));
    us.wait(31_999);
    assert_eq!(us.times("SIP/2.0 603"), DOUBLING_TO_T2);
    us.wait(32_000);
    assert!(us.is_empty(), "timer H ends it without an ACK");

    let mut us = Agent::new();
    let (_, call) = us.ringing();
    us.input(Input::Command(Command::Reject { call, code: 603, reason: "Decline".into() }));
    us.wait(700);
    let refusal = us.last("SIP/2.0 603");
    us.hear(&request("ACK", 1, "in", (field(&refusal, "From"), field(&refusal, "To"), "in@x"), ""));
    us.wait(5_699);
    assert_eq!((us.times("SIP/2.0 603").len(), us.endpoint.usage().servers), (2, 1));
    us.wait(5_700);
    assert!(us.is_empty(), "timer I ends it 5 s after the ACK");
}

#[test]
fn our_answer_is_repeated_until_its_ack_and_taken_back_after_32_seconds() {
    let mut us = Agent::new();
    let (_, call) = us.ringing();
    us.input(Input::Command(Command::Answer { call, sdp: sdp() }));
    us.wait(31_999);
    assert_eq!(us.times("SIP/2.0 200"), DOUBLING_TO_T2);
    us.wait(32_000);
    assert_eq!(us.times("BYE"), [32_000]);
    assert!(matches!(us.end(), Event::Ended { by: EndedBy::Local, reason: Some(_) }));
    us.wait(100_000);
    assert!(us.is_empty());
}

#[test]
fn a_bye_that_comes_again_gets_the_same_answer_for_32_seconds() {
    let mut us = Agent::new();
    let (_, ack) = us.call(CALL);
    let theirs = (field(&ack, "To"), field(&ack, "From"), field(&ack, "Call-ID"));
    let bye = request("BYE", 1, "bye", theirs, "");
    for at in [0, 500, 31_900] {
        us.wait(at);
        us.hear(&bye);
    }
    let answers: Vec<_> = us.sent.iter().map(|s| &s.text).filter(|t| t.starts_with("SIP/2.0 200")).collect();
    assert_eq!(answers.len(), 3);
    assert!(answers.iter().all(|a| *a == answers[0]));
    assert_eq!(us.end(), &Event::Ended { by: EndedBy::Remote, reason: None });
    us.wait(32_000);
    assert!(us.is_empty());
    us.hear(&bye);
    assert_eq!(us.times("SIP/2.0 481"), [32_000]);
}

#[test]
fn byes_that_cross_are_both_agreed_to() {
    let mut us = Agent::new();
    let (_, ack) = us.call(CALL);
    us.hang_up(CALL);
    let theirs = (field(&ack, "To"), field(&ack, "From"), field(&ack, "Call-ID"));
    us.hear(&request("BYE", 1, "cross", theirs, ""));
    assert_eq!(us.times("SIP/2.0 200"), [0]);
    us.hear(&response(&us.last("BYE"), "200 OK", ""));
    us.hear(&request("INFO", 2, "late", theirs, ""));
    us.wait(5_000);
    us.hear(&request("BYE", 3, "later", theirs, ""));
    assert_eq!(us.times("SIP/2.0 481"), [0, 5_000], "nothing but a BYE, and after timer K none");
    us.wait(100_000);
    assert!(us.is_empty());
}

#[test]
fn a_request_of_the_past_is_refused_and_the_call_goes_on() {
    let mut us = Agent::new();
    let (_, ack) = us.call(CALL);
    let theirs = (field(&ack, "To"), field(&ack, "From"), field(&ack, "Call-ID"));
    us.hear(&request("OPTIONS", 7, "now", theirs, ""));
    us.hear(&request("BYE", 7, "same", theirs, ""));
    us.hear(&request("BYE", 6, "past", theirs, ""));
    assert_eq!(us.times("SIP/2.0 500").len(), 2);
    assert_eq!(us.endpoint.usage().calls, 1);
}

#[test]
fn a_refused_password_is_sent_once() {
    for (status, header) in [
        ("401 Unauthorized", "WWW-Authenticate"),
        ("407 Proxy Authentication Required", "Proxy-Authenticate"),
    ] {
        let mut us = Agent::new();
        let who = Credentials { username: "u".into(), password: "wrong".into(), realm: None };
        us.invite(CALL, Some(who));
        for nonce in 0..10 {
            let line = format!("{header}: Digest realm=\"r\", nonce=\"{nonce}\"\r\nContact");
            let challenge = response(&us.last("INVITE"), status, "").replacen("Contact", &line, 1);
            us.hear(&challenge);
        }
        let Event::Failed { code, reason, cause: FailureCause::Unauthorized, .. } = us.end() else {
            panic!("{:?}", us.end());
        };
        assert_eq!(code.to_string(), status[..3]);
        assert!(reason.ends_with("user name or password are refused"), "{reason}");
        assert_eq!(us.times("INVITE").len(), 2);
        us.wait(100_000);
        assert!(us.is_empty());
    }
}

#[test]
fn a_challenge_without_a_password_says_so() {
    let mut us = Agent::new();
    us.invite(CALL, None);
    us.hear(&response(&us.last("INVITE"), "401 Unauthorized", ""));
    assert!(
        matches!(us.end(), Event::Failed { code: 401, cause: FailureCause::Unauthorized, reason, .. } if reason.ends_with("none is configured"))
    );
}

#[test]
fn an_unreachable_next_hop_fails_the_invite_and_nothing_else() {
    let mut us = Agent::new();
    let there: SocketAddr = THERE.parse().unwrap();
    us.call(CALL);
    let ringing = us.invite(CallHandle(4), None);
    us.hear(&response(&ringing, "180 Ringing", ""));
    us.invite(CallHandle(6), None);
    us.input(Input::Unreachable { to: "192.0.2.9:5060".parse::<SocketAddr>().unwrap().into() });
    assert!(!us.events.iter().any(|(_, e)| matches!(e, Event::Failed { .. })));
    us.input(Input::Unreachable { to: there.into() });
    let failed: Vec<_> = us.events.iter().filter(|(_, e)| matches!(e, Event::Failed { .. })).collect();
    let [(call, Event::Failed { code: 503, cause: FailureCause::TransportError, .. })] = failed[..] else {
        panic!("{failed:?}");
    };
    assert_eq!(*call, CallHandle(6));
}

#[test]
fn ten_thousand_calls_leave_nothing_behind() {
    let mut us = Agent::new();
    for i in 0..10_000u64 {
        let call = CallHandle(2 + 2 * i);
        us.sent.clear();
        us.events.clear();
        if i % 4 == 0 {
            let invite = us.invite(call, None);
            us.hear(&response(&invite, "486 Busy Here", ""));
        } else {
            let (_, ack) = us.call(call);
            if i % 4 == 1 {
                us.hang_up(call);
                us.hear(&response(&us.last("BYE"), "200 OK", ""));
            } else {
                let theirs = (field(&ack, "To"), field(&ack, "From"), field(&ack, "Call-ID"));
                us.hear(&request("BYE", 1, &format!("b{i}"), theirs, ""));
            }
        }
        us.wait(us.now_ms + 10);
    }
    let full = us.endpoint.usage();
    assert_eq!((full.calls, full.dialogs), (0, 0));
    // 100 calls a second: 3,200 INVITEs within timers D and M, and half as many BYEs within J.
    assert!(full.clients <= 3_400 && full.servers <= 1_700, "{full:?}");
    assert!(us.endpoint.is_settled());
    us.wait(us.now_ms + 32_000);
    assert!(us.is_empty(), "{:?}", us.endpoint.usage());
}
