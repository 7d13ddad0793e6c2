//! How high a voice speaks: the median pitch of an utterance, by autocorrelation.
//!
//! Good enough to tell that somebody speaks higher than before; not for singing. Absent: tracking from frame
//! to frame, and the pitch of music.

/// A window: 40 ms at 8 kHz, two and a half periods of the lowest voice [samples].
const WINDOW: usize = 320;
/// From one window to the next: 20 ms [samples].
const HOP: usize = 160;
/// Periods looked at: 400 down to 62 Hz at 8 kHz [samples].
const PERIODS: std::ops::RangeInclusive<usize> = 20..=128;
/// A window whose best period is less like itself than this is no voice.
const VOICED: f32 = 0.6;
/// Windows softer than this are not looked at [dBov].
const SOFT_DBOV: f32 = -50.0;
/// With fewer windows of voice than these nothing is told: 100 ms.
const LEAST_WINDOWS: usize = 5;

/// The median pitch of the voiced windows of an utterance at 8 kHz [Hz]; none where there is hardly a voice.
pub fn median_pitch(samples: &[i16]) -> Option<f32> {
    let mut pitches: Vec<f32> = samples
        .windows(WINDOW)
        .step_by(HOP)
        .filter(|w| crate::energy::level_dbov(w) > SOFT_DBOV)
        .filter_map(pitch)
        .collect();
    if pitches.len() < LEAST_WINDOWS {
        return None;
    }
    let middle = pitches.len() / 2;
    Some(*pitches.select_nth_unstable_by(middle, f32::total_cmp).1)
}

/// The pitch of one window [Hz], where it is voiced.
fn pitch(window: &[i16]) -> Option<f32> {
    let mean = window.iter().map(|s| f32::from(*s)).sum::<f32>() / window.len() as f32;
    let mut x = [0.0; WINDOW];
    for (x, s) in x.iter_mut().zip(window) {
        *x = f32::from(*s) - mean;
    }
    let likeness = |period: usize| {
        let (a, b) = (&x[..WINDOW - period], &x[period..]);
        let (mut ab, mut aa, mut bb) = (0.0f32, 1.0f32, 1.0f32);
        for (a, b) in a.iter().zip(b) {
            ab += a * b;
            aa += a * a;
            bb += b * b;
        }
        ab / (aa * bb).sqrt()
    };
    let all: Vec<f32> = PERIODS.map(likeness).collect();
    let best = all.iter().copied().fold(0.0, f32::max);
    if best < VOICED {
        return None;
    }
    // Twice and three times the period are as alike: the first peak that comes near the best is it.
    let first =
        (1..all.len() - 1).find(|i| all[*i] >= 0.9 * best && all[*i] >= all[i - 1] && all[*i] >= all[i + 1]);
    let period = PERIODS.start() + first.or_else(|| all.iter().position(|l| *l == best))?;
    Some(8_000.0 / period as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pulses at a pitch, through something like a mouth.
    fn voice(hz: f32, samples: usize) -> Vec<i16> {
        let (mut y1, mut y2, mut phase) = (0.0f32, 0.0f32, 0.0f32);
        let step = hz / 8_000.0;
        let one = |_| {
            phase += step;
            let pulse = if phase >= 1.0 {
                phase -= 1.0;
                4_000.0
            } else {
                0.0
            };
            // A resonance near 700 Hz.
            let y = pulse + 1.62 * y1 - 0.9 * y2;
            (y2, y1) = (y1, y);
            y as i16
        };
        (0..samples).map(one).collect()
    }

    #[test]
    fn the_pitch_of_low_and_high_voices_is_told_to_a_few_percent() {
        for hz in [75.0, 110.0, 150.0, 220.0, 300.0, 380.0] {
            let told = median_pitch(&voice(hz, 8_000)).unwrap();
            assert!((told / hz - 1.0).abs() < 0.05, "{hz} Hz was told as {told}");
        }
    }

    #[test]
    fn silence_noise_and_clicks_have_none() {
        assert_eq!(median_pitch(&[]), None);
        assert_eq!(median_pitch(&[0; 8_000]), None);
        assert_eq!(median_pitch(&[i16::MIN; 8_000]), None);
        let mut seed = 7u32;
        let noise: Vec<i16> = (0..8_000)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 18) as i16 - 8_192
            })
            .collect();
        assert_eq!(median_pitch(&noise), None);
        assert_eq!(median_pitch(&voice(150.0, 500)), None, "hardly a syllable");
    }
}
