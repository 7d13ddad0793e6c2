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
mod plan;
mod recording;
mod request;
mod runtime;
mod speech;
pub mod splice;
mod telephone;
mod voiced;
mod voices;

use std::{collections::HashMap, vec};

use waihu_phonetics::{
    mandarin::Mandarin,
    markup::{self, Passage},
};
use waihu_types::Lang;

pub use cache::PromptCache;
pub use error::TtsError;
pub use paths::{PiperModel, TtsPaths};
pub use plan::Cut;
pub use recording::{FitError, RecordingFault, Take, fit};
pub use request::{MOST_AT_ONCE, MOST_STREAMED, Request};
pub use speech::{Mark, Speech, Spoken};
pub use voices::{DEFAULT_EN, DEFAULT_ZH, Engine, VoiceInfo};
pub use waihu_phonetics::markup::{escape, plain_text};
pub use waihu_types::VoiceStyle;

use kokoro::Kokoro;
use piper::PiperVoice;
use plan::{Piece, Voicer};

/// A text that is being spoken: what is still to be said of it.
pub struct Saying {
    voice: VoiceInfo,
    pieces: vec::IntoIter<Piece>,
    dropped: Vec<char>,
}

impl std::fmt::Debug for Saying {
    /// Leaves the sounds out: they may name a debtor.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Saying({} pieces to come)", self.pieces.len())
    }
}

impl Saying {
    /// Whether all of it was said.
    pub fn is_over(&self) -> bool {
        self.pieces.len() == 0
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

    /// The voice that a style means, which is one that can be had.
    ///
    /// # Errors
    /// When the voice is unknown or speaks another language, or speed or pitch are out of range.
    pub fn check(&self, lang: Lang, style: &VoiceStyle) -> Result<&VoiceInfo, TtsError> {
        request::check(style)?;
        voices::choose(&self.voices, lang, style.voice.as_deref())
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
        self.synthesize(&Request { lang, text, style: &VoiceStyle::new(voice, 1.0) }).map(drop)
    }

    /// Speaks a text: one clip at the voice's own rate, each sentence at the loudness of prompts, silence
    /// at both ends cut.
    ///
    /// # Errors
    /// When the text has nothing to say or more than [`MOST_AT_ONCE`] characters, its markup cannot be
    /// read, the voice is unknown or speaks another language, the speed or pitch is out of range, or a
    /// model is missing or fails.
    pub fn synthesize(&mut self, request: &Request<'_>) -> Result<Speech, TtsError> {
        let mut whole = Speech::default();
        let mut saying = self.begin(request, Cut::Sentences)?;
        while let Some(speech) = self.go_on(&mut saying)? {
            whole.append(speech);
        }
        Ok(whole)
    }

    /// Begins to speak a text, which [`Tts::go_on`] does piece by piece.
    ///
    /// # Errors
    /// As [`Tts::synthesize`]; with [`Cut::FirstShort`] up to [`MOST_STREAMED`] characters are taken.
    pub fn begin(&mut self, request: &Request<'_>, cut: Cut) -> Result<Saying, TtsError> {
        let voice = self.voice_for(request)?;
        let marked = markup::read(request.lang, request.text)?;
        let characters = marked.plain.chars().count();
        let most = match cut {
            Cut::Sentences => MOST_AT_ONCE,
            Cut::FirstShort => MOST_STREAMED,
        };
        if characters > most {
            return Err(TtsError::TooLong { characters, most });
        }
        let mut dropped = Vec::new();
        let mut pieces = Vec::new();
        for passage in &marked.passages {
            let phonemes = self.phonemes(&voice, request.lang, passage)?;
            for c in phonemes.dropped {
                if !dropped.contains(&c) {
                    dropped.push(c);
                }
            }
            plan::pieces(passage, &phonemes.sentences, request.style, cut, &mut pieces);
        }
        if pieces.is_empty() {
            return Err(TtsError::NothingToSay { dropped });
        }
        Ok(Saying { voice, pieces: pieces.into_iter(), dropped })
    }

    /// Speaks the next sentence, or part of one; none when all was said. The rest after it is in it, as
    /// silence, and its marks are told from its own beginning.
    ///
    /// # Errors
    /// When a model is missing or fails. What came before was right.
    pub fn go_on(&mut self, saying: &mut Saying) -> Result<Option<Speech>, TtsError> {
        let Some(piece) = saying.pieces.next() else { return Ok(None) };
        let (voiced, rate) = self.voice(&saying.voice, &piece)?;
        let mut speech = level::finished(voiced, rate, &piece, saying.is_over())?;
        speech.dropped = std::mem::take(&mut saying.dropped);
        Ok(Some(speech))
    }

    /// The voice that a request means, checked together with the rest of the request.
    fn voice_for(&self, request: &Request<'_>) -> Result<VoiceInfo, TtsError> {
        if request.text.trim().is_empty() {
            return Err(TtsError::EmptyText);
        }
        self.check(request.lang, request.style).cloned()
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

    /// The phonemes of a passage, in the symbols of the voice's model.
    fn phonemes(
        &mut self,
        voice: &VoiceInfo,
        lang: Lang,
        passage: &Passage,
    ) -> Result<waihu_phonetics::Phonemes, TtsError> {
        let (line, known) = (passage.line.as_str(), passage.known.as_slice());
        match (voice.engine, lang) {
            (Engine::Kokoro, Lang::Zh) => {
                let front = self.mandarin.get_or_insert_with(Mandarin::new);
                // A word that eSpeak NG cannot give, or without its data, is spelled instead.
                Ok(front.phonemes_known(line, known, |word| espeak::word_in_mandarin(word).ok()))
            }
            (Engine::Kokoro, Lang::En) => {
                espeak::phonemes(line, known, espeak::accent(&voice.name), Voicer::Kokoro)
            }
            (Engine::Piper, _) => {
                let accent = self.piper_voice(&voice.name)?.accent().to_owned();
                espeak::phonemes(line, known, &accent, Voicer::Piper)
            }
        }
    }

    /// The sound of a piece, and its rate [Hz].
    fn voice(&mut self, voice: &VoiceInfo, piece: &Piece) -> Result<(voiced::Voiced, u32), TtsError> {
        match voice.engine {
            Engine::Kokoro => {
                if self.kokoro.is_none() {
                    self.kokoro = Some(Kokoro::load(&self.paths)?);
                }
                let Some(kokoro) = self.kokoro.as_mut() else { return Err(TtsError::EmptyText) };
                Ok((kokoro.speak(&voice.name, &piece.phonemes, piece.model_speed())?, kokoro::RATE))
            }
            Engine::Piper => self.piper_voice(&voice.name)?.speak(&piece.phonemes, piece.model_speed()),
        }
    }

    fn piper_voice(&mut self, name: &str) -> Result<&mut PiperVoice, TtsError> {
        if !self.piper.contains_key(name) {
            let loaded = PiperVoice::load(&self.paths, name)?;
            self.piper.insert(name.to_owned(), loaded);
        }
        let known = || TtsError::UnknownVoice { name: name.to_owned(), known: String::new() };
        self.piper.get_mut(name).ok_or_else(known)
    }
}
