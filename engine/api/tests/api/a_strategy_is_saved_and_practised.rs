//! Strategies are saved by versions, and stand before files; a practice campaign is begun, watched and ended.
use std::time::Duration;

use crate::common::{Server, server};
use serde_json::{Value, json};
use waihu_campaign::Strategy;
use waihu_store::Role;

#[tokio::test]
async fn a_saved_strategy_has_versions_and_stands_before_the_file() {
    let server = server().await;
    let token = server.token(Role::Operations).await;
    let file = server.get(&token, "/v1/strategies/default").await;
    assert_eq!((file.header("etag").as_str(), &file.body["saved_by"]), ("\"0\"", &Value::Null));
    let content = Strategy::SHIPPED.replacen("per_day = 3", "per_day = 2", 1);
    assert_ne!(content, Strategy::SHIPPED);
    let save = async |token: &str, revision: &str, content: &str| {
        let body = Some(json!({ "content": content }));
        server.ask("PUT", "/v1/strategies/default", token, &[("if-match", revision)], body).await
    };
    assert_eq!(save(&token, "\"1\"", &content).await.status, 412);
    let saved = save(&token, "\"0\"", &content).await;
    assert_eq!((saved.status.as_u16(), &saved.body["revision"]), (200, &json!(1)));
    assert_eq!(save(&token, "\"0\"", &content).await.status, 412, "it was changed meanwhile");

    let wrong = save(&token, "\"1\"", "[limits]\nper_day = 0\nwhat = 1\n").await;
    assert_eq!((wrong.status.as_u16(), wrong.code()), (422, "invalid"));
    assert!(wrong.body["errors"].as_array().is_some_and(|errors| !errors.is_empty()), "{}", wrong.body);
    let compliance = server.token(Role::Compliance).await;
    assert_eq!(save(&compliance, "*", &content).await.status, 403);
    assert_eq!(server.get(&token, "/v1/strategies/..").await.status, 404);

    // A campaign that names it has what was saved.
    server.approved("reminder").await;
    let new = json!({"id": "c1", "settings": {"trunk": "main", "script": "reminder"}});
    let made = server.post(&token, "/v1/campaigns", new).await;
    assert_eq!((made.status.as_u16(), &made.body["strategy"]), (201, &json!(content)));
    let listed = server.get(&token, "/v1/strategies").await.body;
    assert_eq!(listed[0]["name"], "default");
    assert_eq!((&listed[0]["revision"], listed.as_array().map(Vec::len)), (&json!(1), Some(1)));
}

async fn ended(server: &Server, token: &str) -> Value {
    for _ in 0..200 {
        let told = server.get(token, "/v1/practice").await.body;
        if told["state"] == "ended" {
            return told;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the practice campaign does not end")
}

#[tokio::test]
async fn a_practice_campaign_tells_of_each_callee_and_of_why_it_could_not_go_on() {
    let server = server().await;
    let token = server.token(Role::Operations).await;
    assert_eq!(server.get(&token, "/v1/practice").await.body["state"], "idle");
    let begun = server.post(&token, "/v1/practice", json!({"cases": ["zh-promises"]})).await;
    assert_eq!((begun.status.as_u16(), &begun.body["state"]), (202, &json!("running")));
    let told = ended(&server, &token).await;
    let case = &told["cases"][0];
    assert_eq!(
        (&case["case"], &case["actual"], &case["right"]),
        (&json!("zh-promises"), &json!("paid"), &json!(true))
    );
    assert_eq!((&told["by"], &told["fault"]), (&json!("operations"), &json!("")));
    // What cannot be a practice case never reaches a command line.
    for odd in ["--help", "a b", "$(x)"] {
        assert_eq!(server.post(&token, "/v1/practice", json!({"cases": [odd]})).await.status, 422, "{odd}");
    }
    let agent = server.token(Role::Agent).await;
    assert_eq!(server.post(&agent, "/v1/practice", json!({})).await.status, 403);
}
