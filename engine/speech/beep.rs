//! The tone by which a voicemail box says that it records.

use waihu_audio::Frame;

/// This many frames of one steady tone [20 ms each] are a beep: boxes give 250 ms and more, and no
/// voice holds so pure a tone for so long.
const FRAMES: u32 = 11;

/// A frame is a tone where at most this share of its energy is not foretold by its last two
/// samples. A sine is foretold wholly; A-law noise leaves 0.02 %, the purest vowels 3 %.
const MAX_RESIDUE: f64 = 0.01;

/// Mean square of a sample below which nothing is judged (about -40 dBov).
const MIN_POWER: f64 = 107_000.0;

/// From one frame to the next the tone may move by this much, in 2·cos ω. Dial tones and
/// announcements glide further.
const MAX_GLIDE: f64 = 0.02;

/// 2·cos ω of 350 Hz and 2 kHz at 8 kHz: below lie hum and hold tones, above fax.
const BAND: std::ops::RangeInclusive<f64> = -0.1..=1.925;

/// Finds the first beep in a stream of frames.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BeepDetector {
    frames: u32,
    last: f64,
}

impl BeepDetector {
    /// Takes the next frame; true in the frame in which a beep is certain.
    pub(crate) fn push(&mut self, frame: &Frame) -> bool {
        match tone(frame) {
            Some(c) if self.frames > 0 && (c - self.last).abs() <= MAX_GLIDE => {
                self.frames += 1;
                self.last = c;
            }
            Some(c) => *self = Self { frames: 1, last: c },
            None => self.frames = 0,
        }
        self.frames == FRAMES
    }
}

/// 2·cos ω of the single tone in `frame`, where it is one: x[n] = 2·cos ω·x[n-1] - x[n-2] holds
/// for a sine and nothing else.
fn tone(frame: &Frame) -> Option<f64> {
    let x = |i: usize| f64::from(frame[i]);
    let (mut cross, mut square) = (0.0, 0.0);
    for n in 2..frame.len() {
        cross += (x(n) + x(n - 2)) * x(n - 1);
        square += x(n - 1) * x(n - 1);
    }
    if square < MIN_POWER * frame.len() as f64 {
        return None;
    }
    let c = cross / square;
    let residue: f64 = (2..frame.len()).map(|n| (x(n) + x(n - 2) - c * x(n - 1)).powi(2)).sum();
    (BAND.contains(&c) && residue <= MAX_RESIDUE * square).then_some(c)
}

#[cfg(test)]
mod tests {
    use waihu_audio::{g711::Law, tone};

    use super::*;

    fn beeps(samples: &[i16]) -> usize {
        let mut detector = BeepDetector::default();
        samples.as_chunks().0.iter().filter(|frame| detector.push(frame)).count()
    }

    #[test]
    fn a_beep_through_the_telephone_is_found_once() {
        for hz in [440.0, 1000.0, 1400.0] {
            let line: Vec<i16> = tone::sine(hz, 600, -12.0, 8_000)
                .into_iter()
                .map(|s| Law::A.decode(Law::A.encode(s)))
                .collect();
            assert_eq!(beeps(&line), 1, "{hz} Hz");
        }
    }

    #[test]
    fn keys_short_tones_and_noise_are_no_beep() {
        assert_eq!(beeps(&tone::dual((697.0, 1209.0), 600, -12.0, 8_000)), 0);
        assert_eq!(beeps(&tone::sine(1000.0, 120, -12.0, 8_000)), 0);
        let mut seed = 1u32;
        let noise: Vec<i16> = (0..8_000)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 18) as i16
            })
            .collect();
        assert_eq!(beeps(&noise), 0);
    }
}
