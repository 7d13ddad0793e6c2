//! What is kept of a person is found, handed out and removed by who may; not under a hold, and the audit tells of nobody.
use crate::common::{case, server};
use axum::{
    body::{Body, to_bytes},
    http::Request,
};
use serde_json::{Value, json};
use tower::ServiceExt;
use waihu_store::Role;

/// Cases of a person with two, and of another.
fn cases() -> Value {
    let of = |id: &str, debtor: &str, phone: &str| {
        let mut case = case(id);
        case["debtor"] = json!(debtor);
        case["phone"] = json!(phone);
        case
    };
    let mut second = of("C2", "D-7", "13900139000");
    second["numbers"] = json!([{"phone": "008613700137000", "kind": "work"}]);
    json!([of("C1", "D-7", "13800138000"), second, of("C3", "D-8", "13800138001"), case("C4")])
}

#[tokio::test]
async fn a_person_is_found_by_one_of_three_and_by_who_may() {
    let server = server().await;
    server.post(&server.token(Role::Integrator).await, "/v1/cases", cases()).await;
    let token = server.token(Role::Compliance).await;
    let find = async |by: Value| server.post(&token, "/v1/debtors/find", by).await;
    let whose = |body: &Value| -> Vec<String> {
        body["items"].as_array().unwrap().iter().map(|d| d["debtor"].as_str().unwrap().to_owned()).collect()
    };
    let found = find(json!({"debtor": "D-7"})).await;
    assert_eq!(found.status, 200, "{}", found.body);
    let person = &found.body["items"][0];
    let ids: Vec<&str> =
        person["cases"].as_array().unwrap().iter().map(|c| c["case"].as_str().unwrap()).collect();
    assert_eq!(
        (ids.as_slice(), &person["calls"], &person["promises"], &person["held"]),
        (&["C1", "C2"][..], &json!([]), &json!([]), &json!(false))
    );
    assert_eq!(whose(&find(json!({"case": "C3"})).await.body), ["D-8"]);
    assert_eq!(whose(&find(json!({"case": "C4"})).await.body), ["C4"], "a case that names nobody is its own");
    // However it is written, and whichever of a case's numbers it is.
    assert_eq!(whose(&find(json!({"number": "+86 139 0013 9000".replace(' ', "")})).await.body), ["D-7"]);
    assert_eq!(whose(&find(json!({"number": "13700137000"})).await.body), ["D-7"]);
    // Two people share it.
    assert_eq!(whose(&find(json!({"number": "13800138000"})).await.body), ["C4", "D-7"]);
    for nobody in [json!({"debtor": "D-9"}), json!({"case": "C9"}), json!({"number": "13912345678"})] {
        assert_eq!(find(nobody).await.body, json!({"items": []}));
    }
    for odd in
        [json!({}), json!({"debtor": "D-7", "case": "C1"}), json!({"debtor": "D 7"}), json!({"name": "张伟"})]
    {
        assert_eq!(find(odd).await.status, 422);
    }
    for role in [Role::Operations, Role::Agent, Role::Admin, Role::Integrator] {
        let token = server.token(role).await;
        for path in ["find", "access", "erase"] {
            let answer = server.post(&token, &format!("/v1/debtors/{path}"), json!({"debtor": "D-7"})).await;
            assert_eq!(answer.status, 403, "{role} {path}");
        }
    }
}

#[tokio::test]
async fn all_that_is_kept_of_a_person_is_handed_out_also_where_a_key_is_sent() {
    let server = server().await;
    server.post(&server.token(Role::Integrator).await, "/v1/cases", cases()).await;
    let token = server.token_of(Role::Compliance, "Li Na").await;
    for key in [None, Some("k-1"), Some("k-1")] {
        let mut request = Request::post("/v1/debtors/access")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Body::from(r#"{"debtor":"D-7"}"#)).unwrap();
        let answer = server.app.clone().oneshot(request).await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (200, &"application/zip".parse().unwrap())
        );
        let told: usize = answer.headers()["content-length"].to_str().unwrap().parse().unwrap();
        let zip = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        assert_eq!((zip.len(), &zip[..2]), (told, &b"PK"[..]));
        let names = String::from_utf8_lossy(&zip).into_owned();
        assert!(names.contains("cases.json") && names.contains("index.html"));
    }
    assert_eq!(server.post(&token, "/v1/debtors/access", json!({"debtor": "D-9"})).await.status, 404);
}

#[tokio::test]
async fn an_erasure_is_typed_twice_reasoned_refused_under_a_hold_and_written_down() {
    let server = server().await;
    server.post(&server.token(Role::Integrator).await, "/v1/cases", cases()).await;
    let token = server.token_of(Role::Compliance, "Li Na").await;
    let erase = async |body: Value| server.post(&token, "/v1/debtors/erase", body).await;
    let right = json!({"debtor": "D-7", "confirm": "D-7", "reason": "letter of 24 November"});
    let other = erase(json!({"debtor": "D-7", "confirm": "D-8", "reason": "letter"})).await;
    assert_eq!((other.status.as_u16(), &other.body["field"]), (422, &json!("confirm")));
    assert_eq!(erase(json!({"debtor": "D-7", "confirm": "D-7", "reason": " "})).await.status, 422);
    assert_eq!(erase(json!({"debtor": "D-7", "reason": "letter"})).await.status, 422);

    let held =
        server.post(&token, "/v1/holds", json!({"kind": "case", "id": "C2", "why": "complaint"})).await;
    let found = server.post(&token, "/v1/debtors/find", json!({"debtor": "D-7"})).await.body;
    assert_eq!(
        (&found["items"][0]["held"], &found["items"][0]["holds"][0]["subject"]),
        (&json!(true), &json!("C2"))
    );
    let refused = erase(right.clone()).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "conflict"));
    assert!(refused.body["detail"].as_str().unwrap().contains("封存"), "{}", refused.body);
    assert_eq!(server.get(&token, "/v1/cases/C1").await.status, 200, "nothing of it is gone");
    let lift = format!("/v1/holds/{}/lift", held.body["id"]);
    assert_eq!(server.post(&token, &lift, json!({"why": "settled"})).await.status, 204);

    assert_eq!(erase(right.clone()).await.body, json!({"cases": 2, "calls": 0}));
    assert_eq!(server.get(&token, "/v1/cases/C1").await.status, 404);
    assert_eq!(server.get(&token, "/v1/cases/C3").await.status, 200, "nobody else's");
    assert_eq!(erase(right).await.status, 404, "there is nothing left");

    let rows = server.store.audit(0, 100).await.unwrap();
    let of = |act: &str| -> Vec<Option<i64>> {
        rows.iter().filter(|row| row.act == act).map(|row| row.status).collect()
    };
    assert_eq!(of("debtor erase"), [Some(409), Some(200), Some(404)]);
    assert_eq!(of("POST /v1/debtors/erase").len(), 6);
    assert!(rows.iter().all(|row| !row.act.contains("D-7") && !row.request.contains("D-7")));
    assert!(rows.iter().filter(|row| row.act == "debtor erase").all(|row| row.person == "Li Na"));
}
