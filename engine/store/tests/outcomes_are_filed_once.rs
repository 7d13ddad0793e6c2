//! Outcomes, the view on them, and files that are not what they should be.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests may fail them

mod common;

use common::{at, attempt, campaign, free, outcome, store};
use waihu_store::{Filter, Remains, Store, StoreError};
use waihu_types::{Currency, Disposition, Money, PaymentChannel, Promise, PromisedPart, Redial};

#[tokio::test]
async fn an_outcome_reads_back_as_it_was_filed_after_a_reopen() {
    let (dir, store) = store().await;
    store.begin_attempt(&attempt("a1", "C1", 0), &free()).await.unwrap();
    let filed = outcome("a1", "C1", Disposition::PromiseToPay);
    store.close_attempt(&filed).await.unwrap();
    drop(store);
    let store = Store::open(dir.path().join("outcomes.db")).await.unwrap();
    assert_eq!(store.outcomes(&Filter::default()).await.unwrap(), [filed]);
    let kept = store.attempts(Some(&campaign())).await.unwrap();
    assert_eq!((kept.len(), kept[0].open, kept[0].answered_at), (1, false, Some(at(5))));
    assert_eq!(kept[0].begun, attempt("a1", "C1", 0));
}

#[tokio::test]
async fn the_same_outcome_again_changes_nothing_and_another_is_refused() {
    let (_dir, store) = store().await;
    store.begin_attempt(&attempt("a1", "C1", 0), &free()).await.unwrap();
    let filed = outcome("a1", "C1", Disposition::PromiseToPay);
    store.close_attempt(&filed).await.unwrap();
    store.close_attempt(&filed).await.unwrap();
    let other = outcome("a1", "C1", Disposition::Busy);
    assert!(matches!(store.close_attempt(&other).await, Err(StoreError::AlreadyClosed(_))));
    let stranger = outcome("a9", "C1", Disposition::Busy);
    assert!(matches!(store.close_attempt(&stranger).await, Err(StoreError::UnknownAttempt(_))));
    let strayed = outcome("a1", "C2", Disposition::Busy);
    assert!(matches!(store.close_attempt(&strayed).await, Err(StoreError::Mismatch { field: "case", .. })));
    assert!(matches!(
        store.begin_attempt(&attempt("a1", "C7", 0), &free()).await,
        Err(StoreError::AttemptExists(_))
    ));
    assert!(matches!(
        store.mark_answered(&"a9".parse().unwrap(), at(1)).await,
        Err(StoreError::UnknownAttempt(_))
    ));
    assert_eq!(store.outcomes(&Filter::default()).await.unwrap(), [filed]);
}

#[tokio::test]
async fn the_real_outcome_replaces_one_filed_for_a_process_thought_dead() {
    let (dir, slow) = store().await;
    slow.begin_attempt(&attempt("a1", "C1", 0), &free()).await.unwrap();
    // What a person's `rm` of the lock files does: the process lives, its lock is gone.
    std::fs::remove_dir_all(dir.path().join("outcomes.db.locks")).unwrap();
    let other = Store::open(dir.path().join("outcomes.db")).await.unwrap();
    assert_eq!(other.recover(at(9), |_| Remains::default()).await.unwrap().len(), 1);
    let real = outcome("a1", "C1", Disposition::PromiseToPay);
    slow.close_attempt(&real).await.unwrap();
    slow.close_attempt(&real).await.unwrap();
    assert_eq!(other.outcomes(&Filter::default()).await.unwrap(), [real]);
}

#[tokio::test]
async fn filters_let_through_what_they_say() {
    let (_dir, store) = store().await;
    for (a, c, d) in [
        ("a1", "C1", Disposition::Busy),
        ("a2", "C2", Disposition::PromiseToPay),
        ("a3", "C3", Disposition::Busy),
    ] {
        store.begin_attempt(&attempt(a, c, 0), &free()).await.unwrap();
        store.close_attempt(&outcome(a, c, d)).await.unwrap();
    }
    let ids = async |f: Filter| -> Vec<String> {
        store.outcomes(&f).await.unwrap().iter().map(|o| o.attempt.to_string()).collect()
    };
    assert_eq!(ids(Filter::default()).await, ["a1", "a2", "a3"]);
    assert_eq!(ids(Filter { limit: Some(2), ..Filter::default() }).await, ["a2", "a3"]);
    assert_eq!(ids(Filter { disposition: Some(Disposition::Busy), ..Filter::default() }).await, ["a1", "a3"]);
    assert_eq!(ids(Filter { case: "C2".parse().ok(), ..Filter::default() }).await, ["a2"]);
    assert_eq!(ids(Filter { campaign: "other".parse().ok(), ..Filter::default() }).await, [""; 0]);
}

#[tokio::test]
async fn the_view_shows_what_the_record_holds() {
    let (dir, store) = store().await;
    store.begin_attempt(&attempt("a1", "C1", 0), &free()).await.unwrap();
    let filed = outcome("a1", "C1", Disposition::PromiseToPay);
    store.close_attempt(&filed).await.unwrap();
    let pool = sqlx::SqlitePool::connect(dir.path().join("outcomes.db").to_str().unwrap()).await.unwrap();
    let row: (String, String, String, String, f64, i64, String, String) = sqlx::query_as(
        "SELECT case_id, disposition, promise_date, promise_amount, talk_s, debt_disclosed, ended_at,
                redial_rule FROM outcomes_v1",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    let Redial::No { rule } = &filed.redial else { panic!("{:?}", filed.redial) };
    assert_eq!(
        row,
        (
            "C1".into(),
            "promise_to_pay".into(),
            "2026-11-27".into(),
            "3250.00".into(),
            35.0,
            1,
            filed.ended_at.to_string(),
            rule.clone()
        )
    );
    // Every column of the view is told of in OUTCOME.md, and so is every field of the record.
    let columns: Vec<(String,)> =
        sqlx::query_as("SELECT name FROM pragma_table_info('outcomes_v1')").fetch_all(&pool).await.unwrap();
    let page = include_str!("../OUTCOME.md");
    for (name,) in columns {
        assert!(page.contains(&format!("`{name}`")), "column {name}");
    }
    let record = serde_json::to_value(&filed).unwrap();
    for name in record.as_object().unwrap().keys() {
        assert!(page.contains(&format!("`{name}`")), "field {name}");
    }
}

#[tokio::test]
async fn a_promise_of_several_payments_is_kept_whole_and_told_in_the_view() {
    let (dir, store) = store().await;
    store.begin_attempt(&attempt("a1", "C1", 0), &free()).await.unwrap();
    let money = |text| Money::parse(text, Currency::CNY).unwrap();
    let mut filed = outcome("a1", "C1", Disposition::PromiseToPay);
    let part = |day, text| PromisedPart { date: jiff::civil::date(2026, 12, day), sum: money(text) };
    filed.promise = Some(Promise {
        parts: vec![part(1, "2000"), part(15, "925")],
        discount: Some(money("325")),
        channel: Some(PaymentChannel::App),
        ..Promise::of(jiff::civil::date(2026, 12, 1), money("2925"))
    });
    store.close_attempt(&filed).await.unwrap();
    let found = store.outcomes(&Filter::default()).await.unwrap();
    assert_eq!(found, [filed]);
    let pool = sqlx::SqlitePool::connect(dir.path().join("outcomes.db").to_str().unwrap()).await.unwrap();
    let row: (String, String, String, String, String) = sqlx::query_as(
        "SELECT promise_date, promise_amount, json_extract(promise_parts, '$[1].amount'), promise_discount,
                promise_channel FROM outcomes_v1",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    let told = ["2026-12-01", "2925.00", "925.00", "325.00", "app"].map(String::from);
    assert_eq!([row.0, row.1, row.2, row.3, row.4], told);
}

#[tokio::test]
async fn a_file_of_another_program_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("notes.txt");
    std::fs::write(&text, "not a database, but longer than one hundred bytes: ".repeat(20)).unwrap();
    let before = std::fs::read(&text).unwrap();
    assert!(matches!(Store::open(&text).await, Err(StoreError::NotOurs { .. })));
    assert_eq!(std::fs::read(&text).unwrap(), before);

    let foreign = dir.path().join("foreign.db");
    let pool = sqlx::SqlitePool::connect(&format!("{}?mode=rwc", foreign.display())).await.unwrap();
    sqlx::query("CREATE TABLE theirs (x)").execute(&pool).await.unwrap();
    pool.close().await;
    assert!(matches!(Store::open(&foreign).await, Err(StoreError::NotOurs { .. })));

    let folder = dir.path().join("folder");
    std::fs::create_dir(&folder).unwrap();
    assert!(matches!(Store::open(&folder).await, Err(StoreError::Open { .. })));
}

#[tokio::test]
async fn a_store_whose_first_moment_was_cut_short_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("outcomes.db");
    let pool = sqlx::SqlitePool::connect(&format!("{}?mode=rwc", path.display())).await.unwrap();
    // All that sqlx does before the first migration.
    let mut connection = pool.acquire().await.unwrap();
    sqlx::migrate::Migrate::ensure_migrations_table(&mut *connection, "_sqlx_migrations").await.unwrap();
    drop(connection);
    pool.close().await;
    let store = Store::open(&path).await.unwrap();
    store.begin_attempt(&attempt("a1", "C1", 0), &free()).await.unwrap();
}

#[tokio::test]
async fn a_store_of_a_newer_program_is_refused() {
    let (dir, store) = store().await;
    drop(store);
    let path = dir.path().join("outcomes.db");
    let pool = sqlx::SqlitePool::connect(path.to_str().unwrap()).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'later', 1, x'00', 0)",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool.close().await;
    match Store::open(&path).await {
        Err(e @ StoreError::Newer { found: 9999, .. }) => assert!(e.to_string().contains("newer waihu")),
        other => panic!("{other:?}"),
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, _store) = store().await;
    let mode = std::fs::metadata(dir.path().join("outcomes.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// Needs the right to mount; where it is missing the test says so and stops.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_said_clearly_and_loses_nothing() {
    struct Mounted(tempfile::TempDir);
    impl Drop for Mounted {
        fn drop(&mut self) {
            let _ = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
        .arg(dir.path())
        .output()
        .is_ok_and(|o| o.status.success());
    if !mounted {
        println!("skipped: may not mount a small file system here");
        return;
    }
    let dir = Mounted(dir);
    let path = dir.0.path().join("outcomes.db");
    let store = Store::open(&path).await.unwrap();
    let mut begun = 0;
    let error = loop {
        match store.begin_attempt(&attempt(&format!("a{begun}"), &format!("C{begun}"), 0), &free()).await {
            Ok(()) => begun += 1,
            Err(e) => break e,
        }
        assert!(begun < 100_000);
    };
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error:?}");
    assert!(error.to_string().contains("disk is full"));
    drop(store);
    let reader = sqlx::SqlitePool::connect(&format!("{}?mode=ro", path.display())).await;
    if let Ok(pool) = reader {
        let n: i64 = sqlx::query_scalar("SELECT count(*) FROM attempts").fetch_one(&pool).await.unwrap();
        assert_eq!(n, begun);
    }
}
