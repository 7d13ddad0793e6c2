//! Each route of the description is asked by every role and by nobody: who is let through is what README.md says.
use std::collections::BTreeMap;

use crate::common::{case, server};
use serde_json::json;
use waihu_api::{Asks, ROUTES, Scope, openapi, scopes};
use waihu_store::Role;

const README: &str = include_str!("../../README.md");

/// The rows of the README's table whose first heading is this one.
fn table(first: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|c| c.trim().trim_matches('`').to_owned()).collect()
    };
    let lines = README.lines().skip_while(|l| !l.starts_with(&format!("| {first} |")));
    lines.take_while(|l| l.starts_with('|')).filter(|l| !l.starts_with("|---")).map(cells).collect()
}

#[test]
fn the_readme_has_the_table_of_scopes() {
    let mut rows = table("scope").into_iter();
    let roles: Vec<Role> = rows.next().unwrap()[1..6].iter().map(|r| r.parse().unwrap()).collect();
    let mut known = Vec::new();
    for row in rows {
        let scope = Scope::ALL.into_iter().find(|s| s.label() == row[0]).unwrap();
        known.push(scope);
        for (role, cell) in roles.iter().zip(&row[1..]) {
            assert_eq!(scopes(*role).contains(&scope), cell == "yes", "{} of {role}", row[0]);
        }
    }
    assert_eq!((roles.len(), known), (Role::ALL.len(), Scope::ALL.to_vec()));
}

#[test]
fn the_readme_has_the_table_of_routes() {
    let rows: Vec<Vec<String>> = table("route").into_iter().skip(1).map(|row| row[..2].to_vec()).collect();
    let asked = |asks: Asks| match asks {
        Asks::Nothing => "nothing".to_owned(),
        Asks::Anybody => "anybody".to_owned(),
        Asks::Scope(scope) => scope.label().to_owned(),
    };
    let ours: Vec<Vec<String>> = ROUTES.iter().map(|(m, p, a)| vec![format!("{m} {p}"), asked(*a)]).collect();
    assert_eq!(rows, ours);
}

#[tokio::test]
async fn every_route_lets_through_those_of_the_table_and_nobody_else() {
    let server = server().await;
    let mut tokens = BTreeMap::new();
    for role in Role::ALL {
        tokens.insert(role, server.token(role).await);
    }
    let api = openapi();
    let mut walked = 0;
    for (path, item) in api["paths"].as_object().unwrap() {
        // Any id will do: who is not let through does not get as far.
        let part = |part: &str| if part.starts_with('{') { "x".to_owned() } else { part.to_owned() };
        let mut at = path.split('/').map(part).collect::<Vec<_>>().join("/");
        if at == "/v1/events" {
            at += "?kinds=none-such";
        }
        for method in item.as_object().unwrap().keys().map(|m| m.to_uppercase()) {
            let asks = &ROUTES.iter().find(|(m, p, _)| *m == method && p == path).unwrap().2;
            let body = (method != "GET").then(|| json!({}));
            for token in ["", "whu_0000", &format!("whu_{}", "0".repeat(64))] {
                let answer = server.ask(&method, &at, token, &[], body.clone()).await;
                assert_eq!(answer.status == 401, *asks != Asks::Nothing, "{method} {path} without a token");
            }
            for (role, token) in &tokens {
                let answer = server.ask(&method, &at, token, &[], body.clone()).await;
                let may = match asks {
                    Asks::Nothing | Asks::Anybody => true,
                    Asks::Scope(scope) => scope.is_of(*role),
                };
                assert_eq!(answer.status != 403, may, "{method} {path} by {role}: {}", answer.status);
                assert_ne!(answer.status, 401, "{method} {path} by {role}");
                assert_ne!(answer.status, 500, "{method} {path} by {role}");
            }
            walked += 1;
        }
    }
    assert_eq!(walked, ROUTES.len() - 1, "all but the description itself");
}

#[tokio::test]
async fn an_agent_reads_of_cases_and_calls_what_the_desk_shows_alone() {
    let server = server().await;
    let integrator = server.token(Role::Integrator).await;
    assert_eq!(server.post(&integrator, "/v1/cases", case("C1")).await.status, 200);
    let agent = server.token(Role::Agent).await;
    for path in [
        "/v1/cases",
        "/v1/cases/C1",
        "/v1/cases/C1/decisions",
        "/v1/cases/C1/queue",
        "/v1/attempts",
        "/v1/outcomes",
        "/v1/outcomes?case=C1",
        "/v1/promises",
        "/v1/promises/a-1",
        "/v1/results",
        "/v1/results/costs",
        "/v1/board",
        "/v1/quality",
        "/v1/do-not-call",
        "/v1/events",
    ] {
        let answer = server.get(&agent, path).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (403, "forbidden"), "{path}");
    }
    assert_eq!(server.post(&agent, "/v1/search", json!({})).await.status, 403);
    assert_eq!(server.get(&agent, "/v1/campaigns").await.status, 200);
}

#[tokio::test]
async fn a_token_that_has_ended_or_was_revoked_opens_nothing() {
    let server = server().await;
    let token = server.token(Role::Admin).await;
    assert_eq!(server.get(&token, "/v1/cases").await.status, 200);
    let name = server.store.tokens().await.unwrap()[0].name.clone();
    server.store.revoke_token(&name, crate::common::now()).await.unwrap();
    assert_eq!(server.get(&token, "/v1/cases").await.status, 401);

    let text = waihu_api::TokenText::new().unwrap();
    let ended = waihu_store::StoredToken {
        name: "ended".to_owned(),
        role: Role::Admin,
        person: "x".to_owned(),
        made_at: crate::common::now(),
        expires_at: Some(crate::common::now()),
        revoked_at: None,
    };
    server.store.keep_token(&ended, &text.digest()).await.unwrap();
    let answer = server.get(text.reveal(), "/v1/cases").await;
    assert_eq!((answer.status.as_u16(), answer.code()), (401, "unauthenticated"));
    assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"waihu\"");
    assert_eq!(answer.header("content-type"), "application/problem+json");
}
