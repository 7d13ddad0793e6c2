//! A preview campaign: nobody is called before an agent has looked at the case and asks for its call, and whoever
//! asked has the call without being asked again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/desk.rs"]
mod desk;

use std::{path::Path, time::Duration};

use common::{COLUMNS, Told, approve, at, callees, lay_out, row, run, waihu};
use desk::{add_agent, sits_down};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

const SIP: &str = "127.0.0.1:5087";
const API: &str = "127.0.0.1:8487";

const PERSONAS: &str = r#"
[[persona]]
number = "1301"
name = "rings"
lang = "zh"
no_answer = true

[[persona]]
number = "1302"
name = "answers"
lang = "zh"
voice = "zm_yunxia"
steps = [{ say = "对，我是。" }]
otherwise = { say = "好的。" }
"#;

/// Long enough for ten rounds of the engine.
const ROUNDS: Duration = Duration::from_secs(3);

fn status(project: &Path) -> Value {
    serde_json::from_str(&run(project, &["campaign", "status", "seen", "--json"])).unwrap()
}

/// The calls that were placed.
async fn attempts(token: &str) -> Value {
    let mut stream = TcpStream::connect(API).await.unwrap();
    let token = token.split_whitespace().find(|word| word.starts_with("whu_")).unwrap();
    let asked = format!(
        "GET /v1/attempts HTTP/1.1\r\nhost: {API}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(asked.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let page: Value =
        serde_json::from_str(&body[body.find('{').unwrap()..=body.rfind('}').unwrap()]).unwrap();
    page["items"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_called_before_an_agent_asks_and_who_asked_has_the_call() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    let trunk = format!(
        "[trunk]\nproxy = {SIP:?}\nfrom = \"sip:4008001234@127.0.0.1\"\ncompliance = \"laboratory\"\n\
         bind = \"127.0.0.1:0\"\nrtp_ports = [25700, 25798]\nring_timeout_s = 20\nmax_calls = 4\n"
    );
    let settings = "trunk = \"line\"\nscript = \"handoff-only\"\n[pacing]\nmode = \"preview\"\n";
    lay_out(
        project,
        &[
            ("sip-config/line.toml", &trunk),
            ("seen.toml", settings),
            ("personas.toml", PERSONAS),
            ("cases.csv", &[COLUMNS, &row("a", "1301"), &row("b", "1303"), &row("c", "1302")].concat()),
        ],
    );
    approve(project, "handoff-only");
    add_agent(project);
    let token = run(project, &["token", "make", "look", "--role", "operations", "--person", "Wang"]);
    let at = |file| at(project, file);
    let (settings, cases) = (at("seen.toml"), at("cases.csv"));
    run(project, &["campaign", "create", "seen", "--settings", &settings, "--cases", &cases, "--start"]);
    let callees = callees(project, SIP, ("34600", "34698"), "personas.toml");
    let engine = Told::spawn(waihu(project).args(["serve", "--trunk", "line", "--listen", API]));
    engine.wait_for("serving");

    let mut desk = sits_down(API).await;
    desk.say(json!({"type": "presence", "wish": "available"})).await;
    let look = desk.wait_for("look").await;
    let (first, card) = (look["attempt"].clone(), &look["card"]);
    assert_eq!(
        (&card["case"], &card["reason"], &card["debt_disclosed"]),
        (&json!("a"), &Value::Null, &json!(false))
    );
    sleep(ROUNDS).await;
    let stands = status(project);
    assert_eq!((&stands["leased"], &stands["ready"]), (&json!(1), &json!(2)), "one is shown: {stands}");
    assert_eq!(attempts(&token).await, json!([]), "nobody is called");

    // It is called only now, and given up: the debtor has paid.
    desk.say(json!({"type": "answer", "attempt": first})).await;
    callees.wait_for("called 来电: rings");
    run(project, &["cases", "paid", "a"]);

    // The next case is looked at, and left for later.
    let look = desk.wait_for("look").await;
    assert_eq!(look["card"]["case"], "b");
    desk.say(json!({"type": "decline", "attempt": look["attempt"]})).await;
    sleep(ROUNDS).await;
    assert_eq!(status(project)["waiting"], 1);
    let look = desk.wait_for("look").await;
    assert_eq!(look["card"]["case"], "c");
    let attempt = look["attempt"].clone();
    desk.say(json!({"type": "answer", "attempt": attempt})).await;
    callees.wait_for("called 来电: answers");
    // The bot greets, and the agent has the call without a further question.
    let sdp = desk.wait_for("sdp").await;
    assert_eq!(sdp["attempt"], attempt);
    engine.end();
}
