//! What comes before an answer is heard: it says why a call came to nothing, and nothing is said to it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod shell;

use shell::{Shell, answer, early_media, early_media_of, failed, ringing};
use waihu_call::{Input, Leg, MediaEvent, Part, SpeechEvent};
use waihu_sip::{Event, FailureCause};
use waihu_types::{Announcement, AnsweredBy, Identity, Intent};

fn in_early_media() -> Shell {
    let mut shell = Shell::dialled(&[]);
    shell.sip(Leg::Callee, ringing(180));
    shell.sip(Leg::Callee, early_media());
    shell
}

#[test]
fn its_sound_is_opened_and_settled_again_with_the_answer() {
    let mut shell = in_early_media();
    assert_eq!(shell.connects, [(Leg::Callee, Part::EarlyAnswer)]);
    assert!(shell.notes.last().unwrap().contains("recorded from here on"), "{:?}", shell.notes);
    // It may go on elsewhere.
    shell.sip(Leg::Callee, early_media());
    shell.sip(Leg::Callee, answer());
    let parts: Vec<Part> = shell.connects.iter().map(|c| c.1).collect();
    assert_eq!(parts, [Part::EarlyAnswer, Part::EarlyAnswer, Part::Answer]);
    assert_eq!(shell.notes.iter().filter(|n| n.contains("early media")).count(), 1);
}

#[test]
fn of_a_fork_whoever_began_last_is_heard_whatever_others_say_again() {
    let over = |dialog: &str| {
        let (reason, early_dialog) = ("Early Dialog Terminated".to_owned(), Some(dialog.to_owned()));
        Event::Provisional { code: 199, reason, early_dialog, sdp: None }
    };
    let mut shell = Shell::dialled(&[]);
    for (n, (event, is_heard)) in [
        (early_media_of("desk"), true),
        (early_media_of("desk"), true),
        (early_media_of("hall"), true),
        (early_media_of("desk"), false),
        (early_media_of("hall"), true),
        // Another than the one that is heard; then that one.
        (over("desk"), false),
        (early_media_of("desk"), true),
        (over("desk"), false),
        (early_media_of("hall"), true),
    ]
    .into_iter()
    .enumerate()
    {
        let before = shell.connects.len();
        shell.sip(Leg::Callee, event);
        assert_eq!(shell.connects.len() > before, is_heard, "event {n}");
    }
    shell.sip(Leg::Callee, answer());
    assert_eq!(shell.connects.last(), Some(&(Leg::Callee, Part::Answer)));
}

#[test]
fn without_a_description_nothing_is_opened() {
    let mut shell = Shell::dialled(&[]);
    shell.sip(Leg::Callee, ringing(183));
    assert_eq!(shell.connects, []);
}

#[test]
fn nothing_is_said_into_it_and_nothing_in_it_is_an_answer() {
    let mut shell = in_early_media();
    shell.begins();
    shell.half_heard(Intent::Affirm, 0.9);
    shell.heard("对，我就是", Intent::Affirm);
    shell.input(Input::Media(MediaEvent::Digit('1')));
    shell.input(Input::Speech(SpeechEvent::Beep));
    shell.told(AnsweredBy::Voicemail, None);
    shell.wait(5_000);
    assert!(shell.said.is_empty() && shell.playing.is_none(), "{:?}", shell.said);
    shell.sip(Leg::Callee, failed(486, FailureCause::Rejected));
    let ending = shell.ending.take().unwrap();
    assert_eq!((ending.answered_by, ending.answered_at), (AnsweredBy::Nobody, None));
    assert_eq!(ending.conclusion.identity, Identity::Unconfirmed);
}

#[test]
fn what_is_announced_before_a_refusal_is_in_its_ending() {
    let mut shell = in_early_media();
    shell.announced(Announcement::NotInService, 95);
    assert_eq!(shell.hangups, [], "the carrier may end it, with its own code");
    shell.sip(Leg::Callee, failed(480, FailureCause::Rejected));
    let ending = shell.ending.take().unwrap();
    assert_eq!(ending.announcement, Some(Announcement::NotInService));
    assert_eq!((ending.answered_by, ending.sip.unwrap().code), (AnsweredBy::Announcement, 480));
}

#[test]
fn a_refusal_at_the_end_of_an_announcement_waits_for_its_words() {
    let mut shell = in_early_media();
    shell.owes(1);
    shell.sip(Leg::Callee, failed(404, FailureCause::Rejected));
    assert!(shell.ending.is_none());
    shell.wait(600);
    shell.announced(Announcement::NotInService, 92);
    let ending = shell.ending.take().expect("it is clear");
    assert_eq!(ending.announcement, Some(Announcement::NotInService));

    // Words that say nothing end it too, and so do those that never come.
    let mut shell = in_early_media();
    shell.owes(2);
    shell.sip(Leg::Callee, failed(404, FailureCause::Rejected));
    shell.owes(1);
    assert!(shell.ending.is_none());
    shell.owes(0);
    assert_eq!(shell.ending.take().unwrap().announcement, None);

    let mut shell = in_early_media();
    shell.owes(1);
    shell.sip(Leg::Callee, failed(404, FailureCause::Rejected));
    shell.wait(3_000);
    assert!(shell.ending.is_some(), "for three seconds and no longer");
}

#[test]
fn half_an_announcement_counts_where_the_call_is_refused() {
    let mut shell = in_early_media();
    shell.announced(Announcement::PoweredOff, 75);
    shell.sip(Leg::Callee, failed(480, FailureCause::Rejected));
    assert_eq!(shell.ending.take().unwrap().announcement, Some(Announcement::PoweredOff));
}

#[test]
fn who_rings_on_after_a_clear_announcement_is_given_up() {
    use Announcement as A;
    for (announcement, confidence, rings_s) in [
        (A::NotInService, 95, 14),
        (A::PoweredOff, 90, 14),
        // Half of it, what says nothing, and a line that may knock: the telephone rings its time.
        (A::PoweredOff, 75, 20),
        (A::Other, 98, 20),
        (A::Busy, 95, 20),
    ] {
        let mut shell = in_early_media();
        let dialled = shell.now;
        shell.wait(2_000);
        shell.announced(announcement, confidence);
        shell.wait(4_000);
        // It is said once more.
        shell.announced(announcement, confidence);
        while shell.ending.is_none() {
            shell.wait(100);
        }
        let rang_s = shell.now.since(dialled).as_secs();
        assert!((rings_s..=rings_s + 1).contains(&rang_s), "{} {confidence}: {rang_s}", announcement.label());
        assert_eq!(shell.hangups, [Leg::Callee]);
        let ending = shell.ending.take().unwrap();
        assert_eq!((ending.announcement, ending.rang_out), (Some(announcement), true));
    }
}

#[test]
fn a_given_up_call_ends_once_whatever_the_far_end_says() {
    let mut shell = in_early_media();
    shell.polite = false;
    shell.announced(Announcement::PoweredOff, 95);
    shell.wait(12_000);
    assert_eq!(shell.hangups, [Leg::Callee]);
    // The answer has crossed the CANCEL: nobody is spoken with.
    shell.sip(Leg::Callee, answer());
    shell.wait(3_000);
    assert!(shell.said.is_empty() && shell.hangups.len() == 1);
    assert!(shell.ending.take().unwrap().rang_out);
}

#[test]
fn who_picks_up_after_an_announcement_is_spoken_with() {
    let mut shell = in_early_media();
    shell.announced(Announcement::NoAnswer, 95);
    shell.wait(6_000);
    shell.sip(Leg::Callee, answer());
    // Told late: it was of before.
    shell.announced(Announcement::NotInService, 95);
    shell.wait(20_000);
    assert_eq!(shell.hangups, [], "the answer is one");
    shell.say("对，我就是", Intent::Affirm);
    let ending = shell.end();
    assert_eq!((ending.answered_by, ending.announcement), (AnsweredBy::Human, None));
    assert_eq!(ending.conclusion.identity, Identity::Confirmed);
}

#[test]
fn a_call_that_is_stopped_in_early_media_is_cancelled_once() {
    let mut shell = in_early_media();
    shell.polite = false;
    shell.announced(Announcement::PoweredOff, 95);
    shell.input(Input::Stop);
    shell.wait(30_000);
    assert_eq!(shell.hangups, [Leg::Callee]);
    assert!(shell.ending.is_some());
}
