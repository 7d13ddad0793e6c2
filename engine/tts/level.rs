//! From the sentences that a model gave to one clip: silence cut, level made even, rests between.

use waihu_audio::{energy, loudness};
use waihu_phonetics::Break;

use crate::Speech;

/// The level of a clip [dBov of the RMS over the speech]. Above the level of live telephone speech, so
/// that a prompt is heard on a loud street, and below where G.711 clips.
const TARGET_DBOV: f32 = -19.0;
/// A stretch this far below the loudest one is silence [dB].
const SILENCE_BELOW_DB: f32 = 40.0;
/// The stretch [s].
const STRETCH_S: f32 = 0.01;
/// What is left of the silence at each end, so that no first or last sound is cut [stretches].
const MARGIN: usize = 3;

/// The rest after a sentence [s], at normal speed.
fn rest_s(ends: Break) -> f32 {
    match ends {
        Break::Full => 0.32,
        Break::Half => 0.22,
        Break::None => 0.12,
    }
}

/// No sample of speech is larger; the models keep within ±1 but for their own faults.
const LARGEST: f32 = 1.5;
/// Samples silenced on both sides of a fault, and faded beyond [samples].
const AROUND: usize = 64;

fn is_fault(sample: f32) -> bool {
    !sample.is_finite() || sample.abs() > LARGEST
}

/// Silences the faults of a model's output: samples that are no number, or far too large.
///
/// Kokoro in int8 overflows now and then in the last few milliseconds of a clip. One such sample would
/// make the whole clip inaudible once its level is set, and resamplers panic at it.
pub(crate) fn mend(samples: &mut [f32]) {
    let faults: Vec<usize> =
        samples.iter().enumerate().filter(|(_, s)| is_fault(**s)).map(|(n, _)| n).collect();
    for at in faults {
        let from = at.saturating_sub(2 * AROUND);
        let to = (at + 2 * AROUND + 1).min(samples.len());
        for (n, s) in samples.iter_mut().enumerate().take(to).skip(from) {
            let away = n.abs_diff(at).saturating_sub(AROUND);
            *s = if away == 0 || is_fault(*s) { 0.0 } else { *s * away as f32 / AROUND as f32 };
        }
    }
}

/// One clip out of the sentences, each with how it ends.
pub(crate) fn joined(parts: Vec<(Vec<f32>, Break)>, rate: u32, speed: f32, dropped: Vec<char>) -> Speech {
    let mut speech: Vec<f32> = Vec::new();
    let mut ends: Vec<(usize, Break)> = Vec::new();
    for (mut samples, end) in parts {
        mend(&mut samples);
        speech.extend_from_slice(trimmed(&samples, rate));
        ends.push((speech.len(), end));
    }
    loudness::normalise(&mut speech, TARGET_DBOV, loudness::PEAK);
    let mut samples = Vec::with_capacity(speech.len() + ends.len() * rate as usize / 3);
    let mut from = 0;
    for (n, &(to, end)) in ends.iter().enumerate() {
        samples.extend_from_slice(&speech[from..to]);
        from = to;
        if n + 1 < ends.len() {
            let rest = rest_s(end) / speed * rate as f32;
            samples.resize(samples.len() + rest as usize, 0.0);
        }
    }
    Speech { samples, rate, dropped }
}

/// The clip without the silence at its ends.
fn trimmed(samples: &[f32], rate: u32) -> &[f32] {
    let stretch = ((rate as f32 * STRETCH_S) as usize).max(1);
    let levels: Vec<f32> = samples.chunks(stretch).map(|c| energy::to_dbov(energy::rms(c))).collect();
    let loudest = levels.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let heard = |l: &f32| *l > loudest - SILENCE_BELOW_DB;
    let (Some(first), Some(last)) = (levels.iter().position(heard), levels.iter().rposition(heard)) else {
        return samples;
    };
    let from = first.saturating_sub(MARGIN) * stretch;
    let to = ((last + 1 + MARGIN) * stretch).min(samples.len());
    &samples[from..to]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(silence: usize, sound: usize) -> Vec<f32> {
        let mut c = vec![0.0; silence];
        c.extend((0..sound).map(|n| 0.1 * (n as f32 * 0.3).sin()));
        c.extend(vec![0.0; silence]);
        c
    }

    #[test]
    fn silence_is_cut_to_a_margin_and_the_level_is_the_target() {
        let s = joined(vec![(clip(8_000, 8_000), Break::Full)], 8_000, 1.0, vec![]);
        assert!((8_000..=8_600).contains(&s.samples.len()), "{}", s.samples.len());
        let level = energy::to_dbov(energy::rms(&s.samples));
        assert!((level - TARGET_DBOV).abs() < 0.5, "{level}");
    }

    #[test]
    fn sentences_rest_and_the_last_does_not() {
        let one = joined(vec![(clip(0, 8_000), Break::Full)], 8_000, 1.0, vec![]).samples.len();
        let two = joined(vec![(clip(0, 8_000), Break::Full); 2], 8_000, 1.0, vec![]).samples.len();
        assert_eq!(two, 2 * one + 2_560);
        let fast = joined(vec![(clip(0, 8_000), Break::Full); 2], 8_000, 2.0, vec![]).samples.len();
        assert_eq!(fast, 2 * one + 1_280);
    }

    #[test]
    fn samples_that_are_no_sound_are_silenced() {
        let mut samples = clip(0, 8_000);
        samples[7_990] = f32::NAN;
        samples[7_991] = 3.4e38;
        samples[4_000] = f32::NEG_INFINITY;
        let s = joined(vec![(samples, Break::Full)], 8_000, 1.0, vec![]);
        assert!(s.samples.iter().all(|s| s.abs() <= 1.0));
        let level = energy::to_dbov(energy::rms(&s.samples));
        assert!((level - TARGET_DBOV).abs() < 0.5, "{level}");
    }

    #[test]
    fn nothing_and_silence_do_no_harm() {
        assert!(joined(vec![], 8_000, 1.0, vec![]).samples.is_empty());
        assert!(joined(vec![(vec![], Break::Full)], 8_000, 1.0, vec![]).samples.is_empty());
        let s = joined(vec![(vec![0.0; 800], Break::Full)], 8_000, 1.0, vec![]);
        assert!(s.samples.iter().all(|s| *s == 0.0));
    }
}
