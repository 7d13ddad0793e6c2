//! The desk of an agent as its page has it: signed in by a password, over its WebSocket.

#![allow(dead_code)]

use std::{
    io::Write,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::{SinkExt, StreamExt, stream::SplitSink};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::common::{PATIENCE, waihu};

const PASSWORD: &str = "four words in a row";

/// A desk's page, without its sound. It is read, and answers pings, whatever the test waits for.
pub struct Desk {
    say: SplitSink<WebSocketStream<TcpStream>, Message>,
    hear: mpsc::UnboundedReceiver<Message>,
    reader: JoinHandle<()>,
}

/// A page that is closed closes its connection, whatever was still to be said.
impl Drop for Desk {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Desk {
    fn new(socket: WebSocketStream<TcpStream>) -> Self {
        let (say, mut from) = socket.split();
        let (tell, hear) = mpsc::unbounded_channel();
        let reader = tokio::spawn(async move {
            while let Some(Ok(message)) = from.next().await {
                let _ = tell.send(message);
            }
        });
        Self { say, hear, reader }
    }

    /// Says something.
    pub async fn say(&mut self, said: Value) {
        self.say.send(Message::text(said.to_string())).await.unwrap();
    }

    /// What has come and was not waited for.
    pub fn told(&mut self) -> Vec<Value> {
        let texts = std::iter::from_fn(|| self.hear.try_recv().ok());
        texts
            .filter_map(|m| if let Message::Text(text) = m { serde_json::from_str(&text).ok() } else { None })
            .collect()
    }

    /// The code that the server closes it with.
    pub async fn closed(&mut self) -> u16 {
        let closed = async {
            loop {
                match self.hear.recv().await {
                    Some(Message::Close(Some(close))) => return close.code.into(),
                    None => panic!("closed without a code"),
                    _ => {}
                }
            }
        };
        timeout(PATIENCE, closed).await.expect("it is not closed")
    }

    /// The next message of a type.
    pub async fn wait_for(&mut self, kind: &str) -> Value {
        let told = async {
            loop {
                match self.hear.recv().await {
                    Some(Message::Text(text)) => {
                        let told: Value = serde_json::from_str(&text).unwrap();
                        if told["type"] == kind {
                            return told;
                        }
                        assert_ne!(told["type"], "refused", "{told}");
                    }
                    None => panic!("closed before {kind}"),
                    _ => {}
                }
            }
        };
        timeout(PATIENCE, told).await.unwrap_or_else(|_| panic!("no {kind} came"))
    }
}

/// An agent named Li, who can deal with hardship.
pub fn add_agent(project: &Path) {
    add_person(project, "li", "李明", &["--role", "agent", "--skill", "hardship=4"]);
}

/// Somebody who may sign in.
pub fn add_person(project: &Path, login: &str, name: &str, more: &[&str]) {
    let mut adding =
        waihu(project).args(["person", "add", login, "--name", name]).args(more).spawn().unwrap();
    writeln!(adding.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    assert!(adding.wait().unwrap().success());
}

/// The desk of Li, who has signed in by their password.
pub async fn sits_down(api: &str) -> Desk {
    opens(api, &signs_in(api, "li").await, "/v1/desk").await
}

/// The cookie of somebody who has signed in by their password.
pub async fn signs_in(api: &str, login: &str) -> String {
    let body = json!({"login": login, "password": PASSWORD}).to_string();
    let headers = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    let answer = asks(api, "POST /v1/session", &headers, &body).await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let cookie = answer.lines().find_map(|l| l.strip_prefix("set-cookie: ")).unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// What a route answers somebody who is signed in.
pub async fn gets(api: &str, cookie: &str, path: &str) -> Value {
    let answer = asks(api, &format!("GET {path}"), &format!("cookie: {cookie}\r\n"), "").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    // In one piece, or in chunks, whose lengths stand around it.
    let body = &body[body.find(['{', '[']).unwrap()..=body.rfind(['}', ']']).unwrap()];
    serde_json::from_str(body).unwrap()
}

/// Signs whoever has this cookie out everywhere else.
pub async fn ends_other_sessions(api: &str, cookie: &str) {
    let csrf = gets(api, cookie, "/v1/session").await["csrf"].as_str().unwrap().to_owned();
    let headers = format!("cookie: {cookie}\r\nx-waihu-csrf: {csrf}\r\n");
    let answer = asks(api, "DELETE /v1/session/others", &headers, "").await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
}

async fn asks(api: &str, what: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(api).await.unwrap();
    let asked = format!("{what} HTTP/1.1\r\nhost: {api}\r\n{headers}connection: close\r\n\r\n{body}");
    stream.write_all(asked.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// A WebSocket of somebody who is signed in.
pub async fn opens(api: &str, cookie: &str, path: &str) -> Desk {
    let mut request = format!("ws://{api}{path}").into_client_request().unwrap();
    request.headers_mut().insert("cookie", cookie.parse().unwrap());
    request.headers_mut().insert("origin", format!("http://{api}").parse().unwrap());
    let stream = TcpStream::connect(api).await.unwrap();
    Desk::new(client_async(request, stream).await.unwrap().0)
}

/// A network between a page and the server: where it is cut nothing passes, and nothing is closed.
pub struct Network {
    /// Where the page finds the server.
    pub at: String,
    /// Whether it is cut.
    pub is_cut: Arc<AtomicBool>,
}

impl Network {
    /// One before the server at this address.
    pub async fn to(api: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let is_cut = Arc::<AtomicBool>::default();
        let cut = Arc::clone(&is_cut);
        tokio::spawn(async move {
            while let Ok((page, _)) = listener.accept().await {
                let (from_page, to_page) = page.into_split();
                let (from_server, to_server) = TcpStream::connect(api).await.unwrap().into_split();
                tokio::spawn(passes(from_page, to_server, Arc::clone(&cut)));
                tokio::spawn(passes(from_server, to_page, Arc::clone(&cut)));
            }
        });
        Self { at, is_cut }
    }
}

async fn passes(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, cut: Arc<AtomicBool>) {
    let mut bytes = [0; 16_384];
    while let Ok(len @ 1..) = from.read(&mut bytes).await {
        while cut.load(Relaxed) {
            sleep(Duration::from_millis(20)).await;
        }
        if to.write_all(&bytes[..len]).await.is_err() {
            return;
        }
    }
}
