//! Recognition takes its time, and people speak over the bot: a yes that was said before the
//! question was asked is no answer to it. The one to "is it you?" opens the matter; the one to the
//! read-back is a promise.
#![allow(clippy::panic)] // helpers of tests may fail them

mod reminder;

use jiff::civil::date;
use reminder::Talk;
use waihu_dialog::Input;
use waihu_nlu::Entities;
use waihu_types::{Disposition, Identity, Intent, Lang};

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
        // An answer proper is heard at once, and where none comes the question is put again soon:
        // whoever said yes takes it for answered.
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
        let waits = talk.bot.poll_timeout().unwrap_or_default().since(talk.now);
        assert_eq!(waits.as_secs(), 2);
        if late {
            talk.time_is_up();
            talk.all_done(1_500);
            assert_eq!(talk.last(), "ask_name");
        }
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
    talk.says(Intent::Affirm);
    assert_eq!(identity(talk), Identity::Confirmed);
}

#[test]
fn a_yes_into_the_question_confirms_once_it_can_be_meant_by_it() {
    // The line takes two seconds; the words come while it lasts, or after.
    for (after_ms, words_ms, confirmed) in
        [(200, 600, false), (900, 600, false), (1_400, 400, true), (1_400, 900, true), (1_900, 900, true)]
    {
        let mut talk = asked_after_silence();
        talk.pass(1_500);
        talk.done();
        talk.pass(after_ms);
        talk.input(Input::SpeechStarted);
        let rest_ms = 2_000 - after_ms;
        if words_ms < rest_ms {
            talk.pass(words_ms);
            talk.heard(Intent::Affirm);
            assert_eq!(talk.last(), "ask_name", "the question is finished first");
            talk.pass(rest_ms - words_ms);
            talk.done();
        } else {
            talk.pass(rest_ms);
            talk.done();
            talk.pass(words_ms - rest_ms);
            talk.heard(Intent::Affirm);
        }
        assert_eq!(identity(talk) == Identity::Confirmed, confirmed, "{after_ms} ms");
    }
}

#[test]
fn a_yes_that_cuts_the_question_short_has_not_heard_it() {
    let mut talk = asked_after_silence();
    talk.pass(1_500);
    talk.done();
    talk.pass(800);
    talk.input(Input::SpeechStarted);
    talk.pass(600);
    let id = talk.saying.unwrap_or_else(|| panic!("nothing is being spoken"));
    talk.input(Input::PromptInterrupted { id, played_ms: 1_400 });
    talk.pass(500);
    talk.heard(Intent::Affirm);
    assert_eq!((talk.last(), talk.resumed), ("ask_name", 1), "it goes on");
    talk.all_done(2_000);
    talk.says(Intent::Affirm);
    assert_eq!(identity(talk), Identity::Confirmed);
}

#[test]
fn a_question_that_never_came_to_its_end_is_not_answered() {
    for by_key in [false, true] {
        let mut talk = read_back();
        // Noise, as often as the line is spoken again; then the bot listens.
        while let Some(id) = talk.saying.take() {
            talk.pass(800);
            talk.input(Input::SpeechStarted);
            talk.input(Input::PromptInterrupted { id, played_ms: 800 });
            talk.input(Input::Unintelligible);
        }
        talk.pass(700);
        match by_key {
            true => talk.input(Input::Digit('1')),
            false => talk.heard_since(talk.now, Intent::Affirm, Entities::default()),
        }
        assert_eq!(talk.last(), "read_back", "by key: {by_key}");
        talk.time_is_up();
        talk.all_done(4_000);
        assert_eq!(talk.last(), "read_back", "it is asked again");
        talk.says(Intent::Affirm);
        assert_eq!(talk.last(), "thanks_for_promise");
    }
}

/// The greeting is over when a first utterance has begun; a second one begins and ends meanwhile.
#[test]
fn words_that_come_out_of_order_keep_their_beginnings() {
    let mut talk = Talk::answered(Lang::Zh);
    talk.pass(1_000);
    let first = talk.now;
    talk.input(Input::SpeechStarted);
    talk.pass(5_000);
    talk.done();
    talk.pass(500);
    let second = talk.now;
    talk.input(Input::SpeechStarted);
    talk.pass(900);
    // What began over the greeting confirms nobody, whatever else it names.
    let friday = Entities { date: Some(date(2026, 11, 27)), ..Entities::default() };
    talk.heard_since(first, Intent::Affirm, friday);
    assert_eq!(talk.said, ["greeting"]);
    talk.heard_since(second, Intent::Affirm, Entities::default());
    assert_eq!(talk.last(), "thank_person");
}

/// The promise is being read back: for four seconds.
fn read_back() -> Talk {
    let mut talk = Talk::answered(Lang::En);
    talk.all_done(6_000);
    talk.says(Intent::Affirm);
    talk.all_done(4_000);
    talk.pass(700);
    let friday = Entities { date: Some(date(2026, 11, 27)), ..Entities::default() };
    talk.heard_since(talk.now, Intent::PromiseToPay, friday);
    assert_eq!(talk.last(), "read_back");
    talk
}

#[test]
fn a_promise_is_sealed_by_one_who_has_heard_all_of_it() {
    let friday = Entities { date: Some(date(2026, 11, 27)), ..Entities::default() };
    for (intent, entities) in [(Intent::Affirm, Entities::default()), (Intent::PromiseToPay, friday)] {
        for (after_ms, sealed) in [(300, false), (2_000, false), (3_400, true), (4_300, true)] {
            let mut talk = read_back();
            talk.pass(after_ms.min(4_000));
            if after_ms > 4_000 {
                talk.done();
                talk.pass(after_ms - 4_000);
            }
            talk.heard_since(talk.now, intent, entities.clone());
            if after_ms < 4_000 {
                talk.pass(4_000 - after_ms);
                talk.done();
            }
            assert_eq!(talk.last() == "thanks_for_promise", sealed, "{intent} after {after_ms} ms");
        }
    }
}

#[test]
fn a_murmur_into_the_read_back_is_a_back_channel() {
    let mut talk = read_back();
    talk.pass(1_000);
    talk.input(Input::SpeechStarted);
    talk.heard(Intent::Acknowledge);
    talk.pass(3_000);
    talk.done();
    assert_eq!(talk.last(), "read_back");
    assert_eq!(talk.bot.poll_timeout().unwrap_or_default().since(talk.now).as_secs(), 6);
}

#[test]
fn whoever_hangs_up_over_the_read_back_has_promised_nothing() {
    let mut talk = read_back();
    talk.pass(3_500);
    talk.input(Input::SpeechStarted);
    talk.heard(Intent::Affirm);
    talk.input(Input::CalleeHungUp);
    assert!(talk.ended.is_some_and(|e| e.disposition == Disposition::HungUp && e.promise.is_none()));
}

#[test]
fn a_yes_that_was_taken_back_answers_nothing() {
    let mut talk = asked_after_silence();
    talk.pass(1_500);
    talk.done();
    talk.pass(1_400);
    talk.input(Input::SpeechStarted);
    talk.heard(Intent::Affirm);
    talk.pass(400);
    talk.input(Input::SpeechStarted);
    talk.heard(Intent::Deny);
    assert_eq!(talk.last(), "ask_who_else");
    talk.all_done(2_000);
    assert_eq!(talk.bot.state_name(), "identity.who_else");
}

/// Not understood twice: the line names the keys.
fn told_of_the_keys() -> Talk {
    let mut talk = Talk::answered(Lang::Zh);
    talk.all_done(6_000);
    for _ in 0..2 {
        assert!(talk.saying.is_none());
        talk.says(Intent::OutOfScope);
        if talk.last() == "sorry_1" {
            talk.all_done(2_000);
        }
    }
    assert_eq!(talk.last(), "sorry_keys");
    talk
}

#[test]
fn a_key_counts_while_the_choice_is_spoken() {
    let mut talk = told_of_the_keys();
    talk.pass(2_500);
    talk.input(Input::Digit('1'));
    assert_eq!(talk.last(), "thank_person");
    let mut talk = told_of_the_keys();
    talk.input(Input::Digit('2'));
    assert_eq!(talk.last(), "ask_who_else");
}

#[test]
fn a_key_before_the_question_does_not() {
    let mut talk = Talk::answered(Lang::Zh);
    talk.pass(1_000);
    talk.input(Input::Digit('1'));
    talk.pass(5_000);
    talk.done();
    assert_eq!(talk.last(), "greeting");
    assert_eq!(identity(talk), Identity::Unconfirmed);
}

#[test]
fn a_key_over_a_read_back_with_another_day_seals_nothing() {
    let mut talk = read_back();
    talk.all_done(4_000);
    let monday = Entities { date: Some(date(2026, 11, 30)), ..Entities::default() };
    talk.heard_since(talk.now, Intent::Deny, monday);
    assert_eq!(talk.last(), "read_back");
    talk.pass(500);
    talk.input(Input::Digit('1'));
    talk.pass(3_500);
    talk.done();
    assert_eq!(talk.last(), "read_back");
    assert!(talk.saying.is_none());
    talk.input(Input::Digit('1'));
    assert_eq!(talk.last(), "thanks_for_promise");
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
