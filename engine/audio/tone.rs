//! Tones: one or two sines, the DTMF pairs (ITU-T Q.23), and what a line says by tones: ringback, busy,
//! congestion, hold, special information (ITU-T E.180, E.182). They are samples to play in a loop.

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

/// Busy in China: 450 Hz, 0.35 s on, 0.35 s off.
pub const BUSY_CN: Cadence = Cadence { frequencies: (450.0, 450.0), on_ms: 350, off_ms: 350 };

/// Busy in North America: 480 and 620 Hz, 0.5 s on, 0.5 s off.
pub const BUSY_US: Cadence = Cadence { frequencies: (480.0, 620.0), on_ms: 500, off_ms: 500 };

/// Congestion in China: 450 Hz, 0.7 s on, 0.7 s off.
pub const CONGESTION_CN: Cadence = Cadence { frequencies: (450.0, 450.0), on_ms: 700, off_ms: 700 };

/// Whoever is on hold is not alone: a short soft tone every 10 s (call holding tone, ITU-T E.182; each
/// administration has its own, this one is China's pitch).
pub const HOLD: Cadence = Cadence { frequencies: (450.0, 450.0), on_ms: 400, off_ms: 9_600 };

/// The special information tone before "the number you have dialled" (ITU-T E.180, 6): 950, 1400 and
/// 1800 Hz, 330 ms each, then 1 s of nothing; at `level` [dBov of the sine] and `rate` [Hz].
pub fn special_information(level: f32, rate: u32) -> Vec<i16> {
    let mut out = Vec::new();
    for frequency in [950.0, 1_400.0, 1_800.0] {
        out.extend(sine(frequency, 330, level, rate));
    }
    out.extend(silence(1_000, rate));
    out
}

impl Cadence {
    /// One period at 8 kHz, at `level` [dBov a sine].
    pub fn period(&self, level: f32) -> Vec<i16> {
        self.period_at(level, RATE_8K)
    }

    /// One period at `rate` [Hz]: a loop of it is heard without a click, as a silence is between.
    pub fn period_at(&self, level: f32, rate: u32) -> Vec<i16> {
        let (a, b) = self.frequencies;
        let mut out =
            if a == b { sine(a, self.on_ms, level, rate) } else { dual((a, b), self.on_ms, level, rate) };
        out.extend(silence(self.off_ms, rate));
        out
    }
}

/// A steady tone as a loop: one second at `rate` [Hz], whose end joins its beginning without a click.
/// The frequencies are brought to whole numbers [Hz] for that.
pub fn steady(frequencies: (f32, f32), level: f32, rate: u32) -> Vec<i16> {
    let (a, b) = (frequencies.0.round(), frequencies.1.round());
    if a == b { sine(a, 1_000, level, rate) } else { dual((a, b), 1_000, level, rate) }
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
    fn every_tone_has_its_cadence_at_both_rates() {
        for (cadence, ms) in [(BUSY_CN, 700), (BUSY_US, 1_000), (CONGESTION_CN, 1_400), (HOLD, 10_000)] {
            for rate in [8_000, 16_000] {
                let p = cadence.period_at(-20.0, rate);
                assert_eq!(p.len(), samples_in(ms, rate));
                let on = samples_in(cadence.on_ms, rate);
                assert!(amplitude_at(&p[..on], cadence.frequencies.1, rate) > 0.12);
                assert!(p[on..].iter().all(|s| *s == 0));
            }
        }
        let sit = special_information(-20.0, 8_000);
        assert_eq!(sit.len(), 3 * 2_640 + 8_000);
        for (n, f) in [950.0, 1_400.0, 1_800.0].into_iter().enumerate() {
            assert!(amplitude_at(&sit[n * 2_640..(n + 1) * 2_640], f, 8_000) > 0.13);
        }
    }

    #[test]
    fn a_loop_of_a_steady_tone_does_not_click() {
        for rate in [8_000, 16_000] {
            let tone = steady((350.0, 440.2), -15.0, rate);
            assert_eq!(tone.len(), rate as usize);
            let steepest = tone.windows(2).map(|w| (w[1] - w[0]).abs()).max();
            assert!(Some((tone[0] - tone[tone.len() - 1]).abs()) <= steepest);
        }
    }

    #[test]
    fn ringback_rings_and_pauses() {
        let p = RINGBACK_US.period(-20.0);
        assert_eq!(p.len(), 48_000);
        assert!(amplitude_at(&p[..16_000], 480.0, 8_000) > 0.1);
        assert!(p[16_000..].iter().all(|s| *s == 0));
    }
}
