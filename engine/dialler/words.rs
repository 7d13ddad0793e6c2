//! What a call says: in which voice, what of it a person recorded, and what was spoken before dialling.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::oneshot;
use waihu_call::PlaybackId;
use waihu_dialog::{Interpreter, RecordedLines, Script};
use waihu_speech::{SpeechError, Spoken, SpokenPart, Urgency, VoicePart, VoiceReply, VoiceRequest};
use waihu_types::{Case, Lang, VoiceStyle};

use crate::{
    actor::Observer,
    error::DialError,
    plant::{Order, Plant, Progress, ProgressKind},
};

/// The sound of recorded prompts, by their files' paths, at 8 kHz.
pub type RecordedPrompts = HashMap<Arc<str>, Arc<[i16]>>;

/// So much of a prompt is spoken even if it was stopped: mostly it is gone on with, and then it is there.
/// A longer one is spoken anew if need be.
const SPOKEN_ANYWAY: Duration = Duration::from_secs(20);

/// The words of one call, for the voice.
#[derive(Debug)]
pub struct Words {
    lang: Lang,
    style: VoiceStyle,
    lines: RecordedLines,
    sounds: Arc<RecordedPrompts>,
}

impl Words {
    /// The words of a conversation about `case`.
    pub fn new(
        interpreter: &Interpreter,
        script: &Script,
        lang: Lang,
        case: &Case,
        sounds: Arc<RecordedPrompts>,
    ) -> Self {
        let style = case.voice_style(lang, &script.voice_style(lang));
        Self { lang, style, lines: interpreter.recorded_lines(), sounds }
    }

    /// How they are spoken.
    pub fn style(&self) -> &VoiceStyle {
        &self.style
    }

    /// A text, for the voice.
    pub fn to_speak(&self, text: String, urgency: Urgency) -> VoiceRequest {
        let parts = self.lines.parts(&text).unwrap_or_default();
        let parts = parts.into_iter().map(|part| SpokenPart {
            recording: part.file.and_then(|file| self.sounds.get(&file).cloned()),
            bytes: part.bytes,
        });
        VoiceRequest { lang: self.lang, parts: parts.collect(), text, style: self.style.clone(), urgency }
    }
}

/// The words of a call that is being placed, and the sound of those that were known before.
pub(crate) struct Prompts {
    words: Words,
    ready: HashMap<Arc<str>, Spoken>,
}

impl Prompts {
    /// Speaks, before anything is dialled, every prompt that can be known by then.
    pub(crate) async fn prepare(
        plant: &Plant,
        order: &Order,
        interpreter: &Interpreter,
        observer: &Observer,
    ) -> Result<Self, DialError> {
        let sounds = Arc::clone(&order.recorded);
        let words = Words::new(interpreter, &order.script, order.lang, &order.case, sounds);
        let texts = interpreter.prompts_to_prepare();
        let total = texts.len();
        let mut ready = HashMap::with_capacity(total);
        for (done, text) in texts.into_iter().enumerate() {
            tell(observer, order, ProgressKind::Preparing { done, total });
            let (reply, answer) = oneshot::channel();
            let mut reply = Some(reply);
            let whole = move |part: Result<VoicePart, SpeechError>| {
                if let Some(reply) = reply.take() {
                    // The campaign may have been stopped: then nobody need know.
                    let _ = reply.send(part);
                }
                ControlFlow::Break(())
            };
            plant.speech.voice(words.to_speak(text.clone(), Urgency::Preparation), Box::new(whole));
            let part = answer.await.map_err(|_| DialError::WorkersGone)?.map_err(DialError::Voice)?;
            ready.insert(text.into(), part.spoken_whole());
        }
        Ok(Self { words, ready })
    }

    /// The sound of a text, if it is known.
    pub(crate) fn ready(&self, text: &str) -> Option<Spoken> {
        self.ready.get(text).cloned()
    }

    /// A text that was spoken in the call is known from then on: it may be stopped and gone on with.
    pub(crate) fn keep(&mut self, text: Arc<str>, whole: Spoken) {
        self.ready.insert(text, whole);
    }

    /// A text for a callee who waits for it.
    pub(crate) fn to_speak(&self, text: String) -> VoiceRequest {
        self.words.to_speak(text, Urgency::Live)
    }
}

/// Tells the call of a text's sound, until the call is over or the text was stopped and is long.
pub(crate) fn live_reply(
    id: PlaybackId,
    stopped_before: Arc<AtomicU64>,
    tell: impl Fn(Result<VoicePart, SpeechError>) -> Result<(), ()> + Send + 'static,
) -> VoiceReply {
    let mut told = Duration::ZERO;
    Box::new(move |part| {
        if let Ok(part) = &part {
            told += Duration::from_millis(part.spoken.samples.len() as u64 / 8);
        }
        let is_over = tell(part).is_err();
        let is_stopped = id.0 < stopped_before.load(Ordering::Relaxed);
        if is_over || (is_stopped && told > SPOKEN_ANYWAY) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })
}

/// Tells whoever watches a call.
pub(crate) fn tell(observer: &Observer, order: &Order, kind: ProgressKind) {
    // Nobody need watch.
    let _ = observer.send(Progress::Case { case: order.case.id.clone(), kind });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stopped_is_spoken_on_unless_it_is_long() {
        let seconds = |n: usize| {
            let spoken = Spoken { samples: vec![0; 8_000 * n].into(), marks: [].into() };
            Ok(VoicePart { spoken, whole: None })
        };
        let stopped = Arc::new(AtomicU64::new(0));
        let mut reply = live_reply(PlaybackId(3), Arc::clone(&stopped), |_| Ok(()));
        assert!(reply(seconds(15)).is_continue());
        stopped.store(4, Ordering::Relaxed);
        assert!(reply(seconds(4)).is_continue());
        assert!(reply(seconds(4)).is_break());
        let mut gone = live_reply(PlaybackId(9), stopped, |_| Err(()));
        assert!(gone(seconds(1)).is_break());
    }
}
