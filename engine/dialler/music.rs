//! Hold music: soft broken chords, made here, so that it is nobody else's.

use std::{
    f32::consts::TAU,
    sync::{Arc, LazyLock},
};

/// As prompts have it [Hz].
const RATE: usize = 8_000;
/// A note [samples]: two thirds of a second.
const NOTE: usize = RATE * 2 / 3;
/// How loud a note begins, of full: well below speech, and above what telephones take for silence.
const LEVEL: f32 = 0.10;

/// C, A minor, F, G: each broken into six notes, as half tones above A at 220 Hz.
const CHORDS: [[i32; 6]; 4] =
    [[3, 7, 10, 15, 10, 7], [0, 3, 7, 12, 7, 3], [-4, 3, 8, 12, 8, 3], [-2, 2, 5, 10, 5, 2]];

/// A round of it: a quarter of a minute.
pub(crate) fn samples() -> Arc<[i16]> {
    static ROUND: LazyLock<Arc<[i16]>> = LazyLock::new(|| round().into());
    Arc::clone(&ROUND)
}

fn round() -> Vec<i16> {
    let notes: Vec<i32> = CHORDS.into_iter().flatten().collect();
    let mut sound = vec![0.0_f32; notes.len() * NOTE];
    let whole = sound.len();
    for (n, half_tones) in notes.into_iter().enumerate() {
        let pitch = 220.0 * 2.0_f32.powf(half_tones as f32 / 12.0);
        // A plucked string: it rings on into the next notes, and at the end into the beginning.
        for k in 0..3 * NOTE {
            let t = k as f32 / RATE as f32;
            let swell = (k as f32 / 80.0).min(1.0);
            let tone = (TAU * pitch * t).sin() + 0.3 * (TAU * 2.0 * pitch * t).sin();
            sound[(n * NOTE + k) % whole] += LEVEL * swell * (-2.2 * t).exp() * tone;
        }
    }
    sound.into_iter().map(|s| (s.clamp(-1.0, 1.0) * f32::from(i16::MAX)) as i16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_soft_never_silent_and_goes_round_without_a_click() {
        let round = samples();
        assert_eq!(round.len(), 24 * NOTE);
        assert!(round.iter().all(|s| s.unsigned_abs() < 12_000));
        let loudest = |part: &[i16]| part.iter().map(|s| s.unsigned_abs()).max();
        assert!(round.chunks(800).all(|part| loudest(part) > Some(300)));
        let seam = (i32::from(round[0]) - i32::from(round[round.len() - 1])).abs();
        assert!(seam < 2_000, "{seam}");
    }
}
