//! Messages read and printed beside rsip and rsipstack, on the same bytes, one after the other in one run:
//! `cargo run --release --manifest-path benches/peers/sip/Cargo.toml`.
//!
//! Both of the others split a message into lines and leave its fields unread until somebody asks; ours reads those that
//! every user agent needs as it goes. So they are measured twice: split, and with these fields read as well (Via, From,
//! To, CSeq, Contact, Record-Route), without which no message can be acted on.

use std::{hint::black_box, time::Instant};

use rsip::{
    headers::{ToTypedHeader as _, UntypedHeader as _},
    prelude::HeadersExt as _,
};
use rsipstack::sip::{HeadersExt as _, SipMessage, headers::untyped::ToTypedHeader as _};
use waihu_sip::Message;

const INVITE: &str = "INVITE sip:13800001234@192.0.2.10 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa1;rport\r\n\
    Max-Forwards: 70\r\nFrom: \"Bank\" <sip:4008001234@carrier.example>;tag=a73kszlfl\r\nTo: <sip:13800001234@192.0.2.10>\r\n\
    Call-ID: 1j9FpLxk3uxtm8tn@192.0.2.1\r\nCSeq: 1 INVITE\r\nContact: <sip:waihu@192.0.2.1:5060>\r\n\
    Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE\r\nSupported: 100rel, timer\r\nUser-Agent: waihu/0.1.0\r\n\
    Content-Type: application/sdp\r\nContent-Length: 128\r\n\r\nv=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\n\
    t=0 0\r\nm=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n\r\n";
const OK: &str = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa1;rport=5060;received=192.0.2.1\r\n\
    From: \"Bank\" <sip:4008001234@carrier.example>;tag=a73kszlfl\r\nTo: <sip:13800001234@192.0.2.10>;tag=314159\r\n\
    Call-ID: 1j9FpLxk3uxtm8tn@192.0.2.1\r\nCSeq: 1 INVITE\r\nRecord-Route: <sip:192.0.2.10;lr>\r\n\
    Contact: <sip:13800001234@192.0.2.30:5060>\r\nContent-Length: 0\r\n\r\n";
const BYE: &str = "BYE sip:13800001234@192.0.2.30:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKb2;rport\r\n\
    Max-Forwards: 70\r\nRoute: <sip:192.0.2.10;lr>\r\nFrom: \"Bank\" <sip:4008001234@carrier.example>;tag=a73kszlfl\r\n\
    To: <sip:13800001234@192.0.2.10>;tag=314159\r\nCall-ID: 1j9FpLxk3uxtm8tn@192.0.2.1\r\nCSeq: 2 BYE\r\n\
    Contact: <sip:waihu@192.0.2.1:5060>\r\nReason: Q.850;cause=16\r\nContent-Length: 0\r\n\r\n";

/// Times a figure is taken, and what is done in each.
const ROUNDS: usize = 7;
const TIMES: u32 = 40_000;

/// Runs a second of each, the best of their rounds; they take turns, so that no one has the quieter machine.
fn rates<const N: usize>(mut each: [Box<dyn FnMut() + '_>; N]) -> [f64; N] {
    let mut best = [0.0_f64; N];
    for _ in 0..ROUNDS {
        for (one, best) in each.iter_mut().zip(&mut best) {
            let begun = Instant::now();
            for _ in 0..TIMES {
                one();
            }
            *best = best.max(f64::from(TIMES) / begun.elapsed().as_secs_f64());
        }
    }
    best
}

/// The fields that every user agent needs, of rsip's message.
fn fields_of_rsip(message: &rsip::SipMessage) {
    let _ = black_box(message.via_header().unwrap().typed().unwrap());
    let _ = black_box(message.from_header().unwrap().typed().unwrap());
    let _ = black_box(message.to_header().unwrap().typed().unwrap());
    let _ = black_box(message.cseq_header().unwrap().typed().unwrap());
    let _ = black_box(message.contact_header().unwrap().typed().unwrap());
    if let Some(route) = message.record_route_header() {
        let _ = black_box(route.value().len());
    }
}

/// The same of rsipstack's.
fn fields_of_rsipstack(message: &SipMessage) {
    let _ = black_box(message.via_header().unwrap().typed().unwrap());
    let _ = black_box(message.from_header().unwrap().typed().unwrap());
    let _ = black_box(message.to_header().unwrap().typed().unwrap());
    let _ = black_box(message.cseq_header().unwrap().typed().unwrap());
    let _ = black_box(message.typed_contact_headers().unwrap());
    let _ = black_box(message.typed_record_route_headers().unwrap());
}

fn main() {
    println!("messages a second; the best of {ROUNDS} rounds of {TIMES}");
    println!("| message, bytes | | waihu | rsip | rsipstack | waihu to the faster |");
    println!("|---|---|---|---|---|---|");
    for (name, text) in [("INVITE", INVITE), ("200", OK), ("BYE", BYE)] {
        let bytes = text.as_bytes();
        let row = |what: &str, [ours, rsip, rsipstack]: [f64; 3]| {
            let faster = ours / rsip.max(rsipstack);
            println!("| {name}, {} | {what} | {ours:.0} | {rsip:.0} | {rsipstack:.0} | {faster:.2} |", bytes.len());
        };
        let read = rates([
            Box::new(|| drop(black_box(Message::parse(black_box(bytes))))),
            Box::new(|| fields_of_rsip(&rsip::SipMessage::try_from(black_box(bytes)).unwrap())),
            Box::new(|| fields_of_rsipstack(&SipMessage::try_from(black_box(bytes)).unwrap())),
        ]);
        row("read, with the fields that are needed", read);
        let split = rates([
            Box::new(|| drop(black_box(Message::parse(black_box(bytes))))),
            Box::new(|| drop(black_box(rsip::SipMessage::try_from(black_box(bytes))))),
            Box::new(|| drop(black_box(SipMessage::try_from(black_box(bytes))))),
        ]);
        row("read; of the others only split", split);
        let ours = Message::parse(bytes).unwrap();
        let rsip = rsip::SipMessage::try_from(bytes).unwrap();
        let rsipstack = SipMessage::try_from(bytes).unwrap();
        let printed = rates([
            Box::new(|| drop(black_box(black_box(&ours).to_bytes()))),
            Box::new(|| drop(black_box(black_box(&rsip).to_string()))),
            Box::new(|| drop(black_box(black_box(&rsipstack).to_string()))),
        ]);
        row("print", printed);
    }
}
