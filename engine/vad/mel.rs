//! The log-mel picture that Whisper's feature extractor makes, of 8 s at 16 kHz.
//!
//! As the extractor has it: a Hann window of 25 ms every 10 ms, centred and reflected at the ends, power,
//! 80 triangles on Slaney's mel scale (1000 Hz is 15 mel, linear below, logarithmic above) with equal
//! areas, log₁₀ with a floor of 80 dB under the loudest, (x + 4) / 4. Smart Turn wants the sound at zero
//! mean and unit variance first, over the whole 8 s, and shorter sound at the end of them.

use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex32};

/// The rate of the sound [Hz].
const RATE: usize = 16_000;
/// Samples of a picture: 8 s.
pub(crate) const SAMPLES: usize = 8 * RATE;
/// Samples under a window: 25 ms.
const WINDOW: usize = 400;
/// Samples from one window to the next: 10 ms.
const HOP: usize = 160;
/// Bands.
pub(crate) const BANDS: usize = 80;
/// Windows in a picture.
pub(crate) const FRAMES: usize = SAMPLES / HOP;
/// Below this power a band is silent.
const FLOOR: f32 = 1e-10;
/// Added to the variance, so that silence is not divided by nothing.
const EPSILON: f64 = 1e-7;

/// One band: its first bin and the weights from there on.
struct Band {
    first: usize,
    weights: Vec<f32>,
}

/// Makes pictures; its tables and buffers are made once.
pub(crate) struct LogMel {
    fft: Arc<dyn RealToComplex<f32>>,
    hann: Vec<f32>,
    bands: Vec<Band>,
    sound: Vec<f32>,
    windowed: Vec<f32>,
    bins: Vec<Complex32>,
    scratch: Vec<Complex32>,
    power: Vec<f32>,
    picture: Vec<f32>,
}

impl LogMel {
    pub(crate) fn new() -> Self {
        let fft = RealFftPlanner::new().plan_fft_forward(WINDOW);
        let hann = (0..WINDOW)
            .map(|n| (0.5 - 0.5 * (std::f64::consts::TAU * n as f64 / WINDOW as f64).cos()) as f32)
            .collect();
        Self {
            hann,
            bands: bands(),
            sound: Vec::with_capacity(SAMPLES + WINDOW),
            windowed: fft.make_input_vec(),
            bins: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            power: vec![0.0; WINDOW / 2 + 1],
            picture: vec![0.0; BANDS * FRAMES],
            fft,
        }
    }

    /// The picture of the last 8 s of `samples`, band after band, `FRAMES` values each. Shorter sound lies at
    /// its end.
    pub(crate) fn picture(&mut self, samples: &[f32]) -> &[f32] {
        let samples = &samples[samples.len().saturating_sub(SAMPLES)..];
        let padding = SAMPLES - samples.len();
        self.lay_out(samples, padding);
        // Windows that see the padding alone are all alike: one of them is computed.
        let alike = if padding < WINDOW { 0 } else { (padding - WINDOW / 2) / HOP };
        let mut loudest = f32::NEG_INFINITY;
        for frame in alike..FRAMES {
            self.transform(frame);
            for (band, row) in self.bands.iter().zip(self.picture.chunks_exact_mut(FRAMES)) {
                let bins = &self.power[band.first..];
                let power: f32 = band.weights.iter().zip(bins).map(|(w, p)| w * p).sum();
                let log = power.max(FLOOR).log10();
                loudest = loudest.max(log);
                row[frame] = log;
            }
        }
        for row in self.picture.chunks_exact_mut(FRAMES) {
            let (before, rest) = row.split_at_mut(alike);
            before.fill(rest[0]);
            for log in row {
                *log = (log.max(loudest - 8.0) + 4.0) / 4.0;
            }
        }
        &self.picture
    }

    /// The sound behind its padding, at zero mean and unit variance, with half a window reflected at both ends.
    fn lay_out(&mut self, samples: &[f32], padding: usize) {
        let whole = SAMPLES as f64;
        let mean = samples.iter().map(|s| f64::from(*s)).sum::<f64>() / whole;
        let squares: f64 = samples.iter().map(|s| (f64::from(*s) - mean).powi(2)).sum();
        let variance = (squares + padding as f64 * mean * mean) / whole;
        let scale = 1.0 / (variance + EPSILON).sqrt();
        let level = |s: f32| ((f64::from(s) - mean) * scale) as f32;
        let half = WINDOW / 2;
        self.sound.clear();
        self.sound.resize(half + padding, level(0.0));
        self.sound.extend(samples.iter().map(|s| level(*s)));
        for i in 1..=half {
            self.sound[half - i] = self.sound[half + i];
        }
        for i in 0..half {
            self.sound.push(self.sound[half + SAMPLES - 2 - i]);
        }
    }

    /// The power of each bin of a window.
    fn transform(&mut self, frame: usize) {
        let sound = &self.sound[frame * HOP..][..WINDOW];
        for ((out, s), h) in self.windowed.iter_mut().zip(sound).zip(&self.hann) {
            *out = s * h;
        }
        // It only refuses buffers of another size, and these are its own.
        let done = self.fft.process_with_scratch(&mut self.windowed, &mut self.bins, &mut self.scratch);
        debug_assert!(done.is_ok());
        for (power, bin) in self.power.iter_mut().zip(&self.bins) {
            *power = bin.norm_sqr();
        }
    }
}

/// Slaney's scale: frequency [Hz] of a mel.
fn hertz(mel: f64) -> f64 {
    if mel < 15.0 { mel * 200.0 / 3.0 } else { 1_000.0 * ((mel - 15.0) * 6.4f64.ln() / 27.0).exp() }
}

/// The triangles over the bins, each with a weight of 2 / its width in hertz at its top.
fn bands() -> Vec<Band> {
    let top = 15.0 + (RATE as f64 / 2.0 / 1_000.0).ln() * 27.0 / 6.4f64.ln();
    let corner = |n: usize| hertz(top * n as f64 / (BANDS + 1) as f64);
    let bin = |k: usize| (k * RATE) as f64 / WINDOW as f64;
    (0..BANDS)
        .map(|n| {
            let (low, middle, high) = (corner(n), corner(n + 1), corner(n + 2));
            let weight = |hz: f64| {
                let slope = ((hz - low) / (middle - low)).min((high - hz) / (high - middle));
                (slope.max(0.0) * 2.0 / (high - low)) as f32
            };
            let all: Vec<f32> = (0..=WINDOW / 2).map(|k| weight(bin(k))).collect();
            let first = all.iter().position(|w| *w > 0.0).unwrap_or(0);
            let last = all.iter().rposition(|w| *w > 0.0).unwrap_or(0);
            Band { first, weights: all[first..=last].to_vec() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_lies_at_the_end_and_padding_is_one_colour() {
        let mut mel = LogMel::new();
        let tone: Vec<f32> = (0..RATE).map(|n| (n as f32 * 0.4).sin() * 0.2).collect();
        let picture = mel.picture(&tone).to_vec();
        for row in picture.chunks_exact(FRAMES) {
            assert!(row[..690].iter().all(|v| *v == row[0]), "before the sound nothing changes");
        }
        // 0.4 rad a sample is 1,018 Hz: the band over it is the loudest one.
        let loudest =
            (0..BANDS).max_by(|a, b| picture[a * FRAMES + 750].total_cmp(&picture[b * FRAMES + 750]));
        let corner = |n: usize| hertz((15.0 + 8f64.ln() * 27.0 / 6.4f64.ln()) * n as f64 / 81.0);
        let band = loudest.unwrap();
        assert!((corner(band)..corner(band + 2)).contains(&1_018.6), "{band}");
    }

    #[test]
    fn what_is_loud_or_faint_looks_the_same() {
        let mut mel = LogMel::new();
        let loud: Vec<f32> = (0..2 * SAMPLES).map(|n| ((n * n % 7_919) as f32 / 7_919.0) - 0.5).collect();
        let faint: Vec<f32> = loud.iter().map(|s| s / 16.0).collect();
        let first = mel.picture(&loud).to_vec();
        let second = mel.picture(&faint);
        assert!(first.iter().zip(second).all(|(a, b)| (a - b).abs() < 1e-3));
    }

    #[test]
    fn shortcuts_change_nothing() {
        let mut mel = LogMel::new();
        let sound: Vec<f32> = (0..3_333).map(|n| ((n * 31 % 97) as f32 / 97.0) - 0.5).collect();
        let short = mel.picture(&sound).to_vec();
        let mut padded = vec![0.0; SAMPLES - sound.len()];
        padded.extend(&sound);
        assert_eq!(short, mel.picture(&padded), "the same 8 s, its silence given or not");
    }
}
