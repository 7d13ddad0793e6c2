//! The recognizers: utterances in, what they mean out.
//!
//! A few plain threads, each with a model of its own, take utterances from one queue in the order
//! in which they ended, so that nobody waits behind somebody who spoke later.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
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

/// One utterance to recognize.
pub(crate) struct Job {
    pub of: Call,
    /// At 8 kHz.
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
}

impl Call {
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
            thread::Builder::new()
                .name(format!("recognizer-{n}"))
                .spawn(move || work(asr, &jobs, &classifier))
                .map_err(SpeechError::Thread)?;
        }
        Ok(Self { queue, refused: Arc::default() })
    }

    /// Hands an utterance in. With a full queue it comes back as unintelligible at once: the bot
    /// asks again, which is better than an answer that comes too late.
    pub(crate) fn submit(&self, job: Job) {
        if let Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) = self.queue.try_send(job) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            (job.of.sink)(Event::Unintelligible);
        }
    }

    /// Utterances waiting now, and those refused so far.
    pub(crate) fn load(&self) -> (usize, u64) {
        (self.queue.len(), self.refused.load(Ordering::Relaxed))
    }
}

fn work(mut asr: Asr, jobs: &Receiver<Job>, classifier: &Classifier) {
    for job in jobs {
        if job.of.is_gone() {
            continue;
        }
        let event = match recognize(&mut asr, &job, classifier) {
            Ok(Some(heard)) => Event::Heard(heard),
            Ok(None) => Event::Unintelligible,
            Err(e) => {
                tracing::error!(error = %e, "an utterance could not be recognized");
                Event::Unintelligible
            }
        };
        (job.of.sink)(event);
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
