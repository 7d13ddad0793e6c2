//! What callees give that is no word: tones of the network, music on hold, breath. At 8 kHz, the same each time.

use std::f32::consts::TAU;

use waihu_audio::{frame::RATE_8K, tone};

use crate::persona::Noise;

/// A telephone's tones [dBov of the sine].
const TONE_DBOV: f32 = -15.0;

/// How long a key sounds, and the pause after it [ms].
const KEY_MS: (u32, u32) = (120, 90);

/// A bar of the music [samples]: 2 s at four beats.
const BAR: usize = 16_000;

/// The music's chords, a bar each [Hz]: C, A minor, F, G.
const CHORDS: [[f32; 3]; 4] =
    [[261.6, 329.6, 392.0], [220.0, 261.6, 329.6], [174.6, 220.0, 261.6], [196.0, 246.9, 293.7]];

/// A noise of this length.
pub(crate) fn noise(of: Noise, ms: u32) -> Vec<i16> {
    let samples = ms as usize * 8;
    match of {
        Noise::Beep => tone::sine(1_000.0, ms, TONE_DBOV, RATE_8K),
        Noise::Ringback => tone::RINGBACK_CN.period(TONE_DBOV).into_iter().cycle().take(samples).collect(),
        Noise::Music => (0..samples).map(music).collect(),
        Noise::Breath => breath(samples),
    }
}

/// Keys as tones in the sound.
pub(crate) fn keys(keys: &str) -> Vec<i16> {
    let mut out = Vec::new();
    for pair in keys.chars().filter_map(tone::dtmf) {
        out.extend(tone::dual(pair, KEY_MS.0, TONE_DBOV, RATE_8K));
        out.extend(tone::silence(KEY_MS.1, RATE_8K));
    }
    out
}

/// Chords under a melody of their notes, each plucked on its beat: as loud and as even as what is on hold.
fn music(n: usize) -> i16 {
    let chord = CHORDS[n / BAR % CHORDS.len()];
    let (bar, beat) = (n % BAR, n % (BAR / 4));
    let t = n as f32 / 8_000.0;
    let tone =
        |hz: f32| (TAU * hz * t).sin() + 0.4 * (TAU * 2.0 * hz * t).sin() + 0.2 * (TAU * 3.0 * hz * t).sin();
    let pad: f32 = chord.iter().map(|hz| tone(*hz)).sum::<f32>() * (0.7 + 0.3 * (TAU * 5.0 * t).sin());
    let melody = chord[(bar / (BAR / 4) + n / BAR) % 3] * 2.0;
    let pluck = (-(beat as f32) / 1_600.0).exp();
    (900.0 * pad + 4_000.0 * pluck * tone(melody)) as i16
}

/// In for a second, out for longer, and a rest: hiss that swells and falls.
fn breath(samples: usize) -> Vec<i16> {
    let (mut seed, mut low) = (1_u32, 0.0_f32);
    let mut hiss = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let white = (seed >> 16) as f32 / 32_768.0 - 1.0;
        low += 0.45 * (white - low);
        low
    };
    // Begin and length [samples], and how loud, of a period of four seconds.
    let parts = [(0, 8_000, 1_500.0), (10_400, 11_200, 2_200.0)];
    let swell = |at: usize| {
        let part = parts.iter().find(|(from, len, _)| (*from..from + len).contains(&at));
        part.map_or(0.0, |(from, len, loud)| loud * (TAU / 2.0 * (at - from) as f32 / *len as f32).sin())
    };
    (0..samples).map(|n| (hiss() * swell(n % 32_000)) as i16).collect()
}

#[cfg(test)]
mod tests {
    use waihu_audio::energy::level_dbov;

    use super::*;

    #[test]
    fn noises_have_their_length_and_never_clip() {
        for of in [Noise::Beep, Noise::Ringback, Noise::Music, Noise::Breath] {
            let sound = noise(of, 12_000);
            assert_eq!(sound.len(), 96_000, "{of:?}");
            assert!(sound.iter().all(|s| s.unsigned_abs() < 32_000), "{of:?}");
            let level = level_dbov(&sound);
            assert!((-50.0..=-10.0).contains(&level), "{of:?}: {level}");
            assert_eq!(noise(of, 12_000), sound, "{of:?} is the same each time");
        }
        assert_eq!(keys("12x").len(), 2 * 210 * 8);
    }
}
