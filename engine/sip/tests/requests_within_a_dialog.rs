//! Where ACK and BYE go, whom they ask, by which way, and what they prove themselves with (RFC 3261 §12.2).
#![allow(clippy::unwrap_used)]

mod agent;

use std::net::SocketAddr;

use agent::{Agent, BODY, CALL, HERE, THERE, field, fields, request, response, sdp, with};
use waihu_sip::{
    CallHandle, Change, Command, Credentials, Direction, EndedBy, EndpointConfig, Event, Input, Referral,
};

const FIRST: &str = "192.0.2.11:5060";
const SECOND: &str = "192.0.2.12:5070";
/// The Contact of [`response`].
const CONTACT: &str = "sip:far@192.0.2.2:5060";

fn who() -> Option<Credentials> {
    Some(Credentials { username: "u".into(), password: "p".into(), realm: None })
}

fn at(response: &str, contact: &str) -> String {
    response.replacen(&format!("Contact: <{CONTACT}>"), &format!("Contact: <{contact}>"), 1)
}

/// A call answered with these lines, and hung up.
fn called(contact: &str, lines: &str) -> Agent {
    let mut us = Agent::new();
    let invite = us.invite(CALL, None);
    let answer = at(&response(&invite, "200 OK", BODY), contact);
    us.hear(&if lines.is_empty() { answer } else { with(&answer, lines) });
    us.hang_up(CALL);
    us
}

/// Both ACK and BYE ask `uri`, by way of `routes`, and go to `to`.
fn both_go(us: &Agent, uri: &str, routes: &[&str], to: &str) {
    let to: SocketAddr = to.parse().unwrap();
    for method in ["ACK", "BYE"] {
        let sent = us.sent_last(method);
        assert_eq!(sent.text.lines().next(), Some(format!("{method} {uri} SIP/2.0").as_str()));
        assert_eq!((fields(&sent.text, "Route"), sent.to), (routes.to_vec(), to), "{method}");
    }
}

/// The challenge of a proxy (407) or of the callee's side (401).
fn challenge(to: &str, code: u16, realm: &str, nonce: &str) -> String {
    let name = if code == 407 { "Proxy-Authenticate" } else { "WWW-Authenticate" };
    let line = format!("{name}: Digest realm=\"{realm}\", nonce={nonce}, qop=\"auth\"");
    with(&response(to, &format!("{code} Prove it"), ""), &line)
}

/// Realm, nonce, uri and nc of each answer in a header.
fn answers(text: &str, name: &str) -> Vec<(String, String, String, String)> {
    let part = |answer: &str, key: &str| {
        let at = answer.find(&format!(" {key}=")).unwrap() + key.len() + 2;
        answer[at..].split(',').next().unwrap().trim_matches('"').to_owned()
    };
    fields(text, name)
        .iter()
        .map(|a| (part(a, "realm"), part(a, "nonce"), part(a, "uri"), part(a, "nc")))
        .collect()
}

fn answer(realm: &str, nonce: &str, uri: &str, nc: u32) -> (String, String, String, String) {
    (realm.to_owned(), nonce.to_owned(), uri.to_owned(), format!("{nc:08x}"))
}

#[test]
fn without_a_route_they_go_where_the_contact_says() {
    for (contact, to) in [
        (CONTACT, THERE),
        ("sip:far@192.0.2.2:5099", "192.0.2.2:5099"),
        ("sip:far@192.0.2.7", "192.0.2.7:5060"),
        ("sip:far@192.0.2.7:5061;transport=udp", "192.0.2.7:5061"),
        // A name is left to whoever the INVITE went to.
        ("sip:far@pbx.example:5099", THERE),
    ] {
        both_go(&called(contact, ""), contact, &[], to);
    }
}

#[test]
fn what_has_no_place_in_a_request_uri_is_left_out_of_it() {
    // RFC 3261 §19.1.1, table 1: neither headers nor a method.
    let us = called("sip:far@192.0.2.7:5061;method=INVITE;x=y?Subject=a", "");
    both_go(&us, "sip:far@192.0.2.7:5061;x=y", &[], "192.0.2.7:5061");
}

#[test]
fn loose_routers_are_visited_in_the_order_of_the_way_out() {
    let (first, second) = (format!("<sip:{FIRST};lr>"), format!("<sip:{SECOND};lr>"));
    // Each proxy puts itself on top, so the nearest to us stands last.
    for lines in [
        format!("Record-Route: {second}\r\nRecord-Route: {first}"),
        format!("Record-Route: {second}, {first}"),
    ] {
        both_go(&called("sip:far@10.0.0.1:5099", &lines), "sip:far@10.0.0.1:5099", &[&first, &second], FIRST);
    }
    let named = "Record-Route: <sip:proxy.example;lr>";
    both_go(&called("sip:far@10.0.0.1", named), "sip:far@10.0.0.1", &["<sip:proxy.example;lr>"], THERE);
}

#[test]
fn a_strict_router_is_asked_itself_and_the_contact_stands_last() {
    let lines = format!("Record-Route: <sip:{SECOND};lr>\r\nRecord-Route: <sip:p@{FIRST};method=INVITE>");
    let us = called("sip:far@10.0.0.1:5099", &lines);
    let second = format!("<sip:{SECOND};lr>");
    both_go(&us, &format!("sip:p@{FIRST}"), &[&second, "<sip:far@10.0.0.1:5099>"], FIRST);
    // A strict router behind a loose one is that one's business.
    let lines = format!("Record-Route: <sip:{SECOND}>\r\nRecord-Route: <sip:{FIRST};lr>");
    let (first, second) = (format!("<sip:{FIRST};lr>"), format!("<sip:{SECOND}>"));
    both_go(&called(CONTACT, &lines), CONTACT, &[&first, &second], FIRST);
}

#[test]
fn a_reinvite_moves_the_contact_and_leaves_the_way() {
    let mut us = Agent::new();
    let invite = us.invite(CALL, None);
    let first = format!("<sip:{FIRST};lr>");
    us.hear(&with(&response(&invite, "200 OK", BODY), &format!("Record-Route: {first}")));
    let ack = us.last("ACK");
    let theirs = (field(&ack, "To"), field(&ack, "From"), field(&ack, "Call-ID"));
    let moved = request("INVITE", 1, "re", theirs, BODY).replacen(
        &format!("Contact: <sip:far@{THERE}>"),
        "Contact: <sip:new@10.0.0.9:5099>",
        1,
    );
    us.hear(&with(&moved, &format!("Record-Route: <sip:{SECOND};lr>")));
    us.hang_up(CALL);
    let bye = us.sent_last("BYE");
    assert!(bye.text.starts_with("BYE sip:new@10.0.0.9:5099 SIP/2.0\r\n"));
    assert_eq!((fields(&bye.text, "Route"), bye.to), (vec![first.as_str()], FIRST.parse().unwrap()));
}

#[test]
fn a_call_that_came_in_is_hung_up_along_its_own_way() {
    let mut us = Agent::new();
    let (first, second) = (format!("<sip:{FIRST};lr>"), format!("<sip:{SECOND};lr>"));
    let dialog = ("<sip:far@x>;tag=f", "<sip:waihu@x>", "in@x");
    let invite = request("INVITE", 5, "in", dialog, BODY);
    us.hear(&with(&invite, &format!("Record-Route: {first}, {second}")));
    let call = us.events[0].0;
    us.input(Input::Command(Command::Answer { call, sdp: sdp() }));
    let ok = us.last("SIP/2.0 200");
    assert_eq!(fields(&ok, "Record-Route"), [first.as_str(), second.as_str()]);
    us.hear(&request("ACK", 5, "ack", (field(&ok, "From"), field(&ok, "To"), "in@x"), ""));
    us.hang_up(call);
    let bye = us.sent_last("BYE");
    assert!(bye.text.starts_with(&format!("BYE sip:far@{THERE} SIP/2.0\r\n")));
    assert_eq!(fields(&bye.text, "Route"), [first.as_str(), second.as_str()]);
    assert_eq!((bye.to, field(&bye.text, "To")), (FIRST.parse().unwrap(), field(&ok, "From")));
}

#[test]
fn the_second_phone_of_a_fork_is_let_go_even_where_it_asks_for_a_password() {
    let mut us = Agent::new();
    let invite = us.invite(CALL, who());
    us.hear(&response(&invite, "200 OK", BODY));
    let other =
        at(&response(&invite, "200 OK", BODY), "sip:two@192.0.2.22:5099").replacen(";tag=far", ";tag=two", 1);
    us.hear(&other);
    for method in ["ACK", "BYE"] {
        let sent = us.sent_last(method);
        assert!(sent.text.starts_with(&format!("{method} sip:two@192.0.2.22:5099 SIP/2.0\r\n")));
        assert_eq!(sent.to, "192.0.2.22:5099".parse().unwrap());
        assert!(field(&sent.text, "To").ends_with(";tag=two"));
    }
    let bye = us.last("BYE");
    us.hear(&challenge(&bye, 407, "p", "n"));
    let again = us.sent_last("BYE");
    let proof = answers(&again.text, "Proxy-Authorization");
    assert_eq!(proof, [answer("p", "n", "sip:two@192.0.2.22:5099", 1)]);
    assert_eq!((field(&again.text, "To"), field(&again.text, "CSeq")), (field(&bye, "To"), "3 BYE"));
    assert_eq!(again.to, "192.0.2.22:5099".parse().unwrap());
    us.hear(&response(&us.last("BYE"), "200 OK", ""));
    // Its answer once more: acknowledged alike, and not hung up on again.
    us.hear(&other);
    assert_eq!((us.times("ACK").len(), us.times("BYE").len()), (3, 2));
    assert!(matches!(us.end(), Event::Answered { .. }), "the first is up");
    us.hang_up(CALL);
    assert!(us.last("BYE").starts_with(&format!("BYE {CONTACT} SIP/2.0\r\n")));
    us.wait(100_000);
    assert!(us.is_empty());
}

#[test]
fn two_proxies_and_the_callees_side_each_get_their_answer_in_every_attempt() {
    let mut us = Agent::new();
    let first = us.invite(CALL, who());
    let uri = format!("sip:far@{THERE}");
    us.hear(&challenge(&first, 407, "a", "na"));
    us.hear(&challenge(&us.last("INVITE"), 407, "b", "nb"));
    us.hear(&challenge(&us.last("INVITE"), 401, "c", "nc"));
    let invite = us.last("INVITE");
    assert_eq!(us.times("INVITE").len(), 4);
    let proxies = [answer("a", "na", &uri, 3), answer("b", "nb", &uri, 2)];
    assert_eq!(answers(&invite, "Proxy-Authorization"), proxies);
    assert_eq!(answers(&invite, "Authorization"), [answer("c", "nc", &uri, 1)]);
    assert_eq!(field(&invite, "CSeq"), "4 INVITE");
    assert_eq!(
        (field(&invite, "From"), field(&invite, "Call-ID")),
        (field(&first, "From"), field(&first, "Call-ID"))
    );
    us.hear(&at(&response(&invite, "200 OK", BODY), "sip:far@192.0.2.2:5099"));
    let ack = us.last("ACK");
    for name in ["Proxy-Authorization", "Authorization", "Call-ID", "From"] {
        assert_eq!(fields(&ack, name), fields(&invite, name));
    }
    assert_eq!(field(&ack, "CSeq"), "4 ACK");
    us.hang_up(CALL);
    us.hear(&challenge(&us.last("BYE"), 407, "a", "na"));
    us.hear(&challenge(&us.last("BYE"), 401, "c", "fresh"));
    let bye = us.last("BYE");
    let uri = "sip:far@192.0.2.2:5099";
    assert_eq!(answers(&bye, "Proxy-Authorization"), [answer("a", "na", uri, 5)]);
    assert_eq!(answers(&bye, "Authorization"), [answer("c", "fresh", uri, 1)]);
    assert_eq!(field(&bye, "CSeq"), "7 BYE");
    us.hear(&response(&bye, "200 OK", ""));
    assert_eq!(us.times("BYE").len(), 3);
    us.wait(100_000);
    assert!(us.is_empty());
}

/// The count of the one nonce that a request proves itself with.
fn count(request: &str) -> String {
    let proofs = answers(request, "Proxy-Authorization");
    assert!(matches!(&proofs[..], [(_, nonce, ..)] if nonce == "n"), "{request}");
    proofs[0].3.clone()
}

#[test]
fn no_two_requests_use_a_nonce_with_the_same_count_whatever_call_they_are_of() {
    let mut us = Agent::new();
    let again = |us: &mut Agent, method: &str| {
        us.hear(&challenge(&us.last(method), 407, "p", "n"));
        count(&us.last(method))
    };
    let mut counts = Vec::new();
    us.invite(CALL, who());
    counts.push(again(&mut us, "INVITE"));
    // Of two branches of the fork, each asked for a proof of its PRACK.
    for tag in ["far", "two"] {
        let rings = response(&us.last("INVITE"), "183 Session Progress", BODY)
            .replace("tag=far", &format!("tag={tag}"));
        us.hear(&with(&rings, "Require: 100rel\r\nRSeq: 1"));
        counts.push(again(&mut us, "PRACK"));
    }
    let invite = us.last("INVITE");
    us.hear(&response(&invite, "200 OK", BODY));
    // The second branch is hung up on.
    us.hear(&response(&invite, "200 OK", BODY).replace("tag=far", "tag=two"));
    counts.push(again(&mut us, "BYE"));
    // Two at once within the dialog, and a third that follows.
    let hold = Change::Direction(Direction::SendOnly);
    us.input(Input::Command(Command::Modify { call: CALL, change: hold }));
    let key = || Input::Command(Command::Digit { call: CALL, digit: '5', duration_ms: 100 });
    us.input(key());
    counts.push(again(&mut us, "INFO"));
    counts.push(again(&mut us, "INVITE"));
    us.hear(&response(&us.last("INVITE"), "200 OK", BODY));
    us.input(key());
    counts.push(again(&mut us, "INFO"));
    // Another call of the same trunk, given the same nonce.
    us.invite(CallHandle(4), who());
    counts.push(again(&mut us, "INVITE"));
    us.hang_up(CALL);
    counts.push(again(&mut us, "BYE"));
    let expected: Vec<String> = (1..=9).map(|n| format!("{n:08x}")).collect();
    assert_eq!(counts, expected);
}

#[test]
fn challenges_gathered_in_one_response_are_answered_together_one_a_realm() {
    let mut us = Agent::new();
    let invite = us.invite(CALL, who());
    let mut gathered = challenge(&invite, 401, "c", "nc");
    for (realm, nonce) in [("a", "n1"), ("a", "n2"), ("b", "n3")] {
        let line = format!("Proxy-Authenticate: Digest realm=\"{realm}\", nonce={nonce}, qop=\"auth\"");
        gathered = with(&gathered, &line);
    }
    us.hear(&gathered);
    let (again, uri) = (us.last("INVITE"), format!("sip:far@{THERE}"));
    let proxies = [answer("a", "n1", &uri, 1), answer("b", "n3", &uri, 1)];
    assert_eq!(answers(&again, "Proxy-Authorization"), proxies);
    assert_eq!(answers(&again, "Authorization"), [answer("c", "nc", &uri, 1)]);
}

#[test]
fn a_stale_nonce_is_replaced_once_in_invite_and_bye() {
    let stale =
        |to: &str, nonce: &str| challenge(to, 407, "a", nonce).replacen("Digest ", "Digest stale=TRUE, ", 1);
    let mut us = Agent::new();
    let invite = us.invite(CALL, who());
    let uri = format!("sip:far@{THERE}");
    us.hear(&challenge(&invite, 407, "a", "n1"));
    us.hear(&stale(&us.last("INVITE"), "n2"));
    let invite = us.last("INVITE");
    us.hear(&response(&invite, "200 OK", BODY));
    for text in [&invite, &us.last("ACK")] {
        assert_eq!(answers(text, "Proxy-Authorization"), [answer("a", "n2", &uri, 1)]);
    }
    us.hang_up(CALL);
    for nonce in ["n2", "n3", "n4", "n5"] {
        us.hear(&stale(&us.last("BYE"), nonce));
    }
    assert_eq!(us.times("BYE").len(), 3, "without an end of it we would ask for ever");
    assert_eq!(answers(&us.last("BYE"), "Proxy-Authorization"), [answer("a", "n3", &uri, 1)]);
    assert_eq!(us.end(), &Event::Ended { by: EndedBy::Local, reason: None });
}

#[test]
fn an_invite_that_comes_by_two_paths_rings_once() {
    let dialog = ("<sip:far@x>;tag=f", "<sip:waihu@x>", "in@x");
    let by = |path: &str| request("INVITE", 1, path, dialog, BODY);
    let mut us = Agent::new();
    us.hear(&by("one"));
    us.hear(&by("two"));
    assert_eq!(us.times("SIP/2.0 482"), [0]);
    let call: CallHandle = us.events[0].0;
    us.input(Input::Command(Command::Answer { call, sdp: sdp() }));
    us.hear(&by("three"));
    assert_eq!(us.times("SIP/2.0 482"), [0, 0], "also once it is answered");
    us.hear(&request("CANCEL", 1, "one", dialog, ""));
    assert!(!us.last("SIP/2.0").starts_with("SIP/2.0 482"), "a CANCEL goes each way that its INVITE went");
    assert_eq!(us.events.len(), 1);
    us.hear(&request("INVITE", 1, "other", ("<sip:far@x>;tag=g", "<sip:waihu@x>", "in@x"), BODY));
    assert_eq!(us.events.len(), 2, "another caller");
    // When the first transaction is over, so is its memory.
    us.wait(100_000);
    us.hear(&by("four"));
    assert!(matches!(us.end(), Event::Incoming { .. }));
}

#[test]
fn a_prack_for_a_response_that_is_not_known_ends_no_call() {
    let mut us = Agent::new();
    let invite = us.invite(CALL, None);
    let rings = response(&invite, "183 Session Progress", BODY);
    us.hear(&with(&rings, "Require: 100rel\r\nRSeq: 1"));
    let prack = us.last("PRACK");
    us.hear(&response(&invite, "200 OK", BODY));
    us.hear(&response(&prack, "481 Call/Transaction Does Not Exist", ""));
    assert!(matches!(us.end(), Event::Answered { .. }));
    us.hang_up(CALL);
    assert_eq!(us.times("BYE").len(), 1);
}

#[test]
fn a_notify_that_nobody_takes_ends_its_subscription_and_no_call() {
    for refused in [true, false] {
        let mut config = EndpointConfig::new(HERE.parse().unwrap(), "test", 7);
        config.referral = Referral::Told;
        let mut us = Agent::with(config);
        let (_, ack) = us.call(CALL);
        let refer = |cseq: u32| {
            let theirs = (field(&ack, "To"), field(&ack, "From"), field(&ack, "Call-ID"));
            with(&request("REFER", cseq, &format!("r{cseq}"), theirs, ""), "Refer-To: <sip:boss@192.0.2.8>")
        };
        us.hear(&refer(1));
        if refused {
            us.hear(&response(&us.last("NOTIFY"), "481 Subscription Does Not Exist", ""));
        } else {
            us.wait(32_000);
        }
        let told = us.times("NOTIFY").len();
        let report = Command::ReportTransfer { call: CALL, code: 180, reason: "Ringing".into() };
        us.input(Input::Command(report));
        assert_eq!(us.times("NOTIFY").len(), told, "nobody wants to know");
        assert_eq!((us.endpoint.usage().calls, us.times("BYE").len()), (1, 0));
        us.hear(&refer(2));
        assert_eq!(us.times("SIP/2.0 202").len(), 2);
        assert_eq!(field(&us.last("NOTIFY"), "Event"), "refer;id=2");
    }
}
