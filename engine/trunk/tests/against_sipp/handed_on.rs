//! What a carrier's side does within a call beyond answering: ringing that must arrive, refreshes, holds from our
//! side, a transfer.

use waihu_sip::{Direction, EndedBy, Event};

use crate::near::{World, answer, end, until};

#[tokio::test]
async fn ringing_is_acknowledged_the_session_refreshed_and_the_call_held_and_resumed() {
    let world = World::with("rings_reliably", &[]).await;
    let mut call = world.invite();
    answer(&mut call).await;
    world.wire.first(|s| s.theirs("UPDATE")).await;
    world.wire.first(|s| s.ours("SIP/2.0 200") && s.text.contains("UPDATE")).await;
    for direction in [Direction::SendOnly, Direction::SendRecv] {
        call.direct(direction);
        until(&mut call, |e| matches!(e, Event::Modified { .. })).await;
    }
    call.hangup(None);
    assert_eq!(end(&mut call).await, Event::Ended { by: EndedBy::Local, reason: None });
    world.ends_well().await;
}

#[tokio::test]
async fn a_transfer_is_followed_until_the_target_has_answered() {
    let world = World::with("takes_a_transfer", &[]).await;
    let mut call = world.invite();
    answer(&mut call).await;
    call.refer("sip:desk@192.0.2.7".parse().unwrap(), None);
    let mut codes = Vec::new();
    while codes.last() != Some(&200) {
        if let Event::Transfer { code } = until(&mut call, |e| matches!(e, Event::Transfer { .. })).await {
            codes.push(code);
        }
    }
    assert_eq!(codes, [100, 180, 200]);
    call.hangup(None);
    assert_eq!(end(&mut call).await, Event::Ended { by: EndedBy::Local, reason: None });
    world.ends_well().await;
}
