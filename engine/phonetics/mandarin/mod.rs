//! Mandarin: text to the model's phonemes.
//!
//! Spoken form, words (jieba), readings, tone sandhi, IPA with tone arrows. Deliberately absent: stress
//! and intonation, which the model makes itself, and dialects.

mod context;
mod latin;
mod normalise;
pub(crate) mod number;
mod readings;
mod sandhi;
mod syllable;

use jieba_rs::Jieba;

pub use normalise::{spoken_form, spoken_text};
pub use syllable::{Syllable, Tone};

use crate::markup::Known;
use crate::{Phonemes, Sentence, WordStart, is_symbol, sentences_at};
use readings::Readings;

/// One word as cut from a sentence, with the reading of each character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The characters.
    pub text: String,
    /// One syllable a character, erhua joined to the one before.
    pub syllables: Vec<Syllable>,
    /// How many characters stand before it in the spoken sentence.
    at: usize,
}

/// A piece of a sentence between which the voice may rest.
enum Piece {
    Words(Vec<Word>),
    Latin { word: String, at: usize },
    Known { at: usize, index: usize },
    Mark(char),
}

/// The character that stands in a text for the first of what is [`Known`], the next for the second, and so
/// on; private use, and in no text of people.
pub const KNOWN_FIRST: char = '\u{e000}';
/// How many can be known at once: all of the plane's private area.
pub const KNOWN_MOST: usize = 6_400;

/// Which of what is known a character stands for.
fn known_index(c: char) -> Option<usize> {
    let index = u32::from(c).checked_sub(u32::from(KNOWN_FIRST))? as usize;
    (index < KNOWN_MOST).then_some(index)
}

/// The Mandarin front end. Holds the word list (some 40 MB), so make one and share it.
pub struct Mandarin {
    jieba: Jieba,
    readings: Readings,
}

impl std::fmt::Debug for Mandarin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mandarin")
    }
}

impl Default for Mandarin {
    fn default() -> Self {
        Self::new()
    }
}

impl Mandarin {
    /// The front end with its tables, which are part of the program.
    pub fn new() -> Self {
        let mut jieba = Jieba::new();
        let readings = Readings::load();
        for word in readings.known_words() {
            if !jieba.has_word(word) {
                jieba.add_word(word, None, None);
            }
        }
        Self { jieba, readings }
    }

    /// The phonemes of a text; English words in it are spelled, or read letter by letter.
    pub fn phonemes(&self, text: &str) -> Phonemes {
        self.phonemes_with(text, |_| None)
    }

    /// The phonemes of a text, where `english` gives the phonemes of an English word in it in the model's
    /// symbols, or `None` to have it spelled.
    pub fn phonemes_with(&self, text: &str, english: impl FnMut(&str) -> Option<String>) -> Phonemes {
        self.phonemes_known(text, &[], english)
    }

    /// As [`Mandarin::phonemes_with`], with sounds that are known already standing in the text.
    pub fn phonemes_known(
        &self,
        text: &str,
        known: &[Known],
        mut english: impl FnMut(&str) -> Option<String>,
    ) -> Phonemes {
        let mut out = Phonemes::default();
        for (begins, sentence, ends) in sentences_at(text) {
            let spoken = spoken_text(sentence);
            let bytes: Vec<usize> = spoken.text.char_indices().map(|(byte, _)| byte).collect();
            let from = |at: usize| begins + spoken.written(bytes.get(at).copied().unwrap_or(0));
            let mut line = Line::default();
            for piece in self.pieces(&spoken.text, &mut out) {
                match piece {
                    Piece::Words(words) => {
                        for word in words {
                            let ipa: String = word.syllables.iter().map(Syllable::ipa).collect();
                            line.word(&ipa, from(word.at));
                        }
                    }
                    Piece::Latin { word, at } => {
                        let said = english(&word).unwrap_or_else(|| latin::spell(&word));
                        line.word(&said, from(at));
                    }
                    Piece::Known { at, index } => {
                        let said = known.get(index).map(|k| self.known_symbols(k)).unwrap_or_default();
                        line.word(&said, from(at));
                    }
                    Piece::Mark(m) => line.mark(m),
                }
            }
            if line.text.chars().any(char::is_alphabetic) {
                line.text.truncate(line.text.trim_end().len());
                out.sentences.push(Sentence { phonemes: line.text, ends, words: line.words });
            }
        }
        out
    }

    /// What is known, in the model's symbols. IPA with the model's tone arrows is taken as it is, other IPA
    /// as eSpeak NG writes it.
    fn known_symbols(&self, known: &Known) -> String {
        match known {
            Known::Ipa(ipa) if ipa.contains(['→', '↗', '↓', '↘']) => ipa.clone(),
            Known::Ipa(ipa) => crate::english::from_espeak(ipa).0,
            Known::Syllables(syllables) => syllables.iter().map(Syllable::ipa).collect(),
            Known::Name(name) => self.name(name).iter().map(Syllable::ipa).collect(),
        }
    }

    /// The syllables of a person's name: the family name as a family name is read.
    pub fn name(&self, name: &str) -> Vec<Syllable> {
        let chars: Vec<char> = name.chars().filter(|&c| is_han(c)).collect();
        let mut syllables: Vec<Syllable> = self.readings.of_word(&chars).into_iter().flatten().collect();
        if let (Some(first), Some(s)) =
            (syllables.first_mut(), chars.first().and_then(|&c| self.readings.of_surname(c)))
        {
            *first = s.clone();
        }
        sandhi::within_name(&mut syllables);
        syllables
    }

    /// The words of a text with their readings after sandhi, marks left out: what the tests look at.
    pub fn words(&self, text: &str) -> Vec<Word> {
        let mut dropped = Phonemes::default();
        let sentences = sentences_at(text);
        let pieces = sentences.into_iter().flat_map(|(_, s, _)| self.pieces(&spoken_form(s), &mut dropped));
        pieces.filter_map(|p| if let Piece::Words(w) = p { Some(w) } else { None }).flatten().collect()
    }

    /// The pinyin of a text after sandhi, words apart: `ni2hao3 zhang1 xian1sheng5`.
    pub fn pinyin(&self, text: &str) -> String {
        let words = self.words(text);
        let said: Vec<String> =
            words.iter().map(|w| w.syllables.iter().map(Syllable::pinyin).collect()).collect();
        said.join(" ")
    }

    fn pieces(&self, sentence: &str, out: &mut Phonemes) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let chars: Vec<char> = sentence.chars().collect();
        let mut at = 0;
        while at < chars.len() {
            let c = chars[at];
            let end = |test: fn(char) -> bool| at + chars[at..].iter().take_while(|&&c| test(c)).count();
            if is_han(c) {
                let stop = end(is_han);
                pieces.push(Piece::Words(self.phrase(&chars[at..stop], at, out)));
                at = stop;
            } else if c.is_ascii_alphabetic() {
                let stop = end(|c| c.is_ascii_alphabetic() || c == '\'');
                pieces.push(Piece::Latin { word: chars[at..stop].iter().collect(), at });
                at = stop;
            } else if let Some(index) = known_index(c) {
                pieces.push(Piece::Known { at, index });
                at += 1;
            } else {
                match model_mark(c) {
                    Some(m) => pieces.push(Piece::Mark(m)),
                    None if c.is_whitespace() => {}
                    None if c.is_ascii_digit() => {
                        // Only digits glued to letters, as in A4, are left by now.
                        let said: Vec<char> = number::one_by_one(&c.to_string()).chars().collect();
                        pieces.push(Piece::Words(self.said_for_sign(&said, at, out)));
                    }
                    None => match symbol_word(c) {
                        Some(word) => {
                            let said: Vec<char> = word.chars().collect();
                            pieces.push(Piece::Words(self.said_for_sign(&said, at, out)));
                        }
                        None => out.drop_char(c),
                    },
                }
                at += 1;
            }
        }
        pieces
    }

    /// Words that are said for one sign.
    fn said_for_sign(&self, said: &[char], at: usize, out: &mut Phonemes) -> Vec<Word> {
        let mut words = self.phrase(said, at, out);
        words.iter_mut().for_each(|w| w.at = at);
        words
    }

    /// A run of Chinese characters: words, readings, sandhi.
    fn phrase(&self, run: &[char], begins: usize, out: &mut Phonemes) -> Vec<Word> {
        let text: String = run.iter().collect();
        let cut: Vec<Vec<char>> =
            self.jieba.cut(&text, true).into_iter().map(|w| w.word.chars().collect()).collect();
        let cut = context::regroup(cut);
        let mut words: Vec<context::Draft> = Vec::with_capacity(cut.len());
        let mut at = begins;
        for chars in cut {
            let mut draft = context::Draft { at, ..context::Draft::default() };
            at += chars.len();
            for (&c, syllable) in chars.iter().zip(self.readings.of_word(&chars)) {
                match syllable {
                    Some(s) => draft.push(c, s),
                    None => out.drop_char(c),
                }
            }
            if !draft.is_empty() {
                words.push(draft);
            }
        }
        context::surnames(&mut words, &self.readings);
        context::bare_names(&mut words, &self.readings, |word| self.jieba.has_word(word));
        context::particles(&mut words);
        sandhi::apply(&mut words);
        words.into_iter().map(context::Draft::into_word).collect()
    }
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '〇' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

/// The model's mark for a written one.
fn model_mark(c: char) -> Option<char> {
    Some(match c {
        '，' | '、' | ',' => ',',
        '。' | '．' | '.' => '.',
        '！' | '!' => '!',
        '？' | '?' => '?',
        '；' | ';' => ';',
        '：' | ':' => ':',
        '“' | '「' | '『' | '《' | '〈' => '“',
        '”' | '」' | '』' | '》' | '〉' => '”',
        '"' => '"',
        '（' | '(' | '【' | '[' => '(',
        '）' | ')' | '】' | ']' => ')',
        '—' => '—',
        '…' => '…',
        _ => return None,
    })
}

/// Signs that are said as a word.
fn symbol_word(c: char) -> Option<&'static str> {
    Some(match c {
        '&' => "和",
        '+' => "加",
        '=' => "等于",
        '×' => "乘",
        '%' => "百分号",
        '℃' => "度",
        _ => return None,
    })
}

/// A sentence's phonemes as they are put together.
#[derive(Default)]
struct Line {
    text: String,
    symbols: usize,
    words: Vec<WordStart>,
}

impl Line {
    fn push(&mut self, c: char) {
        self.text.push(c);
        self.symbols += 1;
    }

    fn word(&mut self, said: &str, byte: usize) {
        let mut said = said.trim().chars().filter(|&c| is_symbol(c)).peekable();
        if said.peek().is_none() {
            return;
        }
        if !self.text.is_empty() && !self.text.ends_with([' ', '(', '“']) {
            self.push(' ');
        }
        if self.words.last().is_none_or(|last| last.byte != byte) {
            self.words.push(WordStart { symbol: self.symbols, byte });
        }
        said.for_each(|c| self.push(c));
    }

    fn mark(&mut self, m: char) {
        if self.text.ends_with(m) {
            return;
        }
        if matches!(m, '(' | '“') && !self.text.is_empty() {
            self.push(' ');
        }
        self.push(m);
    }
}
