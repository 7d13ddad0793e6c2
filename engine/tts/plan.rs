//! From a passage's sentences to the pieces that a model says in one run.

use waihu_phonetics::{Break, Sentence, markup::Passage, split_long};

use crate::{VoiceStyle, kokoro};

/// Which symbols a model reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voicer {
    /// Its own, one a sound.
    Kokoro,
    /// eSpeak's IPA.
    Piper,
}

/// Where a text is cut into the pieces that are said in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// At the ends of sentences.
    Sentences,
    /// There, and the first sentence also at a comma, so that its first part is ready soon.
    FirstShort,
}

/// Symbols in which the first part of a streamed text should end: some two seconds of speech.
const FIRST: usize = 60;
/// A first part has at least so many symbols: two short words alone sound broken off.
const FIRST_LEAST: usize = 12;

/// What a model says in one run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Piece {
    pub(crate) phonemes: String,
    /// Symbols before, byte of the plain text.
    pub(crate) words: Vec<(usize, usize)>,
    /// Times the voice's own pace.
    pub(crate) speed: f32,
    /// Above the voice's own [semitones].
    pub(crate) pitch: f32,
    /// Bytes of the plain text that are said louder or softer [dB].
    pub(crate) gains: Vec<(std::ops::Range<usize>, f32)>,
    /// How long the voice rests after it [s].
    pub(crate) rest_s: f32,
}

impl Piece {
    /// How much higher: the ratio of frequencies.
    pub(crate) fn pitch_ratio(&self) -> f32 {
        (self.pitch / 12.0).exp2()
    }

    /// The pace that the model is asked for: raising the pitch by resampling makes what it says shorter.
    pub(crate) fn model_speed(&self) -> f32 {
        self.speed / self.pitch_ratio()
    }
}

/// The rest after a sentence [s], at normal speed.
fn rest_s(ends: Break) -> f32 {
    match ends {
        Break::Full => 0.32,
        Break::Half => 0.22,
        Break::None => 0.12,
    }
}

/// The rest that a mark alone asks for [s].
pub(crate) fn rest_after(mark: char) -> f32 {
    match mark {
        '。' | '！' | '？' | '.' | '!' | '?' => rest_s(Break::Full),
        '，' | '、' | '；' | '：' | ',' | ';' | ':' => rest_s(Break::Half),
        _ => 0.0,
    }
}

/// Adds a passage's pieces to those before.
pub(crate) fn pieces(
    passage: &Passage,
    sentences: &[Sentence],
    style: &VoiceStyle,
    cut: Cut,
    out: &mut Vec<Piece>,
) {
    let (speeds, pitches) = (VoiceStyle::SPEEDS, VoiceStyle::PITCHES);
    let speed = (style.speed * passage.rate).clamp(*speeds.start(), *speeds.end());
    let pitch = (style.pitch + passage.pitch).clamp(*pitches.start(), *pitches.end());
    let first = out.len();
    for sentence in sentences {
        let mut from = 0;
        let early =
            if cut == Cut::FirstShort && out.is_empty() { first_part(&sentence.phonemes) } else { None };
        let (head, tail) = sentence.phonemes.split_at(early.unwrap_or(0));
        let parts = Some(head.trim()).filter(|h| !h.is_empty()).into_iter();
        for part in parts.chain(split_long(tail, kokoro::COMFORTABLE)) {
            // Every part lies within the sentence; its place tells how many symbols stand before it.
            let at = part.as_ptr() as usize - sentence.phonemes.as_ptr() as usize;
            let begins = sentence.phonemes[..at].chars().count();
            let ends = begins + part.chars().count();
            let words = sentence.words.iter().filter(|w| (from..ends).contains(&w.symbol));
            out.push(Piece {
                phonemes: part.to_owned(),
                words: words
                    .map(|w| (w.symbol.saturating_sub(begins), passage.byte_in_plain(w.byte)))
                    .collect(),
                speed,
                pitch,
                gains: passage.gains.clone(),
                rest_s: rest_s(Break::None) / speed,
            });
            from = ends;
        }
        if let Some(last) = out.last_mut() {
            last.rest_s = rest_s(sentence.ends) / speed;
        }
    }
    if let Some(ms) = passage.rest_ms
        && out.len() > first
        && let Some(last) = out.last_mut()
    {
        // The markup's own word, and no other rest beside it.
        last.rest_s = ms as f32 / 1_000.0;
    }
}

/// Where the first part of a sentence may end: after the first comma that leaves both parts some words.
fn first_part(phonemes: &str) -> Option<usize> {
    if phonemes.chars().count() <= FIRST {
        return None;
    }
    phonemes
        .char_indices()
        .enumerate()
        .filter(|(n, (_, c))| matches!(*c, ',' | ';' | ':' | '—') && *n >= FIRST_LEAST)
        .map(|(_, (at, c))| at + c.len_utf8())
        .find(|&end| phonemes[end..].chars().count() >= FIRST_LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use waihu_phonetics::{WordStart, markup};
    use waihu_types::Lang;

    fn planned(phonemes: &str, cut: Cut) -> Vec<Piece> {
        let marked = markup::read(Lang::Zh, "x").unwrap();
        let words = phonemes
            .char_indices()
            .enumerate()
            .filter(|(_, (at, _))| *at == 0 || phonemes[..*at].ends_with(' '))
            .map(|(symbol, (byte, _))| WordStart { symbol, byte })
            .collect();
        let sentence = Sentence { phonemes: phonemes.to_owned(), ends: Break::Full, words };
        let mut out = Vec::new();
        pieces(&marked.passages[0], &[sentence], &VoiceStyle::default(), cut, &mut out);
        out
    }

    #[test]
    fn no_piece_is_longer_than_the_model_says_well_and_no_word_is_lost() {
        let long = "ni↗n xau↓, ".repeat(200);
        let pieces = planned(long.trim(), Cut::Sentences);
        assert!(pieces.iter().all(|p| p.phonemes.chars().count() <= kokoro::COMFORTABLE));
        assert_eq!(pieces.iter().map(|p| p.words.len()).sum::<usize>(), 400);
        for p in &pieces {
            for &(symbol, byte) in &p.words {
                let rest: String = p.phonemes.chars().skip(symbol).collect();
                assert!(long[byte..].starts_with(&rest[..rest.find(' ').unwrap_or(rest.len())]));
            }
        }
        assert_eq!(pieces.last().map(|p| p.rest_s), Some(0.32));
        assert_eq!(pieces[0].rest_s, 0.12);
    }

    #[test]
    fn a_streamed_text_begins_with_a_short_part() {
        let text = "ni↗n xau↓, ʨʰi↓ŋ wə↘n, ".repeat(4);
        let pieces = planned(text.trim(), Cut::FirstShort);
        assert_eq!(pieces[0].phonemes, "ni↗n xau↓, ʨʰi↓ŋ wə↘n,");
        assert_eq!(planned("ni↗n xau↓, ma.", Cut::FirstShort).len(), 1, "short as it is");
    }

    #[test]
    fn a_higher_voice_is_asked_to_speak_slower_first() {
        let mut piece = planned("a", Cut::Sentences).remove(0);
        piece.pitch = 12.0;
        assert_eq!((piece.pitch_ratio(), piece.model_speed()), (2.0, 0.5));
    }
}
