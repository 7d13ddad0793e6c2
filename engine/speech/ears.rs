//! The ears: the callees' sound in, beginnings and ends of speech out.
//!
//! One plain thread listens to every call. A cheap gate before it (the media threads') lets the detector
//! run only where there may be speech; an utterance that ended goes to the recognizers with a little of what came before it, so
//! that no first consonant is lost.

use std::{
    collections::{HashMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, bounded};
use jiff::civil::Date;
use waihu_audio::{Frame, SAMPLES_8K};
use waihu_types::{Intent, Lang};
use waihu_vad::{Detector, Endpointer, Gate, Silero, SpeechBoundary};

use crate::{
    Event, Sink, SpeechError,
    beep::BeepDetector,
    recognizer::{Call, Job, Recognizers},
};

/// Frames and commands that may wait: a second of sound of 80 calls.
const MAX_WAITING: usize = 4_096;

/// Sound kept from before speech was detected [samples at 8 kHz]: 400 ms.
const PRE_ROLL: usize = 3_200;

/// Sound kept from after its end [ms]; the recognizer adds silence of its own.
const POST_ROLL_MS: u64 = 200;

/// Voice between two reports that speech goes on [ms]: what it decides may come late by as much.
const REPORT_MS: u64 = 100;

enum Command {
    Open(u64, Box<Ear>),
    Frame(u64, Frame, Gate),
    Close(u64),
}

/// Where callees' sound is handed in.
#[derive(Clone)]
pub(crate) struct Ears {
    queue: Sender<Command>,
    next: Arc<AtomicU64>,
    dropped: Arc<AtomicU64>,
}

/// A call's listening; it ends when this is dropped.
pub struct Listener {
    id: u64,
    ears: Ears,
    call: Call,
}

/// The end of a [`Listener`] that takes sound.
#[derive(Clone)]
pub struct EarTap {
    id: u64,
    ears: Ears,
}

impl Listener {
    /// Where the media thread hands in the callee's frames.
    pub fn ear(&self) -> EarTap {
        EarTap { id: self.id, ears: self.ears.clone() }
    }

    /// What the script expects to hear from here on: a hint for the classifier.
    pub fn expect(&self, intents: Vec<Intent>) {
        // A list of labels cannot be left half written.
        *self.call.expected.lock().unwrap_or_else(PoisonError::into_inner) = intents;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.call.gone.store(true, Ordering::Relaxed);
        // A full queue only means that the ears hear of it with the next call's end; the flag
        // above already spares the recognizers.
        let _ = self.ears.queue.try_send(Command::Close(self.id));
    }
}

impl EarTap {
    /// Takes 20 ms of the callee's sound, and whether it may be speech. Never blocks: what finds no room is dropped and counted, and
    /// false returned.
    pub fn hear(&self, frame: &Frame, gate: Gate) -> bool {
        let taken = self.ears.queue.try_send(Command::Frame(self.id, *frame, gate)).is_ok();
        if !taken {
            self.ears.dropped.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }
}

impl Ears {
    pub(crate) fn start(silero: &Path, recognizers: Recognizers) -> Result<Self, SpeechError> {
        let model = Silero::load(silero)?;
        let (queue, commands) = bounded(MAX_WAITING);
        thread::Builder::new()
            .name("ears".to_owned())
            .spawn(move || listen(model, &recognizers, &commands))
            .map_err(SpeechError::Thread)?;
        Ok(Self { queue, next: Arc::default(), dropped: Arc::default() })
    }

    pub(crate) fn open(&self, lang: Lang, today: Date, sink: Sink) -> Listener {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let call = Call::new(lang, today, sink);
        let ear = Ear::new(call.clone());
        // The one command that waits for room: without it the call would be deaf.
        let _ = self.queue.send(Command::Open(id, Box::new(ear)));
        Listener { id, ears: self.clone(), call }
    }

    /// Frames that found no room so far.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

fn listen(mut model: Silero, recognizers: &Recognizers, commands: &Receiver<Command>) {
    let mut ears: HashMap<u64, Box<Ear>> = HashMap::new();
    for command in commands {
        match command {
            Command::Open(id, ear) => {
                ears.insert(id, ear);
            }
            Command::Close(id) => {
                ears.remove(&id);
            }
            Command::Frame(id, frame, gate) => {
                if let Some(ear) = ears.get_mut(&id) {
                    ear.guarded(|ear| ear.hear(&mut model, &frame, gate, recognizers));
                }
            }
        }
        ears.retain(|_, ear| !ear.call.is_gone());
    }
}

/// One call's listening.
struct Ear {
    call: Call,
    detector: Detector,
    endpointer: Endpointer,
    beep: BeepDetector,
    /// Frames heard; the ear's clock.
    frames: u64,
    recent: VecDeque<i16>,
    utterance: Option<Vec<i16>>,
    /// How much voice of it was reported [ms].
    reported_ms: u64,
}

impl Ear {
    fn new(call: Call) -> Self {
        Self {
            call,
            detector: Detector::default(),
            endpointer: Endpointer::default(),
            beep: BeepDetector::default(),
            frames: 0,
            recent: VecDeque::with_capacity(PRE_ROLL + SAMPLES_8K),
            utterance: None,
            reported_ms: 0,
        }
    }

    /// Hears behind a wall: a fault of ours costs this call what it was saying, and others nothing.
    fn guarded(&mut self, hear: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| hear(self))).is_ok() {
            return;
        }
        tracing::error!("a call could not be listened to, and is listened to anew");
        let call = self.call.clone();
        if std::mem::replace(self, Self::new(call)).utterance.is_some() {
            (self.call.sink)(Event::Ended);
            (self.call.sink)(Event::Unintelligible);
        }
    }

    fn hear(&mut self, model: &mut Silero, frame: &Frame, gate: Gate, recognizers: &Recognizers) {
        let probability = self.detector.push(model, frame, gate).unwrap_or_else(|e| {
            tracing::error!(error = %e, "voice activity was not judged");
            None
        });
        if let Some(job) = self.judged(frame, probability) {
            recognizers.submit(job);
        }
    }

    /// Takes a frame, and the probability of speech of the window that it completes. Gives the
    /// utterance that has ended with it.
    fn judged(&mut self, frame: &Frame, probability: Option<f32>) -> Option<Job> {
        self.frames += 1;
        if self.beep.push(frame) {
            (self.call.sink)(Event::Beep);
        }
        match &mut self.utterance {
            Some(utterance) => utterance.extend_from_slice(frame),
            None => {
                let surplus = (self.recent.len() + SAMPLES_8K).saturating_sub(PRE_ROLL);
                self.recent.drain(..surplus);
                self.recent.extend(frame);
            }
        }
        match self.endpointer.push(self.frames * 20, probability?) {
            Some(SpeechBoundary::Started { .. }) => {
                self.utterance = Some(self.recent.drain(..).collect());
                self.reported_ms = self.endpointer.voiced_ms();
                (self.call.sink)(Event::Started);
            }
            Some(SpeechBoundary::Ended { at_ms }) => {
                let mut samples = self.utterance.take()?;
                let silent_ms = (self.frames * 20).saturating_sub(at_ms + POST_ROLL_MS);
                let end = samples.len().saturating_sub(silent_ms as usize * 8);
                // What comes next may have begun in what is cut off.
                self.recent.extend(samples.drain(end..));
                (self.call.sink)(Event::Ended);
                return Some(Job { of: self.call.clone(), samples, ended: Instant::now() });
            }
            None => {
                let voiced_ms = self.endpointer.voiced_ms();
                if voiced_ms >= self.reported_ms + REPORT_MS {
                    self.reported_ms = voiced_ms;
                    (self.call.sink)(Event::GoesOn { voiced: Duration::from_millis(voiced_ms) });
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use waihu_audio::SILENCE;

    use super::*;

    /// An ear, and where it tells of what it hears.
    fn ear() -> (Ear, Arc<Mutex<Vec<Event>>>) {
        let told = Arc::<Mutex<Vec<Event>>>::default();
        let sink: Sink = {
            let told = Arc::clone(&told);
            Arc::new(move |event| told.lock().unwrap().push(event))
        };
        let today = jiff::civil::date(2026, 11, 25);
        (Ear::new(Call::new(Lang::Zh, today, sink)), told)
    }

    /// Hears stretches of voice and silence [ms], each frame filled with its number; what ended.
    fn hears(ear: &mut Ear, stretches: &[(u64, f32)]) -> Vec<Job> {
        let mut ended = Vec::new();
        for (ms, probability) in stretches {
            for _ in 0..ms / 20 {
                // A window of 32 ms is complete in five of eight frames.
                let complete = (ear.frames + 1) * 5 / 8 > ear.frames * 5 / 8;
                let frame = SILENCE.map(|_| ear.frames as i16);
                ended.extend(ear.judged(&frame, complete.then_some(*probability)));
            }
        }
        ended
    }

    /// What is told of voice for so long, with the time since it began [ms].
    fn told_of(voice_ms: u64) -> Vec<(u64, Event)> {
        let (mut ear, told) = ear();
        hears(&mut ear, &[(640, 0.0)]);
        let mut out = Vec::new();
        for ms in (20..=voice_ms + 1_000).step_by(20) {
            hears(&mut ear, &[(20, if ms <= voice_ms { 0.9 } else { 0.0 })]);
            out.extend(told.lock().unwrap().drain(..).map(|event| (ms, event)));
        }
        out
    }

    #[test]
    fn a_murmur_and_a_sentence_are_told_in_their_time() {
        let goes_on = |ms| (ms, Event::GoesOn { voiced: Duration::from_millis(ms) });
        let mut want = vec![(140, Event::Started), goes_on(240)];
        assert_eq!(told_of(300), [&want[..], &[(900, Event::Ended)]].concat(), "no voice in the silence");
        want.extend([360, 460, 560, 680].map(goes_on));
        assert_eq!(told_of(760), [&want[..], &[(1_360, Event::Ended)]].concat());
    }

    #[test]
    fn words_soon_after_an_utterance_keep_their_beginning() {
        let (mut ear, _) = ear();
        // The second begins 60 ms after the end of the first was told.
        let jobs = hears(&mut ear, &[(1_000, 0.0), (400, 0.9), (660, 0.0), (400, 0.9), (700, 0.0)]);
        let [first, second] = &jobs[..] else { panic!("{} utterances", jobs.len()) };
        let begins = 2_060 / 20;
        assert!(second.samples[0] <= begins - 10, "200 ms before it: {} of {begins}", second.samples[0]);
        assert!(first.samples.last() < second.samples.first(), "and nothing twice");
    }

    #[test]
    fn a_fall_costs_the_call_its_utterance_and_is_answered() {
        let (mut ear, told) = ear();
        hears(&mut ear, &[(200, 0.9)]);
        ear.guarded(|_| panic!("a test's own fault"));
        ear.guarded(|_| panic!("once more, in silence"));
        hears(&mut ear, &[(140, 0.9)]);
        let said: Vec<_> =
            told.lock().unwrap().drain(..).filter(|e| !matches!(e, Event::GoesOn { .. })).collect();
        assert_eq!(said, [Event::Started, Event::Ended, Event::Unintelligible, Event::Started]);
    }
}
