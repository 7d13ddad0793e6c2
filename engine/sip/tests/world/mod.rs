//! Endpoints on a wire in virtual time that may lose, double and reorder, driven by one clock and one seed.
#![allow(clippy::unwrap_used, dead_code, reason = "each test file needs its own part")]

use std::{collections::BinaryHeap, net::SocketAddr, time::Duration};

use waihu_sip::{
    CallHandle, Codec, Command, EndedBy, Endpoint, EndpointConfig, Event, Hop, Input, Invite, NameAddr,
    Output, SessionDescription, Transport, Uri, Usage, registration::State,
};
use waihu_types::Time;

pub const A: &str = "127.0.0.1:5060";
pub const B: &str = "127.0.0.1:5070";
pub const C: &str = "127.0.0.1:5080";
pub const CALL: CallHandle = CallHandle(2);

pub struct Datagram {
    at: Time,
    order: u64,
    from: SocketAddr,
    to: Hop,
    bytes: Vec<u8>,
}

impl PartialEq for Datagram {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}
impl Eq for Datagram {}
impl PartialOrd for Datagram {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Datagram {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

/// The wire and its ends.
pub struct World {
    pub now: Time,
    pub ends: Vec<(SocketAddr, Endpoint)>,
    pub transport: Transport,
    pub registrations: Vec<State>,
    /// What has gone over the wire by its first word, retransmissions too.
    pub seen: Vec<String>,
    pub wire: BinaryHeap<Datagram>,
    pub sent: u64,
    pub seed: u64,
    /// Of 100 datagrams this many are lost, and as many doubled.
    pub faults: u64,
    /// What goes to this address goes to each of these: a proxy that forks and keeps nothing.
    pub fork: Option<(SocketAddr, Vec<SocketAddr>)>,
    pub events: Vec<(usize, CallHandle, Event)>,
}

impl World {
    pub fn new(faults: u64, seed: u64) -> Self {
        Self::with(faults, seed, |_, config| config)
    }

    /// With three ends, each set up by its place.
    pub fn with(faults: u64, seed: u64, set_up: impl Fn(usize, EndpointConfig) -> EndpointConfig) -> Self {
        let end = |(place, local): (usize, &str)| {
            let local: SocketAddr = local.parse().unwrap();
            let config = EndpointConfig::new(local, "test", seed ^ (place as u64 * 0xB0B));
            (local, Endpoint::new(set_up(place, config)))
        };
        Self {
            now: Time::ZERO,
            ends: [A, B, C].into_iter().enumerate().map(end).collect(),
            transport: Transport::Udp,
            registrations: Vec::new(),
            seen: Vec::new(),
            wire: BinaryHeap::new(),
            sent: 0,
            seed,
            faults,
            fork: None,
            events: Vec::new(),
        }
    }

    pub fn dice(&mut self) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % 100
    }

    pub fn command(&mut self, end: usize, command: Command) {
        self.ends[end].1.handle_input(self.now, Input::Command(command));
        self.drain();
    }

    pub fn drain(&mut self) {
        for end in 0..self.ends.len() {
            while let Some(output) = self.ends[end].1.poll_output() {
                match output {
                    Output::Transmit { to, bytes } => self.transmit(self.ends[end].0, to, bytes.to_vec()),
                    Output::Event { call, event } => self.events.push((end, call, event)),
                    Output::Registered { state, .. } => self.registrations.push(state),
                    Output::Pong { .. } | Output::Sign { .. } | Output::Discarded { .. } => {}
                }
            }
        }
    }

    pub fn transmit(&mut self, from: SocketAddr, to: Hop, bytes: Vec<u8>) {
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(11)]).into_owned();
        self.seen.push(start.split(' ').next().unwrap().to_owned());
        let branches = match &self.fork {
            Some((at, branches)) if *at == to.address => branches.clone(),
            _ => vec![to.address],
        };
        for branch in branches {
            let copies = match self.dice() {
                d if d < self.faults => 0,
                d if d < 2 * self.faults => 2,
                _ => 1,
            };
            for _ in 0..copies {
                let jitter = if self.faults > 0 { self.dice() } else { 0 };
                self.sent += 1;
                self.wire.push(Datagram {
                    at: self.now + Duration::from_millis(5 + jitter),
                    order: self.sent,
                    from,
                    to: Hop::new(to.transport, branch),
                    bytes: bytes.clone(),
                });
            }
        }
    }

    /// Runs until `until`, or until nothing is left to happen.
    pub fn run(&mut self, until: Time) {
        loop {
            let datagram = self.wire.peek().map(|d| d.at);
            let timer = self.ends.iter().filter_map(|(_, e)| e.poll_timeout()).min();
            let Some(next) = datagram.into_iter().chain(timer).min().filter(|t| *t <= until) else { break };
            self.now = self.now.max(next);
            if datagram == Some(next) {
                let d = self.wire.pop().unwrap();
                if let Some((_, end)) = self.ends.iter_mut().find(|(at, _)| *at == d.to.address) {
                    end.handle_input(
                        self.now,
                        Input::Datagram { from: Hop::new(d.to.transport, d.from), bytes: &d.bytes },
                    );
                }
            } else {
                for (_, end) in &mut self.ends {
                    if end.poll_timeout().is_some_and(|t| t <= self.now) {
                        end.handle_input(self.now, Input::Timeout);
                    }
                }
            }
            self.drain();
        }
        self.now = until;
    }

    pub fn run_for(&mut self, seconds: u64) {
        self.run(self.now + Duration::from_secs(seconds));
    }

    pub fn invite(&mut self) {
        self.call(0, CALL, B, Vec::new());
    }

    /// Places a call from one end to an address.
    pub fn call(&mut self, end: usize, call: CallHandle, to: &str, headers: Vec<(String, String)>) {
        let to: SocketAddr = to.parse().unwrap();
        let from = self.ends[end].0;
        self.command(
            end,
            Command::Invite(Box::new(Invite {
                call,
                target: Uri::sip("1001", to),
                next_hop: Hop::new(self.transport, to),
                backups: Vec::new(),
                redirects: Vec::new(),
                call_id: None,
                from: NameAddr::new(None, Uri::sip("waihu", from)),
                credentials: None,
                offer: sdp(40_000),
                headers,
            })),
        );
    }

    /// Calls and is answered: the callee's handle.
    pub fn talk(&mut self, end: usize, call: CallHandle, to: (usize, &str)) -> CallHandle {
        self.call(end, call, to.1, Vec::new());
        self.run_for(8);
        let theirs = self.incoming_at(to.0);
        self.command(to.0, Command::Answer { call: theirs, sdp: sdp(50_000) });
        self.run_for(8);
        theirs
    }

    /// The handle of the call that came in at the second end.
    pub fn incoming(&self) -> CallHandle {
        self.incoming_at(1)
    }

    /// The handle of the latest call that came in at an end.
    pub fn incoming_at(&self, end: usize) -> CallHandle {
        self.came_in(end).unwrap()
    }

    pub fn came_in(&self, end: usize) -> Option<CallHandle> {
        let mut news = self.events.iter().rev();
        let came = news.find(|(e, _, event)| *e == end && matches!(event, Event::Incoming { .. }));
        came.map(|(_, call, _)| *call)
    }

    pub fn of(&self, end: usize) -> Vec<&Event> {
        self.events.iter().filter(|(e, ..)| *e == end).map(|(_, _, event)| event).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.iter().all(|(_, e)| e.usage() == Usage::default())
    }
}

pub fn sdp(port: u16) -> SessionDescription {
    SessionDescription::offer(SocketAddr::from(([127, 0, 0, 1], port)), &[Codec::Pcma, Codec::Pcmu])
}

pub fn ended(events: &[&Event]) -> Option<EndedBy> {
    events.iter().find_map(|e| if let Event::Ended { by, .. } = e { Some(*by) } else { None })
}
