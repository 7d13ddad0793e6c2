//! Text with markup: a small part of SSML (W3C, Speech Synthesis Markup Language 1.1).
//!
//! Only a text that begins with `<speak` is markup (an XML declaration may stand before it). Every other text is plain, whatever stands in it: a
//! lone `<` or `&` is no error there. In markup an `&` that begins no entity and a `<` that begins no
//! tag stand for themselves, so that a case's own words do not break a script; [`escape`] makes any
//! words safe.
//!
//! | element | attributes |
//! |---|---|
//! | `speak`, `p`, `s` | none; `p` and `s` end a sentence, after `p` the voice rests longer |
//! | `break` | `time="300ms"` or `"0.5s"`, to 10 s; `strength="none｜x-weak｜weak｜medium｜strong｜x-strong"` |
//! | `say-as` | `interpret-as="digits｜telephone｜date｜currency｜cardinal｜characters｜name"` |
//! | `phoneme` | `alphabet="ipa｜pinyin"`, `ph="…"`; pinyin with tone digits, as `shan4 hong2` |
//! | `emphasis` | `level="strong｜moderate｜none｜reduced"`: louder or softer, the pace stays |
//! | `prosody` | `rate="slow"`, `"90%"`; `pitch="+2st"`, `"high"`; `volume="-6dB"`, `"soft"` |
//! | `sub` | `alias="…"`, said in place of what stands in it |
//!
//! What `say-as` cannot read as it was told to is read as it is written: it may be a value of a case.
//!
//! Absent: `voice`, `audio`, `mark`, `lang`, `lexicon`; CDATA; absolute pitch in Hz.

mod error;
mod reader;
mod say_as;
mod values;

pub use error::{MarkupError, MarkupFault};

use std::{borrow::Cow, ops::Range};

use waihu_types::Lang;

use crate::mandarin::{KNOWN_FIRST, KNOWN_MOST, Syllable};

/// The longest text [bytes]: ten thousand characters of Chinese with as much of tags again, and more.
pub const MAX_BYTES: usize = 100_000;
/// How deep elements may stand in each other: a sentence in a paragraph with two wishes needs six.
pub const MAX_DEPTH: usize = 16;
/// How many elements a text may have.
pub const MAX_ELEMENTS: usize = 2_000;
/// The longest rest [ms], and the longest of all rests together is six times that.
pub const MAX_REST_MS: u32 = 10_000;

/// A text made ready for a front end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Marked {
    /// The text without its tags: what people would read.
    pub plain: String,
    /// What is said in one breath each, in order.
    pub passages: Vec<Passage>,
}

/// Some sentences that are said alike.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Passage {
    /// What the front end reads. What is already known how to say stands as one character in it, see
    /// [`Known`].
    pub line: String,
    /// What these characters stand for.
    pub known: Vec<Known>,
    /// How fast, against the style's own speed.
    pub rate: f32,
    /// How high, against the style's own pitch [semitones].
    pub pitch: f32,
    /// Bytes of the plain text that are said louder or softer [dB].
    pub gains: Vec<(Range<usize>, f32)>,
    /// How long the voice rests after it [ms], where the text says so.
    pub rest_ms: Option<u32>,
    /// Byte in the line, byte in the plain text, and whether the two go on side by side from there.
    steps: Vec<(usize, usize, Beside)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    /// The line has the plain text's own bytes.
    Yes,
    /// The line has something else in their place.
    No,
}

/// Something whose sound does not come from its letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// The sounds themselves, in IPA.
    Ipa(String),
    /// Syllables of Mandarin.
    Syllables(Vec<Syllable>),
    /// The name of a person.
    Name(String),
}

impl Passage {
    /// A plain text that begins at byte `at` of the whole.
    fn plain(text: &str, at: usize) -> Self {
        let mut passage = Self { rate: 1.0, ..Self::default() };
        passage.write(text, at);
        passage
    }

    fn write(&mut self, text: &str, at: usize) {
        self.steps.push((self.line.len(), at, Beside::Yes));
        self.line.extend(text.chars().map(no_private));
    }

    fn write_instead(&mut self, said: &str, at: usize) {
        self.steps.push((self.line.len(), at, Beside::No));
        self.line.extend(said.chars().map(no_private));
    }

    fn write_known(&mut self, known: Known, at: usize) {
        let stands = u32::try_from(self.known.len().min(KNOWN_MOST - 1)).unwrap_or(0);
        self.steps.push((self.line.len(), at, Beside::No));
        self.line.extend(char::from_u32(u32::from(KNOWN_FIRST) + stands));
        self.known.push(known);
    }

    /// The byte of the plain text for a byte of the line.
    pub fn byte_in_plain(&self, at: usize) -> usize {
        let after = self.steps.partition_point(|s| s.0 <= at);
        match after.checked_sub(1).and_then(|n| self.steps.get(n)) {
            Some(&(line, plain, Beside::Yes)) => plain + (at - line),
            Some(&(_, plain, Beside::No)) => plain,
            None => at,
        }
    }
}

/// A private character of the text's own would stand for something that is known; it has no sound, so
/// it becomes the sign for an unknown character, which is as long and is reported.
fn no_private(c: char) -> char {
    if ('\u{e000}'..='\u{f8ff}').contains(&c) { '\u{fffd}' } else { c }
}

/// Whether a text is read as markup.
pub fn is_markup(text: &str) -> bool {
    let text = text.trim_start();
    let declared = text.strip_prefix("<?xml").and_then(|t| t.split_once("?>")).map(|(_, rest)| rest);
    let text = declared.unwrap_or(text).trim_start();
    text.strip_prefix("<speak")
        .is_some_and(|rest| rest.starts_with(|c: char| c == '>' || c == '/' || c.is_whitespace()))
}

/// Reads a text, plain or with markup.
///
/// # Errors
/// What is wrong with the markup, where, and what to do. A plain text has none.
pub fn read(lang: Lang, text: &str) -> Result<Marked, MarkupError> {
    if !is_markup(text) {
        return Ok(Marked { plain: text.to_owned(), passages: vec![Passage::plain(text, 0)] });
    }
    reader::Reader::new(lang, text)?.read()
}

/// The text without its tags; a plain text, or markup that cannot be read, as it is.
pub fn plain_text(text: &str) -> Cow<'_, str> {
    if !is_markup(text) {
        return Cow::Borrowed(text);
    }
    // The language decides only how things are said.
    read(Lang::Zh, text).map_or(Cow::Borrowed(text), |marked| Cow::Owned(marked.plain))
}

/// Words made safe to stand in markup, between tags or in an attribute.
pub fn escape(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    for c in words.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
