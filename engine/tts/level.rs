//! From what a model gave to a part of a clip: faults mended, silence cut, pitch set, level made even.

use waihu_audio::{energy, loudness};

use crate::{Mark, Speech, TtsError, plan::Piece, voiced::Voiced};

/// A stretch this far below the loudest one is silence [dB].
const SILENCE_BELOW_DB: f32 = 40.0;
/// The stretch [s].
const STRETCH_S: f32 = 0.01;
/// What is left of the silence at each end, so that no first or last sound is cut [stretches].
const MARGIN: usize = 3;

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

/// How long a change of loudness within a sentence takes [s].
const RAMP_S: f32 = 0.02;

/// A piece as it is handed on. The rest after it is in it, but after the last.
pub(crate) fn finished(voiced: Voiced, rate: u32, piece: &Piece, is_last: bool) -> Result<Speech, TtsError> {
    let Voiced { samples: mut sound, starts } = voiced;
    mend(&mut sound);
    let heard = trimmed(&sound, rate);
    let ratio = f64::from(piece.pitch_ratio());
    let mut samples = if piece.pitch == 0.0 {
        sound[heard.clone()].to_vec()
    } else {
        // Read at a lower rate, what was said sounds that much higher. Rates that are multiples of 50 Hz
        // keep the resampler's ratio small, and are off by less than a twentieth of a semitone.
        let lower = ((f64::from(rate) / ratio / 50.0).round() * 50.0) as u32;
        waihu_audio::resample(&sound[heard.clone()], rate, lower)?
    };
    loudness::level(&mut samples, rate, loudness::PROMPT_LUFS, loudness::PEAK);
    let words: Vec<(usize, usize)> = piece
        .words
        .iter()
        .map(|&(symbol, byte)| {
            let at = starts.get(symbol).copied().unwrap_or(0).saturating_sub(heard.start);
            (((at as f64 / ratio) as usize).min(samples.len()), byte)
        })
        .collect();
    emphasize(&mut samples, rate, &words, piece);
    let marks = words
        .iter()
        .map(|&(at, byte)| Mark { at_ms: (at as u64 * 1_000 / u64::from(rate.max(1))) as u32, byte })
        .collect();
    if !is_last {
        let rest = (piece.rest_s * rate as f32) as usize;
        samples.resize(samples.len() + rest, 0.0);
    }
    Ok(Speech { samples, rate, dropped: Vec::new(), marks })
}

/// Makes words louder or softer as the markup has it, with a ramp at their edges.
fn emphasize(samples: &mut [f32], rate: u32, words: &[(usize, usize)], piece: &Piece) {
    if piece.gains.is_empty() {
        return;
    }
    let db_of = |byte: usize| {
        let gains = piece.gains.iter().filter(|(range, _)| range.contains(&byte));
        gains.map(|(_, db)| *db).sum::<f32>().clamp(-24.0, 6.0)
    };
    let step = 1.0 / (RAMP_S * rate as f32).max(1.0);
    let mut words = words.iter().peekable();
    let mut gain = words.peek().map_or(1.0, |&&(_, byte)| 10.0_f32.powf(db_of(byte) / 20.0));
    let mut wanted = gain;
    for (n, s) in samples.iter_mut().enumerate() {
        while let Some(&(_, byte)) = words.next_if(|w| w.0 <= n) {
            wanted = 10.0_f32.powf(db_of(byte) / 20.0);
        }
        gain += (wanted - gain).clamp(-step, step);
        *s *= gain;
    }
    loudness::limit(samples, rate, loudness::PEAK);
}

/// Which part of a clip is left without the silence at its ends.
fn trimmed(samples: &[f32], rate: u32) -> std::ops::Range<usize> {
    let stretch = ((rate as f32 * STRETCH_S) as usize).max(1);
    let levels: Vec<f32> = samples.chunks(stretch).map(|c| energy::to_dbov(energy::rms(c))).collect();
    let loudest = levels.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let heard = |l: &f32| *l > loudest - SILENCE_BELOW_DB;
    let (Some(first), Some(last)) = (levels.iter().position(heard), levels.iter().rposition(heard)) else {
        return 0..samples.len();
    };
    let from = first.saturating_sub(MARGIN) * stretch;
    let to = ((last + 1 + MARGIN) * stretch).min(samples.len());
    from..to
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

    fn piece(words: Vec<(usize, usize)>) -> Piece {
        Piece { phonemes: String::new(), words, speed: 1.0, pitch: 0.0, gains: vec![], rest_s: 0.32 }
    }

    fn voiced(samples: Vec<f32>, starts: Vec<usize>) -> Voiced {
        Voiced { samples, starts }
    }

    fn lufs(samples: &[f32]) -> f32 {
        loudness::integrated(samples, 8_000).unwrap()
    }

    #[test]
    fn silence_is_cut_to_a_margin_and_the_loudness_is_that_of_prompts() {
        for times in [1.0, 0.01, 9.0] {
            let sound = clip(8_000, 8_000).into_iter().map(|s| s * times).collect();
            let s = finished(voiced(sound, vec![]), 8_000, &piece(vec![]), true).unwrap();
            assert!((8_000..=8_600).contains(&s.samples.len()), "{}", s.samples.len());
            assert!((lufs(&s.samples) - loudness::PROMPT_LUFS).abs() < 0.5, "{}", lufs(&s.samples));
        }
    }

    #[test]
    fn a_rest_follows_all_but_the_last_and_marks_move_with_the_cut_silence() {
        let one = |last| {
            let v = voiced(clip(4_000, 8_000), vec![0, 4_000, 8_000]);
            finished(v, 8_000, &piece(vec![(1, 0), (2, 7)]), last).unwrap()
        };
        let (last, before) = (one(true), one(false));
        assert_eq!(before.samples.len(), last.samples.len() + 2_560);
        assert_eq!(last.marks, [Mark { at_ms: 30, byte: 0 }, Mark { at_ms: 530, byte: 7 }]);
        let mut whole = before.clone();
        whole.append(last.clone());
        assert_eq!(whole.samples.len(), before.samples.len() + last.samples.len());
        assert_eq!(whole.marks[2].at_ms, 30 + (before.samples.len() / 8) as u32);
    }

    #[test]
    fn a_higher_pitch_moves_the_tone_and_the_marks() {
        let high = Piece { pitch: 6.0, ..piece(vec![(1, 3)]) };
        let s = finished(voiced(clip(0, 8_000), vec![0, 4_000]), 8_000, &high, true).unwrap();
        let ratio = 2.0_f64.sqrt();
        assert!((s.samples.len() as f64 - 8_000.0 / ratio).abs() < 60.0, "{}", s.samples.len());
        assert_eq!(s.marks[0].at_ms, (500.0 / ratio) as u32);
        let turns =
            |x: &[f32]| x.windows(2).filter(|w| w[0] < 0.0 && w[1] >= 0.0).count() as f64 / x.len() as f64;
        let measured = turns(&s.samples) / turns(&clip(0, 8_000));
        assert!((measured - ratio).abs() < 0.03, "{measured}");
    }

    #[test]
    fn emphasized_words_are_louder_by_as_much_as_they_should() {
        let loud = Piece { gains: vec![(3..6, 4.0)], ..piece(vec![(0, 0), (1, 3), (2, 6)]) };
        let v = voiced(clip(0, 24_000), vec![0, 8_000, 16_000]);
        let s = finished(v, 8_000, &loud, true).unwrap().samples;
        let level = |from: usize| energy::to_dbov(energy::rms(&s[from..from + 7_000]));
        assert!((level(8_500) - level(500) - 4.0).abs() < 0.1);
        assert!((level(16_500) - level(500)).abs() < 0.1);
    }

    #[test]
    fn samples_that_are_no_sound_are_silenced() {
        let mut samples = clip(0, 8_000);
        samples[7_990] = f32::NAN;
        samples[7_991] = 3.4e38;
        samples[4_000] = f32::NEG_INFINITY;
        let s = finished(voiced(samples, vec![]), 8_000, &piece(vec![]), true).unwrap();
        assert!(s.samples.iter().all(|s| s.abs() <= 1.0));
        assert!((lufs(&s.samples) - loudness::PROMPT_LUFS).abs() < 0.5);
    }

    #[test]
    fn nothing_and_silence_do_no_harm() {
        let done =
            |samples| finished(voiced(samples, vec![]), 8_000, &piece(vec![(9, 9)]), true).unwrap().samples;
        assert!(done(vec![]).is_empty());
        assert!(done(vec![0.0; 800]).iter().all(|s| *s == 0.0));
    }
}
