//! Offers and answers of calls that come in, wherever they may stand: the offer in our 200 and the answer in the ACK
//! (RFC 3261 §13.2.1), the offer in a reliable response and the answer in its PRACK, an offer in PRACK and the answer
//! in its 200 (RFC 3262 §5, RFC 6337 §2.2).
#![allow(clippy::unwrap_used, clippy::panic)]

mod agent;

use agent::{Agent, BODY, THERE, field, request, sdp, with};
use waihu_sip::{CallHandle, Change, Command, Direction, EndedBy, Event, FailureCause, Input};

const OURS: CallHandle = CallHandle(1);
const CALLER: &str = "<sip:far@x>;tag=f";

/// A description of theirs with telephone-event.
fn theirs(port: u16) -> String {
    BODY.replace("4000 RTP/AVP 8", &format!("{port} RTP/AVP 8 101")) + "a=rtpmap:101 telephone-event/8000\r\n"
}

/// Descriptions that are none to us, and what is said of them.
fn useless() -> [(String, &'static str); 4] {
    [
        (String::new(), "The answer has no description"),
        ("v=0\r\nrubbish\r\n".to_owned(), "The answer cannot be read: line 2"),
        (BODY.replace("RTP/AVP 8", "RTP/AVP 18"), "The answer is no use: no codec in common"),
        (BODY.replace("audio 4000", "audio 0"), "The answer is no use: the description has no audio"),
    ]
}

/// An INVITE comes in; `reliable` requires that provisional responses arrive.
fn rings(us: &mut Agent, offer: &str, reliable: bool) {
    let invite = request("INVITE", 1, "in", (CALLER, "<sip:waihu@x>", "in@x"), offer);
    us.hear(&if reliable { with(&invite, "Require: 100rel") } else { invite });
    assert!(matches!(us.end(), Event::Incoming { offer: o, .. } if o.is_none() == offer.is_empty()));
}

fn ring(us: &mut Agent, code: u16, early: bool) {
    us.input(Input::Command(Command::Ring { call: OURS, code, sdp: early.then(sdp) }));
}

fn answer(us: &mut Agent) {
    us.input(Input::Command(Command::Answer { call: OURS, sdp: sdp() }));
}

/// A request of theirs in the dialog that our latest answer has made.
fn within(us: &Agent, method: &str, cseq: u32, body: &str) -> String {
    let made = |text: &&String| text.starts_with("SIP/2.0") && text.contains("CSeq: 1 INVITE\r\n");
    let to = field(us.sent.iter().rev().map(|s| &s.text).find(made).unwrap(), "To");
    request(method, cseq, &format!("{method}{cseq}"), (CALLER, to, "in@x"), body)
}

/// The PRACK of our latest reliable response.
fn prack(us: &Agent, cseq: u32, body: &str) -> String {
    let rack = format!("RAck: {} 1 INVITE", field(&us.last("SIP/2.0 18"), "RSeq"));
    with(&within(us, "PRACK", cseq, body), &rack)
}

fn body(text: &str) -> &str {
    text.split_once("\r\n\r\n").unwrap().1
}

/// The latest answer to a request by its CSeq.
fn answered(us: &Agent, cseq: &str) -> String {
    let of = |text: &&String| text.starts_with("SIP/2.0") && field(text, "CSeq") == cseq;
    us.sent.iter().rev().map(|s| &s.text).find(of).unwrap().clone()
}

fn port(event: &Event) -> u16 {
    match event {
        Event::Answered { sdp } | Event::Reinvited { sdp } => sdp.audio().unwrap().remote.port(),
        other => panic!("{other:?}"),
    }
}

/// A key told by INFO.
fn key(us: &Agent, cseq: u32) -> String {
    let info = within(us, "INFO", cseq, "Signal=5\r\nDuration=100\r\n");
    info.replace("application/sdp", "application/dtmf-relay")
}

/// Nothing is left of it.
fn is_over(us: &mut Agent) {
    us.wait(us.now_ms + 200_000);
    assert!(us.is_empty(), "{:?}", us.endpoint.usage());
}

#[test]
fn the_200_brings_our_offer_and_the_ack_their_answer() {
    let mut us = Agent::new();
    rings(&mut us, "", false);
    ring(&mut us, 183, true);
    let early = us.last("SIP/2.0 183");
    assert_eq!(body(&early), "", "what may be lost is no offer");
    answer(&mut us);
    let ok = us.last("SIP/2.0 200");
    assert_eq!(body(&ok), sdp().to_string());
    us.wait(500);
    assert_eq!(us.times("SIP/2.0 200"), [0, 500]);
    assert_eq!(us.events.len(), 1, "nobody has answered our offer");
    us.hear(&within(&us, "ACK", 1, &theirs(4_002)));
    assert_eq!((us.events.len(), port(&us.events[1].1), us.end()), (3, 4_002, &Event::Confirmed));
    us.wait(40_000);
    assert_eq!((us.times("SIP/2.0 200").len(), us.times("BYE").len()), (2, 0));
    us.hear(&key(&us, 2));
    assert_eq!(us.end(), &Event::Confirmed, "keys are told in the sound");
    us.input(Input::Command(Command::Modify { call: OURS, change: Change::Direction(Direction::SendOnly) }));
    assert!(us.last("INVITE").contains("a=sendonly"));
    us.hear(&within(&us, "BYE", 3, ""));
    assert!(matches!(us.end(), Event::Ended { by: EndedBy::Remote, .. }));
    is_over(&mut us);
}

#[test]
fn an_ack_without_an_answer_that_can_be_spoken_ends_the_call_and_says_why() {
    for (body, why) in useless() {
        let mut us = Agent::new();
        rings(&mut us, "", false);
        answer(&mut us);
        us.hear(&within(&us, "ACK", 1, &body));
        let bye = us.last("BYE");
        assert_eq!(field(&bye, "Reason"), "SIP;cause=488;text=\"Not Acceptable Here\"");
        let Event::Failed { code: 488, reason, cause: FailureCause::BadAnswer, .. } = us.end() else {
            panic!("{:?}", us.end())
        };
        assert!(reason.starts_with(why), "{reason}");
        assert_eq!(us.events.len(), 2, "it never came up");
        // The ACK once more, as the wire doubles it.
        us.hear(&within(&us, "ACK", 1, &body));
        us.hear(&agent::response(&bye, "200 OK", ""));
        assert_eq!((us.times("BYE").len(), us.events.len()), (1, 2));
        is_over(&mut us);
    }
}

#[test]
fn who_hangs_up_meanwhile_waits_for_the_ack_and_needs_no_answer() {
    for body in ["", BODY] {
        let mut us = Agent::new();
        rings(&mut us, "", false);
        answer(&mut us);
        us.hang_up(OURS);
        assert!(us.times("BYE").is_empty());
        us.hear(&within(&us, "ACK", 1, body));
        assert_eq!(us.times("BYE").len(), 1);
        assert_eq!(us.end(), &Event::Ended { by: EndedBy::Local, reason: None });
        is_over(&mut us);
    }
}

#[test]
fn an_ack_that_never_comes_ends_the_call_after_32_seconds() {
    let mut us = Agent::new();
    rings(&mut us, "", false);
    answer(&mut us);
    us.wait(31_999);
    assert!(us.times("BYE").is_empty());
    us.wait(32_000);
    assert_eq!(us.times("BYE"), [32_000]);
    assert!(matches!(us.end(), Event::Ended { by: EndedBy::Local, reason: Some(_) }));
    is_over(&mut us);
}

#[test]
fn a_reliable_response_brings_our_offer_and_its_prack_the_answer() {
    let mut us = Agent::new();
    rings(&mut us, "", true);
    ring(&mut us, 180, false);
    assert!(us.times("SIP/2.0 18").is_empty(), "the first to arrive for sure must have the offer");
    ring(&mut us, 183, true);
    let early = us.last("SIP/2.0 183");
    assert_eq!((body(&early), field(&early, "Require")), (&*sdp().to_string(), "100rel"));
    answer(&mut us);
    us.wait(600);
    assert_eq!((us.times("SIP/2.0 183"), us.times("SIP/2.0 200").len()), (vec![0, 500], 0));
    us.hear(&prack(&us, 2, &theirs(4_002)));
    assert_eq!((us.events.len(), port(us.end())), (2, 4_002));
    // Both are said, and are not said again.
    assert_eq!(body(&answered(&us, "2 PRACK")), "");
    let ok = answered(&us, "1 INVITE");
    assert!(ok.starts_with("SIP/2.0 200") && body(&ok).is_empty(), "{ok}");
    us.hear(&within(&us, "ACK", 1, ""));
    assert_eq!((us.end(), us.times("BYE").len()), (&Event::Confirmed, 0));
    us.hear(&key(&us, 3));
    assert_eq!(us.end(), &Event::Confirmed, "keys are told in the sound");
    us.hear(&within(&us, "BYE", 4, ""));
    is_over(&mut us);
}

#[test]
fn what_rings_on_after_the_answer_in_prack_says_nothing_of_the_session() {
    let mut us = Agent::new();
    rings(&mut us, "", true);
    ring(&mut us, 183, true);
    us.hear(&prack(&us, 2, BODY));
    ring(&mut us, 183, true);
    let again = us.last("SIP/2.0 183");
    assert_eq!((us.times("SIP/2.0 183").len(), body(&again)), (2, ""));
    us.hear(&prack(&us, 3, ""));
    assert_eq!(us.events.len(), 2);
    answer(&mut us);
    assert_eq!(body(&answered(&us, "1 INVITE")), "");
}

#[test]
fn a_prack_without_an_answer_that_can_be_spoken_is_agreed_to_and_the_call_refused() {
    for (text, why) in useless() {
        for answered_early in [false, true] {
            let mut us = Agent::new();
            rings(&mut us, "", true);
            ring(&mut us, 183, true);
            if answered_early {
                answer(&mut us);
            }
            us.hear(&prack(&us, 2, &text));
            assert!(answered(&us, "2 PRACK").starts_with("SIP/2.0 200"));
            assert!(answered(&us, "1 INVITE").starts_with(&format!("SIP/2.0 488 {why}")));
            let Event::Failed { code: 488, reason, cause: FailureCause::BadAnswer, .. } = us.end() else {
                panic!("{:?}", us.end())
            };
            assert!(reason.starts_with(why), "{reason}");
            us.hear(&request("ACK", 1, "in", (CALLER, field(&us.last("SIP/2.0 488"), "To"), "in@x"), ""));
            assert_eq!(us.events.len(), 2);
            is_over(&mut us);
        }
    }
}

#[test]
fn an_offer_in_prack_is_answered_in_its_200_and_the_session_goes_on_with_it() {
    let mut us = Agent::new();
    rings(&mut us, BODY, true);
    ring(&mut us, 183, true);
    assert_eq!(body(&us.last("SIP/2.0 183")), sdp().to_string());
    let asks = prack(&us, 2, &(theirs(4_010) + "a=sendonly\r\n"));
    us.hear(&asks);
    let ok = answered(&us, "2 PRACK");
    assert!(ok.starts_with("SIP/2.0 200") && body(&ok).contains("a=recvonly"), "{ok}");
    assert!(body(&ok).contains("m=audio 4000 ") && version(&ok) == 2, "{ok}");
    assert_eq!((us.events.len(), port(us.end())), (2, 4_010));
    us.hear(&asks);
    assert_eq!((answered(&us, "2 PRACK"), us.events.len()), (ok, 2), "sent twice, agreed to once");
    answer(&mut us);
    assert_eq!(body(&answered(&us, "1 INVITE")), "");
    us.hear(&within(&us, "ACK", 1, ""));
    us.hear(&key(&us, 3));
    assert_eq!(us.end(), &Event::Confirmed, "keys are told in the sound");
    us.hear(&within(&us, "INVITE", 4, &theirs(4_010)));
    assert_eq!(version(&answered(&us, "4 INVITE")), 3);
}

fn version(text: &str) -> u64 {
    let origin = body(text).lines().find(|l| l.starts_with("o=")).unwrap();
    origin.split(' ').nth(2).unwrap().parse().unwrap()
}

#[test]
fn an_offer_in_prack_that_comes_to_nothing_ends_the_call() {
    let broken = [("v=0\r\nrubbish\r\n".to_owned(), "cannot be read"), (useless()[2].0.clone(), "no codec")];
    for (text, why) in broken {
        let mut us = Agent::new();
        rings(&mut us, BODY, true);
        ring(&mut us, 183, true);
        us.hear(&prack(&us, 2, &text));
        let ok = answered(&us, "2 PRACK");
        assert!(ok.starts_with("SIP/2.0 200") && body(&ok).is_empty());
        assert!(answered(&us, "1 INVITE").starts_with("SIP/2.0 488 The offer in PRACK"));
        assert!(matches!(us.end(), Event::Failed { code: 488, reason, .. } if reason.contains(why)));
    }
}

#[test]
fn an_offer_in_prack_that_may_not_stand_there_yet_is_read_over() {
    let mut us = Agent::new();
    rings(&mut us, BODY, true);
    ring(&mut us, 180, false);
    us.hear(&prack(&us, 2, &theirs(4_010)));
    let ok = answered(&us, "2 PRACK");
    assert!(ok.starts_with("SIP/2.0 200") && body(&ok).is_empty());
    assert_eq!(us.events.len(), 1, "their first offer is not answered yet");
    // Neither is what is no description at all.
    ring(&mut us, 183, true);
    us.hear(&prack(&us, 3, "x").replace("application/sdp", "application/isup"));
    assert!(answered(&us, "3 PRACK").starts_with("SIP/2.0 200"));
    answer(&mut us);
    us.hear(&within(&us, "ACK", 1, ""));
    assert_eq!(us.end(), &Event::Confirmed);
    assert_eq!(us.sent_last("SIP/2.0 200").to, THERE.parse().unwrap());
}
