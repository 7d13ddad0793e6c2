use waihu_types::Lang;

use crate::TtsError;

/// The most characters that [`crate::Tts::synthesize`] speaks at once, markup left out: some ten minutes
/// of Mandarin, which is the longest clip that the cache keeps, and five minutes of a core.
pub const MOST_AT_ONCE: usize = 3_000;
/// The most characters that [`crate::Tts::synthesize_streaming`] speaks, markup left out. Each sentence is
/// handed over as it is ready and the listener may end it, so this only keeps a pasted book out.
pub const MOST_STREAMED: usize = 20_000;

/// How a voice speaks: chosen per script, and per case where a case has its own.
#[derive(Clone, Debug, PartialEq)]
pub struct VoiceStyle {
    /// The voice by its name; the language's own where none is named.
    pub voice: Option<String>,
    /// How fast; 1 is the voice's own pace, 0.5 to 2 is allowed.
    pub speed: f32,
    /// How much higher or lower than the voice's own pitch [semitones]; -6 to 6 is allowed. What comes
    /// with it is a smaller or larger speaker: beyond 3 it is heard as a disguise.
    pub pitch: f32,
}

impl Default for VoiceStyle {
    fn default() -> Self {
        Self { voice: None, speed: 1.0, pitch: 0.0 }
    }
}

impl VoiceStyle {
    /// A voice at a speed, at its own pitch.
    pub fn new(voice: Option<&str>, speed: f32) -> Self {
        Self { voice: voice.map(str::to_owned), speed, ..Self::default() }
    }

    pub(crate) fn check(&self) -> Result<(), TtsError> {
        if !SPEEDS.contains(&self.speed) {
            return Err(TtsError::Speed(self.speed));
        }
        if !PITCHES.contains(&self.pitch) {
            return Err(TtsError::Pitch(self.pitch));
        }
        Ok(())
    }
}

/// The speeds that the models speak clearly at.
pub(crate) const SPEEDS: std::ops::RangeInclusive<f32> = 0.5..=2.0;
/// The pitches that may be asked for [semitones].
pub(crate) const PITCHES: std::ops::RangeInclusive<f32> = -6.0..=6.0;

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
