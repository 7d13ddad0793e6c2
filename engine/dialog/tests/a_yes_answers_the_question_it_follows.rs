//! Recognition takes its time, and people speak over the bot: a yes that was said before the
//! question was asked is no answer to it. The one to "is it you?" opens the matter.

mod reminder;

use reminder::Talk;
use waihu_dialog::Input;
use waihu_types::{Identity, Intent, Lang};

fn identity(mut talk: Talk) -> Identity {
    talk.input(Input::CalleeHungUp);
    talk.ended.map_or(Identity::Denied, |c| c.identity)
}

/// The greeting is spoken, and met with silence; the reprompt has begun.
fn asked_after_silence() -> Talk {
    let mut talk = Talk::answered(Lang::Zh);
    talk.all_done(6_000);
    talk.time_is_up();
    assert_eq!(talk.last(), "silence_1");
    talk
}

#[test]
fn a_yes_after_the_question_confirms() {
    let mut talk = Talk::answered(Lang::Zh);
    talk.all_done(6_000);
    talk.says(Intent::Affirm);
    assert_eq!(talk.last(), "thank_person");
    assert_eq!(identity(talk), Identity::Confirmed);
}

#[test]
fn a_yes_on_the_name_confirms() {
    let mut talk = Talk::answered(Lang::Zh);
    talk.pass(5_500);
    talk.input(Input::SpeechStarted);
    talk.pass(500);
    talk.done();
    talk.pass(300);
    talk.heard(Intent::Affirm);
    assert_eq!(identity(talk), Identity::Confirmed);
}

#[test]
fn a_yes_over_the_beginning_of_the_greeting_does_not() {
    for late in [false, true] {
        let mut talk = Talk::answered(Lang::Zh);
        talk.pass(500);
        talk.input(Input::SpeechStarted);
        talk.pass(1_000);
        if late {
            // The recognizer is busy: the words come when the greeting is over.
            talk.pass(5_000);
            talk.done();
            talk.input(Input::SpeechStarted);
            talk.heard(Intent::Affirm);
        } else {
            talk.heard(Intent::Affirm);
            talk.pass(5_000);
            talk.done();
        }
        assert_eq!(talk.said, ["greeting"]);
        // It listens on, and the answer proper is heard.
        talk.says(Intent::Affirm);
        assert_eq!(talk.last(), "thank_person", "late: {late}");
    }
}

#[test]
fn a_yes_to_the_line_before_the_question_does_not() {
    let mut talk = asked_after_silence();
    talk.pass(300);
    talk.input(Input::SpeechStarted);
    talk.pass(700);
    talk.done();
    assert_eq!(talk.last(), "ask_name");
    talk.pass(900);
    talk.heard(Intent::Affirm);
    assert_eq!(talk.last(), "ask_name");
    assert_eq!(identity(talk), Identity::Unconfirmed);
}

#[test]
fn words_that_come_when_the_question_is_over_are_still_those_from_before_it() {
    let mut talk = asked_after_silence();
    talk.pass(300);
    talk.input(Input::SpeechStarted);
    talk.all_done(2_000);
    talk.input(Input::SpeechStarted);
    talk.heard(Intent::Affirm);
    assert_eq!(talk.last(), "ask_name");
    // The callee is listened to for as long as ever.
    let waits = talk.bot.poll_timeout().unwrap_or_default().since(talk.now);
    assert_eq!(waits.as_secs(), 6);
    talk.says(Intent::Affirm);
    assert_eq!(identity(talk), Identity::Confirmed);
}

#[test]
fn a_yes_into_the_question_confirms_once_it_can_be_meant_by_it() {
    for (after_ms, confirmed) in [(200, false), (900, true)] {
        let mut talk = asked_after_silence();
        talk.pass(1_500);
        talk.done();
        talk.pass(after_ms);
        talk.input(Input::SpeechStarted);
        talk.pass(600);
        talk.heard(Intent::Affirm);
        assert_eq!(identity(talk) == Identity::Confirmed, confirmed, "{after_ms} ms");
    }
}

#[test]
fn other_words_are_heeded_whenever_they_began() {
    let mut talk = Talk::answered(Lang::Zh);
    talk.pass(500);
    talk.input(Input::SpeechStarted);
    talk.pass(6_000);
    talk.done();
    talk.heard(Intent::WrongNumber);
    assert_eq!(talk.last(), "apologise_wrong_number");
}
