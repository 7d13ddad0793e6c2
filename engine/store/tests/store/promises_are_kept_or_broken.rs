//! What became of promises, by what the lender tells of their cases.

use jiff::civil::date;
use waihu_campaign::fate::Fate;
use waihu_store::{CaseState, Kept, NewAttempt, PageFilter, Part, Store};
use waihu_types::{
    AttemptId, Case, Currency, Disposition, Money, Outcome, Promise, PromiseState, PromisedPart, WallTime,
};

use crate::common::{Ground, at, attempt, case, free, on_both, outcome};

on_both!(
    a_promise_becomes_what_the_lender_tells_of_its_case,
    promises_are_counted_once_they_are_due,
    the_lenders_own_word_outweighs_payments,
    a_later_promise_replaces_one_that_is_not_due,
    each_payment_of_several_has_its_day,
    what_is_not_kept_any_more_is_not_counted,
    a_promise_about_no_case_of_the_store_is_unknown,
);

/// The promises below are of the last of November in Shanghai, and the books of that day are there a day later.
const BOOKED: &str = "2026-12-01T16:00:00Z";

fn moment(text: &str) -> WallTime {
    text.parse().unwrap()
}

fn money(text: &str) -> Money {
    Money::parse(text, Currency::CNY).unwrap()
}

/// The case when so much is due.
fn owing(id: &str, due: &str) -> Case {
    Case { due: money(due), ..case(id) }
}

/// A call that ends 40 s after it was dialled, with this promise.
async fn promised(store: &Store, (id, of): (&str, &str), s: i64, promise: Promise) {
    let new = NewAttempt { campaign: None, ..attempt(id, of, s) };
    store.begin_attempt(&new, &free()).await.unwrap();
    let filed = Outcome {
        campaign: None,
        dialled_at: at(s),
        answered_at: Some(at(s + 5)),
        ended_at: at(s + 40),
        promise: Some(promise),
        ..outcome(id, of, Disposition::PromiseToPay)
    };
    store.close_attempt(&filed).await.unwrap();
}

/// Cases of which each has promised 3250 for the last of November.
async fn all_promise(store: &Store, ids: &[&str]) {
    let cases: Vec<Case> = ids.iter().map(|id| case(id)).collect();
    store.import(&cases, at(0)).await.unwrap();
    for &id in ids {
        promised(store, (id, id), 0, Promise::of(date(2026, 11, 30), money("3250"))).await;
    }
}

async fn state(store: &Store, id: &str, state: CaseState, now: WallTime) {
    store.set_case_state(&id.parse().unwrap(), state, None, now).await.unwrap();
}

async fn fate(store: &Store, id: &str) -> Option<Fate> {
    let id = id.parse().unwrap();
    store.fates(&[&id]).await.unwrap().remove(&id)
}

async fn a_promise_becomes_what_the_lender_tells_of_its_case(ground: Ground) {
    let store = ground.store().await;
    all_promise(&store, &["C1", "C2", "C3", "C4", "C5", "C6"]).await;
    assert_eq!(store.judge_promises(at(50)).await.unwrap(), 0, "all are open");
    assert_eq!(fate(&store, "C1").await, Some(Fate::Open));

    store.import(&[owing("C1", "1000"), owing("C2", "3000")], at(100)).await.unwrap();
    assert_eq!(store.judge_promises(at(101)).await.unwrap(), 0, "some of it is not all of it");
    store.import(&[owing("C1", "0.01")], at(150)).await.unwrap();
    state(&store, "C1", CaseState::Paid, at(200)).await;
    state(&store, "C5", CaseState::Withdrawn, at(200)).await;
    state(&store, "C6", CaseState::Paid, at(200)).await;
    assert_eq!(store.judge_promises(at(201)).await.unwrap(), 2);
    assert_eq!(fate(&store, "C1").await, Some(Fate::Kept), "before its day");
    // It was a slip.
    state(&store, "C6", CaseState::Open, at(300)).await;
    store.judge_promises(at(301)).await.unwrap();
    assert_eq!(fate(&store, "C6").await, Some(Fate::Open));

    let due = moment(BOOKED);
    let before = WallTime::from_unix_millis(due.unix_millis() - 1);
    assert_eq!(store.judge_promises(before).await.unwrap(), 0);
    assert_eq!(store.judge_promises(due).await.unwrap(), 5);
    // Paid late is not kept.
    state(&store, "C4", CaseState::Paid, at(900_000)).await;
    assert_eq!(store.judge_promises(at(900_001)).await.unwrap(), 0);
    for (id, becomes) in [
        ("C1", Fate::Kept),
        ("C2", Fate::KeptInPart),
        ("C3", Fate::Broken),
        ("C4", Fate::Broken),
        ("C5", Fate::Unknown),
        ("C6", Fate::Broken),
    ] {
        assert_eq!(fate(&store, id).await, Some(becomes), "{id}");
    }
}

async fn promises_are_counted_once_they_are_due(ground: Ground) {
    let store = ground.store().await;
    all_promise(&store, &["C1", "C2", "C3", "C4"]).await;
    // The fourth has time until the tenth.
    promised(&store, ("later", "C4"), 60, Promise::of(date(2026, 12, 10), money("3250"))).await;
    for id in ["C1", "C4"] {
        state(&store, id, CaseState::Paid, at(200)).await;
    }
    store.import(&[owing("C2", "3000")], at(200)).await.unwrap();
    let all = (at(-99), at(9_999));
    let counted = async || {
        let cells = store.results(None, all, 480).await.unwrap();
        let sum = |of: fn(&waihu_store::Cell) -> i64| cells.iter().map(of).sum::<i64>();
        (sum(|c| c.promises), sum(|c| c.due), sum(|c| c.kept), sum(|c| c.kept_in_part))
    };
    store.judge_promises(at(201)).await.unwrap();
    assert_eq!(counted().await, (5, 0, 0, 0), "who pays early counts on the day");
    store.judge_promises(moment(BOOKED)).await.unwrap();
    assert_eq!(counted().await, (5, 3, 1, 1), "one of the fourth's was replaced, one is not due");
    let effort = store.efforts(None, all, 1).await.unwrap().remove(0);
    assert_eq!((effort.promises, effort.kept), (5, 1));
    store.judge_promises(moment("2026-12-11T16:00:00Z")).await.unwrap();
    assert_eq!(counted().await, (5, 4, 2, 1));

    let only = PageFilter { kept: Kept::Promises, ..PageFilter::default() };
    let page = store.filed_page(&only, None, 9).await.unwrap();
    let fates: Vec<_> = page.iter().map(|filed| (filed.outcome.attempt.as_str(), filed.fate)).collect();
    assert!(fates.contains(&("C4", Some(Fate::Replaced))) && fates.contains(&("later", Some(Fate::Kept))));
    let told: Vec<(String, Option<String>)> =
        sqlx::query_as("SELECT attempt, promise_state FROM outcomes_v1 ORDER BY attempt")
            .fetch_all(&ground.raw().await)
            .await
            .unwrap();
    let told: Vec<_> = told.iter().map(|(id, state)| (id.as_str(), state.as_deref())).collect();
    let states = [
        ("C1", Some("kept")),
        ("C2", Some("kept_in_part")),
        ("C3", Some("broken")),
        ("C4", Some("replaced")),
        ("later", Some("kept")),
    ];
    assert_eq!(told, states);

    // By their calls: one without a promise is left out, and so is one that is not on file.
    store.begin_attempt(&attempt("none", "C9", 0), &free()).await.unwrap();
    store.close_attempt(&outcome("none", "C9", Disposition::NoAnswer)).await.unwrap();
    let ids: [AttemptId; 6] = ["later", "none", "C4", "C2", "C1", "C9"].map(|id| id.parse().unwrap());
    let some = store.promised(&ids.iter().collect::<Vec<_>>()).await.unwrap();
    let fates: Vec<_> = some.iter().map(|filed| (filed.outcome.attempt.as_str(), filed.fate)).collect();
    let expected =
        [("C1", Fate::Kept), ("C2", Fate::KeptInPart), ("C4", Fate::Replaced), ("later", Fate::Kept)];
    assert_eq!(fates, expected.map(|(id, fate)| (id, Some(fate))));
    assert!(store.promised(&[]).await.unwrap().is_empty());
}

async fn the_lenders_own_word_outweighs_payments(ground: Ground) {
    let store = ground.store().await;
    all_promise(&store, &["C1", "C2"]).await;
    store.import(&[owing("C2", "0.01")], at(100)).await.unwrap();
    state(&store, "C2", CaseState::Paid, at(150)).await;
    store.judge_promises(moment(BOOKED)).await.unwrap();
    assert_eq!((fate(&store, "C1").await, fate(&store, "C2").await), (Some(Fate::Broken), Some(Fate::Kept)));
    let says = |id: &str, word, due: &str, day| {
        let mut told = owing(id, due);
        told.particulars.last_promise = Some(word);
        told.particulars.last_promise_date = Some(day);
        told
    };
    let day = date(2026, 11, 30);
    let words = [says("C1", PromiseState::Kept, "3250", day), says("C2", PromiseState::Broken, "0.01", day)];
    store.import(&words, at(900_000)).await.unwrap();
    assert_eq!(store.judge_promises(at(900_001)).await.unwrap(), 2);
    assert_eq!((fate(&store, "C1").await, fate(&store, "C2").await), (Some(Fate::Kept), Some(Fate::Broken)));
    // What it says of another one later takes that back no more.
    let of_another = says("C1", PromiseState::Broken, "3250", date(2026, 12, 20));
    store.import(&[of_another], at(2_500_000)).await.unwrap();
    store.judge_promises(at(2_500_001)).await.unwrap();
    assert_eq!(fate(&store, "C1").await, Some(Fate::Kept));
}

async fn a_later_promise_replaces_one_that_is_not_due(ground: Ground) {
    let store = ground.store().await;
    all_promise(&store, &["C1", "C2"]).await;
    let later = Promise::of(date(2026, 12, 20), money("3250"));
    promised(&store, ("a1", "C1"), 1_000, later.clone()).await;
    // The other one's is made when the day is over: the first was broken all the same.
    let over = (moment("2026-11-30T17:00:00Z").unix_millis() - at(0).unix_millis()) / 1_000;
    promised(&store, ("a2", "C2"), over, later).await;
    store.judge_promises(moment(BOOKED)).await.unwrap();
    assert_eq!(
        (fate(&store, "C1").await, fate(&store, "C2").await),
        (Some(Fate::Replaced), Some(Fate::Broken))
    );
    assert_eq!((fate(&store, "a1").await, fate(&store, "a2").await), (Some(Fate::Open), Some(Fate::Open)));
    state(&store, "C1", CaseState::Paid, at(900_000)).await;
    store.judge_promises(at(900_001)).await.unwrap();
    assert_eq!(
        (fate(&store, "C1").await, fate(&store, "a1").await),
        (Some(Fate::Replaced), Some(Fate::Kept))
    );
}

async fn each_payment_of_several_has_its_day(ground: Ground) {
    let store = ground.store().await;
    store.import(&[case("C1"), case("C2")], at(0)).await.unwrap();
    let part = |day, sum| PromisedPart { date: day, sum: money(sum) };
    let parts = vec![part(date(2026, 11, 30), "2000"), part(date(2026, 12, 10), "1250")];
    let plan = Promise { parts, ..Promise::of(date(2026, 11, 30), money("3250")) };
    for id in ["C1", "C2"] {
        promised(&store, (id, id), 0, plan.clone()).await;
        store.import(&[owing(id, "1250")], at(100)).await.unwrap();
    }
    store.judge_promises(moment(BOOKED)).await.unwrap();
    assert_eq!(fate(&store, "C1").await, Some(Fate::Open), "the second one is to come");
    // The next month's instalment falls due as well.
    store.import(&[owing("C1", "4500")], at(500_000)).await.unwrap();
    store.import(&[owing("C1", "3250")], at(600_000)).await.unwrap();
    store.judge_promises(moment("2026-12-11T16:00:00Z")).await.unwrap();
    assert_eq!(
        (fate(&store, "C1").await, fate(&store, "C2").await),
        (Some(Fate::Kept), Some(Fate::KeptInPart))
    );
}

async fn what_is_not_kept_any_more_is_not_counted(ground: Ground) {
    let store = ground.store().await;
    all_promise(&store, &["C1"]).await;
    promised(&store, ("a1", "C1"), 100, Promise::of(date(2026, 12, 20), money("3250"))).await;
    store.judge_promises(at(200)).await.unwrap();
    assert_eq!(fate(&store, "C1").await, Some(Fate::Replaced));
    assert!(store.remove(Part::Outcome, &"a1".parse().unwrap(), at(300)).await.unwrap());
    assert_eq!(fate(&store, "a1").await, None);
    store.judge_promises(moment(BOOKED)).await.unwrap();
    assert_eq!(fate(&store, "C1").await, Some(Fate::Broken), "nothing tells of the later one");
}

async fn a_promise_about_no_case_of_the_store_is_unknown(ground: Ground) {
    let store = ground.store().await;
    promised(&store, ("a1", "C1"), 0, Promise::of(date(2026, 11, 30), money("3250"))).await;
    store.judge_promises(at(100)).await.unwrap();
    assert_eq!(fate(&store, "a1").await, Some(Fate::Open));
    store.judge_promises(moment(BOOKED)).await.unwrap();
    assert_eq!(fate(&store, "a1").await, Some(Fate::Unknown));
}

#[tokio::test]
async fn an_import_of_another_node_is_not_waited_for() {
    let ground = Ground::server().await;
    let store = ground.store().await;
    all_promise(&store, &["C1"]).await;
    let raw = ground.raw().await;
    let mut import = raw.begin().await.unwrap();
    let holds = "SELECT pg_advisory_xact_lock(hashtextextended('import', 0))";
    sqlx::query(holds).execute(&mut *import).await.unwrap();
    let due = moment(BOOKED);
    assert_eq!(store.judge_promises(due).await.unwrap(), 0);
    // Nor does it hold anybody up.
    promised(&store, ("a1", "C1"), 1_000, Promise::of(date(2026, 12, 20), money("3250"))).await;
    assert_eq!(fate(&store, "C1").await, Some(Fate::Open), "it is not known yet");
    import.rollback().await.unwrap();
    assert_eq!(store.judge_promises(due).await.unwrap(), 1);
    assert_eq!(fate(&store, "C1").await, Some(Fate::Replaced));
}
