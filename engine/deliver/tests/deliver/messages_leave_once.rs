//! Text messages that calls leave: through gateways on real sockets, under their own rules, never twice.
use std::{
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::common::{case, courier, drain, store};
use axum::{Router, extract::State, http::StatusCode, routing::post};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, Command},
};
use tracing::Level;
use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt};
use waihu_compliance::Profile;
use waihu_deliver::{
    HttpGateway, LetIn, LongText, Reader, Secret, SmppGateway, Sms, SmsGateway, Step, Texts,
};
use waihu_store::{CaseState, MessageState, Store};
use waihu_types::{Case, FollowUp, WallTime};

const CN: &str = include_str!("../../../../compliance/cn.toml");

/// A moment in Shanghai, in a window for messages unless another is asked for.
pub(crate) fn there(text: &str) -> WallTime {
    format!("{text}+08:00").parse().unwrap()
}

pub(crate) fn nine() -> WallTime {
    there("2026-11-26T09:30:00")
}

/// A call about case `Cn` that leaves a text for a number; the message is written down.
pub(crate) async fn call(store: &Arc<Store>, n: u32, number: &str, text: &str) {
    let about = Case { phone: number.parse().unwrap(), ..case(&format!("C{n}"), "信用卡") };
    store.import(&[about], nine()).await.unwrap();
    let follow_ups = vec![FollowUp::Sms { template: "how_to_pay".into(), text: text.into() }];
    let outcome = waihu_types::Outcome { follow_ups, ..crate::common::outcome(n * 3, number, nine()) };
    let outcome = waihu_types::Outcome { case: format!("C{n}").parse().unwrap(), ..outcome };
    crate::common::file(store, outcome).await;
    drain(&mut courier(store, &Reader::follow_ups()), nine()).await;
}

pub(crate) fn texts(store: &Arc<Store>, gateway: SmsGateway) -> Texts {
    let profile = Profile::parse("cn.toml", CN, |_| None).unwrap();
    Texts::new(Arc::clone(store), sms(gateway), &profile, 1).unwrap()
}

fn sms(gateway: SmsGateway) -> Sms {
    Sms { compliance: "cn".into(), per_second: 100, too_old: Duration::from_secs(72 * 3_600), gateway }
}

/// Sends from a moment on until nothing is due within so long.
pub(crate) async fn send(texts: &mut Texts, from: WallTime, for_s: u64) {
    let mut now = from;
    while now < from.plus(Duration::from_secs(for_s)) {
        texts.step(now).await.unwrap();
        now = now.plus(Duration::from_secs(1));
    }
}

async fn states(store: &Store) -> Vec<(MessageState, i64)> {
    store.message_counts().await.unwrap()
}

pub(crate) async fn message(store: &Store, n: u32) -> waihu_store::Message {
    store.message(&format!("a{}:sms:1", n * 3)).await.unwrap().unwrap()
}

// --- HTTP

#[derive(Clone)]
struct Gateway {
    got: Arc<Mutex<Vec<Value>>>,
    answer: Arc<dyn Fn(usize) -> (StatusCode, String) + Send + Sync>,
}

impl Gateway {
    async fn new(
        answer: impl Fn(usize) -> (StatusCode, String) + Send + Sync + 'static,
    ) -> (Self, SmsGateway) {
        let gateway = Self { got: Arc::default(), answer: Arc::new(answer) };
        let take = |State(gateway): State<Self>, body: String| async move {
            let mut got = gateway.got.lock().unwrap();
            got.push(serde_json::from_str(&body).unwrap());
            (gateway.answer)(got.len() - 1)
        };
        let app = Router::new().route("/send", post(take)).with_state(gateway.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/send", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (gateway, http(&url))
    }

    fn texts(&self) -> Vec<String> {
        self.got.lock().unwrap().iter().map(|body| body["msg"]["text"].as_str().unwrap().to_owned()).collect()
    }
}

fn http(url: &str) -> SmsGateway {
    SmsGateway::Http(HttpGateway {
        url: url.to_owned(),
        token: None,
        body: json!({ "msg": { "to": ["{number}"], "text": "{text}" }, "ref": "{message}", "flash": false }),
        id: Some("data.0.id".into()),
        timeout: Duration::from_millis(500),
    })
}

fn taken(n: usize) -> (StatusCode, String) {
    (StatusCode::OK, json!({ "data": [{ "id": n }] }).to_string())
}

#[tokio::test]
async fn a_text_is_filled_in_as_it_is_and_its_id_kept() {
    let (_dir, store) = store().await;
    let (gateway, line) = Gateway::new(taken).await;
    let text = "{number} \"您好\", {message}\n\\ {text}";
    call(&store, 1, "13800000007", text).await;
    send(&mut texts(&store, line), nine(), 3).await;
    let got = gateway.got.lock().unwrap().clone();
    assert_eq!(
        got,
        [json!({ "msg": { "to": ["13800000007"], "text": text }, "ref": "a3:sms:1", "flash": false })]
    );
    let message = message(&store, 1).await;
    assert_eq!((message.state, message.gateway_id.as_deref()), (MessageState::Sent, Some("0")));
    let told = store.events(0, 100).await.unwrap();
    let last = told.last().unwrap();
    assert_eq!((last.kind.as_str(), &last.body), ("sms", &json!({ "message": "a3:sms:1", "state": "sent" })));
}

#[tokio::test]
async fn what_surely_did_not_leave_is_tried_again_and_what_may_have_left_is_not() {
    for (answer, again) in [
        ((StatusCode::TOO_MANY_REQUESTS, String::new()), true),
        ((StatusCode::SERVICE_UNAVAILABLE, String::new()), true),
        ((StatusCode::INTERNAL_SERVER_ERROR, String::new()), false),
        ((StatusCode::OK, "<html>".to_owned()), false),
        ((StatusCode::OK, json!({ "data": [] }).to_string()), false),
    ] {
        let (_dir, store) = store().await;
        let first = answer.clone();
        let (gateway, line) = Gateway::new(move |n| if n == 0 { first.clone() } else { taken(n) }).await;
        call(&store, 1, "13800000007", "text").await;
        send(&mut texts(&store, line), nine(), 5).await;
        let state = message(&store, 1).await.state;
        assert_eq!(gateway.texts().len(), if again { 2 } else { 1 }, "{answer:?}");
        assert_eq!(state, if again { MessageState::Sent } else { MessageState::Unknown }, "{answer:?}");
    }
}

#[tokio::test]
async fn a_gateway_that_is_away_is_waited_for_and_one_that_refuses_is_believed() {
    let (_dir, store) = store().await;
    call(&store, 1, "13800000007", "text").await;
    send(&mut texts(&store, http("http://127.0.0.1:9/send")), nine(), 2).await;
    let waiting = message(&store, 1).await;
    assert_eq!(waiting.state, MessageState::Waiting);
    assert!(
        waiting.tries > 0 && !waiting.why.is_empty() && !waiting.why.contains("127.0.0.1"),
        "{}",
        waiting.why
    );
    let (gateway, line) = Gateway::new(|_| (StatusCode::FORBIDDEN, String::new())).await;
    send(&mut texts(&store, line), nine().plus(Duration::from_secs(10)), 3).await;
    assert_eq!((gateway.texts().len(), message(&store, 1).await.state), (1, MessageState::Failed));
}

#[tokio::test]
async fn messages_wait_for_their_window_and_the_third_of_a_week_does_not_leave() {
    let (_dir, store) = store().await;
    let (gateway, line) = Gateway::new(taken).await;
    for n in 1..=3 {
        call(&store, n, "13800000007", &format!("text {n}")).await;
    }
    let mut texts = texts(&store, line);
    send(&mut texts, there("2026-11-26T12:00:00"), 2).await;
    assert!(gateway.texts().is_empty(), "noon is no time for messages");
    send(&mut texts, there("2026-11-26T14:59:50"), 9).await;
    assert!(gateway.texts().is_empty());
    send(&mut texts, there("2026-11-26T15:00:00"), 3).await;
    assert_eq!(gateway.texts(), ["text 1", "text 2"]);
    // Its turn would come in a week, when it says nothing sensible any more.
    let third = message(&store, 3).await;
    assert_eq!(third.state, MessageState::Refused);
    assert!(third.why.contains("cn-sms-week"), "{}", third.why);
}

#[tokio::test]
async fn who_is_not_to_be_contacted_gets_no_message() {
    let (_dir, store) = store().await;
    let (gateway, line) = Gateway::new(taken).await;
    for n in 1..=6 {
        call(&store, n, &format!("1380000010{n}"), "text").await;
    }
    let id = |n: u32| format!("C{n}").parse().unwrap();
    store.forbid(&"13800000101".parse().unwrap(), "asked by letter", "Li", nine()).await.unwrap();
    store.set_case_state(&id(2), CaseState::Paid, None, nine()).await.unwrap();
    store.set_case_state(&id(3), CaseState::Withdrawn, None, nine()).await.unwrap();
    let marked = |n: u32, more: Value| {
        let mut record = serde_json::to_value(Case {
            phone: format!("1380000010{n}").parse().unwrap(),
            ..case(&format!("C{n}"), "信用卡")
        })
        .unwrap();
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value::<Case>(record).unwrap()
    };
    let changed = [
        marked(4, json!({ "represented": true })),
        marked(5, json!({ "consent": "revoked" })),
        marked(6, json!({ "time_zone": "Europe/Paris" })),
    ];
    store.import(&changed, nine()).await.unwrap();
    send(&mut texts(&store, line), nine(), 3).await;
    assert!(gateway.texts().is_empty());
    assert_eq!(states(&store).await, [(MessageState::Refused, 6)]);
    for (n, word) in [
        (1, "asked by letter"),
        (2, "paid"),
        (3, "withdrawn"),
        (4, "represented"),
        (5, "consent"),
        (6, "zone"),
    ] {
        let why = message(&store, n).await.why;
        assert!(why.contains(word) && !why.contains("13800"), "{n}: {why}");
    }
}

#[tokio::test]
async fn old_outcomes_send_nothing_when_messages_are_switched_on() {
    let (_dir, store) = store().await;
    let (gateway, line) = Gateway::new(taken).await;
    call(&store, 1, "13800000007", "text").await;
    send(&mut texts(&store, line), there("2026-12-01T09:30:00"), 3).await;
    assert!(gateway.texts().is_empty());
    assert_eq!(states(&store).await, [(MessageState::Refused, 1)]);
}

// --- SMPP

/// A real message centre, of another make.
pub(crate) struct Centre {
    port: u16,
    said: Arc<Mutex<Vec<Value>>>,
    replies: ChildStdin,
    _process: Child,
}

impl Centre {
    pub(crate) async fn start() -> Self {
        let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools/smpp/node_modules");
        let mut process = Command::new("node")
            .env("NODE_PATH", tools)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/smsc.js"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = lines.next_line().await.unwrap().expect("node-smpp is missing: .ci/setup --with-peers");
        let port = serde_json::from_str::<Value>(&first).unwrap()["port"].as_u64().unwrap();
        let said: Arc<Mutex<Vec<Value>>> = Arc::default();
        let into = Arc::clone(&said);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                into.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        let replies = process.stdin.take().unwrap();
        Self { port: u16::try_from(port).unwrap(), said, replies, _process: process }
    }

    /// A callee texts back (see `smsc.js`).
    pub(crate) async fn reply(&mut self, reply: Value) {
        self.replies.write_all(format!("{reply}\n").as_bytes()).await.unwrap();
    }

    pub(crate) fn gateway(&self, dir: &std::path::Path, long: LongText) -> SmsGateway {
        let path = dir.join("password");
        std::fs::write(&path, "secret\n").unwrap();
        SmsGateway::Smpp(SmppGateway {
            url: format!("smpp://127.0.0.1:{}", self.port),
            system_id: "waihu".into(),
            password: Some(Secret::File(path)),
            system_type: String::new(),
            source: "10690000".into(),
            long,
            timeout: Duration::from_millis(700),
            enquire_link: Duration::from_secs(1),
        })
    }

    /// What it said, once there is something of a kind so often.
    pub(crate) async fn saying(&self, key: &str, n: usize) -> Vec<Value> {
        let wait = async {
            loop {
                let said: Vec<Value> = self
                    .said
                    .lock()
                    .unwrap()
                    .iter()
                    .filter(|said| said.get(key).is_some())
                    .cloned()
                    .collect();
                if said.len() >= n {
                    return said;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let Ok(said) = tokio::time::timeout(Duration::from_secs(10), wait).await else {
            panic!("{key} was not said {n} times: {:?}", self.said.lock().unwrap())
        };
        said
    }
}

/// Waits until a message stands somewhere: receipts come when they come.
pub(crate) async fn stands(store: &Store, n: u32, state: MessageState) -> waihu_store::Message {
    let wait = async {
        loop {
            let message = message(store, n).await;
            if message.state == state {
                return message;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    match tokio::time::timeout(Duration::from_secs(10), wait).await {
        Ok(message) => message,
        Err(_) => panic!("{n} is {:?}", message(store, n).await),
    }
}

#[tokio::test]
async fn a_centre_gets_both_alphabets_and_long_texts_whole_and_its_receipts_are_kept() {
    let (dir, store) = store().await;
    let centre = Centre::start().await;
    let (english, chinese) = ("a".repeat(200), "还".repeat(100));
    call(&store, 1, "+8613800000006", "Pay $5 @ €").await;
    call(&store, 2, "13800000007", "您好").await;
    call(&store, 3, "13800000008", &english).await;
    call(&store, 4, "13800000009", &chinese).await;
    call(&store, 5, "13800000004", "text").await;
    send(&mut texts(&store, centre.gateway(dir.path(), LongText::Udh)), nine(), 2).await;
    let bound = centre.saying("bind", 1).await;
    assert_eq!((&bound[0]["version"], &bound[0]["right"]), (&json!(0x34), &json!(true)));
    let taken = centre.saying("taken", 7).await;
    let of = |number: &str| taken.iter().filter(|t| t["taken"] == number).cloned().collect::<Vec<_>>();
    let first = &of("8613800000006")[0];
    assert_eq!(
        (&first["text"], &first["ton"], &first["data_coding"]),
        (&json!("Pay $5 @ €"), &json!(1), &json!(0))
    );
    let second = &of("13800000007")[0];
    assert_eq!(
        (&second["text"], &second["data_coding"], &second["receipt"]),
        (&json!("您好"), &json!(8), &json!(1))
    );
    for (number, text, cut) in [("13800000008", &english, 153), ("13800000009", &chinese, 67)] {
        let parts = of(number);
        let texts: Vec<&str> = parts.iter().map(|p| p["text"].as_str().unwrap()).collect();
        assert_eq!((texts.len(), texts[0].chars().count(), &texts.concat()), (2, cut, text));
        assert_eq!(
            (&parts[0]["receipt"], &parts[1]["receipt"]),
            (&json!(0), &json!(1)),
            "one receipt for all"
        );
        assert_ne!(parts[0]["udh"], Value::Null, "{:?}", parts[0]);
        assert_eq!(parts[0]["udh"].as_array().unwrap().last(), Some(&json!(1)));
        assert_eq!(parts[1]["udh"].as_array().unwrap().last(), Some(&json!(2)));
    }
    for n in 1..=4 {
        stands(&store, n, MessageState::Delivered).await;
    }
    let failed = stands(&store, 5, MessageState::Failed).await;
    assert_eq!(failed.why, "UNDELIV 027");
    centre.saying("receipt_taken", 5).await;
    centre.saying("enquire_link", 1).await;
}

#[tokio::test]
async fn a_long_text_may_go_whole_as_a_payload() {
    let (dir, store) = store().await;
    let centre = Centre::start().await;
    let text = "还".repeat(300);
    call(&store, 1, "13800000007", &text).await;
    send(&mut texts(&store, centre.gateway(dir.path(), LongText::Payload)), nine(), 2).await;
    let taken = centre.saying("taken", 1).await;
    assert_eq!((&taken[0]["text"], &taken[0]["payload"]), (&json!(text), &json!(true)));
    stands(&store, 1, MessageState::Delivered).await;
}

#[tokio::test]
async fn a_centre_with_too_much_to_do_is_asked_again_and_has_it_once() {
    let (dir, store) = store().await;
    let centre = Centre::start().await;
    call(&store, 1, "13800000001", "text").await;
    // And one in parts, whose first is out when it is told to wait.
    call(&store, 2, "13800000011", &"还".repeat(100)).await;
    send(&mut texts(&store, centre.gateway(dir.path(), LongText::Udh)), nine(), 20).await;
    assert_eq!(centre.saying("throttled", 4).await.len(), 4);
    stands(&store, 1, MessageState::Delivered).await;
    stands(&store, 2, MessageState::Delivered).await;
    assert_eq!(centre.saying("taken", 3).await.len(), 3);
    assert!(message(&store, 1).await.tries > 1);
}

#[tokio::test]
async fn where_it_is_not_known_whether_it_left_it_is_told_and_not_sent_again() {
    let (dir, store) = store().await;
    let centre = Centre::start().await;
    call(&store, 1, "13800000003", "breaks the line").await;
    call(&store, 2, "13800000005", "is never answered").await;
    call(&store, 3, "13800000002", "is refused").await;
    call(&store, 4, "13800000007", "comes over a new line").await;
    let mut texts = texts(&store, centre.gateway(dir.path(), LongText::Udh));
    send(&mut texts, nine(), 4).await;
    stands(&store, 4, MessageState::Delivered).await;
    assert_eq!(message(&store, 1).await.state, MessageState::Unknown);
    assert_eq!(message(&store, 2).await.state, MessageState::Unknown);
    let refused = message(&store, 3).await;
    assert_eq!((refused.state, refused.why.as_str()), (MessageState::Failed, "EsmeRinvdstadr"));
    send(&mut texts, there("2026-11-26T15:30:00"), 3).await;
    send(&mut texts, there("2026-11-27T09:30:00"), 3).await;
    assert_eq!(centre.saying("taken", 3).await.len(), 3, "each once");
    assert!(centre.saying("bind", 3).await.len() >= 3);
}

#[tokio::test]
async fn a_wrong_password_sends_nothing_and_loses_nothing() {
    let (dir, store) = store().await;
    let centre = Centre::start().await;
    call(&store, 1, "13800000007", "text").await;
    let gateway = centre.gateway(dir.path(), LongText::Udh);
    std::fs::write(dir.path().join("password"), "wrong").unwrap();
    let mut texts = texts(&store, gateway);
    assert!(matches!(texts.step(nine()).await.unwrap(), Step::At(_)));
    let waiting = message(&store, 1).await;
    assert_eq!(waiting.state, MessageState::Waiting);
    assert!(waiting.why.contains("EsmeRinvpaswd"), "{}", waiting.why);
    std::fs::write(dir.path().join("password"), "secret").unwrap();
    send(&mut texts, nine().plus(Duration::from_secs(5)), 3).await;
    stands(&store, 1, MessageState::Delivered).await;
}

#[tokio::test]
async fn a_gateway_is_tried_without_a_message() {
    let (gateway, line) = Gateway::new(taken).await;
    assert_eq!(sms(line).reach().await.unwrap(), LetIn::Connected);
    assert!(gateway.got.lock().unwrap().is_empty(), "it is asked nothing");
    let refused = sms(http("http://127.0.0.1:9/send")).reach().await.unwrap_err().to_string();
    assert!(refused.contains("refused"), "{refused}");

    let dir = tempfile::tempdir().unwrap();
    let centre = Centre::start().await;
    let SmsGateway::Smpp(line) = centre.gateway(dir.path(), LongText::Udh) else { unreachable!() };
    let tried = async |line: &SmppGateway| sms(SmsGateway::Smpp(line.clone())).reach().await;
    assert_eq!(tried(&line).await.unwrap(), LetIn::Bound);
    centre.saying("unbind", 1).await;
    let taken = SmppGateway { system_id: "taken".into(), ..line.clone() };
    assert_eq!(tried(&taken).await.unwrap(), LetIn::Taken);
    std::fs::write(dir.path().join("password"), "wrong").unwrap();
    let refused = tried(&line).await.unwrap_err().to_string();
    assert!(refused.contains("EsmeRinvpaswd"), "{refused}");
    std::fs::remove_file(dir.path().join("password")).unwrap();
    let unread = tried(&line).await.unwrap_err().to_string();
    assert!(unread.contains("password"), "{unread}");
    let away = SmppGateway { url: "smpp://127.0.0.1:9".into(), ..line };
    assert!(tried(&away).await.unwrap_err().to_string().contains("refused"));
}

/// What is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn neither_number_nor_text_is_logged() {
    let log = Log::default();
    let into = log.clone();
    // As the program has it: everything, but for what the library tells of its line.
    let all = Targets::new().with_default(Level::TRACE).with_target(waihu_deliver::INDISCREET, Level::WARN);
    let lines = tracing_subscriber::fmt::layer().with_writer(move || into.clone());
    let logging = tracing_subscriber::registry().with(lines.with_filter(all));
    let _logging = tracing::subscriber::set_default(logging);
    let (dir, store) = store().await;
    let mut centre = Centre::start().await;
    call(&store, 1, "13800000003", "private words").await;
    call(&store, 2, "13800000002", "private words").await;
    call(&store, 3, "13800000007", "private words").await;
    send(&mut texts(&store, centre.gateway(dir.path(), LongText::Udh)), nine(), 3).await;
    stands(&store, 3, MessageState::Delivered).await;
    centre.reply(json!({ "from": "13800000007", "text": "STOP" })).await;
    centre.reply(json!({ "from": "private", "text": "STOP" })).await;
    centre.reply(json!({ "from": "13800000008", "text": "private words" })).await;
    centre.saying("reply_taken", 3).await;
    let (_gateway, line) = Gateway::new(|_| (StatusCode::BAD_GATEWAY, String::new())).await;
    call(&store, 4, "13800000009", "private words").await;
    send(&mut texts(&store, line), nine(), 2).await;
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for there in ["a3:sms:1", "a12:sms:1", "不再重发", "没有有效号码"] {
        assert!(logged.contains(there), "{there} is told of: {logged}");
    }
    for private in ["1380000", "private", "secret"] {
        assert!(!logged.contains(private), "{private}: {logged}");
    }
}
