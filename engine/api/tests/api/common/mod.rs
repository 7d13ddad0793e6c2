//! A server in memory over a store in a folder of its own, and tokens of every role.
#![allow(clippy::unwrap_used, dead_code, reason = "each test uses a part of it")]

use std::{collections::BTreeMap, net::SocketAddr, path::Path, sync::Arc};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tower::ServiceExt;
use waihu_api::{
    Choices, Cookies, FirstPasswords, Floor, Limits, OpenId, Passwords, Pulse, Reports, State, StrategyOf,
    TokenText, router,
};
use waihu_keeping::Archive;
use waihu_quality::Judgement;
use waihu_store::{NewJudgement, Person, Role, Store, StoredToken};
use waihu_types::{Answers, AttemptId, WallTime};
use waihu_vault::Vault;

pub struct Server {
    pub folder: tempfile::TempDir,
    pub store: Arc<Store>,
    pub pulse: Arc<Pulse>,
    pub app: Router,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default()
    }
}

pub fn now() -> WallTime {
    WallTime::from_unix_millis(jiff::Timestamp::now().as_millisecond())
}

/// Somebody who may sign in, without a skill.
pub fn person(login: &str, name: &str, role: Role) -> Person {
    Person {
        login: login.parse().unwrap(),
        name: name.to_owned(),
        role,
        skills: BTreeMap::new(),
        langs: Vec::new(),
        answers: Answers::ByHand,
        made_at: now(),
        disabled_at: None,
        locked_until: None,
        second_factor_at: None,
        password_given: true,
    }
}

pub async fn server() -> Server {
    server_as(|state| state).await
}

/// One whose state is otherwise than most tests want it.
pub async fn server_as(change: impl FnOnce(State) -> State) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(folder.path().join("waihu.sqlite")).await.unwrap());
    let pulse = Arc::new(Pulse::default());
    let app = router(change(state(folder.path(), store.clone(), pulse.clone())));
    Server { folder, store, pulse, app }
}

pub async fn server_with(limits: Limits) -> Server {
    server_as(|state| State { limits, ..state }).await
}

/// One whose recordings are sealed.
pub async fn server_sealing(vault: Vault) -> Server {
    server_as(|state| {
        let archive = Archive { vault: Arc::new(vault), ..state.archive };
        State { archive, ..state }
    })
    .await
}

/// One whose agents supervisors see.
pub async fn server_with_floor(floor: Floor) -> Server {
    server_as(|state| State { floor: Some(floor), ..state }).await
}

/// One that tells what is measured.
pub async fn server_with_metrics(metrics: PrometheusHandle) -> Server {
    server_as(|state| State { metrics: Some(metrics), ..state }).await
}

/// One that makes reports.
pub async fn server_with_reports(reports: Option<Reports>) -> Server {
    server_as(|state| State { reports, ..state }).await
}

/// A server where people sign in elsewhere, and by passwords as is said.
pub async fn server_with_provider(provider: OpenId, passwords: Passwords) -> Server {
    server_as(|state| State { provider: Some(provider), passwords, ..state }).await
}

fn state(folder: &Path, store: Arc<Store>, pulse: Arc<Pulse>) -> State {
    State {
        store: Arc::clone(&store),
        pulse,
        metrics: None,
        check_script: Box::new(|_, files| {
            files.iter().filter(|(_, text)| text.contains("wrong")).map(|(name, _)| name.clone()).collect()
        }),
        strategy: Box::new(|of| match of {
            StrategyOf::File("default") => Ok(waihu_campaign::Strategy::SHIPPED.to_owned()),
            StrategyOf::File(_) => Err("no such strategy 没有该策略".to_owned()),
            StrategyOf::Text(text) => Ok(text.to_owned()),
        }),
        choices: Box::new(Choices::default),
        prices: Box::new(waihu_api::Prices::default),
        reports: None,
        archive: Archive {
            store,
            vault: Arc::new(Vault::none()),
            signer: None,
            recordings: folder.join("recordings"),
        },
        disk: folder.to_owned(),
        desks: None,
        practise: Some(Box::new(|cases| {
            let mut shell = std::process::Command::new("sh");
            let told = r#"for c in "$@"; do echo "{\"case\":\"$c\",\"expected\":\"paid\"}"; done;
                echo "{\"case\":\"$1\",\"expected\":\"paid\",\"actual\":\"paid\",\"right\":true,\"talk_s\":9}""#;
            shell.args(["-c", told, "practice"]).args(cases);
            shell
        })),
        provider: None,
        passwords: Passwords::Taken,
        first_passwords: FirstPasswords::Stay,
        second_factor: Vec::new(),
        floor: None,
        ladder: None,
        relays: None,
        cookies: Cookies::Plain,
        limits: Limits::default(),
    }
}

impl Server {
    /// A token of a role, for a person of that name.
    pub async fn token(&self, role: Role) -> String {
        self.token_of(role, role.label()).await
    }

    pub async fn token_of(&self, role: Role, person: &str) -> String {
        let text = TokenText::new().unwrap();
        let name = format!("{person}-{}", &text.digest()[..8]);
        let (person, made_at) = (person.to_owned(), now());
        let kept = StoredToken { name, role, person, made_at, expires_at: None, revoked_at: None };
        assert!(self.store.keep_token(&kept, &text.digest()).await.unwrap());
        text.reveal().to_owned()
    }

    /// A flow with an approved version; its hash.
    pub async fn approved(&self, flow: &str) -> String {
        let sha256 = "ab".repeat(32);
        let files = [("script.toml".to_owned(), "right".to_owned())];
        self.store.submit_script(flow, &sha256, &files, "Li", now()).await.unwrap();
        self.store.approve_script(flow, &sha256, "Chen", now()).await.unwrap();
        sha256
    }

    /// Keeps what a call was judged to be: one that a person answered, and no agent had.
    pub async fn judged(&self, attempt: &AttemptId, judged: &Judgement) {
        let checks: Vec<(&str, &str)> =
            judged.checks.iter().map(|c| (c.id.as_str(), c.verdict.label())).collect();
        let record = serde_json::to_string(judged).unwrap();
        let new = NewJudgement {
            attempt,
            revision: 1,
            agent: None,
            distress: 0,
            person: true,
            score: judged.score,
            passed: judged.passed,
            critical: judged.is_critical(),
            checks: &checks,
            record: &record,
        };
        assert!(self.store.keep_judgement(&new, now()).await.unwrap());
    }

    pub async fn get(&self, token: &str, path: &str) -> Answer {
        self.ask("GET", path, token, &[], None).await
    }

    pub async fn post(&self, token: &str, path: &str, body: Value) -> Answer {
        self.ask("POST", path, token, &[], Some(body)).await
    }

    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        token: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match body {
            Some(body) => request
                .header("content-type", "application/json")
                .body(Body::from(serde_json::to_vec(&body).unwrap())),
            None => request.body(Body::empty()),
        };
        self.send(request.unwrap()).await
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 16 << 20).await.unwrap();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

/// A case as lenders tell it.
pub fn case(id: &str) -> Value {
    json!({"id": id, "phone": "+8613800138000", "name": "张伟", "title": "先生", "lang": "zh", "creditor": "安信银行",
        "product": "信用卡", "amount": "3250.00", "currency": "CNY", "due_date": "2026-11-15"})
}

/// What a route answers.
async fn asks(at: SocketAddr, what: &str, cookie: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let asked =
        format!("{what} HTTP/1.1\r\nhost: {at}\r\ncookie: {cookie}\r\n{headers}connection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Ends the session of a cookie, or the others of its person, at a server on a port.
pub async fn ends_session(at: SocketAddr, cookie: &str, path: &str) {
    let csrf = asks(at, "GET /v1/session", cookie, "").await;
    let csrf = csrf.split_once("\"csrf\":\"").unwrap().1.split('"').next().unwrap().to_owned();
    let ended = asks(at, &format!("DELETE {path}"), cookie, &format!("x-waihu-csrf: {csrf}\r\n")).await;
    assert!(ended.starts_with("HTTP/1.1 204"), "{ended}");
}
