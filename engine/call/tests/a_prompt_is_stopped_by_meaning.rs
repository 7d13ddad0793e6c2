//! A murmur does not stop the bot, what cuts in does at once, and a false stop is gone on from.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod shell;

use shell::{PROMPT_MS, Shell};
use waihu_types::{Disposition, Intent, Question};

#[test]
fn a_murmur_that_is_known_for_one_stops_nothing_however_long_it_is() {
    for intent in [Intent::Acknowledge, Intent::Affirm, Intent::Greeting] {
        let mut shell = Shell::in_the_matter();
        shell.starts_speaking();
        shell.voices(500);
        shell.half_heard(intent, 0.9);
        shell.voices(800);
        shell.heard("对对对，嗯嗯", intent);
        assert_eq!(shell.stops, 0, "{intent}");
    }
}

#[test]
fn a_murmur_that_turns_into_speech_is_let_speak() {
    let mut shell = Shell::in_the_matter();
    shell.starts_speaking();
    shell.voices(400);
    shell.half_heard(Intent::Acknowledge, 0.9);
    shell.voices(900);
    assert_eq!(shell.stops, 0);
    shell.voices(400);
    assert_eq!(shell.stops, 1);
}

#[test]
fn what_cuts_in_stops_the_bot_with_the_words_and_not_after_them() {
    for (voice_ms, confidence, stops) in [(300, 0.95, 1), (300, 0.65, 0), (800, 0.8, 1), (800, 0.4, 0)] {
        let mut shell = Shell::in_the_matter();
        shell.starts_speaking();
        shell.voices(voice_ms);
        shell.half_heard(Intent::AskIdentity, confidence);
        assert_eq!(shell.stops, stops, "{voice_ms} ms, {confidence}");
        assert_eq!(shell.playing.is_none(), stops == 1);
    }
}

#[test]
fn a_murmur_that_is_misheard_neither_stops_the_bot_nor_is_answered() {
    for (intent, stops) in [(Intent::Abuse, 0), (Intent::Goodbye, 0), (Intent::Distress, 1)] {
        let mut shell = Shell::in_the_matter();
        let said = shell.said.len();
        shell.starts_speaking();
        shell.voices(300);
        shell.understood(intent, 0.7);
        assert_eq!((shell.stops, shell.said.len() > said), (stops, stops > 0), "{intent}");
    }
}

#[test]
fn what_the_script_waits_for_is_heard_however_short_it_is() {
    let mut shell = Shell::in_the_matter();
    shell.starts_speaking();
    shell.voices(300);
    shell.understood(Intent::PromiseToPay, 0.7);
    assert_eq!(shell.stops, 1);
}

#[test]
fn without_words_so_much_voice_stops_it() {
    let mut shell = Shell::in_the_matter();
    shell.starts_speaking();
    shell.voices(800);
    assert_eq!(shell.stops, 0);
    shell.voices(200);
    assert_eq!(shell.stops, 1);
}

#[test]
fn a_false_stop_goes_on_where_it_broke_off() {
    for how in ["murmur", "noise", "nothing", "half-heard murmur"] {
        let mut shell = Shell::in_the_matter();
        shell.wait(1_300);
        let said = shell.said.len();
        shell.starts_speaking();
        shell.voices(1_000);
        assert!(shell.playing.is_none(), "{how}: stopped for the voice");
        match how {
            "murmur" => shell.heard("嗯", Intent::Acknowledge),
            "noise" => shell.noise(),
            "half-heard murmur" => shell.half_heard(Intent::Acknowledge, 0.9),
            _ => shell.wait(31_000),
        }
        let (text, from_ms) = shell.played.last().unwrap();
        assert!(text.contains("信用卡") && *from_ms > 0, "{how}: from {from_ms} ms");
        // It was stopped after 2,200 to 2,300 ms.
        assert!((200..2_300).contains(from_ms), "{how}: from {from_ms} ms");
        assert_eq!(shell.said.len(), said, "{how}: it is no new line");
        if how == "half-heard murmur" {
            shell.heard("嗯", Intent::Acknowledge);
        }
        shell.hear_out();
        assert!(shell.said.last().unwrap().contains("哪天"), "{how}: the question follows");
    }
}

#[test]
fn who_makes_noise_over_a_line_hears_it_to_its_end_all_the_same() {
    let mut shell = Shell::in_the_matter();
    for _ in 0..6 {
        if shell.said.last().is_some_and(|s| s.contains("哪天")) {
            break;
        }
        shell.starts_speaking();
        shell.voices(1_100);
        shell.noise();
        shell.wait(100);
    }
    shell.hear_out();
    assert!(shell.said.last().unwrap().contains("哪天"));
    // Three of the line, and one of the question after it, into which the noise goes on.
    assert!(shell.stops <= 4, "then only words stop it: {}", shell.stops);
}

#[test]
fn what_must_be_heard_is_finished_and_what_was_said_over_it_is_answered_then() {
    let mut shell = Shell::answered(&[]);
    shell.wait(500);
    shell.starts_speaking();
    shell.voices(600);
    shell.half_heard(Intent::WrongNumber, 0.95);
    shell.voices(900);
    shell.heard("打错了，没有这个人", Intent::WrongNumber);
    assert_eq!((shell.stops, shell.said.len()), (0, 1), "who calls is heard to its end");
    shell.hear_out();
    assert_eq!(shell.end().conclusion.disposition, Disposition::WrongNumber);
}

#[test]
fn two_things_said_over_a_statement_are_both_answered() {
    let mut shell = Shell::answered(&[]);
    shell.say("对，我就是", Intent::Affirm);
    while !shell.said.last().unwrap().contains("个人账户") {
        shell.wait(100);
    }
    for (text, intent) in [("你是机器人吗", Intent::AskIfRobot), ("我失业了", Intent::Hardship)] {
        shell.starts_speaking();
        shell.voices(400);
        shell.heard(text, intent);
    }
    shell.hear_out();
    for words in ["自动语音助手", "辛苦了"] {
        assert!(shell.said.iter().any(|s| s.contains(words)), "{words}: {:?}", shell.said);
    }
}

#[test]
fn a_yes_into_a_question_for_one_is_the_answer_once_it_was_asked() {
    let mut shell = Shell::asked_when();
    shell.say("我失业了", Intent::Hardship);
    while !shell.said.last().unwrap().contains("转接") {
        shell.wait(100);
    }
    shell.wait(1_000);
    shell.starts_speaking();
    shell.voices(300);
    shell.half_heard(Intent::Affirm, 0.9);
    shell.heard("好", Intent::Affirm);
    assert_eq!(shell.played.last().unwrap().1, 0);
    let asked = shell.said.len();
    shell.wait(PROMPT_MS);
    assert!(shell.said.get(asked).is_some_and(|s| s.contains("转接人工")), "{:?}", shell.said);
}

#[test]
fn the_transcript_says_what_was_heard_of_a_line_that_was_cut_short() {
    let mut shell = Shell::in_the_matter();
    shell.wait(1_000);
    let line = shell.said.last().unwrap().clone();
    shell.starts_speaking();
    shell.half_heard(Intent::AskIdentity, 0.95);
    let note = shell.notes.iter().find(|n| n.contains("cut short")).unwrap();
    let heard = note.split("heard: ").nth(1).unwrap();
    let (all, part) = (line.chars().count(), heard.chars().count());
    assert!(line.starts_with(heard) && (all / 4..all / 2).contains(&part), "{part} of {all}: {note}");
}

#[test]
fn the_ears_are_told_which_question_is_asked_and_which_words_may_come() {
    let mut shell = Shell::answered(&[]);
    assert_eq!(shell.expected.question, Question::YesNo);
    for word in ["张伟", "安信银行", "本人"] {
        assert!(shell.expected.words.iter().any(|w| w == word), "{word}");
    }
    shell.say("对，我就是", Intent::Affirm);
    shell.hear_out();
    assert_eq!(shell.expected.question, Question::When);
    assert!(shell.expected.intents.contains(&Intent::PromiseToPay));
    assert!(shell.expected.words.iter().any(|w| w == "发工资"));
}
