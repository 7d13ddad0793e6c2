//! Second factors: set up, asked for at the door and before what weighs most, good once; roles that must have one; first
//! passwords that are changed before anything else.
use crate::{
    common::{Answer, Server, now, person, server, server_as},
    people_sign_in_and_out::begun,
};
use ring::hmac;
use serde_json::{Value, json};
use waihu_api::{Asks, FirstPasswords, ROUTES, State};
use waihu_store::{ChosenBy, Role, SignInWay};

const PASSWORD: &str = "eight words are a good one";
const OTHER: &str = "lamps at noon by eight";
/// `12345678901234567890`.
const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// The code of a step of time, worked out apart from the program.
fn code(secret: &str, step: i64) -> String {
    let value = |letter: u8| if letter.is_ascii_digit() { letter - b'2' + 26 } else { letter - b'A' };
    let bits: String = secret.bytes().map(|letter| format!("{:05b}", value(letter))).collect();
    let byte = |n: usize| u8::from_str_radix(&bits[8 * n..8 * n + 8], 2).unwrap();
    let key: Vec<u8> = (0..bits.len() / 8).map(byte).collect();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[19] & 15);
    let number = u32::from_be_bytes(tag[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// The step of time that it is. The next one's code is taken as well, whenever this one ends.
fn step() -> i64 {
    now().unix_millis() / 30_000
}

/// The first of some codes that is none of the steps about now.
fn none_of_now(mut codes: impl Iterator<Item = String>) -> String {
    let right: Vec<String> = (step() - 2..=step() + 3).map(|step| code(SECRET, step)).collect();
    codes.find(|code| !right.contains(code)).unwrap()
}

fn wrong() -> String {
    none_of_now((0..).map(|n| format!("{n:06}")))
}

/// A server where 李明 may sign in with a password of their own.
async fn with(role: Role, change: impl FnOnce(State) -> State) -> Server {
    let server = server_as(change).await;
    let person = person("li", "李明", role);
    let hash = waihu_api::hash_password(PASSWORD).unwrap();
    assert!(server.store.keep_person(&person, &hash).await.unwrap());
    assert!(
        server.store.set_password(&person.login, (hash.as_str(), ChosenBy::Themselves), now()).await.unwrap(),
        "it is their own"
    );
    server
}

/// Has 李明 have a second factor, whose codes are those of [`SECRET`].
async fn enrol(server: &Server) {
    let li: waihu_store::Login = "li".parse().unwrap();
    assert!(server.store.offer_second_factor(&li, SECRET).await.unwrap());
    let factor = server.store.second_factor(&li).await.unwrap().unwrap();
    assert!(server.store.take_code(&li, &factor, 1, now()).await.unwrap());
}

async fn signs_in(server: &Server, body: Value) -> Answer {
    server.post("", "/v1/session", body).await
}

fn by(password: &str, code: Option<&str>) -> Value {
    match code {
        Some(code) => json!({"login": "li", "password": password, "code": code}),
        None => json!({"login": "li", "password": password}),
    }
}

/// A session, as a browser has it.
struct Browser {
    cookie: String,
    csrf: String,
}

impl Browser {
    fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 201, "{}", answer.body);
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        Self { cookie, csrf: answer.body["csrf"].as_str().unwrap().to_owned() }
    }

    /// One that was begun by the store, so long ago [s], and used just now.
    async fn begun(server: &Server, way: SignInWay, ago: i64) -> Self {
        let (cookie, csrf) = begun(server, way, ago).await;
        Self { cookie, csrf }
    }

    async fn ask(&self, server: &Server, method: &str, path: &str, body: Option<Value>) -> Answer {
        let headers =
            [("cookie", self.cookie.as_str()), ("x-waihu-csrf", self.csrf.as_str()), ("if-match", "*")];
        server.ask(method, path, "", &headers, body).await
    }

    async fn is_in(&self, server: &Server) -> bool {
        self.ask(server, "GET", "/v1/session", None).await.status == 200
    }
}

fn told(answer: &Answer) -> (u16, &str, Option<&str>) {
    (answer.status.as_u16(), answer.code(), answer.body["field"].as_str())
}

#[tokio::test]
async fn a_code_is_wanted_of_who_has_the_password_and_opens_once() {
    let server = with(Role::Operations, |state| state).await;
    enrol(&server).await;
    let answer = signs_in(&server, by(PASSWORD, None)).await;
    assert_eq!(told(&answer), (403, "code_wanted", Some("code")));
    assert_eq!(answer.header("set-cookie"), "");

    let late = none_of_now((1..).map(|n| code(SECRET, step() - 2 - n)));
    let early = none_of_now((1..).map(|n| code(SECRET, step() + 2 + n)));
    for odd in [wrong(), late, early] {
        let answer = signs_in(&server, by(PASSWORD, Some(&odd))).await;
        assert_eq!(told(&answer), (401, "unauthenticated", Some("code")), "{odd}");
        assert_eq!(answer.header("set-cookie"), "");
    }

    // With a wrong password nothing tells of a code, and a right one is not used up.
    let now = step();
    let right = code(SECRET, now);
    let answer = signs_in(&server, by(OTHER, Some(&right))).await;
    let nobody =
        signs_in(&server, json!({"login": "nobody", "password": OTHER, "code": right.as_str()})).await;
    assert_eq!(told(&answer), (401, "unauthenticated", None));
    assert_eq!(answer.body, nobody.body);
    let entered = signs_in(&server, by(PASSWORD, Some(&format!("{} {}", &right[..3], &right[3..])))).await;
    assert_eq!(entered.status, 201, "{}", entered.body);
    assert_eq!((&entered.body["second_factor"], &entered.body["owed"]), (&json!(true), &Value::Null));

    let again = signs_in(&server, by(PASSWORD, Some(&right))).await;
    assert_eq!(told(&again), (401, "unauthenticated", Some("code")), "whoever saw it has no use for it");
    let next = signs_in(&server, by(PASSWORD, Some(&code(SECRET, now + 1)))).await;
    assert_eq!(next.status, 201);
    let before = signs_in(&server, by(PASSWORD, Some(&right))).await;
    assert_eq!(before.status, 401, "one of before the last one");

    let rows = server.store.audit(0, 99).await.unwrap();
    assert!(rows.iter().all(|row| row.act == "POST /v1/session" && row.person == "李明"));
    let statuses: Vec<_> = rows.iter().map(|row| row.status.unwrap()).collect();
    assert_eq!(statuses, [403, 401, 401, 401, 401, 201, 401, 201, 401]);
}

#[tokio::test]
async fn wrong_codes_lock_the_door_as_wrong_passwords_do() {
    let server = with(Role::Operations, |state| state).await;
    enrol(&server).await;
    for _ in 0..2 {
        assert_eq!(signs_in(&server, by(OTHER, None)).await.status, 401);
    }
    for _ in 0..3 {
        let answer = signs_in(&server, by(PASSWORD, Some(&wrong()))).await;
        assert_eq!(told(&answer), (401, "unauthenticated", Some("code")));
    }
    // Not even that a code is wanted is told from now on.
    let right = code(SECRET, step());
    for code in [None, Some(right.as_str())] {
        let answer = signs_in(&server, by(PASSWORD, code)).await;
        assert_eq!(told(&answer), (401, "unauthenticated", None));
    }
    let hash = waihu_api::hash_password(PASSWORD).unwrap();
    let li: waihu_store::Login = "li".parse().unwrap();
    assert!(server.store.set_password(&li, (hash.as_str(), ChosenBy::Themselves), now()).await.unwrap());
    assert_eq!(signs_in(&server, by(PASSWORD, Some(&right))).await.status, 201);
}

#[tokio::test]
async fn one_sets_up_a_second_factor_by_showing_a_code_of_it() {
    let server = with(Role::Operations, |state| state).await;
    let mine = Browser::of(&signs_in(&server, by(PASSWORD, None)).await);
    let other = Browser::of(&signs_in(&server, by(PASSWORD, None)).await);
    let path = "/v1/session/second-factor";
    let give = |code: &str| Some(json!({"code": code}));
    assert_eq!(told(&mine.ask(&server, "POST", path, give("123456")).await).0, 409, "there is no secret");

    let first = mine.ask(&server, "PUT", path, None).await.body;
    let offered = mine.ask(&server, "PUT", path, None).await;
    assert_eq!(offered.status, 200, "{}", offered.body);
    let secret = offered.body["secret"].as_str().unwrap();
    let uri =
        format!("otpauth://totp/waihu:li?secret={secret}&issuer=waihu&algorithm=SHA1&digits=6&period=30");
    assert_eq!(offered.body["uri"].as_str(), Some(uri.as_str()));
    assert!(secret.len() == 32 && first["secret"].as_str() != Some(secret));
    // It counts from its first code on.
    assert_eq!(signs_in(&server, by(PASSWORD, None)).await.status, 201);
    let now = step();
    let old = code(first["secret"].as_str().unwrap(), now);
    assert_eq!(told(&mine.ask(&server, "POST", path, give(&old)).await), (422, "invalid", Some("code")));
    let counts = mine.ask(&server, "POST", path, give(&code(secret, now))).await;
    assert_eq!((counts.status.as_u16(), &counts.body["second_factor"]), (200, &json!(true)));
    assert!(mine.is_in(&server).await && !other.is_in(&server).await, "others are signed out");
    assert_eq!(signs_in(&server, by(PASSWORD, None)).await.code(), "code_wanted");
    assert_eq!(signs_in(&server, by(PASSWORD, Some(&code(secret, now)))).await.status, 401, "it was shown");
    assert_eq!(signs_in(&server, by(PASSWORD, Some(&code(secret, now + 1)))).await.status, 201);
    for method in ["PUT", "POST"] {
        assert_eq!(mine.ask(&server, method, path, give("123456")).await.status, 409, "{method}");
    }

    // It is shown to its owner, once, and to nobody else.
    let admin = server.token(Role::Admin).await;
    let people = server.get(&admin, "/v1/people").await.body;
    assert!(people["items"][0]["second_factor_at"].is_string(), "{people}");
    let rows = format!("{:?}", server.store.audit(0, 99).await.unwrap());
    assert!(!people.to_string().contains(secret) && !rows.contains(secret));
    assert_eq!(server.ask("PUT", path, &admin, &[], None).await.status, 409, "a token has none");
}

#[tokio::test]
async fn it_is_switched_off_by_who_has_signed_in_lately_and_has_a_code() {
    let server = with(Role::Operations, |state| state).await;
    let path = "/v1/session/second-factor/remove";
    let give = |code: &str| Some(json!({"code": code}));
    let none = Browser::of(&signs_in(&server, by(PASSWORD, None)).await);
    assert_eq!(none.ask(&server, "POST", path, give("123456")).await.status, 409);
    enrol(&server).await;
    let now = step();
    let right = code(SECRET, now);
    let mine = Browser::of(&signs_in(&server, by(PASSWORD, Some(&right))).await);
    let stale = Browser::begun(&server, SignInWay::Password, 15 * 60).await;
    let next = code(SECRET, now + 1);
    assert_eq!(stale.ask(&server, "POST", path, give(&next)).await.code(), "sign_in_again");
    let offer = stale.ask(&server, "PUT", "/v1/session/second-factor", None).await;
    assert_eq!(offer.code(), "sign_in_again", "nobody binds a telephone of theirs to a page left alone");
    for odd in [wrong(), right] {
        let answer = mine.ask(&server, "POST", path, give(&odd)).await;
        assert_eq!(told(&answer), (401, "unauthenticated", Some("code")));
    }
    let off = mine.ask(&server, "POST", path, give(&next)).await;
    assert_eq!((off.status.as_u16(), &off.body["second_factor"]), (200, &json!(false)), "{}", off.body);
    assert!(mine.is_in(&server).await && !stale.is_in(&server).await && !none.is_in(&server).await);
    assert_eq!(signs_in(&server, by(PASSWORD, None)).await.status, 201);
}

#[tokio::test]
async fn another_password_is_taken_with_a_code() {
    let server = with(Role::Operations, |state| state).await;
    enrol(&server).await;
    let mine = Browser::begun(&server, SignInWay::Password, 60).await;
    let change = async |code: Option<&str>, new: &str| {
        let mut body = json!({"password": PASSWORD, "new": new});
        if let Some(code) = code {
            body["code"] = json!(code);
        }
        mine.ask(&server, "PUT", "/v1/session/password", Some(body)).await
    };
    let right = code(SECRET, step());
    assert_eq!(told(&change(None, OTHER).await), (403, "code_wanted", Some("code")));
    assert_eq!(told(&change(Some(&wrong()), OTHER).await), (401, "unauthenticated", Some("code")));
    // What is no password uses no code up.
    assert_eq!(told(&change(Some(&right), "password1234").await), (422, "invalid", Some("new")));
    assert_eq!(change(Some(&right), OTHER).await.status, 201);
}

#[tokio::test]
async fn a_role_that_must_have_one_does_nothing_before() {
    let must = |state: State| State { second_factor: vec![Role::Admin, Role::Compliance], ..state };
    let server = with(Role::Admin, must).await;
    let entered = signs_in(&server, by(PASSWORD, None)).await;
    assert_eq!(entered.body["owed"], json!("second_factor"));
    let mine = Browser::of(&entered);
    let lets = [
        ("GET", "/v1/session"),
        ("DELETE", "/v1/session"),
        ("PUT", "/v1/session/second-factor"),
        ("POST", "/v1/session/second-factor"),
    ];
    let mut walked = 0;
    for (method, path, asks) in ROUTES {
        let may = match asks {
            Asks::Nothing => false,
            Asks::Anybody => true,
            Asks::Scope(scope) => scope.is_of(Role::Admin),
        };
        if !may || lets.contains(&(*method, *path)) {
            continue;
        }
        let part = |part: &str| if part.starts_with('{') { "x".to_owned() } else { part.to_owned() };
        let at = path.split('/').map(part).collect::<Vec<_>>().join("/");
        let answer = mine.ask(&server, method, &at, (*method != "GET").then(|| json!({}))).await;
        assert_eq!(told(&answer), (403, "second_factor_needed", None), "{method} {path}");
        walked += 1;
    }
    assert!(walked > 20, "only {walked} routes were asked");

    // Who signs in at a provider is asked there, a program is asked for nothing, and others need none.
    let vouched = Browser::begun(&server, SignInWay::Provider, 60).await;
    assert_eq!(vouched.ask(&server, "GET", "/v1/people", None).await.status, 200);
    let token = server.token(Role::Admin).await;
    assert_eq!(server.get(&token, "/v1/people").await.status, 200);
    let hash = waihu_api::hash_password(PASSWORD).unwrap();
    assert!(server.store.keep_person(&person("wang", "王芳", Role::Operations), &hash).await.unwrap());
    let wang = signs_in(&server, json!({"login": "wang", "password": PASSWORD})).await;
    assert_eq!((wang.status.as_u16(), &wang.body["owed"]), (201, &Value::Null));

    let offered = mine.ask(&server, "PUT", "/v1/session/second-factor", None).await.body;
    let right = code(offered["secret"].as_str().unwrap(), step());
    let counts = mine.ask(&server, "POST", "/v1/session/second-factor", Some(json!({"code": right}))).await;
    assert_eq!((counts.status.as_u16(), &counts.body["owed"]), (200, &Value::Null));
    assert_eq!(mine.ask(&server, "GET", "/v1/people", None).await.status, 200);
}

#[tokio::test]
async fn an_admin_takes_the_second_factor_of_a_lost_telephone_away() {
    let server = with(Role::Admin, |state| state).await;
    enrol(&server).await;
    let mine = Browser::begun(&server, SignInWay::Password, 60).await;
    let away = || Some(json!({"second_factor": false}));
    let own = mine.ask(&server, "PATCH", "/v1/people/li", away()).await;
    assert_eq!(told(&own), (403, "forbidden", Some("second_factor")), "one's own wants a code");
    let admin = server.token(Role::Admin).await;
    let change = async |body: Option<Value>| {
        server.ask("PATCH", "/v1/people/li", &admin, &[("if-match", "*")], body).await
    };
    assert_eq!(change(Some(json!({"second_factor": true}))).await.status, 422, "it is set up by its owner");
    let since = server.store.audit(0, 99).await.unwrap().len();
    let done = change(away()).await;
    assert_eq!((done.status.as_u16(), &done.body["person"]["second_factor_at"]), (200, &Value::Null));
    assert!(!mine.is_in(&server).await, "whoever has the telephone may have been in");
    let rows = server.store.audit(0, 99).await.unwrap().split_off(since);
    let acts: Vec<_> = rows.iter().map(|row| (row.act.as_str(), row.status)).collect();
    assert_eq!(acts, [("PATCH /v1/people/li", Some(200)), ("person second-factor li", Some(200))]);
    assert_eq!(change(away()).await.status, 409, "there is none");
    assert_eq!(signs_in(&server, by(PASSWORD, None)).await.status, 201);
}

#[tokio::test]
async fn a_password_that_somebody_else_chose_is_changed_first() {
    let server = with(Role::Operations, |state| State {
        first_passwords: FirstPasswords::Change,
        second_factor: vec![Role::Operations],
        ..state
    })
    .await;
    let admin = server.token(Role::Admin).await;
    let new = json!({"login": "wang", "name": "王芳", "role": "operations", "password": PASSWORD});
    assert_eq!(server.post(&admin, "/v1/people", new).await.status, 201);
    let entered = signs_in(&server, json!({"login": "wang", "password": PASSWORD})).await;
    assert_eq!(entered.body["owed"], json!("password"));
    let first = Browser::of(&entered);
    assert!(first.is_in(&server).await);
    for (method, path) in [
        ("GET", "/v1/cases"),
        ("GET", "/v1/session/others"),
        ("PUT", "/v1/session/second-factor"),
        ("POST", "/v1/campaigns"),
    ] {
        let answer = first.ask(&server, method, path, (method != "GET").then(|| json!({}))).await;
        assert_eq!(told(&answer), (403, "password_to_be_changed", None), "{method} {path}");
    }
    let change = async |browser: &Browser, password: &str, new: &str| {
        let body = json!({"password": password, "new": new});
        browser.ask(&server, "PUT", "/v1/session/password", Some(body)).await
    };
    assert_eq!(told(&change(&first, PASSWORD, PASSWORD).await), (422, "invalid", Some("new")));
    let changed = change(&first, PASSWORD, OTHER).await;
    assert_eq!(changed.body["owed"], json!("second_factor"), "one after the other");
    assert_eq!(
        Browser::of(&changed).ask(&server, "GET", "/v1/cases", None).await.code(),
        "second_factor_needed"
    );
    let again = signs_in(&server, json!({"login": "wang", "password": OTHER})).await;
    assert_eq!(again.body["owed"], json!("second_factor"));

    // Given another one by somebody else, they are asked again.
    let given = json!({"password": PASSWORD});
    let done = server.ask("PATCH", "/v1/people/wang", &admin, &[("if-match", "*")], Some(given)).await;
    assert_eq!(done.status, 200);
    let entered = signs_in(&server, json!({"login": "wang", "password": PASSWORD})).await;
    assert_eq!(entered.body["owed"], json!("password"));
    let out = Browser::of(&entered).ask(&server, "DELETE", "/v1/session", None).await;
    assert_eq!(out.status, 204, "one may leave");
}

#[tokio::test]
async fn a_password_of_ones_own_stays_and_so_does_a_first_one_where_nothing_is_said() {
    let server = with(Role::Admin, |state| State { first_passwords: FirstPasswords::Change, ..state }).await;
    let entered = signs_in(&server, by(PASSWORD, None)).await;
    assert_eq!(entered.body["owed"], Value::Null);
    let mine = Browser::of(&entered);
    let own = mine.ask(&server, "PATCH", "/v1/people/li", Some(json!({"password": OTHER}))).await;
    assert_eq!(own.status, 200, "{}", own.body);
    assert_eq!(signs_in(&server, by(OTHER, None)).await.body["owed"], Value::Null);

    let lax = self::server().await;
    let admin = lax.token(Role::Admin).await;
    let new = json!({"login": "li", "name": "李明", "role": "agent", "password": PASSWORD});
    assert_eq!(lax.post(&admin, "/v1/people", new).await.status, 201);
    let entered = signs_in(&lax, by(PASSWORD, None)).await;
    assert_eq!((entered.status.as_u16(), &entered.body["owed"]), (201, &Value::Null));
}
