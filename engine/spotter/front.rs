//! From sound to what the network sees: where speech lies in it, and its log-mel frames.
//!
//! Frames of 32 ms every 10 ms, 40 mel bands from 60 to 3900 Hz. The level is taken out by one number for
//! the whole utterance and not band by band: with a word of one vowel that would take out the vowel.
//! Absent: voice activity over time; the caller says where an utterance begins and ends.

use std::f32::consts::PI;

/// Sample rate [Hz].
pub const RATE: usize = 8000;
/// Samples between frames.
pub const HOP: usize = 80;
/// Samples in a frame, and points of its Fourier transform.
pub const WINDOW: usize = 256;
/// Mel bands.
pub const BANDS: usize = 40;
/// Lower and upper edge of the bands [Hz]: below lies mains hum, above the telephone's filter.
const EDGES: (f32, f32) = (60.0, 3900.0);
/// The longest sound looked at [samples]: the longest answer with two seconds of silence around it.
pub const LONGEST_SOUND: usize = 36 * RATE / 10;
/// The longest speech looked at [frames]: no phrase of the list takes longer, however slowly said.
pub const LONGEST_SPEECH: usize = 160;
/// The shortest speech looked at [frames]: what is shorter is a click.
const SHORTEST_SPEECH: usize = 4;
/// Frames kept on either side of speech: weak consonants begin and end words.
const MARGIN: usize = 10;
/// Fewest frames given to the network: its view of a word.
const FEWEST: usize = 40;
/// Power of a sample below which there is nothing: −70 dBov of full scale 1.
const NOTHING: f32 = 1e-7;
/// A frame so far below the loudest is no speech [nepers of power]: 24 dB.
const BELOW_PEAK: f32 = 5.5;
/// The least share of the way from the noise up to the loudest frame at which speech begins.
const ABOVE_NOISE: f32 = 0.4;

/// Frames by bands.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// Row by row, [`BANDS`] values a frame, about −3 to 2.
    pub values: Vec<f32>,
    /// Rows.
    pub frames: usize,
}

/// The tables of the transform.
pub struct Front {
    window: Vec<f32>,
    turns: Vec<(f32, f32)>,
    /// For each band its first bin and its weights.
    bands: Vec<(usize, Vec<f32>)>,
}

impl Default for Front {
    fn default() -> Self {
        Self::new()
    }
}

impl Front {
    /// Makes the tables.
    pub fn new() -> Self {
        let window = (0..WINDOW).map(|n| 0.5 - 0.5 * (2.0 * PI * n as f32 / WINDOW as f32).cos()).collect();
        let turns = (0..WINDOW / 2)
            .map(|n| {
                let angle = -2.0 * PI * n as f32 / WINDOW as f32;
                (angle.cos(), angle.sin())
            })
            .collect();
        Self { window, turns, bands: bands() }
    }

    /// The frames of the speech in a sound at 8 kHz; `None` where there is none, or too much of it.
    pub fn hear(&self, samples: &[i16]) -> Option<Features> {
        if samples.len() > LONGEST_SOUND || samples.len() < WINDOW {
            return None;
        }
        let mel = self.mel(samples);
        let levels: Vec<f32> = mel.chunks_exact(BANDS).map(|f| f.iter().sum::<f32>().ln()).collect();
        let (first, last) = speech(&levels)?;
        let loud = rank(&levels[first..=last], 0.9) - (BANDS as f32).ln();
        let (from, to) = (first.saturating_sub(MARGIN), (last + 1 + MARGIN).min(levels.len()));
        let frames = (to - from).max(FEWEST);
        let mut values = vec![-3.0; frames * BANDS];
        for (value, power) in values.iter_mut().zip(&mel[from * BANDS..to * BANDS]) {
            *value = ((power.ln() - loud + 3.0) / 3.0).clamp(-3.0, 3.0);
        }
        Some(Features { values, frames })
    }

    /// The power in each band of each frame, never 0.
    fn mel(&self, samples: &[i16]) -> Vec<f32> {
        let mut mel = Vec::with_capacity((samples.len() / HOP + 1) * BANDS);
        let mut points = [(0.0, 0.0); WINDOW];
        let mut power = [0.0; WINDOW / 2];
        for frame in samples.windows(WINDOW).step_by(HOP) {
            for ((point, sample), weight) in points.iter_mut().zip(frame).zip(&self.window) {
                *point = (f32::from(*sample) / 32_768.0 * weight, 0.0);
            }
            self.transform(&mut points);
            for (p, (re, im)) in power.iter_mut().zip(&points) {
                *p = (re * re + im * im) / WINDOW as f32;
            }
            mel.extend(self.bands.iter().map(|(first, weights)| {
                NOTHING + weights.iter().zip(&power[*first..]).map(|(w, p)| w * p).sum::<f32>()
            }));
        }
        mel
    }

    /// The discrete Fourier transform in place, radix 2, decimation in time.
    fn transform(&self, points: &mut [(f32, f32); WINDOW]) {
        for n in 0..WINDOW {
            let swapped = n.reverse_bits() >> (usize::BITS - WINDOW.trailing_zeros());
            if swapped > n {
                points.swap(n, swapped);
            }
        }
        let mut half = 1;
        while half < WINDOW {
            let stride = WINDOW / 2 / half;
            for block in points.chunks_exact_mut(2 * half) {
                let (low, high) = block.split_at_mut(half);
                for ((a, b), (cos, sin)) in low.iter_mut().zip(high).zip(self.turns.iter().step_by(stride)) {
                    let turned = (b.0 * cos - b.1 * sin, b.0 * sin + b.1 * cos);
                    *b = (a.0 - turned.0, a.1 - turned.1);
                    *a = (a.0 + turned.0, a.1 + turned.1);
                }
            }
            half *= 2;
        }
    }
}

/// The first and last frame of speech by the levels of all frames [nepers of power].
fn speech(levels: &[f32]) -> Option<(usize, usize)> {
    let peak = levels.iter().copied().fold(f32::MIN, f32::max);
    // Twice the least that a frame can have: digital silence and the idle pattern of A-law.
    if peak < (2.0 * BANDS as f32 * NOTHING).ln() {
        return None;
    }
    let noise = rank(levels, 0.1);
    let least = (peak - BELOW_PEAK).max(noise + ABOVE_NOISE * (peak - noise));
    let first = levels.iter().position(|l| *l >= least)?;
    let last = levels.iter().rposition(|l| *l >= least)?;
    let length = last - first + 1;
    (SHORTEST_SPEECH..=LONGEST_SPEECH).contains(&length).then_some((first, last))
}

/// The value below which a share of the values lies.
fn rank(values: &[f32], share: f32) -> f32 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    let place = (sorted.len().saturating_sub(1) as f32 * share) as usize;
    sorted.get(place).copied().unwrap_or_default()
}

/// Triangles of equal width in mels (O'Shaughnessy's formula), each of sum 1 at least one bin wide.
fn bands() -> Vec<(usize, Vec<f32>)> {
    let mel = |hz: f32| 2595.0 * (1.0 + hz / 700.0).log10();
    let hz = |mel: f32| 700.0 * (10f32.powf(mel / 2595.0) - 1.0);
    let (low, high) = (mel(EDGES.0), mel(EDGES.1));
    let edge = |n: usize| hz(low + (high - low) * n as f32 / (BANDS + 1) as f32);
    let bin = RATE as f32 / WINDOW as f32;
    (0..BANDS)
        .map(|band| {
            let (left, top, right) = (edge(band), edge(band + 1), edge(band + 2));
            // A narrow band still reaches the bins on either side of its top.
            let (left, right) = (left.min(top - bin), right.max(top + bin));
            let weight = |n: usize| {
                let f = n as f32 * bin;
                if f <= top { (f - left) / (top - left) } else { (right - f) / (right - top) }
            };
            let reach: Vec<usize> = (0..WINDOW / 2).filter(|n| weight(*n) > 0.0).collect();
            let first = reach.first().copied().unwrap_or_default();
            let weights: Vec<f32> = reach.iter().map(|n| weight(*n)).collect();
            let sum: f32 = weights.iter().sum();
            (first, weights.into_iter().map(|w| w / sum).collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f32, ms: usize, amplitude: f32) -> Vec<i16> {
        (0..ms * 8).map(|n| (amplitude * (2.0 * PI * hz * n as f32 / 8000.0).sin()) as i16).collect()
    }

    fn between_silence(sound: &[i16]) -> Vec<i16> {
        [vec![0; 2400], sound.to_vec(), vec![0; 3200]].concat()
    }

    #[test]
    fn a_tone_stands_in_its_own_band() {
        let features = Front::new().hear(&between_silence(&tone(1000.0, 400, 8000.0))).unwrap();
        let middle = &features.values[features.frames / 2 * BANDS..][..BANDS];
        let loudest = (0..BANDS).max_by(|a, b| middle[*a].total_cmp(&middle[*b])).unwrap();
        // 1000 Hz is 1000 mel; the bands are 50 mel apart from 98 mel on.
        assert!((16..=18).contains(&loudest), "band {loudest}");
    }

    #[test]
    fn silence_around_speech_is_cut_and_its_level_does_not_matter() {
        let front = Front::new();
        let loud = front.hear(&between_silence(&tone(500.0, 400, 8000.0))).unwrap();
        let low = front.hear(&between_silence(&tone(500.0, 400, 800.0))).unwrap();
        assert!((55..=70).contains(&loud.frames), "{}", loud.frames);
        let band = 9;
        let at = |f: &Features| f.values[f.frames / 2 * BANDS + band];
        assert!((at(&loud) - at(&low)).abs() < 0.05);
    }

    #[test]
    fn silence_clicks_and_long_speech_are_not_looked_at() {
        let front = Front::new();
        assert_eq!(front.hear(&[0; 8000]), None);
        assert_eq!(front.hear(&[8; 8000]), None, "the idle pattern of A-law");
        assert_eq!(front.hear(&between_silence(&tone(500.0, 1700, 8000.0))), None);
        assert_eq!(front.hear(&tone(500.0, 10_000, 8000.0)), None);
        assert_eq!(front.hear(&[]), None);
    }
}
