//! Many calls at once: none is lost, and nothing of them stays.

use std::time::Duration;

use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};
use waihu_sip::{EndedBy, Event, Usage};

use crate::{
    near::{PATIENCE, answer, end, open, request},
    sipp::Sipp,
};

const CALLS: usize = 500;
/// Calls a second.
const RATE: u32 = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_calls_at_fifty_a_second_leave_nothing_behind() {
    let (socket, _incoming) = open().await;
    let sipp = Sipp::start("answers", CALLS, &[], (socket.local_addr().ip(), None)).await;
    let mut pace = interval(Duration::from_secs(1) / RATE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut calls = JoinSet::new();
    for _ in 0..CALLS {
        pace.tick().await;
        let mut call = socket.invite(request(&socket, sipp.address, None));
        calls.spawn(async move {
            answer(&mut call).await;
            call.hangup(None);
            end(&mut call).await
        });
    }
    let ends = calls.join_all().await;
    assert!(ends.iter().all(|e| *e == Event::Ended { by: EndedBy::Local, reason: None }));
    sipp.ends_content().await;
    timeout(PATIENCE, socket.settled()).await.unwrap();
    let usage = socket.usage().await;
    assert_eq!((usage.calls, usage.dialogs), (0, 0));
    // The last of the transactions goes 32 s after its call (timer M); nothing tells that moment but the clock.
    timeout(Duration::from_secs(40), async {
        while socket.usage().await != Usage::default() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await
    .expect("ended calls leave something behind");
}
