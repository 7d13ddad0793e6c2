//! What signalling costs: messages read and printed beside rsip on the same bytes, calls set up and torn down by one
//! machine without a socket, memory of a call that is up. `cargo run --release -p waihu-sip --example figures`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{hint::black_box, net::SocketAddr, time::Instant};

use waihu_sip::{
    CallHandle, Codec, Command, Endpoint, EndpointConfig, Event, Hop, Input, Invite, Message, NameAddr,
    Output, SessionDescription, Uri,
};
use waihu_types::Time;

const INVITE: &str = "INVITE sip:13800001234@192.0.2.10 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa1;rport\r\n\
    Max-Forwards: 70\r\nFrom: \"Bank\" <sip:4008001234@carrier.example>;tag=a73kszlfl\r\nTo: <sip:13800001234@192.0.2.10>\r\n\
    Call-ID: 1j9FpLxk3uxtm8tn@192.0.2.1\r\nCSeq: 1 INVITE\r\nContact: <sip:waihu@192.0.2.1:5060>\r\n\
    Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE\r\nSupported: 100rel, timer\r\nUser-Agent: waihu/0.1.0\r\n\
    Content-Type: application/sdp\r\nContent-Length: 129\r\n\r\nv=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\n\
    t=0 0\r\nm=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n\r\n";
const OK: &str = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa1;rport=5060;received=192.0.2.1\r\n\
    From: \"Bank\" <sip:4008001234@carrier.example>;tag=a73kszlfl\r\nTo: <sip:13800001234@192.0.2.10>;tag=314159\r\n\
    Call-ID: 1j9FpLxk3uxtm8tn@192.0.2.1\r\nCSeq: 1 INVITE\r\nRecord-Route: <sip:192.0.2.10;lr>\r\n\
    Contact: <sip:13800001234@192.0.2.30:5060>\r\nContent-Length: 0\r\n\r\n";

const TIMES: u32 = 200_000;

/// Runs a second per second, best of five.
fn rate(mut f: impl FnMut()) -> f64 {
    let mut best = 0.0_f64;
    for _ in 0..5 {
        let begun = Instant::now();
        for _ in 0..TIMES / 5 {
            f();
        }
        best = best.max(f64::from(TIMES / 5) / begun.elapsed().as_secs_f64());
    }
    best
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Two machines that hand each other their messages.
struct Pair {
    ends: [(SocketAddr, Endpoint); 2],
    now: Time,
    next: u64,
}

impl Pair {
    fn new() -> Self {
        let end = |n: u8| {
            let at = SocketAddr::from(([192, 0, 2, n], 5060));
            (at, Endpoint::new(EndpointConfig::new(at, "figures", n.into())))
        };
        Self { ends: [end(1), end(2)], now: Time::ZERO, next: 2 }
    }

    fn put(&mut self, end: usize, input: Input<'_>) {
        self.ends[end].1.handle_input(self.now, input);
    }

    /// Carries messages until none is left; calls that come in are answered.
    fn settle(&mut self) {
        let mut busy = true;
        while busy {
            busy = false;
            for end in [0, 1] {
                while let Some(output) = self.ends[end].1.poll_output() {
                    busy = true;
                    match output {
                        Output::Transmit { bytes, .. } => {
                            let from = Hop::from(self.ends[end].0);
                            self.put(1 - end, Input::Datagram { from, bytes: &bytes });
                        }
                        Output::Event { call, event: Event::Incoming { .. } } => {
                            self.put(end, Input::Command(Command::Answer { call, sdp: sdp() }));
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    fn call(&mut self) -> CallHandle {
        let call = CallHandle(self.next);
        self.next += 2;
        let (a, b) = (self.ends[0].0, self.ends[1].0);
        let invite = Invite {
            call,
            target: Uri::sip("1001", b),
            next_hop: b.into(),
            backups: Vec::new(),
            call_id: None,
            from: NameAddr::new(None, Uri::sip("waihu", a)),
            credentials: None,
            offer: sdp(),
            headers: Vec::new(),
        };
        self.put(0, Input::Command(Command::Invite(Box::new(invite))));
        self.settle();
        call
    }

    fn hang_up(&mut self, call: CallHandle) {
        self.put(0, Input::Command(Command::Hangup { call, reason: None }));
        self.settle();
    }

    /// So long passes that every timer of a call that is over has run.
    fn pass(&mut self, ms: u64) {
        self.now = self.now + std::time::Duration::from_millis(ms);
        for end in [0, 1] {
            self.put(end, Input::Timeout);
        }
        self.settle();
    }
}

fn sdp() -> SessionDescription {
    SessionDescription::offer(SocketAddr::from(([192, 0, 2, 1], 4_000)), &[Codec::Pcma, Codec::Pcmu])
}

fn main() {
    for (name, text) in [("INVITE", INVITE), ("200", OK)] {
        let message = Message::parse(text.as_bytes()).unwrap();
        let theirs = rsip::SipMessage::try_from(text.as_bytes()).unwrap();
        let ours = rate(|| drop(black_box(Message::parse(black_box(text.as_bytes())))));
        let rsip = rate(|| drop(black_box(rsip::SipMessage::try_from(black_box(text.as_bytes())))));
        println!("read {name}: {ours:.0}/s, rsip {rsip:.0}/s (its headers left unread)");
        let ours = rate(|| drop(black_box(message.to_bytes())));
        let rsip = rate(|| drop(black_box(Vec::<u8>::from(theirs.clone()))));
        println!("print {name}: {ours:.0}/s, rsip {rsip:.0}/s (with a clone, which it needs)");
    }

    let mut pair = Pair::new();
    let (calls, begun) = (20_000_u32, Instant::now());
    for _ in 0..calls {
        let call = pair.call();
        pair.hang_up(call);
        pair.pass(1);
    }
    let both = f64::from(calls) / begun.elapsed().as_secs_f64();
    println!("calls set up and torn down, both ends on one core: {both:.0}/s");

    pair.pass(100_000);
    let before = resident_kib();
    for round in 0..4 {
        for _ in 0..25_000 {
            let call = pair.call();
            pair.hang_up(call);
            pair.pass(2);
        }
        pair.pass(100_000);
        println!("after {} calls: {} KiB resident", (round + 1) * 25_000, resident_kib());
    }
    println!("before them: {before} KiB");

    let mut pair = Pair::new();
    let empty = resident_kib();
    for _ in 0..15_000 {
        pair.call();
        pair.pass(1);
    }
    pair.pass(40_000);
    let full = resident_kib();
    println!("a call that is up: {} bytes at each end", (full.saturating_sub(empty)) * 1_024 / 15_000 / 2);
}
