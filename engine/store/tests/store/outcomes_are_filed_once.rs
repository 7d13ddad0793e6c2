//! Outcomes, the view on them, and files that are not what they should be.

use crate::common::{Ground, at, attempt, campaign, free, on_both, outcome};
use sqlx::{Column, Row};
use waihu_campaign::fate::Fate;
use waihu_store::{FiledOutcome, Filter, Location, NewAttempt, PageFilter, Remains, Store, StoreError};
use waihu_types::{
    Currency, Disposition, Money, Outcome, PaymentChannel, Promise, PromisedPart, Redial, WallTime,
};

on_both!(
    an_outcome_reads_back_as_it_was_filed_after_a_reopen,
    the_same_outcome_again_changes_nothing_and_another_is_refused,
    the_real_outcome_replaces_one_filed_for_a_process_thought_dead,
    filters_let_through_what_they_say,
    the_latest_of_a_case_are_those_of_every_campaign,
    the_view_shows_what_the_record_holds,
    a_promise_of_several_payments_is_kept_whole_and_told_in_the_view,
    a_store_that_a_newer_program_broke_is_refused,
);

async fn an_outcome_reads_back_as_it_was_filed_after_a_reopen(ground: Ground) {
    let store = ground.store().await;
    store.begin_attempt(&attempt("a1", "C1", 0), &free()).await.unwrap();
    let filed = outcome("a1", "C1", Disposition::PromiseToPay);
    store.close_attempt(&filed).await.unwrap();
    drop(store);
    let store = ground.store().await;
    assert_eq!(store.outcomes(&Filter::default()).await.unwrap(), [filed]);
    let kept = store.attempts(Some(&campaign())).await.unwrap();
    assert_eq!((kept.len(), kept[0].open, kept[0].answered_at), (1, false, Some(at(5))));
    assert_eq!(kept[0].begun, attempt("a1", "C1", 0));
}

async fn the_same_outcome_again_changes_nothing_and_another_is_refused(ground: Ground) {
    let store = ground.store().await;
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

async fn the_real_outcome_replaces_one_filed_for_a_process_thought_dead(ground: Ground) {
    let slow = ground.store().await;
    slow.begin_attempt(&attempt("a1", "C1", 0), &free()).await.unwrap();
    ground.seem_dead(&slow).await;
    let other = ground.store().await;
    assert_eq!(other.recover(at(9), |_| Remains::default()).await.unwrap().len(), 1);
    let filed = async || other.filed_page(&PageFilter::default(), None, 9).await.unwrap();
    assert!(filed().await[0].recovered);
    let real = outcome("a1", "C1", Disposition::PromiseToPay);
    slow.close_attempt(&real).await.unwrap();
    slow.close_attempt(&real).await.unwrap();
    assert_eq!(
        filed().await,
        [FiledOutcome { outcome: real.clone(), recovered: false, fate: Some(Fate::Open) }]
    );
    assert_eq!(other.outcomes(&Filter::default()).await.unwrap(), [real]);
}

async fn filters_let_through_what_they_say(ground: Ground) {
    let store = ground.store().await;
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

async fn the_latest_of_a_case_are_those_of_every_campaign(ground: Ground) {
    let store = ground.store().await;
    for (a, c, of) in [("a1", "C1", "one"), ("a2", "C2", "one"), ("a3", "C1", "two")] {
        let campaign = of.parse().ok();
        let new = NewAttempt { campaign, ..attempt(a, c, 0) };
        store.begin_attempt(&new, &free()).await.unwrap();
        let over = Outcome { campaign: new.campaign, ..outcome(a, c, Disposition::Busy) };
        store.close_attempt(&over).await.unwrap();
    }
    let latest = async |most| -> Vec<String> {
        let found = store.latest_of_case(&"C1".parse().unwrap(), most).await.unwrap();
        found.iter().map(|o| o.attempt.to_string()).collect()
    };
    assert_eq!(latest(9).await, ["a3", "a1"]);
    assert_eq!(latest(1).await, ["a3"]);
}

async fn the_view_shows_what_the_record_holds(ground: Ground) {
    let store = ground.store().await;
    store.begin_attempt(&attempt("a1", "C1", 0), &free()).await.unwrap();
    let filed = outcome("a1", "C1", Disposition::PromiseToPay);
    store.close_attempt(&filed).await.unwrap();
    let pool = ground.raw().await;
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
    let page = include_str!("../../OUTCOME.md");
    for (name, _) in view(&pool).await {
        assert!(page.contains(&format!("`{name}`")), "column {name}");
    }
    let record = serde_json::to_value(&filed).unwrap();
    for name in record.as_object().unwrap().keys() {
        assert!(page.contains(&format!("`{name}`")), "field {name}");
    }
}

async fn a_promise_of_several_payments_is_kept_whole_and_told_in_the_view(ground: Ground) {
    let store = ground.store().await;
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
    let pool = ground.raw().await;
    let row: (String, String, String, String, String) = sqlx::query_as(
        "SELECT promise_date, promise_amount, promise_parts, promise_discount, promise_channel FROM outcomes_v1",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    let parts: serde_json::Value = serde_json::from_str(&row.2).unwrap();
    let told = ["2026-12-01", "2925.00", "925.00", "325.00", "app"];
    assert_eq!([&*row.0, &*row.1, parts[1]["amount"].as_str().unwrap(), &*row.3, &*row.4], told);
}

/// The one row of the view, column by column.
async fn view(pool: &sqlx::AnyPool) -> Vec<(String, String)> {
    let row = sqlx::query("SELECT * FROM outcomes_v1").fetch_one(pool).await.unwrap();
    let cell = |column: &<sqlx::Any as sqlx::Database>::Column| {
        let at = column.ordinal();
        let text = (row.try_get::<Option<String>, _>(at).map(|v| format!("{v:?}")))
            .or_else(|_| row.try_get::<i64, _>(at).map(|v| v.to_string()))
            .or_else(|_| row.try_get::<f64, _>(at).map(|v| format!("{v:?}")));
        (column.name().to_owned(), text.unwrap())
    };
    row.columns().iter().map(cell).collect()
}

#[tokio::test]
async fn the_view_is_the_same_on_either_database() {
    let (file, server) = (Ground::file(), Ground::server().await);
    let mut views = Vec::new();
    for ground in [&file, &server] {
        let store = ground.store().await;
        store.begin_attempt(&attempt("a1", "C1", 0), &free()).await.unwrap();
        let mut filed = outcome("a1", "C1", Disposition::PromiseToPay);
        filed.ended_at = WallTime::from_unix_millis(1_795_772_136_007);
        filed.intents = vec!["promise_to_pay".parse().unwrap(), "affirm".parse().unwrap()];
        store.close_attempt(&filed).await.unwrap();
        views.push(view(&ground.raw().await).await);
    }
    assert_eq!(views[0], views[1]);
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
async fn a_database_of_another_program_is_left_as_it_is() {
    let ground = Ground::server().await;
    let pool = ground.raw().await;
    sqlx::query("CREATE TABLE theirs (x TEXT)").execute(&pool).await.unwrap();
    let opened = Store::connect(ground.address()).await;
    assert!(matches!(opened, Err(StoreError::NotOurs { location: Location::Server { .. } })), "{opened:?}");
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(tables, 1);
}

#[tokio::test]
async fn no_message_repeats_a_password() {
    let secret = "hush-4711";
    for address in [
        format!("postgres://waihu:{secret}@127.0.0.1:1/waihu?connect_timeout=1"),
        format!("postgres://waihu:{secret}@127.0.0.1:port/waihu"),
        format!("postgres://waihu:{secret}@127.0.0.1/waihu?sslmode=perhaps"),
    ] {
        let e = Store::connect(&address).await.unwrap_err();
        let told = format!("{e} {e:?}");
        assert!(!told.contains(secret), "{told}");
    }
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

async fn a_store_that_a_newer_program_broke_is_refused(ground: Ground) {
    let store = ground.store().await;
    drop(store);
    let pool = ground.raw().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES ($1, $2, true, $3, 0)";
    for (version, description) in [(9998_i64, "later"), (9999, "breaks the queue")] {
        sqlx::query(newer).bind(version).bind(description).bind(vec![0_u8]).execute(&pool).await.unwrap();
    }
    pool.close().await;
    match Store::connect(ground.address()).await {
        Err(e @ StoreError::Newer { found: 9999, .. }) => assert!(e.to_string().contains("newer waihu")),
        other => panic!("{other:?}"),
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let ground = Ground::file();
    let _store = ground.store().await;
    let mode = std::fs::metadata(ground.path()).unwrap().permissions().mode();
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
        .args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"])
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
    let filler = dir.0.path().join("filler");
    std::fs::write(&filler, vec![1; 1 << 20]).unwrap();
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
    std::fs::remove_file(filler).unwrap();
    for _ in 0..3 {
        let again = attempt(&format!("a{begun}"), &format!("C{begun}"), 0);
        store.begin_attempt(&again, &free()).await.expect("there is room again");
        begun += 1;
    }
    drop(store);
    let reader = sqlx::SqlitePool::connect(&format!("{}?mode=ro", path.display())).await;
    if let Ok(pool) = reader {
        let n: i64 = sqlx::query_scalar("SELECT count(*) FROM attempts").fetch_one(&pool).await.unwrap();
        assert_eq!(n, begun);
    }
}
