//! Signing in at a provider: whoever it vouches for comes in as who they are here, and nobody else does.
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use crate::common::{self, Answer, Server, now, server, server_with_provider};
use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};
use waihu_api::{OpenId, Passwords, Provider};
use waihu_store::{Person, Role};

/// A provider on this machine.
struct Idp {
    url: String,
    /// The next ID token, and what was sent for it.
    token: Mutex<String>,
    asked: Mutex<String>,
    key: EncodingKey,
    point: Vec<u8>,
}

fn base64url(bytes: &[u8]) -> String {
    let text = waihu_types::base64::encode(bytes).replace('+', "-").replace('/', "_");
    text.trim_end_matches('=').to_owned()
}

impl Idp {
    async fn open() -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let idp = Arc::new(Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            token: Mutex::default(),
            asked: Mutex::default(),
            key: EncodingKey::from_ec_der(pkcs8.as_ref()),
            point: pair.public_key().as_ref().to_vec(),
        });
        let about = |State(idp): State<Arc<Self>>| async move {
            Json(json!({
                "issuer": idp.url, "authorization_endpoint": format!("{}/in", idp.url),
                "token_endpoint": format!("{}/token", idp.url), "jwks_uri": format!("{}/keys", idp.url)
            }))
        };
        let keys = |State(idp): State<Arc<Self>>| async move {
            Json(json!({"keys": [
                {"kty": "unheard-of", "kid": "0"},
                {"kty": "EC", "crv": "P-256", "kid": "1", "alg": "ES256", "use": "sig",
                    "x": base64url(&idp.point[1..33]), "y": base64url(&idp.point[33..])}
            ]}))
        };
        let token = |State(idp): State<Arc<Self>>, body: String| async move {
            *idp.asked.lock().unwrap() = body;
            let token = idp.token.lock().unwrap().clone();
            if token.is_empty() {
                return Err(StatusCode::BAD_REQUEST);
            }
            Ok(Json(json!({"token_type": "Bearer", "id_token": token})))
        };
        let app = Router::new()
            .route("/.well-known/openid-configuration", get(about))
            .route("/keys", get(keys))
            .route("/token", axum::routing::post(token))
            .with_state(Arc::clone(&idp));
        tokio::spawn(async move { axum::serve(listener, app).await });
        idp
    }

    fn provider(&self, claim: &str) -> OpenId {
        OpenId::new(Provider {
            issuer: self.url.clone(),
            client_id: "waihu".to_owned(),
            client_secret: "it is said to nobody".to_owned(),
            url: "http://127.0.0.1:8420".to_owned(),
            claim: claim.to_owned(),
        })
        .unwrap()
    }

    /// Gives out this token next.
    fn gives(&self, header: &Header, claims: &Value) {
        *self.token.lock().unwrap() = encode(header, claims, &self.key).unwrap();
    }
}

fn header() -> Header {
    Header { kid: Some("1".to_owned()), ..Header::new(Algorithm::ES256) }
}

/// A browser that was sent to the provider: its ticket, and what it was sent with.
async fn sent(server: &Server) -> (String, BTreeMap<String, String>) {
    let answer = server.get("", "/v1/session/provider").await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let set = answer.header("set-cookie");
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Max-Age=600"), "{set}");
    let to = url::Url::parse(&answer.header("location")).unwrap();
    let with = to.query_pairs().into_owned().collect();
    (set.split(';').next().unwrap().to_owned(), with)
}

async fn back(server: &Server, ticket: &str, state: &str) -> Answer {
    let path = format!("/v1/session/provider/callback?code=abc&state={state}");
    server.ask("GET", &path, "", &[("cookie", ticket)], None).await
}

async fn person(server: &Server, login: &str) -> Person {
    let person = common::person(login, "李明", Role::Operations);
    assert!(server.store.keep_person(&person, "$argon2id$none").await.unwrap());
    person
}

fn claims(idp: &Idp, nonce: &str) -> Value {
    let now = now().unix_millis() / 1_000;
    json!({"iss": idp.url, "aud": "waihu", "sub": "7", "exp": now + 300, "iat": now, "nonce": nonce,
        "preferred_username": "Li.Ming", "email": "li.ming@bank.example"})
}

#[tokio::test]
async fn who_is_vouched_for_comes_in_as_who_they_are_here() {
    let idp = Idp::open().await;
    let server = server_with_provider(idp.provider("preferred_username"), Passwords::Refused).await;
    person(&server, "li.ming").await;
    let ways = server.get("", "/v1/session/ways").await.body;
    assert_eq!(ways, json!({"password": false, "provider": idp.url}));

    let (ticket, with) = sent(&server).await;
    let asked = |key: &str| with.get(key).map(String::as_str);
    assert_eq!((asked("response_type"), asked("code_challenge_method")), (Some("code"), Some("S256")));
    assert_eq!(asked("redirect_uri"), Some("http://127.0.0.1:8420/v1/session/provider/callback"));
    idp.gives(&header(), &claims(&idp, &with["nonce"]));
    let answer = back(&server, &ticket, &with["state"]).await;
    assert_eq!((answer.status.as_u16(), answer.header("location").as_str()), (303, "/"));
    // What was sent with the code is what the challenge was made of.
    let form: BTreeMap<String, String> =
        url::form_urlencoded::parse(idp.asked.lock().unwrap().as_bytes()).into_owned().collect();
    let digest = ring::digest::digest(&ring::digest::SHA256, form["code_verifier"].as_bytes());
    assert_eq!(with["code_challenge"], base64url(digest.as_ref()));

    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|c| c.to_str().unwrap()).collect();
    let session = cookies.iter().find(|c| c.starts_with("waihu=whu_")).unwrap().split(';').next().unwrap();
    let me = server.ask("GET", "/v1/session", "", &[("cookie", session)], None).await;
    assert_eq!((&me.body["login"], &me.body["role"]), (&json!("li.ming"), &json!("operations")));
    // What is asked first of who signs in by a password is not asked of them.
    let token = waihu_api::TokenText::read(session.strip_prefix("waihu=").unwrap()).unwrap();
    let kept = server.store.session(&token.digest()).await.unwrap().unwrap();
    assert_eq!(kept.way, waihu_store::SignInWay::Provider);

    // Passwords are another way, which is closed here.
    let tried = server.post("", "/v1/session", json!({"login": "li.ming", "password": "x"})).await;
    assert_eq!(tried.status, 403);
    // A session that somebody has makes no other one by that way either.
    let headers = [("cookie", session), ("x-waihu-csrf", me.body["csrf"].as_str().unwrap())];
    let body = json!({"password": "x", "new": "eight words are a good one"});
    let changed = server.ask("PUT", "/v1/session/password", "", &headers, Some(body)).await;
    assert_eq!((changed.status.as_u16(), changed.code()), (403, "forbidden"));
}

#[tokio::test]
async fn nobody_else_comes_in() {
    let idp = Idp::open().await;
    let server = server_with_provider(idp.provider("preferred_username"), Passwords::Taken).await;
    let li = person(&server, "li.ming").await;
    let (ticket, with) = sent(&server).await;
    let (state, nonce) = (with["state"].clone(), with["nonce"].clone());
    let right = claims(&idp, &nonce);
    let with = |key: &str, value: Value| {
        let mut claims = right.clone();
        claims[key] = value;
        claims
    };
    let page = async |header: &Header, claims: &Value, ticket: &str, state: &str| {
        idp.gives(header, claims);
        let answer = back(&server, ticket, state).await;
        let cookies = answer.headers.get_all("set-cookie").iter();
        assert!(!cookies.map(|c| c.to_str().unwrap()).any(|c| c.starts_with("waihu=whu_")), "{claims}");
        answer.header("location")
    };
    let (ours, other) = (header(), server_ticket(&server).await);
    for wrong in [
        with("nonce", json!("another")),
        with("nonce", Value::Null),
        with("aud", json!("another client")),
        with("iss", json!("https://evil.example")),
        with("exp", json!(now().unix_millis() / 1_000 - 120)),
        with("exp", Value::Null),
        with("azp", json!("another client")),
        with("aud", json!(["waihu", "another"])),
        with("preferred_username", Value::Null),
    ] {
        assert_eq!(page(&ours, &wrong, &ticket, &state).await, "/?sign_in=failed", "{wrong}");
    }
    let unknown_key = Header { kid: Some("9".to_owned()), ..header() };
    assert_eq!(page(&unknown_key, &right, &ticket, &state).await, "/?sign_in=failed");
    // Not this browser's, or none at all.
    assert_eq!(page(&ours, &right, &other, &state).await, "/?sign_in=again");
    assert_eq!(page(&ours, &right, "x=y", &state).await, "/?sign_in=again");
    assert_eq!(page(&ours, &right, &ticket, "another").await, "/?sign_in=again");
    // Known there, and not here; or not any more.
    assert_eq!(
        page(&ours, &with("preferred_username", json!("wang")), &ticket, &state).await,
        "/?sign_in=refused"
    );
    server.store.disable_person(&li.login, now()).await.unwrap();
    assert_eq!(page(&ours, &right, &ticket, &state).await, "/?sign_in=refused");
    // An unsigned token is one by anybody (RFC 8725, 2.1).
    let part = |value: &Value| base64url(value.to_string().as_bytes());
    *idp.token.lock().unwrap() = format!("{}.{}.", part(&json!({"alg": "none", "kid": "1"})), part(&right));
    assert_eq!(back(&server, &ticket, &state).await.header("location"), "/?sign_in=failed");
    idp.token.lock().unwrap().clear();
    assert_eq!(back(&server, &ticket, &state).await.header("location"), "/?sign_in=failed");
}

async fn server_ticket(server: &Server) -> String {
    sent(server).await.0
}

#[tokio::test]
async fn an_address_that_was_not_verified_is_nobodys_login() {
    let idp = Idp::open().await;
    let server = server_with_provider(idp.provider("email"), Passwords::Taken).await;
    person(&server, "li.ming@bank.example").await;
    let (ticket, with) = sent(&server).await;
    for (verified, page) in [(false, "/?sign_in=failed"), (true, "/")] {
        let mut claims = claims(&idp, &with["nonce"]);
        claims["email_verified"] = json!(verified);
        idp.gives(&header(), &claims);
        assert_eq!(back(&server, &ticket, &with["state"]).await.header("location"), page);
    }
}

#[tokio::test]
async fn without_a_provider_there_is_no_way_to_one() {
    let server = server().await;
    assert_eq!(server.get("", "/v1/session/provider").await.status, 404);
    let ways = server.get("", "/v1/session/ways").await.body;
    assert_eq!(ways, json!({"password": true, "provider": null}));
    let far = Provider {
        issuer: "http://id.bank.example".to_owned(),
        client_id: String::new(),
        client_secret: String::new(),
        url: String::new(),
        claim: String::new(),
    };
    assert!(OpenId::new(far).is_err(), "in the clear to another machine");
}
