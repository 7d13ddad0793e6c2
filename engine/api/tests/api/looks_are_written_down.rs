//! Who reads what tells of persons is written down before it is shown: by what it was asked for and how much it was, and
//! not by what stands in it.
use crate::common::{case, server};
use axum::{body::Body, http::Request};
use serde_json::json;
use tower::ServiceExt;
use waihu_store::Role;

#[tokio::test]
async fn a_look_is_a_row_of_its_path_its_keys_and_its_count() {
    let server = server().await;
    let integrator = server.token(Role::Integrator).await;
    server.post(&integrator, "/v1/cases", json!([case("C1"), case("C2"), case("C3")])).await;
    let number = json!({"number": "13800138000", "reason": "asked"});
    server.post(&integrator, "/v1/do-not-call", number).await;
    let before = server.store.audit(0, 100).await.unwrap().len();
    let token = server.token_of(Role::Compliance, "Chen").await;
    let looks = [
        ("/v1/cases?limit=2", "/v1/cases?limit: 2 rows"),
        ("/v1/cases/C1", "/v1/cases/C1"),
        ("/v1/cases/C1/decisions", "/v1/cases/C1/decisions: 0 rows"),
        ("/v1/cases/C1/queue", "/v1/cases/C1/queue: 0 rows"),
        ("/v1/attempts", "/v1/attempts: 0 rows"),
        ("/v1/outcomes?case=C1&since=2026-11-27T00:00:00Z", "/v1/outcomes?case&since: 0 rows"),
        ("/v1/promises?campaign=november", "/v1/promises?campaign: 0 rows"),
        ("/v1/quality?passed=false", "/v1/quality?passed: 0 rows"),
        ("/v1/reviews", "/v1/reviews: 0 rows"),
        ("/v1/do-not-call", "/v1/do-not-call: 1 rows"),
        ("/v1/holds", "/v1/holds: 0 rows"),
    ];
    for (path, _) in looks {
        let answer = server.get(&token, path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    }
    let rows = server.store.audit(0, 100).await.unwrap().split_off(before);
    let written: Vec<_> = rows.iter().map(|r| (r.person.as_str(), r.act.as_str(), r.status)).collect();
    let expected = looks.map(|(_, act)| format!("GET {act}"));
    let expected: Vec<_> = expected.iter().map(|act| ("Chen", act.as_str(), Some(200))).collect();
    assert_eq!(written, expected, "no value that was asked for or shown");
    assert!(server.store.walk_audit(|_| {}).await.unwrap().1.is_none());
}

#[tokio::test]
async fn what_is_sought_is_not_found_again_from_its_row() {
    let server = server().await;
    let token = server.token_of(Role::Compliance, "Chen").await;
    let number = json!({"number": "13800138000"});
    for (path, body, digits) in [
        ("/v1/do-not-call/lookup", number.clone(), 0),
        ("/v1/debtors/find", number, 0),
        ("/v1/debtors/find", json!({"case": "C1"}), 64),
        ("/v1/search", json!({"words": "13800138000"}), 0),
    ] {
        let answer = server.post(&token, path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let row = server.store.audit(0, 100).await.unwrap().pop().unwrap();
        assert_eq!((row.act, row.request.len()), (format!("POST {path}"), digits));
    }
}

#[tokio::test]
async fn what_shows_nobody_is_no_look_and_who_follows_events_is_one() {
    let server = server().await;
    let token = server.token_of(Role::Admin, "Zhao").await;
    for path in [
        "/v1/cases/none",
        "/v1/cases/13800138000",
        "/v1/cases?limit=0",
        "/v1/holds",
        "/v1/board",
        "/v1/results",
        "/v1/campaigns",
        "/v1/audit",
    ] {
        server.get(&token, path).await;
    }
    assert_eq!(server.ask("HEAD", "/v1/cases", &token, &[], None).await.status, 200);
    assert!(server.store.audit(0, 10).await.unwrap().is_empty());
    let request = Request::get("/v1/events?kinds=outcome&after=0");
    let request = request.header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap();
    // Its body has no end.
    assert_eq!(server.app.clone().oneshot(request).await.unwrap().status(), 200);
    let rows = server.store.audit(0, 10).await.unwrap();
    let acts: Vec<_> = rows.iter().map(|r| (r.act.as_str(), r.status)).collect();
    assert_eq!(acts, [("GET /v1/events?kinds&after", Some(200))]);
}
