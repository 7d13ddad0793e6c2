//! Bringing recorded or synthesized speech to one level, so that no prompt is louder than the next.
//!
//! One gain over the whole clip. Absent: gating, K-weighting (ITU-R BS.1770), compression.

use crate::energy::{SILENCE_DBOV, from_dbov, rms, to_dbov};

/// The level of telephone speech that sounds neither shouted nor far away [dBov of the RMS].
pub const SPEECH_DBOV: f32 = -23.0;

/// No sample above this [amplitude, 1 is full scale]: G.711 distorts at its edge.
pub const PEAK: f32 = 0.89;

/// Multiplies `samples` (-1..1) by one gain so that their RMS is at `target` [dBov], or by less
/// where a sample would pass `peak`. Silence stays as it is. Gives the gain.
pub fn normalise(samples: &mut [f32], target: f32, peak: f32) -> f32 {
    let level = rms(samples);
    let loudest = samples.iter().fold(0.0_f32, |m, s| m.max(s.abs()));
    if to_dbov(level) <= SILENCE_DBOV || !level.is_finite() {
        return 1.0;
    }
    let gain = (from_dbov(target) / level).min(peak / loudest);
    for s in samples {
        *s *= gain;
    }
    gain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{frame::to_f32, tone};

    #[test]
    fn quiet_and_loud_clips_come_to_the_same_level() {
        for level in [-50.0, -30.0, -6.0] {
            let mut clip = to_f32(&tone::sine(300.0, 200, level, 8_000));
            normalise(&mut clip, SPEECH_DBOV, PEAK);
            assert!((to_dbov(rms(&clip)) - SPEECH_DBOV).abs() < 0.2, "from {level}");
        }
    }

    #[test]
    fn a_click_does_not_pass_the_peak_and_silence_stays() {
        let mut clip = vec![0.001; 8_000];
        clip[10] = 0.5;
        normalise(&mut clip, -6.0, PEAK);
        assert!((clip[10] - PEAK).abs() < 1e-4);
        let mut nothing = vec![0.0; 100];
        assert_eq!(normalise(&mut nothing, -6.0, PEAK), 1.0);
        assert_eq!(nothing, vec![0.0; 100]);
    }
}
