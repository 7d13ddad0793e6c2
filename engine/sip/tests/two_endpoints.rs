//! Two user agents over a wire in virtual time: whole calls, also where the wire loses, doubles
//! and reorders.
#![allow(clippy::unwrap_used)]

mod world;

use waihu_sip::{Command, EndedBy, Event, FailureCause, Transport};
use world::{CALL, World, ended, sdp};

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
fn over_a_stream_nothing_is_sent_twice_and_nothing_lingers() {
    let mut world = World::new(0, 9);
    world.transport = Transport::Tcp;
    answered_call(&mut world, 0);
    assert_eq!(ended(&world.of(0)), Some(EndedBy::Local));
    for word in ["INVITE", "ACK", "BYE"] {
        assert_eq!(world.seen.iter().filter(|w| *w == word).count(), 1, "{word}");
    }
    assert!(world.is_empty());
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
