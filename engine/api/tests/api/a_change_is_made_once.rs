//! Cases, campaigns and the do-not-call list over HTTP: made once, changed by who has read them, told by pages.
use crate::common::{case, server, server_with};
use serde_json::{Value, json};
use waihu_api::Limits;
use waihu_store::Role;

#[tokio::test]
async fn a_batch_is_taken_whole_or_not_at_all() {
    let server = server().await;
    let token = server.token(Role::Integrator).await;
    let batch = json!([case("C1"), case("C2")]);
    let answer = server.post(&token, "/v1/cases", batch.clone()).await;
    assert_eq!((answer.status.as_u16(), &answer.body), (200, &json!({"new": 2, "changed": 0, "same": 0})));
    let answer = server.post(&token, "/v1/cases", batch).await;
    assert_eq!(answer.body, json!({"new": 0, "changed": 0, "same": 2}));

    let wrong = |key: &str, value: Value| {
        let mut case = case("C3");
        case[key] = value;
        case
    };
    let batch = json!([
        case("C4"),
        wrong("amount", json!("0")),
        wrong("phonee", json!("1")),
        wrong("lang", json!("fr")),
        case("C4"),
        7
    ]);
    let answer = server.post(&token, "/v1/cases", batch).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (422, "invalid"));
    let mut places: Vec<u64> =
        answer.body["errors"].as_array().unwrap().iter().map(|e| e["index"].as_u64().unwrap()).collect();
    places.dedup();
    assert_eq!(places, [1, 2, 3, 4, 5]);
    assert_eq!(
        answer.body["errors"][1],
        json!({"index": 2, "field": "phonee", "detail": "a case has no such key 案件没有该字段"})
    );
    assert_eq!(server.get(&token, "/v1/cases/C4").await.status, 404);
    for odd in [json!([]), json!("x"), json!(null)] {
        assert_eq!(server.post(&token, "/v1/cases", odd).await.status, 422);
    }
}

#[tokio::test]
async fn a_change_names_the_revision_that_it_is_of() {
    let server = server().await;
    let token = server.token(Role::Operations).await;
    server.post(&token, "/v1/cases", case("C1")).await;
    let answer = server.get(&token, "/v1/cases/C1").await;
    let etag = answer.header("etag");
    assert_eq!((etag.as_str(), &answer.body["state"]), ("\"1\"", &json!("open")));
    let paid = Some(json!({"state": "paid"}));
    let change = async |headers: &[(&str, &str)], body| {
        server.ask("PATCH", "/v1/cases/C1", &token, headers, body).await
    };
    assert_eq!(change(&[], paid.clone()).await.code(), "precondition_required");
    assert_eq!(change(&[("if-match", "\"7\"")], paid.clone()).await.code(), "precondition_failed");
    let answer = change(&[("if-match", &etag)], paid.clone()).await;
    assert_eq!((answer.status.as_u16(), answer.header("etag").as_str()), (200, "\"2\""));
    assert_eq!(change(&[("if-match", &etag)], paid).await.status, 412);
    let answer = server.ask("DELETE", "/v1/cases/C1", &token, &[("if-match", "*")], None).await;
    assert_eq!(answer.status, 204);
    assert_eq!(server.get(&token, "/v1/cases/C1").await.body["state"], "withdrawn");
}

#[tokio::test]
async fn the_same_key_has_the_same_answer_and_does_nothing_twice() {
    let server = server().await;
    let token = server.token(Role::Compliance).await;
    let keyed = [("idempotency-key", "k-1")];
    let body = json!({"number": "+8613800138000", "reason": "asked by letter"});
    let enter =
        async |body: &Value| server.ask("POST", "/v1/do-not-call", &token, &keyed, Some(body.clone())).await;
    let first = enter(&body).await;
    assert_eq!((first.status.as_u16(), &first.body), (201, &json!({"id": 1})));
    let again = enter(&body).await;
    assert_eq!((again.status.as_u16(), &again.body), (201, &first.body));
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.header("content-type"), "application/json");
    let other = enter(&json!({"number": "+8613800138001", "reason": "asked by letter"})).await;
    assert_eq!((other.status.as_u16(), other.code()), (422, "key_reused"));
    let list = server.get(&token, "/v1/do-not-call").await;
    assert_eq!(list.body["items"].as_array().unwrap().len(), 1);
    assert_eq!(list.body["items"][0]["person"], "compliance");
    // A refusal is an answer as well, and is given again.
    let wrong = [("idempotency-key", "k-2")];
    for _ in 0..2 {
        let refused =
            server.ask("POST", "/v1/do-not-call", &token, &wrong, Some(json!({"number": "x"}))).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (422, "invalid"));
    }
}

#[tokio::test]
async fn two_requests_with_one_key_at_once_do_one_thing() {
    let server = server().await;
    let token = server.token(Role::Compliance).await;
    let body = || Some(json!({"number": "+8613800138000", "reason": "asked"}));
    let keyed = [("idempotency-key", "k")];
    let ask = || server.ask("POST", "/v1/do-not-call", &token, &keyed, body());
    let (a, b, c) = tokio::join!(ask(), ask(), ask());
    for answer in [&a, &b, &c] {
        assert!(answer.status == 201 || answer.code() == "in_flight", "{}", answer.body);
    }
    assert_eq!(ask().await.body, json!({"id": 1}));
    assert_eq!(server.store.do_not_call_page(0, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_number_is_barred_looked_up_and_allowed_again_by_persons() {
    let server = server().await;
    let (agent, compliance) =
        (server.token_of(Role::Agent, "Wang").await, server.token_of(Role::Compliance, "Chen").await);
    let number = json!({"number": "0086 138 0013 8000".replace(' ', "")});
    let answer = server
        .post(&agent, "/v1/do-not-call", json!({"number": "13800138000", "reason": "asked in a call"}))
        .await;
    assert_eq!(answer.status, 201);
    let found = server.post(&compliance, "/v1/do-not-call/lookup", number.clone()).await.body;
    assert_eq!((&found["barred"], &found["entries"][0]["person"]), (&json!(true), &json!("Wang")));
    let lift = json!({"number": "+8613800138000", "why": "asked to be called again, letter of 3 November"});
    assert_eq!(server.post(&agent, "/v1/do-not-call/lift", lift.clone()).await.status, 403);
    assert_eq!(server.post(&compliance, "/v1/do-not-call/lift", lift).await.body, json!({"ended": 1}));
    let found = server.post(&compliance, "/v1/do-not-call/lookup", number).await.body;
    assert_eq!((&found["barred"], &found["entries"][0]["lifted"]["person"]), (&json!(false), &json!("Chen")));
    for odd in [
        json!({"number": "1380013800O", "reason": "x"}),
        json!({"number": "13800138000", "reason": " "}),
        json!({"number": "13800138000", "reason": "a\u{0}b"}),
    ] {
        assert_eq!(server.post(&compliance, "/v1/do-not-call", odd).await.status, 422);
    }
}

#[tokio::test]
async fn who_changed_what_is_written_down() {
    let server = server().await;
    let token = server.token_of(Role::Agent, "Wang").await;
    server.post(&token, "/v1/do-not-call", json!({"number": "13800138000", "reason": "asked"})).await;
    server.post(&token, "/v1/do-not-call", json!({"number": "x"})).await;
    server.post(&token, "/v1/cases", case("C1")).await;
    let rows = server.store.audit(0, 10).await.unwrap();
    let told: Vec<_> = rows.iter().map(|r| (r.person.as_str(), r.act.as_str(), r.status)).collect();
    let entered = "POST /v1/do-not-call";
    assert_eq!(
        told,
        [("Wang", entered, Some(201)), ("Wang", entered, Some(422))],
        "what was not allowed changed nothing"
    );
    assert!(rows.iter().all(|r| r.request.len() == 64));
}

#[tokio::test]
async fn a_campaign_is_made_filled_started_and_stopped() {
    let server = server().await;
    let token = server.token(Role::Operations).await;
    let settings = json!({"trunk": "main", "script": "reminder"});
    let refused = server.post(&token, "/v1/campaigns", json!({"id": "november", "settings": settings})).await;
    assert_eq!(refused.code(), "conflict", "nobody has approved the script: {}", refused.body);
    server.approved("reminder").await;
    let made = server.post(&token, "/v1/campaigns", json!({"id": "november", "settings": settings})).await;
    assert_eq!((made.status.as_u16(), made.header("location").as_str()), (201, "/v1/campaigns/november"));
    assert_eq!((made.header("etag").as_str(), &made.body["state"]), ("\"1\"", &json!("created")));
    let again = server.post(&token, "/v1/campaigns", json!({"id": "november", "settings": settings})).await;
    assert_eq!(again.code(), "conflict");
    let faults =
        server.post(&token, "/v1/campaigns", json!({"id": "x", "settings": {"trunk": "../etc"}})).await;
    assert_eq!(faults.code(), "invalid");
    assert_eq!(faults.body["errors"][0]["field"], "settings.trunk");

    let cases: Vec<Value> = (1..=5)
        .map(|n| {
            let mut case = case(&format!("C{n}"));
            case["kind"] = json!(if n % 2 == 0 { "card" } else { "mortgage" });
            case
        })
        .collect();
    server.post(&token, "/v1/cases", json!(cases)).await;
    let fill = "/v1/campaigns/november/cases";
    assert_eq!(
        server.post(&token, fill, json!({"cases": ["C1"]})).await.body,
        json!({"placed": 1, "next": null})
    );
    assert_eq!(server.post(&token, fill, json!({"filter": {"kinds": ["card"]}})).await.body["placed"], 2);
    assert_eq!(
        server.post(&token, fill, json!({"filter": {"min_days_past_due": 100_000}})).await.body["placed"],
        0
    );
    assert_eq!(server.post(&token, fill, json!({"cases": ["C99"]})).await.status, 422);
    assert_eq!(server.post(&token, fill, json!({})).await.status, 422);
    let counts = server.get(&token, "/v1/campaigns/november/counts").await.body;
    assert_eq!((&counts["waiting"], &counts["done"]), (&json!(3), &json!(0)));

    let act = async |act: &str, headers: &[(&str, &str)]| {
        server.ask("POST", &format!("/v1/campaigns/november/{act}"), &token, headers, None).await
    };
    assert_eq!(act("start", &[("if-match", "\"9\"")]).await.code(), "precondition_failed");
    assert_eq!(act("start", &[("if-match", "\"1\"")]).await.body["state"], "running");
    assert_eq!(act("pause", &[]).await.body["state"], "paused");
    assert_eq!(act("resume", &[]).await.header("etag"), "\"4\"");
    assert_eq!(act("stop", &[]).await.body["state"], "stopped");
    assert_eq!(act("start", &[]).await.code(), "conflict");
}

#[tokio::test]
async fn pages_hold_every_row_once_whatever_comes_in_between() {
    let server = server().await;
    let token = server.token(Role::Integrator).await;
    let batch: Vec<Value> = (0..25).map(|n| case(&format!("C{n:02}"))).collect();
    server.post(&token, "/v1/cases", json!(batch)).await;
    let (mut seen, mut path) = (Vec::new(), "/v1/cases?limit=10".to_owned());
    loop {
        let page = server.get(&token, &path).await.body;
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|c| c["case"]["id"].as_str().unwrap().to_owned()),
        );
        // Before the place that was reached: it moves nothing.
        server.post(&token, "/v1/cases", case(&format!("A{}", seen.len()))).await;
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/cases?limit=10&cursor={next}");
    }
    assert_eq!(seen, (0..25).map(|n| format!("C{n:02}")).collect::<Vec<_>>());
    for odd in ["limit=0", "limit=201", "limit=x", "cursor=zz", "cursor=00", "nothing=1", "limit=1&limit=2"] {
        let answer = server.get(&token, &format!("/v1/cases?{odd}")).await;
        assert_eq!(answer.status, 422, "{odd}: {}", answer.body);
    }
}

#[tokio::test]
async fn what_is_too_much_is_refused_with_when_to_come_again() {
    let server =
        server_with(Limits { rate_per_s: 0.01, burst: 3.0, body_bytes: 2_000, ..Limits::default() }).await;
    let token = server.token(Role::Integrator).await;
    let large = server.post(&token, "/v1/cases", json!({"id": "x".repeat(3_000)})).await;
    assert_eq!((large.status.as_u16(), large.code()), (413, "too_large"));
    let keyed = [("idempotency-key", "k")];
    let large = server.ask("POST", "/v1/cases", &token, &keyed, Some(json!("x".repeat(3_000)))).await;
    assert_eq!(large.code(), "too_large");
    assert_eq!(server.get(&token, "/v1/cases").await.status, 200);
    let answer = server.get(&token, "/v1/cases").await;
    assert_eq!((answer.status.as_u16(), answer.code()), (429, "too_many"));
    assert_eq!(answer.header("retry-after"), "100");
    let other = server.token(Role::Integrator).await;
    assert_eq!(server.get(&other, "/v1/cases").await.status, 200, "one's haste is not another's");
}

#[tokio::test]
async fn every_refusal_is_a_problem_in_both_languages() {
    let server = server().await;
    let token = server.token(Role::Admin).await;
    let odd = [
        server.get(&token, "/v1/nothing").await,
        server.ask("PUT", "/v1/cases", &token, &[], None).await,
        server.get(&token, "/v1/cases/%FF").await,
        server.get(&token, "/v1/cases/a%2Fb").await,
        server.get(&token, "/v1/attempts/none").await,
        server.ask("POST", "/v1/do-not-call", &server.token(Role::Agent).await, &[], None).await,
        server.get(&token, "/v1/events?kinds=gossip").await,
        server.get(&token, "/v1/scripts/none/0").await,
    ];
    let codes: Vec<&str> = odd.iter().map(|a| a.code()).collect();
    assert_eq!(
        codes,
        [
            "not_found",
            "method_not_allowed",
            "not_found",
            "not_found",
            "not_found",
            "unsupported_media",
            "invalid",
            "not_found"
        ]
    );
    for answer in &odd {
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.body["status"], answer.status.as_u16());
        for key in ["type", "title", "title_zh", "detail"] {
            assert!(answer.body[key].as_str().is_some_and(|t| !t.is_empty()), "{key}: {}", answer.body);
        }
    }
    assert_eq!(odd[1].header("allow"), "GET, POST, HEAD");
}

#[tokio::test]
async fn ready_is_who_has_a_database_an_engine_and_does_not_drain() {
    let server = server().await;
    assert_eq!(server.get("", "/healthz").await.body, json!({"status": "ok"}));
    let answer = server.get("", "/readyz").await;
    assert_eq!((answer.status.as_u16(), &answer.body["engine"]), (503, &json!(false)));
    server.pulse.beat(crate::common::now());
    let answer = server.get("", "/readyz").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    server.pulse.drain();
    let answer = server.get("", "/readyz").await;
    assert_eq!((answer.status.as_u16(), &answer.body["draining"]), (503, &json!(true)));
}

#[tokio::test]
async fn a_campaigns_days_and_pace_are_changed_by_who_has_read_them() {
    let server = server().await;
    let token = server.token(Role::Operations).await;
    server.approved("reminder").await;
    let settings =
        json!({"trunk": "main", "script": "reminder", "from": "2126-11-01", "pacing": {"max_calls": 20}});
    server.post(&token, "/v1/campaigns", json!({"id": "november", "settings": settings})).await;
    server.post(&token, "/v1/cases", json!([case("C1"), case("C2")])).await;
    server.post(&token, "/v1/campaigns/november/cases", json!({"cases": ["C1", "C2"]})).await;
    let change = async |tag: &str, body: Value| {
        server.ask("PATCH", "/v1/campaigns/november", &token, &[("if-match", tag)], Some(body)).await
    };
    let bare = server.ask("PATCH", "/v1/campaigns/november", &token, &[], Some(json!({}))).await;
    assert_eq!(bare.code(), "precondition_required");
    assert_eq!(change("\"7\"", json!({"until": "2126-12-31"})).await.code(), "precondition_failed");

    // What is left out stays, and null takes away.
    let changed =
        change("\"1\"", json!({"until": "2126-12-31", "pacing": {"weight": 3, "max_calls": null}})).await;
    assert_eq!(
        (changed.status.as_u16(), changed.header("etag").as_str()),
        (200, "\"2\""),
        "{}",
        changed.body
    );
    let pacing = &changed.body["settings"]["pacing"];
    assert_eq!(
        (&pacing["weight"], &pacing["max_calls"], &pacing["priority"]),
        (&json!(3), &json!(null), &json!(5))
    );
    assert_eq!(
        (&changed.body["settings"]["from"], &changed.body["settings"]["until"]),
        (&json!("2126-11-01"), &json!("2126-12-31"))
    );
    for odd in [
        json!({"until": "2126-10-01"}),
        json!({"until": "soon"}),
        json!({"trunk": "other"}),
        json!({"pacing": {"ring_s": 5}}),
        json!({"pacing": {"speed": 5}}),
        json!({"pacing": 5}),
    ] {
        assert_eq!(change("*", odd.clone()).await.status, 422, "{odd}");
    }

    // The cases that wait for the first day no longer do.
    let due = async || {
        let counts = server.get(&token, "/v1/campaigns/november/counts").await.body;
        assert_eq!(counts["waiting"], 2);
        counts["next_due"].as_str().unwrap().to_owned()
    };
    assert!(due().await.starts_with("2126-10-31"), "{}", due().await);
    assert_eq!(change("*", json!({"from": null})).await.status, 200);
    assert!(due().await < crate::common::now().to_string());
    assert_eq!(change("*", json!({"from": "2126-12-01"})).await.status, 200);

    let act =
        async |act: &str| server.post(&token, &format!("/v1/campaigns/november/{act}"), json!({})).await;
    act("start").await;
    let busy = change("*", json!({"pacing": {"mode": "preview"}})).await;
    assert_eq!((busy.code(), &busy.body["field"]), ("conflict", &json!("settings.pacing.mode")));
    assert_eq!(change("*", json!({"pacing": {"priority": 9}})).await.body["state"], "running");
    act("pause").await;
    assert_eq!(change("*", json!({"pacing": {"mode": "preview"}})).await.status, 200);
    act("stop").await;
    assert_eq!(change("*", json!({"pacing": {"priority": 1}})).await.code(), "conflict");
    let agent = server.token(Role::Agent).await;
    let refused =
        server.ask("PATCH", "/v1/campaigns/november", &agent, &[("if-match", "*")], Some(json!({}))).await;
    assert_eq!(refused.status, 403);
}
