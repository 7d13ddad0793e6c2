//! The voice: texts in, samples at 8 kHz out.
//!
//! One plain thread owns the synthesizers. What was spoken once lies in the prompt cache, and a
//! call's known prompts are asked for before it is dialled; live work is only what the callee has
//! just said (a date, a sum), and goes before all preparations.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use crossbeam_channel::{Receiver, Sender, bounded, select_biased};
use waihu_tts::{PromptCache, Request, Spoken, Tts, VoiceStyle};
use waihu_types::Lang;

use crate::SpeechError;

/// Texts that may wait in each queue: the prompts of a few dozen calls being prepared at once.
const MAX_WAITING: usize = 1_024;

/// A text to speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoiceRequest {
    /// Its language.
    pub lang: Lang,
    /// The words.
    pub text: String,
    /// Who waits for it.
    pub urgency: Urgency,
}

/// Who waits for a text to be spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// A callee, on the line.
    Live,
    /// A call that is not dialled yet.
    Preparation,
}

/// Who is told of the sound, at 8 kHz.
pub type VoiceReply = Box<dyn FnOnce(Result<Spoken, SpeechError>) + Send>;

/// The bot's voice in each language; the engine's own choice where none is named.
#[derive(Clone, Debug, Default)]
pub struct BotVoices {
    /// For Mandarin.
    pub zh: Option<String>,
    /// For English.
    pub en: Option<String>,
}

type Job = (VoiceRequest, VoiceReply);

/// Where texts are handed in.
#[derive(Clone)]
pub(crate) struct Voice {
    live: Sender<Job>,
    preparation: Sender<Job>,
}

impl Voice {
    pub(crate) fn start(
        mut tts: Tts,
        mut cache: PromptCache,
        voices: BotVoices,
    ) -> Result<Self, SpeechError> {
        let (voice, queues) = Self::queues();
        let speak = move |request: &VoiceRequest| {
            let voice = match request.lang {
                Lang::Zh => voices.zh.as_deref(),
                Lang::En => voices.en.as_deref(),
            };
            let style = VoiceStyle::new(voice, 1.0);
            let spoken = Request { lang: request.lang, text: &request.text, style: &style };
            cache.get_or_synthesize(&mut tts, &spoken, 8_000).map_err(SpeechError::from)
        };
        thread::Builder::new()
            .name("voice".to_owned())
            .spawn(move || queues.work(speak))
            .map_err(SpeechError::Thread)?;
        Ok(voice)
    }

    fn queues() -> (Self, Queues) {
        let ((live, of_live), (preparation, of_preparation)) = (bounded(MAX_WAITING), bounded(MAX_WAITING));
        (Self { live, preparation }, Queues { live: of_live, preparation: of_preparation })
    }

    pub(crate) fn speak(&self, request: VoiceRequest, reply: VoiceReply) {
        let queue = match request.urgency {
            Urgency::Live => &self.live,
            Urgency::Preparation => &self.preparation,
        };
        if let Err(e) = queue.try_send((request, reply)) {
            let (_, reply) = e.into_inner();
            reply(Err(SpeechError::VoiceBusy));
        }
    }
}

struct Queues {
    live: Receiver<Job>,
    preparation: Receiver<Job>,
}

impl Queues {
    /// The text to speak next; none when nobody can ask any more.
    fn next(&self) -> Option<Job> {
        // The first that has something, in this order.
        select_biased! {
            recv(self.live) -> job => job.ok(),
            recv(self.preparation) -> job => job.ok(),
        }
    }

    fn work(&self, mut speak: impl FnMut(&VoiceRequest) -> Result<Spoken, SpeechError>) {
        while let Some((request, reply)) = self.next() {
            // The synthesizers begin each text afresh, so a fall over one is that one's.
            let spoken = catch_unwind(AssertUnwindSafe(|| speak(&request)));
            reply(spoken.unwrap_or(Err(SpeechError::Fell)));
        }
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;

    use super::*;

    fn nothing() -> Spoken {
        Spoken { samples: [].into(), marks: [].into() }
    }

    /// Asks for texts, each with its urgency, speaks them, and gives what was answered.
    fn spoken(
        texts: &[(&str, Urgency)],
        speak: impl Fn(&VoiceRequest) -> Result<Spoken, SpeechError>,
    ) -> Vec<(String, bool)> {
        let (voice, queues) = Voice::queues();
        let (tell, told) = unbounded();
        let waiting = std::cell::Cell::new(texts.len());
        for (text, urgency) in texts {
            let request = VoiceRequest { lang: Lang::Zh, text: (*text).to_owned(), urgency: *urgency };
            let (tell, text) = (tell.clone(), (*text).to_owned());
            voice.speak(request, Box::new(move |r| drop(tell.send((text, r.is_ok())))));
        }
        let mut voice = Some(voice);
        queues.work(|request| {
            waiting.set(waiting.get() - 1);
            if waiting.get() == 0 {
                voice = None;
            }
            speak(request)
        });
        told.try_iter().collect()
    }

    #[test]
    fn a_callee_on_the_line_waits_behind_no_preparation() {
        use Urgency::{Live, Preparation};
        let texts = [("a", Preparation), ("b", Preparation), ("c", Live), ("d", Preparation), ("e", Live)];
        let order = spoken(&texts, |_| Ok(nothing())).into_iter().map(|(text, _)| text).collect::<String>();
        assert_eq!(order, "ceabd");
    }

    #[test]
    fn a_fall_over_one_text_is_answered_and_costs_nothing_else() {
        let texts = [("fall", Urgency::Live), ("stand", Urgency::Live)];
        let answered = spoken(&texts, |r| {
            assert!(r.text != "fall", "a test's own fault");
            Ok(nothing())
        });
        assert_eq!(answered, [("fall".to_owned(), false), ("stand".to_owned(), true)]);
    }
}
