//! The audit is a chain: what is changed, taken out or put in beside waihu is named.

use sqlx::{AnyPool, AssertSqlSafe};
use waihu_store::{Act, Broken, Store};

use crate::common::{Ground, at, on_both};

on_both!(
    a_changed_byte_a_removed_and_an_inserted_row_are_named,
    two_processes_write_one_chain,
    rows_of_an_older_program_are_taken_in,
    the_head_is_told_once_a_day,
    nothing_that_was_written_down_is_changed,
);

fn act(act: &str) -> Act<'_> {
    Act { token: "crm", person: "李明", act, request: "ab" }
}

async fn does(raw: &AnyPool, sql: &str) -> Result<u64, sqlx::Error> {
    sqlx::query(AssertSqlSafe(sql)).execute(raw).await.map(|done| done.rows_affected())
}

/// As somebody does who has all rights on the database.
async fn drop_triggers(raw: &AnyPool, ground: &Ground) {
    let on = if ground.address().starts_with("postgres") { " ON audit" } else { "" };
    for trigger in ["audit_stays", "audit_is_kept"] {
        does(raw, &format!("DROP TRIGGER {trigger}{on}")).await.unwrap();
    }
}

async fn five(store: &Store) {
    for n in 0..5 {
        store.write_down(act(&format!("POST /v1/cases/{n}")), at(n)).await.unwrap();
    }
}

async fn a_changed_byte_a_removed_and_an_inserted_row_are_named(ground: Ground) {
    let store = ground.store().await;
    five(&store).await;
    let mut seen = Vec::new();
    let (head, broken) = store.walk_audit(|head| seen.push(head.hash.clone())).await.unwrap();
    assert_eq!((head.seq, broken, seen.len()), (5, None, 5));
    assert_eq!(head, store.audit_head().await.unwrap());
    let raw = ground.raw().await;
    drop_triggers(&raw, &ground).await;
    let walked = async || store.walk_audit(|_| {}).await.unwrap().1;

    does(&raw, "UPDATE audit SET person = '李鸣' WHERE seq = 3").await.unwrap();
    assert_eq!(walked().await, Some(Broken::Changed { seq: 3 }));
    does(&raw, "UPDATE audit SET person = '李明' WHERE seq = 3").await.unwrap();
    assert_eq!(walked().await, None);

    // A row of elsewhere, whole in itself, in the place of another.
    let (before, hash) = (&seen[0], &seen[1]);
    does(&raw, "DELETE FROM audit WHERE seq = 4").await.unwrap();
    assert_eq!(walked().await, Some(Broken::Removed { from: 4, to: 4 }));
    let copy = format!(
        "INSERT INTO audit (seq, at, token, person, act, request, before, hash)
         VALUES (4, {}, 'crm', '李明', 'POST /v1/cases/1', 'ab', '{before}', '{hash}')",
        at(1).unix_millis()
    );
    does(&raw, &copy).await.unwrap();
    assert_eq!(walked().await, Some(Broken::Changed { seq: 4 }), "its number is in its hash");
    does(&raw, "DELETE FROM audit WHERE seq > 3").await.unwrap();
    assert_eq!(walked().await, None, "that the end was cut off is told by a head of before alone");

    let bare = "INSERT INTO audit (at, token, person, act, request) VALUES (1, '', '', '', '')";
    does(&raw, bare).await.unwrap();
    assert!(matches!(walked().await, Some(Broken::Outside { .. })));
    does(&raw, "UPDATE audit SET seq = 0, before = '', hash = '' WHERE seq IS NULL").await.unwrap();
    assert_eq!(walked().await, Some(Broken::Inserted { seq: 0 }));
}

async fn two_processes_write_one_chain(ground: Ground) {
    let (one, other) = (ground.store().await, ground.store().await);
    let write = async |store: &Store, who: &str| {
        for n in 0..20 {
            let seq = store.write_down(act(&format!("{who} {n}")), at(n)).await.unwrap();
            store.write_down_end(seq, 200, at(n)).await.unwrap();
        }
    };
    tokio::join!(write(&one, "one"), write(&other, "other"), write(&one, "one again"));
    let (head, broken) = one.walk_audit(|_| {}).await.unwrap();
    assert_eq!((head.seq, broken), (120, None));
    let rows = other.audit(0, 200).await.unwrap();
    assert_eq!(rows.len(), 60);
    assert!(rows.iter().all(|row| row.status == Some(200)));
}

async fn rows_of_an_older_program_are_taken_in(ground: Ground) {
    let store = ground.store().await;
    store.write_down(act("first"), at(0)).await.unwrap();
    let raw = ground.raw().await;
    for n in 0..3 {
        let insert = format!(
            "INSERT INTO audit (at, token, person, act, request) VALUES ({n}, 'old', 'Li', 'POST /old/{n}', '')"
        );
        does(&raw, &insert).await.unwrap();
        let end = format!("UPDATE audit SET status = 200 WHERE act = 'POST /old/{n}'");
        assert_eq!(does(&raw, &end).await.unwrap(), 1, "an older program writes on");
    }
    let again = ground.store().await;
    let (head, broken) = again.walk_audit(|_| {}).await.unwrap();
    assert_eq!((head.seq, broken), (4, None));
    again.write_down(act("last"), at(9)).await.unwrap();
    assert_eq!(store.walk_audit(|_| {}).await.unwrap().0.seq, 5);
    let rows = store.audit(0, 9).await.unwrap();
    assert_eq!((rows[1].seq, rows[1].status), (Some(2), Some(200)));
}

async fn the_head_is_told_once_a_day(ground: Ground) {
    let store = ground.store().await;
    assert!(!store.tell_audit_head("2026-11-26", at(0)).await.unwrap(), "there is none");
    five(&store).await;
    let head = store.audit_head().await.unwrap();
    assert!(store.tell_audit_head("2026-11-26", at(0)).await.unwrap());
    store.write_down(act("later"), at(9)).await.unwrap();
    assert!(!store.tell_audit_head("2026-11-26", at(9)).await.unwrap());
    assert!(store.tell_audit_head("2026-11-27", at(99)).await.unwrap());
    let events = store.events(0, 9).await.unwrap();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0].body, serde_json::json!({"seq": 5, "sha256": head.hash}));
    assert_eq!((events[1].kind.as_str(), events[1].body["seq"].as_i64()), ("audit_head", Some(6)));
}

async fn nothing_that_was_written_down_is_changed(ground: Ground) {
    let store = ground.store().await;
    five(&store).await;
    let raw = ground.raw().await;
    for sql in ["UPDATE audit SET status = 200 WHERE seq = 1", "DELETE FROM audit WHERE seq = 5"] {
        let refused = does(&raw, sql).await.unwrap_err().to_string();
        assert!(refused.contains("what was written down"), "{refused}");
    }
}
