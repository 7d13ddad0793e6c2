//! eSpeak NG's IPA to the symbols that the Kokoro model was trained on.

use crate::is_symbol;

/// Sounds that the model has one symbol for, or writes otherwise; longer ones first.
///
/// The model writes closing diphthongs as capitals (A eɪ, I aɪ, O oʊ, Q əʊ, W aʊ, Y ɔɪ), affricates as
/// one symbol, and in American English no length.
const SOUNDS: [(&str, &str); 30] = [
    ("tʃ", "ʧ"),
    ("dʒ", "ʤ"),
    ("eɪ", "A"),
    ("aɪ", "I"),
    ("oʊ", "O"),
    ("əʊ", "Q"),
    ("aʊ", "W"),
    ("ɔɪ", "Y"),
    ("ɜːɹ", "ɜɹ"),
    ("ɜː", "ɜɹ"),
    ("ɝ", "ɜɹ"),
    ("ɚ", "əɹ"),
    ("l\u{329}", "ᵊl"),
    ("n\u{329}", "ᵊn"),
    ("m\u{329}", "ᵊm"),
    ("ʔ", "t"),
    ("ɾ", "T"),
    ("ɫ", "l"),
    ("ɬ", "l"),
    ("ɐ", "ə"),
    ("r", "ɹ"),
    ("g", "ɡ"),
    ("x", "k"),
    ("ç", "k"),
    ("ɪə", "iə"),
    ("oː", "ɔ"),
    ("e", "A"),
    ("o", "ɔ"),
    ("ː", ""),
    ("ʲ", ""),
];

/// The phonemes of eSpeak's IPA in the model's symbols, and the characters that have none, each once.
///
/// Stress marks and punctuation stay. Joiners and language switches (`(en)`) are passed over.
pub fn from_espeak(ipa: &str) -> (String, Vec<char>) {
    let mut out = String::with_capacity(ipa.len());
    let mut dropped = Vec::new();
    let mut rest = ipa;
    while let Some(c) = rest.chars().next() {
        if let Some((from, to)) = SOUNDS.iter().find(|(from, _)| rest.starts_with(from)) {
            out.push_str(to);
            rest = &rest[from.len()..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        if c.is_whitespace() {
            if !out.ends_with(' ') && !out.is_empty() {
                out.push(' ');
            }
        } else if is_symbol(c) {
            out.push(c);
        } else if !matches!(c, '\u{200d}' | '\u{361}' | '_' | '-' | '\u{329}' | '\u{303}')
            && !dropped.contains(&c)
        {
            dropped.push(c);
        }
    }
    out.truncate(out.trim_end().len());
    (out, dropped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diphthongs_and_affricates_are_single_symbols() {
        for (ipa, want) in [
            ("həlˈoʊ", "həlˈO"),
            ("pˈeɪmənt", "pˈAmənt"),
            ("dʒˈɔɪ", "ʤˈY"),
            ("tʃˈɑːɹdʒ", "ʧˈɑɹʤ"),
            ("fˈɜːst", "fˈɜɹst"),
            ("lˈɛɾɚ.", "lˈɛTəɹ."),
            ("aɪ  tˈaɪm,", "I tˈIm,"),
        ] {
            assert_eq!(from_espeak(ipa), (want.to_owned(), vec![]), "{ipa}");
        }
    }

    #[test]
    fn what_the_model_does_not_know_is_reported() {
        assert_eq!(from_espeak("a☃b☃"), ("ab".to_owned(), vec!['☃']));
    }
}
