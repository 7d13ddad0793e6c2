//! A supervisor hears a talk unheard, whispers, joins; the agent asks a colleague and hands the call over; a page is
//! loaded anew and a network goes for a while; the supervisor takes over. Each page sends a pitch of its own, by which
//! it is told who hears whom; the callee's side is told by the recording.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/desk.rs"]
mod desk;
#[path = "common/page.rs"]
mod page;

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use common::{COLUMNS, PATIENCE, Told, approve, at, callees, lay_out, row, run, waihu};
use desk::{Desk, add_person, gets, opens, signs_in};
use page::{Sound, THERE, take, who_was_heard};
use serde_json::{Value, json};
use tokio::time::sleep;

const SIP: &str = "127.0.0.1:5097";
const API: &str = "127.0.0.1:8497";

/// The pitches of Li, Wang and the supervisor [Hz].
const LI: u16 = 500;
const WANG: u16 = 800;
const ZHAO: u16 = 1_000;

/// Of what is not there so much is heard at the most, of full.
const GONE: f32 = 0.004;

const PERSONAS: &str = r#"
[[persona]]
number = "1301"
name = "wants a person"
lang = "zh"
voice = "zm_yunxia"
steps = [
    { say = "对，我是。" },
    { bot_spoke_ms = 9000, say = "我不想跟机器说，帮我转人工客服。" },
]
"#;

/// Waits until a page hears these and not those.
async fn hears(who: &str, sound: &Sound, wanted: &[u16], unwanted: &[u16]) {
    let by = Instant::now() + Duration::from_secs(12);
    loop {
        let is =
            wanted.iter().all(|p| sound.hears(*p) > THERE) && unwanted.iter().all(|p| sound.hears(*p) < GONE);
        if is {
            return;
        }
        let heard = [LI, WANG, ZHAO].map(|p| (p, sound.hears(p)));
        assert!(Instant::now() < by, "{who} hears {heard:?}, and should {wanted:?}, not {unwanted:?}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Answers our offer with a sound of this pitch.
async fn has_sound(page: &mut Desk, attempt: Option<&Value>, pitch: u16) -> Arc<Sound> {
    let sdp = page.wait_for("sdp").await["sdp"].as_str().unwrap().to_owned();
    let sound = Sound::of(pitch);
    let answer = take(&sdp, Arc::clone(&sound));
    page.say(match attempt {
        Some(attempt) => json!({"type": "sdp", "attempt": attempt, "sdp": answer}),
        None => json!({"type": "sdp", "sdp": answer}),
    })
    .await;
    sound
}

async fn is_free(api: &str, login: &str) -> (Desk, String) {
    let cookie = signs_in(api, login).await;
    let mut desk = opens(api, &cookie, "/v1/desk").await;
    desk.wait_for("state").await;
    desk.say(json!({"type": "presence", "wish": "available"})).await;
    while desk.wait_for("state").await["presence"] != "available" {}
    (desk, cookie)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_listens_whispers_joins_and_takes_over() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    let trunk = format!(
        "[trunk]\nproxy = {SIP:?}\nfrom = \"sip:4008001234@127.0.0.1\"\ncompliance = \"laboratory\"\n\
         bind = \"127.0.0.1:0\"\nrtp_ports = [25800, 25898]\nmax_calls = 4\n"
    );
    lay_out(
        project,
        &[
            ("sip-config/desk.toml", &trunk),
            ("desk.toml", "trunk = \"desk\"\nscript = \"reminder\"\n"),
            ("personas.toml", PERSONAS),
            ("cases.csv", &[COLUMNS, &row("c-1", "1301")].concat()),
        ],
    );
    approve(project, "reminder");
    add_person(project, "li", "李明", &["--role", "agent", "--skill", "hardship=4", "--answers", "at_once"]);
    add_person(project, "wang", "王芳", &["--role", "agent"]);
    add_person(project, "zhao", "赵敏", &["--role", "operations"]);
    let (settings, cases) = (at(project, "desk.toml"), at(project, "cases.csv"));
    run(project, &["campaign", "create", "desk", "--settings", &settings, "--cases", &cases]);
    let _callees = callees(project, SIP, ("34500", "34598"), "personas.toml");
    let engine = Told::spawn(waihu(project).args(["serve", "--trunk", "desk", "--listen", API]));
    engine.wait_for("serving");

    // A desk that answers by itself.
    let (mut li, li_cookie) = is_free(API, "li").await;
    run(project, &["campaign", "start", "desk"]);
    let offer = li.wait_for("offer").await;
    assert_eq!(offer["auto"], true);
    let attempt = offer["attempt"].clone();
    li.say(json!({"type": "answer", "attempt": attempt})).await;
    let li_sound = has_sound(&mut li, Some(&attempt), LI).await;
    li.wait_for("joined").await;

    // Unheard at first.
    let zhao_cookie = signs_in(API, "zhao").await;
    let talks = gets(API, &zhao_cookie, "/v1/talks").await;
    let talk = &talks["items"][0];
    assert_eq!((&talk["attempt"], &talk["name"]), (&attempt, &json!("李明")), "{talks}");
    let board = gets(API, &zhao_cookie, "/v1/board").await;
    assert_eq!(board["agents"]["presences"]["talking"], 1, "{board}");
    let seat = format!("/v1/talks/{}/seat", attempt.as_str().unwrap());
    let mut zhao = opens(API, &zhao_cookie, &seat).await;
    assert_eq!(zhao.wait_for("state").await["sitting"], "listens");
    let zhao_sound = has_sound(&mut zhao, None, ZHAO).await;
    hears("the supervisor", &zhao_sound, &[LI], &[]).await;
    sleep(Duration::from_millis(1_200)).await;
    hears("Li", &li_sound, &[], &[ZHAO]).await;

    zhao.say(json!({"type": "whisper"})).await;
    assert_eq!(zhao.wait_for("state").await["sitting"], "whispers");
    hears("Li, who is whispered to,", &li_sound, &[ZHAO], &[]).await;
    sleep(Duration::from_millis(1_500)).await;

    // A colleague is asked, with the callee on hold; the supervisor whispers on to Li alone.
    let (mut wang, _) = is_free(API, "wang").await;
    li.say(json!({"type": "transfer", "attempt": attempt, "to": {"agent": "wang"}, "how": "ask_first"}))
        .await;
    let asked = wang.wait_for("offer").await;
    assert_eq!((&asked["auto"], &asked["card"]["asked_by"]), (&json!(false), &json!("李明")));
    let consult = asked["attempt"].clone();
    wang.say(json!({"type": "answer", "attempt": consult})).await;
    let wang_sound = has_sound(&mut wang, Some(&consult), WANG).await;
    wang.wait_for("joined").await;
    hears("Li", &li_sound, &[WANG, ZHAO], &[]).await;
    hears("Wang", &wang_sound, &[LI], &[ZHAO]).await;

    // Li's page is loaded anew meanwhile: the call goes on, and its sound is taken up again.
    li_sound.is_cut.store(true, Relaxed);
    drop(li);
    let mut li = opens(API, &li_cookie, "/v1/desk").await;
    let state = li.wait_for("state").await;
    assert_eq!(
        (&state["call"]["attempt"], &state["call"]["held"], &state["call"]["asked"]["there"]),
        (&attempt, &json!(true), &json!(true)),
        "{state}"
    );
    li.say(json!({"type": "renew", "attempt": attempt})).await;
    let li_sound = has_sound(&mut li, Some(&attempt), LI).await;
    hears("Li after a reload", &li_sound, &[WANG], &[]).await;
    hears("Wang", &wang_sound, &[LI], &[]).await;

    // What Li says in the same breath costs Wang nothing.
    for said in ["hand_over", "hang_up", "hang_up"] {
        li.say(json!({"type": said, "attempt": attempt})).await;
    }
    li.wait_for("ended").await;
    let yours = wang.wait_for("yours").await;
    assert_eq!((&yours["attempt"], &yours["was"]), (&attempt, &consult));

    // Wang's network goes for ten seconds: nobody is dropped.
    wang_sound.is_cut.store(true, Relaxed);
    sleep(Duration::from_secs(10)).await;
    wang_sound.is_cut.store(false, Relaxed);
    hears("the supervisor, after ten seconds without network,", &zhao_sound, &[WANG], &[LI]).await;

    zhao.say(json!({"type": "join"})).await;
    hears("Wang", &wang_sound, &[ZHAO], &[]).await;
    sleep(Duration::from_millis(1_500)).await;
    zhao.say(json!({"type": "take_over"})).await;
    wang.wait_for("ended").await;
    let talks = gets(API, &zhao_cookie, "/v1/talks").await;
    assert_eq!(talks["items"][0]["agent"], "supervisor:zhao", "{talks}");
    sleep(Duration::from_millis(1_500)).await;
    zhao.say(json!({"type": "hang_up"})).await;
    zhao.wait_for("ended").await;

    let outcome = filed(project).await;
    let handover = &outcome["handover"];
    assert_eq!((&handover["agent"], &handover["result"]), (&json!("赵敏"), &json!("joined")), "{handover}");
    println!("the callee waited for {} ms", handover["waited_ms"]);
    let others: Vec<_> =
        handover["others"].as_array().unwrap().iter().map(|o| (&o["name"], &o["part"])).collect();
    let zhao = json!("赵敏");
    let parts = ["listened", "whispered", "joined", "took_over"].map(|part| json!(part));
    let expected: Vec<_> = parts.iter().map(|part| (&zhao, part)).collect();
    assert_eq!(others, expected);
    the_callee_heard(Path::new(outcome["recording"]["path"].as_str().unwrap()));
    engine.end();
}

/// The outcome, once it is filed.
async fn filed(project: &Path) -> Value {
    let by = Instant::now() + PATIENCE;
    loop {
        let told = run(project, &["outcomes", "--json", "--campaign", "desk"]);
        match told.lines().next() {
            Some(outcome) => return serde_json::from_str(outcome).unwrap(),
            None if Instant::now() > by => panic!("no outcome is filed"),
            None => sleep(Duration::from_millis(500)).await,
        }
    }
}

/// Of the supervisor nothing before they joined; of Li nothing after the call was handed over.
fn the_callee_heard(path: &Path) {
    let windows = who_was_heard(path, &[LI, WANG, ZHAO]);
    let first = |n: usize| windows.iter().position(|w| w[n]).unwrap_or_else(|| panic!("{n} was never heard"));
    let last = |n: usize| windows.iter().rposition(|w| w[n]).unwrap_or(0);
    assert!(first(0) < first(1) && first(1) < first(2), "Li, then Wang, then the supervisor");
    assert!(last(0) < first(1), "who was asked was not heard while the callee was on hold");
    assert!(last(1) <= last(2), "the supervisor is there to the end");
    let count = |n: usize| windows.iter().filter(|w| w[n]).count();
    assert!(count(0) > 4 && count(1) > 2 && count(2) > 2, "{:?}", [count(0), count(1), count(2)]);
}
