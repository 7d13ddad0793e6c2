use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// How a voice speaks: chosen per script, and per case where a case has its own.
#[derive(Clone, Debug, PartialEq)]
pub struct VoiceStyle {
    /// The voice by its name; the language's own where none is named.
    pub voice: Option<String>,
    /// How fast; 1 is the voice's own pace.
    pub speed: f32,
    /// How much higher or lower than the voice's own pitch [semitones]. What comes with it is a smaller
    /// or larger speaker: beyond 3 it is heard as a disguise.
    pub pitch: f32,
}

impl Default for VoiceStyle {
    fn default() -> Self {
        Self { voice: None, speed: 1.0, pitch: 0.0 }
    }
}

impl VoiceStyle {
    /// The speeds that the models speak clearly at.
    pub const SPEEDS: RangeInclusive<f32> = 0.5..=2.0;
    /// The pitches that may be asked for [semitones].
    pub const PITCHES: RangeInclusive<f32> = -6.0..=6.0;

    /// A voice at a speed, at its own pitch.
    pub fn new(voice: Option<&str>, speed: f32) -> Self {
        Self { voice: voice.map(str::to_owned), speed, ..Self::default() }
    }
}

/// A case's own voice: what it names goes before the script's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CaseVoice {
    /// The voice by its name.
    #[serde(rename = "voice", default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How fast, within [`VoiceStyle::SPEEDS`].
    #[serde(rename = "voice_speed", default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<f32>,
}
