//! Talks are listed for supervisors alone; a seat in one is theirs over a real WebSocket, and each of their steps is
//! written down before it is done.
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use crate::common::{ends_session, now, person, server_with_floor};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};
use waihu_agents::supervise::{FromSupervisor, Talk, ToSupervisor};
use waihu_api::{Attended, Floor, Stands, TokenText};
use waihu_store::{Role, SignInWay, Store};
use waihu_types::{Intent, Mood};

/// What a seat was told, and its way to the page.
#[derive(Default)]
struct Told {
    said: Vec<FromSupervisor>,
    pages: Vec<mpsc::Sender<ToSupervisor>>,
    signed_out: u32,
}

type Seen = Arc<Mutex<Told>>;

fn floor() -> (Floor, Seen) {
    let seen = Seen::default();
    let told = Arc::clone(&seen);
    let talk = || Talk {
        attempt: "a-1".parse().unwrap(),
        campaign: None,
        case: "c-1".parse().unwrap(),
        agent: "li".to_owned(),
        name: "李明".to_owned(),
        since: now(),
        reason: Intent::RequestHuman,
        mood: Some(Mood { agitation: 70, distress: 10, willingness: 40 }),
        held: false,
        supervisors: 0,
    };
    let floor = Floor {
        talks: Box::new(move || vec![talk()]),
        attend: Box::new(move |(login, name), attempt| {
            assert_eq!((login, name, attempt.as_str()), ("zhao", "赵敏", "a-1"));
            let (tell, hear) = mpsc::channel(8);
            told.lock().unwrap().pages.push(tell);
            let (told, signed_out) = (Arc::clone(&told), Arc::clone(&told));
            let say = move |said| told.lock().unwrap().said.push(said);
            let sign_out = move || signed_out.lock().unwrap().signed_out += 1;
            Some(Attended { hear, say: Box::new(say), sign_out: Box::new(sign_out) })
        }),
        stands: Box::new(|| Stands {
            agents: BTreeMap::from([("talking", 1)]),
            waiting: 2,
            longest: std::time::Duration::from_millis(2_500),
        }),
    };
    (floor, seen)
}

/// The server on a port, and a cookie of somebody of that role.
async fn ground(role: Role) -> (std::net::SocketAddr, String, Seen, Arc<Store>, tempfile::TempDir) {
    let (floor, seen) = floor();
    let server = server_with_floor(floor).await;
    let person = person("zhao", "赵敏", role);
    assert!(server.store.keep_person(&person, "$argon2id$").await.unwrap());
    let token = TokenText::new().unwrap();
    let ends_at = now().plus(std::time::Duration::from_secs(3_600));
    server
        .store
        .begin_session(&token.digest(), (&person.login, SignInWay::Password), now(), ends_at)
        .await
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, server.app).await.unwrap() });
    (at, format!("waihu={}", token.reveal()), seen, server.store, server.folder)
}

type Page = WebSocketStream<TcpStream>;

async fn seat(at: std::net::SocketAddr, cookie: &str, attempt: &str) -> Result<Page, u16> {
    let mut request = format!("ws://{at}/v1/talks/{attempt}/seat").into_client_request().unwrap();
    request.headers_mut().insert("cookie", cookie.parse().unwrap());
    request.headers_mut().insert("origin", format!("http://{at}").parse().unwrap());
    match client_async(request, TcpStream::connect(at).await.unwrap()).await {
        Ok((page, _)) => Ok(page),
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(e) => unreachable!("{e}"),
    }
}

#[tokio::test]
async fn a_seat_is_a_supervisors_in_a_talk_that_there_is() {
    let (at, cookie, _, _, _folder) = ground(Role::Agent).await;
    assert_eq!(seat(at, &cookie, "a-1").await.err(), Some(403));
    let (at, cookie, seen, _, _folder) = ground(Role::Operations).await;
    assert_eq!(seat(at, &cookie, "a-2").await.err(), Some(404));
    assert!(seen.lock().unwrap().pages.is_empty());
    assert!(seat(at, &cookie, "a-1").await.is_ok());
}

#[tokio::test]
async fn each_step_is_written_down_and_an_ended_talk_closes_the_seat() {
    let (at, cookie, seen, store, _folder) = ground(Role::Operations).await;
    let mut page = seat(at, &cookie, "a-1").await.unwrap();
    for step in ["whisper", "join", "take_over"] {
        page.send(Message::text(json!({"type": step}).to_string())).await.unwrap();
    }
    page.send(Message::text("{\"type\":\"sdp\",\"sdp\":\"v=0\"}")).await.unwrap();
    page.send(Message::text("{\"type\":\"张伟\"}")).await.unwrap();
    while seen.lock().unwrap().said.len() < 4 {
        tokio::task::yield_now().await;
    }
    let said: Vec<_> = seen.lock().unwrap().said.iter().map(FromSupervisor::label).collect();
    assert_eq!(said, ["whisper", "join", "take_over", "sdp"]);
    let rows = store.audit(0, 50).await.unwrap();
    let acts: Vec<_> = rows.iter().filter(|r| r.act.contains("/seat")).map(|r| r.act.as_str()).collect();
    let expected =
        ["listen", "whisper", "join", "take_over"].map(|step| format!("GET /v1/talks/a-1/seat {step}"));
    assert_eq!(acts, expected);
    let tell = seen.lock().unwrap().pages[0].clone();
    tell.send(ToSupervisor::Ended).await.unwrap();
    let (mut refused, mut closed) = (0, None);
    while let Some(Ok(told)) = page.next().await {
        match told {
            Message::Text(text) => {
                let told: Value = serde_json::from_str(&text).unwrap();
                assert!(!text.contains("张伟"));
                refused += u32::from(told["type"] == "refused");
            }
            Message::Close(Some(close)) => closed = Some(u16::from(close.code)),
            _ => {}
        }
    }
    assert_eq!((refused, closed), (1, Some(4_410)));
}

#[tokio::test]
async fn a_stolen_sessions_seat_is_closed_and_the_talk_hears_of_it() {
    let (at, cookie, seen, _, _folder) = ground(Role::Operations).await;
    let mut page = seat(at, &cookie, "a-1").await.unwrap();
    ends_session(at, &cookie, "/v1/session").await;
    let mut closed = None;
    while let Some(Ok(told)) = page.next().await {
        if let Message::Close(Some(close)) = told {
            closed = Some(u16::from(close.code));
        }
    }
    assert_eq!((closed, seen.lock().unwrap().signed_out), (Some(4_401), 1));
}
