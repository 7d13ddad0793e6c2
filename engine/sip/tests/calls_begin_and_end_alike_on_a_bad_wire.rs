//! How calls begin and end on a wire that loses, doubles and reorders: reliable provisional responses, forks that are
//! answered twice, CANCELs that cross with answers and refusals, registrations that are refreshed. Whatever is lost,
//! each call has one end at each side, both sides come to the same, and nothing is kept.
#![allow(clippy::unwrap_used)]

mod world;

use std::{collections::HashMap, time::Duration};

use waihu_sip::{
    CallHandle, Command, Credentials, EndedBy, Endpoint, EndpointConfig, Event, FailureCause, Hop, NameAddr,
    Uri,
    registrar::{Registrar, Telephone},
    registration::{Order, State},
};
use world::{A, B, C, CALL, World, sdp};

/// Where the fork is.
const FORK: &str = "127.0.0.1:5090";

fn reliable() -> Vec<(String, String)> {
    vec![("Require".to_owned(), "100rel".to_owned())]
}

fn forking(faults: u64, seed: u64) -> World {
    let mut world = World::new(faults, seed);
    world.fork = Some((FORK.parse().unwrap(), vec![B.parse().unwrap(), C.parse().unwrap()]));
    world
}

/// A number below `bound`, by the world's dice.
fn below(world: &mut World, bound: u64) -> u64 {
    (world.dice() * 100 + world.dice()) * bound / 10_000
}

fn calls(world: &World) -> [usize; 3] {
    [0, 1, 2].map(|end| world.ends[end].1.usage().calls)
}

/// The one end of a call at one side, which comes last.
fn end_of(world: &World, end: usize, call: CallHandle, seed: u64) -> &Event {
    let of_call: Vec<&Event> =
        world.events.iter().filter(|(e, c, _)| (*e, *c) == (end, call)).map(|(.., event)| event).collect();
    let is_end = |event: &&&Event| matches!(event, Event::Ended { .. } | Event::Failed { .. });
    assert_eq!(of_call.iter().filter(is_end).count(), 1, "seed {seed}, end {end}: {of_call:?}");
    assert!(is_end(&of_call.last().unwrap()), "seed {seed}, end {end}: {of_call:?}");
    of_call.last().unwrap()
}

/// Everything is over: each INVITE rang once, each call has one end, and nothing is left.
fn is_over(world: &mut World, seed: u64) {
    world.run_for(300);
    assert!(world.is_empty(), "seed {seed} left something behind: {:?}", calls(world));
    for end in [1, 2] {
        let rang = world.of(end).iter().filter(|e| matches!(e, Event::Incoming { .. })).count();
        assert!(rang <= 1, "seed {seed}: one INVITE rang {rang} times");
        if let Some(call) = world.came_in(end) {
            end_of(world, end, call, seed);
        }
    }
    end_of(world, 0, CALL, seed);
}

fn told(world: &World, code: u16) -> usize {
    world.of(0).iter().filter(|e| matches!(e, Event::Provisional { code: c, .. } if *c == code)).count()
}

fn answered_at(world: &World) -> Vec<u16> {
    let port = |e: &&Event| match e {
        Event::Answered { sdp } => Some(sdp.audio().unwrap().remote.port()),
        _ => None,
    };
    world.of(0).iter().filter_map(port).collect()
}

#[test]
fn what_must_arrive_before_the_answer_does_once_and_in_order() {
    for seed in 0..100 {
        let mut world = World::new(15, seed);
        world.call(0, CALL, B, reliable());
        world.run_for(8);
        let call = world.incoming();
        world.command(1, Command::Ring { call, code: 183, sdp: Some(sdp(45_000)) });
        let slowly = seed % 2 == 0;
        if slowly {
            world.run_for(25);
        }
        world.command(1, Command::Ring { call, code: 180, sdp: None });
        if slowly {
            world.run_for(25);
        }
        world.command(1, Command::Answer { call, sdp: sdp(50_000) });
        world.run_for(60);
        assert_eq!((told(&world, 183), told(&world, 180)), (1, usize::from(slowly)), "seed {seed}");
        // Said with the 183, and not again.
        assert_eq!(answered_at(&world), [45_000], "seed {seed}");
        let news = world.of(0);
        let place = |what: &dyn Fn(&Event) -> bool| news.iter().position(|e| what(e));
        let first = place(&|e| matches!(e, Event::Provisional { code: 183, sdp: Some(_), .. }));
        assert!(first < place(&|e| matches!(e, Event::Answered { .. })), "seed {seed}: {news:?}");
        assert!(world.of(1).contains(&&Event::Confirmed), "seed {seed}");
        assert_eq!(calls(&world), [1, 1, 0], "seed {seed}");
        let (end, handle) = if seed % 3 == 0 { (0, CALL) } else { (1, call) };
        world.command(end, Command::Hangup { call: handle, reason: None });
        is_over(&mut world, seed);
        for (side, handle) in [(0, CALL), (1, call)] {
            let by = if side == end { EndedBy::Local } else { EndedBy::Remote };
            assert_eq!(end_of(&world, side, handle, seed), &Event::Ended { by, reason: None });
        }
    }
}

#[test]
fn a_refusal_does_not_wait_for_what_is_not_acknowledged() {
    for seed in 0..60 {
        let mut world = World::new(15, seed);
        world.call(0, CALL, B, reliable());
        world.run_for(8);
        let call = world.incoming();
        world.command(1, Command::Ring { call, code: 183, sdp: Some(sdp(45_000)) });
        let pause = below(&mut world, 600);
        world.run(world.now + Duration::from_millis(pause));
        world.command(1, Command::Reject { call, code: 486, reason: "Busy Here".into() });
        is_over(&mut world, seed);
        assert!(matches!(end_of(&world, 0, CALL, seed), Event::Failed { code: 486, .. }), "seed {seed}");
    }
}

#[test]
fn a_fork_that_is_answered_twice_comes_to_one_call() {
    let mut unheard = 0;
    for seed in 0..100 {
        let mut world = forking(12, seed);
        let is_reliable = seed % 2 == 0;
        world.call(0, CALL, FORK, if is_reliable { reliable() } else { Vec::new() });
        world.run_for(8);
        for (end, port) in [(1, 45_000), (2, 46_000)] {
            if let Some(call) = world.came_in(end) {
                world.command(end, Command::Ring { call, code: 183, sdp: Some(sdp(port)) });
            }
        }
        // From the same moment to half a second apart, either first.
        let pause = if seed % 5 == 0 { 0 } else { below(&mut world, 500) };
        let order = if seed % 3 == 0 { [(1, 50_000), (2, 51_000)] } else { [(2, 51_000), (1, 50_000)] };
        for (end, port) in order {
            if let Some(call) = world.came_in(end) {
                world.command(end, Command::Answer { call, sdp: sdp(port) });
            }
            world.run(world.now + Duration::from_millis(pause));
        }
        world.run_for(60);
        // Each early dialog keeps to its own sound.
        let mut places: HashMap<String, u16> = HashMap::new();
        for event in world.of(0) {
            if let Event::Provisional { early_dialog: Some(dialog), sdp: Some(sdp), .. } = event {
                let port = sdp.audio().unwrap().remote.port();
                assert_eq!(*places.entry(dialog.clone()).or_insert(port), port, "seed {seed}");
            }
        }
        assert!(places.len() <= 2, "seed {seed}");
        let up = calls(&world);
        assert!(up == [1, 1, 0] || up == [1, 0, 1], "seed {seed}: {up:?}");
        let expected = match (up[1], is_reliable) {
            (1, true) => 45_000,
            (1, false) => 50_000,
            (_, true) => 46_000,
            (_, false) => 51_000,
        };
        assert_eq!(answered_at(&world), [expected], "seed {seed}");
        let other = if up[1] == 1 { 2 } else { 1 };
        if let Some(call) = world.came_in(other) {
            // Whoever had not been heard to ring before the other one's answer is no longer waited for (RFC 6026 §8.4),
            // and gives up by itself.
            match end_of(&world, other, call, seed) {
                Event::Ended { by: EndedBy::Remote, .. } => {}
                Event::Failed { code: 504, .. } if is_reliable => unheard += 1,
                other => unreachable!("seed {seed}: {other:?}"),
            }
        }
        world.command(0, Command::Hangup { call: CALL, reason: None });
        is_over(&mut world, seed);
    }
    assert!(unheard < 10, "{unheard} of 100");
}

/// What the callees of a race do.
#[derive(Clone, Copy)]
enum Callee {
    Answers,
    Refuses,
    RingsOn,
}

/// A call that is given up at a moment of its first three seconds, while its callees ring, and answer or refuse at one
/// of theirs.
fn race(world: &mut World, to: &str, headers: Vec<(String, String)>, callee: Callee) {
    let (hangs_up, acts) = (below(world, 300), below(world, 300));
    world.call(0, CALL, to, headers);
    let (mut rung, mut acted) = ([false; 3], [false; 3]);
    // What was lost at first arrives within ten seconds.
    for step in 0..1_500 {
        world.run(world.now + Duration::from_millis(10));
        if step == hangs_up {
            world.command(0, Command::Hangup { call: CALL, reason: None });
        }
        for end in [1, 2] {
            let Some(call) = world.came_in(end) else { continue };
            if !std::mem::replace(&mut rung[end], true) {
                world.command(end, Command::Ring { call, code: 183, sdp: Some(sdp(45_000)) });
            }
            if step < acts || std::mem::replace(&mut acted[end], true) {
                continue;
            }
            match callee {
                Callee::Answers => world.command(end, Command::Answer { call, sdp: sdp(45_000) }),
                Callee::Refuses => {
                    world.command(end, Command::Reject { call, code: 486, reason: "Busy".into() });
                }
                Callee::RingsOn => {}
            }
        }
    }
    // A telephone rings for two minutes and no longer.
    world.run_for(120);
    for end in [1, 2] {
        if let Some(call) = world.came_in(end) {
            world.command(end, Command::Hangup { call, reason: None });
        }
    }
}

#[test]
fn a_cancel_and_what_crosses_it_come_to_the_same_at_both_ends() {
    for seed in 0..100 {
        for callee in [Callee::Answers, Callee::Refuses, Callee::RingsOn] {
            for headers in [Vec::new(), reliable()] {
                let mut world = World::new(12, seed);
                race(&mut world, B, headers, callee);
                is_over(&mut world, seed);
                let ours = end_of(&world, 0, CALL, seed).clone();
                let theirs = world.came_in(1).map(|call| end_of(&world, 1, call, seed).clone());
                match (&ours, theirs) {
                    // The answer was first, and so was acknowledged and hung up on.
                    (
                        Event::Ended { by: EndedBy::Local, .. },
                        Some(Event::Ended { by: EndedBy::Remote, .. }),
                    ) => {
                        assert!(matches!(callee, Callee::Answers), "seed {seed}");
                    }
                    (
                        Event::Failed { cause: FailureCause::Cancelled, .. },
                        None | Some(Event::Failed { .. }),
                    ) => {}
                    // It was refused before we gave it up.
                    (Event::Failed { code: 486, .. }, Some(Event::Failed { code: 486, .. })) => {}
                    other => unreachable!("seed {seed}: {other:?}"),
                }
            }
        }
    }
}

#[test]
fn a_fork_that_is_cancelled_while_it_is_answered_leaves_no_call_at_any_side() {
    for seed in 0..100 {
        for headers in [Vec::new(), reliable()] {
            let mut world = forking(12, seed);
            race(&mut world, FORK, headers, Callee::Answers);
            is_over(&mut world, seed);
            // Where one had answered it was hung up on, and so was the other one, were it by the end of its patience.
            let ended = |end| world.of(end).iter().any(|e| matches!(e, Event::Ended { .. }));
            if ended(0) {
                assert!(ended(1) || ended(2), "seed {seed}: it was up with nobody");
            }
        }
    }
}

fn with_registrar(seed: u64) -> World {
    let mut world = World::new(12, seed);
    let telephones = vec![Telephone { user: "1001".into(), password: "secret".into() }];
    let config = EndpointConfig::new(B.parse().unwrap(), "test", seed);
    world.ends[1].1 = Endpoint::new(config).with_registrar(Registrar::new("waihu", telephones, seed));
    world
}

fn is_known(world: &World) -> bool {
    let place = world.ends[1].1.telephone(world.now, "1001");
    place.is_some_and(|(_, hop)| hop.address == A.parse().unwrap())
}

#[test]
fn a_registration_is_known_at_both_ends_or_at_neither() {
    for seed in 0..50 {
        let mut world = with_registrar(seed);
        let of = |text: &str| NameAddr::new(None, Uri::sip(text, B.parse().unwrap()));
        world.command(
            0,
            Command::Register(Box::new(Order {
                registration: 1,
                registrar: format!("sip:{B}").parse().unwrap(),
                next_hop: Hop::from(B.parse::<std::net::SocketAddr>().unwrap()),
                of: of("1001"),
                contact_user: "1001".into(),
                expires_s: 120,
                credentials: Some(Credentials {
                    username: "1001".into(),
                    password: "secret".into(),
                    realm: None,
                }),
            })),
        );
        world.run_for(40);
        for minute in 0..90 {
            world.run_for(60);
            assert!(is_known(&world), "seed {seed}, minute {minute}");
        }
        let held = world.registrations.len();
        let is_held = |state: &State| *state == State::Registered { expires_s: 120 };
        assert!(
            held > 85 && world.registrations.iter().all(is_held),
            "seed {seed}: {:?}",
            world.registrations
        );
        // For ten minutes nothing arrives: both know it.
        world.faults = 100;
        world.run_for(600);
        assert!(!is_known(&world), "seed {seed}");
        assert!(matches!(world.registrations.last(), Some(State::Failed { code: 408, .. })), "seed {seed}");
        world.faults = 12;
        world.run_for(1_000);
        assert!(is_known(&world) && is_held(world.registrations.last().unwrap()), "seed {seed}");
        // Whoever is registered is called where he is.
        world.call(1, CALL, B, Vec::new());
        world.run_for(8);
        let call = world.incoming_at(0);
        world.command(0, Command::Hangup { call, reason: None });
        world.run_for(40);
        assert!(matches!(end_of(&world, 1, CALL, seed), Event::Failed { code: 480, .. }), "seed {seed}");
        world.command(0, Command::Unregister { registration: 1 });
        world.run_for(300);
        assert_eq!(world.registrations.last(), Some(&State::Removed), "seed {seed}");
        assert!(!is_known(&world) && world.is_empty(), "seed {seed}");
    }
}
