//! The recognizers: utterances in, what they mean out.
//!
//! A few plain threads, each with a model of its own, take utterances from one queue ([`crate::queue`]) in the
//! order in which they were handed in, so that nobody waits behind somebody who spoke later. What is no longer
//! wanted, for the callee goes on or the call is over, is passed over. Who tells a call's words in their order is
//! its ear.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::Sender;
use jiff::civil::Date;
use waihu_asr::{Asr, AsrConfig, Options, Prompt, Window, thread_time};
use waihu_intent::Classifier;
use waihu_turn::PauseId;
use waihu_types::{Lang, Question};

use crate::{
    Expectation, Heard, HeardBy, Manner, Sink, SpeechError,
    queue::{Queue, Waits},
};

/// Readings of an utterance that the classifier weighs, where the recognizer was not sure.
const READINGS: usize = 3;

/// Utterances from this length on are recognized with the script's words before them [samples at 8 kHz]: 4 s. In
/// shorter ones the words come out as if they had been said (on seven short answers of calls, 66 % of the
/// characters wrong with the words, 22 % without), and nobody says a name in them.
const WORDS_FROM: usize = 4 * 8_000;

/// Which piece of work an answer belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// The call's ear.
    pub call: u64,
    /// The utterance.
    pub number: u64,
    /// The pause up to which it was handed in; none where it is whole.
    pub pause: Option<PauseId>,
}

/// What a worker found.
pub(crate) struct Answer {
    pub ticket: Ticket,
    pub what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// The words; none where there are none, or no room, or a worker fell over them.
    Words(Option<Heard>),
    /// How likely the turn is over, by its tone.
    Tone(f32),
}

/// One utterance to recognize.
pub(crate) struct Job {
    pub of: Call,
    pub ticket: Ticket,
    /// At 8 kHz.
    pub samples: Arc<[i16]>,
    /// When it was handed in.
    pub since: Instant,
    /// Set when nobody wants it any more.
    pub dropped: Arc<AtomicBool>,
    /// It was heard before the answer.
    pub is_early: bool,
}

impl Job {
    pub(crate) fn is_dropped(&self) -> bool {
        self.of.is_gone() || self.dropped.load(Ordering::Relaxed) || self.is_early && self.of.is_answered()
    }
}

/// What the workers know of the call that an utterance belongs to.
#[derive(Clone)]
pub(crate) struct Call {
    pub id: u64,
    pub lang: Lang,
    pub today: Date,
    pub sink: Sink,
    expectation: Arc<Mutex<Arc<Expectation>>>,
    answered: Arc<AtomicBool>,
    gone: Arc<AtomicBool>,
}

impl Call {
    pub(crate) fn new(id: u64, lang: Lang, today: Date, sink: Sink) -> Self {
        Self {
            id,
            lang,
            today,
            sink,
            expectation: Arc::default(),
            answered: Arc::default(),
            gone: Arc::default(),
        }
    }

    /// What the script expects just now.
    pub(crate) fn expectation(&self) -> Arc<Expectation> {
        // It is changed in one step: it cannot be left half written.
        Arc::clone(&self.expectation.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn expect(&self, expectation: Expectation) {
        *self.expectation.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(expectation);
    }

    /// It was answered: nobody waits for words of early media any more.
    pub(crate) fn answer(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// Nobody waits for its words any more.
    pub(crate) fn end(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }
}

/// What the recognizers count.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub refused: AtomicU64,
    pub recognized: AtomicU64,
    /// A running mean over some sixteen utterances [µs].
    pub cost_us: AtomicU64,
}

/// Where utterances are handed in.
#[derive(Clone)]
pub(crate) struct Recognizers {
    queue: Arc<Queue>,
    answers: Sender<Answer>,
    counts: Arc<Counts>,
}

impl Recognizers {
    /// Starts `count` threads. Every model is loaded before this returns, so that a bad one is
    /// known before anything is dialled.
    pub(crate) fn start(
        count: usize,
        whisper: &Path,
        classifier: Arc<Classifier>,
        answers: Sender<Answer>,
    ) -> Result<Self, SpeechError> {
        let recognizers = Self { queue: Arc::default(), answers, counts: Arc::default() };
        let first = Asr::load(whisper, AsrConfig::default())?;
        let more = (1..count).map(|_| first.another()).collect::<Result<Vec<_>, _>>()?;
        for (n, mut asr) in std::iter::once(first).chain(more).enumerate() {
            let (classifier, of) = (Arc::clone(&classifier), recognizers.clone());
            thread::Builder::new()
                .name(format!("recognizer-{n}"))
                .spawn(move || {
                    loop {
                        of.work(&of.queue.take(), |job| recognize(&mut asr, job, &classifier));
                    }
                })
                .map_err(SpeechError::Thread)?;
        }
        Ok(recognizers)
    }

    /// Nobody works: whoever holds the queue does, or sees what was handed in.
    pub(crate) fn by_hand() -> (Self, Arc<Queue>) {
        Self::answering(crate::ears::answers().0)
    }

    fn answering(answers: Sender<Answer>) -> (Self, Arc<Queue>) {
        let queue = Arc::<Queue>::default();
        (Self { queue: Arc::clone(&queue), answers, counts: Arc::default() }, queue)
    }

    /// Hands an utterance in. With a full queue it comes back without words at once: the bot
    /// asks again, which is better than an answer that comes too late.
    pub(crate) fn submit(&self, job: Job) {
        if let Err(job) = self.queue.push(job) {
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
            let _ = self.answers.send(Answer { ticket: job.ticket, what: What::Words(None) });
        }
    }

    /// How long work waits.
    pub(crate) fn waits(&self) -> Waits {
        self.queue.waits(Instant::now())
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    fn work(&self, job: &Job, recognize: impl FnOnce(&Job) -> Result<Option<Heard>, SpeechError>) {
        let (words, cost) = cost_of(|| words(job, recognize));
        let mean = self.counts.cost_us.load(Ordering::Relaxed);
        let mean = if mean == 0 { micros(cost) } else { mean - mean / 16 + micros(cost) / 16 };
        self.counts.cost_us.store(mean, Ordering::Relaxed);
        self.counts.recognized.fetch_add(1, Ordering::Relaxed);
        let words = words.map(|heard| Heard { cost, ..heard });
        let _ = self.answers.send(Answer { ticket: job.ticket, what: What::Words(words) });
    }
}

/// The words of an utterance; always an answer, for the call waits for it.
fn words(job: &Job, recognize: impl FnOnce(&Job) -> Result<Option<Heard>, SpeechError>) -> Option<Heard> {
    // The engine begins each utterance afresh, so a fall in one is that one's.
    match catch_unwind(AssertUnwindSafe(|| recognize(job))).unwrap_or(Err(SpeechError::Fell)) {
        Ok(heard) => heard,
        Err(e) => {
            tracing::error!(error = %e, "an utterance could not be recognized");
            None
        }
    }
}

pub(crate) fn recognize(
    asr: &mut Asr,
    job: &Job,
    classifier: &Classifier,
) -> Result<Option<Heard>, SpeechError> {
    let begun = Instant::now();
    let lang = job.of.lang;
    let expected = job.of.expectation();
    let samples = waihu_audio::resample(&waihu_audio::frame::to_f32(&job.samples), 8_000, 16_000)?;
    let words: &[String] = if job.samples.len() >= WORDS_FROM { &expected.words } else { &[] };
    let prompt = Prompt::new(lang).script(words.iter().map(String::as_str)).text();
    let options = Options { lang, prompt: Some(&prompt), window: Window::Cut, readings: READINGS };
    let told = asr.transcribe(&samples, &options)?;
    if told.text.is_empty() {
        return Ok(None);
    }
    let readings: Vec<(&str, f32)> =
        told.alternatives.iter().map(|h| (h.text.as_str(), h.avg_logprob)).collect();
    let local = match expected.examples.is_empty() {
        true => None,
        false => Some(classifier.local(&expected.examples)?),
    };
    let decision = classifier.decide(lang, &readings, &expected.intents, local.as_deref())?;
    let mut entities = waihu_nlu::extract(lang, &told.text, job.of.today);
    if entities.is_empty()
        && matches!(expected.question, Question::When | Question::HowMuch | Question::Digits)
    {
        // A value was asked for: another reading may have it.
        let others = told.alternatives.iter().skip(1);
        let found = others.map(|h| waihu_nlu::extract(lang, &h.text, job.of.today)).find(|e| !e.is_empty());
        entities = found.unwrap_or(entities);
    }
    Ok(Some(Heard {
        intent: decision.intent,
        confidence: decision.confidence,
        clear: told.avg_logprob.exp(),
        also: decision.also,
        entities,
        text: told.text,
        manner: Manner::of(&job.samples),
        by: HeardBy::Recognizer,
        silence_ms: 0,
        waited_ms: 0,
        took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        cost: Duration::ZERO,
    }))
}

/// Does something, and tells what it cost this thread in processor time.
pub(crate) fn cost_of<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = thread_time();
    let done = work();
    (done, thread_time().saturating_sub(begun))
}

fn micros(d: Duration) -> u64 {
    u64::try_from(d.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[cfg(test)]
mod tests {
    use crossbeam_channel::Receiver;

    use super::*;

    fn heard(text: &str) -> Heard {
        Heard {
            text: text.to_owned(),
            intent: waihu_types::Intent::Affirm,
            confidence: 1.0,
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

    fn job(number: u64) -> Job {
        let of = Call::new(7, Lang::Zh, jiff::civil::date(2026, 11, 25), Arc::new(drop));
        let ticket = Ticket { call: 7, number, pause: None };
        Job {
            of,
            ticket,
            samples: Arc::new([0; 8]),
            since: Instant::now(),
            dropped: Arc::default(),
            is_early: false,
        }
    }

    fn words(answers: &Receiver<Answer>) -> Vec<(u64, Option<String>)> {
        let told = answers.try_iter().map(|a| match a.what {
            What::Words(words) => (a.ticket.number, words.map(|h| h.text)),
            What::Tone(p) => panic!("nobody asked for the tone, {p}"),
        });
        told.collect()
    }

    #[test]
    fn a_fall_over_one_utterance_is_answered_and_costs_nothing_else() {
        let (answers, told) = crate::ears::answers();
        let (recognizers, queue) = Recognizers::answering(answers);
        (0..4).for_each(|number| recognizers.submit(job(number)));
        while let Some(job) = queue.try_take() {
            recognizers.work(&job, |job| match job.ticket.number {
                0 => panic!("a test's own fault"),
                1 => Err(SpeechError::VoiceBusy),
                2 => Ok(None),
                _ => Ok(Some(heard("还"))),
            });
        }
        assert_eq!(words(&told), [(0, None), (1, None), (2, None), (3, Some("还".to_owned()))]);
        assert_eq!(recognizers.counts().recognized.load(Ordering::Relaxed), 4);
    }

    #[test]
    fn what_nobody_waits_for_is_passed_over() {
        let (recognizers, queue) = Recognizers::by_hand();
        let (gone, unwanted, wanted) = (job(0), job(1), job(2));
        gone.of.end();
        unwanted.dropped.store(true, Ordering::Relaxed);
        [gone, unwanted, wanted].into_iter().for_each(|j| recognizers.submit(j));
        assert_eq!(queue.try_take().map(|job| job.ticket.number), Some(2));
        assert!(queue.try_take().is_none());
        assert_eq!(recognizers.waits().dropped, 2);
    }

    #[test]
    fn what_finds_no_room_is_answered_at_once() {
        let (answers, told) = crate::ears::answers();
        let (recognizers, _queue) = Recognizers::answering(answers);
        (0..67).for_each(|number| recognizers.submit(job(number)));
        assert_eq!(words(&told), [(64, None), (65, None), (66, None)]);
        assert_eq!(recognizers.waits().waiting, 64);
        assert_eq!(recognizers.counts().refused.load(Ordering::Relaxed), 3);
    }
}
