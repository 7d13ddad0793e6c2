//! A day in the console, in a real browser: each kind of people signs in, a campaign is made from a file, started and
//! watched, a call is found by a word and heard, and nobody sees what is not theirs. The walks are `console/tests`;
//! pictures of each page in both languages lie in `console/shots` after it. What the agent's page played and what is
//! kept of the agent are written down again, what they put down is in the store, and the bundle that was handed out
//! proves itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/words.rs"]
mod words;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use common::{PATIENCE, Told, approve, at, lay_out, run, waihu};
use serde_json::{Value, json};
use waihu_record::wav;
use words::{WORDS_RIGHT, words_right_at_once, written_down_in};

const SIP: &str = "127.0.0.1:5088";
const PASSWORD: &str = "a horse with nine lamps";

/// What the agent says, and what the callee says to it.
const AGENT_SAYS: &str = "请您记一下我们的客服电话和上班时间。";
const CALLEE_SAYS: &str = "麻烦你说慢一点，我拿笔记一下。";
/// The agent begins anew after so long [s]: time to be answered.
const AGENT_EVERY_S: usize = 15;
/// Within so long after they were joined [s] the agent has said all of it once; it is as much as is heard at once.
const ONCE_S: usize = 25;

/// Whoever asks for a person, and has patience with them.
const ASKS_FOR_A_PERSON: &str = r#"
[[persona]]
number = "1407"
name = "speaks with a person"
lang = "zh"
voice = "zm_yunxia"
steps = [
    { say = "对，我是。" },
    { bot_spoke_ms = 9000, say = "我不想跟机器说，帮我转人工客服。" },
    { listen = true },
]
otherwise = { say = "CALLEE_SAYS" }
max_turns = 999
patience_ms = 300000
max_call_ms = 900000
"#;

/// A person who may sign in.
fn person(project: &Path, login: &str, role: &str) {
    let mut adding = waihu(project)
        .args(["person", "add", login, "--role", role, "--name", login])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(adding.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    assert!(adding.wait().unwrap().success(), "{login} could not be added");
}

/// What every microphone of the browser hears: the agent's words, and silence until they begin anew.
fn microphone(project: &Path) -> PathBuf {
    const RATE: usize = 16_000;
    let (line, path) = (at(project, "line.wav"), project.join("agent.wav"));
    run(
        project,
        &["say", "--lang", "zh", "--voice", "zf_xiaobei", "--rate", "16000", "--out", &line, AGENT_SAYS],
    );
    let mut samples = vec![0_i16; AGENT_EVERY_S * RATE];
    let said = wav::read(&line).unwrap().mono();
    samples.iter_mut().skip(RATE).zip(said).for_each(|(to, sample)| *to = (sample * 32_767.0) as i16);
    wav::write_mono(&path, 16_000, &samples).unwrap();
    path
}

/// A project with all that the walk finds there.
fn lay_out_all(project: &Path) {
    let trunk = format!(
        "[trunk]\nproxy = {SIP:?}\nfrom = \"sip:4008001234@127.0.0.1\"\ncompliance = \"laboratory\"\n\
         bind = \"127.0.0.1:0\"\nrtp_ports = [25200, 25298]\nring_timeout_s = 20\nmax_calls = 2\n"
    );
    let practice = include_str!("../sip-config/practice.toml");
    // Due at any hour, and no mail server is there to take it.
    let waihu_toml = "[[report]]\nname = \"daily\"\nevery = \"day\"\nhour = 0\nzone = \"Asia/Shanghai\"\n\
         mail = [\"operations@bank.example\"]\n\
         [mail]\nhost = \"127.0.0.1\"\nport = 8497\nencipher = \"off\"\nfrom = \"waihu@bank.example\"\n";
    let own = ASKS_FOR_A_PERSON.replace("CALLEE_SAYS", CALLEE_SAYS);
    let personas = [include_str!("../engine/simulator/personas.toml"), &own].concat();
    lay_out(
        project,
        &[
            ("waihu.toml", waihu_toml),
            ("sip-config/main.toml", &trunk),
            ("sip-config/practice.toml", practice),
            ("personas.toml", &personas),
        ],
    );
    // The one that was approved last is offered first.
    approve(project, "handoff-only");
    approve(project, "reminder");
    for (login, role) in
        [("ops", "operations"), ("comp", "compliance"), ("agent", "agent"), ("admin", "admin")]
    {
        person(project, login, role);
    }
}

#[test]
fn people_of_every_role_do_their_work_in_it() {
    let console = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("console");
    assert!(
        waihu_api::has_console() && console.join("node_modules").is_dir(),
        "the console is not built: `make console`, then build again"
    );
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    lay_out_all(project);
    let left = |file: &str| console.join("shots").join(file);
    let (heard, talk, bundle) = (left("heard.wav"), left("talk.json"), left("bundle.zip"));
    // Of an earlier walk.
    for file in [&heard, &talk, &bundle] {
        let _ = fs::remove_file(file);
    }
    let personas = at(project, "personas.toml");
    let simulate = ["simulate", "--while-stdin", "--bind", SIP, "--personas", &personas];
    let callees = Told::spawn(waihu(project).args(simulate));
    callees.wait_for("practice ground open");
    let engine = Told::spawn(waihu(project).args(["serve", "--trunk", "main", "--listen", "127.0.0.1:0"]));
    let serving = engine.wait_for("serving");
    let address = serving.split(' ').next_back().unwrap();
    let walked = Command::new("node")
        .args(["tests/all.mjs", address])
        .current_dir(&console)
        .env("WAIHU_PASSWORD", PASSWORD)
        .env("WAIHU_MICROPHONE", microphone(project))
        .env("WAIHU_CALLEE", "1407")
        .output()
        .expect("node is needed: .ci/setup brings it");
    let (out, err) = (String::from_utf8_lossy(&walked.stdout), String::from_utf8_lossy(&walked.stderr));
    assert!(walked.status.success(), "{out}\n{err}");
    let talk: Value = serde_json::from_str(&fs::read_to_string(talk).unwrap()).unwrap();
    let outcome = filed(project, talk["campaign"].as_str().unwrap());
    engine.end();
    callees.close();

    let promise = &outcome["promise"];
    assert_eq!(json!({"date": promise["date"], "amount": promise["amount"]}), talk["promise"], "{outcome}");
    assert_eq!(outcome["handover"]["disposition"], "promise_to_pay", "{outcome}");
    is_written_down(project, heard, CALLEE_SAYS);
    is_written_down(project, agents_side(project, &outcome), AGENT_SAYS);
    run(project, &["bundle", "verify", bundle.to_str().unwrap()]);
}

/// The outcome of a campaign's one call, once what the agent put down is in it.
fn filed(project: &Path, campaign: &str) -> Value {
    let by = Instant::now() + PATIENCE;
    loop {
        let told = run(project, &["outcomes", "--json", "--campaign", campaign]);
        let outcome: Option<Value> = told.lines().next().map(|line| serde_json::from_str(line).unwrap());
        match outcome {
            Some(outcome) if outcome["handover"]["notes"].is_string() => return outcome,
            _ if Instant::now() > by => panic!("what the agent put down is not in the outcome"),
            _ => sleep(Duration::from_millis(500)),
        }
    }
}

/// What the callee was given to hear once they were joined.
fn agents_side(project: &Path, outcome: &Value) -> PathBuf {
    let at_ms = |at: &Value| at.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let after_ms = at_ms(&outcome["handover"]["joined_at"]) - at_ms(&outcome["answered_at"]);
    let recording = wav::read(outcome["recording"]["path"].as_str().unwrap()).unwrap();
    let rate = recording.rate as usize;
    let talk = recording.channels[1].iter().skip(after_ms as usize * rate / 1_000).take(ONCE_S * rate);
    let samples: Vec<i16> = talk.map(|sample| (sample * 32_767.0) as i16).collect();
    let path = project.join("agents-side.wav");
    wav::write_mono(&path, recording.rate, &samples).unwrap();
    path
}

/// These words are heard in a file.
fn is_written_down(project: &Path, file: PathBuf, said: &str) {
    let name = file.display().to_string();
    let text = written_down_in("zh", waihu(project), &[file], "both").remove(0);
    let right = words_right_at_once(said, &text);
    assert!(right >= WORDS_RIGHT, "{name}: {right} of {said:?} in {text:?}");
}
