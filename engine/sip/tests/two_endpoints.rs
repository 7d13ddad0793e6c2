//! Two user agents over a wire in virtual time: whole calls, also where the wire loses, doubles
//! and reorders.
#![allow(clippy::unwrap_used)]

use std::{collections::BinaryHeap, net::SocketAddr, time::Duration};

use waihu_sip::{
    CallHandle, Codec, Command, EndedBy, Endpoint, EndpointConfig, Event, FailureCause, Input, Invite,
    NameAddr, Output, SessionDescription, Uri, Usage,
};
use waihu_types::Time;

const A: &str = "127.0.0.1:5060";
const B: &str = "127.0.0.1:5070";
const CALL: CallHandle = CallHandle(2);

struct Datagram {
    at: Time,
    order: u64,
    from: SocketAddr,
    to: SocketAddr,
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

/// A wire between two endpoints, driven by one clock.
struct World {
    now: Time,
    ends: [(SocketAddr, Endpoint); 2],
    wire: BinaryHeap<Datagram>,
    sent: u64,
    seed: u64,
    /// Of 100 datagrams this many are lost, and as many doubled.
    faults: u64,
    events: Vec<(usize, CallHandle, Event)>,
}

impl World {
    fn new(faults: u64, seed: u64) -> Self {
        let end = |local: &str, seed| {
            let local: SocketAddr = local.parse().unwrap();
            (local, Endpoint::new(EndpointConfig { local, user_agent: "test".into(), seed }))
        };
        Self {
            now: Time::ZERO,
            ends: [end(A, seed), end(B, seed ^ 0xB0B)],
            wire: BinaryHeap::new(),
            sent: 0,
            seed,
            faults,
            events: Vec::new(),
        }
    }

    fn dice(&mut self) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % 100
    }

    fn command(&mut self, end: usize, command: Command) {
        self.ends[end].1.handle_input(self.now, Input::Command(command));
        self.drain();
    }

    fn drain(&mut self) {
        for end in 0..2 {
            while let Some(output) = self.ends[end].1.poll_output() {
                match output {
                    Output::Transmit { to, bytes } => self.transmit(self.ends[end].0, to, bytes.to_vec()),
                    Output::Event { call, event } => self.events.push((end, call, event)),
                    Output::Pong { .. } | Output::Discarded { .. } => {}
                }
            }
        }
    }

    fn transmit(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
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
                to,
                bytes: bytes.clone(),
            });
        }
    }

    /// Runs until `until`, or until nothing is left to happen.
    fn run(&mut self, until: Time) {
        loop {
            let datagram = self.wire.peek().map(|d| d.at);
            let timer = self.ends.iter().filter_map(|(_, e)| e.poll_timeout()).min();
            let Some(next) = datagram.into_iter().chain(timer).min().filter(|t| *t <= until) else { break };
            self.now = self.now.max(next);
            if datagram == Some(next) {
                let d = self.wire.pop().unwrap();
                if let Some((_, end)) = self.ends.iter_mut().find(|(at, _)| *at == d.to) {
                    end.handle_input(self.now, Input::Datagram { from: d.from, bytes: &d.bytes });
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

    fn run_for(&mut self, seconds: u64) {
        self.run(self.now + Duration::from_secs(seconds));
    }

    fn invite(&mut self) {
        let b: SocketAddr = B.parse().unwrap();
        let a: SocketAddr = A.parse().unwrap();
        self.command(
            0,
            Command::Invite(Box::new(Invite {
                call: CALL,
                target: Uri::sip("1001", b),
                next_hop: b,
                from: NameAddr::new(None, Uri::sip("waihu", a)),
                credentials: None,
                offer: sdp(40_000),
                headers: Vec::new(),
            })),
        );
    }

    /// The handle of the call that came in at the second end.
    fn incoming(&self) -> CallHandle {
        self.events
            .iter()
            .find_map(|(end, call, event)| {
                matches!((end, event), (1, Event::Incoming { .. })).then_some(*call)
            })
            .unwrap()
    }

    fn of(&self, end: usize) -> Vec<&Event> {
        self.events.iter().filter(|(e, ..)| *e == end).map(|(_, _, event)| event).collect()
    }

    fn is_empty(&self) -> bool {
        self.ends.iter().all(|(_, e)| e.usage() == Usage::default())
    }
}

fn sdp(port: u16) -> SessionDescription {
    SessionDescription::offer(SocketAddr::from(([127, 0, 0, 1], port)), &[Codec::Pcma, Codec::Pcmu])
}

fn ended(events: &[&Event]) -> Option<EndedBy> {
    events.iter().find_map(|e| if let Event::Ended { by, .. } = e { Some(*by) } else { None })
}

/// Rings, answers, talks for ten seconds and is hung up by `by`.
fn answered_call(world: &mut World, by: usize) {
    world.invite();
    world.run_for(8);
    let call = world.incoming();
    world.command(1, Command::Ring { call, code: 180, sdp: None });
    world.run_for(3);
    world.command(1, Command::Answer { call, sdp: sdp(50_000) });
    world.run_for(10);
    assert!(world.of(0).iter().any(|e| matches!(e, Event::Answered { .. })));
    let handle = if by == 0 { CALL } else { call };
    world.command(by, Command::Hangup { call: handle, reason: None });
    world.run_for(100);
}

#[test]
fn an_answered_call_ends_on_both_sides_whoever_hangs_up() {
    for by in [0, 1] {
        let mut world = World::new(0, 7);
        answered_call(&mut world, by);
        let (us, them) = if by == 0 { (0, 1) } else { (1, 0) };
        assert_eq!(ended(&world.of(us)), Some(EndedBy::Local));
        assert_eq!(ended(&world.of(them)), Some(EndedBy::Remote));
        assert!(world.of(1).contains(&&Event::Confirmed));
        assert!(world.is_empty(), "something is left behind");
    }
}

#[test]
fn calls_survive_a_wire_that_loses_doubles_and_reorders() {
    for seed in 0..200 {
        let mut world = World::new(15, seed);
        answered_call(&mut world, usize::from(seed % 2 == 0));
        for end in [0, 1] {
            let endings = world
                .of(end)
                .iter()
                .filter(|e| matches!(e, Event::Ended { .. } | Event::Failed { .. }))
                .count();
            assert_eq!(endings, 1, "seed {seed}, end {end}: {:?}", world.of(end));
        }
        world.run_for(100);
        assert!(world.is_empty(), "seed {seed} left something behind");
    }
}

#[test]
fn a_refusal_is_told_with_its_code() {
    let mut world = World::new(0, 1);
    world.invite();
    world.run_for(1);
    let call = world.incoming();
    world.command(1, Command::Reject { call, code: 486, reason: "Busy Here".into() });
    world.run_for(100);
    assert!(matches!(world.of(0)[..], [.., Event::Failed { code: 486, cause: FailureCause::Rejected, .. }]));
    assert!(world.is_empty());
}

#[test]
fn a_ringing_call_is_cancelled() {
    let mut world = World::new(0, 2);
    world.invite();
    world.run_for(1);
    let call = world.incoming();
    world.command(1, Command::Ring { call, code: 180, sdp: None });
    world.run_for(5);
    world.command(0, Command::Hangup { call: CALL, reason: None });
    world.run_for(100);
    assert!(matches!(world.of(0)[..], [.., Event::Failed { code: 487, cause: FailureCause::Cancelled, .. }]));
    assert!(world.is_empty());
}

#[test]
fn an_answer_that_crosses_the_cancel_is_acknowledged_and_ended() {
    let mut world = World::new(0, 3);
    world.invite();
    world.run_for(1);
    let call = world.incoming();
    world.command(1, Command::Ring { call, code: 180, sdp: None });
    world.run_for(1);
    // Both leave at the same moment.
    world.command(1, Command::Answer { call, sdp: sdp(50_000) });
    world.command(0, Command::Hangup { call: CALL, reason: None });
    world.run_for(100);
    assert_eq!(ended(&world.of(0)), Some(EndedBy::Local));
    assert_eq!(ended(&world.of(1)), Some(EndedBy::Remote));
    assert!(world.is_empty());
}

#[test]
fn nobody_there_times_out_after_32_seconds() {
    let mut world = World::new(100, 4);
    world.invite();
    world.run_for(31);
    assert!(world.of(0).is_empty());
    world.run_for(2);
    assert!(matches!(world.of(0)[..], [Event::Failed { code: 408, cause: FailureCause::TimedOut, .. }]));
    world.run_for(100);
    assert!(world.is_empty());
}
