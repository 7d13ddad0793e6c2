//! Whatever is asked, and however wrong: no log line of any level holds a number, a name, an amount or a token.
#![allow(clippy::unwrap_used)]

#[path = "api/common/mod.rs"]
mod common;

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use common::{case, server};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use waihu_api::serve;
use waihu_store::Role;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const NUMBER: &str = "+8613977665544";
const NAME: &str = "欧阳锋测试";
const AMOUNT: &str = "7654.32";

fn canary(id: &str) -> Value {
    let mut case = case(id);
    (case["phone"], case["name"], case["amount"]) = (json!(NUMBER), json!(NAME), json!(AMOUNT));
    case
}

#[tokio::test]
async fn no_log_line_of_any_level_is_personal() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let server = server().await;
    let mut tokens = Vec::new();
    for role in Role::ALL {
        tokens.push(server.token(role).await);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, None, server.app.clone(), 16, std::future::pending()));

    let wrong = |key: &str, value: &str| {
        let mut case = canary("C2");
        case[key] = json!(value);
        case
    };
    let bodies = [
        ("POST /v1/cases", canary("C1")),
        (
            "POST /v1/cases",
            json!([wrong("amount", "7654.321"), wrong("phone", "1397766554x"), wrong("lang", NAME)]),
        ),
        ("POST /v1/cases", json!(NUMBER)),
        ("POST /v1/do-not-call", json!({"number": NUMBER, "reason": NAME})),
        ("POST /v1/do-not-call", json!({"number": NUMBER, NUMBER: NAME})),
        ("POST /v1/do-not-call/lookup", json!({"number": NUMBER})),
        ("POST /v1/do-not-call/lookup", json!({"number": format!("{NUMBER}{NUMBER}")})),
        ("POST /v1/do-not-call/lift", json!({"number": NUMBER, "why": NAME})),
        (
            "POST /v1/campaigns",
            json!({"id": NUMBER, "settings": {"trunk": NAME, "caller_ids": {"default": NUMBER}}}),
        ),
        ("PATCH /v1/cases/C1", json!({"state": NAME})),
    ];
    let mut answered = 0;
    for token in tokens.iter().map(String::as_str).chain([""]) {
        for (what, body) in &bodies {
            let body = body.to_string();
            let keyed = format!("Idempotency-Key: k-{answered}");
            let ask = format!(
                "{what} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\nIf-Match: *\r\n{keyed}\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let mut stream = TcpStream::connect(at).await.unwrap();
            stream.write_all(ask.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 ") && !answer.starts_with("HTTP/1.1 5"), "{answer}");
            answered += 1;
        }
    }
    tracing::trace!("the finest lines are written");
    let lines = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(lines.contains("the finest lines are written"));
    // Who was refused what is told all the same, by the names of tokens.
    let refused = |what: [&str; 3]| {
        let is = |line: &str| line.contains("a request was refused") && what.iter().all(|w| line.contains(w));
        assert!(lines.lines().any(is), "{what:?}");
    };
    refused([r#"method="POST" route="/v1/cases""#, "status=403", r#"by="token agent-"#]);
    refused([r#"method="POST" route="/v1/cases""#, "status=401", r#"by="nobody who is known""#]);
    refused([r#"method="POST" route="/v1/do-not-call""#, "status=422", r#"by="token operations-"#]);
    let canaries = [&NUMBER[3..], NAME, AMOUNT].into_iter().chain(tokens.iter().map(|t| &t[4..]));
    for canary in canaries {
        let found = lines.lines().find(|line| line.contains(canary));
        assert_eq!(found, None);
    }
}
