//! The recognizers: utterances in, what they mean out.
//!
//! A few plain threads, each with a model of its own, take utterances from one queue in the order
//! in which they ended, so that nobody waits behind somebody who spoke later. Of one call only one is
//! under way at a time: its words are told in the order in which they were said.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use jiff::civil::Date;
use waihu_asr::{Asr, AsrConfig, Options, Window};
use waihu_intent::Classifier;
use waihu_types::{Intent, Lang};

use crate::{Event, Heard, Sink, SpeechError};

/// Utterances that may wait. At half a second each this is half a minute of one recognizer's work:
/// whoever would come after has long been asked to say it again.
const MAX_WAITING: usize = 64;

/// Utterances of one call that may wait for its first: 6 s of somebody who says yes without end. Of
/// more the turn is kept and the sound is not.
const MAX_IN_LINE: usize = 8;

/// One utterance to recognize.
pub(crate) struct Job {
    pub of: Call,
    /// At 8 kHz; none of an utterance for which there was no room.
    pub samples: Vec<i16>,
    pub ended: Instant,
}

/// What a recognizer knows of the call that an utterance belongs to.
#[derive(Clone)]
pub(crate) struct Call {
    pub lang: Lang,
    pub today: Date,
    /// The intents that the script expects just now.
    pub expected: Arc<Mutex<Vec<Intent>>>,
    /// Set when the call is over: nobody waits for the words any more.
    pub gone: Arc<AtomicBool>,
    pub sink: Sink,
    line: Arc<Mutex<Line>>,
}

/// The utterances of one call.
#[derive(Default)]
struct Line {
    /// One is with the recognizers.
    busy: bool,
    /// The ones after it: samples, and when they ended.
    waiting: VecDeque<(Vec<i16>, Instant)>,
}

impl Call {
    pub(crate) fn new(lang: Lang, today: Date, sink: Sink) -> Self {
        let (expected, gone, line) = Default::default();
        Self { lang, today, expected, gone, sink, line }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        // Each change of it is one step: it cannot be left half changed.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The utterance whose turn it is when one has been answered.
    fn next_in_line(&self) -> Option<Job> {
        let mut line = self.line();
        let next = line.waiting.pop_front();
        line.busy = next.is_some();
        next.map(|(samples, ended)| Job { of: self.clone(), samples, ended })
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    fn expected(&self) -> Vec<Intent> {
        // A list of labels cannot be left half written.
        self.expected.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Where utterances are handed in.
#[derive(Clone)]
pub(crate) struct Recognizers {
    queue: Sender<Job>,
    refused: Arc<AtomicU64>,
}

impl Recognizers {
    /// Starts `count` threads. Every model is loaded before this returns, so that a bad one is
    /// known before anything is dialled.
    pub(crate) fn start(
        count: usize,
        whisper: &Path,
        classifier: Arc<Classifier>,
    ) -> Result<Self, SpeechError> {
        let (queue, jobs) = bounded(MAX_WAITING);
        let first = Asr::load(whisper, AsrConfig::default())?;
        let more = (1..count).map(|_| first.another()).collect::<Result<Vec<_>, _>>()?;
        for (n, asr) in std::iter::once(first).chain(more).enumerate() {
            let (jobs, classifier) = (jobs.clone(), Arc::clone(&classifier));
            let mut asr = asr;
            thread::Builder::new()
                .name(format!("recognizer-{n}"))
                .spawn(move || work(&jobs, |job| recognize(&mut asr, job, &classifier)))
                .map_err(SpeechError::Thread)?;
        }
        Ok(Self { queue, refused: Arc::default() })
    }

    /// Hands an utterance in. With a full queue it comes back as unintelligible at once: the bot
    /// asks again, which is better than an answer that comes too late.
    pub(crate) fn submit(&self, job: Job) {
        {
            let mut line = job.of.line();
            if line.busy {
                let room = line.waiting.len() < MAX_IN_LINE;
                self.refused.fetch_add(u64::from(!room), Ordering::Relaxed);
                line.waiting.push_back((if room { job.samples } else { Vec::new() }, job.ended));
                return;
            }
            line.busy = true;
        }
        if let Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) = self.queue.try_send(job) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            job.of.line().busy = false;
            (job.of.sink)(Event::Unintelligible);
        }
    }

    /// Utterances waiting now, and those refused so far.
    pub(crate) fn load(&self) -> (usize, u64) {
        (self.queue.len(), self.refused.load(Ordering::Relaxed))
    }
}

fn work(jobs: &Receiver<Job>, mut recognize: impl FnMut(&Job) -> Result<Option<Heard>, SpeechError>) {
    for job in jobs {
        let mut next = Some(job);
        // What the call said meanwhile ended before anything that is still in the queue, or hardly
        // after it: it is its turn.
        while let Some(job) = next {
            if !job.of.is_gone() {
                (job.of.sink)(answer(&job, &mut recognize));
            }
            next = job.of.next_in_line();
        }
    }
}

/// What is told of an utterance; always something, for the call waits for it.
fn answer(job: &Job, recognize: impl FnOnce(&Job) -> Result<Option<Heard>, SpeechError>) -> Event {
    if job.samples.is_empty() {
        return Event::Unintelligible;
    }
    // The engine begins each utterance afresh, so a fall in one is that one's.
    match catch_unwind(AssertUnwindSafe(|| recognize(job))).unwrap_or(Err(SpeechError::Fell)) {
        Ok(Some(heard)) => Event::Heard(heard),
        Ok(None) => Event::Unintelligible,
        Err(e) => {
            tracing::error!(error = %e, "an utterance could not be recognized");
            Event::Unintelligible
        }
    }
}

fn recognize(asr: &mut Asr, job: &Job, classifier: &Classifier) -> Result<Option<Heard>, SpeechError> {
    let begun = Instant::now();
    let samples = waihu_audio::resample(&waihu_audio::frame::to_f32(&job.samples), 8_000, 16_000)?;
    let options = Options { lang: job.of.lang, window: Window::Cut, ..Options::default() };
    let text = asr.transcribe(&samples, &options)?.text;
    if text.is_empty() {
        return Ok(None);
    }
    let decision = classifier.classify(job.of.lang, &text, &job.of.expected())?;
    Ok(Some(Heard {
        intent: decision.intent,
        confidence: decision.confidence,
        entities: waihu_nlu::extract(job.of.lang, &text, job.of.today),
        text,
        waited_ms: millis(begun - job.ended),
        took_ms: millis(begun.elapsed()),
    }))
}

fn millis(d: std::time::Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;

    use super::*;

    fn heard(text: &str) -> Heard {
        Heard {
            text: text.to_owned(),
            intent: Intent::Affirm,
            confidence: 1.0,
            entities: waihu_nlu::Entities::default(),
            waited_ms: 0,
            took_ms: 0,
        }
    }

    /// A call, and where it is told.
    fn call() -> (Call, Receiver<Event>) {
        let (sink, told) = unbounded();
        let sink: Sink = Arc::new(move |event| drop(sink.send(event)));
        (Call::new(Lang::Zh, jiff::civil::date(2026, 11, 25), sink), told)
    }

    fn job(of: &Call, number: i16) -> Job {
        Job { of: of.clone(), samples: vec![number], ended: Instant::now() }
    }

    #[test]
    fn a_calls_words_are_told_in_the_order_in_which_they_were_said() {
        let (queue, jobs) = bounded(MAX_WAITING);
        let recognizers = Recognizers { queue, refused: Arc::default() };
        let (begun, order) = unbounded();
        let (open, gate) = bounded::<()>(0);
        let threads = [0, 1].map(|_| {
            let (jobs, begun, gate) = (jobs.clone(), begun.clone(), gate.clone());
            thread::spawn(move || {
                work(&jobs, |job| {
                    begun.send(job.samples[0]).unwrap();
                    if job.samples[0] == 1 {
                        gate.recv().unwrap();
                    }
                    Ok(Some(heard(&job.samples[0].to_string())))
                });
            })
        });
        let ((slow, told), (other, told_other)) = (call(), call());
        recognizers.submit(job(&slow, 1));
        assert_eq!(order.recv(), Ok(1));
        recognizers.submit(job(&slow, 2));
        recognizers.submit(job(&other, 3));
        assert_eq!(told_other.recv(), Ok(Event::Heard(heard("3"))), "others are not held up");
        open.send(()).unwrap();
        assert_eq!([told.recv(), told.recv()], ["1", "2"].map(|t| Ok(Event::Heard(heard(t)))));
        assert_eq!(order.try_iter().collect::<Vec<_>>(), [3, 2]);
        drop(recognizers);
        threads.into_iter().for_each(|t| t.join().unwrap());
    }

    #[test]
    fn a_fall_over_one_utterance_is_answered_and_costs_nothing_else() {
        let (queue, jobs) = bounded(MAX_WAITING);
        let recognizers = Recognizers { queue, refused: Arc::default() };
        let (call, told) = call();
        for number in 0..4 {
            recognizers.submit(job(&call, number));
        }
        drop(recognizers);
        work(&jobs, |job| match job.samples[0] {
            0 => panic!("a test's own fault"),
            1 => Err(SpeechError::VoiceBusy),
            2 => Ok(None),
            _ => Ok(Some(heard("还"))),
        });
        let unclear = Event::Unintelligible;
        let want = [unclear.clone(), unclear.clone(), unclear, Event::Heard(heard("还"))];
        assert_eq!(told.try_iter().collect::<Vec<_>>(), want);
    }

    #[test]
    fn what_finds_no_room_is_answered_in_its_turn() {
        let (queue, jobs) = bounded(1);
        let recognizers = Recognizers { queue, refused: Arc::default() };
        let ((first, told), (second, told_second)) = (call(), call());
        for number in 0..12 {
            recognizers.submit(job(&first, number));
        }
        recognizers.submit(job(&second, 1));
        assert_eq!(told_second.try_recv(), Ok(Event::Unintelligible), "the queue is full");
        assert_eq!(recognizers.load(), (1, 4));
        drop(recognizers);
        work(&jobs, |job| Ok(Some(heard(&job.samples[0].to_string()))));
        let told: Vec<_> = told.try_iter().collect();
        assert_eq!(told.len(), 12);
        assert_eq!(told[8], Event::Heard(heard("8")));
        assert!(told[9..].iter().all(|e| *e == Event::Unintelligible));
    }
}
