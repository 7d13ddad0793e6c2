//! How loud a stretch of sound is, in dBov (RFC 6465: 0 dBov is the loudest the format can hold,
//! a full-scale square wave; a full-scale sine is about -3).

/// What silence counts as [dBov]; the lowest level RFC 6465 can say.
pub const SILENCE_DBOV: f32 = -127.0;

/// Root mean square of samples in -1..1; 0 for none.
pub fn rms(samples: &[f32]) -> f32 {
    if samples.is_empty() {
        return 0.0;
    }
    let sum: f64 = samples.iter().map(|s| f64::from(*s) * f64::from(*s)).sum();
    (sum / samples.len() as f64).sqrt() as f32
}

/// The level of 16-bit samples, from -127 to 0 [dBov].
pub fn level_dbov(samples: &[i16]) -> f32 {
    if samples.is_empty() {
        return SILENCE_DBOV;
    }
    let sum: i64 = samples.iter().map(|s| i64::from(*s) * i64::from(*s)).sum();
    let mean = sum as f64 / samples.len() as f64;
    to_dbov((mean.sqrt() / 32_768.0) as f32)
}

/// An amplitude (1 is full scale) as a level, from -127 to 0 [dBov].
pub fn to_dbov(amplitude: f32) -> f32 {
    (20.0 * amplitude.log10()).clamp(SILENCE_DBOV, 0.0)
}

/// A level [dBov] as an amplitude (1 is full scale).
pub fn from_dbov(level: f32) -> f32 {
    10_f32.powf(level / 20.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone;

    #[test]
    fn the_levels_of_known_sounds_are_known() {
        assert_eq!(level_dbov(&[0; 160]), SILENCE_DBOV);
        assert_eq!(level_dbov(&[]), SILENCE_DBOV);
        assert!(level_dbov(&[i16::MIN; 160]).abs() < 0.001);
        let sine = tone::sine(1_000.0, 100, -3.0, 8_000);
        assert!((level_dbov(&sine) + 3.0).abs() < 0.1, "{}", level_dbov(&sine));
        assert!((from_dbov(to_dbov(0.25)) - 0.25).abs() < 1e-5);
    }
}
