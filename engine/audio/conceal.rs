//! Making up sound that never came, in the spirit of ITU-T G.711, appendix I.
//!
//! What was heard last is repeated at its pitch: the period is found by correlation, continued so
//! that no step is heard, and from 10 ms on faded, to silence at 60 ms, since speech is not steady for
//! longer and a held vowel sounds like a machine. After each 10 ms the repetition reaches further back
//! into what was really heard, so that one period alone does not buzz. When sound returns, the made-up
//! one is faded into it.
//!
//! Unlike the appendix there is no delay: the last 3.75 ms before a loss have been played when the
//! loss is known, so the repetition is bent to begin where the sound ended. Absent: model-based
//! concealment, and the repair of a decoder's own state (G.722 recovers by itself in some 10 ms).

/// What is remembered [ms].
const HISTORY_MS: usize = 40;
/// The same at the highest rate [samples].
const HISTORY: usize = 16 * HISTORY_MS;
/// What is compared with its own past, to find the pitch [ms]. The appendix has 20; on speech, 8 measured
/// better (the newest period matters), as examples/conceal_report.rs tells.
const WINDOW_MS: usize = 8;
/// The shortest and the longest period: 400 Hz and 66 Hz (appendix I, I.2.4).
const PERIOD_US: (usize, usize) = (2_500, 15_000);
/// Made up in one way, before the repetition reaches further back [ms].
const PIECE_MS: usize = 10;
/// Where made-up sound begins to fade, and where it is silent [ms].
const FADE_MS: (usize, usize) = (10, 60);
/// Fading from made-up to real sound: at least, for each 10 ms that were lost, and at most [ms].
const MERGE_MS: (usize, usize, usize) = (3, 3, 10);
/// The same at most, at the highest rate [samples].
const MERGE: usize = 16 * MERGE_MS.2;
/// The pitch is first searched at this rate [Hz].
const COARSE_HZ: usize = 4_000;
const COARSE: usize = COARSE_HZ * HISTORY_MS / 1_000;
/// Samples are scaled below this for the search, so that a sum of products stays in 32 bits:
/// 128 · 2²² is below 2³¹.
const SCALE_BITS: u32 = 11;

/// Remembers a stream's last sound, and makes up what is missing of it.
#[derive(Clone, Debug)]
pub struct Concealer {
    /// The last samples, made-up ones included (before their fading); only `len` of them are in use.
    history: [i16; HISTORY],
    len: u16,
    /// Made up since the last real sample [samples].
    lost: u32,
    /// The period when the loss began, and how far back is read now [samples].
    period: u16,
    lag: u16,
}

impl Concealer {
    /// For a stream of 8000 or 16000 samples a second; other rates are taken for the nearer of them.
    pub fn new(rate_hz: u32) -> Self {
        let len = if rate_hz <= 12_000 { HISTORY / 2 } else { HISTORY };
        Self { history: [0; HISTORY], len: len as u16, lost: 0, period: 1, lag: 1 }
    }

    fn per_ms(&self) -> usize {
        usize::from(self.len) / HISTORY_MS
    }

    /// Remembers real sound, and fades into it in place where made-up sound came before.
    pub fn heard(&mut self, samples: &mut [i16]) {
        if samples.is_empty() {
            return;
        }
        if self.lost > 0 {
            let lost_ms = self.lost as usize / self.per_ms();
            let ms = (MERGE_MS.0 + MERGE_MS.1 * lost_ms / 10).min(MERGE_MS.2);
            let n = (ms * self.per_ms()).min(samples.len());
            let mut made = [0; MERGE];
            self.make(&mut made[..n]);
            for (i, (s, m)) in samples.iter_mut().zip(&made[..n]).enumerate() {
                let part = i as i32 + 1;
                let all = n as i32 + 1;
                *s = ((i32::from(*s) * part + i32::from(*m) * (all - part)) / all) as i16;
            }
            self.forget(n);
            self.lost = 0;
        }
        self.remember(samples);
    }

    /// Makes up the next `out.len()` samples.
    pub fn conceal(&mut self, out: &mut [i16]) {
        self.make(out);
    }

    fn make(&mut self, out: &mut [i16]) {
        let piece = PIECE_MS * self.per_ms();
        let mut at = 0;
        while at < out.len() {
            let lost = self.lost as usize;
            if lost >= FADE_MS.1 * self.per_ms() {
                out[at..].fill(0);
                let zeros = out.len() - at;
                self.remember(&out[at..]);
                self.lost = self.lost.saturating_add(zeros as u32);
                return;
            }
            let before = self.lag;
            if lost == 0 {
                self.period = self.pitch() as u16;
                self.lag = self.period;
            } else if lost.is_multiple_of(piece) {
                self.lag = self.lag_after(lost) as u16;
            }
            let n = (piece - lost % piece).min(out.len() - at);
            let made = &mut out[at..at + n];
            self.repeat(made, before);
            self.remember(made);
            self.fade(made);
            self.lost += n as u32;
            at += n;
        }
    }

    /// Where to read after `lost` samples: whole periods back, so far that the next piece is real
    /// sound again, or as far as is remembered.
    fn lag_after(&self, lost: usize) -> usize {
        let period = usize::from(self.period);
        let wanted = (lost + PIECE_MS * self.per_ms()).div_ceil(period);
        // The overlap of two lags reads one sample before the longer of them.
        let most = (usize::from(self.len) - 1) / period;
        wanted.min(most).max(1) * period
    }

    /// Continues the history with itself, `lag` back; at first bent or mixed so that nothing jumps.
    fn repeat(&self, out: &mut [i16], before: u16) {
        let len = usize::from(self.len);
        let past = |lag: u16, i: usize, out: &[i16]| {
            let at = len - usize::from(lag) + i;
            i32::from(if at < len { self.history[at] } else { out[at - len] })
        };
        let overlap = usize::from(self.period / 4).max(1);
        let first = self.lost == 0;
        // The step at the seam, taken back over a quarter of a period.
        let step = if first {
            i32::from(self.history[len - 1]) - i32::from(self.history[len - 1 - usize::from(self.lag)])
        } else {
            0
        };
        for i in 0..out.len() {
            let mut s = past(self.lag, i, out);
            if i < overlap {
                let left = (overlap - i) as i32;
                let all = overlap as i32 + 1;
                if first {
                    s += step * left / all;
                } else if before != self.lag {
                    s += (past(before, i, out) - s) * left / all;
                }
            }
            out[i] = s.clamp(-32_768, 32_767) as i16;
        }
    }

    /// Fades `made`, which begins `lost` samples into the loss.
    fn fade(&self, made: &mut [i16]) {
        let (from, to) = (FADE_MS.0 * self.per_ms(), FADE_MS.1 * self.per_ms());
        let lost = self.lost as usize;
        if lost + made.len() <= from {
            return;
        }
        for (i, s) in made.iter_mut().enumerate() {
            let gain = to.saturating_sub(lost + i).min(to - from);
            *s = (i32::from(*s) * gain as i32 / (to - from) as i32) as i16;
        }
    }

    fn remember(&mut self, samples: &[i16]) {
        let len = usize::from(self.len);
        let n = samples.len().min(len);
        self.history.copy_within(n..len, 0);
        self.history[len - n..len].copy_from_slice(&samples[samples.len() - n..]);
    }

    /// Takes back the last `n` samples, which real sound now replaces. What moves in at the front is
    /// older than anything that is read.
    fn forget(&mut self, n: usize) {
        let len = usize::from(self.len);
        self.history.copy_within(0..len - n, n);
    }

    /// The period of the remembered sound [samples], by normalized correlation: first at 4 kHz, then
    /// around what was found.
    fn pitch(&self) -> usize {
        let len = usize::from(self.len);
        let ratio = len / COARSE;
        let loudest = self.history[..len].iter().fold(0_u16, |m, s| m.max(s.unsigned_abs()));
        let shift = (16 - loudest.leading_zeros()).saturating_sub(SCALE_BITS);
        let mut fine = [0_i16; HISTORY];
        for (f, s) in fine[..len].iter_mut().zip(&self.history[..len]) {
            *f = s >> shift;
        }
        let mut coarse = [0_i16; COARSE];
        for (c, group) in coarse.iter_mut().zip(fine[..len].chunks_exact(ratio)) {
            let sum: i32 = group.iter().map(|s| i32::from(*s)).sum();
            *c = (sum / ratio as i32) as i16;
        }
        let lags = |us: usize, rate: usize| us * rate / 1_000_000;
        let rough = best_lag(
            &coarse,
            COARSE_HZ * WINDOW_MS / 1_000,
            lags(PERIOD_US.0, COARSE_HZ),
            lags(PERIOD_US.1, COARSE_HZ),
        ) * ratio;
        let per_ms = self.per_ms();
        let (least, most) = (PERIOD_US.0 * per_ms / 1_000, PERIOD_US.1 * per_ms / 1_000);
        best_lag(
            &fine[..len],
            WINDOW_MS * per_ms,
            (rough + 1).saturating_sub(ratio).max(least),
            (rough + ratio - 1).min(most),
        )
    }
}

/// The lag from `least` to `most` at which the last `window` samples of `x` are most like what was
/// before them.
fn best_lag(x: &[i16], window: usize, least: usize, most: usize) -> usize {
    let end = &x[x.len() - window..];
    let (mut best, mut best_score) = (least, f32::MIN);
    for lag in least..=most {
        let past = &x[x.len() - window - lag..x.len() - lag];
        let (mut product, mut energy) = (0_i32, 0_i32);
        for (a, b) in end.iter().zip(past) {
            product = product.wrapping_add(i32::from(*a) * i32::from(*b));
            energy = energy.wrapping_add(i32::from(*b) * i32::from(*b));
        }
        let product = product as f32;
        let score = product * product.abs() / (energy as f32 + 1.0);
        if score > best_score {
            (best, best_score) = (lag, score);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{energy::level_dbov, tone};

    fn steepest(sound: &[i16]) -> i32 {
        sound.windows(2).map(|w| (i32::from(w[1]) - i32::from(w[0])).abs()).max().unwrap_or(0)
    }

    /// `sound` with frames of 20 ms from `lost` made up.
    fn through(sound: &[i16], rate: u32, lost: std::ops::Range<usize>) -> Vec<i16> {
        let mut concealer = Concealer::new(rate);
        let mut out = sound.to_vec();
        for (n, frame) in out.chunks_exact_mut(rate as usize / 50).enumerate() {
            if lost.contains(&n) { concealer.conceal(frame) } else { concealer.heard(frame) }
        }
        out
    }

    #[test]
    fn a_steady_sound_goes_on_over_a_lost_frame_without_a_click() {
        for rate in [8_000, 16_000] {
            let frame = rate as usize / 50;
            for tones in [(100.0, 200.0), (160.0, 160.0), (220.0, 660.0), (400.0, 1_200.0)] {
                let sound = tone::dual(tones, 200, -15.0, rate);
                let out = through(&sound, rate, 5..6);
                let (jump, slope) = (steepest(&out), steepest(&sound));
                assert!(jump <= slope * 125 / 100, "{tones:?} at {rate}: {jump} of {slope}");
                let hole = 5 * frame..6 * frame;
                let noise: Vec<i16> = hole.clone().map(|i| out[i] - sound[i]).collect();
                let snr = level_dbov(&sound[hole]) - level_dbov(&noise);
                // The fade of the second 10 ms alone leaves 15 dB; a period is a whole number of samples,
                // which 220 Hz is not.
                assert!(snr > 6.0, "{tones:?} at {rate}: {snr} dB");
            }
        }
    }

    #[test]
    fn what_does_not_return_fades_to_silence_in_60_ms_and_what_returns_is_faded_in() {
        let sound = tone::dual((150.0, 450.0), 400, -15.0, 8_000);
        let out = through(&sound, 8_000, 5..15);
        let level = |ms: usize| level_dbov(&out[800 + ms * 8..800 + ms * 8 + 80]);
        assert!(
            level(0) > -13.0 && level(20) < level(0) && level(40) < level(20),
            "{} {}",
            level(0),
            level(20)
        );
        assert!(out[800 + 480..2_400].iter().all(|s| *s == 0));
        // The first sample back is near silence; 10 ms on, all is as it was sent.
        assert!(out[2_400].abs() < 800 && out[2_480..] == sound[2_480..]);
        assert!(steepest(&out) <= steepest(&sound) * 125 / 100);
    }

    #[test]
    fn the_loudness_of_a_short_loss_is_kept_in_noise() {
        let mut seed = 1_u32;
        let mut noise = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) as i16 / 8
        };
        let sound: Vec<i16> = (0..16_000).map(|_| noise()).collect();
        for n in 5..50 {
            let out = through(&sound, 8_000, n..n + 1);
            let change = level_dbov(&out[n * 160..n * 160 + 80]) - level_dbov(&sound);
            assert!(change.abs() < 4.0, "{n}: {change} dB");
        }
    }

    #[test]
    fn nothing_heard_makes_nothing_and_any_piece_is_taken() {
        let mut out = [5; 700];
        let mut concealer = Concealer::new(8_000);
        concealer.conceal(&mut out);
        assert_eq!(out, [0; 700]);
        for rate in [8_000, 16_000, 48_000, 0] {
            let mut concealer = Concealer::new(rate);
            for piece in [1, 0, 3, 79, 80, 81, 160, 400, 1_000, 1, 5] {
                let mut sound: Vec<i16> =
                    (0..piece).map(|i| if i % 7 < 3 { i16::MIN } else { i16::MAX }).collect();
                concealer.heard(&mut sound);
                concealer.conceal(&mut out[..piece.min(700)]);
                concealer.conceal(&mut out[..1]);
            }
        }
    }
}
