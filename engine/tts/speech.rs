use std::sync::Arc;

use waihu_audio::loudness;

use crate::{TtsError, telephone};

/// Where in the sound a word or phrase begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// From the start of the clip [ms].
    pub at_ms: u32,
    /// The byte at which it begins in the plain text: the text as given, or, of markup, what is left
    /// when the tags are taken out ([`crate::plain_text`]). A figure has one mark, at its first byte.
    pub byte: usize,
}

/// A spoken clip.
#[derive(Clone, Default, PartialEq)]
pub struct Speech {
    /// One channel, -1 to 1.
    pub samples: Vec<f32>,
    /// Samples a second [Hz].
    pub rate: u32,
    /// Characters of the text that could not be said, each once.
    pub dropped: Vec<char>,
    /// Where each word begins, in order of time.
    pub marks: Vec<Mark>,
}

impl std::fmt::Debug for Speech {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Speech({} samples at {} Hz, {} marks)", self.samples.len(), self.rate, self.marks.len())
    }
}

impl Speech {
    /// How long it lasts [s].
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate.max(1))
    }

    /// Puts another clip of the same rate after it.
    pub fn append(&mut self, other: Self) {
        self.rate = other.rate;
        let ms = (self.samples.len() as u64 * 1_000 / u64::from(self.rate.max(1))) as u32;
        self.marks.extend(other.marks.iter().map(|m| Mark { at_ms: m.at_ms + ms, ..*m }));
        self.samples.extend(other.samples);
        self.dropped.extend(other.dropped);
    }

    /// The clip as 16-bit samples at another rate [Hz], as loud as it was. At 8 kHz its band is shaped
    /// for a telephone: rumble taken off, presence lifted.
    ///
    /// # Errors
    /// When the rate is outside 8000 to 48000 Hz.
    pub fn to_rate(&self, rate: u32) -> Result<Vec<i16>, TtsError> {
        let mut samples = waihu_audio::resample(&self.samples, self.rate, rate)?;
        let before = loudness::integrated(&samples, rate);
        if rate == telephone::RATE {
            telephone::shape(&mut samples);
        }
        if let (Some(before), Some(after)) = (before, loudness::integrated(&samples, rate)) {
            loudness::amplify(&mut samples, before - after);
        }
        loudness::limit(&mut samples, rate, loudness::PEAK);
        Ok(samples.into_iter().map(to_i16).collect())
    }

    /// As [`Speech::to_rate`], with the marks, in a form that is shared without copying.
    ///
    /// # Errors
    /// As [`Speech::to_rate`].
    pub fn spoken(&self, rate: u32) -> Result<Spoken, TtsError> {
        Ok(Spoken { samples: self.to_rate(rate)?.into(), marks: self.marks.as_slice().into() })
    }
}

/// A clip as the cache keeps it and calls play it.
#[derive(Clone, PartialEq, Eq)]
pub struct Spoken {
    /// One channel, at the rate that was asked for.
    pub samples: Arc<[i16]>,
    /// Where each word begins, in order of time.
    pub marks: Arc<[Mark]>,
}

impl Spoken {
    /// The byte of the plain text whose word was being said at a time [ms]; what stands before it was
    /// heard. None before the first word.
    pub fn heard_to(&self, at_ms: u32) -> Option<usize> {
        let after = self.marks.partition_point(|m| m.at_ms <= at_ms);
        Some(self.marks[after.checked_sub(1)?].byte)
    }
}

impl std::fmt::Debug for Spoken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Spoken({} samples, {} marks)", self.samples.len(), self.marks.len())
    }
}

pub(crate) fn to_i16(sample: f32) -> i16 {
    // The cast holds at the edges and makes NaN zero.
    (sample * 32_767.0).round() as i16
}
