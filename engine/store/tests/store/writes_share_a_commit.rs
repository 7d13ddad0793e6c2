//! Many who write at once commit together, and each as if he were alone.

use std::collections::BTreeSet;

use waihu_store::{CampaignState, Filter, Placement, Refusal, Store, StoreError};
use waihu_types::{Case, Disposition};

use crate::common::{Ground, at, attempt, campaign, case, free, on_both, outcome};

on_both!(
    what_fails_takes_nothing_of_the_others_with_it,
    who_goes_away_leaves_nothing_open,
    two_imports_of_the_same_cases_at_once_are_one,
    events_are_numbered_in_the_order_in_which_they_can_be_read,
);

async fn what_fails_takes_nothing_of_the_others_with_it(ground: Ground) {
    let (one, two) = (ground.store().await, ground.store().await);
    let mut tasks = tokio::task::JoinSet::new();
    let (one, two) = (std::sync::Arc::new(one), std::sync::Arc::new(two));
    for n in 0..120 {
        let store = std::sync::Arc::clone(if n % 2 == 0 { &one } else { &two });
        // Each case three times; the third under the number of an attempt that is there.
        let (id, case) = (format!("a{}", if n < 80 { n } else { n - 80 }), format!("C{}", n % 40));
        tasks.spawn(async move { (id.clone(), store.begin_attempt(&attempt(&id, &case, 0), &free()).await) });
    }
    let mut begun = BTreeSet::new();
    while let Some(done) = tasks.join_next().await {
        match done.unwrap() {
            (id, Ok(())) => assert!(begun.insert(id)),
            (_, Err(StoreError::Refused { why: Refusal::InFlight, .. } | StoreError::AttemptExists(_))) => {}
            (_, Err(other)) => panic!("{other}"),
        }
    }
    let kept = ground.store().await.attempts(None).await.unwrap();
    let kept: BTreeSet<String> = kept.iter().map(|a| a.begun.attempt.to_string()).collect();
    assert_eq!((begun.len(), &kept), (40, &begun));
    let events = one.events(0, 1_000).await.unwrap();
    let told: BTreeSet<String> = events.iter().map(|e| e.attempt.as_ref().unwrap().to_string()).collect();
    assert_eq!((events.len(), told), (40, begun));
}

/// Gives way so many times.
async fn turns(n: usize) {
    for _ in 0..n {
        tokio::task::yield_now().await;
    }
}

async fn who_goes_away_leaves_nothing_open(ground: Ground) {
    let store = ground.store().await;
    let other = ground.store().await;
    for n in 0..40 {
        let (id, case) = (format!("gone-{n}"), format!("gone-{}", 1_000 + n));
        let (new, free) = (attempt(&id, &case, 0), free());
        tokio::select! {
            biased;
            _ = store.begin_attempt(&new, &free) => {}
            () = turns(n) => {}
        }
        // It stands or it does not; nobody waits for it, and nothing else is lost with it.
        let (id, case) = (format!("b{n}"), format!("D{n}"));
        other.begin_attempt(&attempt(&id, &case, 0), &free).await.unwrap();
        store.close_attempt(&outcome(&id, &case, Disposition::Busy)).await.unwrap();
    }
    assert_eq!(store.outcomes(&Filter::default()).await.unwrap().len(), 40);
}

async fn two_imports_of_the_same_cases_at_once_are_one(ground: Ground) {
    let (one, two) = (ground.store().await, ground.store().await);
    let cases: Vec<Case> = (0..700).map(|n| case(&format!("C{n}"))).collect();
    let backwards: Vec<Case> = cases.iter().rev().cloned().collect();
    let (a, b) = tokio::join!(one.import(&cases, at(0)), two.import(&backwards, at(0)));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!((a.new + b.new, a.same + b.same, a.changed + b.changed), (700, 700, 0));
    let again = one
        .import(&[case("C1"), Case { name: "李".into(), ..case("C2") }, case("C9999")], at(1))
        .await
        .unwrap();
    assert_eq!((again.new, again.same, again.changed), (1, 1, 1));
    assert_eq!(one.events(0, 9).await.unwrap()[0].key, "case:C2:2");
}

async fn enqueued(store: &Store, n: usize) {
    let cases: Vec<Case> = (0..n).map(|n| case(&format!("C{n}"))).collect();
    store.import(&cases, at(0)).await.unwrap();
    store.create_campaign(&campaign(), &serde_json::json!({}), "", at(0)).await.unwrap();
    store.set_campaign_state(&campaign(), CampaignState::Running, None, at(0)).await.unwrap();
    let placed = |case: &Case| Placement { case: case.id.clone(), rank: 1, due_at: at(0), why: "new".into() };
    assert_eq!(
        store.enqueue(&campaign(), &cases.iter().map(placed).collect::<Vec<_>>()).await.unwrap(),
        n as u64
    );
    assert_eq!(store.sweep(&campaign(), at(0), 10_000).await.unwrap(), n as u64);
}

async fn events_are_numbered_in_the_order_in_which_they_can_be_read(ground: Ground) {
    let stores = [std::sync::Arc::new(ground.store().await), std::sync::Arc::new(ground.store().await)];
    enqueued(&stores[0], 60).await;
    let from = stores[0].last_event().await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for store in &stores {
        let store = std::sync::Arc::clone(store);
        tasks.spawn(async move {
            while let Some(picked) = store.pick(&campaign(), 1).await.unwrap().pop() {
                let id = picked.stored.case.id;
                store.begin_attempt(&attempt(&format!("a-{id}"), id.as_str(), 0), &free()).await.unwrap();
                store
                    .close_attempt(&outcome(&format!("a-{id}"), id.as_str(), Disposition::PromiseToPay))
                    .await
                    .unwrap();
            }
        });
    }
    // Who reads as they come never sees one appear below what he has read.
    let (mut after, mut seen) = (from, BTreeSet::new());
    while seen.len() < 120 {
        for event in ground_events(&stores[1], after).await {
            assert!(event.0 > after);
            after = event.0;
            assert!(seen.insert(event.1));
        }
    }
    while tasks.join_next().await.is_some_and(|done| done.is_ok()) {}
    let all = ground_events(&stores[0], from).await;
    assert_eq!(all.len(), seen.len());
}

async fn ground_events(store: &Store, after: i64) -> Vec<(i64, String)> {
    store.events(after, 1_000).await.unwrap().into_iter().map(|e| (e.seq, e.key)).collect()
}
