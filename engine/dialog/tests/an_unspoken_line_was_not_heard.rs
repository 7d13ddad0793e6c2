//! A line for which there is no voice was not heard: it discloses nothing, binds nobody, and the
//! callee is not left in silence.
#![allow(clippy::panic)] // helpers of tests may fail them

mod reminder;

use reminder::Talk;
use waihu_dialog::Input;
use waihu_types::{Disposition, Identity, Intent, Lang};

/// The line being spoken has no voice.
fn fails(talk: &mut Talk) {
    let id = talk.saying.take().unwrap_or_else(|| panic!("nothing is being spoken"));
    talk.input(Input::PromptFailed { id });
}

#[test]
fn it_is_tried_once_more_and_then_the_fault_is_ours() {
    let mut talk = Talk::answered(Lang::Zh);
    fails(&mut talk);
    assert_eq!(talk.said, ["greeting", "greeting"]);
    fails(&mut talk);
    let ended = talk.ended.unwrap_or_else(|| panic!("not over"));
    assert_eq!((ended.disposition, ended.identity), (Disposition::EngineFailed, Identity::Unconfirmed));
}

#[test]
fn nothing_is_disclosed_by_it() {
    let mut talk = Talk::answered(Lang::En);
    talk.all_done(6_000);
    talk.says(Intent::Affirm);
    talk.done();
    assert_eq!(talk.last(), "notice");
    fails(&mut talk);
    fails(&mut talk);
    let ended = talk.ended.unwrap_or_else(|| panic!("not over"));
    assert_eq!((ended.disposition, ended.debt_disclosed), (Disposition::EngineFailed, false));
}

#[test]
fn what_was_disclosed_before_it_stays_so() {
    let mut talk = Talk::answered(Lang::En);
    talk.all_done(6_000);
    talk.says(Intent::Affirm);
    talk.done();
    talk.done();
    assert_eq!(talk.last(), "matter");
    fails(&mut talk);
    fails(&mut talk);
    assert!(talk.ended.is_some_and(|e| e.debt_disclosed));
}

#[test]
fn an_end_stands_without_its_words() {
    let mut talk = Talk::answered(Lang::Zh);
    talk.all_done(6_000);
    talk.says(Intent::StopCalling);
    fails(&mut talk);
    fails(&mut talk);
    assert!(talk.ended.is_some_and(|e| e.disposition == Disposition::StopCalling));
}

#[test]
fn somebody_in_danger_is_put_through_all_the_same() {
    let mut talk = Talk::answered(Lang::Zh);
    talk.all_done(6_000);
    talk.says(Intent::Distress);
    fails(&mut talk);
    fails(&mut talk);
    assert!(talk.ended.is_none());
    talk.input(Input::AgentJoined { agent: "a".to_owned() });
    assert!(talk.ended.is_some_and(|e| e.disposition == Disposition::HandedOver));
}

#[test]
fn a_line_that_gave_way_may_fail_as_it_likes() {
    let mut talk = Talk::answered(Lang::Zh);
    talk.all_done(6_000);
    talk.time_is_up();
    let old = talk.saying.unwrap_or_else(|| panic!("nothing is being spoken"));
    talk.done();
    let said = talk.said.len();
    talk.input(Input::PromptFailed { id: old });
    assert_eq!((talk.said.len(), talk.ended.is_none()), (said, true));
}

#[test]
fn words_said_over_it_still_count() {
    let mut talk = Talk::answered(Lang::Zh);
    talk.input(Input::SpeechStarted);
    talk.heard(Intent::WrongNumber);
    fails(&mut talk);
    fails(&mut talk);
    assert!(talk.ended.is_some_and(|e| e.disposition == Disposition::WrongNumber));
}
