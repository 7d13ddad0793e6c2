//! How many cases are called before one: those that are due, in the order in which they are taken.

use waihu_store::{Ahead, CampaignState, CaseState, Placement, QueuePlace, QueueState, Store};
use waihu_types::{CampaignId, CaseId};

use crate::common::{Ground, at, campaign, case, on_both};

on_both!(
    what_is_due_is_counted_in_the_order_in_which_it_is_taken,
    what_is_called_or_done_or_not_due_has_nobody_before_it,
    each_campaign_of_a_case_tells_its_place,
    no_more_are_counted_than_somebody_wants_to_know,
);

fn placed(id: &str, rank: i64, due_s: i64) -> Placement {
    Placement { case: id.parse().unwrap(), rank, due_at: at(due_s), why: "strategy".into() }
}

/// A campaign with these cases: id, rank, and when they are due [s].
async fn queue(store: &Store, campaign: &CampaignId, cases: &[(&str, i64, i64)]) {
    let told: Vec<_> = cases.iter().map(|(id, ..)| case(id)).collect();
    store.import(&told, at(0)).await.unwrap();
    store.create_campaign(campaign, &serde_json::json!({}), "", at(0)).await.unwrap();
    store.set_campaign_state(campaign, CampaignState::Running, None, at(0)).await.unwrap();
    let placements: Vec<_> = cases.iter().map(|&(id, rank, due_s)| placed(id, rank, due_s)).collect();
    store.enqueue(campaign, &placements).await.unwrap();
}

async fn place(store: &Store, id: &str, now_s: i64) -> QueuePlace {
    let id: CaseId = id.parse().unwrap();
    store.places(&id, at(now_s)).await.unwrap().remove(0)
}

/// How many are before each of these cases.
async fn ahead(store: &Store, ids: &[&str], now_s: i64) -> Vec<Option<Ahead>> {
    let mut ahead = Vec::new();
    for id in ids {
        ahead.push(place(store, id, now_s).await.ahead);
    }
    ahead
}

fn exactly(counts: &[u32]) -> Vec<Option<Ahead>> {
    counts.iter().map(|&n| Some(Ahead::Exactly(n))).collect()
}

async fn what_is_due_is_counted_in_the_order_in_which_it_is_taken(ground: Ground) {
    let store = ground.store().await;
    let cases = [
        ("C1", 5, 20),
        ("C2", 9, 30),
        ("C3", 5, 10),
        ("C4", 5, 20),
        ("C5", 1, 0),
        ("C6", 99, 100),
        ("C7", 5, 99),
    ];
    queue(&store, &campaign(), &cases).await;

    // All of them wait: by rank, then by how long they are due, then by their ids. Two are not due yet.
    let order = ["C2", "C3", "C1", "C4", "C5"];
    assert_eq!(ahead(&store, &order, 60).await, exactly(&[0, 1, 2, 3, 4]));
    assert_eq!(ahead(&store, &["C5"], 100).await, exactly(&[6]), "the two others are due by then");

    // Three are ready: of one rank they are before those that wait still.
    assert_eq!(store.sweep(&campaign(), at(60), 3).await.unwrap(), 3);
    assert_eq!(place(&store, "C1", 60).await.state, QueueState::Ready);
    assert_eq!(place(&store, "C4", 60).await.state, QueueState::Waiting);
    assert_eq!(ahead(&store, &["C2", "C1", "C3", "C4", "C5"], 60).await, exactly(&[0, 1, 2, 3, 4]));
    // What comes due with a higher rank is called before them.
    assert_eq!(ahead(&store, &["C6", "C2", "C1"], 100).await, exactly(&[0, 1, 2]));

    // And so they are taken.
    let taken = store.pick(&campaign(), 2).await.unwrap();
    let taken: Vec<&str> = taken.iter().map(|picked| picked.stored.case.id.as_str()).collect();
    assert_eq!(taken, ["C2", "C1"]);
    assert_eq!(ahead(&store, &["C3", "C4", "C5"], 60).await, exactly(&[0, 1, 2]));
}

async fn what_is_called_or_done_or_not_due_has_nobody_before_it(ground: Ground) {
    let store = ground.store().await;
    queue(&store, &campaign(), &[("C1", 9, 0), ("C2", 5, 0), ("C3", 1, 90)]).await;
    store.sweep(&campaign(), at(60), 9).await.unwrap();
    store.pick(&campaign(), 1).await.unwrap();
    store.set_case_state(&"C2".parse().unwrap(), CaseState::Paid, None, at(60)).await.unwrap();
    let called = place(&store, "C1", 60).await;
    assert_eq!((called.state, called.ahead), (QueueState::Leased, None));
    let paid = place(&store, "C2", 60).await;
    assert_eq!((paid.state, paid.ahead, paid.why.as_str()), (QueueState::Done, None, "paid"));
    let waits = place(&store, "C3", 60).await;
    assert_eq!((waits.state, waits.ahead, waits.due_at), (QueueState::Waiting, None, at(90)));
    assert_eq!((waits.rank, waits.why.as_str()), (1, "strategy"));
    assert_eq!(ahead(&store, &["C3"], 90).await, exactly(&[0]), "neither is in the queue any more");
    assert!(store.places(&"C9".parse().unwrap(), at(60)).await.unwrap().is_empty());
}

async fn each_campaign_of_a_case_tells_its_place(ground: Ground) {
    let store = ground.store().await;
    let other: CampaignId = "december".parse().unwrap();
    queue(&store, &campaign(), &[("C1", 1, 0), ("C2", 9, 0), ("C3", 9, 0)]).await;
    queue(&store, &other, &[("C1", 5, 0), ("C2", 1, 0)]).await;
    store.set_campaign_state(&campaign(), CampaignState::Paused, None, at(1)).await.unwrap();
    let places = store.places(&"C1".parse().unwrap(), at(60)).await.unwrap();
    let told: Vec<_> = places.iter().map(|p| (p.campaign.as_str(), p.campaign_state, p.ahead)).collect();
    assert_eq!(
        told,
        [
            ("december", CampaignState::Running, Some(Ahead::Exactly(0))),
            ("november", CampaignState::Paused, Some(Ahead::Exactly(2)))
        ]
    );
}

async fn no_more_are_counted_than_somebody_wants_to_know(ground: Ground) {
    let store = ground.store().await;
    queue(&store, &campaign(), &[("C1", 1, 0)]).await;
    let raw = ground.raw().await;
    let more = [
        "INSERT INTO cases (case_id, record, sha256, state, revision, changed_at)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         SELECT 'M' || i, '{}', '', 'open', 1, 0 FROM n",
        "INSERT INTO queue (campaign, case_id, state, rank, due_at, why, node)
         SELECT 'november', case_id, 'waiting', 2, 0, 'strategy', NULL FROM cases WHERE sha256 = ''",
    ];
    for statement in more {
        sqlx::query(statement).execute(&raw).await.unwrap();
    }
    assert_eq!(ahead(&store, &["C1"], 60).await, exactly(&[10_000]));
    store.import(&[case("C2")], at(0)).await.unwrap();
    store.enqueue(&campaign(), &[placed("C2", 2, 30)]).await.unwrap();
    assert_eq!(
        ahead(&store, &["C1", "C2"], 60).await,
        [Some(Ahead::MoreThan(10_000)), Some(Ahead::Exactly(10_000))]
    );
}
