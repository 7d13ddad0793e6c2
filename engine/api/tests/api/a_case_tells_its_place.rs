//! Where a case stands in the queues of its campaigns.
use crate::common::{case, now, server};
use serde_json::{Value, json};
use waihu_store::{CampaignState, Placement, Role};

#[tokio::test]
async fn a_case_tells_how_many_are_called_before_it() {
    let server = server().await;
    let token = server.token(Role::Integrator).await;
    server.post(&token, "/v1/cases", json!([case("C1"), case("C2"), case("C3")])).await;
    assert_eq!(server.get(&token, "/v1/cases/C1/queue").await.body, json!([]));
    assert_eq!(server.get(&token, "/v1/cases/C9/queue").await.status, 404);

    let november = "november".parse().unwrap();
    server.store.create_campaign(&november, &json!({}), "", now()).await.unwrap();
    server.store.set_campaign_state(&november, CampaignState::Running, None, now()).await.unwrap();
    let due_at = now();
    let later = due_at.plus(std::time::Duration::from_secs(86_400));
    let placed =
        |id: &str, rank, due_at| Placement { case: id.parse().unwrap(), rank, due_at, why: "new".to_owned() };
    let placements = [placed("C1", 1, due_at), placed("C2", 9, due_at), placed("C3", 99, later)];
    server.store.enqueue(&november, &placements).await.unwrap();
    let told = server.get(&token, "/v1/cases/C1/queue").await.body;
    let place = json!({
        "campaign": "november", "campaign_state": "running", "state": "waiting", "rank": 1, "due_at": due_at,
        "time_zone": "Asia/Shanghai", "rule": "new", "ahead": 1, "more": false
    });
    assert_eq!(told, json!([place]));
    let told = server.get(&token, "/v1/cases/C3/queue").await.body;
    assert_eq!((&told[0]["ahead"], &told[0]["due_at"]), (&Value::Null, &json!(later)));
}
