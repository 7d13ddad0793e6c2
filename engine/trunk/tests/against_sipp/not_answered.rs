//! Calls that nobody answers.

use waihu_sip::{Event, FailureCause};

use crate::near::{World, end, until};

#[tokio::test]
async fn a_refusal_is_told_with_its_code_its_words_and_when_to_try_again() {
    for (status, code, reason) in
        [("486 Busy Here", 486, "Busy Here"), ("603 Decline", 603, "Decline"), ("503 Later", 503, "Later")]
    {
        let world = World::with("refuses", &[("status", status)]).await;
        let mut call = world.invite();
        let expected = Event::Failed {
            code,
            reason: reason.to_owned(),
            cause: FailureCause::Rejected,
            retry_after_s: Some(120),
            because: Vec::new(),
        };
        assert_eq!(end(&mut call).await, expected);
        let wire = world.ends_well().await;
        assert_eq!(wire.different(|s| s.ours("ACK")).len(), 1);
    }
}

#[tokio::test]
async fn a_phone_that_nobody_takes_up_is_cancelled() {
    let world = World::with("rings_until_cancelled", &[]).await;
    let mut call = world.invite();
    until(&mut call, |e| matches!(e, Event::Provisional { code: 180, .. })).await;
    call.hangup(None);
    let failed = end(&mut call).await;
    assert!(matches!(failed, Event::Failed { code: 487, cause: FailureCause::Cancelled, .. }), "{failed:?}");
    let wire = world.ends_well().await;
    assert_eq!(wire.different(|s| s.ours("CANCEL")).len(), 1);
}

#[tokio::test]
async fn a_ringing_call_that_is_dropped_is_cancelled() {
    let world = World::with("rings_until_cancelled", &[]).await;
    let mut call = world.invite();
    until(&mut call, |e| matches!(e, Event::Provisional { code: 180, .. })).await;
    drop(call);
    world.ends_well().await;
}
