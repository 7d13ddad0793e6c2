use proptest::prelude::*;
use waihu_types::{Lang, Question};

use super::*;

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

/// A callee on whom the model and the recognizer may say something.
struct Line {
    turn: EndOfTurn,
    now: u64,
    out: Vec<(u64, Output)>,
}

impl Line {
    fn new(policy: Policy) -> Self {
        Self { turn: EndOfTurn::new(policy), now: 0, out: Vec::new() }
    }

    fn tell(&mut self, input: Input) {
        self.turn.handle_input(at(self.now), input);
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(output) = self.turn.poll_output() {
            self.out.push((self.now, output));
        }
    }

    /// Time goes on to a point, with every timeout on its millisecond.
    fn until(&mut self, ms: u64) {
        while let Some(due) = self.turn.poll_timeout().filter(|due| *due <= at(ms)) {
            let due = due.as_micros().div_ceil(1_000).max(self.now);
            self.now = due;
            self.tell(Input::Timeout);
        }
        self.now = self.now.max(ms);
    }

    /// Speech from now until a moment, and the pause that begins then.
    fn speech(&mut self, until: u64) {
        self.tell(Input::Voice);
        self.until(until);
        self.tell(Input::Pause { since: at(until) });
    }

    fn ended(&self) -> Option<(u64, Why)> {
        self.out.iter().find_map(|(now, o)| match o {
            Output::Ended { why, .. } => Some((*now, *why)),
            _ => None,
        })
    }
}

/// When a turn that pauses at 1,000 ms is ended, by the model's answer at 280 and the words at 500 ms of silence.
fn ends(policy: Policy, probability: Option<f32>, words: Option<Words>) -> (u64, Why) {
    let mut line = Line::new(policy);
    line.speech(1_000);
    line.until(1_280);
    if let Some(probability) = probability {
        line.tell(Input::Model { pause: PauseId(0), probability });
    }
    line.until(1_500);
    if let Some(words) = words {
        line.tell(Input::Words { pause: PauseId(0), words });
    }
    line.until(10_000);
    let (now, why) = line.ended().unwrap();
    (now - 1_000, why)
}

fn words(text: &str, question: Question) -> Option<Words> {
    Some(Words::of(Lang::Zh, text, question))
}

#[test]
fn model_and_recognizer_are_asked_once_at_the_first_short_pause() {
    let mut line = Line::new(Policy::of(Question::Open));
    line.speech(1_000);
    line.until(1_199);
    assert!(line.out.is_empty(), "it may lie between two syllables");
    line.until(1_300);
    let id = PauseId(0);
    assert_eq!(line.out, [(1_200, Output::AskModel(id)), (1_200, Output::Recognize(id))]);
}

#[test]
fn whoever_goes_on_is_not_ended_and_the_speculation_is_dropped() {
    let mut line = Line::new(Policy::of(Question::YesNo));
    line.speech(1_000);
    line.until(1_230);
    line.tell(Input::Voice);
    line.until(4_000);
    assert_eq!(line.out.last(), Some(&(1_230, Output::GoesOn(PauseId(0)))));
    // What the model says of the first pause is not taken for the second.
    line.tell(Input::Pause { since: at(4_000) });
    line.until(4_210);
    line.tell(Input::Model { pause: PauseId(0), probability: 1.0 });
    line.tell(Input::Words { pause: PauseId(0), words: words("可以", Question::YesNo).unwrap() });
    line.until(4_400);
    assert_eq!(line.ended(), None);
}

#[test]
fn a_yes_ends_sooner_than_a_day_and_a_day_sooner_than_digits() {
    let sure = |question, text| ends(Policy::of(question), Some(0.99), words(text, question)).0;
    let (yes, day, digits) =
        (sure(Question::YesNo, "可以的"), sure(Question::When, "下周五"), sure(Question::Digits, "六二二二"));
    assert!(yes <= day && day < digits, "{yes}, {day}, {digits}");
    assert!(yes <= 500, "{yes}: no later than the words");
}

#[test]
fn all_the_digits_end_it_and_too_few_do_not() {
    let policy = Policy { digits: Some(4), ..Policy::of(Question::Digits) };
    assert_eq!(ends(policy, Some(0.9), words("六二二二", Question::Digits)).1, Why::Digits);
    let (wait, why) = ends(policy, Some(0.2), words("六二二", Question::Digits));
    assert!(wait >= 1_200 && why != Why::Digits, "{wait}");
}

#[test]
fn unfinished_words_outweigh_a_model_that_is_sure_before_it_has_ended() {
    let policy = Policy { unclear_ms: 600, ..Policy::of(Question::When) };
    assert_eq!(
        ends(policy, Some(1.0), words("我想想，因为", Question::When)),
        (policy.most_ms.into(), Why::Silence)
    );
    assert_eq!(ends(policy, Some(1.0), words("明天", Question::When)).1, Why::Words);
    assert_eq!(ends(policy, Some(1.0), None), (600, Why::Tone));
}

#[test]
fn without_a_model_words_and_silence_do() {
    for question in [Question::YesNo, Question::When, Question::HowMuch, Question::Open] {
        let policy = Policy::of(question);
        let (wait, why) = ends(policy, None, None);
        assert!(wait <= policy.most_ms.into() && why == Why::Silence, "{question:?}: {wait}");
    }
    let policy = Policy::of(Question::When);
    assert!(ends(policy, None, words("明天下午", Question::When)).0 < ends(policy, None, None).0);
}

#[test]
fn a_callee_who_never_stops_is_stopped() {
    let mut line = Line::new(Policy::of(Question::Open));
    for n in 0..4_000 {
        line.until(n * 32);
        line.tell(Input::Voice);
    }
    assert_eq!(line.ended(), Some((25_000, Why::TooLong)));
}

#[test]
fn a_question_that_changes_is_waited_for_by_its_own_policy() {
    let mut line = Line::new(Policy::of(Question::Digits));
    line.speech(1_000);
    line.until(1_300);
    line.tell(Input::Ask(Policy::of(Question::YesNo)));
    line.until(10_000);
    assert!(line.ended().unwrap().0 <= 2_000);
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let share = prop_oneof![8 => 0.0f32..1.0, 1 => Just(f32::NAN), 1 => -9.0f32..9.0];
    let time = || prop_oneof![9 => 0u32..2_500, 1 => any::<u32>()];
    (
        time(),
        time(),
        time(),
        time(),
        [share.clone(), share.clone(), share.clone(), share],
        proptest::option::of(0u8..9),
    )
        .prop_map(
            |(least_ms, most_ms, look_after_ms, unclear_ms, [sure, doubtful, unheard, finished], digits)| {
                Policy {
                    least_ms,
                    most_ms,
                    look_after_ms,
                    unclear_ms,
                    sure,
                    doubtful,
                    unheard,
                    finished,
                    digits,
                    longest_ms: 25_000,
                }
            },
        )
}

fn any_input() -> impl Strategy<Value = Input> {
    let id = || (0u32..4).prop_map(PauseId);
    let complete = prop_oneof![
        Just(Completeness::Unfinished),
        Just(Completeness::Unclear),
        Just(Completeness::Finished)
    ];
    prop_oneof![
        4 => Just(Input::Voice),
        4 => (0u64..40_000).prop_map(|ms| Input::Pause { since: at(ms) }),
        2 => (id(), prop_oneof![9 => 0.0f32..1.0, 1 => Just(f32::NAN)])
            .prop_map(|(pause, probability)| Input::Model { pause, probability }),
        2 => (id(), complete, 0usize..9)
            .prop_map(|(pause, complete, digits)| Input::Words { pause, words: Words { complete, digits } }),
        1 => any_policy().prop_map(Input::Ask),
        1 => Just(Input::Timeout),
    ]
}

proptest! {
    #[test]
    fn each_question_is_settled_once_and_nothing_comes_after_the_end(
        policy in any_policy(),
        steps in proptest::collection::vec((0u64..900, any_input()), 0..60)
    ) {
        let mut line = Line::new(policy);
        for (step, input) in steps {
            line.until(line.now + step);
            line.tell(input);
        }
        let (mut open, mut last, mut over) = (None, None, false);
        for (_, output) in line.out {
            prop_assert!(!over, "after the end: {:?}", output);
            match output {
                Output::AskModel(id) => {
                    prop_assert!(open.is_none() && last.is_none_or(|l| l < id));
                    (open, last) = (Some(id), Some(id));
                }
                Output::Recognize(id) => prop_assert_eq!(open, Some(id)),
                Output::GoesOn(id) => {
                    prop_assert_eq!(open, Some(id));
                    open = None;
                }
                Output::Ended { pause, .. } => {
                    prop_assert_eq!(pause, open);
                    over = true;
                }
            }
        }
        prop_assert_eq!(line.turn.is_over(), over);
        prop_assert!(!over || line.turn.poll_timeout().is_none());
    }

    #[test]
    fn a_pause_is_ended_within_its_limits_whatever_is_said_of_it(
        policy in any_policy(),
        answers in proptest::collection::vec((0u64..500, any_input()), 0..8)
    ) {
        let limits = policy.within_limits();
        let mut line = Line::new(policy);
        line.speech(1_000);
        for (step, input) in answers {
            if matches!(input, Input::Model { .. } | Input::Words { .. } | Input::Timeout | Input::Pause { .. }) {
                line.until(line.now + step);
                line.tell(input);
            }
        }
        line.until(30_000);
        let (now, _) = line.ended().unwrap();
        prop_assert!(now >= 1_000 + u64::from(limits.least_ms) && now <= 1_000 + u64::from(limits.most_ms));
        prop_assert!(limits.most_ms <= 2_000);
    }

    #[test]
    fn nobody_who_speaks_is_ended(step in 1u64..200, policy in any_policy()) {
        let mut line = Line::new(Policy { least_ms: 200, ..policy });
        while line.now < 20_000 {
            line.tell(Input::Voice);
            line.until(line.now + step);
        }
        prop_assert_eq!(line.ended(), None);
    }
}
