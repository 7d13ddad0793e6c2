//! Voices: text to sound, with Kokoro on ONNX Runtime (Mandarin, English) and Piper (English).
//!
//! Each engine loads when it is first used. What was spoken once is kept by [`PromptCache`]. Deliberately
//! absent: playing the sound, and fetching the models, which is the work of the models room.

mod cache;
mod error;
mod espeak;
mod kokoro;
mod level;
mod paths;
mod piper;
mod runtime;
mod speech;
mod voices;

use std::collections::HashMap;

use waihu_phonetics::mandarin::Mandarin;
use waihu_types::Lang;

pub use cache::PromptCache;
pub use error::TtsError;
pub use paths::{PiperModel, TtsPaths};
pub use speech::Speech;
pub use voices::{DEFAULT_EN, DEFAULT_ZH, Engine, VoiceInfo};

use kokoro::Kokoro;
use piper::PiperVoice;

/// What is to be said, and how.
#[derive(Clone, Copy, PartialEq)]
pub struct Request<'a> {
    /// The language of the text.
    pub lang: Lang,
    /// The voice by its name; the language's own where none is named.
    pub voice: Option<&'a str>,
    /// The words, as written: figures are turned into words here.
    pub text: &'a str,
    /// How fast; 1 is the voice's own pace, 0.5 to 2 is allowed.
    pub speed: f32,
}

impl std::fmt::Debug for Request<'_> {
    /// Leaves the words out: they may name a debtor.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Request({}, {:?}, {} bytes, x{})", self.lang, self.voice, self.text.len(), self.speed)
    }
}

/// The synthesizers and their voices. One thread owns it.
pub struct Tts {
    paths: TtsPaths,
    voices: Vec<VoiceInfo>,
    mandarin: Option<Mandarin>,
    kokoro: Option<Kokoro>,
    piper: HashMap<String, PiperVoice>,
    fingerprints: HashMap<String, String>,
}

impl Tts {
    /// Looks which voices are there. Models are loaded when a voice of theirs is first used.
    ///
    /// # Errors
    /// When no voice is found.
    pub fn load(paths: TtsPaths) -> Result<Self, TtsError> {
        let voices = voices::find(&paths)?;
        Ok(Self {
            paths,
            voices,
            mandarin: None,
            kokoro: None,
            piper: HashMap::new(),
            fingerprints: HashMap::new(),
        })
    }

    /// The voices that can be asked for, by name.
    pub fn voices(&self) -> Vec<VoiceInfo> {
        self.voices.clone()
    }

    /// Loads what a language's voice needs, so that the first prompt does not wait for it.
    ///
    /// # Errors
    /// As [`Tts::synthesize`].
    pub fn warm_up(&mut self, lang: Lang, voice: Option<&str>) -> Result<(), TtsError> {
        let text = match lang {
            Lang::Zh => "好",
            Lang::En => "Yes",
        };
        self.synthesize(&Request { lang, voice, text, speed: 1.0 }).map(drop)
    }

    /// Speaks a text: one clip at the voice's own rate, level made even, silence at both ends cut.
    ///
    /// # Errors
    /// When the text has nothing to say, the voice is unknown or speaks another language, the speed is
    /// out of range, or a model is missing or fails.
    pub fn synthesize(&mut self, request: &Request<'_>) -> Result<Speech, TtsError> {
        let voice = self.voice_for(request)?;
        match voice.engine {
            Engine::Kokoro => self.with_kokoro(&voice, request),
            Engine::Piper => self.with_piper(&voice, request),
        }
    }

    /// The voice that a request means, checked together with the rest of the request.
    fn voice_for(&self, request: &Request<'_>) -> Result<VoiceInfo, TtsError> {
        if !(0.5..=2.0).contains(&request.speed) {
            return Err(TtsError::Speed(request.speed));
        }
        if request.text.trim().is_empty() {
            return Err(TtsError::EmptyText);
        }
        voices::choose(&self.voices, request.lang, request.voice).cloned()
    }

    /// What tells one voice's model from another version of it, for the cache key.
    fn fingerprint(&mut self, voice: &VoiceInfo) -> Result<String, TtsError> {
        if let Some(known) = self.fingerprints.get(&voice.name) {
            return Ok(known.clone());
        }
        let made = paths::fingerprint(&self.paths.files_of(voice))?;
        self.fingerprints.insert(voice.name.clone(), made.clone());
        Ok(made)
    }

    fn with_kokoro(&mut self, voice: &VoiceInfo, request: &Request<'_>) -> Result<Speech, TtsError> {
        let phonemes = match request.lang {
            Lang::Zh => {
                let front = self.mandarin.get_or_insert_with(Mandarin::new);
                // A word that eSpeak NG cannot give, or without its data, is spelled instead.
                front.phonemes_with(request.text, |word| espeak::word_in_mandarin(word).ok())
            }
            Lang::En => espeak::phonemes(request.text, espeak::accent(&voice.name))?,
        };
        if phonemes.sentences.is_empty() {
            return Err(TtsError::NothingToSay { dropped: phonemes.dropped });
        }
        if self.kokoro.is_none() {
            self.kokoro = Some(Kokoro::load(&self.paths)?);
        }
        let Some(kokoro) = self.kokoro.as_mut() else { return Err(TtsError::EmptyText) };
        let mut parts = Vec::new();
        for sentence in &phonemes.sentences {
            for (piece, ends) in kokoro::pieces(sentence) {
                parts.push((kokoro.speak(&voice.name, piece, request.speed)?, ends));
            }
        }
        Ok(level::joined(parts, kokoro::RATE, request.speed, phonemes.dropped))
    }

    fn with_piper(&mut self, voice: &VoiceInfo, request: &Request<'_>) -> Result<Speech, TtsError> {
        if !self.piper.contains_key(&voice.name) {
            let loaded = PiperVoice::load(&self.paths, &voice.name)?;
            self.piper.insert(voice.name.clone(), loaded);
        }
        let Some(piper) = self.piper.get_mut(&voice.name) else { return Err(TtsError::EmptyText) };
        let mut parts = Vec::new();
        let spoken = waihu_phonetics::english::spoken_form(request.text);
        let mut rate = 0;
        for (sentence, ends) in waihu_phonetics::split_sentences(&spoken) {
            let ipa = espeak::ipa(sentence, piper.accent())?;
            if !ipa.chars().any(char::is_alphabetic) {
                continue;
            }
            let (samples, r) = piper.speak(&ipa, request.speed)?;
            rate = r;
            parts.push((samples, ends));
        }
        if parts.is_empty() {
            return Err(TtsError::NothingToSay { dropped: unspeakable(request.text) });
        }
        Ok(level::joined(parts, rate, request.speed, Vec::new()))
    }
}

/// The characters of a text of which nothing could be said.
fn unspeakable(text: &str) -> Vec<char> {
    let mut out: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).take(20).collect();
    out.dedup();
    out
}
