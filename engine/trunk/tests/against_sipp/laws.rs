//! What RFC 3261 asks of every datagram that we send, checked on the text itself, with no parser of ours.

use std::{collections::HashMap, net::SocketAddr};

use waihu_sip::Referral;

use crate::wire::{By, Seen};

/// What the trunk does, and therefore what it may say that it does; the last of them where it takes transfers on.
const ALLOWED: [&str; 10] =
    ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "PRACK", "UPDATE", "INFO", "NOTIFY", "REFER"];

/// A message cut into its lines.
pub struct Message<'a> {
    pub start: &'a str,
    fields: Vec<(&'a str, &'a str)>,
    body: &'a str,
}

impl<'a> Message<'a> {
    pub fn of(text: &'a str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").expect("an empty line ends the head");
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap();
        assert!(
            !head.contains("\r\n ") && !head.replace("\r\n", "").contains(['\r', '\n']),
            "stray line ends"
        );
        let fields = lines.map(|l| l.split_once(": ").unwrap_or_else(|| panic!("no header: {l}"))).collect();
        Self { start, fields, body }
    }

    pub fn all(&self, name: &str) -> Vec<&'a str> {
        self.fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| *v).collect()
    }

    /// The value of a header that stands once.
    pub fn one(&self, name: &str) -> &'a str {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name} stands {} times in {}", all.len(), self.start);
        all[0]
    }

    pub fn is_request(&self) -> bool {
        !self.start.starts_with("SIP/2.0 ")
    }

    pub fn code(&self) -> u16 {
        self.start.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// CSeq's number and method.
    pub fn cseq(&self) -> (u32, &'a str) {
        let (number, method) = self.one("CSeq").split_once(' ').unwrap();
        (number.parse().unwrap(), method)
    }

    pub fn branch(&self) -> &'a str {
        let branch = self.all("Via")[0].split(";branch=").nth(1).unwrap().split(';').next().unwrap();
        assert!(branch.len() > "z9hG4bK".len() && branch.starts_with("z9hG4bK"), "branch {branch}");
        branch
    }
}

/// The `tag` of a From or To.
pub fn tag(value: &str) -> Option<&str> {
    value.split(";tag=").nth(1).map(|t| t.split(';').next().unwrap())
}

/// Every law, over all that was sent on a wire. `us` is the trunk's own address.
pub fn hold(log: &[Seen], us: SocketAddr, referral: Referral) {
    let allowed = &ALLOWED[..ALLOWED.len() - usize::from(referral == Referral::Declined)];
    let mut requests: HashMap<(&str, &str), &str> = HashMap::new();
    let mut cseqs: HashMap<(&str, &str), u32> = HashMap::new();
    let mut tags: HashMap<(&str, &str), &str> = HashMap::new();
    for (i, seen) in log.iter().enumerate().filter(|(_, s)| s.by == By::Us) {
        let message = Message::of(&seen.text);
        every_message(&message, allowed);
        if message.is_request() {
            request(&message, us);
            let (_, method) = message.cseq();
            // A branch belongs to one request, and what is sent again is the same to the byte.
            let first = requests.entry((message.branch(), method)).or_insert(&seen.text);
            if *first != seen.text {
                panic!("one branch, two requests:\n{first}\n{}", seen.text);
            }
            let fresh = std::ptr::eq(*first, seen.text.as_str());
            match method {
                "CANCEL" => belongs_to_invite(&message, &requests),
                "ACK" => acknowledges(&message, &requests, &log[..i]),
                _ if fresh => rises(&message, &mut cseqs),
                _ => {}
            }
        } else {
            response(&message, us, &log[..i]);
            if message.code() > 100 && message.cseq().1 == "INVITE" {
                let key = (message.one("Call-ID"), tag(message.one("From")).unwrap_or_default());
                let ours = tag(message.one("To")).unwrap();
                assert_eq!(*tags.entry(key).or_insert(ours), ours, "one dialog, two tags of ours");
            }
        }
    }
}

fn every_message(message: &Message<'_>, allowed: &[&str]) {
    let length: usize = message.one("Content-Length").parse().unwrap();
    assert_eq!(length, message.body.len(), "Content-Length of {}", message.start);
    assert_eq!(message.all("Content-Type").len(), usize::from(length > 0), "{}", message.start);
    for name in ["From", "To", "Call-ID", "CSeq"] {
        message.one(name);
    }
    for allow in message.all("Allow") {
        assert_eq!(allow.split(", ").collect::<Vec<_>>(), allowed, "Allow is not what we do");
    }
    // What we do, and nothing that the far end must do for it. The sockets of these tests take calls in.
    for supported in message.all("Supported") {
        assert_eq!(supported, "100rel, replaces, timer", "Supported is not what we do");
    }
    for required in message.all("Require") {
        // Two things ask for more: a 2xx with a session timer that the caller keeps (RFC 4028, 9), and a provisional
        // response that is to be acknowledged (RFC 3262, 3).
        let due = match required {
            "timer" => message.start.starts_with("SIP/2.0 200"),
            "100rel" => message.start.starts_with("SIP/2.0 18") && message.one("RSeq") != "0",
            _ => false,
        };
        assert!(due, "{required}: {}", message.start);
    }
}

fn contact_is_ours(message: &Message<'_>, us: SocketAddr) {
    let contact = message.one("Contact");
    assert!(contact.contains(&format!("@{us}>")), "Contact {contact} is not at {us}");
}

fn request(message: &Message<'_>, us: SocketAddr) {
    let (_, method) = message.cseq();
    assert!(message.start.starts_with(&format!("{method} sip:")) && message.start.ends_with(" SIP/2.0"));
    assert_eq!(message.one("Max-Forwards"), "70");
    let via = message.one("Via");
    assert!(via.starts_with(&format!("SIP/2.0/UDP {us};")) && via.contains(";rport"), "{via}");
    assert!(tag(message.one("From")).is_some_and(|t| t.len() >= 8), "a tag has 32 bits or more");
    match method {
        "INVITE" => {
            // Who came to be known by a challenge asks again outside a dialog; the far end's tag makes one.
            if message.cseq().0 == 1 {
                assert_eq!(tag(message.one("To")), None, "the first INVITE is in no dialog");
            }
            contact_is_ours(message, us);
            message.one("Allow");
        }
        "BYE" => assert!(tag(message.one("To")).is_some(), "a BYE is in a dialog"),
        _ => {}
    }
}

/// §12.2.1.1: within a Call-ID, the CSeq of new requests rises.
fn rises<'a>(message: &Message<'a>, cseqs: &mut HashMap<(&'a str, &'a str), u32>) {
    let key = (message.one("Call-ID"), tag(message.one("From")).unwrap());
    let (number, _) = message.cseq();
    let last = cseqs.insert(key, number);
    assert!(last.is_none_or(|last| last < number), "CSeq {number} after {last:?}");
}

fn same_as(message: &Message<'_>, other: &Message<'_>, names: &[&str]) {
    for name in names {
        assert_eq!(message.all(name), other.all(name), "{name} of {}", message.start);
    }
    assert_eq!(message.cseq().0, other.cseq().0, "CSeq of {}", message.start);
}

/// §9.1: a CANCEL is its INVITE but for the method.
fn belongs_to_invite(cancel: &Message<'_>, requests: &HashMap<(&str, &str), &str>) {
    let invite =
        Message::of(requests.get(&(cancel.branch(), "INVITE")).expect("a CANCEL has its INVITE's branch"));
    same_as(cancel, &invite, &["Via", "From", "To", "Call-ID", "Route"]);
    assert_eq!(cancel.start.split(' ').nth(1), invite.start.split(' ').nth(1));
}

/// §17.1.1.3 and §13.2.2.4: an ACK has the branch of the INVITE where that was refused, its own where
/// it was answered, and says To as the response did.
fn acknowledges(ack: &Message<'_>, requests: &HashMap<(&str, &str), &str>, before: &[Seen]) {
    let responses = before.iter().filter(|s| s.by == By::Sipp && s.text.starts_with("SIP/2.0 "));
    let acknowledged = responses
        .map(|s| Message::of(&s.text))
        .find(|r| r.cseq() == (ack.cseq().0, "INVITE") && r.code() >= 200 && r.one("To") == ack.one("To"))
        .expect("an ACK answers a final response");
    same_as(ack, &acknowledged, &["From", "To", "Call-ID"]);
    let of_invite = requests.contains_key(&(ack.branch(), "INVITE"));
    assert_eq!(of_invite, acknowledged.code() >= 300, "the branch of an ACK for {}", acknowledged.start);
}

/// §8.2.6: a response says Via, From, Call-ID and CSeq as the request did, and has a To tag.
fn response(message: &Message<'_>, us: SocketAddr, before: &[Seen]) {
    let asked = before
        .iter()
        .filter(|s| s.by == By::Sipp && !s.text.starts_with("SIP/2.0 "))
        .map(|s| Message::of(&s.text))
        .find(|r| r.branch() == message.branch() && r.cseq() == message.cseq())
        .expect("a response answers a request");
    for name in ["From", "Call-ID", "CSeq"] {
        assert_eq!(message.one(name), asked.one(name));
    }
    assert_eq!(message.all("Via").len(), asked.all("Via").len());
    assert!(message.one("To").starts_with(asked.one("To")));
    assert_eq!(tag(message.one("To")).is_some(), message.code() > 100, "To tag of {}", message.start);
    if message.cseq().1 == "INVITE" && (101..300).contains(&message.code()) {
        contact_is_ours(message, us);
    }
}
