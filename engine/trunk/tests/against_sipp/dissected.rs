//! A second judge of what we send to SIPp.

use waihu_sip::Event;
use waihu_trunk::Credentials;

use crate::{
    dissector::{self, Passed},
    near::{World, answer, end},
    wire::{By, Wire},
};

/// Our port in the capture, and SIPp's.
const PORTS: (u16, u16) = (5_060, 5_061);

fn is_clean(wire: &Wire) {
    let passed = |seen: &crate::wire::Seen| {
        let (from, to) = if seen.by == By::Us { PORTS } else { (PORTS.1, PORTS.0) };
        Passed { from, to, bytes: seen.text.clone().into_bytes() }
    };
    dissector::is_clean(&wire.log().iter().map(passed).collect::<Vec<_>>(), PORTS.0);
}

#[tokio::test]
async fn a_dissector_finds_no_fault_in_what_we_send() {
    let world = World::with("challenges", &[]).await;
    let password = "right".to_owned();
    let mut call = world.invite_as(Credentials { username: "waihu".to_owned(), password, realm: None });
    answer(&mut call).await;
    call.hangup(Some("SIP;cause=200;text=\"done\"".to_owned()));
    end(&mut call).await;
    is_clean(&world.ends_well().await);

    let world = World::with("asks_for_all_methods", &[]).await;
    let mut call = world.invite();
    answer(&mut call).await;
    world.wire.first(|s| s.ours("SIP/2.0 420")).await;
    call.hangup(None);
    assert!(matches!(end(&mut call).await, Event::Ended { .. }));
    is_clean(&world.ends_well().await);
}
