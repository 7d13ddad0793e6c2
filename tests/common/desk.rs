//! The desk of an agent as its page has it: signed in by a password, over its WebSocket.

use std::{io::Write, path::Path};

use futures_util::{SinkExt, StreamExt, stream::SplitSink};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    time::timeout,
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
}

impl Desk {
    fn new(socket: WebSocketStream<TcpStream>) -> Self {
        let (say, mut from) = socket.split();
        let (tell, hear) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(message)) = from.next().await {
                let _ = tell.send(message);
            }
        });
        Self { say, hear }
    }

    /// Says something.
    pub async fn say(&mut self, said: Value) {
        self.say.send(Message::text(said.to_string())).await.unwrap();
    }

    /// The next message of a type.
    pub async fn wait_for(&mut self, kind: &str) -> Value {
        let told = async {
            loop {
                match self.hear.recv().await {
                    Some(Message::Text(text)) => {
                        let told: Value = serde_json::from_str(&text).unwrap();
                        assert_ne!(told["type"], "refused", "{told}");
                        if told["type"] == kind {
                            return told;
                        }
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
    let mut adding = waihu(project)
        .args(["person", "add", "li", "--role", "agent", "--name", "李明", "--skill", "hardship=4"])
        .spawn()
        .unwrap();
    writeln!(adding.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    assert!(adding.wait().unwrap().success());
}

/// The desk of somebody who has signed in by their password.
pub async fn sits_down(api: &str) -> Desk {
    let mut stream = TcpStream::connect(api).await.unwrap();
    let body = json!({"login": "li", "password": PASSWORD}).to_string();
    let asked = format!(
        "POST /v1/session HTTP/1.1\r\nhost: {api}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(asked.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let cookie = answer.lines().find_map(|l| l.strip_prefix("set-cookie: ")).unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let mut request = format!("ws://{api}/v1/desk").into_client_request().unwrap();
    request.headers_mut().insert("cookie", cookie.parse().unwrap());
    request.headers_mut().insert("origin", format!("http://{api}").parse().unwrap());
    let stream = TcpStream::connect(api).await.unwrap();
    Desk::new(client_async(request, stream).await.unwrap().0)
}
