//! Text messages: once each, under their own rules, and never again where it is not known.
use crate::common::{Ground, at, attempt, free, on_both};
use waihu_compliance::{Gate, Profile};
use waihu_store::{MessageBegun, MessageState, NewMessage, Passage, Settled, Store};
use waihu_types::WallTime;

on_both!(
    the_same_follow_up_twice_is_one_message_and_leaves_once,
    what_was_leaving_when_its_sender_died_is_told_and_not_sent_again,
    what_a_rule_forbids_for_good_is_refused,
    who_asked_for_no_more_a_moment_ago_has_none,
);

const CN: &str = include_str!("../../../../compliance/cn.toml");

async fn with_call(store: &Store) {
    store.begin_attempt(&attempt("a1", "C1", 0), &free()).await.unwrap();
}

fn message(id: &str, made_at: WallTime) -> NewMessage {
    NewMessage {
        message: id.into(),
        attempt: "a1".parse().unwrap(),
        case: "C1".parse().unwrap(),
        callee: "1001".parse().unwrap(),
        template: "how_to_pay".into(),
        text: "text".into(),
        made_at,
    }
}

fn cn() -> Passage {
    let profile = Profile::parse("cn.toml", CN, |_| None).unwrap().sms().unwrap().clone();
    Passage::new(Gate::new(profile), "Asia/Shanghai")
}

fn settled(state: MessageState) -> Settled {
    Settled { state, why: String::new(), gateway_id: Some("g1".into()), due_at: None }
}

/// A moment in Shanghai.
fn there(text: &str) -> WallTime {
    format!("{text}+08:00").parse().unwrap()
}

async fn the_same_follow_up_twice_is_one_message_and_leaves_once(ground: Ground) {
    let store = ground.store().await;
    with_call(&store).await;
    let due = there("2026-11-26T09:30:00");
    for _ in 0..2 {
        store.add_messages(&[message("a1-sms-1", due)]).await.unwrap();
    }
    let waiting = store.due_messages(due, 10).await.unwrap();
    assert_eq!(waiting.len(), 1);
    let new = &waiting[0].new;
    assert!(!store.was_texted(&new.callee).await.unwrap(), "it waits");
    assert_eq!(store.begin_message(new, &cn(), due).await.unwrap(), MessageBegun::Begun);
    assert_eq!(store.begin_message(new, &cn(), due).await.unwrap(), MessageBegun::Gone);
    assert!(
        store.was_texted(&new.callee).await.unwrap()
            && !store.was_texted(&"1002".parse().unwrap()).await.unwrap()
    );
    store.settle_message("a1-sms-1", &settled(MessageState::Sent), at(9)).await.unwrap();
    assert_eq!(store.begin_message(new, &cn(), due).await.unwrap(), MessageBegun::Gone);
    assert_eq!(
        store.receive_receipt("g1", MessageState::Delivered, "", at(9)).await.unwrap().as_deref(),
        Some("a1-sms-1")
    );
    assert_eq!(
        store.receive_receipt("g1", MessageState::Failed, "", at(9)).await.unwrap(),
        None,
        "a repeat changes nothing"
    );
    assert_eq!(store.message_counts().await.unwrap(), [(MessageState::Delivered, 1)]);
    let told: Vec<String> = store.events(0, 100).await.unwrap().into_iter().map(|event| event.key).collect();
    assert!(
        told.ends_with(&["sms:a1-sms-1:sent".to_owned(), "sms:a1-sms-1:delivered".to_owned()]),
        "{told:?}"
    );
}

async fn what_was_leaving_when_its_sender_died_is_told_and_not_sent_again(ground: Ground) {
    let store = ground.store().await;
    with_call(&store).await;
    let due = there("2026-11-26T09:30:00");
    store.add_messages(&[message("m1", due)]).await.unwrap();
    let new = store.due_messages(due, 10).await.unwrap().remove(0).new;
    store.begin_message(&new, &cn(), due).await.unwrap();
    assert!(store.abandon_messages(due, at(9)).await.unwrap().is_empty(), "its sender may be waiting yet");
    assert_eq!(store.abandon_messages(there("2026-11-26T09:31:00"), at(9)).await.unwrap(), ["m1"]);
    assert!(store.due_messages(there("2026-11-27T09:31:00"), 10).await.unwrap().is_empty());
    assert_eq!(store.message("m1").await.unwrap().unwrap().state, MessageState::Unknown);
    let amiss = store.messages_amiss(10).await.unwrap();
    assert_eq!(amiss.iter().map(|message| message.new.message.as_str()).collect::<Vec<_>>(), ["m1"]);
    // It counts as one that was sent.
    store.add_messages(&[message("m2", due), message("m3", due)]).await.unwrap();
    for (id, begun) in [("m2", true), ("m3", false)] {
        let new = store.message(id).await.unwrap().unwrap().new;
        let answer = store.begin_message(&new, &cn(), there("2026-11-26T09:40:00")).await.unwrap();
        assert_eq!(answer == MessageBegun::Begun, begun, "{id}: {answer:?}");
        let MessageBegun::Denied(denied) = answer else { continue };
        assert_eq!(denied.rule, "cn-sms-week");
        assert_eq!(denied.next, Some(there("2026-12-03T09:00:00")));
        store.put_off_message(id, denied.next, &denied.en, at(9)).await.unwrap();
        assert!(store.due_messages(there("2026-12-03T08:59:00"), 10).await.unwrap().is_empty());
    }
    store.settle_message("m1", &settled(MessageState::Sent), at(9)).await.unwrap();
    assert_eq!(
        store.message("m1").await.unwrap().unwrap().state,
        MessageState::Sent,
        "its sender lived after all"
    );
    assert!(store.messages_amiss(10).await.unwrap().is_empty(), "what waits is not amiss");
    let about = store.messages_about(&new.case).await.unwrap();
    assert_eq!(
        about.iter().map(|message| message.new.message.as_str()).collect::<Vec<_>>(),
        ["m1", "m2", "m3"]
    );
    assert!(store.messages_about(&"C2".parse().unwrap()).await.unwrap().is_empty());
}

async fn what_a_rule_forbids_for_good_is_refused(ground: Ground) {
    let store = ground.store().await;
    with_call(&store).await;
    store.add_messages(&[message("m1", at(0))]).await.unwrap();
    store.put_off_message("m1", None, "the number is not called any more", at(9)).await.unwrap();
    assert_eq!(store.message("m1").await.unwrap().unwrap().state, MessageState::Refused);
    assert!(!format!("{:?}", store.message("m1").await.unwrap()).contains("1001"));
}

async fn who_asked_for_no_more_a_moment_ago_has_none(ground: Ground) {
    let store = ground.store().await;
    with_call(&store).await;
    let due = there("2026-11-26T09:30:00");
    store.add_messages(&[message("m1", due)]).await.unwrap();
    let new = store.due_messages(due, 10).await.unwrap().remove(0).new;
    // It was looked whether the number is barred, and then its owner texted.
    store.forbid(&new.callee, "asked by text", "text message", due).await.unwrap();
    assert_eq!(store.begin_message(&new, &cn(), due).await.unwrap(), MessageBegun::Gone);
    let stands = store.message("m1").await.unwrap().unwrap();
    assert_eq!((stands.state, stands.tries, stands.sent_at), (MessageState::Waiting, 0, None));
    assert!(!store.was_texted(&new.callee).await.unwrap());
}
