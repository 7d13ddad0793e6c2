//! What the callee's side asks for while the call is up.

use waihu_sip::{Direction, EndedBy, Event, SessionDescription};
use waihu_trunk::Call;

use crate::near::{World, answer, end, until};

async fn reinvited(call: &mut Call) -> SessionDescription {
    match until(call, |e| matches!(e, Event::Reinvited { .. })).await {
        Event::Reinvited { sdp } => sdp,
        _ => unreachable!(),
    }
}

#[tokio::test]
async fn hold_and_resume_are_agreed_to_and_told() {
    let world = World::with("holds_and_resumes", &[]).await;
    let mut call = world.invite();
    answer(&mut call).await;
    for direction in [Direction::SendOnly, Direction::SendRecv] {
        assert_eq!(reinvited(&mut call).await.audio().unwrap().direction, direction);
    }
    // The third asks us for an offer; its answer comes with the ACK.
    assert_eq!(reinvited(&mut call).await.origin.version, 4);
    call.hangup(None);
    assert_eq!(end(&mut call).await, Event::Ended { by: EndedBy::Local, reason: None });
    let wire = world.ends_well().await;
    let versions: Vec<String> = wire
        .all(|s| s.ours("SIP/2.0 200") && s.text.contains("m=audio"))
        .iter()
        .map(|s| s.text.lines().find(|l| l.starts_with("o=")).unwrap().to_owned())
        .map(|o| o.split(' ').nth(2).unwrap().to_owned())
        .collect();
    assert_eq!(versions, ["2", "3", "4"], "each description of ours is newer than the last");
}

#[tokio::test]
async fn an_offer_that_we_cannot_meet_leaves_the_call_as_it_was() {
    let world = World::with("offers_another_codec", &[]).await;
    let mut call = world.invite();
    answer(&mut call).await;
    world.wire.first(|s| s.theirs("ACK")).await;
    call.hangup(None);
    assert_eq!(end(&mut call).await, Event::Ended { by: EndedBy::Local, reason: None });
    world.ends_well().await;
}

#[tokio::test]
async fn a_second_reinvite_before_the_first_is_acknowledged_waits() {
    let world = World::with("reinvites_twice", &[]).await;
    let mut call = world.invite();
    answer(&mut call).await;
    assert_eq!(reinvited(&mut call).await.origin.version, 2);
    world.wire.first(|s| s.theirs("ACK") && s.text.contains("CSeq: 1 ACK")).await;
    call.hangup(None);
    assert_eq!(end(&mut call).await, Event::Ended { by: EndedBy::Local, reason: None });
    world.ends_well().await;
}

#[tokio::test]
async fn what_we_do_not_do_is_refused_in_the_standards_words_and_the_call_goes_on() {
    let world = World::with("asks_for_all_methods", &[]).await;
    let mut call = world.invite();
    answer(&mut call).await;
    world.wire.first(|s| s.ours("SIP/2.0 420")).await;
    call.hangup(None);
    assert_eq!(end(&mut call).await, Event::Ended { by: EndedBy::Local, reason: None });
    world.ends_well().await;
}
