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

pub use normalise::spoken_form;
pub use syllable::{Syllable, Tone};

use crate::{Phonemes, Sentence, is_symbol, split_sentences};
use readings::Readings;

/// One word as cut from a sentence, with the reading of each character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The characters.
    pub text: String,
    /// One syllable a character, erhua joined to the one before.
    pub syllables: Vec<Syllable>,
}

/// A piece of a sentence between which the voice may rest.
enum Piece {
    Words(Vec<Word>),
    Latin(String),
    Mark(char),
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
    pub fn phonemes_with(&self, text: &str, mut english: impl FnMut(&str) -> Option<String>) -> Phonemes {
        let mut out = Phonemes::default();
        let spoken = spoken_form(text);
        for (sentence, ends) in split_sentences(&spoken) {
            let mut line = String::new();
            for piece in self.pieces(sentence, &mut out) {
                match piece {
                    Piece::Words(words) => {
                        for word in words {
                            let ipa: String = word.syllables.iter().map(Syllable::ipa).collect();
                            spaced(&mut line, &ipa);
                        }
                    }
                    Piece::Latin(word) => {
                        let said = english(&word).unwrap_or_else(|| latin::spell(&word));
                        spaced(&mut line, said.trim());
                    }
                    Piece::Mark(m) => mark(&mut line, m),
                }
            }
            line.retain(is_symbol);
            if line.chars().any(char::is_alphabetic) {
                out.sentences.push(Sentence { phonemes: line.trim().to_owned(), ends });
            }
        }
        out
    }

    /// The words of a text with their readings after sandhi, marks left out: what the tests look at.
    pub fn words(&self, text: &str) -> Vec<Word> {
        let mut dropped = Phonemes::default();
        let spoken = spoken_form(text);
        let sentences = split_sentences(&spoken);
        let pieces = sentences.into_iter().flat_map(|(s, _)| self.pieces(s, &mut dropped));
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
                pieces.push(Piece::Words(self.phrase(&chars[at..stop], out)));
                at = stop;
            } else if c.is_ascii_alphabetic() {
                let stop = end(|c| c.is_ascii_alphabetic() || c == '\'');
                pieces.push(Piece::Latin(chars[at..stop].iter().collect()));
                at = stop;
            } else {
                match model_mark(c) {
                    Some(m) => pieces.push(Piece::Mark(m)),
                    None if c.is_whitespace() => {}
                    None if c.is_ascii_digit() => {
                        // Only digits glued to letters, as in A4, are left by now.
                        let said: Vec<char> = number::one_by_one(&c.to_string()).chars().collect();
                        pieces.push(Piece::Words(self.phrase(&said, out)));
                    }
                    None => match symbol_word(c) {
                        Some(word) => {
                            let said: Vec<char> = word.chars().collect();
                            pieces.push(Piece::Words(self.phrase(&said, out)));
                        }
                        None => out.drop_char(c),
                    },
                }
                at += 1;
            }
        }
        pieces
    }

    /// A run of Chinese characters: words, readings, sandhi.
    fn phrase(&self, run: &[char], out: &mut Phonemes) -> Vec<Word> {
        let text: String = run.iter().collect();
        let cut: Vec<Vec<char>> =
            self.jieba.cut(&text, true).into_iter().map(|w| w.word.chars().collect()).collect();
        let cut = context::regroup(cut);
        let mut words: Vec<context::Draft> = Vec::with_capacity(cut.len());
        for chars in cut {
            let mut draft = context::Draft::default();
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

fn spaced(line: &mut String, word: &str) {
    if word.is_empty() {
        return;
    }
    if !line.is_empty() && !line.ends_with([' ', '(', '“']) {
        line.push(' ');
    }
    line.push_str(word);
}

fn mark(line: &mut String, m: char) {
    if line.ends_with(m) {
        return;
    }
    if matches!(m, '(' | '“') && !line.is_empty() {
        line.push(' ');
    }
    line.push(m);
}
