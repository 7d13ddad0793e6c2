//! Any frames, in any order of events: nothing panics, and a verdict is settled in time.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use waihu_answer::{Detector, Event, Gate, Output, SETTLED_AFTER_MS, SILENCE_AFTER_MS, Verdict, replay};
use waihu_audio::{Frame, SILENCE, tone};
use waihu_types::{Announcement, AnsweredBy, Lang};

#[derive(Clone, Debug)]
enum Step {
    Frames { kind: u8, count: u8, open: bool },
    Answered,
    Started,
    Ended(u16),
    Heard(Lang, String),
    Tick(u32),
    Back(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let words = prop_oneof![
        ".{0,40}",
        "(喂|您好|请留言|您拨打的电话|已关机|他不在|请按1|滴声后|[，。？]){0,12}",
        "(hello|please|leave|a message|after the tone|press|one|who is this|[.,?]| ){0,16}",
    ];
    let step = prop_oneof![
        4 => (0_u8..6, 1_u8..80, any::<bool>()).prop_map(|(kind, count, open)| Step::Frames { kind, count, open }),
        1 => Just(Step::Answered),
        1 => Just(Step::Started),
        1 => any::<u16>().prop_map(Step::Ended),
        1 => (prop_oneof![Just(Lang::Zh), Just(Lang::En)], words).prop_map(|(l, t)| Step::Heard(l, t)),
        1 => (0_u32..3_000).prop_map(Step::Tick),
        1 => (0_u32..3_000).prop_map(Step::Back),
    ];
    prop::collection::vec(step, 0..60)
}

fn frame(kind: u8, n: u64) -> Frame {
    let of = |samples: Vec<i16>| samples.try_into().unwrap_or(SILENCE);
    match kind {
        0 => SILENCE,
        1 => [i16::MIN; 160],
        2 => std::array::from_fn(|i| if i % 2 == 0 { i16::MAX } else { i16::MIN }),
        3 => of(tone::sine(1_000.0, 20, -10.0, 8_000)),
        4 => of(tone::dual((480.0, 620.0), 20, -10.0, 8_000)),
        _ => std::array::from_fn(|i| ((n * 160 + i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 50) as i16),
    }
}

/// Carries the steps out, then ten seconds and more of silence; gives all verdicts after the answer.
fn lived(steps: &[Step]) -> Vec<Verdict> {
    let mut detector = Detector::new();
    let (mut now, mut answered, mut out) = (0_u64, false, Vec::new());
    let drain = |detector: &mut Detector, answered: bool, out: &mut Vec<Verdict>| {
        while let Some(output) = detector.poll_output() {
            if let (Output::Verdict(v), true) = (output, answered) {
                out.push(v);
            }
        }
    };
    for step in steps {
        match step {
            Step::Frames { kind, count, open } => {
                for _ in 0..*count {
                    now += 20;
                    let gate = if *open { Gate::Open } else { Gate::Closed };
                    detector.push(now, &frame(*kind, now), gate);
                }
            }
            Step::Answered => {
                drain(&mut detector, answered, &mut out);
                answered = true;
                detector.answered(now);
            }
            Step::Started => detector.speech_started(now),
            Step::Ended(back) => detector.speech_ended(now.saturating_sub(u64::from(*back))),
            Step::Heard(lang, text) => detector.heard(now, *lang, text),
            Step::Tick(ms) => {
                now += u64::from(*ms);
                detector.tick(now);
            }
            Step::Back(ms) => detector.tick(now.saturating_sub(u64::from(*ms))),
        }
        drain(&mut detector, answered, &mut out);
    }
    if !answered {
        detector.answered(now);
        drain(&mut detector, false, &mut out);
    }
    for _ in 0..=SETTLED_AFTER_MS / 20 {
        now += 20;
        detector.push(now, &SILENCE, Gate::Closed);
    }
    drain(&mut detector, true, &mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_call_is_settled_in_time_and_once(steps in steps()) {
        let verdicts = lived(&steps);
        let last = verdicts.last().copied();
        prop_assert!(last.is_some_and(|v| v.settled), "{verdicts:?}");
        prop_assert!(verdicts.iter().filter(|v| v.settled).count() == 1);
        prop_assert!(verdicts.iter().all(|v| (0.0..=1.0).contains(&v.confidence)));
        prop_assert!(verdicts.iter().all(|v| v.by == AnsweredBy::Announcement || v.announcement.is_none()));
    }
}

fn frames(samples: &[i16]) -> Vec<(Frame, Gate)> {
    samples.as_chunks().0.iter().map(|f| (*f, Gate::Closed)).collect()
}

#[test]
fn silence_is_told_after_its_limit_and_not_before() {
    let found = replay(frames(&vec![0; 8 * 11_000]), &[(0, Event::Answered)]);
    let first = found.verdicts.first().unwrap().1;
    assert_eq!((first.by, u64::from(first.after_ms)), (AnsweredBy::Silence, SILENCE_AFTER_MS));
    assert_eq!(found.last().map(|v| (v.by, v.settled)), Some((AnsweredBy::Silence, true)));
}

/// Speech from and to, told as the ears tell it, and its words.
fn said(from: u64, to: u64, lang: Lang, text: &str) -> Vec<(u64, Event)> {
    vec![
        (from + 150, Event::SpeechStarted),
        (to + 600, Event::SpeechEnded { at_ms: to }),
        (to + 1_000, Event::Heard { lang, text: text.to_owned() }),
    ]
}

fn after_answer(utterances: &[(u64, u64, Lang, &str)]) -> Vec<Verdict> {
    let mut events = vec![(0, Event::Answered)];
    events.extend(utterances.iter().flat_map(|(from, to, lang, text)| said(*from, *to, *lang, text)));
    events.sort_by_key(|(at, _)| *at);
    replay(frames(&vec![0; 8 * 11_000]), &events).verdicts.into_iter().map(|(_, v)| v).collect()
}

#[test]
fn a_short_hello_and_a_pause_are_a_person_before_the_words_are_known() {
    let verdicts = after_answer(&[(400, 900, Lang::En, "Hello?")]);
    assert_eq!(verdicts[0].by, AnsweredBy::Human);
    assert!(verdicts[0].after_ms < 1_900 && verdicts[0].confidence < 0.9, "{verdicts:?}");
    assert!(verdicts.iter().all(|v| v.by == AnsweredBy::Human));
    assert!(verdicts.last().is_some_and(|v| v.settled && v.confidence >= 0.9));
}

#[test]
fn a_short_greeting_of_a_box_is_taken_back_by_its_words() {
    let verdicts = after_answer(&[(400, 1_900, Lang::En, "Hi, it's Sam, please leave a message.")]);
    assert_eq!(verdicts[0].by, AnsweredBy::Human);
    assert_eq!(verdicts.last().map(|v| v.by), Some(AnsweredBy::Voicemail));
}

#[test]
fn a_beep_after_an_unknown_greeting_is_a_box_and_after_a_persons_words_is_not() {
    for (text, by, beeps) in
        [("Sam and Alex.", AnsweredBy::Voicemail, 1), ("Yes, who is this?", AnsweredBy::Human, 0)]
    {
        let mut samples = vec![0; 8 * 3_000];
        samples.extend(tone::sine(1_000.0, 400, -12.0, 8_000));
        samples.extend(vec![0; 8 * 7_600]);
        let mut events = vec![(0, Event::Answered)];
        events.extend(said(400, 1_500, Lang::En, text));
        let found = replay(frames(&samples), &events);
        assert_eq!((found.last().map(|v| v.by), found.beeps.len()), (Some(by), beeps), "{text}");
    }
}

#[test]
fn tones_of_the_line_are_told_apart_and_are_no_beeps() {
    use Announcement as A;
    let repeated = |cadence: tone::Cadence| cadence.period(-20.0).repeat(4);
    let fast = tone::Cadence { frequencies: (480.0, 620.0), on_ms: 250, off_ms: 250 };
    for (name, samples, by, announced) in [
        ("busy of China", repeated(tone::BUSY_CN), AnsweredBy::Announcement, Some(A::Busy)),
        ("busy of North America", repeated(tone::BUSY_US), AnsweredBy::Announcement, Some(A::Busy)),
        ("congestion of China", repeated(tone::CONGESTION_CN), AnsweredBy::Announcement, Some(A::Congestion)),
        ("fast busy", repeated(fast), AnsweredBy::Announcement, Some(A::Congestion)),
        (
            "special information",
            tone::special_information(-20.0, 8_000),
            AnsweredBy::Announcement,
            Some(A::Other),
        ),
        ("ringback of China", repeated(tone::RINGBACK_CN), AnsweredBy::Nobody, None),
        ("ringback of North America", repeated(tone::RINGBACK_US), AnsweredBy::Nobody, None),
    ] {
        let early = replay(frames(&samples), &[]);
        assert_eq!(early.last().map(|v| (v.by, v.announcement)), Some((by, announced)), "{name}");
        let answered = replay(frames(&samples), &[(0, Event::Answered)]);
        assert!(answered.beeps.is_empty(), "{name} after an answer");
    }
}

#[test]
fn a_fax_machine_is_told_while_its_tone_lasts() {
    let found = replay(frames(&tone::sine(2_100.0, 2_600, -12.0, 8_000)), &[(0, Event::Answered)]);
    let verdict = found.last().unwrap();
    assert!(verdict.by == AnsweredBy::Fax && verdict.settled && verdict.after_ms <= 600, "{verdict:?}");
}

#[test]
fn words_before_the_answer_are_not_the_callees() {
    let song = "您好，欢迎致电，请按1";
    let mut events = said(500, 2_500, Lang::Zh, song);
    events.push((3_000, Event::Answered));
    events.extend(said(3_400, 3_800, Lang::Zh, "喂，你好"));
    events.sort_by_key(|(at, _)| *at);
    let found = replay(frames(&vec![0; 8 * 14_000]), &events);
    assert!(found.verdicts.iter().all(|(_, v)| v.by == AnsweredBy::Human), "{:?}", found.verdicts);
}
