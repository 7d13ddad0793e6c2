//! Calls that are answered, and who ends them.

use waihu_sip::{Direction, EndedBy, Event};

use crate::near::{World, answer, end, over_ipv6, until};

#[tokio::test]
async fn an_answered_call_ends_with_our_bye() {
    let world = World::with("answers", &[]).await;
    let mut call = world.invite();
    until(&mut call, |e| matches!(e, Event::Provisional { code: 180, sdp: None, .. })).await;
    let audio = answer(&mut call).await.audio().unwrap();
    assert_eq!(audio.remote, "127.0.0.1:40000".parse().unwrap());
    assert_eq!((audio.telephone_event, audio.direction), (Some(101), Direction::SendRecv));
    call.hangup(Some("SIP;cause=200;text=\"done\"".to_owned()));
    assert_eq!(end(&mut call).await, Event::Ended { by: EndedBy::Local, reason: None });
    let wire = world.ends_well().await;
    let byes = wire.different(|s| s.ours("BYE"));
    assert!(byes.len() == 1 && byes[0].text.contains("\r\nReason: SIP;cause=200;text=\"done\"\r\n"));
}

#[tokio::test]
async fn a_call_that_is_dropped_is_hung_up() {
    let world = World::with("answers", &[]).await;
    let mut call = world.invite();
    answer(&mut call).await;
    drop(call);
    world.ends_well().await;
}

#[tokio::test]
async fn the_callee_hangs_up_and_says_why() {
    let world = World::with("hangs_up", &[]).await;
    let mut call = world.invite();
    answer(&mut call).await;
    let reason = Some("Q.850;cause=16;text=\"Normal call clearing\"".to_owned());
    assert_eq!(end(&mut call).await, Event::Ended { by: EndedBy::Remote, reason });
    world.ends_well().await;
}

#[tokio::test]
async fn early_media_is_told_before_the_answer() {
    let world = World::with("plays_early_media", &[]).await;
    let mut call = world.invite();
    until(&mut call, |e| matches!(e, Event::Provisional { code: 180, sdp: None, .. })).await;
    let early = until(&mut call, |e| matches!(e, Event::Provisional { code: 183, .. })).await;
    let Event::Provisional { sdp: Some(early), .. } = early else { panic!("183 without a description") };
    let answered = answer(&mut call).await;
    assert_eq!(early.audio().unwrap().remote, answered.audio().unwrap().remote);
    call.hangup(None);
    end(&mut call).await;
    world.ends_well().await;
}

#[tokio::test]
async fn an_answer_in_codecs_that_we_do_not_speak_is_let_go() {
    let world = World::with("answers_in_another_codec", &[]).await;
    let mut call = world.invite();
    let failed = end(&mut call).await;
    assert!(
        matches!(failed, Event::Failed { code: 488, cause: waihu_sip::FailureCause::BadAnswer, .. }),
        "{failed:?}"
    );
    let wire = world.ends_well().await;
    assert!(wire.different(|s| s.ours("BYE"))[0].text.contains("Reason: SIP;cause=488"));
}

#[tokio::test]
async fn a_call_goes_over_ipv6_as_over_ipv4() {
    let world = World::of(over_ipv6(), "answers").await;
    let mut call = world.invite();
    let audio = answer(&mut call).await.audio().unwrap();
    assert_eq!(audio.remote, "[::1]:40000".parse().unwrap());
    call.hangup(None);
    assert_eq!(end(&mut call).await, Event::Ended { by: EndedBy::Local, reason: None });
    let wire = world.ends_well().await;
    let invite = wire.first(|s| s.ours("INVITE")).await.text;
    assert!(invite.contains("\r\nc=IN IP6 ::1\r\n"), "{invite}");
}
