//! Signing in: cookies, sessions that end, doors that lock, changes from other pages.
use std::time::{Duration, Instant};

use crate::common::{Answer, Server, now, person, server};
use serde_json::{Value, json};
use waihu_store::{ChosenBy, Role, SignInWay};

const PASSWORD: &str = "eight words are a good one";

async fn with(role: Role) -> Server {
    let server = server().await;
    let person = person("li", "李明", role);
    let hash = waihu_api::hash_password(PASSWORD).unwrap();
    assert!(server.store.keep_person(&person, &hash).await.unwrap());
    server
}

async fn signs_in(server: &Server, login: &str, password: &str) -> Answer {
    server.post("", "/v1/session", json!({"login": login, "password": password})).await
}

/// The cookie as a browser sends it back, and what changes need with it.
async fn signed_in(server: &Server) -> (String, String) {
    let answer = signs_in(server, "LI", PASSWORD).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let set = answer.header("set-cookie");
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict"), "{set}");
    (set.split(';').next().unwrap().to_owned(), answer.body["csrf"].as_str().unwrap().to_owned())
}

async fn by_cookie(
    server: &Server,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: Option<Value>,
) -> Answer {
    server.ask(method, path, "", headers, body).await
}

#[tokio::test]
async fn who_signed_in_may_what_the_role_may() {
    let server = with(Role::Compliance).await;
    let (cookie, csrf) = signed_in(&server).await;
    let told = by_cookie(&server, ("GET", "/v1/session"), &[("cookie", &cookie)], None).await;
    assert_eq!((&told.body["login"], &told.body["role"]), (&json!("li"), &json!("compliance")));
    assert_eq!(told.body["csrf"], json!(csrf));
    assert_eq!(by_cookie(&server, ("GET", "/v1/cases"), &[("cookie", &cookie)], None).await.status, 200);
    let people = by_cookie(&server, ("GET", "/v1/people"), &[("cookie", &cookie)], None).await;
    assert_eq!((people.status.as_u16(), people.code()), (403, "forbidden"));

    let entry = json!({"number": "+8613800138000", "reason": "asked"});
    let headers = [("cookie", cookie.as_str()), ("x-waihu-csrf", csrf.as_str())];
    let entered = by_cookie(&server, ("POST", "/v1/do-not-call"), &headers, Some(entry)).await;
    assert_eq!(entered.status, 201);
    let rows = server.store.audit(0, 10).await.unwrap();
    let acts: Vec<_> = rows.iter().map(|r| (r.act.as_str(), r.person.as_str(), r.status)).collect();
    let expected = [("POST /v1/session", 201), ("GET /v1/cases: 0 rows", 200), ("POST /v1/do-not-call", 201)];
    assert_eq!(acts, expected.map(|(act, status)| (act, "李明", Some(status))));
}

#[tokio::test]
async fn a_change_that_another_page_sends_is_refused() {
    let server = with(Role::Compliance).await;
    let (cookie, csrf) = signed_in(&server).await;
    let other = signed_in(&server).await.1;
    let wrong = "0".repeat(csrf.len());
    for csrf in ["", wrong.as_str(), other.as_str()] {
        let headers = [("cookie", cookie.as_str()), ("x-waihu-csrf", csrf)];
        let body = json!({"number": "+8613800138000", "reason": "x"});
        let answer = by_cookie(&server, ("POST", "/v1/do-not-call"), &headers, Some(body)).await;
        assert_eq!((answer.status.as_u16(), answer.body["field"].as_str()), (403, Some("X-Waihu-Csrf")));
    }
    assert!(server.store.do_not_call_page(0, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_cookie_opens_nothing_once_its_session_has_ended() {
    let server = with(Role::Agent).await;
    let (cookie, csrf) = signed_in(&server).await;
    let read = async || by_cookie(&server, ("GET", "/v1/session"), &[("cookie", &cookie)], None).await.status;
    assert_eq!(read().await, 200);
    let headers = [("cookie", cookie.as_str()), ("x-waihu-csrf", csrf.as_str())];
    let out = by_cookie(&server, ("DELETE", "/v1/session"), &headers, None).await;
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(read().await, 401, "whoever kept a copy of it is out too");

    let (cookie, _) = signed_in(&server).await;
    let read = async || by_cookie(&server, ("GET", "/v1/session"), &[("cookie", &cookie)], None).await.status;
    assert!(server.store.disable_person(&"li".parse().unwrap(), now()).await.unwrap().is_some());
    assert_eq!(read().await, 401);
    assert_eq!(signs_in(&server, "li", PASSWORD).await.status, 401);
}

#[tokio::test]
async fn a_session_runs_out_by_itself() {
    let server = with(Role::Agent).await;
    let login: waihu_store::Login = "li".parse().unwrap();
    let read = async |token: &waihu_api::TokenText| {
        let cookie = format!("waihu={}", token.reveal());
        by_cookie(&server, ("GET", "/v1/session"), &[("cookie", &cookie)], None).await.status.as_u16()
    };
    let ago = |s: u64| waihu_types::WallTime::from_unix_millis(now().unix_millis() - s as i64 * 1_000);
    for (made, seen, ends, status) in
        [(3_600, 1_700, 60, 200), (3_600, 1_801, 60, 401), (43_200, 10, -1, 401)]
    {
        let token = waihu_api::TokenText::new().unwrap();
        let ends_at = waihu_types::WallTime::from_unix_millis(now().unix_millis() + ends * 1_000);
        server
            .store
            .begin_session(&token.digest(), (&login, SignInWay::Password), ago(made), ends_at)
            .await
            .unwrap();
        server.store.session_seen(&token.digest(), ago(seen)).await.unwrap();
        assert_eq!(read(&token).await, status, "{made} {seen} {ends}");
    }
}

/// A session that was begun so long ago [s], and used just now: its cookie, and what changes need with it.
pub async fn begun(server: &Server, way: SignInWay, ago: i64) -> (String, String) {
    let at = |s: i64| waihu_types::WallTime::from_unix_millis(now().unix_millis() + s * 1_000);
    let token = waihu_api::TokenText::new().unwrap();
    let login: waihu_store::Login = "li".parse().unwrap();
    server.store.begin_session(&token.digest(), (&login, way), at(-ago), at(3_600)).await.unwrap();
    server.store.session_seen(&token.digest(), now()).await.unwrap();
    let cookie = format!("waihu={}", token.reveal());
    let told = by_cookie(server, ("GET", "/v1/session"), &[("cookie", &cookie)], None).await;
    (cookie, told.body["csrf"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn what_weighs_most_is_done_by_who_has_signed_in_lately() {
    let server = with(Role::Compliance).await;
    let number = "+8613800138000";
    let lifts = async |(cookie, csrf): &(String, String)| {
        let headers = [("cookie", cookie.as_str()), ("x-waihu-csrf", csrf.as_str())];
        let body = json!({"number": number, "why": "they asked"});
        by_cookie(&server, ("POST", "/v1/do-not-call/lift"), &headers, Some(body)).await
    };
    let fresh = begun(&server, SignInWay::Password, 14 * 60).await;
    let stale = begun(&server, SignInWay::Password, 15 * 60).await;
    let headers = [("cookie", stale.0.as_str()), ("x-waihu-csrf", stale.1.as_str())];
    let entry = json!({"number": number, "reason": "asked"});
    let entered = by_cookie(&server, ("POST", "/v1/do-not-call"), &headers, Some(entry)).await;
    assert_eq!(entered.status, 201, "what weighs less is done");
    let refused = lifts(&stale).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (403, "sign_in_again"));
    let erase = json!({"debtor": "D-7", "confirm": "D-7", "reason": "wish"});
    let refused = by_cookie(&server, ("POST", "/v1/debtors/erase"), &headers, Some(erase.clone())).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (403, "sign_in_again"));
    // Who may not at all is told that, however long ago they have signed in.
    let change = json!({"disabled": true});
    let may_not = by_cookie(&server, ("PATCH", "/v1/people/li"), &headers, Some(change)).await;
    assert_eq!((may_not.status.as_u16(), may_not.code()), (403, "forbidden"));
    assert!(!server.store.forbidden(&number.parse().unwrap()).await.unwrap().is_empty());

    assert_eq!(lifts(&fresh).await.status, 200);
    let token = server.token(Role::Compliance).await;
    let by_token = server.post(&token, "/v1/debtors/erase", erase).await;
    assert_eq!(by_token.status, 404, "a program signs in never");

    // Signing in once more, the session before is over.
    let again = json!({"login": "li", "password": PASSWORD});
    let signed = by_cookie(&server, ("POST", "/v1/session"), &[("cookie", &stale.0)], Some(again)).await;
    assert_eq!(signed.status, 201);
    let cookie = signed.header("set-cookie").split(';').next().unwrap().to_owned();
    let csrf = signed.body["csrf"].as_str().unwrap().to_owned();
    assert_eq!(lifts(&(cookie, csrf)).await.status, 200);
    let old = by_cookie(&server, ("GET", "/v1/session"), &[("cookie", &stale.0)], None).await;
    assert_eq!(old.status, 401);
    let other = by_cookie(&server, ("GET", "/v1/session"), &[("cookie", &fresh.0)], None).await;
    assert_eq!(other.status, 200, "other browsers keep theirs");
}

#[tokio::test]
async fn five_wrong_passwords_lock_the_door_and_nobody_is_told_which_it_was() {
    let server = with(Role::Agent).await;
    let mut told = Vec::new();
    for _ in 0..5 {
        let answer = signs_in(&server, "li", "not the password at all").await;
        told.push((answer.status, answer.body["detail"].clone()));
    }
    for (login, password) in [("li", PASSWORD), ("nobody", PASSWORD), ("李", PASSWORD)] {
        let answer = signs_in(&server, login, password).await;
        told.push((answer.status, answer.body["detail"].clone()));
    }
    assert!(told.iter().all(|t| t.0 == 401 && *t == told[0]), "{told:?}");
    assert_eq!(server.store.audit(0, 99).await.unwrap().len(), 6, "of unknown logins nothing is kept");
    assert!(
        server
            .store
            .set_password(
                &"li".parse().unwrap(),
                (waihu_api::hash_password(PASSWORD).unwrap().as_str(), ChosenBy::Another),
                now()
            )
            .await
            .unwrap()
    );
    signed_in(&server).await;
}

#[tokio::test]
async fn a_refusal_is_as_late_for_whoever_is_not_there() {
    let server = with(Role::Agent).await;
    let mut took = Vec::new();
    for login in ["li", "nobody", "!"] {
        let begun = Instant::now();
        assert_eq!(signs_in(&server, login, "not the password at all").await.status, 401);
        took.push(begun.elapsed());
    }
    assert!(took.iter().all(|t| *t >= Duration::from_millis(400)), "{took:?}");
}

#[tokio::test]
async fn an_admin_adds_people_and_a_token_goes_before_a_cookie() {
    let server = with(Role::Agent).await;
    let admin = server.token(Role::Admin).await;
    let mut new = json!({"login": "Wang", "name": "王芳", "role": "agent", "password": "short",
        "skills": {"hardship": 4}, "langs": ["zh"]});
    let answer = server.post(&admin, "/v1/people", new.clone()).await;
    assert_eq!((answer.status.as_u16(), answer.body["field"].as_str()), (422, Some("password")));
    new["password"] = json!(PASSWORD);
    let answer = server.post(&admin, "/v1/people", new.clone()).await;
    assert_eq!((answer.status.as_u16(), &answer.body["login"]), (201, &json!("wang")));
    assert_eq!(server.post(&admin, "/v1/people", new).await.status, 409);
    let listed = server.get(&admin, "/v1/people").await.body;
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert!(!listed.to_string().contains("argon2"));
    assert_eq!(signs_in(&server, "wang", PASSWORD).await.status, 201);

    let (cookie, _) = signed_in(&server).await;
    let answer = server.ask("GET", "/v1/session", &admin, &[("cookie", &cookie)], None).await;
    assert_eq!((&answer.body["role"], &answer.body["csrf"]), (&json!("admin"), &Value::Null));
    let changed = server
        .ask("PATCH", "/v1/people/wang", &admin, &[("if-match", "*")], Some(json!({"disabled": true})))
        .await;
    assert_eq!(changed.status, 200);
    assert!(changed.body["person"]["disabled_at"].is_string(), "{}", changed.body);
    assert_eq!(signs_in(&server, "wang", PASSWORD).await.status, 401);
}

async fn changes(server: &Server, token: &str, (login, tag): (&str, &str), body: Value) -> Answer {
    server.ask("PATCH", &format!("/v1/people/{login}"), token, &[("if-match", tag)], Some(body)).await
}

/// What was written down since so many rows.
async fn written(server: &Server, since: usize) -> Vec<(String, Option<i64>)> {
    let rows = server.store.audit(0, 99).await.unwrap().split_off(since);
    rows.into_iter().map(|row| (row.act, row.status)).collect()
}

#[tokio::test]
async fn a_person_is_changed_as_they_were_read_and_nothing_personal_is_written_down() {
    let server = with(Role::Agent).await;
    let admin = server.token(Role::Admin).await;
    let (cookie, _) = signed_in(&server).await;
    let listed = server.get(&admin, "/v1/people").await.body["items"][0].clone();
    let tag = format!("\"{}\"", listed["revision"]);
    let change = json!({"name": " 李明月 ", "skills": {"dispute": 5}, "langs": ["en"], "role": "agent"});
    let before = server.store.audit(0, 99).await.unwrap().len();
    let answer = changes(&server, &admin, ("LI", &tag), change.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let person = &answer.body["person"];
    assert_eq!((&person["name"], &person["skills"]), (&json!("李明月"), &json!({"dispute": 5})));
    assert_eq!((&person["langs"], &answer.body["revoked"]), (&json!(["en"]), &json!([])));
    assert_eq!(answer.header("etag"), format!("\"{}\"", person["revision"]));
    assert_eq!(server.get(&admin, "/v1/people").await.body["items"][0], *person);
    let read = by_cookie(&server, ("GET", "/v1/session"), &[("cookie", &cookie)], None).await;
    assert_eq!((read.status.as_u16(), &read.body["name"]), (200, &json!("李明月")), "nobody is signed out");

    let stale = changes(&server, &admin, ("li", &tag), json!({"skills": {}})).await;
    assert_eq!((stale.status.as_u16(), stale.code()), (412, "precondition_failed"));
    // What is so already is no change.
    assert_eq!(changes(&server, &admin, ("li", "*"), change).await.status, 200);
    let rows = [
        ("PATCH /v1/people/LI", 200),
        ("person change li: name, skills, languages", 200),
        ("PATCH /v1/people/li", 412),
        ("PATCH /v1/people/li", 200),
    ];
    assert_eq!(written(&server, before).await, rows.map(|(act, status)| (act.to_owned(), Some(status))));
}

#[tokio::test]
async fn what_a_person_cannot_be_is_refused_and_changes_nothing() {
    let server = with(Role::Agent).await;
    let admin = server.token(Role::Admin).await;
    for (body, field) in [
        (json!({"role": "king"}), "role"),
        (json!({"name": "  "}), "name"),
        (json!({"name": "李明月", "skills": {"dispute": 6}}), "skills"),
        (json!({"skills": {"": 3}}), "skills"),
        (json!({"langs": ["fr"]}), "langs[0]"),
        (json!({"role": "admin", "password": PASSWORD}), "disabled"),
        (json!({"langs": [], "answers": "at_once"}), "disabled"),
        (json!({"name": null}), "disabled"),
        (json!({}), "disabled"),
    ] {
        let answer = changes(&server, &admin, ("li", "*"), body).await;
        assert_eq!((answer.status.as_u16(), answer.body["field"].as_str()), (422, Some(field)));
    }
    assert_eq!(changes(&server, &admin, ("wang", "*"), json!({"role": "agent"})).await.status, 404);
    let unsaid = server.ask("PATCH", "/v1/people/li", &admin, &[], Some(json!({"role": "admin"}))).await;
    assert_eq!(unsaid.status, 428);
    let told = &server.store.people().await.unwrap()[0];
    assert_eq!((told.name.as_str(), told.role), ("李明", Role::Agent));
}

#[tokio::test]
async fn no_privilege_outlives_a_role() {
    let server = with(Role::Compliance).await;
    let admin = server.token(Role::Admin).await;
    let (cookie, _) = signed_in(&server).await;
    let old = server.token_of(Role::Compliance, "李明").await;
    let new = server.token_of(Role::Operations, "李明").await;
    let others = server.token_of(Role::Compliance, "王芳").await;
    let before = server.store.audit(0, 99).await.unwrap().len();
    let answer = changes(&server, &admin, ("li", "*"), json!({"role": "operations"})).await;
    assert_eq!((answer.status.as_u16(), &answer.body["person"]["role"]), (200, &json!("operations")));
    let revoked = answer.body["revoked"].as_array().unwrap();
    assert!(
        matches!(revoked.as_slice(), [name] if name.as_str().unwrap().starts_with("李明-")),
        "{revoked:?}"
    );
    let rows = written(&server, before).await;
    assert_eq!(rows[1].0, "person change li: role compliance to operations");
    for (token, status) in [(&old, 401), (&new, 200), (&others, 200)] {
        assert_eq!(server.get(token, "/v1/cases").await.status, status);
    }
    let read = by_cookie(&server, ("GET", "/v1/session"), &[("cookie", &cookie)], None).await;
    assert_eq!(read.status, 401);
    let (cookie, _) = signed_in(&server).await;
    let audit = by_cookie(&server, ("GET", "/v1/audit"), &[("cookie", &cookie)], None).await;
    assert_eq!(audit.status, 403, "what compliance may they may no longer");
}

#[tokio::test]
async fn who_is_shut_out_has_no_token_left() {
    let server = with(Role::Compliance).await;
    let admin = server.token(Role::Admin).await;
    let own = server.token_of(Role::Compliance, "李明").await;
    let others = server.token_of(Role::Compliance, "王芳").await;
    let answer = changes(&server, &admin, ("li", "*"), json!({"disabled": true})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["revoked"].as_array().unwrap().len(), 1, "{}", answer.body);
    for (token, status) in [(&own, 401), (&others, 200)] {
        assert_eq!(server.get(token, "/v1/cases").await.status, status);
    }
    assert_eq!(changes(&server, &admin, ("li", "*"), json!({"disabled": true})).await.status, 404);
}

#[tokio::test]
async fn nobody_gives_themselves_a_role_and_somebody_stays_an_admin() {
    let server = with(Role::Admin).await;
    let wang = person("wang", "王芳", Role::Admin);
    assert!(server.store.keep_person(&wang, "$argon2id$").await.unwrap());
    let (cookie, csrf) = signed_in(&server).await;
    let headers = [("cookie", cookie.as_str()), ("x-waihu-csrf", csrf.as_str()), ("if-match", "*")];
    let role = |role: &str| json!({"role": role});
    let own = by_cookie(&server, ("PATCH", "/v1/people/LI"), &headers, Some(role("compliance"))).await;
    assert_eq!((own.status.as_u16(), own.body["field"].as_str()), (403, Some("role")));
    for name in ["李明", "Li"] {
        let token = server.token_of(Role::Admin, name).await;
        assert_eq!(changes(&server, &token, ("li", "*"), role("compliance")).await.status, 403, "{name}");
        assert_eq!(
            changes(&server, &token, ("li", "*"), role("admin")).await.status,
            200,
            "it is so already"
        );
    }
    // Of those who are no admins nobody gives a role to anybody.
    for of in Role::ALL.into_iter().filter(|of| *of != Role::Admin) {
        let token = server.token(of).await;
        assert_eq!(changes(&server, &token, ("wang", "*"), role("agent")).await.status, 403, "{of}");
    }
    let skills =
        by_cookie(&server, ("PATCH", "/v1/people/li"), &headers, Some(json!({"skills": {"x": 1}}))).await;
    assert_eq!(skills.status, 200, "skills open nothing");

    let other = by_cookie(&server, ("PATCH", "/v1/people/wang"), &headers, Some(role("agent"))).await;
    assert_eq!(other.status, 200, "{}", other.body);
    let machine = server.token(Role::Admin).await;
    let last = changes(&server, &machine, ("li", "*"), role("agent")).await;
    assert_eq!((last.status.as_u16(), last.code()), (409, "conflict"));
    let people = server.store.people().await.unwrap();
    assert_eq!(people.iter().map(|p| p.role).collect::<Vec<_>>(), [Role::Admin, Role::Agent]);
}

#[tokio::test]
async fn a_stolen_session_is_seen_and_ended_and_another_password_ends_it_too() {
    let server = with(Role::Operations).await;
    let ((mine, csrf), (stolen, _)) = (signed_in(&server).await, signed_in(&server).await);
    let mine_with = [("cookie", mine.as_str()), ("x-waihu-csrf", csrf.as_str())];
    let others = by_cookie(&server, ("GET", "/v1/session/others"), &mine_with, None).await;
    assert_eq!(others.body.as_array().map(Vec::len), Some(1), "{}", others.body);
    assert_eq!(by_cookie(&server, ("DELETE", "/v1/session/others"), &mine_with, None).await.status, 204);
    let who = ("GET", "/v1/session");
    assert_eq!(by_cookie(&server, who, &[("cookie", &stolen)], None).await.status, 401);
    assert_eq!(by_cookie(&server, who, &mine_with, None).await.status, 200);

    let (stolen, _) = signed_in(&server).await;
    let change = async |password: &str, new: &str| {
        let body = Some(json!({"password": password, "new": new}));
        by_cookie(&server, ("PUT", "/v1/session/password"), &mine_with, body).await
    };
    assert_eq!(change("not this one", "lamps at noon by eight").await.status, 401);
    assert_eq!(change(PASSWORD, "password1234").await.status, 422);
    let changed = change(PASSWORD, "lamps at noon by eight").await;
    assert_eq!(changed.status, 201);
    let new = changed.header("set-cookie").split(';').next().unwrap().to_owned();
    for ended in [&stolen, &mine] {
        assert_eq!(by_cookie(&server, who, &[("cookie", ended)], None).await.status, 401);
    }
    assert_eq!(by_cookie(&server, who, &[("cookie", &new)], None).await.status, 200);
    assert_eq!(signs_in(&server, "li", PASSWORD).await.status, 401);
    let token = server.token(Role::Admin).await;
    assert_eq!(server.get(&token, "/v1/session/others").await.status, 409);
}
