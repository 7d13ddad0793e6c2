//! eSpeak NG: English text to IPA.
//!
//! Its library keeps one voice and one position for the whole process, so every call holds a lock.

use std::sync::{Mutex, PoisonError};

use waihu_phonetics::{Phonemes, Sentence, english, split_sentences};

use crate::TtsError;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// eSpeak's IPA for one sentence, with its marks.
pub(crate) fn ipa(text: &str, accent: &str) -> Result<String, TtsError> {
    // A NUL would end the text for the C library.
    let plain = text.replace(['\0', '\n', '\r'], " ");
    let _held = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    espeak_rs::text_to_phonemes(&plain, accent, None)
        .map(|sentences| sentences.join(" "))
        .map_err(|e| TtsError::Espeak { cause: e.0 })
}

/// The phonemes of an English text in Kokoro's symbols.
pub(crate) fn phonemes(text: &str, accent: &str) -> Result<Phonemes, TtsError> {
    let mut out = Phonemes::default();
    let spoken = english::spoken_form(text);
    for (sentence, ends) in split_sentences(&spoken) {
        let (line, dropped) = english::from_espeak(&ipa(sentence, accent)?);
        for c in dropped {
            if !out.dropped.contains(&c) {
                out.dropped.push(c);
            }
        }
        if line.chars().any(char::is_alphabetic) {
            out.sentences.push(Sentence { phonemes: line, ends });
        }
    }
    Ok(out)
}

/// An English word inside Mandarin; a short row of capitals is left to be spelled.
pub(crate) fn word_in_mandarin(word: &str) -> Result<String, TtsError> {
    if word.chars().count() == 1 || word.len() <= 4 && word.chars().all(|c| c.is_ascii_uppercase()) {
        return Err(TtsError::EmptyText);
    }
    let (line, _) = english::from_espeak(&ipa(word, accent(""))?);
    Ok(line.trim_end_matches(['.', ',', '!', '?']).to_owned())
}

/// The accent of a Kokoro voice: b is British. By its file below `espeak-ng-data/lang`: by name it is not
/// found in every build's list.
pub(crate) fn accent(voice: &str) -> &'static str {
    if voice.starts_with('b') { "gmw/en" } else { "gmw/en-US" }
}
