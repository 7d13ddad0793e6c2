//! Turns and seconds have their limits, and every call that reaches one is closed with words.

mod reminder;

use reminder::Talk;
use waihu_dialog::Input;
use waihu_types::{Disposition, Intent, Lang};

/// What is answered three times each, so that one can go on for long.
const QUESTIONS: [Intent; 10] = [
    Intent::AskAmount,
    Intent::AskDueDate,
    Intent::AskHowToPay,
    Intent::AskConsequences,
    Intent::AskIdentity,
    Intent::AskIfRobot,
    Intent::Repeat,
    Intent::Greeting,
    Intent::Acknowledge,
    Intent::Wait,
];

#[test]
fn a_callee_who_asks_and_asks_is_thanked_after_thirty_turns() {
    let mut talk = Talk::answered(Lang::Zh);
    talk.all_done(100);
    talk.says(Intent::Affirm);
    talk.all_done(100);
    for intent in QUESTIONS.into_iter().cycle().take(30) {
        assert!(talk.bot.state_name() == "promise.matter", "{:?}", talk.said);
        talk.says(intent);
        talk.all_done(100);
    }
    assert_eq!(talk.last(), "time_is_up");
    let ended = talk.ended.unwrap_or_else(|| panic!("not over"));
    assert_eq!((ended.turns, ended.disposition), (31, Disposition::NoCommitment));
}

/// A talk about the matter, in which an answer takes until the limit is past.
fn over_time(lang: Lang) -> Talk {
    let mut talk = Talk::answered(lang);
    talk.all_done(6_000);
    talk.says(Intent::Affirm);
    talk.all_done(6_000);
    talk.says(Intent::AskHowToPay);
    talk.pass(290_000);
    talk.time_is_up();
    talk
}

#[test]
fn five_minutes_end_with_words_and_never_within_a_sentence() {
    for lang in Lang::ALL {
        let mut talk = over_time(lang);
        assert_eq!(talk.last(), "how_to_pay", "the sentence is not cut");
        talk.pass(3_000);
        talk.done();
        assert_eq!(talk.last(), "time_is_up");
        talk.all_done(3_000);
        let ended = talk.ended.unwrap_or_else(|| panic!("not over"));
        // The matter was stated: the call counts as a conversation.
        assert_eq!(ended.disposition, Disposition::NoCommitment);
    }
}

#[test]
fn despair_just_as_the_time_is_over_is_heeded() {
    for lang in Lang::ALL {
        let mut talk = over_time(lang);
        talk.heard(Intent::Distress);
        talk.done();
        assert_eq!(talk.last(), "calm");
        talk.all_done(3_000);
        assert!(talk.ended.is_none(), "an agent is sought");
    }
}

#[test]
fn the_same_before_the_matter_is_no_conversation_about_it() {
    let mut talk = Talk::answered(Lang::En);
    talk.all_done(6_000);
    talk.pass(2_000);
    talk.input(Input::SpeechStarted);
    talk.pass(300_000);
    talk.time_is_up();
    assert_eq!(talk.last(), "time_is_up");
    talk.all_done(3_000);
    let ended = talk.ended.unwrap_or_else(|| panic!("not over"));
    assert_eq!((ended.disposition, ended.debt_disclosed), (Disposition::NotUnderstood, false));
}

#[test]
fn a_closing_that_is_never_spoken_is_cut() {
    let mut talk = Talk::answered(Lang::En);
    talk.pass(300_000);
    talk.time_is_up();
    talk.time_is_up();
    let ended = talk.ended.unwrap_or_else(|| panic!("not over"));
    assert_eq!(talk.now.as_millis(), 320_000);
    assert_eq!(ended.disposition, Disposition::HungUp);
}

#[test]
fn an_agent_who_never_answers_is_not_waited_for() {
    let mut talk = Talk::answered(Lang::En);
    talk.all_done(6_000);
    talk.says(Intent::RequestHuman);
    talk.all_done(2_000);
    let dialled = talk.now;
    talk.time_is_up();
    assert_eq!(talk.now.since(dialled).as_secs(), 40);
    assert_eq!(talk.last(), "no_agent_ask_when");
}
