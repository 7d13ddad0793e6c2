//! What is odd about a message, and does not matter to what it asks or tells, loses neither.
#![allow(clippy::unwrap_used)]

mod agent;

use agent::{Agent, BODY, CALL, field, request, response};
use waihu_sip::{EndedBy, Event, FailureCause};

/// A call that we placed and that is up, and a request of the far end within it, spoilt by `spoil`.
fn within_a_call(method: &str, spoil: impl Fn(String) -> Vec<u8>) -> Agent {
    let mut us = Agent::new();
    let (_, ack) = us.call(CALL);
    let theirs = (field(&ack, "To"), field(&ack, "From"), field(&ack, "Call-ID"));
    us.hear_bytes(&spoil(request(method, 1, "odd", theirs, "")));
    us
}

/// With a body of that type, and further lines.
fn with_body(message: &str, lines: &str, body: &str) -> String {
    let length = format!("{lines}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    message.replacen("Content-Length: 0\r\n\r\n", &length, 1)
}

#[test]
fn a_bye_hangs_up_whatever_it_brings_along() {
    for kind in ["application/isup;version=itu-t92+", "application/vq-rtcpxr", "text/plain"] {
        let us =
            within_a_call("BYE", |bye| with_body(&bye, &format!("Content-Type: {kind}"), "REL").into_bytes());
        assert_eq!(us.times("SIP/2.0 200").len(), 1, "{kind}");
        assert_eq!(us.end(), &Event::Ended { by: EndedBy::Remote, reason: None });
    }
}

#[test]
fn the_body_of_an_invite_is_refused_unless_it_may_go_unread() {
    let dialog = ("<sip:far@x>;tag=f", "<sip:waihu@x>", "in@x");
    let isup = "Content-Type: application/isup";
    for (disposition, taken) in [
        ("Content-Disposition: signal; Handling = Optional", true),
        ("Content-Disposition: signal;handling=required", false),
        ("Content-Disposition: signal", false),
        ("Subject: optional", false),
    ] {
        let mut us = Agent::new();
        let invite = request("INVITE", 1, "in", dialog, "");
        us.hear(&with_body(&invite, &format!("{isup}\r\n{disposition}"), "IAM"));
        assert_eq!(us.times("SIP/2.0 415").len(), usize::from(!taken), "{disposition}");
        let offers = us.events.iter().filter(|(_, e)| matches!(e, Event::Incoming { offer: None, .. }));
        assert_eq!(offers.count(), usize::from(taken), "{disposition}");
    }
    let mut us = Agent::new();
    let invite = request("INVITE", 1, "in", dialog, BODY);
    us.hear(&invite.replacen(
        "Content-Type",
        "Content-Disposition: session;handling=optional\r\nContent-Type",
        1,
    ));
    assert!(matches!(us.end(), Event::Incoming { offer: Some(_), .. }), "a description is read all the same");
}

#[test]
fn text_that_is_no_utf_8_is_replaced_and_loses_nothing_else() {
    // "用户忙" in GBK.
    let gbk = b"\xd3\xc3\xbb\xa7\xc3\xa6";
    let splice = |text: String| {
        let at = text.find("GBK").unwrap();
        [&text.as_bytes()[..at], gbk, &text.as_bytes()[at + 3..]].concat()
    };
    let us = within_a_call("BYE", |bye| {
        splice(bye.replacen("Max-Forwards", "Reason: Q.850;cause=17;text=\"GBK\"\r\nMax-Forwards", 1))
    });
    assert_eq!(us.times("SIP/2.0 200").len(), 1);
    let Event::Ended { by: EndedBy::Remote, reason: Some(reason) } = us.end() else {
        panic!("{:?}", us.end())
    };
    assert!(reason.starts_with("Q.850;cause=17;text=\"\u{fffd}"), "{reason}");

    let mut us = Agent::new();
    let invite = us.invite(CALL, None);
    us.hear_bytes(&splice(response(&invite, "486 GBK", "")));
    assert!(matches!(us.end(), Event::Failed { code: 486, .. }));

    let mut us = Agent::new();
    let asks = request("OPTIONS", 1, "odd", ("\"GBK\" <sip:far@x>;tag=f", "<sip:waihu@x>", "a@x"), "");
    us.hear_bytes(&splice(asks));
    assert_eq!(us.times("SIP/2.0 200").len(), 1);
}

/// Lines that nothing depends on once a dialog is there.
const SPARE: [&str; 6] = [
    "Date: Fri, 01 Jan 2010 16:00:00 EST",
    "Contact: <sip:99#138@192.0.2.2>",
    "Contact: Bell, A <sip:a@192.0.2.2>",
    "Route: <sip:@>",
    "Record-Route: <sip:p1;lr>, <sip:",
    "Max-Forwards: 300",
];

#[test]
fn a_broken_field_that_is_not_needed_loses_neither_answer_nor_bye() {
    for line in SPARE {
        let end = |message: &str| message.replacen("Content-Length", &format!("{line}\r\nContent-Length"), 1);
        let us = within_a_call("BYE", |bye| end(&bye).into_bytes());
        assert_eq!(us.end(), &Event::Ended { by: EndedBy::Remote, reason: None }, "{line}");
        for (status, body) in [("486 Busy Here", ""), ("200 OK", BODY)] {
            let mut us = Agent::new();
            let invite = us.invite(CALL, None);
            us.hear(&end(&response(&invite, status, body)));
            let told = matches!(us.end(), Event::Failed { code: 486, .. } | Event::Answered { .. });
            assert!(told, "{line}: {:?}", us.events);
        }
    }
}

#[test]
fn an_answer_with_a_broken_contact_is_hung_up_at_the_request_uri() {
    let mut us = Agent::new();
    let invite = us.invite(CALL, None);
    let broken = response(&invite, "200 OK", BODY).replacen("Contact: <", "Contact: Bell, A <", 1);
    us.hear(&broken);
    us.hang_up(CALL);
    let start = |method| format!("{method} {} SIP/2.0\r\n", invite.split(' ').nth(1).unwrap());
    assert!(us.last("ACK").starts_with(&start("ACK")) && us.last("BYE").starts_with(&start("BYE")));
}

#[test]
fn a_request_outside_any_dialog_is_held_to_the_letter() {
    for line in SPARE.iter().filter(|l| !l.contains('#')) {
        let mut us = Agent::new();
        let asks = request("OPTIONS", 1, "odd", ("<sip:far@x>;tag=f", "<sip:waihu@x>", "a@x"), "");
        us.hear(&asks.replacen("Max-Forwards: 70", line, 1));
        assert_eq!(us.times("SIP/2.0 400").len(), 1, "{line}");
    }
}

#[test]
fn whoever_picked_up_is_told_apart_where_the_answer_is_no_use() {
    let other_codec = BODY.replace("RTP/AVP 8", "RTP/AVP 18");
    for body in ["", "v=0\r\nrubbish", &other_codec] {
        let mut us = Agent::new();
        let invite = us.invite(CALL, None);
        us.hear(&response(&invite, "200 OK", body));
        assert!(
            matches!(us.end(), Event::Failed { code: 488, cause: FailureCause::BadAnswer, .. }),
            "{body}"
        );
        assert_eq!((us.times("ACK").len(), us.times("BYE").len()), (1, 1));
    }
}
