//! Extensions against a far end that says exactly what it is told to: PRACK (RFC 3262), UPDATE (RFC 3311),
//! session timers (RFC 4028), REFER (RFC 3515), Replaces (RFC 3891), INFO, registration (RFC 3261 §10).
#![allow(clippy::unwrap_used)]

mod agent;

use agent::{Agent, BODY, CALL, HERE, THERE, field, fields, request, response, sdp, with};
use waihu_sip::{
    CallHandle, CallsIn, Change, Command, Credentials, Direction, EndedBy, EndpointConfig, Event, Hop, Input,
    LargeRequests, NameAddr, Referral, Strangers, Transport, Uri,
    registrar::{Registrar, Telephone},
    registration::State,
};

const THEIRS: CallHandle = CallHandle(1);

fn told() -> Agent {
    let mut config = EndpointConfig::new(HERE.parse().unwrap(), "test", 7);
    config.referral = Referral::Told;
    Agent::with(config)
}

/// From, To and Call-ID of the far end's requests, from the ACK of ours.
fn theirs(ack: &str) -> (String, String, String) {
    (field(ack, "To").to_owned(), field(ack, "From").to_owned(), field(ack, "Call-ID").to_owned())
}

fn within(method: &str, cseq: u32, ack: &str, line: &str, body: &str) -> String {
    let (from, to, id) = theirs(ack);
    let text = request(method, cseq, &format!("{method}{cseq}"), (&from, &to, &id), body);
    if line.is_empty() { text } else { with(&text, line) }
}

fn typed(text: &str, kind: &str, body: &str) -> String {
    let head = text.split("Content-Length").next().unwrap();
    format!("{head}Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// An Allow and a Session-Expires in the answer to our INVITE.
fn call_with(us: &mut Agent, lines: &str) -> String {
    let invite = us.invite(CALL, None);
    us.hear(&with(&response(&invite, "200 OK", BODY), lines));
    us.last("ACK")
}

#[test]
fn a_reliable_provisional_is_acknowledged_once_and_in_order() {
    let mut us = Agent::new();
    let invite = us.invite(CALL, None);
    assert!(field(&invite, "Supported").contains("100rel"));
    let rings = |number: u32| {
        with(&response(&invite, "183 Session Progress", BODY), &format!("Require: 100rel\r\nRSeq: {number}"))
    };
    us.hear(&rings(70));
    let prack = us.last("PRACK");
    assert_eq!((field(&prack, "RAck"), field(&prack, "CSeq")), ("70 1 INVITE", "2 PRACK"));
    assert!(field(&prack, "To").ends_with(";tag=far"));
    us.hear(&response(&prack, "200 OK", ""));
    us.hear(&rings(70));
    us.hear(&rings(72));
    assert_eq!(us.times("PRACK").len(), 1, "one that came again, and one before which another is missing");
    assert_eq!(us.events.len(), 1);
    us.hear(&rings(71));
    assert_eq!(field(&us.last("PRACK"), "RAck"), "71 1 INVITE");
    // The numbering goes on in the dialog that it becomes.
    us.hear(&response(&invite, "200 OK", ""));
    assert!(matches!(us.end(), Event::Answered { .. }), "the description came with the 183");
    assert_eq!(field(&us.last("ACK"), "CSeq"), "1 ACK");
    us.hang_up(CALL);
    assert_eq!(field(&us.last("BYE"), "CSeq"), "4 BYE");
    us.hear(&response(&us.last("BYE"), "200 OK", ""));
    us.wait(100_000);
    assert!(us.is_empty());
}

#[test]
fn each_branch_of_a_fork_has_its_own_numbering() {
    let mut us = Agent::new();
    let invite = us.invite(CALL, None);
    for tag in ["a", "b", "c"] {
        let rings = response(&invite, "183 Session Progress", BODY).replace("tag=far", &format!("tag={tag}"));
        us.hear(&with(&rings, "Require: 100rel\r\nRSeq: 1"));
        let prack = us.last("PRACK");
        assert!(field(&prack, "To").ends_with(&format!(";tag={tag}")));
        assert_eq!(field(&prack, "CSeq"), "2 PRACK");
    }
    assert_eq!(us.endpoint.usage().dialogs, 3);
    us.hear(&response(&invite, "200 OK", "").replace("tag=far", "tag=b"));
    assert_eq!(us.endpoint.usage().dialogs, 1);
    us.hang_up(CALL);
    us.wait(100_000);
    assert!(us.is_empty());
}

#[test]
fn early_media_changes_by_update_before_the_answer() {
    let mut us = Agent::new();
    let invite = us.invite(CALL, None);
    let update = |cseq: u32| {
        let (from, to) = (field(&invite, "To").to_owned() + ";tag=far", field(&invite, "From").to_owned());
        request("UPDATE", cseq, &format!("u{cseq}"), (&from, &to, field(&invite, "Call-ID")), BODY)
    };
    us.hear(&response(&invite, "183 Session Progress", BODY));
    us.hear(&update(1));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 491"), "our offer has no answer that binds");
    us.hear(&with(&response(&invite, "183 Session Progress", BODY), "Require: 100rel\r\nRSeq: 1"));
    us.hear(&update(2));
    let ok = us.last("SIP/2.0 200");
    assert!(
        ok.contains("m=audio 4000") && matches!(us.end(), Event::Provisional { code: 183, sdp: Some(_), .. })
    );
    us.hear(&response(&invite, "486 Busy Here", ""));
    us.wait(100_000);
    assert!(us.is_empty());
}

fn ringing(us: &mut Agent, lines: &str) {
    let dialog = ("<sip:far@x>;tag=f", "<sip:waihu@x>", "in@x");
    us.hear(&with(&request("INVITE", 1, "in", dialog, BODY), lines));
}

fn prack(us: &Agent, cseq: u32, rack: &str) -> String {
    let to =
        field(us.sent.iter().rev().map(|s| &s.text).find(|t| t.starts_with("SIP/2.0 18")).unwrap(), "To");
    with(&request("PRACK", cseq, &format!("p{cseq}"), ("<sip:far@x>;tag=f", to, "in@x"), ""), rack)
}

#[test]
fn where_the_caller_requires_it_ringing_is_repeated_until_its_prack_and_the_answer_waits() {
    let mut us = Agent::new();
    ringing(&mut us, "Require: 100rel");
    us.input(Input::Command(Command::Ring { call: THEIRS, code: 183, sdp: Some(sdp()) }));
    us.input(Input::Command(Command::Ring { call: THEIRS, code: 180, sdp: None }));
    us.input(Input::Command(Command::Answer { call: THEIRS, sdp: sdp() }));
    us.wait(4_000);
    assert_eq!(us.times("SIP/2.0 183"), [0, 500, 1_500, 3_500]);
    assert!(us.times("SIP/2.0 180").is_empty() && us.times("SIP/2.0 200").is_empty());
    let rseq = field(&us.last("SIP/2.0 183"), "RSeq").to_owned();
    us.hear(&prack(&us, 2, "RAck: 99 1 INVITE"));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 481"));
    us.hear(&prack(&us, 3, &format!("RAck: {rseq} 1 INVITE")));
    assert_eq!(us.times("SIP/2.0 200").len(), 2, "the PRACK's and the INVITE's");
    assert!(
        !us.last("SIP/2.0 200").contains("m=audio"),
        "it is said, and is not said again (RFC 6337 §3.1.1)"
    );
}

#[test]
fn a_caller_who_never_acknowledges_our_ringing_is_refused() {
    let mut us = Agent::new();
    ringing(&mut us, "Require: 100rel");
    us.input(Input::Command(Command::Ring { call: THEIRS, code: 180, sdp: None }));
    us.wait(32_000);
    assert_eq!(us.times("SIP/2.0 180"), [0, 500, 1_500, 3_500, 7_500, 15_500, 31_500]);
    assert_eq!(us.times("SIP/2.0 504"), [32_000]);
    us.wait(100_000);
    assert!(us.is_empty());
}

#[test]
fn we_refresh_by_update_at_half_of_the_interval_for_as_long_as_the_call_lasts() {
    let mut us = Agent::new();
    call_with(&mut us, "Allow: INVITE, UPDATE\r\nSession-Expires: 600;refresher=uac\r\nRequire: timer");
    for n in 1..=20 {
        us.wait(n * 300_000);
        let update = us.last("UPDATE");
        assert_eq!(us.times("UPDATE").len(), n as usize);
        assert_eq!(field(&update, "Session-Expires"), "600;refresher=uac");
        us.hear(&with(&response(&update, "200 OK", ""), "Session-Expires: 600;refresher=uac"));
    }
    us.hang_up(CALL);
    us.hear(&response(&us.last("BYE"), "200 OK", ""));
    us.wait(us.now_ms + 100_000);
    assert!(us.is_empty());
}

#[test]
fn where_update_is_not_known_we_refresh_by_the_same_offer() {
    let mut us = Agent::new();
    call_with(&mut us, "Allow: INVITE\r\nSession-Expires: 90;refresher=uac");
    let first = us.sent[0].text.clone();
    us.wait(45_000);
    let again = us.last("INVITE");
    assert_ne!(again, first);
    assert_eq!(
        again.split("\r\n\r\n").nth(1),
        first.split("\r\n\r\n").nth(1),
        "not even the version changes"
    );
    us.hear(&with(&response(&again, "200 OK", BODY), "Session-Expires: 90;refresher=uac"));
    assert_eq!(field(&us.last("ACK"), "CSeq"), "2 ACK");
    us.hear(&with(&response(&again, "200 OK", BODY), "Session-Expires: 90;refresher=uac"));
    assert_eq!(us.times("ACK").len(), 3, "a 2xx that comes again is acknowledged again");
    assert_eq!(us.events.len(), 1, "and nobody is told of a refresh");
}

#[test]
fn a_session_that_nobody_refreshes_ends_before_its_time() {
    let mut us = Agent::new();
    call_with(&mut us, "Session-Expires: 1800;refresher=uas");
    us.wait(1_767_999);
    assert!(us.times("BYE").is_empty());
    us.wait(1_768_000);
    assert!(us.last("BYE").contains("Session expired"));
    assert!(matches!(us.end(), Event::Ended { by: EndedBy::Local, reason: Some(_) }));
}

#[test]
fn a_refresh_of_theirs_keeps_the_session_and_too_small_an_interval_is_refused() {
    let mut us = Agent::new();
    let ack = call_with(&mut us, "Session-Expires: 200;refresher=uas");
    us.wait(100_000);
    us.hear(&within("UPDATE", 1, &ack, "Supported: timer\r\nSession-Expires: 200;refresher=uac", ""));
    assert_eq!(field(&us.last("SIP/2.0 200"), "Session-Expires"), "200;refresher=uac");
    us.wait(200_000);
    us.hear(&within("UPDATE", 2, &ack, "Supported: timer\r\nSession-Expires: 89", ""));
    assert_eq!(field(&us.last("SIP/2.0 422"), "Min-SE"), "90");
    us.hear(&within("INVITE", 3, &ack, "Supported: timer\r\nSession-Expires: 200;refresher=uac", BODY));
    assert_eq!(field(&us.last("SIP/2.0 200"), "Require"), "timer");
    us.hear(&within("ACK", 3, &ack, "", ""));
    us.wait(200_000 + 167_000);
    assert!(us.times("BYE").is_empty());
    us.wait(200_000 + 168_000);
    assert_eq!(us.times("BYE").len(), 1);
}

#[test]
fn an_interval_too_small_for_them_is_made_longer_once_for_each_422() {
    let mut us = Agent::new();
    let first = us.invite(CALL, None);
    assert_eq!(field(&first, "Session-Expires"), "1800");
    us.hear(&with(&response(&first, "422 Session Interval Too Small", ""), "Min-SE: 3600"));
    let second = us.last("INVITE");
    assert_eq!((field(&second, "Session-Expires"), field(&second, "Min-SE")), ("3600", "3600"));
    assert_eq!(field(&second, "CSeq"), "2 INVITE");
    us.hear(&with(&response(&second, "422 Session Interval Too Small", ""), "Min-SE: 3600"));
    assert!(
        matches!(us.end(), Event::Failed { code: 422, .. }),
        "who asks for what he got is not asked again"
    );
    us.wait(100_000);
    assert!(us.is_empty());
}

#[test]
fn a_call_is_held_and_resumed() {
    let mut us = Agent::new();
    us.call(CALL);
    for (n, direction, line) in [(2, Direction::SendOnly, "sendonly"), (3, Direction::SendRecv, "sendrecv")] {
        us.input(Input::Command(Command::Modify { call: CALL, change: Change::Direction(direction) }));
        let offer = us.last("INVITE");
        assert!(offer.contains(&format!("a={line}\r\n")), "{offer}");
        assert_eq!(
            offer.lines().find(|l| l.starts_with("o=")).unwrap().split(' ').nth(2),
            Some(&*n.to_string())
        );
        us.input(Input::Command(Command::Modify { call: CALL, change: Change::Direction(direction) }));
        assert_eq!(us.end(), &Event::NotModified { code: 491 }, "one at a time");
        us.hear(&response(&offer, "200 OK", BODY));
        assert!(matches!(us.end(), Event::Modified { .. }));
    }
    us.input(Input::Command(Command::Modify { call: CALL, change: Change::Direction(Direction::Inactive) }));
    us.hear(&response(&us.last("INVITE"), "488 Not Acceptable Here", ""));
    assert_eq!(us.end(), &Event::NotModified { code: 488 });
    assert_eq!(us.endpoint.usage().calls, 1);
}

#[test]
fn offers_that_cross_are_refused_and_ours_goes_again_after_theirs() {
    let mut us = Agent::new();
    let (_, ack) = us.call(CALL);
    us.input(Input::Command(Command::Modify { call: CALL, change: Change::Direction(Direction::SendOnly) }));
    let ours = us.last("INVITE");
    us.hear(&within("INVITE", 1, &ack, "", BODY));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 491"));
    us.hear(&within("UPDATE", 2, &ack, "", BODY));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 491"));
    us.hear(&response(&ours, "491 Request Pending", ""));
    us.wait(2_099);
    assert_eq!(us.times("INVITE").len(), 2);
    us.wait(4_000);
    assert_eq!(field(&us.last("INVITE"), "CSeq"), "3 INVITE", "2.1 to 4 s later, for the Call-ID is ours");
    us.hear(&response(&us.last("INVITE"), "200 OK", BODY));
    assert!(matches!(us.end(), Event::Modified { .. }));
}

#[test]
fn a_far_end_that_has_forgotten_the_call_ends_it() {
    let mut us = Agent::new();
    us.call(CALL);
    us.input(Input::Command(Command::Digit { call: CALL, digit: '5', duration_ms: 200 }));
    let info = us.last("INFO");
    assert!(info.ends_with("Signal=5\r\nDuration=200\r\n"));
    us.hear(&response(&info, "481 Call Leg Does Not Exist", ""));
    assert!(matches!(us.end(), Event::Ended { by: EndedBy::Remote, .. }));
    us.hear(&response(&us.last("BYE"), "481 Call Leg Does Not Exist", ""));
    us.wait(100_000);
    assert!(us.is_empty());
}

#[test]
fn keys_come_by_info_and_unknown_packages_are_named() {
    let mut us = Agent::new();
    let (_, ack) = us.call(CALL);
    let relay =
        typed(&within("INFO", 1, &ack, "", ""), "application/dtmf-relay", "Signal=9\r\nDuration=100\r\n");
    us.hear(&relay);
    us.hear(&relay);
    assert_eq!(us.end(), &Event::Digit { digit: '9', duration_ms: 100 });
    assert_eq!(us.events.len(), 2, "sent twice, pressed once");
    us.hear(&within("INFO", 2, &ack, "Info-Package: x", ""));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 469"));
    us.hear(&typed(&within("INFO", 3, &ack, "", ""), "text/plain", "9"));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 415"));
    us.hear(&within("INFO", 4, &ack, "", ""));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 200"));
}

fn fragment(ack: &str, cseq: u32, state: &str, line: &str) -> String {
    let lines = format!("Event: refer\r\nSubscription-State: {state}");
    typed(&within("NOTIFY", cseq, ack, &lines, ""), "message/sipfrag;version=2.0", line)
}

#[test]
fn a_transfer_of_ours_is_followed_to_its_end() {
    let mut us = Agent::new();
    let (_, ack) = us.call(CALL);
    let refer = |us: &mut Agent, replaces| {
        let target: Uri = "sip:desk@192.0.2.7".parse().unwrap();
        us.input(Input::Command(Command::Refer { call: CALL, target, replaces }));
    };
    refer(&mut us, None);
    let sent = us.last("REFER");
    assert_eq!(field(&sent, "Refer-To"), "<sip:desk@192.0.2.7>");
    assert!(!field(&sent, "Referred-By").contains("tag"));
    us.hear(&response(&sent, "202 Accepted", ""));
    us.hear(&fragment(&ack, 1, "active;expires=60", "SIP/2.0 180 Ringing\r\n"));
    us.hear(&fragment(&ack, 2, "terminated;reason=noresource", "SIP/2.0 200 OK\r\n"));
    let codes: Vec<u16> = us
        .events
        .iter()
        .filter_map(|(_, e)| if let Event::Transfer { code } = e { Some(*code) } else { None })
        .collect();
    assert_eq!(codes, [100, 180, 200]);
    us.hear(&fragment(&ack, 3, "active", "SIP/2.0 100 Trying\r\n"));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 481"), "the subscription is over");
    refer(&mut us, None);
    us.hear(&response(&us.last("REFER"), "603 Decline", ""));
    assert_eq!(us.end(), &Event::Transfer { code: 603 });
    refer(&mut us, None);
    us.hear(&response(&us.last("REFER"), "202 Accepted", ""));
    us.wait(180_000);
    assert_eq!(us.end(), &Event::Transfer { code: 408 }, "no news for three minutes");
    refer(&mut us, Some(CallHandle(90)));
    assert_eq!(us.end(), &Event::Transfer { code: 481 }, "no such call to take the place of");
}

#[test]
fn an_attended_transfer_names_the_other_call_as_its_target_knows_it() {
    let mut us = Agent::new();
    us.call(CALL);
    let (_, other) = us.call(CallHandle(4));
    let target: Uri = "sip:desk@192.0.2.7".parse().unwrap();
    us.input(Input::Command(Command::Refer { call: CALL, target, replaces: Some(CallHandle(4)) }));
    let tag = field(&other, "From").split("tag=").nth(1).unwrap();
    let id = field(&other, "Call-ID");
    let expected = format!("<sip:desk@192.0.2.7?Replaces={id}%3Bto-tag%3Dfar%3Bfrom-tag%3D{tag}>");
    assert_eq!(field(&us.last("REFER"), "Refer-To"), expected);
}

#[test]
fn a_wish_to_be_transferred_is_told_or_declined_and_reported_on() {
    let refer = |ack: &str, cseq, to: &str| within("REFER", cseq, ack, to, "");
    let mut us = Agent::new();
    let (_, ack) = us.call(CALL);
    us.hear(&refer(&ack, 1, "Refer-To: <sip:boss@192.0.2.8>"));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 405"));
    assert!(!field(&us.sent[0].text, "Allow").contains("REFER"), "what is declined is not advertised");

    let mut us = told();
    let (_, ack) = us.call(CALL);
    assert!(field(&us.sent[0].text, "Allow").contains("REFER"));
    us.hear(&refer(&ack, 1, "Refer-To: <sip:a@x>\r\nRefer-To: <sip:b@x>"));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 400"));
    us.hear(&refer(&ack, 2, "Refer-To: <sip:boss@192.0.2.8?Replaces=x%40y%3Bto-tag%3Da%3Bfrom-tag%3Db>\r\nReferred-By: <sip:far@x>"));
    assert!(us.sent.iter().any(|s| s.text.starts_with("SIP/2.0 202")));
    let Event::TransferAsked { target, replaces, referred_by } = us.end() else { panic!("{:?}", us.end()) };
    assert_eq!(target.to_string(), "sip:boss@192.0.2.8");
    assert_eq!(replaces.as_deref(), Some("x@y;to-tag=a;from-tag=b"));
    assert_eq!(referred_by.as_deref(), Some("<sip:far@x>"));
    us.hear(&refer(&ack, 3, "Refer-To: <sip:c@x>"));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 491"), "one at a time");
    let report = |us: &mut Agent, code, reason: &str| {
        us.input(Input::Command(Command::ReportTransfer { call: CALL, code, reason: reason.into() }));
        us.last("NOTIFY")
    };
    assert!(report(&mut us, 180, "Ringing").ends_with("SIP/2.0 180 Ringing\r\n"));
    let last = report(&mut us, 200, "OK");
    assert!(field(&last, "Subscription-State").starts_with("terminated"));
    assert_eq!(field(&last, "Event"), "refer");
    assert_eq!(us.times("NOTIFY").len(), 3);
    report(&mut us, 200, "OK");
    assert_eq!(us.times("NOTIFY").len(), 3, "over is over");
}

#[test]
fn who_takes_no_calls_does_not_say_that_one_may_replace_another() {
    let mut config = EndpointConfig::new(HERE.parse().unwrap(), "test", 7);
    config.calls_in = CallsIn::Refused;
    let mut us = Agent::with(config);
    let invite = us.invite(CALL, None);
    assert_eq!(field(&invite, "Supported"), "100rel, timer");
    us.hear(&with(&response(&invite, "200 OK", BODY), "Allow: UPDATE\r\nSession-Expires: 90;refresher=uac"));
    us.wait(50_000);
    assert_eq!(field(&us.last("UPDATE"), "Supported"), "100rel, timer");
    us.hear(&request("OPTIONS", 1, "o", ("<sip:far@x>;tag=f", "<sip:waihu@x>", "o@x"), ""));
    assert_eq!(field(&us.last("SIP/2.0 200"), "Supported"), "100rel, timer");
    let asked = request("INVITE", 1, "r", ("<sip:far@x>;tag=f", "<sip:waihu@x>", "r@x"), BODY);
    us.hear(&with(&asked, "Require: replaces"));
    assert_eq!(field(&us.last("SIP/2.0 420"), "Unsupported"), "replaces");
    assert_eq!(field(&Agent::new().invite(CALL, None), "Supported"), "100rel, replaces, timer");
}

#[test]
fn a_call_that_replaces_another_ends_it_when_it_is_answered_and_not_before() {
    let mut us = Agent::new();
    let (_, ack) = us.call(CALL);
    let ours = field(&ack, "From").split("tag=").nth(1).unwrap().to_owned();
    let id = field(&ack, "Call-ID").to_owned();
    let invite = |branch: &str, replaces: &str| {
        let dialog = (format!("<sip:boss@x>;tag={branch}"), format!("{branch}@x"));
        let text = request("INVITE", 1, branch, (&dialog.0, "<sip:waihu@x>", &dialog.1), BODY);
        with(&text, &format!("Replaces: {replaces}"))
    };
    us.hear(&invite("one", &format!("{id};to-tag={ours};from-tag=wrong")));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 481"));
    us.hear(&invite("two", &format!("{id};to-tag={ours};from-tag=far;early-only")));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 486"));
    us.hear(&invite("three", "broken"));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 400"));
    us.hear(&invite("four", &format!("{id};to-tag={ours};from-tag=far")));
    let (new, replaced) = match us.events.last().unwrap() {
        (new, Event::Incoming { replaces, .. }) => (*new, *replaces),
        other => panic!("{other:?}"),
    };
    assert_eq!(replaced, Some(CALL));
    assert!(us.times("BYE").is_empty());
    us.input(Input::Command(Command::Answer { call: new, sdp: sdp() }));
    assert_eq!(us.times("BYE").len(), 1);
    assert!(us.events.contains(&(CALL, Event::Ended { by: EndedBy::Replaced(new), reason: None })));
}

fn who() -> Option<Credentials> {
    Some(Credentials { username: "u".into(), password: "p".into(), realm: None })
}

#[test]
fn a_registration_is_proven_renewed_and_taken_back() {
    let mut us = Agent::new();
    us.register(who());
    let first = us.last("REGISTER");
    assert!(first.starts_with("REGISTER sip:carrier.example SIP/2.0"));
    assert_eq!((field(&first, "Expires"), field(&first, "Contact")), ("600", &*format!("<sip:4008@{HERE}>")));
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"";
    us.hear(&with(&response(&first, "401 Unauthorized", ""), challenge));
    let proven = us.last("REGISTER");
    assert!(field(&proven, "Authorization").contains("nc=00000001"));
    assert_eq!(field(&proven, "Call-ID"), field(&first, "Call-ID"));
    us.hear(&with(&response(&proven, "200 OK", ""), "Expires: 300"));
    assert_eq!(us.registrations, [State::Registered { expires_s: 300 }]);
    us.wait(239_999);
    assert_eq!(us.times("REGISTER").len(), 2);
    us.wait(240_000);
    assert_eq!(us.times("REGISTER").len(), 3);
    assert_eq!(field(&us.last("REGISTER"), "CSeq"), "3 REGISTER");
    us.hear(&with(&response(&us.last("REGISTER"), "423 Interval Too Brief", ""), "Min-Expires: 1200"));
    assert_eq!(field(&us.last("REGISTER"), "Expires"), "1200");
    us.hear(&response(&us.last("REGISTER"), "200 OK", ""));
    us.input(Input::Command(Command::Unregister { registration: 1 }));
    assert_eq!(field(&us.last("REGISTER"), "Expires"), "0");
    us.hear(&response(&us.last("REGISTER"), "200 OK", ""));
    assert_eq!(us.registrations.last(), Some(&State::Removed));
    us.wait(us.now_ms + 100_000);
    assert!(us.is_empty());
}

#[test]
fn a_registration_that_is_forgotten_says_nothing_more() {
    let mut us = Agent::new();
    us.register(who());
    us.hear(&response(&us.last("REGISTER"), "200 OK", ""));
    us.input(Input::Command(Command::Forget { registration: 1 }));
    assert_eq!(us.registrations.last(), Some(&State::Removed));
    us.wait(us.now_ms + 1_000_000);
    assert_eq!(us.times("REGISTER").len(), 1);
    assert!(us.is_empty());
}

#[test]
fn a_registration_that_fails_is_tried_again_ever_more_slowly() {
    let mut us = Agent::new();
    us.register(who());
    let mut pauses = Vec::new();
    for _ in 0..8 {
        us.hear(&response(&us.last("REGISTER"), "503 Service Unavailable", ""));
        let Some(State::Failed { code: 503, again_s, .. }) = us.registrations.last() else { panic!() };
        pauses.push(*again_s);
        us.wait(us.now_ms + u64::from(*again_s) * 1_000);
    }
    assert_eq!(pauses, [30, 60, 120, 240, 480, 960, 1_800, 1_800]);
    assert_eq!(us.times("REGISTER").len(), 9);
    us.hear(&with(&response(&us.last("REGISTER"), "503 Service Unavailable", ""), "Retry-After: 400"));
    assert!(matches!(us.registrations.last(), Some(State::Failed { again_s: 400, .. })));
}

#[test]
fn over_a_stream_via_and_contact_say_so_and_answers_go_back_through_it() {
    let mut us = Agent::new();
    us.transport = Transport::Tls;
    let (invite, ack) = us.call(CALL);
    assert!(field(&invite, "Via").starts_with("SIP/2.0/TLS "));
    assert!(field(&invite, "Contact").contains(";transport=tls"));
    // Their Contact names UDP by saying nothing: the stream is kept to all the same.
    assert_eq!(us.sent_last("ACK").transport, Transport::Tls);
    us.hear(&within("OPTIONS", 1, &ack, "", ""));
    assert_eq!(us.sent_last("SIP/2.0 200").transport, Transport::Tls);
    us.hang_up(CALL);
    us.wait(31_000);
    assert_eq!(us.times("BYE").len(), 1, "a stream sees to it itself");
    us.hear(&response(&us.last("BYE"), "200 OK", ""));
    us.wait(31_001);
    assert_eq!(us.endpoint.usage().clients, 1, "the INVITE's 2xx may come again for 32 s");
}

#[test]
fn via_and_contact_name_the_port_that_their_transport_is_listened_for_at() {
    for (transport, port, parameter) in [
        (Transport::Udp, 5060, ""),
        (Transport::Tcp, 5060, ";transport=tcp"),
        (Transport::Tls, 5061, ";transport=tls"),
    ] {
        let mut config = EndpointConfig::new(HERE.parse().unwrap(), "test", 7);
        config.tls_port = Some(5061);
        let mut us = Agent::with(config);
        us.transport = transport;
        let contact = format!("<sip:waihu@192.0.2.1:{port}{parameter}>");
        let invite = us.invite(CALL, None);
        assert!(field(&invite, "Via").starts_with(&format!("SIP/2.0/{transport} 192.0.2.1:{port};")));
        assert_eq!(field(&invite, "Contact"), contact);
        let (_, call) = us.ringing();
        us.input(Input::Command(Command::Answer { call, sdp: sdp() }));
        assert_eq!(field(&us.last("SIP/2.0 200"), "Contact"), contact);
    }
}

#[test]
fn over_websocket_within_tls_uris_say_ws_and_all_stays_within_tls() {
    let mut us = Agent::new();
    us.transport = Transport::Wss;
    let invite = us.invite(CALL, None);
    assert!(field(&invite, "Via").starts_with("SIP/2.0/WSS "));
    assert!(field(&invite, "Contact").ends_with(";transport=ws>"));
    // As proxies write it of either kind.
    let route = format!("Record-Route: <sip:{THERE};transport=ws;lr>");
    us.hear(&with(&response(&invite, "200 OK", BODY), &route));
    us.hang_up(CALL);
    for start in ["ACK", "BYE"] {
        let sent = us.sent_last(start);
        assert_eq!((sent.transport, sent.to), (Transport::Wss, THERE.parse().unwrap()));
        assert!(field(&sent.text, "Via").starts_with("SIP/2.0/WSS "));
    }
    // Another machine, at the port that its URI leaves open.
    let other = CallHandle(4);
    let invite = us.invite(other, None);
    us.hear(&with(&response(&invite, "200 OK", BODY), "Record-Route: <sip:192.0.2.9;transport=ws;lr>"));
    let sent = us.sent_last("ACK");
    assert_eq!((sent.transport, sent.to), (Transport::Wss, "192.0.2.9:443".parse().unwrap()));
}

#[test]
fn what_is_too_large_for_a_datagram_goes_over_tcp_and_over_udp_after_all_where_nobody_listens() {
    let mut config = EndpointConfig::new(HERE.parse().unwrap(), "test", 7);
    config.large = LargeRequests::OverTcp;
    let mut us = Agent::with(config);
    let there = THERE.parse::<std::net::SocketAddr>().unwrap();
    let headers = vec![("X-Long".to_owned(), "x".repeat(1_300))];
    let invite = waihu_sip::Invite {
        call: CALL,
        target: Uri::sip("far", there),
        next_hop: there.into(),
        backups: Vec::new(),
        redirects: Vec::new(),
        call_id: None,
        from: NameAddr::new(None, Uri::sip("waihu", HERE.parse().unwrap())),
        credentials: None,
        offer: sdp(),
        headers,
    };
    us.input(Input::Command(Command::Invite(Box::new(invite))));
    assert_eq!(us.sent_last("INVITE").transport, Transport::Tcp);
    assert!(fields(&us.last("INVITE"), "Via")[0].starts_with("SIP/2.0/TCP "));
    us.input(Input::Unreachable { to: Hop::new(Transport::Tcp, there) });
    assert_eq!(us.sent_last("INVITE").transport, Transport::Udp);
    assert!(fields(&us.last("INVITE"), "Via")[0].starts_with("SIP/2.0/UDP "));
    assert!(us.events.is_empty());
    us.hear(&response(&us.last("INVITE"), "200 OK", BODY));
    assert!(matches!(us.end(), Event::Answered { .. }));
}

#[test]
fn strangers_hear_nothing_or_403_ten_times_a_second_and_leave_nothing_behind() {
    let flood = |us: &mut Agent| {
        for n in 0..1_000 {
            let from = Hop::from("203.0.113.9:5060".parse::<std::net::SocketAddr>().unwrap());
            let dialog = ("<sip:far@x>;tag=f", "<sip:waihu@x>", "in@x");
            let invite = request("INVITE", 1, &format!("s{n}"), dialog, BODY);
            us.input(Input::Stranger { from, bytes: invite.as_bytes() });
            us.input(Input::Stranger { from, bytes: b"garbage" });
        }
    };
    let mut us = Agent::new();
    flood(&mut us);
    assert!(us.sent.is_empty() && us.events.is_empty() && us.is_empty());
    let mut config = EndpointConfig::new(HERE.parse().unwrap(), "test", 7);
    config.strangers = Strangers::Refused;
    let mut us = Agent::with(config);
    flood(&mut us);
    assert_eq!(us.times("SIP/2.0 403").len(), 10);
    us.wait(1_000);
    flood(&mut us);
    assert_eq!((us.times("SIP/2.0 403").len(), us.sent.len()), (20, 20));
    assert!(us.is_empty());
    // A call of ours goes on from wherever the far end sends.
    let (_, ack) = us.call(CALL);
    let from = Hop::from("203.0.113.9:5060".parse::<std::net::SocketAddr>().unwrap());
    us.input(Input::Stranger { from, bytes: within("BYE", 1, &ack, "", "").as_bytes() });
    assert!(matches!(us.end(), Event::Ended { by: EndedBy::Remote, .. }));
}

/// A telephone registers with `us`; what it hears last.
fn registers(us: &mut Agent, expires: &str, password: &str, cseq: u32) -> String {
    let dialog = ("<sip:desk@x>;tag=f", "<sip:desk@x>", "reg@x");
    let line = format!("Expires: {expires}");
    us.hear(&with(&request("REGISTER", cseq, &format!("r{cseq}"), dialog, ""), &line));
    let asked = us.last("SIP/2.0 401");
    let asked = fields(&asked, "WWW-Authenticate")[0];
    assert!(asked.contains("SHA-256"), "the better hash comes first");
    let challenge = waihu_sip::auth::Challenge::parse(asked).unwrap();
    let who = Credentials { username: "desk".into(), password: password.into(), realm: None };
    let uri = format!("sip:waihu@{HERE}");
    let proof = challenge.answer(&who, ("REGISTER", &uri, b""), cseq, "c");
    let text = request("REGISTER", cseq + 1, &format!("r{}", cseq + 1), dialog, "");
    us.hear(&with(&text, &format!("{line}\r\nAuthorization: {proof}")));
    us.last("SIP/2.0")
}

#[test]
fn a_telephone_that_knows_md5_alone_is_asked_for_nothing_else() {
    let telephone = |user: &str| Telephone { user: user.into(), password: "secret".into() };
    let mut us = Agent::new();
    let registrar = Registrar::new("waihu", vec![telephone("desk"), telephone("old")], 7);
    us.endpoint = waihu_sip::Endpoint::new(EndpointConfig::new(HERE.parse().unwrap(), "test", 7))
        .with_registrar(registrar.asking_md5(vec!["old".into()]));
    for (user, asked_for) in [("desk", &["SHA-256", "MD5"][..]), ("old", &["MD5"][..])] {
        let (address, id) = (format!("<sip:{user}@x>"), format!("{user}.1"));
        let from = format!("{address};tag=f");
        us.hear(&request("REGISTER", 1, &id, (&from, &address, &id), ""));
        let asked = us.last("SIP/2.0 401");
        let asked = fields(&asked, "WWW-Authenticate");
        assert_eq!(asked.len(), asked_for.len(), "{user}: {asked:?}");
        for (challenge, hash) in asked.iter().zip(asked_for) {
            assert!(challenge.contains(&format!("algorithm={hash},")), "{user}: {challenge}");
        }
        let challenge = waihu_sip::auth::Challenge::parse(asked[asked.len() - 1]).unwrap();
        let who = Credentials { username: user.into(), password: "secret".into(), realm: None };
        let proof = challenge.answer(&who, ("REGISTER", &format!("sip:waihu@{HERE}"), b""), 1, "c");
        let again = request("REGISTER", 2, &format!("{id}.2"), (&from, &address, &id), "");
        us.hear(&with(&again, &format!("Authorization: {proof}")));
        assert!(us.last("SIP/2.0").starts_with("SIP/2.0 200"), "{user}");
    }
}

#[test]
fn a_telephone_registers_and_is_called_where_it_is_until_its_time_is_over() {
    let telephones = vec![Telephone { user: "desk".into(), password: "secret".into() }];
    let mut us = Agent::new();
    us.endpoint = waihu_sip::Endpoint::new(EndpointConfig::new(HERE.parse().unwrap(), "test", 7))
        .with_registrar(Registrar::new("waihu", telephones, 7));
    assert!(registers(&mut us, "30", "wrong", 1).starts_with("SIP/2.0 403"));
    assert!(registers(&mut us, "30", "secret", 3).starts_with("SIP/2.0 423"));
    us.wait(1_000);
    let ok = registers(&mut us, "120", "secret", 5);
    assert!(ok.starts_with("SIP/2.0 200"), "{ok}");
    assert_eq!(field(&ok, "Contact"), format!("<sip:far@{THERE}>;expires=120"));
    let call = |us: &mut Agent, call: u64| {
        let invite = us.invite_here(CallHandle(call), "desk");
        (invite.lines().next().unwrap().to_owned(), us.sent_last("INVITE").to.to_string())
    };
    assert_eq!(call(&mut us, 2), (format!("INVITE sip:far@{THERE} SIP/2.0"), THERE.to_owned()));
    us.wait(121_000);
    assert_eq!(call(&mut us, 4).1, HERE, "nobody is there any more");
}

fn call_with_backups(us: &mut Agent, backups: &[&str]) -> String {
    let there = THERE.parse::<std::net::SocketAddr>().unwrap();
    let hop = |text: &&str| Hop::from(text.parse::<std::net::SocketAddr>().unwrap());
    let invite = waihu_sip::Invite {
        call: CALL,
        target: Uri::sip("far", there),
        next_hop: there.into(),
        backups: backups.iter().map(hop).collect(),
        redirects: Vec::new(),
        call_id: Some("attempt-7".into()),
        from: NameAddr::new(None, Uri::sip("waihu", HERE.parse().unwrap())),
        credentials: None,
        offer: sdp(),
        headers: Vec::new(),
    };
    us.input(Input::Command(Command::Invite(Box::new(invite))));
    us.last("INVITE")
}

#[test]
fn a_silent_proxy_is_passed_over_and_who_wakes_up_late_is_cancelled_or_hung_up_on() {
    for late in ["180 Ringing", "200 OK"] {
        let mut us = Agent::new();
        let first = call_with_backups(&mut us, &["192.0.2.3:5060", "192.0.2.4:5060"]);
        assert_eq!(field(&first, "Call-ID"), "attempt-7");
        us.wait(5_999);
        assert_eq!(us.sent_last("INVITE").to.to_string(), THERE);
        us.wait(6_000);
        let second = us.last("INVITE");
        assert_eq!(us.sent_last("INVITE").to.to_string(), "192.0.2.3:5060");
        assert_ne!(field(&first, "Via"), field(&second, "Via"));
        us.hear(&response(&second, "200 OK", BODY));
        assert!(matches!(us.end(), Event::Answered { .. }));
        us.hear(&response(&first, late, BODY).replace("tag=far", "tag=late"));
        if late.starts_with('1') {
            assert_eq!(field(&us.last("CANCEL"), "CSeq"), "1 CANCEL");
            assert_eq!(us.sent_last("CANCEL").to.to_string(), THERE);
            us.hear(&response(&us.last("CANCEL"), "200 OK", ""));
            us.hear(&response(&first, "487 Request Terminated", "").replace("tag=far", "tag=late"));
        } else {
            assert_eq!((us.times("ACK").len(), us.times("BYE").len()), (2, 1));
            us.hear(&response(&us.last("BYE"), "200 OK", ""));
        }
        assert_eq!(us.events.len(), 1, "nobody is told of it");
        us.hang_up(CALL);
        us.hear(&response(&us.last("BYE"), "200 OK", ""));
        us.wait(200_000);
        assert!(us.is_empty());
    }
}

#[test]
fn a_dead_or_overloaded_proxy_is_passed_over_at_once_and_a_telephone_that_rings_is_not() {
    let mut us = Agent::new();
    call_with_backups(&mut us, &["192.0.2.3:5060", "192.0.2.4:5060"]);
    us.input(Input::Unreachable { to: THERE.parse::<std::net::SocketAddr>().unwrap().into() });
    let second = us.last("INVITE");
    us.hear(&response(&second, "503 Service Unavailable", ""));
    assert_eq!(us.sent_last("INVITE").to.to_string(), "192.0.2.4:5060");
    us.hear(&response(&us.last("INVITE"), "503 Service Unavailable", ""));
    assert!(matches!(us.end(), Event::Failed { code: 503, .. }), "the last one's word is the call's");
    us.wait(100_000);
    assert!(us.is_empty());

    let mut us = Agent::new();
    let first = call_with_backups(&mut us, &["192.0.2.3:5060"]);
    us.hear(&response(&first, "180 Ringing", ""));
    us.wait(20_000);
    us.hear(&response(&first, "503 Service Unavailable", ""));
    assert!(matches!(us.end(), Event::Failed { code: 503, .. }));
    assert_eq!(us.times("INVITE").len(), 1);
}
