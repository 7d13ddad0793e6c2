//! A call has one judgement, of its newest revision; a day is drawn once; a turn of a review is taken once; a report is
//! made and sent once.

use std::time::Duration;

use waihu_store::{ByMail, JudgedFilter, NewJudgement, NewReview, ReviewFilter, Sent, Store, TurnTaken};
use waihu_types::{Disposition, Handover, HandoverResult};

use crate::common::{Ground, at, attempt, free, on_both, outcome};

on_both!(
    a_call_has_the_judgement_of_its_newest_revision,
    a_day_is_drawn_once_whoever_draws,
    a_turn_is_taken_once_and_stays,
    a_report_is_made_and_sent_once,
    what_calls_cost_is_counted_by_begun_units,
);

async fn filed(store: &Store, id: &str, s: i64) {
    store.begin_attempt(&attempt(id, id, s), &free()).await.unwrap();
    let mut outcome = outcome(id, id, Disposition::PromiseToPay);
    outcome.dialled_at = at(s);
    let mut handover = Handover::of("LI".to_owned(), HandoverResult::Joined);
    handover.talked_ms = Some(90_000);
    outcome.handover = Some(handover);
    store.close_attempt(&outcome).await.unwrap();
}

async fn judge(store: &Store, id: &str, revision: i64, verdict: &str) -> bool {
    let attempt = id.parse().unwrap();
    let failed = verdict == "fail";
    let it = NewJudgement {
        attempt: &attempt,
        revision,
        agent: Some("li"),
        distress: 70,
        person: true,
        score: Some(if failed { 40 } else { 100 }),
        passed: !failed,
        critical: failed,
        checks: &[("identity", verdict), ("hours", "pass")],
        record: "{}",
    };
    store.keep_judgement(&it, at(99)).await.unwrap()
}

async fn a_call_has_the_judgement_of_its_newest_revision(ground: Ground) {
    let store = ground.store().await;
    assert!(!judge(&store, "C9", 1, "pass").await, "there is no such outcome");
    filed(&store, "C1", 0).await;
    filed(&store, "C2", 10).await;
    let unjudged =
        async || store.unjudged("", 9).await.unwrap().iter().map(|a| a.to_string()).collect::<Vec<_>>();
    assert_eq!(unjudged().await, ["C1", "C2"]);
    assert!(judge(&store, "C1", 1, "pass").await && judge(&store, "C2", 2, "fail").await);
    assert!(!judge(&store, "C2", 1, "pass").await, "an earlier revision changes nothing");
    assert_eq!(unjudged().await, [] as [&str; 0]);
    let all = store.judgements(&JudgedFilter::default(), None, 9).await.unwrap();
    assert_eq!(all.len(), 2);
    let failing =
        JudgedFilter { failing: Some("identity".into()), passed: Some(false), ..JudgedFilter::default() };
    let found = store.judgements(&failing, None, 9).await.unwrap();
    assert_eq!(found.iter().map(|j| j.attempt.as_str()).collect::<Vec<_>>(), ["C2"]);
    assert_eq!((found[0].score, found[0].critical, found[0].script.as_str()), (Some(40), 1, "reminder"));
    let shares = store.check_shares(&JudgedFilter::default()).await.unwrap();
    let identity = shares.iter().find(|share| share.check_id == "identity").unwrap();
    assert_eq!((identity.passed, identity.failed), (1, 1));
    assert!(judge(&store, "C2", 2, "pass").await, "the same revision by other rules");
    assert!(store.judgements(&failing, None, 9).await.unwrap().is_empty());
    let low = JudgedFilter { most: Some(50), ..JudgedFilter::default() };
    assert!(store.judgements(&low, None, 9).await.unwrap().is_empty());
    // A page goes on after its last.
    let first = store.judgements(&JudgedFilter::default(), None, 1).await.unwrap().remove(0);
    let place = (waihu_types::WallTime::from_unix_millis(first.ended_at), first.attempt.parse().unwrap());
    let second = store.judgements(&JudgedFilter::default(), Some(&place), 9).await.unwrap();
    assert!(second.len() == 1 && second[0].attempt != first.attempt);
}

fn review(id: &str) -> NewReview {
    let agents = vec!["li".to_owned(), "Li".to_owned()];
    NewReview { attempt: id.parse().unwrap(), form: "{}".into(), four_eyes: true, agents }
}

async fn a_day_is_drawn_once_whoever_draws(ground: Ground) {
    let (one, other) = (ground.store().await, ground.store().await);
    filed(&one, "C1", 0).await;
    filed(&one, "C2", 10).await;
    let draw = async |store: &Store, day: &str, ids: &[&str]| {
        let drawn: Vec<NewReview> = ids.iter().map(|id| review(id)).collect();
        store.keep_draw("daily", day, &drawn, at(1)).await.unwrap()
    };
    assert!(!one.is_drawn("daily", "2026-11-26").await.unwrap());
    let (a, b) = tokio::join!(draw(&one, "2026-11-26", &["C1"]), draw(&other, "2026-11-26", &["C1"]));
    assert!(a != b, "one of them draws");
    assert!(draw(&other, "2026-11-27", &["C1", "C2"]).await);
    let all = one.reviews(&ReviewFilter::default(), None, 9).await.unwrap();
    assert_eq!(all.len(), 2, "a call is looked at once by a plan");
    assert!(one.is_drawn("daily", "2026-11-26").await.unwrap());
    let open = ReviewFilter { stage: Some("open".into()), attempt: Some("C2".parse().unwrap()), plan: None };
    assert_eq!(one.reviews(&open, None, 9).await.unwrap().len(), 1);
}

async fn a_turn_is_taken_once_and_stays(ground: Ground) {
    let (one, other) = (ground.store().await, ground.store().await);
    filed(&one, "C1", 0).await;
    one.keep_draw("daily", "2026-11-26", &[review("C1")], at(1)).await.unwrap();
    let id = one.reviews(&ReviewFilter::default(), None, 9).await.unwrap()[0].id;
    let take = async |store: &Store, stage, next, record| {
        let turn = TurnTaken { stage, person: "li", record, next, score: Some(80), opinion: Some("right") };
        store.take_turn(id, &turn, at(2)).await.unwrap()
    };
    let (a, b) = tokio::join!(
        take(&one, "first", Some("second"), "{\"n\":1}"),
        take(&other, "first", Some("second"), "{\"n\":2}")
    );
    assert!(a != b, "one of them was faster");
    assert!(!take(&one, "third", None, "{}").await, "it is not the third's turn");
    assert!(take(&one, "second", None, "{\"n\":3}").await);
    let (review, acts) = one.review(id).await.unwrap().unwrap();
    assert_eq!((review.stage, review.score, acts.len()), (None, Some(80), 2));
    let done = ReviewFilter { stage: Some("done".into()), ..ReviewFilter::default() };
    assert_eq!(one.reviews(&done, None, 9).await.unwrap().len(), 1);
    let raw = ground.raw().await;
    let changed = sqlx::query("UPDATE review_acts SET record = '{}'").execute(&raw).await;
    assert!(changed.is_err(), "what was written stays");
}

async fn a_report_is_made_and_sent_once(ground: Ground) {
    let (one, other) = (ground.store().await, ground.store().await);
    let name = ("daily", "2026-11-26");
    let make =
        async |store: &Store| store.keep_report(name, ("<p>", "a,b"), ByMail::Too, at(0)).await.unwrap();
    let (a, b) = tokio::join!(make(&one), make(&other));
    assert!(a != b && one.is_reported("daily", "2026-11-26").await.unwrap());
    let told = one.events(0, 99).await.unwrap();
    assert_eq!(told.iter().filter(|event| event.kind == "report").count(), 1, "readers hear of it once");
    let lease = Duration::from_secs(60);
    let take = async |store: &Store, s| store.take_report(&["daily"], at(s), lease).await.unwrap();
    assert!(one.take_report(&["weekly"], at(1), lease).await.unwrap().is_none(), "it is not this node's");
    let (a, b) = tokio::join!(take(&one, 1), take(&other, 1));
    assert!(a.is_some() != b.is_some(), "one of them sends it");
    assert!(take(&one, 30).await.is_none());
    let again = take(&other, 61).await.unwrap();
    assert_eq!((again.tries, again.html.as_str()), (2, "<p>"), "whoever took it died");
    one.settle_report(name, Sent::Again { at: at(300), told: "no mail server" }, at(62)).await.unwrap();
    assert!(take(&one, 299).await.is_none());
    assert_eq!(take(&one, 300).await.unwrap().told, "no mail server");
    one.settle_report(name, Sent::Taken, at(301)).await.unwrap();
    assert!(take(&one, 9_999).await.is_none());
    let kept = one.reports(9).await.unwrap();
    assert_eq!((kept.len(), kept[0].state.as_str(), kept[0].csv.as_str()), (1, "sent", "a,b"));
}

async fn what_calls_cost_is_counted_by_begun_units(ground: Ground) {
    let store = ground.store().await;
    filed(&store, "C1", 0).await;
    filed(&store, "C2", 10).await;
    let all = (at(-99), at(9_999));
    let talks: i64 = {
        let outcomes = store.outcomes(&waihu_store::Filter::default()).await.unwrap();
        outcomes.iter().map(|o| o.ended_at.unix_millis() - o.answered_at.unwrap().unix_millis()).sum()
    };
    let of = async |unit| store.efforts(None, all, unit).await.unwrap().remove(0);
    let by_ms = of(1).await;
    assert_eq!((by_ms.calls, by_ms.answered, by_ms.promises, by_ms.units), (2, 2, 2, talks));
    assert_eq!(by_ms.agent_ms, 180_000);
    assert_eq!(of(3_600_000).await.units, 2, "each begun hour is a whole one");
    assert!(store.efforts(Some(&"other".parse().unwrap()), all, 1).await.unwrap().is_empty());
}
