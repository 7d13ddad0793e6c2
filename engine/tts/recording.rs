//! Prompts that a person recorded: whether a recording can be played at all, and how it is made to sound
//! beside what is synthesized.
//!
//! Deliberately absent: files and their formats, and what the recording says.

use std::{ops::RangeInclusive, sync::Arc};

use waihu_audio::{energy, loudness, resample};

use crate::{TtsError, speech::to_i16, telephone};

/// A recording as it came from its file.
#[derive(Clone, Copy, Debug)]
pub struct Take<'a> {
    /// One channel, -1 to 1.
    pub samples: &'a [f32],
    /// Samples a second [Hz].
    pub rate: u32,
}

/// Why a recording is of no use.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum RecordingFault {
    /// A telephone has more than it.
    #[error("it has {0} Hz: record with 8000 to 192000 Hz 采样率不符")]
    Rate(u32),
    /// Nobody listens for so long.
    #[error("it lasts {0:.1} s, and a prompt {MAX_S} at most: cut it 录音过长")]
    TooLong(f32),
    /// Too short for a syllable.
    #[error("it lasts {0:.2} s, and one syllable takes {MIN_S}: record it again 录音过短")]
    TooShort(f32),
    /// Nothing is heard in it.
    #[error("it is silent, or nearly: record it again, nearer to the microphone 录音无声")]
    Silent,
    /// The microphone or the converter was driven too hard.
    #[error("it is clipped ({0:.1} % of it stands at the limit): record it again at a lower level 录音削波")]
    Clipped(f32),
}

/// What is wrong with one of the recordings of a wording.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// One of them is of no use.
    #[error("{fault}")]
    Fault {
        /// Which, from 0.
        take: usize,
        /// Why.
        fault: RecordingFault,
    },
    /// It could not be brought to 8 kHz.
    #[error(transparent)]
    Tts(#[from] TtsError),
}

/// Rates that microphones have [Hz].
const RATES: RangeInclusive<u32> = 8_000..=192_000;
/// The longest prompt [s].
const MAX_S: f32 = 60.0;
/// The shortest [s].
const MIN_S: f32 = 0.1;
/// Quieter is an empty room [LUFS]: what lifts it to a prompt's loudness lifts its hum by 30 dB.
const SILENT_LUFS: f32 = -50.0;
/// Samples as large as this may be clipped [amplitude].
const NEAR_FULL: f32 = 0.995;
/// So near to each other they are one flat top: a wave's own top is rounder.
const FLAT: f32 = 1e-4;
/// So many in a row, that is.
const FLAT_RUN: usize = 4;
/// The share of samples in flat tops that is heard as a crackle.
const MAX_CLIPPED: f32 = 0.000_5;
/// A shorter clip has no loudness of its own (BS.1770-4 measures over 400 ms): 的 or 吗 alone would be
/// made as loud as a sentence.
const OWN_LOUDNESS_S: f32 = 0.4;
/// The stretch in which silence at the ends is looked for [samples at 8 kHz]: 10 ms.
const STRETCH: usize = 80;
/// What is left of that silence [stretches].
const MARGIN: usize = 4;
/// Up and down at the ends [samples at 8 kHz]: 8 ms, so that no seam clicks.
pub(crate) const FADE: usize = 64;

/// Makes the recordings of one wording fit for calls: one channel at 8 kHz, the silence at their ends cut,
/// the band and the loudness those of synthesized prompts, no edge that would click.
///
/// # Errors
/// The first that is of no use.
pub fn fit(takes: &[Take<'_>]) -> Result<Vec<Arc<[i16]>>, FitError> {
    let mut clips = Vec::with_capacity(takes.len());
    for (n, take) in takes.iter().enumerate() {
        check(*take).map_err(|fault| FitError::Fault { take: n, fault })?;
        let mut clip = resample(take.samples, take.rate, telephone::RATE).map_err(TtsError::from)?;
        telephone::shape(&mut clip);
        clips.push(trimmed(&clip).to_vec());
    }
    let common = loudness::integrated(&clips.concat(), telephone::RATE).unwrap_or(loudness::PROMPT_LUFS);
    for clip in &mut clips {
        let is_long = clip.len() as f32 >= OWN_LOUDNESS_S * telephone::RATE as f32;
        let own = loudness::integrated(clip, telephone::RATE).filter(|_| is_long);
        loudness::amplify(clip, loudness::PROMPT_LUFS - own.unwrap_or(common));
        loudness::limit(clip, telephone::RATE, loudness::PEAK);
        fade(clip);
    }
    Ok(clips.into_iter().map(|clip| clip.into_iter().map(to_i16).collect()).collect())
}

fn check(take: Take<'_>) -> Result<(), RecordingFault> {
    if !RATES.contains(&take.rate) {
        return Err(RecordingFault::Rate(take.rate));
    }
    let seconds = take.samples.len() as f32 / take.rate as f32;
    if seconds > MAX_S {
        return Err(RecordingFault::TooLong(seconds));
    }
    if seconds < MIN_S {
        return Err(RecordingFault::TooShort(seconds));
    }
    if loudness::integrated(take.samples, take.rate).is_none_or(|lufs| lufs < SILENT_LUFS) {
        return Err(RecordingFault::Silent);
    }
    let clipped = clipped(take.samples);
    if clipped > MAX_CLIPPED { Err(RecordingFault::Clipped(clipped * 100.0)) } else { Ok(()) }
}

/// Which share of the samples stands in flat tops at the limit.
fn clipped(samples: &[f32]) -> f32 {
    let largest = samples.iter().fold(0.0_f32, |m, s| m.max(s.abs()));
    if largest < NEAR_FULL {
        return 0.0;
    }
    let flat = |s: &f32| s.abs() >= largest - FLAT;
    let runs = samples.chunk_by(|a, b| flat(a) && flat(b) && a.signum() == b.signum());
    let in_runs = runs.filter(|r| r.len() >= FLAT_RUN).map(<[f32]>::len).sum::<usize>();
    in_runs as f32 / samples.len() as f32
}

/// A clip without the silence at its ends. A room is never quite silent, so silence is what is little
/// above the quietest of it.
fn trimmed(clip: &[f32]) -> &[f32] {
    let levels: Vec<f32> = clip.chunks(STRETCH).map(|c| energy::to_dbov(energy::rms(c))).collect();
    let mut sorted = levels.clone();
    sorted.sort_by(f32::total_cmp);
    let (Some(floor), Some(loudest)) = (sorted.get(sorted.len() / 20), sorted.last()) else { return clip };
    let silence = (floor + 10.0).clamp(loudest - 40.0, loudest - 26.0);
    let heard = |l: &f32| *l > silence;
    let (Some(first), Some(last)) = (levels.iter().position(heard), levels.iter().rposition(heard)) else {
        return clip;
    };
    let (from, to) = (first.saturating_sub(MARGIN) * STRETCH, (last + 1 + MARGIN) * STRETCH);
    &clip[from..to.min(clip.len())]
}

fn fade(clip: &mut [f32]) {
    let fade = FADE.min(clip.len() / 2);
    let length = clip.len();
    for n in 0..fade {
        let gain = n as f32 / FADE as f32;
        clip[n] *= gain;
        clip[length - 1 - n] *= gain;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waihu_audio::frame::to_f32;

    /// Something like speech: a tone that swells and sinks four times a second.
    fn voice(seconds: f32, rate: u32, level: f32) -> Vec<f32> {
        let step = |n: usize, hz: f32| std::f32::consts::TAU * hz * n as f32 / rate as f32;
        (0..(seconds * rate as f32) as usize)
            .map(|n| level * step(n, 500.0).sin() * step(n, 2.0).sin().abs())
            .collect()
    }

    fn fit_one(samples: &[f32], rate: u32) -> Result<Arc<[i16]>, String> {
        fit(&[Take { samples, rate }]).map(|mut all| all.remove(0)).map_err(|e| e.to_string())
    }

    #[test]
    fn any_rate_and_level_comes_out_as_loud_as_prompts_and_without_its_silence() {
        for (rate, level) in [(8_000, 0.9), (11_025, 0.02), (44_100, 0.3), (48_000, 0.9), (96_000, 0.1)] {
            let mut sound = vec![0.000_1; rate as usize];
            sound.extend(voice(2.0, rate, level));
            sound.extend(vec![0.000_1; rate as usize]);
            let clip = fit_one(&sound, rate).unwrap();
            assert!(
                (16_000 - 3 * STRETCH..=16_000 + 9 * STRETCH).contains(&clip.len()),
                "{rate}: {}",
                clip.len()
            );
            let lufs = loudness::integrated(&to_f32(&clip), 8_000).unwrap();
            assert!((lufs - loudness::PROMPT_LUFS).abs() < 0.5, "{rate}: {lufs}");
            assert_eq!((clip[0], clip[clip.len() - 1]), (0, 0));
        }
    }

    #[test]
    fn a_syllable_keeps_its_place_beside_the_words_of_its_wording() {
        let (long, short) = (voice(2.0, 16_000, 0.2), voice(0.25, 16_000, 0.05));
        let takes = [Take { samples: &long, rate: 16_000 }, Take { samples: &short, rate: 16_000 }];
        let clips = fit(&takes).unwrap();
        let peak = |c: &[i16]| f32::from(c.iter().map(|s| s.unsigned_abs()).max().unwrap());
        let ratio = peak(&clips[1]) / peak(&clips[0]);
        assert!((0.2..0.3).contains(&ratio), "{ratio}");
    }

    #[test]
    fn what_is_of_no_use_is_refused_with_its_reason() {
        let sound = voice(1.0, 8_000, 0.3);
        let loud: Vec<f32> = voice(1.0, 8_000, 3.0).into_iter().map(|s| s.clamp(-1.0, 1.0)).collect();
        for (samples, rate, words) in [
            (vec![], 8_000, "lasts 0.00 s"),
            (voice(0.05, 8_000, 0.3), 8_000, "one syllable"),
            (voice(61.0, 8_000, 0.3), 8_000, "60 at most"),
            (vec![0.0; 8_000], 8_000, "silent"),
            (voice(1.0, 8_000, 0.000_5), 8_000, "silent"),
            (loud, 8_000, "clipped"),
            (sound.clone(), 6_000, "6000 Hz"),
            (sound.clone(), 0, "0 Hz"),
        ] {
            let said = fit_one(&samples, rate).unwrap_err();
            assert!(said.contains(words), "{words}: {said}");
        }
        assert!(fit_one(&voice(1.0, 48_000, 1.0), 48_000).is_ok(), "full level is no fault");
    }
}
