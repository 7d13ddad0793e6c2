//! Boxes, assistants, announcements and faxes are told from people; and whatever is on the line, the
//! call ends by itself, with an outcome that fits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod shell;

use shell::Shell;
use waihu_call::{Ending, Input, Leg, MediaEvent, SpeechEvent};
use waihu_types::{Announcement, AnsweredBy, Disposition, Identity, Intent};

fn tells_nothing(shell: &Shell) {
    for said in &shell.said {
        assert!(!["3250", "信用卡", "还款", "款项"].iter().any(|w| said.contains(w)), "{said}");
    }
}

#[test]
fn what_no_person_is_in_is_hung_up_on_and_told_nothing() {
    for (by, announcement, disposition) in [
        (AnsweredBy::Announcement, Some(Announcement::PoweredOff), Disposition::Unreachable),
        (AnsweredBy::Fax, None, Disposition::Fax),
        (AnsweredBy::Ivr, None, Disposition::Ivr),
    ] {
        let mut shell = Shell::answered(&[]);
        shell.wait(1_200);
        shell.told(by, announcement);
        assert_eq!(shell.hangups, [Leg::Callee]);
        tells_nothing(&shell);
        let ending = shell.end();
        assert_eq!((ending.answered_by, ending.announcement), (by, announcement));
        assert_eq!(ending.conclusion.disposition, disposition);
        assert!(ending.told.is_some_and(|t| t.after_ms == 1_200) && !ending.conclusion.debt_disclosed);
    }
}

#[test]
fn an_assistant_is_told_who_calls_and_the_person_is_greeted() {
    let mut shell = Shell::answered(&[]);
    shell.wait(1_500);
    shell.told(AnsweredBy::Screening, None);
    assert!(shell.said.last().unwrap().contains("请帮我转接"), "{:?}", shell.said);
    shell.hear_out();
    shell.say("请问您找哪位", Intent::AskIdentity);
    assert!(shell.said.last().unwrap().contains("请帮我转接"), "its own words bring nobody");
    shell.told(AnsweredBy::Ivr, None);
    shell.say("请按一，请按二，继续等待", Intent::OutOfScope);
    assert!(shell.ending.is_none(), "an assistant that asks to wait is no menu");
    shell.wait(12_000);
    tells_nothing(&shell);
    shell.say("喂，你好", Intent::Greeting);
    assert!(shell.said.last().unwrap().contains("本次通话会录音"), "the person hears it all");
    shell.say("对，我就是", Intent::Affirm);
    let ending = shell.end();
    assert_eq!((ending.answered_by, ending.conclusion.identity), (AnsweredBy::Human, Identity::Confirmed));
}

#[test]
fn where_nobody_comes_behind_an_assistant_the_call_is_screened() {
    let mut shell = Shell::answered(&[]);
    shell.wait(1_500);
    for _ in 0..5 {
        shell.told(AnsweredBy::Screening, None);
        shell.wait(6_000);
    }
    assert!(shell.said.iter().filter(|s| s.contains("请帮我转接")).count() <= 2);
    tells_nothing(&shell);
    let ending = shell.end();
    assert_eq!(ending.conclusion.disposition, Disposition::Screened);
    assert_eq!(ending.answered_by, AnsweredBy::Screening);
}

#[test]
fn a_message_waits_for_the_tone_and_for_a_greeting_to_end() {
    let left = |shell: &Shell| shell.said.iter().any(|s| s.contains("方便时与我们联系"));
    let mut shell = Shell::answered(&[]);
    shell.wait(2_000);
    shell.told(AnsweredBy::Voicemail, None);
    assert!(shell.playing.is_none(), "nothing is said into the greeting");
    shell.wait(4_000);
    assert!(!left(&shell));
    shell.input(Input::Speech(SpeechEvent::Beep));
    assert!(left(&shell));
    assert_eq!(shell.end().conclusion.disposition, Disposition::Voicemail);

    let mut shell = Shell::answered(&[]);
    shell.wait(2_000);
    shell.told(AnsweredBy::Voicemail, None);
    shell.begins();
    shell.wait(14_000);
    assert!(!left(&shell), "its greeting is long");
    shell.heard("请在提示音后留言", Intent::OutOfScope);
    shell.wait(2_500);
    assert!(!left(&shell));
    shell.wait(1_000);
    assert!(left(&shell), "no tone is to be heard");
}

#[test]
fn a_person_who_was_understood_is_no_machine_any_more() {
    for by in [AnsweredBy::Voicemail, AnsweredBy::Fax, AnsweredBy::Ivr, AnsweredBy::Screening] {
        let mut shell = Shell::answered(&[]);
        shell.say("对，我就是", Intent::Affirm);
        shell.told(by, None);
        shell.wait(1_000);
        assert_eq!(shell.hangups, [], "{}", by.label());
        shell.hear_out();
        shell.say("我明天还钱", Intent::PromiseToPay);
        assert!(shell.said.last().unwrap().contains("11月25日"), "{}", by.label());
    }
}

/// What the callee's end does over and over, until the call is over. A call is five minutes, its closing
/// words included, and no more.
fn endless(mut act: impl FnMut(&mut Shell)) -> Ending {
    let mut shell = Shell::answered(&[]);
    let answered = shell.now;
    for _ in 0..2_000 {
        if shell.ending.is_none() {
            act(&mut shell);
            let lasted_s = shell.now.since(answered).as_secs();
            assert!(shell.ending.is_some() || lasted_s < 345, "{lasted_s} s");
        }
    }
    tells_nothing(&shell);
    let ending = shell.ending.take().expect("it ends");
    assert!(!ending.conclusion.debt_disclosed && !ending.engine_failed);
    ending
}

#[test]
fn one_who_never_stops_talking() {
    // Cut into pieces of 25 s, each of which begins as the last one ends.
    let ending = endless(|shell| {
        shell.starts_speaking();
        shell.voices(24_900);
        if shell.ending.is_none() {
            shell.heard("然后我跟他说这个事情不是这样的", Intent::OutOfScope);
        }
    });
    assert_eq!(ending.conclusion.disposition, Disposition::NotUnderstood);
}

#[test]
fn music_on_hold_for_an_hour() {
    // Music is voice to the ears now and then, and no words.
    let ending = endless(|shell| {
        shell.starts_speaking();
        shell.voices(3_000);
        if shell.ending.is_none() {
            shell.noise();
            shell.wait(700);
        }
    });
    assert_eq!(ending.conclusion.disposition, Disposition::NotUnderstood);
}

#[test]
fn one_who_only_breathes() {
    let ending = endless(|shell| {
        shell.starts_speaking();
        shell.voices(200);
        if shell.ending.is_none() {
            shell.noise();
            shell.wait(3_500);
        }
    });
    assert_eq!(ending.conclusion.disposition, Disposition::NotUnderstood);
    let ending = endless(|shell| shell.wait(5_000));
    assert_eq!(ending.conclusion.disposition, Disposition::Silence);
}

#[test]
fn a_parrot_of_the_bots_own_words() {
    // Each line comes back once it was spoken, and is taken for what such words would mean.
    for intent in [Intent::OutOfScope, Intent::Greeting, Intent::AskIdentity, Intent::Repeat] {
        let ending = endless(|shell| {
            shell.hear_out();
            let words = shell.said.last().cloned().unwrap_or_default();
            if shell.ending.is_none() {
                shell.wait(300);
                shell.starts_speaking();
                shell.voices(2_000);
            }
            if shell.ending.is_none() {
                shell.heard(&words, intent);
            }
        });
        assert_ne!(ending.conclusion.identity, Identity::Confirmed, "{intent}");
        // The bot says that it is an assistant: whoever says so too is one, and nobody came behind it.
        assert!(
            [
                Disposition::NotUnderstood,
                Disposition::HungUp,
                Disposition::ThirdParty,
                Disposition::Screened,
            ]
            .contains(&ending.conclusion.disposition),
            "{intent}: {}",
            ending.conclusion.disposition.label()
        );
    }
}

#[test]
fn keys_without_end() {
    for key in ['5', '#'] {
        let ending = endless(|shell| {
            shell.wait(900);
            if shell.ending.is_none() {
                shell.input(Input::Media(MediaEvent::Digit(key)));
            }
        });
        assert_eq!(ending.conclusion.disposition, Disposition::Silence, "{key}");
    }
}

#[test]
fn another_language() {
    let ending = endless(|shell| {
        shell.hear_out();
        shell.wait(500);
        if shell.ending.is_none() {
            shell.starts_speaking();
            shell.voices(1_500);
            shell.heard("wer ist denn da", Intent::OutOfScope);
        }
    });
    assert_eq!(ending.conclusion.disposition, Disposition::NotUnderstood);
}
