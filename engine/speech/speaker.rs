//! The synthesizers with the prompt cache: a text to sound at 8 kHz, piece by piece, with what a person
//! recorded spliced in.

use std::{ops::Range, path::PathBuf, sync::Arc};

use waihu_tts::{Cut, PromptCache, Request, Saying, Spoken, Tts, TtsError, TtsPaths, VoiceInfo, splice};
use waihu_types::{Lang, VoiceStyle};

use crate::voice::{Urgency, VoicePart, VoiceRequest};

/// The rate of calls' prompts [Hz].
const RATE: u32 = 8_000;

/// A part of a text that has recordings in it. `Debug` hides the sound.
#[derive(Clone, PartialEq)]
pub struct SpokenPart {
    /// Where it stands in the text.
    pub bytes: Range<usize>,
    /// The recording that says it, at 8 kHz; none where a voice speaks it.
    pub recording: Option<Arc<[i16]>>,
}

impl std::fmt::Debug for SpokenPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let how = if self.recording.is_some() { "recorded" } else { "synthesized" };
        write!(f, "SpokenPart({:?} {how})", self.bytes)
    }
}

/// Where the sound of a text came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was spoken before.
    Cache,
    /// It was synthesized now.
    Voice,
    /// A person recorded all of it.
    Recording,
    /// A person recorded its words, and a voice spoke the values between them.
    Spliced,
}

/// How far a text has come.
#[derive(Debug)]
pub(crate) struct Progress {
    origin: Origin,
    way: Way,
    whole: splice::Whole,
}

#[derive(Debug)]
enum Way {
    /// A voice speaks it.
    Voice(Saying),
    /// The parts from this one on are to come.
    Parts(usize),
}

/// The synthesizers and the prompt cache. One thread owns it.
pub struct Speaker {
    tts: Tts,
    cache: PromptCache,
}

impl Speaker {
    /// Looks for the voices, and opens the cache. Models are loaded when they are first used.
    ///
    /// # Errors
    /// When there is no voice, or the cache's folder cannot be used.
    pub fn open(voices: TtsPaths, prompts: PathBuf) -> Result<Self, TtsError> {
        Ok(Self { tts: Tts::load(voices)?, cache: PromptCache::open(prompts)? })
    }

    /// The voice that a style means, which is one that can be had.
    ///
    /// # Errors
    /// As [`Tts::check`].
    pub fn check(&self, lang: Lang, style: &VoiceStyle) -> Result<&VoiceInfo, TtsError> {
        self.tts.check(lang, style)
    }

    /// Loads what a voice needs.
    ///
    /// # Errors
    /// As [`Tts::synthesize`].
    pub fn warm_up(&mut self, lang: Lang, style: &VoiceStyle) -> Result<(), TtsError> {
        self.tts.warm_up(lang, style.voice.as_deref())
    }

    /// Whether a text needs no synthesizer: it is in the cache, or recorded.
    ///
    /// # Errors
    /// When the voice is unknown or its files cannot be read.
    pub fn is_ready(&mut self, request: &VoiceRequest) -> Result<bool, TtsError> {
        if request.parts.is_empty() {
            return Ok(self.cache.get(&mut self.tts, &whole_of(request), RATE)?.is_some());
        }
        for part in request.parts.iter().filter(|p| p.recording.is_none()) {
            if self.cache.get(&mut self.tts, &slot_of(request, part), RATE)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Speaks a whole text, and tells where its sound came from.
    ///
    /// # Errors
    /// As [`Tts::synthesize`].
    pub fn speak(&mut self, request: &VoiceRequest) -> Result<(Spoken, Origin), TtsError> {
        let mut progress = None;
        loop {
            if let Some(whole) = self.step(request, &mut progress)?.whole {
                return Ok((whole, progress.map_or(Origin::Cache, |p| p.origin)));
            }
        }
    }

    /// Speaks the next piece of a text. What a voice was streaming is kept in the cache when it is whole.
    pub(crate) fn step(
        &mut self,
        request: &VoiceRequest,
        progress: &mut Option<Progress>,
    ) -> Result<VoicePart, TtsError> {
        let progress = match progress {
            Some(progress) => progress,
            None => {
                let (origin, way) = match request.parts.as_slice() {
                    [] => {
                        if let Some(spoken) = self.cache.get(&mut self.tts, &whole_of(request), RATE)? {
                            return Ok(VoicePart { whole: Some(spoken.clone()), spoken });
                        }
                        let cut = match request.urgency {
                            Urgency::Live => Cut::FirstShort,
                            Urgency::Preparation => Cut::Sentences,
                        };
                        (Origin::Voice, Way::Voice(self.tts.begin(&whole_of(request), cut)?))
                    }
                    [only] if only.recording.is_some() => (Origin::Recording, Way::Parts(0)),
                    _ => (Origin::Spliced, Way::Parts(0)),
                };
                progress.insert(Progress { origin, way, whole: splice::Whole::default() })
            }
        };
        let (spoken, is_last) = match &mut progress.way {
            Way::Voice(saying) => {
                // A saying that is over was told as whole, and nobody steps on.
                let speech = self.tts.go_on(saying)?.ok_or(TtsError::EmptyText)?;
                (speech.spoken(RATE)?, saying.is_over())
            }
            Way::Parts(next) => {
                let part = request.parts.get(*next).ok_or(TtsError::EmptyText)?;
                *next += 1;
                let bytes = part.bytes.clone();
                let spoken = match &part.recording {
                    Some(samples) => splice::part(&request.text, bytes, samples, &[]),
                    None => {
                        let slot = slot_of(request, part);
                        let said = self.cache.get_or_synthesize(&mut self.tts, &slot, RATE)?;
                        splice::part(&request.text, bytes, &said.samples, &said.marks)
                    }
                };
                (spoken, *next == request.parts.len())
            }
        };
        let spoken = if is_last { spoken } else { splice::to_frames(spoken) };
        progress.whole.push(&spoken);
        if !is_last {
            return Ok(VoicePart { spoken, whole: None });
        }
        let whole = progress.whole.spoken();
        if progress.origin == Origin::Voice {
            self.cache.keep(&mut self.tts, &whole_of(request), RATE, &whole)?;
        }
        Ok(VoicePart { spoken, whole: Some(whole) })
    }
}

fn whole_of(request: &VoiceRequest) -> Request<'_> {
    Request { lang: request.lang, text: &request.text, style: &request.style }
}

fn slot_of<'r>(request: &'r VoiceRequest, part: &SpokenPart) -> Request<'r> {
    let text = request.text.get(part.bytes.clone()).unwrap_or_default();
    Request { lang: request.lang, text, style: &request.style }
}
