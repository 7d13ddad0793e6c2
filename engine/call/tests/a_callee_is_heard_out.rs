//! A callee who goes on after a pause is not answered in between, and loses no word.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod shell;

use shell::{Shell, hung_up};
use waihu_call::{Input, Leg, SpeechEvent};
use waihu_dialog::Utterance;
use waihu_nlu::Entities;
use waihu_types::{Disposition, Intent};

#[test]
fn an_answer_is_withheld_from_one_who_goes_on_and_the_parts_are_one() {
    // Until the answer begins, or just after it has.
    for (voice_ms, goes_on_ms, withheld) in
        [(1_000, 400, true), (1_000, 1_250, true), (0, 500, true), (0, 700, false)]
    {
        let mut shell = Shell::asked_when();
        let said = shell.said.len();
        shell.voice_ms = voice_ms;
        shell.starts_speaking();
        shell.voices(500);
        shell.heard("我明天", Intent::OutOfScope);
        assert_eq!(shell.said.len(), said + 1, "it is answered as if it were all");
        shell.wait(goes_on_ms);
        shell.starts_speaking();
        assert_eq!((shell.joins > 0, shell.playing.is_none()), (withheld, withheld), "{goes_on_ms}");
        if withheld {
            let said = shell.said.len();
            shell.voices(800);
            assert_eq!(shell.said.len(), said, "nothing is said meanwhile");
            shell.voice_ms = 0;
            shell.heard("还钱", Intent::PromiseToPay);
            assert!(shell.said.last().unwrap().contains("11月25日"), "{:?}", shell.said.last());
        }
    }
}

#[test]
fn of_two_parts_what_says_more_is_answered() {
    for (first, second, answer) in [
        (("我失业了", Intent::Hardship), ("嗯", Intent::Acknowledge), "辛苦了"),
        (("嗯", Intent::Affirm), ("我失业了", Intent::Hardship), "辛苦了"),
        (("这个", Intent::OutOfScope), ("你是机器人吗", Intent::AskIfRobot), "自动语音助手"),
    ] {
        let mut shell = Shell::asked_when();
        shell.starts_speaking();
        shell.heard(first.0, first.1);
        shell.wait(100);
        shell.starts_speaking();
        shell.wait(500);
        let said = shell.said.len();
        shell.heard(second.0, second.1);
        assert!(shell.said[said..].iter().any(|s| s.contains(answer)), "{first:?} {:?}", &shell.said[said..]);
    }
}

#[test]
fn speech_workers_that_understand_both_parts_are_believed() {
    let mut shell = Shell::asked_when();
    shell.starts_speaking();
    shell.heard("我不", Intent::Deny);
    shell.wait(100);
    shell.starts_speaking();
    assert_eq!(shell.joins, 1);
    let (text, intent, confidence) = ("我不是不想还，我失业了".to_owned(), Intent::Hardship, 0.9);
    let (entities, also) = (Entities::default(), Vec::new());
    let whole = Utterance { text, intent, confidence, entities, also };
    shell.input(Input::Speech(SpeechEvent::Rejoined(whole)));
    assert!(shell.said.last().unwrap().contains("辛苦了"));
    let ending = shell.end();
    assert!(!ending.conclusion.intents.contains(&Intent::Deny), "the half of it was never said");
}

#[test]
fn noise_after_a_turn_gives_its_answer_back() {
    let mut shell = Shell::asked_when();
    shell.starts_speaking();
    shell.heard("我明天还钱", Intent::PromiseToPay);
    shell.wait(100);
    shell.starts_speaking();
    assert!(shell.playing.is_none());
    shell.noise();
    assert!(shell.playing.is_some() && shell.said.last().unwrap().contains("11月25日"));
    shell.say("对", Intent::Affirm);
    let ending = shell.end();
    assert_eq!(ending.conclusion.disposition, Disposition::PromiseToPay);
    assert_eq!(ending.conclusion.intents, [Intent::Affirm, Intent::PromiseToPay, Intent::Affirm]);
}

#[test]
fn words_that_come_while_the_callee_speaks_on_wait_for_the_rest() {
    let mut shell = Shell::asked_when();
    let said = shell.said.len();
    shell.starts_speaking();
    shell.voices(400);
    shell.starts_speaking();
    shell.heard("我明天", Intent::OutOfScope);
    assert_eq!((shell.said.len(), shell.joins), (said, 1));
    shell.voices(400);
    shell.heard("还钱", Intent::PromiseToPay);
    assert!(shell.said.last().unwrap().contains("11月25日"));
}

#[test]
fn half_a_turn_counts_if_the_receiver_goes_down() {
    let mut shell = Shell::asked_when();
    shell.starts_speaking();
    shell.voices(300);
    shell.starts_speaking();
    shell.heard("别再打了", Intent::StopCalling);
    shell.sip(Leg::Callee, hung_up());
    assert_eq!(shell.end().conclusion.disposition, Disposition::StopCalling);
}

#[test]
fn nobody_keeps_the_bot_silent_for_ever() {
    let mut shell = Shell::asked_when();
    let said = shell.said.len();
    for _ in 0..8 {
        shell.starts_speaking();
        shell.voices(300);
        shell.heard("然后呢", Intent::OutOfScope);
        shell.wait(100);
    }
    assert!(shell.joins <= 4 && shell.said.len() > said + 1, "{} joins", shell.joins);
    shell.wait(600_000);
    assert!(shell.ending.is_some());
}
