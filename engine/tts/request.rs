use waihu_types::{Lang, VoiceStyle};

use crate::TtsError;

/// The most characters that [`crate::Tts::synthesize`] speaks at once, markup left out: some ten minutes
/// of Mandarin, which is the longest clip that the cache keeps, and five minutes of a core.
pub const MOST_AT_ONCE: usize = 3_000;
/// The most characters that [`crate::Tts::begin`] takes with [`crate::Cut::FirstShort`], markup left out. Each sentence is
/// handed over as it is ready and the listener may end it, so this only keeps a pasted book out.
pub const MOST_STREAMED: usize = 20_000;

/// Whether a style is one that the models can be asked for.
pub(crate) fn check(style: &VoiceStyle) -> Result<(), TtsError> {
    if !VoiceStyle::SPEEDS.contains(&style.speed) {
        return Err(TtsError::Speed(style.speed));
    }
    if !VoiceStyle::PITCHES.contains(&style.pitch) {
        return Err(TtsError::Pitch(style.pitch));
    }
    Ok(())
}

/// What is to be said, and how.
#[derive(Clone, Copy, PartialEq)]
pub struct Request<'a> {
    /// The language of the text.
    pub lang: Lang,
    /// The words as written: figures are turned into words here. A text that begins with `<speak` is
    /// markup, see [`waihu_phonetics::markup`].
    pub text: &'a str,
    /// How it is spoken.
    pub style: &'a VoiceStyle,
}

impl std::fmt::Debug for Request<'_> {
    /// Leaves the words out: they may name a debtor.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Request({}, {:?}, {} bytes)", self.lang, self.style, self.text.len())
    }
}
