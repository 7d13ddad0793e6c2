//! What is measured, as Prometheus reads it: by the names that are written down, and of nobody.

use std::time::Duration;

use serde_json::json;
use waihu_api::{install_metrics, keep_metrics};
use waihu_store::{CampaignState, Role};

use crate::common::{case, now, server_with_metrics};

const NUMBER: &str = "+8613977665544";
const NAME: &str = "欧阳锋测试";
const AMOUNT: &str = "7654.32";

#[tokio::test]
async fn metrics_have_known_names_and_are_of_nobody() {
    let handle = install_metrics().unwrap();
    let server = server_with_metrics(handle.clone()).await;
    let token = server.token(Role::Operations).await;
    let mut person = case("C1");
    (person["phone"], person["name"], person["amount"]) = (json!(NUMBER), json!(NAME), json!(AMOUNT));
    assert_eq!(server.post(&token, "/v1/cases", person).await.status, 200);
    server.post(&token, "/v1/do-not-call", json!({"number": NUMBER, "reason": NAME})).await;
    server.approved("reminder").await;
    let settings = json!({"trunk": "main", "script": "reminder"});
    let made = server.post(&token, "/v1/campaigns", json!({"id": "measured", "settings": settings})).await;
    assert!(made.status.is_success(), "{}", made.body);
    let id = "measured".parse().unwrap();
    server.store.set_campaign_state(&id, CampaignState::Running, None, now()).await.unwrap();
    server.post(&token, "/v1/campaigns/measured/cases", json!({"cases": ["C1"]})).await;

    let (store, pulse) = (server.store.clone(), server.pulse.clone());
    let keeping = tokio::spawn(async move { keep_metrics(handle, &store, &pulse).await });
    // The queues and the place of the newest event are told by who keeps them, in this order.
    let told = loop {
        let answer = server.get(&token, "/metrics").await;
        let kind = answer.header("content-type");
        assert_eq!(
            (answer.status.as_u16(), kind.as_str()),
            (200, "text/plain; version=0.0.4; charset=utf-8")
        );
        let told = answer.body.as_str().unwrap().to_owned();
        if told.contains("\nwaihu_events_last ") {
            break told;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    keeping.abort();

    let readme = include_str!("../../README.md");
    for line in told.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let series = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(*end));
        let known = |name: &str| readme.contains(&format!("| `{name}` |"));
        assert!(known(name) || series.is_some_and(known), "{line}");
        assert!(line.rsplit(' ').next().unwrap().parse::<f64>().is_ok(), "{line}");
    }
    for kind in [
        "# TYPE waihu_http_requests_total counter",
        "# TYPE waihu_http_request_seconds histogram",
        "# TYPE waihu_queue_cases gauge",
        "# TYPE waihu_store_writes_total counter",
        "# TYPE waihu_draining gauge",
    ] {
        assert!(told.contains(kind), "{kind}: {told}");
    }
    let has = |name: &str, labels: &[&str]| {
        let is = |line: &str| line.starts_with(name) && labels.iter().all(|label| line.contains(label));
        told.lines().any(is)
    };
    let posted = ["route=\"/v1/cases\"", "method=\"POST\"", "status=\"200\""];
    assert!(has("waihu_http_requests_total{", &posted), "{told}");
    assert!(has("waihu_queue_cases{", &["campaign=\"measured\"", "state=\"waiting\""]), "{told}");
    for secret in [&NUMBER[3..], NAME, AMOUNT, &token[4..], "13800138000", "张伟"] {
        assert!(!told.contains(secret), "what is measured tells of a person");
    }
    assert_eq!(server.get("", "/metrics").await.status, 401);
}
