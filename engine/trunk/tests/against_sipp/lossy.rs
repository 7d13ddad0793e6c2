//! Datagrams that are lost.

use waihu_sip::Event;

use crate::{
    near::{World, answer, end},
    wire::{Seen, Wire},
};

/// Loses the first `count` datagrams that `which` says yes to.
fn first(count: usize, which: impl Fn(&Seen) -> bool + Send) -> impl FnMut(&Seen) -> bool + Send {
    let mut left = count;
    move |seen| {
        let lost = left > 0 && which(seen);
        left -= usize::from(lost);
        lost
    }
}

async fn comes_up_and_ends(world: World) -> Wire {
    let mut call = world.invite();
    answer(&mut call).await;
    call.hangup(None);
    end(&mut call).await;
    world.ends_well().await
}

#[tokio::test]
async fn a_lost_invite_is_sent_again() {
    let world = World::losing("answers", &[], first(2, |s| s.ours("INVITE"))).await;
    let wire = comes_up_and_ends(world).await;
    let sent = wire.all(|s| s.ours("INVITE"));
    assert!(sent.len() >= 3 && sent.iter().all(|s| s.text == sent[0].text), "{}", wire.course());
}

#[tokio::test]
async fn a_callee_that_says_nothing_at_first_hears_the_same_invite_again() {
    let world = World::with("answers_late", &[]).await;
    let wire = comes_up_and_ends(world).await;
    let sent = wire.all(|s| s.ours("INVITE"));
    assert!(sent.len() >= 2 && sent.iter().all(|s| s.text == sent[0].text), "{}", wire.course());
}

#[tokio::test]
async fn lost_provisional_responses_are_made_good_by_the_answer() {
    let world = World::losing("answers", &[], |s| s.theirs("SIP/2.0 1")).await;
    let mut call = world.invite();
    assert!(matches!(call.event().await, Some(Event::Answered { .. })));
    call.hangup(None);
    end(&mut call).await;
    world.ends_well().await;
}

#[tokio::test]
async fn each_answer_that_comes_again_is_acknowledged_again() {
    let world = World::losing("answers", &[], first(2, |s| s.ours("ACK"))).await;
    let mut call = world.invite();
    answer(&mut call).await;
    world.wire.first(|s| s.ours("ACK") && !s.lost).await;
    call.hangup(None);
    end(&mut call).await;
    let wire = world.ends_well().await;
    let acks = wire.all(|s| s.ours("ACK"));
    assert!(acks.len() >= 3, "{}", wire.course());
    assert!(acks.iter().all(|a| a.text == acks[0].text));
}

#[tokio::test]
async fn a_lost_bye_is_sent_again() {
    let world = World::losing("answers", &[], first(1, |s| s.ours("BYE"))).await;
    let wire = comes_up_and_ends(world).await;
    assert!(wire.all(|s| s.ours("BYE")).len() >= 2);
}

#[tokio::test]
async fn a_lost_agreement_to_the_callees_bye_is_sent_again() {
    let world = World::losing("hangs_up", &[], first(1, |s| s.ours("SIP/2.0 200"))).await;
    let mut call = world.invite();
    answer(&mut call).await;
    assert!(matches!(end(&mut call).await, Event::Ended { .. }));
    let wire = world.ends_well().await;
    let agreed = wire.all(|s| s.ours("SIP/2.0 200"));
    assert!(agreed.len() >= 2 && agreed[0].text == agreed[1].text, "{}", wire.course());
}

#[tokio::test]
async fn a_lost_ack_of_a_refusal_is_sent_again() {
    let world = World::losing("refuses", &[("status", "486 Busy Here")], first(1, |s| s.ours("ACK"))).await;
    let mut call = world.invite();
    assert!(matches!(end(&mut call).await, Event::Failed { code: 486, .. }));
    let wire = world.ends_well().await;
    assert!(wire.all(|s| s.ours("ACK")).len() >= 2, "{}", wire.course());
}

#[tokio::test]
async fn a_lost_cancel_is_sent_again() {
    let world = World::losing("rings_until_cancelled", &[], first(1, |s| s.ours("CANCEL"))).await;
    let mut call = world.invite();
    world.wire.first(|s| s.theirs("SIP/2.0 180")).await;
    call.hangup(None);
    assert!(matches!(end(&mut call).await, Event::Failed { code: 487, .. }));
    let wire = world.ends_well().await;
    assert!(wire.all(|s| s.ours("CANCEL")).len() >= 2, "{}", wire.course());
}
