//! The unit that moves through the engine: 20 ms of telephone sound.
//!
//! 20 ms because every trunk offers that packet time and no conversation notices it.

/// Samples in one frame: 20 ms at 8000 samples a second.
pub const SAMPLES_8K: usize = 160;

/// The telephone's sample rate [Hz].
pub const RATE_8K: u32 = 8_000;

/// 20 ms of linear sound at 8 kHz, full scale ±32767.
pub type Frame = [i16; SAMPLES_8K];

/// A frame in which nothing is heard.
pub const SILENCE: Frame = [0; SAMPLES_8K];

/// One sample as a number from -1 to just under 1.
pub fn sample_to_f32(sample: i16) -> f32 {
    f32::from(sample) / 32_768.0
}

/// One sample from -1..1 back to 16 bits; what lies outside is held at full scale, NaN is silence.
pub fn sample_to_i16(sample: f32) -> i16 {
    // A float cast saturates and turns NaN into 0, which is what we want of foreign sound.
    (sample * 32_768.0).round() as i16
}

/// Samples as numbers from -1 to just under 1.
pub fn to_f32(samples: &[i16]) -> Vec<f32> {
    samples.iter().copied().map(sample_to_f32).collect()
}

/// Samples from -1..1 back to 16 bits, held at full scale.
pub fn to_i16(samples: &[f32]) -> Vec<i16> {
    samples.iter().copied().map(sample_to_i16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bits_survive_the_way_to_float_and_back() {
        for s in i16::MIN..=i16::MAX {
            assert_eq!(sample_to_i16(sample_to_f32(s)), s);
        }
    }

    #[test]
    fn what_is_too_loud_or_no_number_is_held() {
        assert_eq!(to_i16(&[2.0, -2.0, f32::NAN, f32::INFINITY]), [i16::MAX, i16::MIN, 0, i16::MAX]);
    }
}
