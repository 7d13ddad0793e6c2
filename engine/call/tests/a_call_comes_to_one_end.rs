//! Whatever happens, a call comes to one end, and the right one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod shell;

use std::time::Duration;

use shell::{Shell, answer, failed, hung_up, ringing};
use waihu_call::{Input, Leg, MediaEvent, SpeechEvent};
use waihu_nlu::Entities;
use waihu_sip::FailureCause;
use waihu_types::{AnsweredBy, Disposition, EndedBy, HandoverResult, Identity, Intent, Time};

#[test]
fn a_promise_is_taken_and_the_bot_hangs_up() {
    let mut shell = Shell::answered(&[]);
    shell.say("对，我就是", Intent::Affirm);
    shell.say("我明天就还", Intent::PromiseToPay);
    shell.say("对", Intent::Affirm);
    let ending = shell.end();
    assert_eq!(ending.conclusion.disposition, Disposition::PromiseToPay);
    assert_eq!(ending.conclusion.promise.unwrap().date, jiff::civil::date(2026, 11, 25));
    assert_eq!((ending.answered_by, ending.ended_by), (AnsweredBy::Human, Some(EndedBy::Us)));
}

/// A call in which the bot has begun to state the matter.
fn the_matter() -> Shell {
    let mut shell = Shell::answered(&[]);
    shell.say("对，我就是", Intent::Affirm);
    shell.say("对，我就是", Intent::Affirm);
    while !shell.said.iter().any(|s| s.contains("信用卡")) {
        shell.wait(100);
    }
    // Whoever speaks now does not go on with the words that this answers.
    shell.wait(700);
    assert!(shell.playing.is_some());
    shell
}

#[test]
fn who_speaks_on_is_let_speak_but_the_greeting_is_heard_out() {
    let mut shell = Shell::answered(&[]);
    shell.utters(1_500);
    assert_eq!(shell.stops, 0, "who calls must be heard, and a hello is no interruption");
    let mut shell = the_matter();
    shell.utters(1_500);
    assert_eq!(shell.stops, 1, "the matter may be cut short");
    shell.is_understood("你是哪里的", Intent::AskIdentity, Entities::default());
    assert!(shell.playing.is_some(), "it is answered");
}

#[test]
fn a_murmur_over_a_prompt_changes_nothing() {
    for voice_ms in [200, 300, 450, 650] {
        let mut shell = the_matter();
        let said = shell.said.len();
        shell.utters(voice_ms);
        shell.is_understood("嗯", Intent::Acknowledge, Entities::default());
        assert_eq!((shell.stops, shell.said.len()), (0, said), "{voice_ms} ms");
    }
}

#[test]
fn a_sentence_over_a_prompt_stops_it_while_it_is_spoken() {
    let mut shell = the_matter();
    shell.begins();
    for (voiced_ms, stops) in [(140, 0), (900, 0), (1_000, 1), (2_000, 1)] {
        let voiced = Duration::from_millis(voiced_ms);
        shell.input(Input::Speech(SpeechEvent::GoesOn { voiced }));
        assert_eq!(shell.stops, stops, "after {voiced_ms} ms");
    }
}

#[test]
fn a_promise_that_was_never_read_back_is_none() {
    let mut shell = Shell::answered(&[]);
    shell.say("对，我就是", Intent::Affirm);
    shell.say("我明天就还", Intent::PromiseToPay);
    while let Some((id, _)) = shell.playing.take() {
        shell.input(Input::Media(MediaEvent::PlaybackFailed(id)));
    }
    let ending = shell.end();
    assert_eq!((ending.conclusion.disposition, ending.conclusion.promise), (Disposition::EngineFailed, None));
}

#[test]
fn a_phone_that_rings_out_is_cancelled_and_a_silent_trunk_is_told_apart() {
    // A trunk that never spoke has no 487 either: RFC 3261 section 9.1 lets no CANCEL leave before a 1xx.
    for (came, rang_out) in [(None, false), (Some(100), true), (Some(180), true)] {
        let mut shell = Shell::dialled(&[]);
        shell.polite = came.is_some();
        if let Some(code) = came {
            shell.sip(Leg::Callee, ringing(code));
        }
        shell.wait(31_000);
        let ending = shell.ending.take().unwrap();
        assert_eq!((ending.rang_out, ending.sip.is_some()), (rang_out, rang_out), "{came:?}");
        assert_eq!(ending.answered_at, None);
        assert_eq!(shell.hangups, [Leg::Callee]);
    }
}

#[test]
fn who_picked_up_and_could_not_be_spoken_with_was_answered_all_the_same() {
    let mut shell = Shell::dialled(&[]);
    shell.sip(Leg::Callee, failed(488, FailureCause::BadAnswer));
    let ending = shell.ending.take().unwrap();
    assert!(ending.answered_at.is_some() && ending.engine_failed);
}

#[test]
fn lost_media_ends_the_call_as_our_fault() {
    let mut shell = Shell::answered(&[]);
    shell.wait(1_000);
    shell.input(Input::Media(MediaEvent::Lost));
    let ending = shell.end();
    assert!(ending.engine_failed);
    assert_eq!(ending.ended_by, Some(EndedBy::Us));
}

#[test]
fn a_box_hears_no_word_of_the_debt() {
    for by_beep in [true, false] {
        let mut shell = Shell::answered(&[]);
        shell.wait(1_500);
        if by_beep {
            shell.input(Input::Speech(SpeechEvent::Beep));
        } else {
            shell.begins();
            shell.wait(2_000);
            shell.ends("您好，请在滴声后留言", Intent::OutOfScope, Entities::default());
        }
        let said = shell.said.clone();
        let ending = shell.end();
        assert_eq!(ending.answered_by, AnsweredBy::Voicemail);
        assert_eq!(ending.conclusion.disposition, Disposition::Voicemail);
        assert!(!ending.conclusion.debt_disclosed && said.iter().all(|s| !s.contains("3250")));
    }
}

#[test]
fn a_beep_decides_until_a_person_was_understood() {
    use Intent::{Affirm, Greeting, OutOfScope, ThirdParty};
    for (words, is_box) in [
        (&[Greeting][..], true),
        (&[OutOfScope, Greeting], true),
        (&[Affirm], false),
        (&[Greeting, ThirdParty], false),
    ] {
        let mut shell = Shell::answered(&[]);
        words.iter().for_each(|intent| shell.say("喂，这里是", *intent));
        shell.input(Input::Speech(SpeechEvent::Beep));
        assert_eq!(shell.end().answered_by == AnsweredBy::Voicemail, is_box, "{words:?}");
    }
    let mut shell = Shell::answered(&[]);
    shell.say("喂，你好", Greeting);
    shell.input(Input::Media(MediaEvent::Digit('5')));
    shell.input(Input::Speech(SpeechEvent::Beep));
    assert_eq!(shell.end().answered_by, AnsweredBy::Human);
}

#[test]
fn an_announcement_in_two_breaths_is_a_box_all_the_same() {
    let mut shell = Shell::answered(&[]);
    shell.say("您好", Intent::Greeting);
    shell.say("请在提示音后留言", Intent::OutOfScope);
    assert_eq!(shell.end().conclusion.disposition, Disposition::Voicemail);
}

fn wants_human(agents: &[&str]) -> Shell {
    let mut shell = Shell::answered(agents);
    shell.say("对，我就是", Intent::Affirm);
    shell.say("给我转人工", Intent::RequestHuman);
    shell.hear_out();
    shell
}

#[test]
fn once_the_agent_has_joined_the_bot_is_silent() {
    let mut shell = wants_human(&["desk-1"]);
    assert_eq!(shell.invited, [Leg::Callee, Leg::Agent]);
    shell.sip(Leg::Agent, answer());
    assert!(shell.bridged);
    let said = shell.said.len();
    shell.say("你好，我想问一下", Intent::OutOfScope);
    shell.wait(60_000);
    assert_eq!(shell.said.len(), said);
    shell.sip(Leg::Agent, hung_up());
    let ending = shell.end();
    assert_eq!(ending.conclusion.disposition, Disposition::HandedOver);
    let handover = ending.handover.unwrap();
    assert_eq!((handover.agent.as_str(), handover.result), ("desk-1", HandoverResult::Joined));
    assert!(handover.joined_at.is_some());
}

#[test]
fn a_callee_who_is_muted_is_not_cut_off_from_the_agent() {
    let mut shell = wants_human(&["desk-1"]);
    shell.sip(Leg::Agent, answer());
    for s in [10, 20, 40, 80, 160] {
        assert_eq!(shell.hangups, [], "after {s} s");
        shell.input(Input::Media(MediaEvent::NoAudio { lasting: Duration::from_secs(s) }));
    }
    assert_eq!(shell.end().ended_by, Some(EndedBy::Network), "but a dead line ends");
}

#[test]
fn an_agent_who_does_not_answer_is_cancelled_and_the_bot_comes_back() {
    let mut shell = wants_human(&["desk-1"]);
    let said = shell.said.len();
    shell.wait(21_000);
    assert!(shell.hangups.contains(&Leg::Agent));
    assert!(shell.said.len() > said, "the bot comes back");
    let ending = shell.end();
    assert_eq!(ending.handover.map(|h| h.result), Some(HandoverResult::NoAnswer));
    assert_eq!(ending.conclusion.disposition, Disposition::CallbackAgreed);
}

#[test]
fn agents_are_asked_in_their_order() {
    let mut shell = wants_human(&["desk-1", "desk-2"]);
    let said = shell.said.len();
    shell.sip(Leg::Agent, failed(486, FailureCause::Rejected));
    assert_eq!(shell.desks, ["desk-1", "desk-2"], "the next one is asked at once");
    assert_eq!(shell.said.len(), said);
    shell.sip(Leg::Agent, answer());
    shell.sip(Leg::Agent, hung_up());
    let handover = shell.end().handover.unwrap();
    assert_eq!((handover.agent.as_str(), handover.result), ("desk-2", HandoverResult::Joined));
}

#[test]
fn a_desk_that_is_not_there_takes_no_time_of_the_next() {
    let mut shell = Shell::answered(&["desk-1", "desk-2"]);
    // Nothing comes back: so no CANCEL may leave, and no 487 comes (RFC 3261 section 9.1).
    shell.polite = false;
    shell.say("对，我就是", Intent::Affirm);
    shell.say("给我转人工", Intent::RequestHuman);
    shell.hear_out();
    shell.wait(15_500);
    assert_eq!(shell.desks, ["desk-1", "desk-2"]);
    shell.polite = true;
    shell.sip(Leg::Agent, ringing(180));
    shell.sip(Leg::Agent, answer());
    assert!(shell.bridged);
}

#[test]
fn signalling_that_falls_under_a_call_is_our_fault() {
    let mut shell = Shell::answered(&[]);
    shell.sip(Leg::Callee, failed(408, FailureCause::TransportError));
    let ending = shell.end();
    assert!(ending.engine_failed);
    assert_eq!((ending.ended_by, ending.sip.map(|s| s.code)), (Some(EndedBy::Network), Some(200)));
}

#[test]
fn the_callee_waits_for_agents_only_as_long_as_the_script_does() {
    let mut shell = wants_human(&["a", "b", "c", "d", "e"]);
    let said = shell.said.len();
    shell.wait(45_000);
    assert!(shell.said.len() > said, "the bot comes back");
    assert_eq!(shell.desks, ["a", "b", "c"], "15 s each, 40 s in all");
    assert_eq!(shell.end().conclusion.disposition, Disposition::CallbackAgreed);
}

#[test]
fn where_there_is_no_agent_none_is_named() {
    let mut shell = wants_human(&[]);
    shell.wait(1_000);
    assert_eq!(shell.invited, [Leg::Callee]);
    let ending = shell.end();
    assert_eq!((ending.conclusion.disposition, ending.handover), (Disposition::CallbackAgreed, None));
}

#[test]
fn whoever_hangs_up_while_an_agent_rings_leaves_no_phone_ringing() {
    let mut shell = wants_human(&["desk-1"]);
    shell.sip(Leg::Callee, hung_up());
    assert_eq!(shell.hangups, [Leg::Agent]);
    let ending = shell.end();
    assert_eq!(ending.ended_by, Some(EndedBy::Callee));
}

#[test]
fn the_last_words_before_the_receiver_is_down_still_count() {
    let mut shell = Shell::answered(&[]);
    shell.say("对，我就是", Intent::Affirm);
    shell.hear_out();
    shell.begins();
    shell.wait(800);
    shell.sip(Leg::Callee, hung_up());
    assert!(shell.ending.is_none(), "the words are waited for");
    shell.ends("别再打了", Intent::StopCalling, Entities::default());
    let ending = shell.end();
    assert_eq!(ending.conclusion.disposition, Disposition::StopCalling);

    let mut shell = Shell::answered(&[]);
    shell.begins();
    shell.sip(Leg::Callee, hung_up());
    shell.wait(10_000);
    assert!(shell.ending.is_some(), "but not for ever");
}

#[test]
fn a_hang_up_at_any_moment_ends_the_call_once() {
    for at_ms in (0..40_000).step_by(500) {
        let mut shell = Shell::answered(&["desk-1"]);
        let lines = [("对，我就是", Intent::Affirm), ("我明天就还", Intent::PromiseToPay)];
        for (text, intent) in lines {
            if shell.now < Time::from_millis(1_000 + at_ms) {
                shell.say(text, intent);
            }
        }
        shell.sip(Leg::Callee, hung_up());
        shell.wait(5_000);
        let ending = shell.ending.take().expect("it ends");
        assert_eq!(ending.ended_by, Some(EndedBy::Callee));
        assert!(ending.conclusion.identity == Identity::Confirmed || !ending.conclusion.debt_disclosed);
        shell.call.handle_input(shell.now, Input::Timeout);
        assert!(shell.call.poll_output().is_none() && shell.call.poll_timeout().is_none());
    }
}

#[test]
fn a_far_side_that_never_says_goodbye_holds_nothing_up() {
    let mut shell = Shell::answered(&[]);
    shell.polite = false;
    shell.input(Input::Stop);
    shell.wait(4_000);
    assert!(shell.ending.is_some());
}
