//! Whoever promises in a call has it in writing afterwards, once: through a gateway that takes JSON, as `waihu serve`
//! sends it, and through a message centre that speaks SMPP. Who is not to have a text, or not now, has none, and it is
//! told why; what is not taken is tried again, or told of.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use common::{COLUMNS, PATIENCE, Told, approve, at, callees, lay_out, row, run, waihu};
use serde_json::{Value, json};
use waihu_compliance::Gate;
use waihu_store::{Message, MessageState, NewAttempt, Passage, Store};
use waihu_types::Outcome;

const SIP: &str = "127.0.0.1:5134";

/// Texts by day, and one a week to a number.
const PROFILE: &str = r#"
id = "texts"
zh = "测试"
en = "a test"
[hours]
id = "t-hours"
source = "a test"
zh = "白天"
en = "by day"
every_day = ["06:00-18:00"]
[sms.hours]
id = "t-sms-hours"
source = "a test"
zh = "短信只在白天发送"
en = "texts by day alone"
every_day = ["06:00-18:00"]
[[sms.cap]]
id = "t-sms-week"
source = "a test"
zh = "每周一条"
en = "one a week"
counts = "attempts"
most = 1
within = "7 days"
per = "number"
"#;

const HTTP: &str = r#"
[sms]
kind = "http"
compliance = "texts"
url = "http://GATEWAY/send"
body = { to = "{number}", text = "{text}", reference = "{message}" }
id = "data.id"
"#;

const SMPP: &str = r#"
[sms]
kind = "smpp"
compliance = "texts"
url = "smpp://127.0.0.1:PORT"
system_id = "waihu"
password_file = "PASSWORD"
source = "10690000"
"#;

/// Zones where it is between noon and one now, and between midnight and one, whenever this runs.
fn noon_and_midnight() -> (String, String) {
    let hour = i64::from(jiff::Timestamp::now().in_tz("UTC").unwrap().hour());
    let noon = 12 - hour;
    let midnight = if noon > 0 { noon - 12 } else { noon + 12 };
    // By their names they are counted the other way round.
    let zone = |ahead: i64| format!("Etc/GMT{:+}", -ahead);
    (zone(noon), zone(midnight))
}

/// A table of cases, each with its zone.
fn table(rows: &[(&str, &str, &str)]) -> String {
    let line = |(id, number, zone): &(&str, &str, &str)| format!("{},{zone}\n", row(id, number).trim_end());
    format!("{},time_zone\n{}", COLUMNS.trim_end(), rows.iter().map(line).collect::<String>())
}

/// A gateway that takes all, each under an id of its own; what it got.
fn gateway() -> (SocketAddr, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, got) = channel();
    std::thread::spawn(move || {
        for (n, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let mut stream = BufReader::new(stream);
            let (mut length, mut line) = (0, String::new());
            while stream.read_line(&mut line).unwrap_or(0) > 2 {
                if let Some((name, value)) = line.split_once(':')
                    && name.eq_ignore_ascii_case("content-length")
                {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            tell.send(serde_json::from_slice(&body).unwrap()).unwrap();
            let answer = json!({ "data": { "id": format!("g{n}") } }).to_string();
            let head =
                format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n", answer.len());
            stream.get_mut().write_all(format!("{head}\r\n{answer}").as_bytes()).unwrap();
        }
    });
    (address, got)
}

/// A message centre of another make, and its port. By the last digit of a number it has too much to do at first (1),
/// refuses it (2), or takes it and says that it was delivered.
fn centre() -> (Told, u16) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("node");
    command
        .env("NODE_PATH", root.join(".tools/smpp/node_modules"))
        .arg(root.join("engine/deliver/tests/peers/smsc.js"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let centre = Told::spawn(&mut command);
    let said: Value = serde_json::from_str(&centre.wait_for("port")).unwrap();
    (centre, said["port"].as_u64().unwrap().try_into().unwrap())
}

/// Files the same call about another case, to another number.
async fn file(store: &Store, outcome: &Value, case: &str, number: &str) {
    let mut record = outcome.clone();
    for (key, value) in [
        ("attempt", json!(case)),
        ("case", json!(case)),
        ("callee", json!(number)),
        ("campaign", Value::Null),
        ("recording", Value::Null),
        ("transcript", Value::Null),
    ] {
        record[key] = value;
    }
    let outcome: Outcome = serde_json::from_value(record).unwrap();
    let new = NewAttempt {
        attempt: outcome.attempt.clone(),
        campaign: None,
        case: outcome.case.clone(),
        callee: outcome.callee.clone(),
        script: outcome.script.clone(),
        models: outcome.models.clone(),
        dialled_at: outcome.dialled_at,
        own_number: false,
    };
    store.begin_attempt(&new, &Passage::new(Gate::laboratory(), "Asia/Shanghai")).await.unwrap();
    store.close_attempt(&outcome).await.unwrap();
}

/// The text that a call left, once it stands as is asked.
async fn stands(store: &Store, attempt: &str, as_asked: impl Fn(&Message) -> bool) -> Message {
    let attempt = attempt.parse().unwrap();
    let begun = Instant::now();
    loop {
        let found = store.messages_of(&attempt).await.unwrap();
        assert!(found.len() < 2, "{attempt}: {found:?}");
        match found.into_iter().next() {
            Some(message) if as_asked(&message) => return message,
            found => assert!(begun.elapsed() < PATIENCE, "{attempt}: {found:?}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn whoever_promises_has_it_in_writing_once() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    let (noon, midnight) = noon_and_midnight();
    let (noon, midnight) = (noon.as_str(), midnight.as_str());
    let (address, got) = gateway();
    let trunk = format!(
        "[trunk]\nproxy = {SIP:?}\nfrom = \"sip:4008001234@127.0.0.1\"\ncompliance = \"laboratory\"\n\
         bind = \"127.0.0.1:0\"\nrtp_ports = [26100, 26198]\nmax_calls = 1\n"
    );
    let others = [
        ("listed", "13800000106", noon),
        ("night", "13800000107", midnight),
        ("centre", "13800000117", noon),
        ("busy", "13800000111", noon),
        ("refused", "13800000112", noon),
    ];
    lay_out(
        project,
        &[
            ("sip-config/texts.toml", &trunk),
            ("compliance/texts.toml", PROFILE),
            ("waihu.toml", &HTTP.replace("GATEWAY", &address.to_string())),
            ("personas.toml", waihu_simulator::practice::PERSONAS),
            ("texts.toml", "trunk = \"texts\"\nscript = \"reminder\"\n"),
            ("cases.csv", &table(&[("promises", "1001", noon)])),
            ("others.csv", &table(&others)),
            ("password", "secret\n"),
        ],
    );
    approve(project, "reminder");
    run(project, &["cases", "import", &at(project, "others.csv")]);
    run(project, &["do-not-call", "add", "13800000106", "--reason", "a letter", "--by", "Li"]);
    let (settings, cases) = (at(project, "texts.toml"), at(project, "cases.csv"));
    run(project, &["campaign", "create", "texts", "--settings", &settings, "--cases", &cases]);
    run(project, &["campaign", "start", "texts"]);

    // One call that ends in a promise, and the text that follows it.
    let callees = callees(project, SIP, ("36100", "36198"), "personas.toml");
    let engine = Told::spawn(waihu(project).args(["serve", "--trunk", "texts", "--listen", "127.0.0.1:0"]));
    let sent = got.recv_timeout(PATIENCE).expect("no text came");
    let outcome: Value =
        serde_json::from_str(&run(project, &["outcomes", "--case", "promises", "--json"])).unwrap();
    let day: jiff::civil::Date = outcome["promise"]["date"].as_str().unwrap().parse().unwrap();
    let weekday = ["一", "二", "三", "四", "五", "六", "天"]
        [usize::try_from(day.weekday().to_monday_zero_offset()).unwrap()];
    let text = sent["text"].as_str().unwrap();
    let promised = format!("{}月{}日星期{weekday}还款3250.00元。", day.month(), day.day());
    assert!(text.starts_with("【安信银行】张先生您好，") && text.contains(&promised), "{text}");
    let left = &outcome["follow_ups"][0];
    assert_eq!((&left["template"], &left["text"]), (&json!("promise"), &sent["text"]));
    assert_eq!(sent["to"], "1001");
    let attempt = outcome["attempt"].as_str().unwrap();
    let store = Store::open(project.join(".waihu/waihu.sqlite")).await.unwrap();
    let message = stands(&store, attempt, |message| message.state == MessageState::Sent).await;
    assert_eq!((message.gateway_id.as_deref(), message.tries), (Some("g0"), 1));
    assert_eq!(sent["reference"], message.new.message.as_str());

    // Who is on the list has none, and who sleeps has none before the morning there.
    file(&store, &outcome, "listed", "13800000106").await;
    file(&store, &outcome, "night", "13800000107").await;
    let listed = stands(&store, "listed", |message| message.state == MessageState::Refused).await;
    assert!(listed.why.contains("a letter") && listed.why.contains("禁呼名单"), "{}", listed.why);
    let night = stands(&store, "night", |message| !message.why.is_empty()).await;
    assert_eq!(night.state, MessageState::Waiting);
    assert!(night.why.starts_with("t-sms-hours: "), "{}", night.why);
    let morning = night.due_at.timestamp().in_tz(midnight).unwrap().time();
    assert_eq!(morning, jiff::civil::time(6, 0, 0, 0));
    let told = run(project, &["explain", "night", "--profile", "texts"]);
    assert!(told.contains("promise: waiting") && told.contains("t-sms-hours"), "{told}");
    let told = run(project, &["explain", "night", "--profile", "texts", "--json"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (&told["texts"][0]["state"], &told["texts"][0]["why"]),
        (&json!("waiting"), &json!(night.why))
    );
    engine.end();
    callees.close();

    // The same through a centre: one that has too much to do is asked again, one that refuses is believed.
    let (mut centre, port) = centre();
    let smpp = SMPP.replace("PORT", &port.to_string()).replace("PASSWORD", &at(project, "password"));
    fs::write(project.join("waihu.toml"), smpp).unwrap();
    for (case, number, _) in &others[2..] {
        file(&store, &outcome, case, number).await;
    }
    let delivering = Told::spawn(waihu(project).args(["deliver", "run"]));
    stands(&store, "centre", |message| message.state == MessageState::Delivered).await;
    let busy = stands(&store, "busy", |message| message.state == MessageState::Delivered).await;
    assert!(busy.tries > 1, "{}", busy.tries);
    let refused = stands(&store, "refused", |message| message.state == MessageState::Failed).await;
    assert_eq!(refused.why, "EsmeRinvdstadr");
    delivering.end();
    centre.child.kill().unwrap();
    let mut taken: Vec<Value> =
        centre.close().iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    taken.retain(|said: &Value| said.get("taken").is_some());
    let whole = |number: &str| {
        let parts = taken.iter().filter(|said| said["taken"] == number);
        parts.map(|said| said["text"].as_str().unwrap()).collect::<String>()
    };
    assert_eq!((whole("13800000117").as_str(), whole("13800000111").as_str()), (text, text), "once each");

    // What came of all of them is told, with what nobody had; and nothing was sent twice.
    let status = run(project, &["deliver", "status"]);
    for words in [
        "delivered 2",
        "failed 1",
        "refused 1",
        "sent 1",
        "waiting 1",
        "refused:sms:1 failed: EsmeRinvdstadr",
    ] {
        assert!(status.contains(words), "{words}: {status}");
    }
    assert!(!status.contains("1380000"), "{status}");
    assert!(got.try_recv().is_err(), "one text was sent twice");
}
