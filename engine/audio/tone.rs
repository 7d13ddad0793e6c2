//! Tones: one or two sines, the DTMF pairs (ITU-T Q.23) and ringback (ITU-T E.180).

use std::f64::consts::TAU;

use crate::{energy::from_dbov, frame::RATE_8K};

/// A sine of `ms` at `level` [dBov of the sine itself] and `rate` [Hz], 16 bits.
pub fn sine(frequency: f32, ms: u32, level: f32, rate: u32) -> Vec<i16> {
    sum(&[frequency], ms, level, rate)
}

/// Two sines at once, each at `level` [dBov].
pub fn dual(frequencies: (f32, f32), ms: u32, level: f32, rate: u32) -> Vec<i16> {
    sum(&[frequencies.0, frequencies.1], ms, level, rate)
}

/// `ms` of nothing.
pub fn silence(ms: u32, rate: u32) -> Vec<i16> {
    vec![0; samples_in(ms, rate)]
}

fn samples_in(ms: u32, rate: u32) -> usize {
    (u64::from(ms) * u64::from(rate) / 1_000) as usize
}

fn sum(frequencies: &[f32], ms: u32, level: f32, rate: u32) -> Vec<i16> {
    // The root mean square of a sine is its peak / √2.
    let peak = f64::from(from_dbov(level)) * std::f64::consts::SQRT_2 * 32_768.0;
    (0..samples_in(ms, rate))
        .map(|n| {
            let t = n as f64 / f64::from(rate);
            let s: f64 = frequencies.iter().map(|f| (TAU * f64::from(*f) * t).sin()).sum();
            (s * peak).round() as i16
        })
        .collect()
}

/// The two frequencies of a key (0-9, `*`, `#`, A-D) [Hz]; `None` for any other character.
pub fn dtmf(digit: char) -> Option<(f32, f32)> {
    const KEYS: &str = "123A456B789C*0#D";
    const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
    const COLUMNS: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
    let n = KEYS.find(digit.to_ascii_uppercase())?;
    Some((ROWS[n / 4], COLUMNS[n % 4]))
}

/// A tone that comes and goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cadence {
    /// What is heard; the same number twice is one sine [Hz].
    pub frequencies: (f32, f32),
    /// How long it is heard [ms].
    pub on_ms: u32,
    /// How long it is not [ms].
    pub off_ms: u32,
}

/// Ringback in China: 450 Hz, 1 s on, 4 s off.
pub const RINGBACK_CN: Cadence = Cadence { frequencies: (450.0, 450.0), on_ms: 1_000, off_ms: 4_000 };

/// Ringback in North America: 440 and 480 Hz, 2 s on, 4 s off.
pub const RINGBACK_US: Cadence = Cadence { frequencies: (440.0, 480.0), on_ms: 2_000, off_ms: 4_000 };

impl Cadence {
    /// One period at 8 kHz, at `level` [dBov a sine].
    pub fn period(&self, level: f32) -> Vec<i16> {
        let (a, b) = self.frequencies;
        let mut out = if a == b {
            sine(a, self.on_ms, level, RATE_8K)
        } else {
            dual((a, b), self.on_ms, level, RATE_8K)
        };
        out.extend(silence(self.off_ms, RATE_8K));
        out
    }
}

/// How much of `frequency` is in `samples`: the amplitude of that sine, 1 is full scale
/// (Goertzel's algorithm).
pub fn amplitude_at(samples: &[i16], frequency: f32, rate: u32) -> f32 {
    if samples.is_empty() {
        return 0.0;
    }
    let w = TAU * f64::from(frequency) / f64::from(rate);
    let c = 2.0 * w.cos();
    let (mut s1, mut s2) = (0.0_f64, 0.0_f64);
    for x in samples {
        (s1, s2) = (f64::from(*x) / 32_768.0 + c * s1 - s2, s1);
    }
    let power = (s1 * s1 + s2 * s2 - c * s1 * s2).max(0.0);
    (2.0 * power.sqrt() / samples.len() as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_has_its_length_and_its_pitch_and_no_other() {
        let t = sine(1_000.0, 250, -13.0, 8_000);
        assert_eq!(t.len(), 2_000);
        assert!((amplitude_at(&t, 1_000.0, 8_000) - from_dbov(-13.0) * 1.414).abs() < 0.005);
        assert!(amplitude_at(&t, 1_400.0, 8_000) < 0.002);
    }

    #[test]
    fn every_key_has_its_two_tones() {
        assert_eq!(dtmf('5'), Some((770.0, 1_336.0)));
        assert_eq!(dtmf('#'), Some((941.0, 1_477.0)));
        assert_eq!(dtmf('d'), Some((941.0, 1_633.0)));
        assert_eq!(dtmf('E'), None);
        assert_eq!(dtmf('é'), None);
        let t = dual((770.0, 1_336.0), 100, -10.0, 8_000);
        assert!(amplitude_at(&t, 770.0, 8_000) > 0.3 && amplitude_at(&t, 1_336.0, 8_000) > 0.3);
    }

    #[test]
    fn ringback_rings_and_pauses() {
        let p = RINGBACK_US.period(-20.0);
        assert_eq!(p.len(), 48_000);
        assert!(amplitude_at(&p[..16_000], 480.0, 8_000) > 0.1);
        assert!(p[16_000..].iter().all(|s| *s == 0));
    }
}
