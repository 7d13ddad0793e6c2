//! What a carrier's side does within a call beyond answering: ringing that must arrive, refreshes by either, holds from
//! our side, transfers and keys both ways.

use waihu_sip::{Direction, EndedBy, Event};

use crate::near::{World, answer, end, told_of_transfers, until};

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

#[tokio::test]
async fn a_transfer_that_is_asked_for_is_told_to_us_and_its_course_to_who_asked() {
    let world = World::of(told_of_transfers(), "asks_for_a_transfer").await;
    let mut call = world.invite();
    answer(&mut call).await;
    let asked = until(&mut call, |e| matches!(e, Event::TransferAsked { .. })).await;
    let Event::TransferAsked { target, replaces: None, referred_by: Some(by) } = asked else {
        panic!("{asked:?}");
    };
    assert_eq!(target, "sip:desk@192.0.2.7".parse().unwrap());
    assert_eq!(by, format!("<sip:callee@{}>", world.wire.near));
    for (code, reason, cseq) in [(180, "Ringing", 3), (200, "OK", 4)] {
        call.report_transfer(code, reason);
        let cseq = format!("CSeq: {cseq} NOTIFY");
        world.wire.first(|s| s.theirs("SIP/2.0 200") && s.text.contains(&cseq)).await;
    }
    call.hangup(None);
    assert_eq!(end(&mut call).await, Event::Ended { by: EndedBy::Local, reason: None });
    world.ends_well().await;
}

#[tokio::test]
async fn a_session_is_refreshed_by_update_at_half_of_its_time() {
    let world = World::with("keeps_its_session", &[]).await;
    let mut call = world.invite();
    answer(&mut call).await;
    // The shortest session that there may be (RFC 4028, 4) has 45 s to its half; nothing but the clock begins it.
    world.wire.first(|s| s.theirs("SIP/2.0 200") && s.text.contains("CSeq: 2 UPDATE")).await;
    call.hangup(None);
    assert_eq!(end(&mut call).await, Event::Ended { by: EndedBy::Local, reason: None });
    world.ends_well().await;
}

#[tokio::test]
async fn keys_go_and_come_by_info_where_the_sound_tells_none() {
    let world = World::with("presses_and_hears_keys", &[]).await;
    let mut call = world.invite();
    assert_eq!(answer(&mut call).await.audio().unwrap().telephone_event, None);
    call.digit('5', 160);
    for (digit, duration_ms) in [('9', 240), ('#', 160)] {
        let told = until(&mut call, |e| matches!(e, Event::Digit { .. })).await;
        assert_eq!(told, Event::Digit { digit, duration_ms });
    }
    call.hangup(None);
    assert_eq!(end(&mut call).await, Event::Ended { by: EndedBy::Local, reason: None });
    world.ends_well().await;
}
