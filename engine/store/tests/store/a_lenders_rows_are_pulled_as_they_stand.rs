//! Rows of a lender's database: exact, one after the other, and nothing is written there.
use std::ops::ControlFlow;

use crate::common::{Ground, on_both};
use sqlx::{AssertSqlSafe, Executor};
use waihu_store::{Pull, PullError, Source};

on_both!(
    values_come_as_exact_text_whatever_their_kind,
    a_query_serves_as_a_view_does_and_neither_writes,
    what_is_wrong_is_said_without_the_address,
);

/// A table as lenders have one, and a view over it.
async fn lender(ground: &Ground) {
    let on_server = ground.address().starts_with("postgres");
    let (sum, when, flag, yes) = if on_server {
        ("NUMERIC(30, 2)", "TIMESTAMPTZ", "BOOLEAN", "TRUE")
    } else {
        ("TEXT", "TEXT", "INTEGER", "1")
    };
    ground.store().await.close().await;
    let raw = ground.raw().await;
    let made = format!(
        "CREATE TABLE due (id TEXT, phone BIGINT, \"Amount\" {sum}, due_date DATE, seen {when}, cease {flag}, note TEXT);
         INSERT INTO due VALUES ('C-1', 13800138000, '12345678901234567890.10', '2026-11-15', '2026-11-20 02:05:00+00', {yes}, NULL),
                                ('C-2', 13800138001, '3250.00', '2026-11-16', NULL, NULL, '张伟, \"x\"');
         CREATE VIEW cases_due AS SELECT * FROM due ORDER BY id"
    );
    raw.execute(AssertSqlSafe(made)).await.unwrap();
    raw.close().await;
}

async fn rows(ground: &Ground, source: Source) -> (Vec<String>, Vec<Vec<Option<String>>>) {
    let pull = Pull::connect(ground.address(), &source).await.unwrap();
    let columns = pull.columns().to_vec();
    let mut rows = Vec::new();
    let count = pull.each(async |row| {
        rows.push(row);
        ControlFlow::Continue(())
    });
    assert_eq!(count.await.unwrap(), rows.len() as u64);
    (columns, rows)
}

async fn values_come_as_exact_text_whatever_their_kind(ground: Ground) {
    lender(&ground).await;
    let (columns, rows) = rows(&ground, Source::View("cases_due".into())).await;
    assert_eq!(columns, ["id", "phone", "Amount", "due_date", "seen", "cease", "note"]);
    let text = |row: usize, at: usize| rows[row][at].as_deref();
    assert_eq!((text(0, 0), text(0, 1)), (Some("C-1"), Some("13800138000")));
    assert_eq!((text(0, 2), text(0, 3)), (Some("12345678901234567890.10"), Some("2026-11-15")));
    assert!(matches!(text(0, 5), Some("true" | "1")));
    assert!(text(0, 4).unwrap().starts_with("2026-11-20 "));
    assert_eq!((text(0, 6), text(1, 4), text(1, 6)), (None, None, Some("张伟, \"x\"")));
}

async fn a_query_serves_as_a_view_does_and_neither_writes(ground: Ground) {
    lender(&ground).await;
    let (columns, found) =
        rows(&ground, Source::Query("SELECT id, 'zh' AS lang FROM due WHERE id = 'C-2';".into())).await;
    assert_eq!(
        (columns, found),
        (vec!["id".into(), "lang".into()], vec![vec![Some("C-2".into()), Some("zh".into())]])
    );
    for writes in ["DELETE FROM due RETURNING id", "SELECT 1); DELETE FROM due; SELECT (1"] {
        match Pull::connect(ground.address(), &Source::Query(writes.into())).await {
            Ok(pull) => assert!(pull.each(async |_| ControlFlow::Continue(())).await.is_err(), "{writes}"),
            Err(refused) => assert!(matches!(refused, PullError::Read { .. }), "{writes}"),
        }
    }
    let (_, all) = rows(&ground, Source::View("due".into())).await;
    assert_eq!(all.len(), 2);
    let mut taken = 0;
    let pull = Pull::connect(ground.address(), &Source::View("due".into())).await.unwrap();
    let stopped = pull.each(async |_| {
        taken += 1;
        ControlFlow::Break(())
    });
    assert_eq!(stopped.await.unwrap(), 1);
    assert_eq!(taken, 1);
}

async fn what_is_wrong_is_said_without_the_address(ground: Ground) {
    ground.store().await.close().await;
    let told = async |address: &str, source: &str| {
        let refused = Pull::connect(address, &Source::View(source.into())).await.unwrap_err();
        let told = format!("{refused} {refused:?}");
        assert!(!told.contains("secret"), "{told}");
        told
    };
    assert!(told(ground.address(), "no_such_view").await.contains("no_such_view"));
    assert!(told("postgres://u:secret@127.0.0.1:1/lender", "v").await.contains("cannot be reached"));
    assert!(told("mysql://u:secret@127.0.0.1/lender", "v").await.contains("postgres://USER@HOST"));
    assert!(told("/nowhere/lender.sqlite", "v").await.contains("no such SQLite file"));
    let twice = Source::Query("SELECT 1 AS id, 2 AS id".into());
    match Pull::connect(ground.address(), &twice).await {
        Err(PullError::Twice(name)) => assert_eq!(name, "id"),
        // SQLite gives the second one another name.
        other => assert_eq!(other.unwrap().columns(), ["id", "id:1"]),
    }
    // A name is a name, whatever stands in it.
    assert!(told(ground.address(), "due\"; DROP TABLE due; --").await.contains("cannot be read"));
}
