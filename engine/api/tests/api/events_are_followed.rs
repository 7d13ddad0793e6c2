//! Live events over a real connection: from a place on, by kinds, and none missed by who comes back.
use std::net::SocketAddr;

use crate::common::{case, server, server_with};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use waihu_api::{Limits, serve};
use waihu_store::Role;

async fn listening(app: axum::Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, None, app, 16, std::future::pending()));
    at
}

/// A reader of events on a connection of its own.
struct Reader(BufReader<TcpStream>);

impl Reader {
    async fn at(at: SocketAddr, token: &str, query: &str, last: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(at).await.unwrap();
        let last = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let ask = format!(
            "GET /v1/events{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{last}\r\n"
        );
        stream.write_all(ask.as_bytes()).await.unwrap();
        Self(BufReader::new(stream))
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.0.read_line(&mut line).await.unwrap() > 0, "the server has closed");
        line.trim_end().to_owned()
    }

    /// The next event: its id, its kind, what it tells.
    async fn next(&mut self) -> (String, String, Value) {
        let (mut id, mut kind) = (String::new(), String::new());
        loop {
            let line = self.line().await;
            if let Some(told) = line.strip_prefix("id: ") {
                id = told.to_owned();
            } else if let Some(told) = line.strip_prefix("event: ") {
                kind = told.to_owned();
            } else if let Some(told) = line.strip_prefix("data: ") {
                return (id, kind, serde_json::from_str(told).unwrap());
            }
        }
    }
}

/// Cases of these ids, whose states then change: an import tells nothing, a change does.
async fn changed(server: &crate::common::Server, ids: &[&str], state: &str) {
    let token = server.token(Role::Integrator).await;
    for id in ids {
        server.post(&token, "/v1/cases", case(id)).await;
        let change = Some(json!({ "state": state }));
        let done =
            server.ask("PATCH", &format!("/v1/cases/{id}"), &token, &[("if-match", "*")], change).await;
        assert_eq!(done.status, 200);
    }
}

#[tokio::test]
async fn who_comes_back_misses_nothing_and_is_told_nothing_twice() {
    let server = server().await;
    let token = server.token(Role::Integrator).await;
    let at = listening(server.app.clone()).await;
    changed(&server, &["C1", "C2"], "paid").await;
    let mut reader = Reader::at(at, &token, "?after=0", None).await;
    assert_eq!(reader.line().await, "HTTP/1.1 200 OK");
    let (first, kind, told) = reader.next().await;
    assert_eq!(
        (kind.as_str(), &told["case"], &told["body"]["state"]),
        ("case", &json!("C1"), &json!("paid"))
    );
    drop(reader);
    changed(&server, &["C1"], "withdrawn").await;
    // `Last-Event-ID` goes before the query, which a browser sends again unchanged.
    let mut reader = Reader::at(at, &token, "?after=0", Some(&first)).await;
    assert_eq!(reader.next().await.2["case"], "C2");
    let (last, _, told) = reader.next().await;
    assert_eq!((&told["key"], &told["body"]["state"]), (&json!("case:C1:3"), &json!("withdrawn")));
    let mut live = Reader::at(at, &token, "", Some(&last)).await;
    changed(&server, &["C3"], "paid").await;
    assert_eq!(live.next().await.2["case"], "C3");
}

#[tokio::test]
async fn a_reader_hears_of_what_it_asked_for_alone() {
    let server = server().await;
    let (token, operations) = (server.token(Role::Integrator).await, server.token(Role::Operations).await);
    let at = listening(server.app.clone()).await;
    changed(&server, &["C1", "C2"], "paid").await;
    server.post(&operations, "/v1/do-not-call", json!({"number": "13800138000", "reason": "asked"})).await;
    let mut of_kind = Reader::at(at, &token, "?after=0&kinds=do_not_call,sms", None).await;
    assert_eq!(of_kind.next().await.1, "do_not_call");
    let mut of_case = Reader::at(at, &token, "?after=0&case=C2", None).await;
    assert_eq!(of_case.next().await.2["case"], "C2");
    let mut from_now = Reader::at(at, &token, "", None).await;
    assert_eq!(from_now.line().await, "HTTP/1.1 200 OK");
    changed(&server, &["C9"], "paid").await;
    assert_eq!(from_now.next().await.2["case"], "C9");
}

#[tokio::test]
async fn there_are_only_so_many_readers() {
    let server = server_with(Limits { readers: 1, ..Limits::default() }).await;
    let token = server.token(Role::Integrator).await;
    let at = listening(server.app.clone()).await;
    let mut first = Reader::at(at, &token, "", None).await;
    assert_eq!(first.line().await, "HTTP/1.1 200 OK");
    let mut second = Reader::at(at, &token, "", None).await;
    assert_eq!(second.line().await, "HTTP/1.1 503 Service Unavailable");
    for odd in ["?after=-1", "?after=x", "?kinds="] {
        assert_eq!(server.get(&token, &format!("/v1/events{odd}")).await.status, 422, "{odd}");
    }
}
