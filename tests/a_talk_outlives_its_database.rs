//! The database is killed in the middle of a talk and is away for a minute: agent and callee hear each other, the desk
//! does what it is told, the call ends meanwhile, and nothing of it is missing once the database is back. Then it is
//! killed while a call rings at a desk: it is taken, whispered and joined as any other.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/desk.rs"]
mod desk;
#[path = "common/floor.rs"]
mod floor;
#[path = "common/page.rs"]
mod page;
#[path = "../engine/store/tests/store/common/postgres.rs"]
#[allow(dead_code)]
mod postgres;

use std::{fs, path::Path, sync::atomic::Ordering::Relaxed, time::Duration};

use desk::{add_person, opens, signs_in};
use floor::{Agent, Floor, Place, offers};
use page::{Sound, take, who_was_heard};
use serde_json::{Value, json};
use tokio::time::sleep;

const API: &str = "127.0.0.1:8503";
const PLACE: Place = Place::of("127.0.0.1:5103", API, (26_200, 36_200));

const LI: u16 = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minute_without_a_database_costs_no_word_of_a_talk() {
    let database = postgres::shared().database().await;
    let files = [("waihu.toml", "store_file = \"store-url\"\n"), ("store-url", database.as_str())];
    let mut floor = Floor::open(PLACE, 2, "", &files, "");
    add_person(floor.path(), "chen", "陈强", &["--role", "operations"]);
    floor.is_open();
    let mut li = Agent::comes(API, "li", LI).await;
    let mut wang = Agent::comes(API, "wang", 800).await;
    let talk = floor.call("张伟");
    let attempt = li.takes().await;
    let id = attempt.as_str().unwrap();
    let mut chen = opens(API, &signs_in(API, "chen").await, &format!("/v1/talks/{id}/seat")).await;
    let sdp = chen.wait_for("sdp").await["sdp"].as_str().unwrap().to_owned();
    chen.say(json!({"type": "sdp", "sdp": take(&sdp, Sound::of(1_000))})).await;
    postgres::shared().kill();
    // Longer than a page may be silent, and than a session is looked up.
    sleep(Duration::from_secs(40)).await;
    for on in [true, false] {
        li.desk.say(json!({"type": "hold", "attempt": attempt, "on": on})).await;
        while li.desk.wait_for("state").await["call"]["held"] != on {}
        sleep(Duration::from_secs(2)).await;
    }
    li.says("hang_up", &attempt).await;
    li.desk.wait_for("ended").await;
    // Whoever sat in is let go as well, and stands in what is kept until the database is back.
    chen.wait_for("ended").await;
    let kept = floor.path().join(format!("recordings/{id}.outcome.json"));
    while !kept.exists() {
        sleep(Duration::from_millis(100)).await;
    }
    let kept: Value = serde_json::from_slice(&fs::read(kept).unwrap()).unwrap();
    let other = &kept["handover"]["others"][0];
    assert_eq!((&other["name"], &other["part"]), (&json!("陈强"), &json!("listened")), "{kept}");
    sleep(Duration::from_secs(16)).await;
    postgres::shared().restart();

    let wrap_up =
        json!({"type": "wrap_up", "attempt": attempt, "disposition": "no_commitment", "notes": "再打"});
    li.desk.say(wrap_up).await;
    li.desk.wait_for("wrapped").await;
    let outcome = floor.filed(&talk, |o| o["handover"]["notes"] == "再打").await;
    assert_eq!(offers(&outcome), [("李明", "joined")]);
    let heard = who_was_heard(Path::new(outcome["recording"]["path"].as_str().unwrap()), &[LI]);
    let heard = heard.iter().filter(|w| w[0]).count();
    assert!(heard > 70, "of forty seconds the callee heard {heard} halves");
    is_taken_all_the_same(&mut floor, &mut li).await;
    wang.heard_of_no_offer();
    floor.end();
}

/// The database goes while the call rings at Li's, and comes back when it is over.
async fn is_taken_all_the_same(floor: &mut Floor, li: &mut Agent) {
    li.sound.take().unwrap().is_gone.store(true, Relaxed);
    li.desk.say(json!({"type": "done"})).await;
    while li.desk.wait_for("state").await["presence"] != "available" {}
    let talk = floor.call("张伟");
    let attempt = li.rings().await["attempt"].clone();
    postgres::shared().kill();
    li.says("answer", &attempt).await;
    li.has_sound(&attempt).await;
    li.desk.wait_for("joined").await;
    sleep(Duration::from_secs(3)).await;
    li.says("hang_up", &attempt).await;
    li.desk.wait_for("ended").await;
    postgres::shared().restart();
    let wrap_up =
        json!({"type": "wrap_up", "attempt": attempt, "disposition": "no_commitment", "notes": "又打"});
    li.desk.say(wrap_up).await;
    li.desk.wait_for("wrapped").await;
    let outcome = floor.filed(&talk, |o| o["handover"]["notes"] == "又打").await;
    assert_eq!(offers(&outcome), [("李明", "joined")]);
    let heard = who_was_heard(Path::new(outcome["recording"]["path"].as_str().unwrap()), &[LI]);
    assert!(heard.iter().any(|w| w[0]), "the callee heard Li");
}
