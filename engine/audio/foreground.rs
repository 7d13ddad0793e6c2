//! Whose voice it is by its level: the callee's, or one of those around, a television or people in the room.
//!
//! A detector of voice hears both. Whoever holds the telephone is the louder one by far: where voice is heard at
//! the level that is always there, only what rises well above that is the callee's. On a quiet line, or in a noise
//! that is no voice, every voice passes; and what comes near the loudest that was heard is always the callee's, so
//! that nobody who speaks without a rest is taken for what is around.
//!
//! Absent: a soft callee beside a loud television (nothing in the level tells them apart), and one voice from another
//! at the same level.

use crate::energy::level_dbov;

/// Frames of 20 ms that a level is taken over: 120 ms, within a syllable and its stop.
const SMOOTH: usize = 6;

/// What is always there is the level that a tenth of the last four seconds lies below: a callee rests for longer than
/// that, and voices around hardly ever. Every other frame is kept.
const KEPT: usize = 100;
const TENTH: usize = 10;

/// The callee begins so far above what is always there, and goes on so far above it [dB]: babble rises by 6 or 7 above
/// its own softest tenth, a television by 9 now and then, and a telephone's speaker is 10 or more above the mean of either.
const BEGINS_ABOVE: f32 = 10.0;
const GOES_ON_ABOVE: f32 = 7.0;

/// So near to it [dB] is what is asked whether it is voice: further above it is a callee who fades.
const ALWAYS: f32 = 5.0;

/// A frame is voice from this probability on.
const VOICE: f32 = 0.5;

/// There are voices around where so much of what is always there is voice [share], over about a second [frames].
const VOICES: f32 = 0.2;
const SECOND: f32 = 50.0;

/// What comes so near the loudest is the callee's whatever is around [dB]; the loudest is forgotten by 1 dB in 20 s.
const NEAR: f32 = 8.0;
const FORGETS: f32 = 0.001;

/// Before so many frames nobody knows what is always there: a call may begin with a hello, and that rests within 2 s.
const KNOWN_AFTER: u32 = 100;

/// Whose voice may be in a frame, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The callee's, or nobody's: there are no voices around, or they are not known yet.
    Anyones,
    /// Not that of those around: it is louder than they are.
    Callees,
    /// Of those around.
    Around,
}

/// Tells the callee's frames in one call.
#[derive(Clone, Debug)]
pub struct Foreground {
    /// Of the last frames.
    powers: [f32; SMOOTH],
    loudest: f32,
    /// The last four seconds, and how much of what is always there is voice.
    kept: [f32; KEPT],
    voices: f32,
    probability: f32,
    frames: u32,
}

impl Default for Foreground {
    fn default() -> Self {
        Self {
            powers: [0.0; SMOOTH],
            loudest: f32::NEG_INFINITY,
            kept: [f32::INFINITY; KEPT],
            voices: 0.0,
            probability: 0.0,
            frames: 0,
        }
    }
}

impl Foreground {
    /// Takes the next 20 ms, the probability of voice where a window of the detector ended with them, and whether
    /// somebody is held to be speaking.
    pub fn push(&mut self, frame: &[i16], probability: Option<f32>, speaks: bool) -> Whose {
        self.probability = probability.unwrap_or(self.probability);
        self.powers.rotate_left(1);
        self.powers[SMOOTH - 1] = 10_f32.powf(level_dbov(frame) / 10.0);
        self.frames = self.frames.saturating_add(1);
        // The first few are not yet a level.
        if self.frames < SMOOTH as u32 {
            return Whose::Anyones;
        }
        let power: f32 = self.powers.iter().sum();
        let level = 10.0 * (power / SMOOTH as f32).log10();
        self.loudest = level.max(self.loudest - FORGETS);
        if self.frames.is_multiple_of(2) {
            self.kept[self.frames as usize / 2 % KEPT] = level;
        }
        let always = self.always();
        if level < always + ALWAYS {
            let voice = if self.probability >= VOICE { 1.0 } else { 0.0 };
            self.voices += (voice - self.voices) / SECOND;
        }
        let above = if speaks { GOES_ON_ABOVE } else { BEGINS_ABOVE };
        match () {
            () if self.frames < KNOWN_AFTER || self.voices < VOICES => Whose::Anyones,
            () if level >= always + above => Whose::Callees,
            () if level >= self.loudest - NEAR => Whose::Anyones,
            () => Whose::Around,
        }
    }

    /// The level that is always there.
    fn always(&self) -> f32 {
        let mut kept = self.kept;
        // Of a call that is younger than that, a tenth of what there is.
        let there = (self.frames as usize / 2).min(KEPT);
        *kept.select_nth_unstable_by(there * TENTH / KEPT, f32::total_cmp).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::energy::from_dbov;

    /// Frames at `level`, that go up and down by `swing` [dB] like several voices together, or like one that speaks:
    /// how many of them may be the callee's.
    fn passed(foreground: &mut Foreground, frames: usize, level: f32, swing: f32, probability: f32) -> usize {
        let mut speaks = false;
        (0..frames)
            .filter(|n| {
                // Three slow waves that never meet.
                let wave = |period: f32| (*n as f32 * std::f32::consts::TAU / period).sin();
                let at = level + swing * (wave(17.0) + wave(29.0) + wave(47.0)) / 3.0;
                let amplitude = (from_dbov(at) * 32_768.0) as i16;
                let frame: [i16; 160] =
                    std::array::from_fn(|i| if i % 2 == 0 { amplitude } else { -amplitude });
                speaks = foreground.push(&frame, Some(probability), speaks) != Whose::Around;
                speaks
            })
            .count()
    }

    #[test]
    fn on_a_quiet_line_every_voice_passes() {
        let mut foreground = Foreground::default();
        for _ in 0..5 {
            assert_eq!(passed(&mut foreground, 50, -20.0, 6.0, 0.9), 50);
            passed(&mut foreground, 25, -60.0, 1.0, 0.0);
            assert_eq!(passed(&mut foreground, 20, -38.0, 4.0, 0.9), 20);
            passed(&mut foreground, 100, -60.0, 1.0, 0.0);
        }
    }

    #[test]
    fn voices_around_are_not_the_callees() {
        let mut foreground = Foreground::default();
        passed(&mut foreground, 100, -28.0, 4.0, 0.8);
        // Of who has not been heard yet nobody knows how loud that is.
        passed(&mut foreground, 20, -17.0, 4.0, 0.95);
        for _ in 0..5 {
            assert!(passed(&mut foreground, 150, -28.0, 4.0, 0.8) <= 7);
            assert!(passed(&mut foreground, 40, -17.0, 4.0, 0.95) >= 37);
        }
        // The callee is over within the smoothing.
        assert!(passed(&mut foreground, 50, -28.0, 4.0, 0.8) <= 6);
    }

    #[test]
    fn a_noise_that_is_no_voice_hides_no_callee() {
        let mut foreground = Foreground::default();
        passed(&mut foreground, 200, -25.0, 1.0, 0.05);
        assert_eq!(passed(&mut foreground, 60, -21.0, 3.0, 0.9), 60);
    }

    #[test]
    fn who_never_rests_is_heard() {
        let mut foreground = Foreground::default();
        let heard = passed(&mut foreground, 3_000, -20.0, 5.0, 0.95);
        assert!(heard >= 2_550, "{heard}");
    }

    #[test]
    fn a_television_that_is_turned_on_is_learnt() {
        let mut foreground = Foreground::default();
        passed(&mut foreground, 200, -60.0, 1.0, 0.0);
        passed(&mut foreground, 50, -17.0, 4.0, 0.95);
        passed(&mut foreground, 2_000, -34.0, 3.0, 0.8);
        assert!(passed(&mut foreground, 100, -34.0, 3.0, 0.8) <= 5);
        assert!(passed(&mut foreground, 50, -17.0, 4.0, 0.95) >= 47);
    }
}
