//! What calls cost without a socket: set up and torn down by one machine, memory of a call that is up, and that nothing
//! of calls that are over stays. `cargo bench -p waihu-sip`; what messages cost beside others stands in
//! `benches/peers/sip`.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::{net::SocketAddr, time::Instant};

use waihu_sip::{
    CallHandle, Codec, Command, Endpoint, EndpointConfig, Event, Hop, Input, Invite, NameAddr, Output,
    SessionDescription, Uri,
};
use waihu_types::Time;

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
            redirects: Vec::new(),
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
