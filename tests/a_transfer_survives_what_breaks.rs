//! A page closes at each step of a transfer, a network goes, two agents answer at once, the callee hangs up during the
//! introduction, a session is stolen, a name is a script: nobody is dropped or heard by whom they are not to be, and
//! all of it is told. By real sockets: SIP to the callees, WebSockets and DTLS-SRTP to the desks. Each agent's page
//! sends a pitch of its own, by which the recording tells whom the callee heard.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/desk.rs"]
mod desk;
#[path = "common/floor.rs"]
mod floor;
#[path = "common/page.rs"]
mod page;

use std::{fs, path::Path, sync::atomic::Ordering::Relaxed, time::Duration};

use desk::{Network, ends_other_sessions, gets, signs_in};
use floor::{Agent, Floor, Place, offers};
use page::who_was_heard;
use serde_json::{Value, json};
use tokio::time::sleep;

const API: &str = "127.0.0.1:8501";
const PLACE: Place = Place::of("127.0.0.1:5101", API, (26_000, 36_000));

/// The pitches of Li and Wang [Hz].
const LI: u16 = 500;
const WANG: u16 = 800;

/// A debtor's name that is a script.
const SCRIPT: &str = "<script>alert(1)</script>张伟";

/// The network is away for so long.
const AWAY: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_vanishes_at_whatever_step_the_callee_is_anothers() {
    let mut floor = Floor::open(PLACE, 6, "", &[], "");
    floor.is_open();
    let mut wang = Agent::comes(API, "wang", WANG).await;

    // It rings at Li's.
    let mut li = Agent::comes(API, "li", LI).await;
    let talk = floor.call(SCRIPT);
    let offer = li.rings().await;
    assert_eq!(offer["card"]["name"], SCRIPT, "a name is text, whatever stands in it");
    li.vanishes();
    is_wangs(&floor, &talk, &mut wang, "lost").await;

    // Li has said yes.
    let mut li = Agent::comes(API, "li", LI).await;
    let talk = floor.call("张伟");
    let attempt = li.rings().await["attempt"].clone();
    li.says("answer", &attempt).await;
    li.desk.wait_for("sdp").await;
    li.vanishes();
    is_wangs(&floor, &talk, &mut wang, "lost").await;

    // Li hears the whisper.
    let mut li = Agent::comes(API, "li", LI).await;
    let talk = floor.call("张伟");
    let attempt = li.rings().await["attempt"].clone();
    li.says("answer", &attempt).await;
    li.has_sound(&attempt).await;
    li.vanishes();
    is_wangs(&floor, &talk, &mut wang, "lost").await;

    // Both talk.
    let mut li = Agent::comes(API, "li", LI).await;
    let talk = floor.call("张伟");
    li.takes().await;
    sleep(Duration::from_secs(3)).await;
    li.vanishes();
    let heard = is_wangs(&floor, &talk, &mut wang, "lost").await;
    assert!(heard.iter().any(|w| w[0]), "the callee heard Li first");

    // Li asks Wang, with the callee on hold.
    let mut li = Agent::comes(API, "li", LI).await;
    let talk = floor.call("张伟");
    let attempt = li.takes().await;
    li.desk
        .say(json!({"type": "transfer", "attempt": attempt, "to": {"agent": "wang"}, "how": "ask_first"}))
        .await;
    let asked = wang.takes().await;
    wang.hears(LI).await;
    li.vanishes();
    let yours = wang.desk.wait_for("yours").await;
    assert_eq!((&yours["attempt"], &yours["was"]), (&attempt, &asked));
    sleep(Duration::from_secs(2)).await;
    wang.hangs_up(&attempt).await;
    let outcome = floor.filed(&talk, |o| o["handover"]["result"] == "joined").await;
    assert_eq!(outcome["handover"]["agent"], "王芳");
    callee_heard_one_after_the_other(&outcome);

    // Li writes down what came of it; the page is loaded anew meanwhile.
    let mut li = Agent::comes(API, "li", LI).await;
    let talk = floor.call("张伟");
    let attempt = li.takes().await;
    li.says("hang_up", &attempt).await;
    li.desk.wait_for("ended").await;
    let state = li.comes_back(API).await;
    assert_eq!((&state["presence"], &state["call"]["attempt"]), (&json!("wrapping_up"), &attempt));
    let wrap_up =
        json!({"type": "wrap_up", "attempt": attempt, "disposition": "no_commitment", "notes": "再打"});
    li.desk.say(wrap_up).await;
    li.desk.wait_for("wrapped").await;
    let outcome = floor.filed(&talk, |o| o["handover"]["notes"] == "再打").await;
    assert_eq!(outcome["handover"]["agent"], "李明");
    wang.heard_of_no_offer();
    floor.end();
}

/// Wang is offered the call that Li had, takes it and hangs up; whom the callee heard, half second by half second.
async fn is_wangs(floor: &Floor, talk: &str, wang: &mut Agent, how: &str) -> Vec<Vec<bool>> {
    let attempt = wang.takes().await;
    sleep(Duration::from_secs(2)).await;
    wang.hangs_up(&attempt).await;
    let outcome = floor.filed(talk, |o| o["handover"]["result"] == "joined").await;
    assert_eq!(offers(&outcome), [("李明", how), ("王芳", "joined")]);
    assert_eq!(
        (&outcome["ended_by"], &outcome["handover"]["agent"]),
        (&json!("us"), &json!("王芳")),
        "{outcome}"
    );
    callee_heard_one_after_the_other(&outcome)
}

/// Of two agents never both; and the second.
fn callee_heard_one_after_the_other(outcome: &Value) -> Vec<Vec<bool>> {
    let heard = who_was_heard(Path::new(outcome["recording"]["path"].as_str().unwrap()), &[LI, WANG]);
    let first = heard.iter().position(|w| w[1]).expect("the callee heard Wang");
    assert!(heard[first..].iter().all(|w| !w[0]), "Li is not heard any more once Wang is there: {heard:?}");
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn networks_thieves_and_callees_who_go_leave_nobody_double() {
    const API: &str = "127.0.0.1:8502";
    let place = Place::of("127.0.0.1:5102", API, (26_100, 36_100));
    let mut floor = Floor::open(place, 4, "", &[], "");
    floor.is_open();
    let mut wang = Agent::comes(API, "wang", WANG).await;

    // Both answer what rings at one of them.
    let mut li = Agent::comes(API, "li", LI).await;
    let talk = floor.call("张伟");
    let attempt = li.rings().await["attempt"].clone();
    tokio::join!(wang.says("answer", &attempt), li.says("answer", &attempt));
    let late = wang.desk.wait_for("revoked").await;
    assert_eq!((&late["attempt"], &late["why"]), (&attempt, &json!("too_late")));
    li.has_sound(&attempt).await;
    li.desk.wait_for("joined").await;
    li.hangs_up(&attempt).await;
    let outcome = floor.filed(&talk, |_| true).await;
    assert_eq!(offers(&outcome), [("李明", "joined")]);

    // Li's network goes for ten seconds, with line and sound.
    drop(li);
    let network = Network::to(API).await;
    let mut li = Agent::comes(&network.at, "li", LI).await;
    let talk = floor.call("张伟");
    let attempt = li.takes().await;
    let sound = li.sound.clone().unwrap();
    for away in [true, false] {
        network.is_cut.store(away, Relaxed);
        sound.is_cut.store(away, Relaxed);
        sleep(if away { AWAY } else { Duration::from_secs(2) }).await;
    }
    wang.heard_of_no_offer();
    li.desk.say(json!({"type": "hold", "attempt": attempt, "on": true})).await;
    while li.desk.wait_for("state").await["call"]["held"] != true {}
    li.desk.say(json!({"type": "hold", "attempt": attempt, "on": false})).await;
    while li.desk.wait_for("state").await["call"]["held"] != false {}
    sleep(Duration::from_secs(2)).await;
    li.hangs_up(&attempt).await;
    let outcome = floor.filed(&talk, |_| true).await;
    assert_eq!(offers(&outcome), [("李明", "joined")]);
    let heard = who_was_heard(Path::new(outcome["recording"]["path"].as_str().unwrap()), &[LI]);
    let last = heard.iter().rposition(|w| w[0]).expect("the callee heard Li");
    assert!(heard[..last].iter().skip_while(|w| !w[0]).any(|w| !w[0]), "a gap, and Li again: {heard:?}");

    // Somebody has Li's session, and the call with it, until Li sees it and ends it.
    let mut thief = li;
    let talk = floor.call("张伟");
    let attempt = thief.takes().await;
    let owner = signs_in(API, "li").await;
    let others = gets(API, &owner, "/v1/session/others").await;
    assert!(others.as_array().is_some_and(|o| !o.is_empty()), "Li sees that somebody is signed in elsewhere");
    ends_other_sessions(API, &owner).await;
    assert_eq!(thief.desk.closed().await, 4_401);
    let taken = wang.takes().await;
    assert_eq!(taken, attempt, "the callee is Wang's");
    // What Wang says reaches the callee, and not whoever had the session: their leg is gone.
    sleep(Duration::from_secs(2)).await;
    assert!(thief.sound.as_ref().unwrap().hears(WANG) < 0.004);
    wang.hangs_up(&attempt).await;
    let outcome = floor.filed(&talk, |_| true).await;
    assert_eq!(offers(&outcome), [("李明", "lost"), ("王芳", "joined")]);
    callee_heard_one_after_the_other(&outcome);

    // The callee goes while both are introduced.
    let mut li = Agent::comes(API, "li", LI).await;
    let talk = floor.call("张伟");
    li.takes().await;
    floor.callees_hang_up();
    li.is_free_after_the_end().await;
    let outcome = floor.filed(&talk, |_| true).await;
    assert_eq!((&outcome["ended_by"], &outcome["handover"]["result"]), (&json!("callee"), &json!("joined")));
    wang.heard_of_no_offer();

    // Of what is kept one byte is another: it is told which file is not what was filed.
    let recording = outcome["recording"]["path"].as_str().unwrap();
    let mut bytes = fs::read(recording).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(recording, bytes).unwrap();
    let zhao = signs_in(API, "zhao").await;
    let path = format!("/v1/calls/{}/check", outcome["attempt"].as_str().unwrap());
    let checked = gets(API, &zhao, &path).await;
    assert_eq!((&checked["recording"], &checked["transcript"]), (&json!("changed"), &json!("same")));
    floor.end();
}
