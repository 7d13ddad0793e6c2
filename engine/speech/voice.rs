//! The voice: texts in, samples at 8 kHz out.
//!
//! One plain thread owns the synthesizers. What was spoken once lies in the prompt cache, and a
//! call's known prompts are asked for before it is dialled; live work is only what the callee has
//! just said (a date, a sum).

use std::{sync::Arc, thread};

use crossbeam_channel::{Receiver, Sender, bounded};
use waihu_tts::{PromptCache, Request, Tts};
use waihu_types::Lang;

use crate::SpeechError;

/// Texts that may wait: the prompts of a few dozen calls being prepared at once.
const MAX_WAITING: usize = 1_024;

/// A text to speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoiceRequest {
    /// Its language.
    pub lang: Lang,
    /// The words.
    pub text: String,
}

/// Who is told of the samples.
pub type VoiceReply = Box<dyn FnOnce(Result<Arc<[i16]>, SpeechError>) + Send>;

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
    queue: Sender<Job>,
}

impl Voice {
    pub(crate) fn start(tts: Tts, cache: PromptCache, voices: BotVoices) -> Result<Self, SpeechError> {
        let (queue, jobs) = bounded(MAX_WAITING);
        thread::Builder::new()
            .name("voice".to_owned())
            .spawn(move || work(tts, cache, &voices, &jobs))
            .map_err(SpeechError::Thread)?;
        Ok(Self { queue })
    }

    pub(crate) fn speak(&self, request: VoiceRequest, reply: VoiceReply) {
        if let Err(e) = self.queue.try_send((request, reply)) {
            let (_, reply) = e.into_inner();
            reply(Err(SpeechError::VoiceBusy));
        }
    }
}

fn work(mut tts: Tts, mut cache: PromptCache, voices: &BotVoices, jobs: &Receiver<Job>) {
    for (request, reply) in jobs {
        let voice = match request.lang {
            Lang::Zh => voices.zh.as_deref(),
            Lang::En => voices.en.as_deref(),
        };
        let spoken = Request { lang: request.lang, voice, text: &request.text, speed: 1.0 };
        reply(cache.get_or_synthesize(&mut tts, &spoken, 8_000).map_err(SpeechError::from));
    }
}
