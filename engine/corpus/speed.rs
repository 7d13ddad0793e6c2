//! Speaking faster or slower at the same pitch: overlapping pieces, each taken where it continues the last
//! one best (WSOLA: Verhelst and Roelands, 1993).

/// A piece, half of it overlapping with the next [samples at 8 kHz]: 30 ms, two periods of a low voice.
const PIECE: usize = 240;
const HOP: usize = PIECE / 2;

/// How far from its place a piece is looked for [samples]: one period of a low voice, 10 ms.
const REACH: usize = 80;

/// The slowest and the fastest that is made: beyond, nothing sounds like speech.
pub(crate) const SPEEDS: (f32, f32) = (0.5, 2.0);

/// `samples` at 8 kHz spoken `speed` times as fast, between 0.5 and 2; what is not a number counts as 1.
pub(crate) fn change(samples: &[i16], speed: f32) -> Vec<i16> {
    let speed = if speed.is_finite() { speed.clamp(SPEEDS.0, SPEEDS.1) } else { 1.0 };
    if (speed - 1.0).abs() < 1e-3 || samples.len() < 2 * PIECE {
        return samples.to_vec();
    }
    let length = (samples.len() as f64 / f64::from(speed)).round() as usize;
    let mut out = vec![0.0_f32; length + PIECE];
    let mut previous: Option<usize> = None;
    for at in (0..length).step_by(HOP) {
        let wanted = (at as f64 * f64::from(speed)) as usize;
        let from = match previous {
            // The natural continuation of the last piece is what the next one should look like.
            Some(p) => continuation(samples, p + HOP, wanted),
            None => wanted,
        };
        for (i, o) in out[at..at + PIECE].iter_mut().enumerate() {
            let sample = samples.get(from + i).map_or(0.0, |s| f32::from(*s));
            *o += sample * window(i, previous.is_none());
        }
        previous = Some(from);
    }
    out.truncate(length);
    out.iter().map(|s| s.round() as i16).collect()
}

/// A raised cosine, whose halves add up to 1; the very first piece begins at once.
fn window(i: usize, first: bool) -> f32 {
    if first && i < HOP {
        return 1.0;
    }
    let phase = (i as f32 + 0.5) / PIECE as f32;
    0.5 - 0.5 * (std::f32::consts::TAU * phase).cos()
}

/// The place near `wanted` whose piece is most like the one at `like`.
fn continuation(samples: &[i16], like: usize, wanted: usize) -> usize {
    let Some(model) = samples.get(like..like + PIECE) else { return wanted };
    let (from, to) = (wanted.saturating_sub(REACH), wanted + REACH);
    let (mut best, mut best_score) = (wanted, f32::MIN);
    for place in from..=to {
        let Some(piece) = samples.get(place..place + PIECE) else { break };
        let (mut product, mut energy) = (0.0_f32, 1.0_f32);
        for (a, b) in model.iter().zip(piece) {
            product += f32::from(*a) * f32::from(*b);
            energy += f32::from(*b) * f32::from(*b);
        }
        let score = product / energy.sqrt();
        if score > best_score {
            (best, best_score) = (place, score);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use waihu_audio::{energy::level_dbov, tone};

    use super::*;

    #[test]
    fn speech_is_shorter_or_longer_at_the_same_pitch_and_level() {
        let sound = tone::dual((150.0, 450.0), 2_000, -15.0, 8_000);
        for speed in [0.8, 1.25, 1.5] {
            let out = change(&sound, speed);
            assert_eq!(out.len(), (16_000.0 / speed).round() as usize);
            let change = level_dbov(&out[800..8_000]) - level_dbov(&sound[800..8_000]);
            assert!(change.abs() < 0.5, "{speed}: {change} dB");
            let (before, after) =
                (tone::amplitude_at(&sound, 450.0, 8_000), tone::amplitude_at(&out, 450.0, 8_000));
            assert!((after / before - 1.0).abs() < 0.15, "{speed}: {before} {after}");
        }
    }

    #[test]
    fn what_cannot_be_stretched_stays_as_it_is() {
        assert_eq!(change(&[5; 100], 2.0), [5; 100]);
        assert_eq!(change(&[5; 1_000], f32::NAN), [5; 1_000]);
        assert!(change(&[], 0.5).is_empty());
        assert_eq!(change(&[i16::MIN; 1_000], 100.0).len(), 500);
    }
}
