//! Older programs work on beside today's: what they say is taken by every schema since theirs, what they wrote is read
//! today, and they start on a newer schema and find nothing to do (README.md, "Older programs").

use std::collections::BTreeSet;

use sqlx::{AnyPool, migrate::Migrator};
use waihu_store::{
    Bar, CaseState, Filter, MessageState, Placement, Refusal, Standing, Store, StoreError, Verdict,
};
use waihu_types::Disposition;

use crate::common::{
    Ground, at, attempt, campaign, case, free, number,
    older::{OLDEST, Older, shipped},
    on_both, outcome,
};

on_both!(
    what_an_older_program_says_is_taken_by_every_schema_since_and_read_today,
    older_migrations_find_nothing_to_do_on_the_newest_schema,
    an_older_program_and_todays_work_side_by_side,
);

fn newest(ground: &Ground) -> i64 {
    shipped(ground).iter().map(|m| m.version).max().unwrap()
}

/// Each column of each table and view.
async fn columns(ground: &Ground, raw: &AnyPool) -> BTreeSet<(String, String)> {
    let sql = if ground.is_file() {
        "SELECT m.name, CAST(c.name AS TEXT) FROM sqlite_schema AS m JOIN pragma_table_xinfo(m.name) AS c
         WHERE m.type IN ('table', 'view')"
    } else {
        "SELECT CAST(table_name AS text), CAST(column_name AS text) FROM information_schema.columns
         WHERE table_schema = current_schema()"
    };
    let rows: Vec<(String, String)> = sqlx::query_as(sql).fetch_all(raw).await.unwrap();
    rows.into_iter().collect()
}

async fn what_an_older_program_says_is_taken_by_every_schema_since_and_read_today(ground: Ground) {
    let raw = ground.raw().await;
    shipped(&ground).run_to(OLDEST, &raw).await.unwrap();
    // It runs all the while: its connections know the statements from before.
    let older = Older::begin(raw.clone()).await;
    let mut before = columns(&ground, &raw).await;
    assert!(before.contains(&("queue".to_owned(), "rank".to_owned())));
    let mut called = Vec::new();
    for version in OLDEST..=newest(&ground) {
        shipped(&ground).run_to(version, &raw).await.unwrap();
        let now = columns(&ground, &raw).await;
        let gone: Vec<_> = before.difference(&now).collect();
        assert!(gone.is_empty(), "{version} takes away {gone:?}");
        before = now;
        let case = format!("C{version}");
        older.enqueue(&case).await;
        assert_eq!(older.sweep().await, 1, "{version}");
        assert_eq!(older.pick().await, case);
        older.call(&case).await;
        called.push(case);
    }
    raw.close().await;
    is_read(&ground.store().await, &called).await;
}

/// What it wrote of these cases, as today's program reads it.
async fn is_read(store: &Store, called: &[String]) {
    let n = called.len();
    let promised = Filter { disposition: Some(Disposition::PromiseToPay), ..Filter::default() };
    let outcomes = store.outcomes(&promised).await.unwrap();
    assert_eq!(outcomes.len(), n, "by a column that it did not know");
    assert!(outcomes.iter().all(|o| o.promise.is_some() && o.callee == number(o.case.as_str())));
    let attempts = store.attempts(Some(&campaign())).await.unwrap();
    assert_eq!(attempts.len(), n);
    assert!(attempts.iter().all(|a| !a.open && a.answered_at == Some(at(5)) && a.begun.own_number));
    let standing = store.cases_done(&campaign()).await.unwrap();
    assert!(standing.len() == n && standing.values().all(|s| *s == Standing::Answered));
    assert_eq!(store.campaign_counts(&campaign()).await.unwrap().done, n as u64);
    let events = store.events(0, 1_000).await.unwrap();
    for case in called {
        let id = case.parse().unwrap();
        assert_eq!(store.case(&id).await.unwrap().unwrap().state, CaseState::Open);
        let decided = store.decisions(&id).await.unwrap();
        assert!(decided.len() == 1 && decided[0].verdict == Verdict::Allowed);
        assert!(events.iter().any(|e| e.key == format!("{case}:1")), "{case}");
        let message = store.message(&format!("{case}:sms:1")).await.unwrap().unwrap();
        assert_eq!((message.state, message.tries), (MessageState::Sending, 1));
    }
    assert_eq!(usize::try_from(store.readers().await.unwrap()[0].seq).unwrap(), n);
    assert_eq!(store.barred(&number("C9990")).await.unwrap(), Some(Bar::Person("letter".to_owned())));
    assert!(store.nodes(at(0)).await.unwrap().iter().any(|node| node.name == "host:1"));
    let acts = store.audit(0, 1_000).await.unwrap();
    assert!(acts.len() == n && acts.iter().all(|act| act.status == Some(200)));
    let (head, broken) = store.walk_audit(|_| {}).await.unwrap();
    assert_eq!((usize::try_from(head.seq).unwrap(), broken), (n, None), "all of it is in the chain");
}

async fn older_migrations_find_nothing_to_do_on_the_newest_schema(ground: Ground) {
    ground.store().await.close().await;
    let raw = ground.raw().await;
    let before = columns(&ground, &raw).await;
    for version in OLDEST..=newest(&ground) {
        let known = shipped(&ground).iter().filter(|m| m.version <= version).cloned().collect();
        let mut older = Migrator::with_migrations(known);
        older.set_ignore_missing(true);
        older.run(&raw).await.unwrap();
    }
    assert_eq!(columns(&ground, &raw).await, before);
    let applied: i64 =
        sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations").fetch_one(&raw).await.unwrap();
    assert_eq!(usize::try_from(applied).unwrap(), shipped(&ground).iter().count());
}

async fn an_older_program_and_todays_work_side_by_side(ground: Ground) {
    let store = ground.store().await;
    let older = Older::begin(ground.raw().await).await;
    store.import(&[case("C1"), case("C2")], at(0)).await.unwrap();
    let placed =
        |id: &str, rank| Placement { case: id.parse().unwrap(), rank, due_at: at(0), why: "new".to_owned() };
    store.enqueue(&campaign(), &[placed("C1", 9), placed("C2", 1)]).await.unwrap();

    // Of one queue each has a case, and keeps the other from it.
    assert_eq!(older.sweep().await, 2);
    assert_eq!(older.pick().await, "C1");
    assert_eq!(store.pick(&campaign(), 9).await.unwrap()[0].stored.case.id.as_str(), "C2");
    let others = store.begin_attempt(&attempt("mine", "C1", 0), &free()).await;
    assert!(matches!(others, Err(StoreError::Refused { why: Refusal::NotLeased, .. })), "{others:?}");
    older.call("C1").await;
    store.begin_attempt(&attempt("C2", "C2", 0), &free()).await.unwrap();
    assert_eq!(older.standing("C2").await, Some(("C2".to_owned(), 1, 0, None, None, None)));
    let filed = outcome("C2", "C2", Disposition::PromiseToPay);
    store.close_attempt(&filed).await.unwrap();

    // Each knows of the other's call that it was answered.
    let (_, open, answered, ..) = older.standing("C2").await.unwrap();
    assert_eq!((open, answered), (0, 1));
    let again = store.begin_attempt(&attempt("again", "C1", 60), &free()).await;
    assert!(matches!(again, Err(StoreError::Refused { why: Refusal::Answered, .. })), "{again:?}");
    let seqs: Vec<i64> = store.events(0, 100).await.unwrap().iter().map(|e| e.seq).collect();
    assert!(seqs.windows(2).all(|two| two[1] == two[0] + 1), "{seqs:?}");
}
