//! What tells of persons is in clear for whose role may see it and who says what for, and masked for all others; what is
//! seen in clear is written down with what it was for.
use std::fs;

use crate::{
    a_call_is_found_heard_and_checked::up,
    common::{Answer, Server, case, now, person, server},
};
use serde_json::{Value, json};
use waihu_api::{Asks, Purpose, ROUTES};
use waihu_store::{NewReview, PersonChange, Role, Said};

const NUMBER: &str = "13800138000";
const PASSWORD: &str = "eight words are a good one";

/// A route that shows persons: how it is asked, and what stands in its answer in clear alone.
type Shown = (&'static str, &'static str, &'static str, &'static str);

const SHOWN: [Shown; 10] = [
    ("GET", "/v1/cases", "/v1/cases", "张伟"),
    ("GET", "/v1/cases/{case}", "/v1/cases/case-one", NUMBER),
    ("GET", "/v1/attempts", "/v1/attempts", "\"1001\""),
    ("GET", "/v1/outcomes", "/v1/outcomes", "\"1001\""),
    ("GET", "/v1/outcomes/{attempt}", "/v1/outcomes/one", "\"1001\""),
    ("GET", "/v1/calls/{attempt}/transcript", "/v1/calls/one/transcript", NUMBER),
    ("GET", "/v1/calls/{attempt}/quality", "/v1/calls/one/quality", NUMBER),
    ("GET", "/v1/reviews/{review}", "/v1/reviews/1", "张伟"),
    ("POST", "/v1/search", "/v1/search", NUMBER),
    ("POST", "/v1/debtors/find", "/v1/debtors/find", "张伟"),
];

/// What is sent along with a POST.
fn body(path: &str) -> Option<Value> {
    match path {
        "/v1/search" => Some(json!({"words": "周五"})),
        "/v1/debtors/find" => Some(json!({"case": "case-one"})),
        _ => None,
    }
}

/// A call that is over, with its case, its words, a judgement and a review that cite it.
async fn with_call() -> Server {
    let server = server().await;
    let outcome = up(&server, "one").await;
    let told = serde_json::from_value(case(outcome.case.as_str())).unwrap();
    server.store.import(&[told], now()).await.unwrap();
    server.store.close_attempt(&outcome).await.unwrap();
    let text = "周五打13800138000";
    let words = [Said { at_ms: 900, speaker: "callee", text }];
    server.store.keep_words(&outcome.attempt, &words).await.unwrap();
    let line = json!({"at_ms": 900, "speaker": "callee", "text": text}).to_string();
    fs::write(server.folder.path().join("recordings/one.jsonl"), line + "\n").unwrap();

    let evidence = waihu_quality::Evidence {
        line: Some(1),
        at_ms: Some(900),
        zh: format!("说到“{NUMBER}”"),
        en: format!("“{NUMBER}” was said"),
    };
    let checked = waihu_quality::Checked {
        id: "bot_words".to_owned(),
        verdict: waihu_quality::Verdict::Fail,
        weight: 1,
        critical: false,
        evidence: vec![evidence],
    };
    let judged = waihu_quality::Judgement {
        version: waihu_quality::JUDGEMENT_VERSION,
        score: Some(0),
        passed: false,
        checks: vec![checked],
        facts: waihu_quality::Facts::default(),
        rules: "ab".repeat(32),
    };
    server.judged(&outcome.attempt, &judged).await;

    let sampling = waihu_quality::Sampling::shipped().unwrap();
    let form = sampling.form("call").unwrap();
    let drawn = NewReview {
        attempt: outcome.attempt.clone(),
        form: serde_json::to_string(form).unwrap(),
        four_eyes: false,
        agents: Vec::new(),
    };
    server.store.keep_draw("daily", "2026-11-26", &[drawn], now()).await.unwrap();
    let answers: Vec<Value> =
        form.questions.iter().map(|q| json!({"question": q.id, "score": q.most})).collect();
    let li = server.token_of(Role::Compliance, "Li").await;
    let id = server.get(&li, "/v1/reviews").await.body["items"][0]["id"].clone();
    assert_eq!(id, 1);
    let turn = json!({"answers": answers, "note": "张伟说得很快"});
    assert_eq!(server.post(&li, "/v1/reviews/1", turn).await.status, 200);
    server
}

async fn ask(server: &Server, token: &str, (method, path): (&str, &str), purpose: Option<&str>) -> Answer {
    let header = purpose.map(|purpose| ("x-waihu-purpose", purpose));
    server.ask(method, path, token, header.as_slice(), body(path)).await
}

#[tokio::test]
async fn each_route_shows_each_role_in_clear_what_it_may_see_and_says_what_for() {
    let server = with_call().await;
    for role in Role::ALL {
        let token = server.token(role).await;
        for (method, route, path, secret) in SHOWN {
            let asks = ROUTES.iter().find(|(m, p, _)| *m == method && *p == route).unwrap().2;
            let Asks::Scope(scope) = asks else { panic!("{route} asks for no scope") };
            for purpose in std::iter::once(None).chain(Purpose::ALL.map(Some)) {
                let answer = ask(&server, &token, (method, path), purpose.map(Purpose::label)).await;
                let told = answer.body.to_string();
                let of = format!("{method} {path} by {role} for {purpose:?}: {told}");
                if !scope.is_of(role) {
                    assert_eq!(answer.status, 403, "{of}");
                    continue;
                }
                assert_eq!(answer.status, 200, "{of}");
                // A lender's system has its own data back.
                let is_clear = role == Role::Integrator || role == Role::Compliance && purpose.is_some();
                assert_eq!(told.contains(secret), is_clear, "{of}");
                assert_eq!(told.contains("\"masked\":true"), !is_clear, "{of}");
            }
            let odd = ask(&server, &token, (method, path), Some("curiosity")).await;
            assert_eq!(odd.status, if scope.is_of(role) { 422 } else { 403 }, "{method} {path} by {role}");
        }
    }
}

#[tokio::test]
async fn one_attempt_is_masked_whatever_is_said_and_a_case_keeps_its_initials() {
    let server = with_call().await;
    let compliance = server.token(Role::Compliance).await;
    let attempt = ask(&server, &compliance, ("GET", "/v1/attempts/one"), Some("audit")).await.body;
    assert_eq!((&attempt["callee"], &attempt["masked"]), (&json!("…01"), &json!(true)));
    let case = &ask(&server, &compliance, ("GET", "/v1/cases/case-one"), None).await.body["case"];
    assert_eq!(
        (&case["name"], &case["phone"], &case["title"]),
        (&json!("张…"), &json!("…00"), &json!("先生"))
    );
    // What was masked is not handed in by mistake.
    let operations = server.token(Role::Operations).await;
    assert_eq!(server.post(&operations, "/v1/cases", case.clone()).await.status, 422);
}

#[tokio::test]
async fn what_cannot_be_masked_is_given_for_a_purpose_alone() {
    let server = with_call().await;
    let compliance = server.token(Role::Compliance).await;
    for path in ["/v1/calls/one/recording", "/v1/calls/one/bundle"] {
        let without = ask(&server, &compliance, ("GET", path), None).await;
        assert_eq!((without.status.as_u16(), without.code()), (428, "precondition_required"), "{path}");
        assert_eq!(without.body["field"], "X-Waihu-Purpose");
        assert_eq!(ask(&server, &compliance, ("GET", path), Some("curiosity")).await.status, 422, "{path}");
        assert_eq!(ask(&server, &compliance, ("GET", path), Some("dispute")).await.status, 200, "{path}");
        let in_query = format!("{path}?purpose=dispute");
        assert_eq!(server.get(&compliance, &in_query).await.status, 200, "{path}");
        let operations = server.token(Role::Operations).await;
        assert_eq!(ask(&server, &operations, ("GET", path), Some("dispute")).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn what_was_seen_in_clear_is_written_down_with_what_it_was_for() {
    let server = with_call().await;
    let before = server.store.audit(0, 100).await.unwrap().len();
    let (chen, wang) =
        (server.token_of(Role::Compliance, "Chen").await, server.token_of(Role::Operations, "Wang").await);
    let transcript = "/v1/calls/one/transcript";
    for (token, method, path, purpose) in [
        (&chen, "GET", "/v1/cases/case-one", Some("complaint")),
        (&chen, "GET", "/v1/cases/case-one", None),
        (&chen, "GET", "/v1/outcomes?case=case-one", Some("audit")),
        (&chen, "POST", "/v1/debtors/find", Some("subject_access")),
        (&chen, "GET", transcript, None),
        // Read on in clear, it is another look; and once for a purpose.
        (&chen, "GET", "/v1/calls/one/transcript?after=1", Some("dispute")),
        (&chen, "GET", "/v1/calls/one/transcript?after=1", Some("dispute")),
        (&chen, "GET", "/v1/calls/one/recording?purpose=quality", None),
        // Whose role sees nothing in clear has not seen it so, whatever is said.
        (&wang, "GET", "/v1/cases/case-one", Some("complaint")),
    ] {
        let answer = ask(&server, token, (method, path), purpose).await;
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body);
    }
    let rows = server.store.audit(0, 100).await.unwrap().split_off(before);
    let written: Vec<(&str, &str)> = rows.iter().map(|row| (row.person.as_str(), row.act.as_str())).collect();
    assert_eq!(
        written,
        [
            ("Chen", "GET /v1/cases/case-one for complaint"),
            ("Chen", "GET /v1/cases/case-one"),
            ("Chen", "GET /v1/outcomes?case: 1 rows for audit"),
            ("Chen", "POST /v1/debtors/find for subject_access"),
            ("Chen", "GET /v1/calls/one/transcript"),
            ("Chen", "GET /v1/calls/one/transcript for dispute"),
            ("Chen", "GET /v1/calls/one/recording for quality"),
            ("Wang", "GET /v1/cases/case-one"),
        ]
    );
}

#[tokio::test]
async fn an_answer_in_clear_is_not_given_again_to_who_says_nothing() {
    let server = with_call().await;
    let compliance = server.token(Role::Compliance).await;
    let seek = async |headers: &[(&str, &str)]| {
        server.ask("POST", "/v1/search", &compliance, headers, body("/v1/search")).await
    };
    let clear = seek(&[("idempotency-key", "k-1"), ("x-waihu-purpose", "audit")]).await;
    assert!(clear.body.to_string().contains(NUMBER), "{}", clear.body);
    assert_eq!(seek(&[("idempotency-key", "k-1")]).await.code(), "key_reused");
}

#[tokio::test]
async fn an_answer_in_clear_is_not_given_again_under_another_role() {
    let server = with_call().await;
    let li = person("li", "李明", Role::Compliance);
    let hash = waihu_api::hash_password(PASSWORD).unwrap();
    assert!(server.store.keep_person(&li, &hash).await.unwrap());
    let seek = async || {
        let signed = server.post("", "/v1/session", json!({"login": "li", "password": PASSWORD})).await;
        let cookie = signed.header("set-cookie").split(';').next().unwrap().to_owned();
        let headers = [
            ("cookie", cookie.as_str()),
            ("x-waihu-csrf", signed.body["csrf"].as_str().unwrap()),
            ("idempotency-key", "k-1"),
            ("x-waihu-purpose", "audit"),
        ];
        server.ask("POST", "/v1/search", "", &headers, body("/v1/search")).await
    };
    let clear = seek().await;
    assert!(clear.body.to_string().contains(NUMBER), "{}", clear.body);
    let change = PersonChange { role: Some(Role::Operations), ..PersonChange::default() };
    assert!(server.store.change_person(&li.login, &change, None, now()).await.unwrap().is_some());
    assert_eq!(seek().await.code(), "key_reused");
}

#[tokio::test]
async fn a_person_of_the_lenders_says_what_for_and_its_token_does_not() {
    let server = with_call().await;
    let hash = waihu_api::hash_password(PASSWORD).unwrap();
    assert!(server.store.keep_person(&person("crm", "李明", Role::Integrator), &hash).await.unwrap());
    let signed = server.post("", "/v1/session", json!({"login": "crm", "password": PASSWORD})).await;
    let cookie = signed.header("set-cookie").split(';').next().unwrap().to_owned();
    let phone = async |headers: &[(&str, &str)]| {
        server.ask("GET", "/v1/cases/case-one", "", headers, None).await.body["case"]["phone"].clone()
    };
    assert_eq!(phone(&[("cookie", cookie.as_str())]).await, "…00");
    assert_eq!(
        phone(&[("cookie", cookie.as_str()), ("x-waihu-purpose", "dispute")]).await,
        format!("+86{NUMBER}")
    );
}
