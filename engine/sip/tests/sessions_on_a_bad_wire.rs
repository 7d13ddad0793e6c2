//! What happens within calls, on a wire that loses, doubles and reorders: holds from both sides, transfers with
//! Replaces among three, session timers for hours. Whatever is lost, both ends come to the same and keep nothing.
#![allow(clippy::unwrap_used)]

mod world;

use waihu_sip::{CallHandle, Change, Command, Direction, EndedBy, Event, Referral};
use world::{B, C, CALL, World, ended};

fn hold(world: &mut World, end: usize, call: CallHandle, direction: Direction) {
    world.command(end, Command::Modify { call, change: Change::Direction(direction) });
}

fn count(world: &World, end: usize, what: impl Fn(&Event) -> bool) -> usize {
    world.of(end).into_iter().filter(|e| what(e)).count()
}

#[test]
fn holds_that_cross_are_both_agreed_to_in_the_end() {
    for seed in 0..100 {
        let mut world = World::new(12, seed);
        let theirs = world.talk(0, CALL, (1, B));
        hold(&mut world, 0, CALL, Direction::SendOnly);
        hold(&mut world, 1, theirs, Direction::SendOnly);
        world.run_for(60);
        for end in [0, 1] {
            let agreed = count(&world, end, |e| matches!(e, Event::Modified { .. }));
            let told = count(&world, end, |e| matches!(e, Event::Reinvited { .. }));
            assert_eq!((agreed, told), (1, 1), "seed {seed}, end {end}: {:?}", world.of(end));
        }
        world.command(0, Command::Hangup { call: CALL, reason: None });
        world.run_for(200);
        assert!(world.is_empty(), "seed {seed} left something behind");
    }
}

#[test]
fn a_call_lasts_for_hours_by_its_refreshes_and_ends_where_the_far_end_is_gone() {
    for seed in 0..20 {
        let mut world = World::with(10, seed, |end, mut config| {
            config.session_expires_s = if end == 0 { 300 } else { 1_800 };
            config
        });
        world.talk(0, CALL, (1, B));
        world.run_for(3 * 3_600);
        assert_eq!((ended(&world.of(0)), ended(&world.of(1))), (None, None), "seed {seed}");
        assert!(world.seen.iter().filter(|w| *w == "UPDATE").count() >= 71, "seed {seed}");
        // From here on nothing arrives.
        world.faults = 100;
        world.run_for(1_000);
        assert!(ended(&world.of(0)).is_some() && ended(&world.of(1)).is_some(), "seed {seed}");
        world.run_for(200);
        assert!(world.is_empty(), "seed {seed} left something behind");
    }
}

/// The first end has the second (its callee) and the third (its agent) up, and has the callee call the agent in
/// its own place.
#[test]
fn an_attended_transfer_among_three_comes_to_one_call_and_nothing_else() {
    for seed in 0..60 {
        let mut world = World::with(8, seed, |_, mut config| {
            config.referral = Referral::Told;
            config
        });
        let agent_leg = CallHandle(4);
        world.talk(0, CALL, (1, B));
        let at_agent = world.talk(0, agent_leg, (2, C));
        let target = waihu_sip::Uri::sip("1001", C.parse().unwrap());
        world.command(0, Command::Refer { call: CALL, target, replaces: Some(agent_leg) });
        world.run_for(10);
        let asked = world.of(1).into_iter().find_map(|e| match e {
            Event::TransferAsked { replaces, .. } => replaces.clone(),
            _ => None,
        });
        // The callee does as it was asked.
        let callee_leg = world.events.iter().find(|(e, ..)| *e == 1).unwrap().1;
        let new = CallHandle(200);
        world.call(1, new, C, vec![("Replaces".into(), asked.unwrap())]);
        world.run_for(10);
        let taken = world.incoming_at(2);
        assert_ne!(taken, at_agent);
        world.command(2, Command::Answer { call: taken, sdp: world::sdp(51_000) });
        world.run_for(10);
        world.command(1, Command::ReportTransfer { call: callee_leg, code: 200, reason: "OK".into() });
        world.run_for(20);
        assert!(world.of(0).contains(&&Event::Transfer { code: 200 }), "seed {seed}: {:?}", world.of(0));
        world.command(0, Command::Hangup { call: CALL, reason: None });
        world.run_for(40);
        let of_agent: Vec<_> = world.events.iter().filter(|(e, c, _)| (*e, *c) == (2, at_agent)).collect();
        assert!(
            matches!(of_agent.last().unwrap().2, Event::Ended { by: EndedBy::Replaced(by), .. } if by == taken)
        );
        let calls: Vec<usize> = world.ends.iter().map(|(_, e)| e.usage().calls).collect();
        assert_eq!(calls, [0, 1, 1], "seed {seed}");
        world.command(1, Command::Hangup { call: new, reason: None });
        world.run_for(200);
        assert!(world.is_empty(), "seed {seed} left something behind");
    }
}
