use std::sync::Mutex;

use waihu_audio::SILENCE;
use waihu_types::{Intent, Lang, Question};

use super::*;
use crate::{Expectation, HeardBy, Manner, Sink, looks::Look};

/// An ear, what it tells, and what it hands in.
struct Bench {
    ear: Ear,
    told: Arc<Mutex<Vec<Event>>>,
    looks: Looks,
    looked: crossbeam_channel::Receiver<Look>,
    jobs: Arc<crate::queue::Queue>,
}

impl Bench {
    /// Of a call that was answered.
    fn new() -> Self {
        let mut bench = Self::ringing();
        bench.ear.answered();
        bench
    }

    fn ringing() -> Self {
        let told = Arc::<Mutex<Vec<Event>>>::default();
        let sink: Sink = {
            let told = Arc::clone(&told);
            Arc::new(move |event| told.lock().unwrap().push(event))
        };
        let ear = Ear::new(Call::new(1, Lang::Zh, jiff::civil::date(2026, 11, 25), sink));
        let (looks, looked, jobs) = Looks::by_hand();
        Self { ear, told, looks, looked, jobs }
    }

    /// Hears stretches of voice and silence [ms], each frame filled with its number.
    fn hears(&mut self, stretches: &[(u64, f32)]) {
        for (ms, probability) in stretches {
            for _ in 0..ms / 20 {
                // A window of 32 ms is complete in five of eight frames.
                let complete = (self.ear.frames + 1) * 5 / 8 > self.ear.frames * 5 / 8;
                let frame = SILENCE.map(|_| self.ear.frames as i16);
                let probability = complete.then_some(*probability);
                self.ear.judged(&frame, Gate::Open, probability, &self.looks);
            }
        }
    }

    /// What was told, without that speech goes on and who answered.
    fn told(&self) -> Vec<Event> {
        let told = self.told.lock().unwrap().drain(..).collect::<Vec<_>>();
        let asides = |e: &Event| matches!(e, Event::GoesOn { .. } | Event::AnsweredBy(_) | Event::Beep);
        told.into_iter().filter(|e| !asides(e)).collect()
    }

    /// The utterances that were handed in to be looked at.
    fn looked(&self) -> Vec<Job> {
        self.looked.try_iter().map(|look| look.job).collect()
    }

    /// The call has taken in all that was told, and has the next go on with the last of it.
    fn joins(&mut self) {
        self.ear.join(self.ear.told());
    }

    fn finds(&mut self, job: &Job, text: &str) {
        let answer = Answer { ticket: job.ticket, what: What::Words(Some(heard(text))) };
        self.ear.answer(answer, &self.looks);
    }
}

fn heard(text: &str) -> Heard {
    Heard {
        text: text.to_owned(),
        intent: Intent::Affirm,
        confidence: 0.9,
        clear: 1.0,
        also: Vec::new(),
        entities: waihu_nlu::Entities::default(),
        manner: Manner::default(),
        by: HeardBy::Recognizer,
        silence_ms: 0,
        waited_ms: 0,
        took_ms: 0,
        cost: Duration::ZERO,
    }
}

fn is_heard(event: &Event, text: &str) -> bool {
    matches!(event, Event::Heard(h) if h.text == text)
}

#[test]
fn voice_is_told_while_it_goes_on_and_its_pauses_are_none() {
    let mut b = Bench::new();
    b.hears(&[(640, 0.0), (760, 0.9), (160, 0.0), (300, 0.9)]);
    let voiced: Vec<u128> = b
        .told
        .lock()
        .unwrap()
        .iter()
        .filter_map(|e| if let Event::GoesOn { voiced } = e { Some(voiced.as_millis()) } else { None })
        .collect();
    assert!(voiced.windows(2).all(|w| (100..=160).contains(&(w[1] - w[0]))), "{voiced:?}");
    assert!(voiced.last().is_some_and(|ms| (900..=1_060).contains(ms)), "{voiced:?}");
}

#[test]
fn words_that_are_there_when_the_turn_ends_are_told_with_its_end() {
    let mut b = Bench::new();
    b.ear.call.expect(Expectation { question: Question::YesNo, ..Expectation::default() });
    b.hears(&[(1_000, 0.0), (600, 0.9), (240, 0.0)]);
    let looked = b.looked();
    let [job] = &looked[..] else { panic!("{} looks in the first pause", looked.len()) };
    b.finds(job, "对，是我。");
    assert!(matches!(&b.told()[..], [Event::Started, Event::Partial(p)] if p.text == "对，是我。"));
    b.hears(&[(600, 0.0)]);
    let told = b.told();
    assert!(matches!(&told[..], [Event::Ended, h] if is_heard(h, "对，是我。")), "{told:?}");
    let Event::Heard(h) = &told[1] else { unreachable!() };
    assert!((200..600).contains(&h.silence_ms), "a closed answer is not waited out: {} ms", h.silence_ms);
    assert!(b.jobs.try_take().is_none() && b.looked().is_empty(), "and nothing is recognized twice");
}

#[test]
fn who_goes_on_is_recognized_anew_and_the_first_guess_is_dropped() {
    let mut b = Bench::new();
    b.hears(&[(1_000, 0.0), (600, 0.9), (260, 0.0), (400, 0.9)]);
    let first = b.looked().pop().unwrap();
    assert!(!first.is_dropped(), "it may tell who answered");
    b.finds(&first, "我明天");
    assert_eq!(b.told(), [Event::Started], "late words of a pause that is over mean nothing");
    b.hears(&[(300, 0.0)]);
    let second = b.looked().pop().unwrap();
    assert_eq!(second.ticket.number, first.ticket.number);
    assert_eq!(second.samples[..first.samples.len()], first.samples[..], "the whole of it");
    b.finds(&second, "我明天还");
    b.hears(&[(2_100, 0.0)]);
    assert!(b.told().iter().any(|e| is_heard(e, "我明天还")));
}

#[test]
fn who_goes_on_while_a_recognizer_is_busy_loses_no_word() {
    let (first, second) = ("您好，我是人工客服。", "请问有什么可以帮您？");
    // The pause is one within a turn, or its end; a recognizer is quick, or slow, or has others' words before these.
    for (pause_ms, takes_ms) in [(700_u64, 200), (700, 2_000), (700, 4_000), (1_700, 2_000), (1_700, 4_000)] {
        let mut b = Bench::new();
        // A frame in the middle of each part.
        let parts = [(70, first), ((1_900 + pause_ms + 600) / 20, second)];
        let mut work: Option<(Job, u64)> = None;
        for (ms, probability) in [(1_000, 0.0), (900, 0.9), (pause_ms, 0.0), (1_200, 0.9), (12_000, 0.0)] {
            for _ in 0..ms / 20 {
                b.hears(&[(20, probability)]);
                if work.is_none() {
                    let job = b.looked.try_recv().ok().map(|look| look.job).or_else(|| b.jobs.try_take());
                    work = job.map(|job| (job, b.ear.frames + takes_ms / 20));
                }
                if let Some((job, _)) = work.take_if(|(_, done)| *done <= b.ear.frames) {
                    let there = parts.iter().filter(|(frame, _)| job.samples.contains(&(*frame as i16)));
                    let text: String = there.map(|(_, text)| *text).collect();
                    b.finds(&job, &text);
                }
            }
        }
        let words = |event| if let Event::Heard(heard) = event { Some(heard.text) } else { None };
        let heard: Vec<String> = b.told().into_iter().filter_map(words).collect();
        let whole = [first, second].concat();
        assert_eq!(heard.concat(), whole, "after {pause_ms} ms, {takes_ms} ms a piece: {heard:?}");
    }
}

#[test]
fn what_voices_around_said_is_not_taken_for_the_callees_words() {
    let mut b = Bench::new();
    b.hears(&[(1_000, 0.0), (2_000, 0.9), (300, 0.0)]);
    let around = b.looked().pop().unwrap();
    b.hears(&[(200, 0.9)]);
    b.ear.is_the_callee();
    b.hears(&[(400, 0.9), (300, 0.0)]);
    let callees = b.looked().pop().unwrap();
    assert!(callees.samples.len() < around.samples.len());
    // A recognizer had begun with it.
    b.finds(&around, "明天多云转晴。");
    assert_eq!(b.told(), [Event::Started]);
    b.finds(&callees, "对，是我。");
    b.hears(&[(2_100, 0.0)]);
    let told = b.told();
    assert!(
        matches!(&told[..], [Event::Partial(_), Event::Ended, h] if is_heard(h, "对，是我。")),
        "{told:?}"
    );
}

#[test]
fn before_an_agent_is_in_the_talk_nothing_of_theirs_is_recognized() {
    let mut b = Bench::ringing();
    b.ear.knows_who();
    b.hears(&[(1_000, 0.0), (600, 0.9), (2_100, 0.0)]);
    assert!(b.jobs.try_take().is_none() && b.looked().is_empty());
    b.ear.answered();
    b.told();
    b.hears(&[(600, 0.9), (300, 0.0)]);
    let job = b.looked().pop().unwrap();
    b.finds(&job, "您好");
    b.hears(&[(2_100, 0.0)]);
    assert!(b.told().iter().any(|e| is_heard(e, "您好")));
}

#[test]
fn once_it_is_known_who_answered_what_is_no_longer_wanted_is_dropped() {
    let mut b = Bench::new();
    b.ear.who = None;
    b.hears(&[(1_000, 0.0), (600, 0.9), (260, 0.0), (400, 0.9)]);
    assert!(b.looked().pop().unwrap().is_dropped());
}

#[test]
fn words_are_told_in_the_order_in_which_they_were_said() {
    let mut b = Bench::new();
    b.hears(&[(1_000, 0.0), (600, 0.9), (2_100, 0.0), (600, 0.9), (2_100, 0.0)]);
    let jobs = b.looked();
    let [first, second] = &jobs[..] else { panic!("{} looks", jobs.len()) };
    assert_eq!(b.told(), [Event::Started, Event::Ended, Event::Started, Event::Ended]);
    b.finds(second, "二");
    assert_eq!(b.told(), []);
    b.finds(first, "一");
    assert!(matches!(&b.told()[..], [a, b] if is_heard(a, "一") && is_heard(b, "二")));
}

#[test]
fn words_soon_after_an_utterance_keep_their_beginning() {
    let mut b = Bench::new();
    b.hears(&[(1_000, 0.0), (400, 0.9), (1_460, 0.0), (400, 0.9), (1_600, 0.0)]);
    let jobs = b.looked();
    let [first, second] = &jobs[..] else { panic!("{} utterances", jobs.len()) };
    let begins = 2_860 / 20;
    assert!(second.samples[0] <= begins - 10, "200 ms before it: {} of {begins}", second.samples[0]);
    assert!(first.samples.last() < second.samples.first(), "and nothing twice");
}

#[test]
fn an_utterance_that_goes_on_with_the_last_is_heard_with_it() {
    let mut b = Bench::new();
    b.hears(&[(1_000, 0.0), (600, 0.9), (2_100, 0.0)]);
    let first = b.looked().pop().unwrap();
    b.finds(&first, "我下周");
    b.hears(&[(300, 0.9)]);
    b.joins();
    b.hears(&[(300, 0.9), (300, 0.0)]);
    let both = b.looked().pop().unwrap();
    assert!(both.samples.len() > first.samples.len() + JOINT);
    assert_eq!(both.samples[..first.samples.len()], first.samples[..]);
    b.told();
    b.finds(&both, "我下周还");
    b.hears(&[(2_100, 0.0)]);
    let told = b.told();
    assert!(matches!(told.last(), Some(Event::Rejoined(h)) if h.text == "我下周还"), "{told:?}");
}

#[test]
fn what_was_handed_in_alone_is_told_alone() {
    let mut b = Bench::new();
    b.hears(&[(1_000, 0.0), (600, 0.9), (2_100, 0.0)]);
    let first = b.looked().pop().unwrap();
    b.finds(&first, "我下周");
    b.hears(&[(600, 0.9), (300, 0.0)]);
    let second = b.looked().pop().unwrap();
    b.joins();
    b.finds(&second, "还");
    b.hears(&[(2_100, 0.0)]);
    let told = b.told();
    assert!(told.last().is_some_and(|e| is_heard(e, "还")), "the first part is not in it: {told:?}");
    // Nor does what comes after it go on with one that was over before it was to be joined.
    b.hears(&[(600, 0.9), (2_100, 0.0)]);
    let third = b.looked().pop().unwrap();
    b.joins();
    b.finds(&third, "一半");
    b.hears(&[(600, 0.9), (300, 0.0)]);
    let fourth = b.looked().pop().unwrap();
    b.finds(&fourth, "对");
    b.hears(&[(2_100, 0.0)]);
    let told = b.told();
    assert!(told.last().is_some_and(|e| is_heard(e, "对")), "{told:?}");
}

#[test]
fn of_three_parts_none_is_lost_where_a_recognizer_is_slow() {
    let mut b = Bench::new();
    b.hears(&[(1_000, 0.0), (600, 0.9), (2_100, 0.0), (600, 0.9), (2_100, 0.0), (600, 0.9)]);
    let jobs = b.looked();
    let [first, second] = &jobs[..] else { panic!("{} looks", jobs.len()) };
    for (part, text) in [(first, "我下周"), (second, "还不了")] {
        b.finds(part, text);
        assert!(b.told().last().is_some_and(|e| is_heard(e, text)), "it is over, and told alone");
        b.joins();
    }
    b.hears(&[(300, 0.0)]);
    let whole = b.looked().pop().unwrap();
    let (before, at) = (first.samples.len(), first.samples.len() + JOINT);
    assert_eq!(whole.samples[..before], first.samples[..]);
    assert_eq!(whole.samples[at..at + second.samples.len()], second.samples[..]);
    b.finds(&whole, "我下周还不了，下个月还");
    b.hears(&[(2_100, 0.0)]);
    let told = b.told();
    assert!(
        matches!(told.last(), Some(Event::Rejoined(h)) if h.text == "我下周还不了，下个月还"),
        "{told:?}"
    );
}

#[test]
fn what_was_told_before_it_could_be_joined_is_not_told_again_with_the_next() {
    let mut b = Bench::new();
    b.hears(&[(1_000, 0.0), (600, 0.9), (2_100, 0.0), (600, 0.9), (2_100, 0.0)]);
    let jobs = b.looked();
    let [first, second] = &jobs[..] else { panic!("{} looks", jobs.len()) };
    b.finds(second, "还一半");
    b.finds(first, "我下周");
    assert_eq!(b.ear.told(), 2);
    // The call knows of the first alone, and has the second go on with it.
    b.ear.join(1);
    for text in ["对", "没问题"] {
        b.hears(&[(600, 0.9), (300, 0.0)]);
        let next = b.looked().pop().unwrap();
        assert!(next.samples.first() > second.samples.last(), "it is recognized alone");
        b.finds(&next, text);
        b.hears(&[(2_100, 0.0)]);
        let told = b.told();
        assert!(told.last().is_some_and(|e| is_heard(e, text)), "{told:?}");
    }
}

#[test]
fn voice_without_end_is_ended_and_owes_no_more_than_a_few() {
    let mut b = Bench::new();
    b.hears(&[(300_000, 0.9)]);
    let told = b.told();
    let ended = told.iter().filter(|e| **e == Event::Ended).count();
    assert!((11..=12).contains(&ended), "{ended} turns of 25 s");
    assert!(told.iter().all(|e| !matches!(e, Event::Heard(_))));
    assert!(b.ear.owed.len() <= ended);
    assert!(std::iter::from_fn(|| b.jobs.try_take()).all(|j| j.samples.len() <= 26 * 8_000));
}

#[test]
fn of_early_media_it_is_told_what_is_announced_and_how_much_of_it_is_to_come() {
    let mut b = Bench::ringing();
    b.hears(&[(1_000, 0.0), (600, 0.9), (300, 0.0)]);
    assert_eq!(b.told(), [Event::EarlyWords { owed: 1 }]);
    assert!(b.looked().is_empty(), "no short answer is looked for");
    let job = b.jobs.try_take().expect("it is recognized");
    b.finds(&job, "您拨打的号码是空号，请核对后再拨。");
    let told = b.told();
    let [Event::Announced(verdict)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(verdict.announcement, Some(waihu_types::Announcement::NotInService));
    b.hears(&[(2_100, 0.0)]);
    assert_eq!(b.told(), [Event::EarlyWords { owed: 0 }]);
}

#[test]
fn words_of_early_media_are_not_told_as_the_callees() {
    let mut b = Bench::ringing();
    b.hears(&[(1_000, 0.0), (600, 0.9), (2_100, 0.0), (600, 0.9)]);
    let early = b.jobs.try_take().unwrap();
    b.told();
    b.ear.answered();
    assert!(early.is_dropped(), "nobody waits for it");
    b.finds(&early, "请稍候");
    b.hears(&[(300, 0.0)]);
    assert_eq!(b.told(), [], "neither what was over, nor what went on over the answer");
    // A hello that goes on over the answer is heard from there on.
    b.hears(&[(400, 0.9), (300, 0.0)]);
    assert_eq!(b.told(), [Event::Started]);
    assert_eq!(b.looked().len(), 1);
}

#[test]
fn a_song_in_place_of_ringing_is_not_recognized_for_ever() {
    let mut b = Bench::ringing();
    for _ in 0..30 {
        b.hears(&[(1_500, 0.9), (300, 0.0)]);
    }
    assert_eq!(std::iter::from_fn(|| b.jobs.try_take()).count(), MAX_EARLY_LOOKS as usize);
    b.hears(&[(3_000, 0.0)]);
    b.ear.owed.iter_mut().for_each(|o| o.words = Some(None));
    b.ear.pay();
    assert_eq!(b.told().last(), Some(&Event::EarlyWords { owed: 0 }), "and nothing is waited for");
}

#[test]
fn a_fall_costs_the_call_its_utterance_and_is_answered() {
    let mut b = Bench::new();
    b.hears(&[(200, 0.9)]);
    b.ear.guarded(|_| panic!("a test's own fault"));
    b.ear.guarded(|_| panic!("once more, in silence"));
    b.hears(&[(200, 0.9)]);
    assert_eq!(b.told(), [Event::Started, Event::Ended, Event::Unintelligible, Event::Started]);
}
