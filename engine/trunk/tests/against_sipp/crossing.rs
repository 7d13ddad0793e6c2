//! Messages that cross on the wire.

use waihu_sip::{EndedBy, Event};

use crate::near::{World, answer, end, until};

#[tokio::test]
async fn an_answer_that_crosses_the_cancel_is_acknowledged_and_ended() {
    let world = World::with("answers_the_cancel", &[]).await;
    let mut call = world.invite();
    until(&mut call, |e| matches!(e, Event::Provisional { code: 180, .. })).await;
    call.hangup(None);
    assert_eq!(end(&mut call).await, Event::Ended { by: EndedBy::Local, reason: None });
    let wire = world.ends_well().await;
    let course: Vec<String> =
        wire.different(|s| s.by == crate::wire::By::Us).iter().map(|s| s.start().to_owned()).collect();
    let methods: Vec<&str> = course.iter().map(|s| s.split(' ').next().unwrap()).collect();
    assert_eq!(methods, ["INVITE", "CANCEL", "ACK", "BYE"]);
}

#[tokio::test]
async fn byes_that_cross_are_both_agreed_to() {
    let world = World::with("hangs_up_at_our_bye", &[]).await;
    let mut call = world.invite();
    answer(&mut call).await;
    call.hangup(None);
    assert_eq!(end(&mut call).await, Event::Ended { by: EndedBy::Local, reason: None });
    world.ends_well().await;
}
