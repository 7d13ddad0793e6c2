//! Several telephones ring for one call of ours (RFC 3261 §12.1, §13.2.2.4), each in an early dialog of its own and with
//! sound of its own: what is told names the dialog, and nothing of one gets into another.
#![allow(clippy::unwrap_used)]

mod agent;

use std::net::SocketAddr;

use agent::{Agent, BODY, CALL, field, request, response, sdp, with};
use waihu_sip::{Change, Command, Direction, Event, Input, SessionDescription};

/// Two telephones: tags, and where their sound is.
const DESK: (&str, &str) = ("desk", "192.0.2.7:4700");
const HALL: (&str, &str) = ("hall", "192.0.2.8:4800");

/// The description of a telephone.
fn sound(at: &str) -> String {
    let at: SocketAddr = at.parse().unwrap();
    BODY.replace("c=IN IP4 192.0.2.2", &format!("c=IN IP4 {}", at.ip()))
        .replace("audio 4000", &format!("audio {}", at.port()))
}

fn says(invite: &str, status: &str, (tag, _): (&str, &str), body: &str) -> String {
    response(invite, status, body).replace("tag=far", &format!("tag={tag}"))
}

fn rings(us: &mut Agent, invite: &str, who: (&str, &str), line: &str) {
    let text = says(invite, "183 Session Progress", who, &sound(who.1));
    us.hear(&if line.is_empty() { text } else { with(&text, line) });
}

fn place(sdp: &SessionDescription) -> String {
    sdp.audio().unwrap().remote.to_string()
}

/// The early dialog that was told of last, and where its sound is.
fn told(us: &Agent) -> (String, String) {
    match us.end() {
        Event::Provisional { early_dialog: Some(dialog), sdp: Some(sdp), .. } => (dialog.clone(), place(sdp)),
        _ => Default::default(),
    }
}

fn owned((tag, at): (&str, &str)) -> (String, String) {
    (tag.to_owned(), at.to_owned())
}

/// An UPDATE within an early dialog.
fn update(invite: &str, (tag, at): (&str, &str), cseq: u32) -> String {
    let (from, to) = (format!("{};tag={tag}", field(invite, "To")), field(invite, "From"));
    request("UPDATE", cseq, &format!("{tag}{cseq}"), (&from, to, field(invite, "Call-ID")), &sound(at))
}

fn version(text: &str) -> u64 {
    text.lines().find_map(|l| l.strip_prefix("o=")).unwrap().split(' ').nth(2).unwrap().parse().unwrap()
}

#[test]
fn what_is_told_names_its_dialog_and_whoever_answers_is_heard_where_his_own_sound_is() {
    for (who, body) in [(DESK, ""), (HALL, ""), (DESK, DESK.1), (HALL, HALL.1)] {
        let mut us = Agent::new();
        let invite = us.invite(CALL, None);
        us.hear(&response(&invite, "100 Trying", ""));
        assert!(matches!(us.end(), Event::Provisional { code: 100, early_dialog: None, .. }));
        us.hear(&says(&invite, "180 Ringing", DESK, ""));
        assert!(
            matches!(us.end(), Event::Provisional { early_dialog: Some(d), sdp: None, .. } if d == "desk")
        );
        for who in [DESK, HALL, DESK] {
            rings(&mut us, &invite, who, "");
            assert_eq!(told(&us), owned(who));
        }
        assert_eq!(us.endpoint.usage().dialogs, 2);
        // The answer says where its sound is, or leaves it at what was said while it rang.
        let body = if body.is_empty() { String::new() } else { sound(body) };
        us.hear(&says(&invite, "200 OK", who, &body));
        let Event::Answered { sdp } = us.end() else { unreachable!("{:?}", us.end()) };
        assert_eq!(place(sdp), who.1);
        assert!(field(&us.last("ACK"), "To").ends_with(&format!(";tag={}", who.0)));
        us.hang_up(CALL);
        us.hear(&response(&us.last("BYE"), "200 OK", ""));
        us.wait(100_000);
        assert!(us.is_empty());
    }
}

#[test]
fn each_early_dialog_changes_by_its_own_updates_and_is_numbered_alone() {
    let mut us = Agent::new();
    let invite = us.invite(CALL, None);
    for who in [DESK, HALL] {
        rings(&mut us, &invite, who, "Require: 100rel\r\nRSeq: 1");
        assert_eq!(told(&us), owned(who));
    }
    let moved = ("hall", "192.0.2.9:4900");
    for (who, cseq, expected) in [(DESK, 1, 2), (DESK, 2, 3), (moved, 1, 2)] {
        us.hear(&update(&invite, who, cseq));
        let ok = us.last("SIP/2.0 200");
        assert_eq!((field(&ok, "CSeq"), version(&ok)), (&*format!("{cseq} UPDATE"), expected));
        assert_eq!(told(&us), owned(who));
    }
    // The answer repeats what its telephone said at first: that is past.
    us.hear(&says(&invite, "200 OK", HALL, &sound(HALL.1)));
    let Event::Answered { sdp: theirs } = us.end() else { unreachable!("{:?}", us.end()) };
    assert_eq!(place(theirs), moved.1);
    us.input(Input::Command(Command::Modify { call: CALL, change: Change::Direction(Direction::SendOnly) }));
    assert_eq!((version(&sdp().to_string()), version(&us.last("INVITE"))), (1, 3));
}

#[test]
fn a_change_of_ours_waits_for_the_answer() {
    let mut us = Agent::new();
    let invite = us.invite(CALL, None);
    let hold = || Command::Modify { call: CALL, change: Change::Direction(Direction::SendOnly) };
    rings(&mut us, &invite, DESK, "Require: 100rel\r\nRSeq: 1");
    us.input(Input::Command(hold()));
    assert_eq!(us.end(), &Event::NotModified { code: 491 });
    assert!(us.times("UPDATE").is_empty() && us.times("INVITE").len() == 1);
    us.hear(&says(&invite, "200 OK", DESK, ""));
    us.input(Input::Command(hold()));
    assert!(us.last("INVITE").contains("a=sendonly"));
}

#[test]
fn an_update_that_is_refused_changes_nothing() {
    let mut us = Agent::new();
    let invite = us.invite(CALL, None);
    rings(&mut us, &invite, HALL, "Require: 100rel\r\nRSeq: 1");
    us.hear(&update(&invite, HALL, 1).replace("RTP/AVP 8", "RTP/AVP 18"));
    assert_eq!(us.times("SIP/2.0 488").len(), 1);
    us.hear(&says(&invite, "200 OK", HALL, &sound(DESK.1)));
    let Event::Answered { sdp } = us.end() else { unreachable!("{:?}", us.end()) };
    assert_eq!(place(sdp), DESK.1);
}

#[test]
fn an_update_waits_for_an_answer_that_has_come_for_sure_in_its_own_dialog() {
    let mut us = Agent::new();
    let invite = us.invite(CALL, None);
    rings(&mut us, &invite, DESK, "Require: 100rel\r\nRSeq: 1");
    // A description that may have been lost, and a reliable response without one: our offer has no answer.
    rings(&mut us, &invite, HALL, "");
    us.hear(&with(&says(&invite, "180 Ringing", HALL, ""), "Require: 100rel\r\nRSeq: 1"));
    us.hear(&update(&invite, HALL, 1));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 491"));
    us.hear(&update(&invite, DESK, 1));
    assert!(us.last("SIP/2.0").starts_with("SIP/2.0 200"));
}

#[test]
fn who_answers_second_is_hung_up_on_with_the_next_number_of_its_dialog() {
    let mut us = Agent::new();
    let invite = us.invite(CALL, None);
    for (rseq, who) in [(1, DESK), (1, HALL), (2, HALL)] {
        rings(&mut us, &invite, who, &format!("Require: 100rel\r\nRSeq: {rseq}"));
    }
    assert_eq!(field(&us.last("PRACK"), "CSeq"), "3 PRACK");
    us.hear(&says(&invite, "200 OK", DESK, ""));
    us.hear(&says(&invite, "200 OK", HALL, ""));
    let (ack, bye) = (us.last("ACK"), us.last("BYE"));
    assert_eq!((field(&ack, "CSeq"), field(&bye, "CSeq")), ("1 ACK", "4 BYE"));
    assert!([ack, bye].iter().all(|text| field(text, "To").ends_with(";tag=hall")));
    us.hang_up(CALL);
    assert_eq!(field(&us.last("BYE"), "CSeq"), "3 BYE");
}

#[test]
fn a_telephone_too_many_is_told_of_and_may_answer() {
    let mut us = Agent::new();
    let invite = us.invite(CALL, None);
    let tags: Vec<String> = (0..17).map(|n| format!("t{n}")).collect();
    for tag in &tags {
        rings(&mut us, &invite, (tag, HALL.1), "");
        assert_eq!(told(&us), owned((tag, HALL.1)));
    }
    assert_eq!(us.endpoint.usage().dialogs, 16);
    us.hear(&says(&invite, "200 OK", (&tags[16], ""), &sound(DESK.1)));
    let Event::Answered { sdp } = us.end() else { unreachable!("{:?}", us.end()) };
    assert_eq!((place(sdp), us.endpoint.usage().dialogs), (DESK.1.to_owned(), 1));
}
