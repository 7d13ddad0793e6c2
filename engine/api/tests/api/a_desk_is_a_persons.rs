//! A desk over a real WebSocket: who may sit at one, what comes and goes, when it is closed.
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::common::{Server, ends_session, now, person, server_as};
use axum::Router;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, handshake::client::Request},
};
use waihu_agents::desk::{FromDesk, Profile, ToDesk, Wanted};
use waihu_api::{Connect, Connected, Relays, State, TokenText};
use waihu_store::{Person, Role, SignInWay, Store};
use waihu_types::Lang;

/// What a switchboard was told, and its way to the desk.
#[derive(Default)]
struct Told {
    said: Vec<Result<FromDesk, String>>,
    desks: Vec<mpsc::Sender<ToDesk>>,
    known: Vec<Profile>,
    signed_out: u32,
}

type Seen = Arc<Mutex<Told>>;

fn switchboard() -> (Box<Connect>, Seen) {
    let seen = Seen::default();
    let told = Arc::clone(&seen);
    let connect = move |profile: Profile| {
        assert_eq!((profile.login.as_str(), profile.skills["hardship"]), ("li", 4));
        let (tell, hear) = mpsc::channel(8);
        told.lock().unwrap().desks.push(tell);
        let (told, known, signed_out) = (Arc::clone(&told), Arc::clone(&told), Arc::clone(&told));
        let say = move |said| told.lock().unwrap().said.push(said);
        let know = move |profile| known.lock().unwrap().known.push(profile);
        let sign_out = move || signed_out.lock().unwrap().signed_out += 1;
        Connected { hear, say: Box::new(say), know: Box::new(know), sign_out: Box::new(sign_out) }
    };
    (Box::new(connect), seen)
}

type Ground = (std::net::SocketAddr, String, Seen, Arc<Store>, tempfile::TempDir);

/// The server on a port, and a cookie of an agent who is signed in there.
async fn ground() -> Ground {
    ground_with(None).await
}

/// The same, whose pages are told of relays.
async fn ground_with(relays: Option<Relays>) -> Ground {
    let (server, cookie, seen) = server_of_desks(relays).await;
    let at = listen(server.app).await;
    (at, cookie, seen, server.store, server.folder)
}

/// A server with a switchboard, and a cookie of an agent who is signed in there.
async fn server_of_desks(relays: Option<Relays>) -> (Server, String, Seen) {
    let (connect, seen) = switchboard();
    let server = server_as(|state| State { desks: Some(connect), relays, ..state }).await;
    let person = Person {
        skills: BTreeMap::from([("hardship".to_owned(), 4)]),
        ..person("li", "李明", Role::Agent)
    };
    assert!(server.store.keep_person(&person, "$argon2id$").await.unwrap());
    let token = TokenText::new().unwrap();
    let ends_at = now().plus(Duration::from_secs(3_600));
    server
        .store
        .begin_session(&token.digest(), (&person.login, SignInWay::Password), now(), ends_at)
        .await
        .unwrap();
    let cookie = format!("waihu={}", token.reveal());
    (server, cookie, seen)
}

async fn listen(app: Router) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    at
}

fn request(at: std::net::SocketAddr, headers: &[(&str, &str)]) -> Request {
    let mut request = format!("ws://{at}/v1/desk").into_client_request().unwrap();
    for (name, value) in headers {
        let name: tokio_tungstenite::tungstenite::http::HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    request
}

type Page = WebSocketStream<TcpStream>;

async fn page(at: std::net::SocketAddr, headers: &[(&str, &str)]) -> Result<Page, u16> {
    let stream = TcpStream::connect(at).await.unwrap();
    match client_async(request(at, headers), stream).await {
        Ok((page, _)) => Ok(page),
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(e) => unreachable!("{e}"),
    }
}

#[tokio::test]
async fn only_a_person_who_is_signed_in_has_a_desk_and_only_from_our_own_pages() {
    let (at, cookie, seen, store, _folder) = ground().await;
    let own = format!("http://{at}");
    let token = TokenText::new().unwrap();
    let kept = waihu_store::StoredToken {
        name: "t".to_owned(),
        role: Role::Agent,
        person: "x".to_owned(),
        made_at: now(),
        expires_at: None,
        revoked_at: None,
    };
    store.keep_token(&kept, &token.digest()).await.unwrap();
    let bearer = format!("Bearer {}", token.reveal());
    for (headers, status) in [
        (vec![("origin", own.as_str())], 401),
        (vec![("cookie", cookie.as_str())], 403),
        (vec![("cookie", cookie.as_str()), ("origin", "https://evil.example")], 403),
        (vec![("authorization", bearer.as_str()), ("origin", own.as_str())], 409),
    ] {
        assert_eq!(page(at, &headers).await.err(), Some(status), "{headers:?}");
    }
    assert!(seen.lock().unwrap().desks.is_empty());
    assert!(page(at, &[("cookie", &cookie), ("origin", &own)]).await.is_ok());
}

#[tokio::test]
async fn what_a_page_says_arrives_and_what_cannot_be_read_is_told() {
    let (at, cookie, seen, _, _folder) = ground().await;
    let own = format!("http://{at}");
    let mut page = page(at, &[("cookie", &cookie), ("origin", &own)]).await.unwrap();
    page.send(Message::text(json!({"type": "presence", "wish": "available"}).to_string())).await.unwrap();
    page.send(Message::text("{\"type\":\"answer\",\"attempt\":\"张伟\"}")).await.unwrap();
    page.send(Message::binary(vec![1, 2])).await.unwrap();
    while seen.lock().unwrap().said.len() < 3 {
        tokio::task::yield_now().await;
    }
    {
        let seen = seen.lock().unwrap();
        assert!(matches!(seen.said[0], Ok(FromDesk::Presence { wish: Wanted::Available })));
        let why = seen.said[1].as_ref().unwrap_err();
        assert!(!why.contains("张伟"), "{why}");
        assert!(seen.said[2].is_err());
    }
    let desk = seen.lock().unwrap().desks[0].clone();
    desk.send(ToDesk::Ended { attempt: "a-1".parse().unwrap() }).await.unwrap();
    assert_eq!(told(&mut page).await, json!({"type": "ended", "attempt": "a-1"}));
    desk.send(ToDesk::Superseded).await.unwrap();
    assert_eq!(closed(&mut page).await, Some(4_409));
}

/// What a page is told next.
async fn told(page: &mut Page) -> Value {
    loop {
        if let Message::Text(told) = page.next().await.unwrap().unwrap() {
            return serde_json::from_str(&told).unwrap();
        }
    }
}

#[tokio::test]
async fn a_page_is_told_of_relays_before_all_else_with_what_opens_them_to_its_agent() {
    const SECRET: &str = "a secret of the north";
    let urls = ["turn:turn.bank.example:3478?transport=udp", "turns:turn.bank.example:5349?transport=tcp"];
    let relays = Relays::new(urls.map(str::to_owned).to_vec(), SECRET).unwrap();
    let (at, cookie, seen, _, _folder) = ground_with(Some(relays)).await;
    let own = format!("http://{at}");
    let mut page = page(at, &[("cookie", &cookie), ("origin", &own)]).await.unwrap();
    let ice = told(&mut page).await;
    let server = &ice["servers"][0];
    assert_eq!((&ice["type"], &server["urls"]), (&json!("ice"), &json!(urls)));
    // Whose they are, and until when: no longer than their session may last.
    let name = server["username"].as_str().unwrap();
    let (until, login) = name.split_once(':').unwrap();
    let left_s = until.parse::<i64>().unwrap() - now().unix_millis() / 1_000;
    assert!(login == "li" && (1..=12 * 3_600).contains(&left_s), "{name}");
    // What a relay that knows the secret reckons of the name; the secret itself stays here.
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
    let reckoned = waihu_types::base64::encode(ring::hmac::sign(&key, name.as_bytes()).as_ref());
    assert_eq!(server["credential"], json!(reckoned));
    assert!(!ice.to_string().contains(SECRET));
    let desk = seen.lock().unwrap().desks[0].clone();
    desk.send(ToDesk::Ended { attempt: "a-1".parse().unwrap() }).await.unwrap();
    assert_eq!(told(&mut page).await["type"], "ended");
}

/// The code that a page is closed with.
async fn closed(page: &mut Page) -> Option<u16> {
    loop {
        match page.next().await {
            Some(Ok(Message::Close(Some(close)))) => return Some(close.code.into()),
            Some(Ok(_)) => {}
            _ => return None,
        }
    }
}

/// Well before the ping that looks at sessions by itself.
const BEFORE_THE_PING: Duration = Duration::from_secs(7);

#[tokio::test]
async fn a_stolen_sessions_desk_is_closed_as_soon_as_it_is_ended_elsewhere_and_no_other() {
    let (at, cookie, seen, store, _folder) = ground().await;
    let own = format!("http://{at}");
    let li: waihu_store::Login = "li".parse().unwrap();
    let stolen = TokenText::new().unwrap();
    let ends_at = now().plus(Duration::from_secs(3_600));
    store.begin_session(&stolen.digest(), (&li, SignInWay::Password), now(), ends_at).await.unwrap();
    let theirs = format!("waihu={}", stolen.reveal());
    let mut thief = page(at, &[("cookie", &theirs), ("origin", &own)]).await.unwrap();
    let mut ours = page(at, &[("cookie", &cookie), ("origin", &own)]).await.unwrap();
    ends_session(at, &cookie, "/v1/session/others").await;
    assert_eq!(timeout(BEFORE_THE_PING, closed(&mut thief)).await, Ok(Some(4_401)));
    assert_eq!(seen.lock().unwrap().signed_out, 1, "the switchboard hears of it");
    ours.send(Message::text("{\"type\":\"done\"}")).await.unwrap();
    while seen.lock().unwrap().said.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(page(at, &[("cookie", &theirs), ("origin", &own)]).await.err(), Some(401));
}

#[tokio::test]
async fn a_desk_goes_by_what_is_changed_of_its_agent_and_is_closed_with_their_role() {
    let (server, cookie, seen) = server_of_desks(None).await;
    let at = listen(server.app.clone()).await;
    let own = format!("http://{at}");
    let mut page = page(at, &[("cookie", &cookie), ("origin", &own)]).await.unwrap();
    // The page's loop has begun once something that it said has arrived.
    page.send(Message::text("{\"type\":\"done\"}")).await.unwrap();
    while seen.lock().unwrap().said.is_empty() {
        tokio::task::yield_now().await;
    }
    let admin = server.token(Role::Admin).await;
    let change = async |body: Value| {
        let answer = server.ask("PATCH", "/v1/people/li", &admin, &[("if-match", "*")], Some(body)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    change(json!({"skills": {"dispute": 5}, "langs": ["en"]})).await;
    let known = async || {
        while seen.lock().unwrap().known.is_empty() {
            tokio::task::yield_now().await;
        }
        seen.lock().unwrap().known.clone()
    };
    let known = timeout(BEFORE_THE_PING, known()).await.unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!(known[0].skills, BTreeMap::from([("dispute".to_owned(), 5)]));
    assert_eq!((known[0].langs.as_slice(), known[0].name.as_str()), ([Lang::En].as_slice(), "李明"));
    assert_eq!(seen.lock().unwrap().signed_out, 0, "they stay at their desk");

    change(json!({"role": "operations"})).await;
    assert_eq!(timeout(BEFORE_THE_PING, closed(&mut page)).await, Ok(Some(4_401)));
    assert_eq!(seen.lock().unwrap().signed_out, 1);
}

#[tokio::test]
async fn a_page_that_floods_is_closed() {
    let (at, cookie, _, _, _folder) = ground().await;
    let own = format!("http://{at}");
    let mut page = page(at, &[("cookie", &cookie), ("origin", &own)]).await.unwrap();
    for _ in 0..400 {
        if page.send(Message::text("{\"type\":\"done\"}")).await.is_err() {
            break;
        }
    }
    assert_eq!(closed(&mut page).await, Some(4_429));
}
