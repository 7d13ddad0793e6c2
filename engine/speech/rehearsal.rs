//! A recorded call heard by the ears of a call, without threads and clocks: to judge them by.
//!
//! The ear is that of a call. What workers do for it is done on the caller's thread, and its answer comes as
//! late as the processor time that it took, so that a machine busy with other things judges alike. One looker
//! and one recognizer work for the call, as for a call that is alone.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crossbeam_channel::Receiver;
use jiff::civil::Date;
use waihu_asr::{Asr, AsrConfig};
use waihu_audio::Frame;
use waihu_intent::Classifier;
use waihu_spotter::Spotter;
use waihu_types::Lang;
use waihu_vad::{Gate, Silero, SmartTurn};

use crate::{
    Event, Expectation, Heard, SpeechConfig, SpeechError,
    ear::Ear,
    looks::{Look, Looker, Looks},
    queue::Queue,
    recognizer::{Answer, Call, Job, Ticket, What, cost_of, recognize},
};

/// The models, for one call after another.
pub struct Rehearsal {
    silero: Silero,
    looker: Looker,
    asr: Asr,
    classifier: Classifier,
}

/// One call, heard.
pub struct Rehearsed<'a> {
    models: &'a mut Rehearsal,
    ear: Ear,
    call: Call,
    told: Arc<Mutex<Vec<Event>>>,
    looks: Looks,
    looked: Receiver<Look>,
    handed_in: Arc<Queue>,
    waiting: VecDeque<Job>,
    /// Until when the recognizer works [ms].
    busy_ms: u64,
    /// Answers on their way, with the time at which they come [ms].
    coming: Vec<(u64, Answer)>,
    now_ms: u64,
}

impl Rehearsal {
    /// Loads what listens; the voices are left out.
    ///
    /// # Errors
    /// As [`crate::Speech::start`].
    pub fn load(config: &SpeechConfig) -> Result<Self, SpeechError> {
        waihu_vad::onnx::init(&config.onnx_runtime)?;
        Ok(Self {
            silero: Silero::load(&config.silero)?,
            looker: Looker {
                spotter: config.spotter.as_deref().map(Spotter::load).transpose()?,
                smart_turn: config.smart_turn.as_deref().map(SmartTurn::load).transpose()?,
            },
            asr: Asr::load(&config.whisper, AsrConfig::default())?,
            classifier: Classifier::load(&config.encoder, &config.head)?,
        })
    }

    /// An utterance by itself, at 8 kHz: the spotter hears it, and where it is not sure the recognizer. None where
    /// there are no words in it.
    ///
    /// # Errors
    /// When a model fails.
    pub fn understand(
        &mut self,
        lang: Lang,
        today: Date,
        samples: &[i16],
        expected: Expectation,
    ) -> Result<Option<Heard>, SpeechError> {
        let of = Call::new(0, lang, today, Arc::new(drop));
        of.expect(expected);
        let job = Job {
            of,
            ticket: Ticket { call: 0, number: 0, pause: None },
            samples: samples.into(),
            since: Instant::now(),
            dropped: Arc::default(),
            is_early: false,
        };
        match self.looker.spot(&job) {
            Some(heard) => Ok(Some(heard)),
            None => recognize(&mut self.asr, &job, &self.classifier),
        }
    }

    /// Begins to listen to a call that rings.
    pub fn listen(&mut self, lang: Lang, today: Date) -> Rehearsed<'_> {
        let told = Arc::<Mutex<Vec<Event>>>::default();
        let sink: crate::Sink = {
            let told = Arc::clone(&told);
            Arc::new(move |event| told.lock().unwrap_or_else(PoisonError::into_inner).push(event))
        };
        let call = Call::new(0, lang, today, sink);
        let (looks, looked, handed_in) = Looks::by_hand();
        Rehearsed {
            models: self,
            ear: Ear::new(call.clone()),
            call,
            told,
            looks,
            looked,
            handed_in,
            waiting: VecDeque::new(),
            busy_ms: 0,
            coming: Vec::new(),
            now_ms: 0,
        }
    }
}

impl Rehearsed<'_> {
    /// The call was answered, as [`crate::Listener::answered`].
    pub fn answered(&mut self) {
        self.ear.answered();
    }

    /// As in the middle of a call: who answered is known, and `before` was heard of the callee.
    pub fn in_the_call(&mut self, before: &[(Frame, Gate)]) {
        for (frame, gate) in before {
            self.ear.has_heard(&mut self.models.silero, frame, *gate);
        }
        self.ear.answered();
        self.ear.knows_who();
    }

    /// What is asked from here on, as [`crate::Listener::expect`].
    pub fn expect(&mut self, expectation: Expectation) {
        self.call.expect(expectation);
        self.ear.ask(&self.looks);
    }

    /// As [`crate::Listener::join`], with all taken in that was told.
    pub fn join(&mut self) {
        self.ear.join(self.ear.told());
    }

    /// Hears 20 ms; tells what the call is told by then.
    ///
    /// # Errors
    /// When a model fails.
    pub fn hear(&mut self, frame: &Frame, gate: Gate) -> Result<Vec<Event>, SpeechError> {
        self.now_ms += 20;
        let now = self.now_ms;
        let due: Vec<(u64, Answer)> = self.coming.extract_if(.., |(at, _)| *at <= now).collect();
        due.into_iter().for_each(|(_, answer)| self.ear.answer(answer, &self.looks));
        self.ear.hear(&mut self.models.silero, frame, gate, &self.looks);
        self.look();
        self.recognize()?;
        Ok(std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    fn look(&mut self) {
        for Look { job, spot } in self.looked.try_iter() {
            let looker = &mut self.models.looker;
            let (found, spotting) = cost_of(|| spot.then(|| looker.spot(&job)).flatten());
            let (tone, listening) = cost_of(|| looker.tone(&job.samples));
            let at = self.now_ms + ms(spotting);
            let ticket = job.ticket;
            match found {
                Some(heard) => self.coming.push((at, Answer { ticket, what: What::Words(Some(heard)) })),
                None => self.waiting.push_back(job),
            }
            if let Some(probability) = tone {
                self.coming.push((at + ms(listening), Answer { ticket, what: What::Tone(probability) }));
            }
        }
        self.waiting.extend(std::iter::from_fn(|| self.handed_in.try_take()));
    }

    fn recognize(&mut self) -> Result<(), SpeechError> {
        while self.busy_ms <= self.now_ms {
            let Some(job) = self.waiting.pop_front() else { return Ok(()) };
            if job.is_dropped() {
                continue;
            }
            let Rehearsal { asr, classifier, .. } = &mut *self.models;
            let (words, cost) = cost_of(|| recognize(asr, &job, classifier));
            self.busy_ms = self.now_ms + ms(cost);
            self.coming.push((self.busy_ms, Answer { ticket: job.ticket, what: What::Words(words?) }));
        }
        Ok(())
    }
}

/// In whole milliseconds, a begun one too.
fn ms(d: Duration) -> u64 {
    u64::try_from(d.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX)
}
