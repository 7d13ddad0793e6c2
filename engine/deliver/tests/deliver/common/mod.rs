//! A store with events, and receivers on real sockets.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use tempfile::TempDir;
use waihu_compliance::Gate;
use waihu_deliver::{Courier, Destination, EventKind, Reader, Step, WebhookTarget};
use waihu_store::{NewAttempt, Passage, Store};
use waihu_types::{
    AnsweredBy, Case, Currency, Disposition, Identity, Lang, Money, Outcome, Promise, ScriptVersion, WallTime,
};

pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A certificate that vouches for itself as `name`, and its key.
pub fn certificate(folder: &Path, name: &str) -> [PathBuf; 2] {
    let [cert, key] = ["pem", "key"].map(|end| folder.join(format!("{name}.{end}")));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=one", "-addext", &format!("subjectAltName=DNS:{name}")])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .args([&key, Path::new("-out"), &cert])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    [cert, key]
}

pub async fn store() -> (TempDir, Arc<Store>) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    (dir, store)
}

pub async fn open(dir: &Path) -> Arc<Store> {
    Arc::new(Store::open(dir.join("waihu.db")).await.unwrap())
}

/// `s` seconds after the tests' beginning.
pub fn at(s: i64) -> WallTime {
    WallTime::from_unix_millis(1_795_772_096_000 + s * 1_000)
}

pub fn case(id: &str, product: &str) -> Case {
    let record = serde_json::json!({
        "id": id, "phone": "1001", "name": "张伟", "lang": "zh", "creditor": "某银行", "product": product,
        "amount": "3250.00", "currency": "CNY", "due_date": "2026-11-15",
    });
    serde_json::from_value(record).unwrap()
}

/// Makes an event of each of `n` cases, C1 to Cn: each is told of anew.
pub async fn changes(store: &Store, n: usize, product: &str) {
    let cases = |product: &str| (1..=n).map(|n| case(&format!("C{n}"), product)).collect::<Vec<_>>();
    store.import(&cases("信用卡"), at(0)).await.unwrap();
    // One by one: what is imported together is told of in no order that is promised.
    for case in cases(product) {
        store.import(&[case], at(0)).await.unwrap();
    }
}

/// The outcome of call `n` about case `Cn`; every third promises to pay, each another sum.
pub fn outcome(n: u32, number: &str, at: WallTime) -> Outcome {
    let promised = n.is_multiple_of(3);
    let disposition = if promised { Disposition::PromiseToPay } else { Disposition::NoAnswer };
    Outcome {
        version: waihu_types::OUTCOME_VERSION,
        attempt: format!("a{n}").parse().unwrap(),
        campaign: None,
        case: format!("C{n}").parse().unwrap(),
        callee: number.parse().unwrap(),
        dialled_at: at,
        answered_at: promised.then_some(at),
        ended_at: at,
        answered_by: if promised { AnsweredBy::Human } else { AnsweredBy::Nobody },
        announcement: None,
        told: None,
        mood: None,
        identity: Identity::Unconfirmed,
        debt_disclosed: false,
        disposition,
        promise: promised.then(|| {
            let sum = Money::parse(&format!("{n}.50"), Currency::CNY).unwrap();
            Promise::of(jiff::civil::date(2026, 11, 27), sum)
        }),
        callback: None,
        follow_ups: Vec::new(),
        intents: vec![],
        handover: None,
        script: ScriptVersion {
            name: "reminder".into(),
            lang: Lang::Zh,
            sha256: "ab".repeat(32),
            variant: None,
            draft: false,
        },
        models: BTreeMap::new(),
        recording: None,
        transcript: None,
        sound: None,
        sip: None,
        ended_by: None,
        fault: None,
        redial: waihu_campaign::redial(disposition, at, 1),
    }
}

/// Files an outcome, its attempt before it.
pub async fn file(store: &Store, outcome: Outcome) {
    let new = NewAttempt {
        attempt: outcome.attempt.clone(),
        campaign: None,
        case: outcome.case.clone(),
        callee: outcome.callee.clone(),
        script: outcome.script.clone(),
        models: BTreeMap::new(),
        dialled_at: outcome.dialled_at,
        own_number: false,
    };
    store.begin_attempt(&new, &Passage::new(Gate::laboratory(), "Asia/Shanghai")).await.unwrap();
    store.close_attempt(&outcome).await.unwrap();
}

/// What a receiver got: keys in the order in which they came, and what each said.
#[derive(Default)]
pub struct Got {
    pub keys: Vec<String>,
    pub bodies: BTreeMap<String, Vec<u8>>,
    pub headers: Vec<HeaderMap>,
}

pub type Answer = Box<dyn Fn(&str, usize) -> StatusCode + Send + Sync>;

/// A webhook server of our own.
pub struct Receiver {
    pub url: String,
    pub got: Arc<Mutex<Got>>,
}

#[derive(Clone)]
struct Served {
    got: Arc<Mutex<Got>>,
    answer: Arc<Answer>,
}

impl Receiver {
    /// Answers as it is told by key and by how many requests came before; what it answers with success it has.
    pub async fn new(answer: impl Fn(&str, usize) -> StatusCode + Send + Sync + 'static) -> Self {
        let got = Arc::new(Mutex::new(Got::default()));
        let served = Served { got: Arc::clone(&got), answer: Arc::new(Box::new(answer)) };
        let app = Router::new().route("/hook", post(receive)).with_state(served);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, got }
    }

    pub async fn willing() -> Self {
        Self::new(|_, _| StatusCode::OK).await
    }

    pub fn keys(&self) -> Vec<String> {
        self.got.lock().unwrap().keys.clone()
    }

    /// The cases told of, in their order.
    pub fn cases(&self) -> Vec<usize> {
        self.keys().iter().map(|key| key.split(':').nth(1).unwrap()[1..].parse().unwrap()).collect()
    }
}

async fn receive(State(served): State<Served>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let mut got = served.got.lock().unwrap();
    let answer = (served.answer)(&key, got.headers.len());
    got.headers.push(headers);
    if answer.is_success() {
        got.keys.push(key.clone());
        let before = got.bodies.insert(key, body.to_vec());
        assert!(before.is_none_or(|before| before == body), "a repeat has the same bytes");
    }
    answer
}

pub fn webhook(name: &str, url: &str) -> Reader {
    let to = Destination::Webhook(WebhookTarget {
        url: url.to_owned(),
        secret: None,
        old_secret: None,
        timeout: Duration::from_secs(5),
        parallel: 1,
    });
    reader(name, to)
}

pub fn reader(name: &str, to: Destination) -> Reader {
    Reader {
        name: name.into(),
        events: vec![EventKind::Case, EventKind::Outcome],
        batch: 50,
        give_up: Duration::from_secs(72 * 3_600),
        to,
    }
}

pub fn courier(store: &Arc<Store>, reader: &Reader) -> Courier {
    Courier::new(Arc::clone(store), reader.clone(), "node", 7).unwrap()
}

/// Steps until nothing is left, the clock put on as far as is asked; how late it is then.
pub async fn drain(courier: &mut Courier, from: WallTime) -> WallTime {
    let mut now = from;
    for _ in 0..10_000 {
        match courier.step(now).await.unwrap() {
            Step::Again => {}
            Step::Idle => return now,
            Step::At(at) => now = at,
        }
    }
    panic!("it never ends")
}
