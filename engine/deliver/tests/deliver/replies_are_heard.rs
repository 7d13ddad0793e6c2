//! What callees text back: who asks for no more is on the do-not-call list before the centre hears that it was taken.
use std::{sync::Arc, time::Duration};

use crate::{
    common::store,
    messages_leave_once::{Centre, call, message, nine, send, stands, texts},
};
use serde_json::{Value, json};
use tokio::sync::watch;
use waihu_deliver::LongText;
use waihu_store::{MessageState, Store};
use waihu_types::PhoneNumber;

fn number(text: &str) -> PhoneNumber {
    text.parse().unwrap()
}

async fn entries(store: &Store, of: &str) -> usize {
    store.forbidden(&number(of)).await.unwrap().len()
}

#[tokio::test]
async fn who_asks_for_no_more_is_barred_before_the_centre_has_its_answer() {
    let (dir, store) = store().await;
    let mut centre = Centre::start().await;
    call(&store, 1, "+8613800000006", "text").await;
    let mut texts = texts(&store, centre.gateway(dir.path(), LongText::Udh));
    send(&mut texts, nine(), 2).await;
    stands(&store, 1, MessageState::Delivered).await;
    // Another one is to follow.
    call(&store, 2, "13800000006", "another text").await;
    for (n, (of, reply)) in [
        ("13800000006", json!({ "from": "8613800000006", "ton": 1, "text": " Stop. \n" })),
        // From here on of numbers to which no text ever went.
        ("13800000021", json!({ "from": "13800000021", "coding": 8, "text": "退订" })),
        ("13800000022", json!({ "from": "8613800000022", "coding": 3, "text": "Unsubscribe" })),
        ("13800000023", json!({ "from": "13800000023", "coding": 1, "text": "td" })),
        ("13800000024", json!({ "from": "13800000024", "text": "QUIT", "udh": [5, 0, 3, 7, 1, 1] })),
        ("13800000025", json!({ "from": "13800000025", "coding": 8, "text": "ＴＤ", "payload": true })),
        // 退订, in GBK.
        ("13800000026", json!({ "from": "13800000026", "coding": 15, "octets": [0xCD, 0xCB, 0xB6, 0xA9] })),
        ("+12125550142", json!({ "from": "12125550142", "ton": 1, "text": "opt out" })),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(entries(&store, of).await, 0, "{reply}");
        centre.reply(reply.clone()).await;
        let taken = centre.saying("reply_taken", n + 1).await;
        assert_eq!(taken[n]["status"], json!(0), "{reply}");
        let entry = &store.forbidden(&number(of)).await.unwrap()[0];
        assert!(entry.reason.contains("text message") && entry.person.contains("短信"), "{entry:?}");
        let told = store.barred(&number(of)).await.unwrap().unwrap().to_string();
        assert!(told.contains("64.1200"), "{told}");
    }
    send(&mut texts, nine().plus(Duration::from_secs(10)), 2).await;
    let second = message(&store, 2).await;
    assert_eq!(second.state, MessageState::Refused);
    assert!(second.why.contains("do-not-call"), "{}", second.why);
    assert_eq!(centre.saying("taken", 1).await.len(), 1);
}

#[tokio::test]
async fn what_asks_for_nothing_is_taken_and_bars_nobody() {
    let (dir, store) = store().await;
    let mut centre = Centre::start().await;
    call(&store, 1, "13800000006", "text").await;
    send(&mut texts(&store, centre.gateway(dir.path(), LongText::Udh)), nine(), 2).await;
    stands(&store, 1, MessageState::Delivered).await;
    let replies = [
        json!({ "from": "13800000006", "text": "I paid on Monday, so please stop the direct debit" }),
        json!({ "from": "13800000006", "coding": 8, "text": "好的，周五还" }),
        json!({ "from": "13800000006", "text": "" }),
        // A header that claims to be longer than all there is.
        json!({ "from": "13800000006", "text": "STOP", "udh": [200, 0, 3, 7, 1, 1] }),
        // From a name, which nobody can be called by.
        json!({ "from": "BANK", "text": "STOP" }),
        // An acknowledgement by the telephone.
        json!({ "from": "13800000006", "text": "STOP", "esm_class": 8 }),
    ];
    let sent = replies.len();
    for reply in replies {
        centre.reply(reply).await;
    }
    let taken = centre.saying("reply_taken", sent).await;
    assert!(taken.iter().all(|taken| taken["status"] == json!(0)), "{taken:?}");
    assert!(store.do_not_call_page(0, 9).await.unwrap().is_empty());
}

/// A process that delivers, with nothing to send; it ends where the sender is dropped.
fn process(store: &Arc<Store>, centre: &Centre, dir: &std::path::Path) -> watch::Sender<bool> {
    let (running, stopped) = watch::channel(false);
    tokio::spawn(texts(store, centre.gateway(dir, LongText::Udh)).run(stopped));
    running
}

#[tokio::test]
async fn a_reply_whose_answer_was_lost_comes_again_and_is_entered_once() {
    let (dir, store) = store().await;
    let mut centre = Centre::start().await;
    let of = "13800000021";
    let stop = |lose: u32| -> Value { json!({ "from": of, "text": "STOP", "lose": lose }) };
    // It hears though it has nothing to send.
    let first = process(&store, &centre, dir.path());
    centre.saying("bind", 1).await;
    centre.reply(stop(1)).await;
    centre.saying("reply_lost", 1).await;
    assert_eq!(entries(&store, of).await, 1, "written before it was answered");
    drop(first);
    // As if it had died between the two: what comes after it hears the same again.
    let _second = process(&store, &centre, dir.path());
    centre.saying("reply_taken", 1).await;
    assert_eq!(entries(&store, of).await, 1);
    centre.reply(stop(0)).await;
    centre.saying("reply_taken", 2).await;
    assert_eq!(entries(&store, of).await, 1);
    // A wish after somebody lifted the first is a new one.
    store.lift(&number(of), "they wrote that it was a slip", "Li Na", nine()).await.unwrap();
    centre.reply(stop(0)).await;
    centre.saying("reply_taken", 3).await;
    assert_eq!(entries(&store, of).await, 2);
    assert!(store.barred(&number(of)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_line_that_breaks_is_made_anew_with_nothing_to_send() {
    let (dir, store) = store().await;
    let mut centre = Centre::start().await;
    let _running = process(&store, &centre, dir.path());
    centre.reply(json!({ "from": "13800000021", "text": "STOP", "lose": 2 })).await;
    centre.saying("reply_taken", 1).await;
    assert_eq!(centre.saying("bind", 3).await.len(), 3, "by itself");
    assert_eq!(entries(&store, "13800000021").await, 1);
}
