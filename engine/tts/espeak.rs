//! eSpeak NG: English text to IPA.
//!
//! Its library keeps one voice and one position for the whole process, so every call holds a lock.

use std::sync::{Mutex, PoisonError};

use waihu_phonetics::{
    Phonemes, Sentence, WordStart, english,
    mandarin::{KNOWN_FIRST, KNOWN_MOST},
    markup::Known,
    sentences_at,
};

use crate::{TtsError, plan::Voicer};

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

/// The phonemes of an English text in the symbols of a model, with sounds that are known standing in it.
pub(crate) fn phonemes(
    text: &str,
    known: &[Known],
    accent: &str,
    voicer: Voicer,
) -> Result<Phonemes, TtsError> {
    let mut out = Phonemes::default();
    for (begins, sentence, ends) in sentences_at(text) {
        let spoken = english::spoken_text(sentence);
        let mut line = String::new();
        let mut words: Vec<WordStart> = Vec::new();
        for (at, part) in parts(&spoken.text) {
            let (said, starts) = match part {
                Part::Text(text) if !text.chars().any(char::is_alphanumeric) => continue,
                Part::Text(text) => {
                    let said = ipa(text, accent)?;
                    let starts = english::word_starts(text, &said);
                    (said, starts)
                }
                Part::Known(index) => match known.get(index) {
                    Some(Known::Ipa(ipa)) => (ipa.clone(), vec![(0, 0)]),
                    Some(Known::Name(name)) => (ipa(name, accent)?, vec![(0, 0)]),
                    // The markup's reader lets no pinyin through in English.
                    Some(Known::Syllables(_)) | None => continue,
                },
            };
            if !line.is_empty() {
                line.push(' ');
            }
            let before = line.chars().count();
            words.extend(starts.into_iter().map(|(symbol, byte)| WordStart {
                symbol: before + symbol,
                byte: begins + spoken.written(at + byte),
            }));
            line.push_str(&said);
        }
        words.dedup_by_key(|w| w.byte);
        if voicer == Voicer::Kokoro {
            line = in_own_symbols(&line, &mut words, &mut out.dropped);
        }
        if line.chars().any(char::is_alphabetic) {
            out.sentences.push(Sentence { phonemes: line, ends, words });
        }
    }
    if out.sentences.is_empty() {
        out.dropped = text.chars().filter(|c| !c.is_whitespace()).take(20).collect();
        out.dropped.dedup();
    }
    Ok(out)
}

/// IPA in Kokoro's symbols; the words' places move with it.
fn in_own_symbols(ipa: &str, words: &mut [WordStart], dropped: &mut Vec<char>) -> String {
    let chars: Vec<char> = ipa.chars().collect();
    for word in words.iter_mut() {
        let before: String = chars[..word.symbol.min(chars.len())].iter().collect();
        let (own, _) = english::from_espeak(&before);
        // The space before the word was cut from the end.
        word.symbol = own.chars().count() + usize::from(!own.is_empty());
    }
    let (line, unknown) = english::from_espeak(ipa);
    for c in unknown {
        if !dropped.contains(&c) {
            dropped.push(c);
        }
    }
    line
}

enum Part<'a> {
    Text(&'a str),
    Known(usize),
}

/// A sentence cut where something known stands in it, each part with its byte.
fn parts(text: &str) -> Vec<(usize, Part<'_>)> {
    let known = |c: char| {
        let index = u32::from(c).checked_sub(u32::from(KNOWN_FIRST))? as usize;
        (index < KNOWN_MOST).then_some(index)
    };
    let mut out = Vec::new();
    let mut from = 0;
    for (at, c) in text.char_indices() {
        if let Some(index) = known(c) {
            out.push((from, Part::Text(&text[from..at])));
            out.push((at, Part::Known(index)));
            from = at + c.len_utf8();
        }
    }
    out.push((from, Part::Text(&text[from..])));
    out
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_place_in_the_models_own_symbols() {
        let ipa = "tʃˈɑːɹdʒ dʒˈɔɪ, bˈeɪ";
        let mut words: Vec<WordStart> = [0, 9, 16].map(|symbol| WordStart { symbol, byte: symbol }).to_vec();
        let line = in_own_symbols(ipa, &mut words, &mut Vec::new());
        let at: Vec<String> = words.iter().map(|w| line.chars().skip(w.symbol).collect()).collect();
        assert_eq!(line, "ʧˈɑɹʤ ʤˈY, bˈA");
        assert_eq!(at, ["ʧˈɑɹʤ ʤˈY, bˈA", "ʤˈY, bˈA", "bˈA"]);
    }

    #[test]
    fn a_sentence_is_cut_at_what_is_known() {
        let text = "a\u{e001}b";
        let shape: Vec<String> = parts(text)
            .iter()
            .map(|(at, p)| match p {
                Part::Text(t) => format!("{at}{t}"),
                Part::Known(n) => format!("{at}#{n}"),
            })
            .collect();
        assert_eq!(shape, ["0a", "1#1", "4b"]);
    }
}
