use crate::TtsError;

/// A spoken clip.
#[derive(Clone, PartialEq)]
pub struct Speech {
    /// One channel, -1 to 1.
    pub samples: Vec<f32>,
    /// Samples a second [Hz].
    pub rate: u32,
    /// Characters of the text that could not be said, each once.
    pub dropped: Vec<char>,
}

impl std::fmt::Debug for Speech {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Speech({} samples at {} Hz)", self.samples.len(), self.rate)
    }
}

impl Speech {
    /// How long it lasts [s].
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate.max(1))
    }

    /// The clip as 16-bit samples at another rate [Hz].
    ///
    /// # Errors
    /// When the rate is outside 8000 to 48000 Hz.
    pub fn to_rate(&self, rate: u32) -> Result<Vec<i16>, TtsError> {
        let samples = waihu_audio::resample(&self.samples, self.rate, rate)?;
        Ok(samples.into_iter().map(to_i16).collect())
    }
}

fn to_i16(sample: f32) -> i16 {
    // The cast holds at the edges and makes NaN zero.
    (sample * 32_767.0).round() as i16
}
