//! Strategies that people saved, and how many found no agent in time.

use std::time::Duration;

use waihu_store::{AnsweredDay, StoreError};
use waihu_types::{AnsweredBy, Disposition, Handover, HandoverResult, Outcome, WallTime};

use crate::common::{Ground, at, attempt, campaign, free, on_both, outcome};

on_both!(
    a_strategy_has_versions_and_the_newest_stands,
    abandoned_calls_are_counted_by_day_as_each_outcome_says,
);

async fn a_strategy_has_versions_and_the_newest_stands(ground: Ground) {
    let store = ground.store().await;
    assert_eq!(store.strategy("gentle").await.unwrap(), None);
    let refused = store.save_strategy("gentle", "a", Some(1), "Wang", at(1)).await;
    assert!(matches!(refused, Err(StoreError::Revised { revision: 0, .. })));
    assert_eq!(store.save_strategy("gentle", "a", Some(0), "Wang", at(1)).await.unwrap(), 1);
    let refused = store.save_strategy("gentle", "b", Some(0), "Li", at(2)).await;
    assert!(matches!(refused, Err(StoreError::Revised { revision: 1, .. })));
    assert_eq!(store.save_strategy("gentle", "b", None, "Li", at(2)).await.unwrap(), 2);
    store.save_strategy("brisk", "c", Some(0), "Li", at(3)).await.unwrap();
    let newest = store.strategy("gentle").await.unwrap().unwrap();
    assert_eq!((newest.revision, newest.content.as_str(), newest.saved_by.as_str()), (2, "b", "Li"));
    let names: Vec<String> = store.strategies().await.unwrap().into_iter().map(|s| s.name).collect();
    assert_eq!(names, ["brisk", "gentle"]);
}

async fn abandoned_calls_are_counted_by_day_as_each_outcome_says(ground: Ground) {
    let store = ground.store().await;
    let within = Duration::from_secs(2);
    let handed = |result, waited_ms| Some(Handover { waited_ms, ..Handover::of("Li".to_owned(), result) });
    let kinds = [
        (AnsweredBy::Human, None),
        (AnsweredBy::Human, handed(HandoverResult::Joined, Some(2_000))),
        (AnsweredBy::Human, handed(HandoverResult::Joined, Some(2_001))),
        (AnsweredBy::Human, handed(HandoverResult::Joined, None)),
        (AnsweredBy::Human, handed(HandoverResult::NoAnswer, Some(900))),
        (AnsweredBy::Human, handed(HandoverResult::Failed, None)),
        (AnsweredBy::Voicemail, handed(HandoverResult::NoAnswer, Some(900))),
        (AnsweredBy::Nobody, None),
    ];
    let mut filed: Vec<Outcome> = Vec::new();
    for (n, (answered_by, handover)) in kinds.into_iter().enumerate() {
        // One on the day before, as many as there are on the next.
        let later = if n == 2 { 0 } else { 86_400 };
        let id = format!("a{n}");
        store.begin_attempt(&attempt(&id, &format!("C{n}"), 0), &free()).await.unwrap();
        let of = outcome(&id, &format!("C{n}"), Disposition::HungUp);
        let of = Outcome { answered_by, handover, ended_at: at(40 + later), ..of };
        store.close_attempt(&of).await.unwrap();
        filed.push(of);
    }
    let day = |o: &Outcome| o.ended_at.unix_millis() / 86_400_000;
    let counted = |of: i64| {
        let people: Vec<&Outcome> =
            filed.iter().filter(|o| day(o) == of && o.answered_by == AnsweredBy::Human).collect();
        let abandoned = people.iter().filter(|o| o.is_abandoned(within)).count();
        AnsweredDay { day: of, answered: people.len() as i64, abandoned: abandoned as i64 }
    };
    let first = day(&filed[2]);
    let told = store.answers_by_day(&campaign(), at(0), within).await.unwrap();
    assert_eq!(told, [counted(first), counted(first + 1)]);
    assert_eq!((told[0].abandoned, told[1].answered, told[1].abandoned), (1, 5, 3));
    let since = WallTime::from_unix_millis((first + 1) * 86_400_000);
    assert_eq!(store.answers_by_day(&campaign(), since, within).await.unwrap(), [counted(first + 1)]);
    let other = "another".parse().unwrap();
    assert!(store.answers_by_day(&other, at(0), within).await.unwrap().is_empty());
}
