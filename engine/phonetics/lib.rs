//! From written text to the phonemes that the speech models read, in Mandarin and English.
//!
//! Three steps in each language: text to sentences, these to their spoken form (`3,250.00元` to
//! 三千二百五十元), which remembers where in the text each word of it came from, then spoken form to phonemes in the symbol set of the Kokoro model. English letters-to-sound is the work of
//! eSpeak NG, which the synthesis room calls; here is only what goes before it and after it.
//!
//! Deliberately absent: sound, models, files. Nothing here fails: what cannot be spoken is left out
//! and reported in [`Phonemes::dropped`].

pub mod english;
pub mod mandarin;
pub mod markup;
mod sentence;
pub mod spoken;
mod spoken_text;
mod symbols;

pub use sentence::{Break, Sentence, WordStart, sentences_at, split_long, split_sentences};
pub use spoken_text::SpokenText;
pub use symbols::is_symbol;

/// The version of the front ends: raised whenever the same text may give other phonemes.
///
/// It is part of the key under which synthesized prompts are cached.
pub const FRONT_END_VERSION: u32 = 4;

/// What a front end makes of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Phonemes {
    /// The sentences in order, each in the model's symbols; none is empty.
    pub sentences: Vec<Sentence>,
    /// The characters that were left out because nobody could say them, each once, in order.
    pub dropped: Vec<char>,
}

impl Phonemes {
    /// All sentences in one line, as the tests and `--phonemes` print them.
    pub fn line(&self) -> String {
        let parts: Vec<&str> = self.sentences.iter().map(|s| s.phonemes.as_str()).collect();
        parts.join(" ")
    }

    fn drop_char(&mut self, c: char) {
        if !self.dropped.contains(&c) {
            self.dropped.push(c);
        }
    }
}
