//! The look at a pause: is it a short answer, and does it sound like the end?
//!
//! One plain thread takes the utterances of all calls as far as their first pause. A short answer that the
//! spotter is sure of needs no recognizer; all else goes on to one at once, and is judged by its tone of voice
//! meanwhile. Either model may be missing: then the recognizers do all the work, and silence ends a turn.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use waihu_spotter::Spotter;
use waihu_vad::SmartTurn;

use crate::{
    Heard, HeardBy, Manner, SpeechError,
    queue::Queue,
    recognizer::{Answer, Job, Recognizers, What, cost_of},
};

/// Looks that may wait. At some 50 ms each this is three seconds of work: later ones would say nothing new.
const MAX_WAITING: usize = 64;

/// Of a turn so much is judged by its tone [samples at 8 kHz]: the 8 s that the model hears.
const TONE: usize = 8 * 8_000;

pub(crate) struct Look {
    pub job: Job,
    /// The spotter may answer.
    pub spot: bool,
}

/// Where pauses are handed in.
#[derive(Clone)]
pub(crate) struct Looks {
    queue: Sender<Look>,
    recognizers: Recognizers,
    spotted: Arc<AtomicU64>,
}

impl Looks {
    pub(crate) fn start(
        spotter: Option<Spotter>,
        smart_turn: Option<SmartTurn>,
        recognizers: Recognizers,
        answers: Sender<Answer>,
    ) -> Result<Self, SpeechError> {
        let (queue, looks) = bounded(MAX_WAITING);
        let spotted = Arc::<AtomicU64>::default();
        let mut looker = Looker { spotter, smart_turn };
        let to = Self { queue, recognizers, spotted };
        let of = to.clone();
        thread::Builder::new()
            .name("looks".to_owned())
            .spawn(move || of.work(&mut looker, &looks, &answers))
            .map_err(SpeechError::Thread)?;
        Ok(to)
    }

    /// Nobody works: whoever holds the queues' other ends does, or sees what was handed in.
    pub(crate) fn by_hand() -> (Self, Receiver<Look>, Arc<Queue>) {
        let (queue, looks) = bounded(MAX_WAITING);
        let (recognizers, jobs) = Recognizers::by_hand();
        (Self { queue, recognizers, spotted: Arc::default() }, looks, jobs)
    }

    /// Hands an utterance in, as far as its pause. Where there is no room it goes to the recognizers as it is.
    pub(crate) fn submit(&self, job: Job, spot: bool) {
        match self.queue.try_send(Look { job, spot }) {
            Ok(()) => {}
            Err(TrySendError::Full(look) | TrySendError::Disconnected(look)) => {
                self.recognizers.submit(look.job);
            }
        }
    }

    /// Hands in an utterance that has ended without a look.
    pub(crate) fn recognize(&self, job: Job) {
        self.recognizers.submit(job);
    }

    fn work(&self, looker: &mut Looker, looks: &Receiver<Look>, answers: &Sender<Answer>) {
        for Look { job, spot } in looks {
            if job.is_dropped() {
                continue;
            }
            let samples = Arc::clone(&job.samples);
            let ticket = job.ticket;
            // A fall over one is that one's: the recognizer has it all the same.
            let found = catch_unwind(AssertUnwindSafe(|| if spot { looker.spot(&job) } else { None }));
            match found.ok().flatten() {
                Some(heard) => {
                    self.spotted.fetch_add(1, Ordering::Relaxed);
                    let _ = answers.send(Answer { ticket, what: What::Words(Some(heard)) });
                }
                None => self.recognizers.submit(job),
            }
            if let Ok(Some(probability)) = catch_unwind(AssertUnwindSafe(|| looker.tone(&samples))) {
                let _ = answers.send(Answer { ticket, what: What::Tone(probability) });
            }
        }
    }

    /// Utterances that the spotter answered so far.
    pub(crate) fn spotted(&self) -> u64 {
        self.spotted.load(Ordering::Relaxed)
    }
}

/// The models that look.
pub(crate) struct Looker {
    pub spotter: Option<Spotter>,
    pub smart_turn: Option<SmartTurn>,
}

impl Looker {
    pub(crate) fn spot(&self, job: &Job) -> Option<Heard> {
        let spotter = self.spotter.as_ref()?;
        let (spotted, cost) = cost_of(|| spotter.spot(job.of.lang, &job.samples));
        let spotted = spotted?;
        Some(Heard {
            text: spotted.text.to_owned(),
            intent: spotted.intent,
            confidence: spotted.confidence,
            clear: 1.0,
            also: Vec::new(),
            entities: waihu_nlu::Entities::default(),
            manner: Manner::of(&job.samples),
            by: HeardBy::Spotter,
            silence_ms: 0,
            waited_ms: 0,
            took_ms: u64::try_from(job.since.elapsed().as_millis()).unwrap_or(u64::MAX),
            cost,
        })
    }

    pub(crate) fn tone(&mut self, samples: &[i16]) -> Option<f32> {
        let model = self.smart_turn.as_mut()?;
        let begun = Instant::now();
        let last = &samples[samples.len().saturating_sub(TONE)..];
        let wide = waihu_audio::resample(&waihu_audio::frame::to_f32(last), 8_000, 16_000).ok()?;
        match model.finished(&wide) {
            Ok(probability) => {
                tracing::trace!(took_ms = begun.elapsed().as_millis() as u64, "a pause was judged");
                Some(probability)
            }
            Err(e) => {
                tracing::error!(error = %e, "the tone of a pause was not judged");
                None
            }
        }
    }
}

#[cfg(test)]
#[cfg(test)]
mod tests {
    use waihu_types::Lang;

    use super::*;
    use crate::{
        ears,
        recognizer::{Call, Ticket},
    };

    fn job(number: u64) -> Job {
        let call = Call::new(0, Lang::Zh, jiff::civil::date(2026, 11, 26), Arc::new(drop));
        Job {
            ticket: Ticket { call: 0, number, pause: None },
            of: call,
            samples: Arc::new([0; 800]),
            since: Instant::now(),
            dropped: Arc::default(),
            is_early: false,
        }
    }

    #[test]
    fn what_finds_no_room_for_a_look_is_recognized_without() {
        let (looks, taken, jobs) = Looks::by_hand();
        for number in 0..MAX_WAITING as u64 + 3 {
            looks.submit(job(number), true);
        }
        assert_eq!(taken.len(), MAX_WAITING);
        assert_eq!(std::iter::from_fn(|| jobs.try_take()).count(), 3);
    }

    #[test]
    fn without_models_everything_wanted_goes_to_the_recognizers() {
        let (recognizers, jobs) = Recognizers::by_hand();
        let (answers, found) = ears::answers();
        let looks = Looks::start(None, None, recognizers, answers).unwrap();
        let unwanted = job(0);
        unwanted.dropped.store(true, Ordering::Relaxed);
        looks.submit(unwanted, true);
        looks.submit(job(1), true);
        assert_eq!(jobs.take().ticket.number, 1);
        assert!(found.is_empty());
    }
}
