//! A schema that a newer program has added to serves an older one that runs, and one that starts.

use waihu_store::{CampaignState, CaseState, Filter, Placement, Store};
use waihu_types::Disposition;

use crate::common::{Ground, at, attempt, campaign, case, free, number, on_both, outcome};

on_both!(a_node_works_on_while_a_newer_one_adds_to_the_schema);

/// Everything that a call needs, once.
async fn a_call(store: &Store, id: &str) {
    store.import(&[case(id)], at(0)).await.unwrap();
    let placement = Placement { case: id.parse().unwrap(), rank: 1, due_at: at(0), why: "new".into() };
    store.enqueue(&campaign(), &[placement]).await.unwrap();
    store.sweep(&campaign(), at(0), 9).await.unwrap();
    assert_eq!(store.pick(&campaign(), 9).await.unwrap()[0].stored.state, CaseState::Open);
    store.begin_attempt(&attempt(id, id, 0), &free()).await.unwrap();
    store.mark_answered(&id.parse().unwrap(), at(5)).await.unwrap();
    store.close_attempt(&outcome(id, id, Disposition::PromiseToPay)).await.unwrap();
    assert!(store.campaign(&campaign()).await.unwrap().is_some());
    store.decisions(&id.parse().unwrap()).await.unwrap();
    store.forbidden(&number(id)).await.unwrap();
    store.nodes(at(0)).await.unwrap();
}

async fn a_node_works_on_while_a_newer_one_adds_to_the_schema(ground: Ground) {
    let store = ground.store().await;
    store.create_campaign(&campaign(), &serde_json::json!({}), "", at(0)).await.unwrap();
    store.set_campaign_state(&campaign(), CampaignState::Running, None, at(0)).await.unwrap();
    a_call(&store, "C1").await;
    let raw = ground.raw().await;
    let tables = [
        "attempts",
        "outcomes",
        "cases",
        "campaigns",
        "queue",
        "events",
        "nodes",
        "do_not_call",
        "compliance_decisions",
        "script_acts",
        "promises",
        "case_changes",
    ];
    for table in tables {
        let add = format!("ALTER TABLE {table} ADD COLUMN later TEXT");
        sqlx::query(sqlx::AssertSqlSafe(add)).execute(&raw).await.unwrap();
    }
    sqlx::query("CREATE TABLE later (x BIGINT)").execute(&raw).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'later', true, $1, 0)",
    )
    .bind(vec![0_u8])
    .execute(&raw)
    .await
    .unwrap();
    a_call(&store, "C2").await;
    assert_eq!(store.outcomes(&Filter::default()).await.unwrap().len(), 2);
    a_call(&ground.store().await, "C3").await;
    assert_eq!(store.outcomes(&Filter::default()).await.unwrap().len(), 3);
}
