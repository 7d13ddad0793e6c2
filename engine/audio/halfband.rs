//! From 8 kHz to 16 kHz and back, frame by frame, where two legs of a call have different rates.
//!
//! A half-band FIR of 63 taps: every other tap but the middle one is 0, so one of two samples is a
//! delay and the other 32 products. Flat to 3.5 kHz (0.02 dB), 6 dB down at 4 kHz, 61 dB down from
//! 4.5 kHz; what lies between 4 and 4.5 kHz folds back into 3.5 to 4 kHz, where a telephone has
//! nothing. Its delay is 2 ms. Whole clips, and other rates, go through `resample`.

/// Taps of the half that is not 0.
const TAPS: usize = 32;

/// Samples that the filter still needs from the frame before.
const PAST: usize = TAPS - 1;

/// Samples worked on at once: 20 ms at 8 kHz.
const BLOCK: usize = 160;

/// The taps [of 32768, which is their sum]: a sinc in a Kaiser window (β = 6). The second half is the
/// first one backwards.
const HALF: [i16; TAPS / 2] =
    [-10, 27, -54, 95, -156, 239, -353, 505, -706, 971, -1_330, 1_832, -2_588, 3_884, -6_778, 20_806];

const H: [i16; TAPS] = {
    let mut h = [0; TAPS];
    let mut i = 0;
    while i < TAPS / 2 {
        h[i] = HALF[i];
        h[TAPS - 1 - i] = HALF[i];
        i += 1;
    }
    h
};

/// Makes two samples of each one.
#[derive(Clone, Debug, Default)]
pub struct Upsampler {
    past: [i16; PAST],
}

/// Makes one sample of each two.
#[derive(Clone, Debug, Default)]
pub struct Downsampler {
    even: [i16; PAST],
    odd: [i16; PAST],
}

impl Upsampler {
    /// A stream that begins.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes two samples of 16 kHz for each of 8 kHz, as far as `out` has room; says how many.
    pub fn push(&mut self, input: &[i16], out: &mut [i16]) -> usize {
        let n = input.len().min(out.len() / 2);
        for (input, out) in input[..n].chunks(BLOCK).zip(out[..2 * n].chunks_mut(2 * BLOCK)) {
            let x = joined(&self.past, input);
            for (pair, w) in out.as_chunks_mut::<2>().0.iter_mut().zip(x.windows(TAPS)) {
                // The sample in the middle as it is, and the one half a step after it.
                *pair = [w[TAPS / 2 - 1], held(rounded(dot(w)))];
            }
            self.past.copy_from_slice(&x[input.len()..][..PAST]);
        }
        2 * n
    }
}

impl Downsampler {
    /// A stream that begins.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes one sample of 8 kHz for each two of 16 kHz (a last one alone is left out), as far as
    /// `out` has room; says how many.
    pub fn push(&mut self, input: &[i16], out: &mut [i16]) -> usize {
        let n = out.len().min(input.len() / 2);
        for (input, out) in input[..2 * n].chunks(2 * BLOCK).zip(out[..n].chunks_mut(BLOCK)) {
            let (mut even, mut odd) = ([0; BLOCK], [0; BLOCK]);
            for (i, pair) in input.as_chunks::<2>().0.iter().enumerate() {
                even[i] = pair[0];
                odd[i] = pair[1];
            }
            let (e, o) = (joined(&self.even, &even[..out.len()]), joined(&self.odd, &odd[..out.len()]));
            for (i, (s, w)) in out.iter_mut().zip(o.windows(TAPS)).enumerate() {
                // The even sample between the two middle odd ones, half and half with what those say of it.
                *s = held((i32::from(e[i + TAPS / 2]) + rounded(dot(w)) + 1) >> 1);
            }
            self.even.copy_from_slice(&e[out.len()..][..PAST]);
            self.odd.copy_from_slice(&o[out.len()..][..PAST]);
        }
        n
    }
}

fn joined(past: &[i16; PAST], input: &[i16]) -> [i16; PAST + BLOCK] {
    let mut x = [0; PAST + BLOCK];
    x[..PAST].copy_from_slice(past);
    x[PAST..PAST + input.len()].copy_from_slice(input);
    x
}

#[inline(always)]
fn dot(w: &[i16]) -> i32 {
    // The taps' magnitudes add up to 80,668, and a sample has 15 bits and a sign: the sum can pass 32
    // bits only where 20 samples in a row are all at full scale with the taps' signs, which no sound
    // is; it wraps then and does not panic.
    w.iter().zip(&H).fold(0_i32, |sum, (x, h)| sum.wrapping_add(i32::from(*x) * i32::from(*h)))
}

fn rounded(sum: i32) -> i32 {
    sum.wrapping_add(1 << 14) >> 15
}

fn held(x: i32) -> i16 {
    x.clamp(-32_768, 32_767) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{energy::level_dbov, tone};

    fn up(sound: &[i16], piece: usize) -> Vec<i16> {
        let mut stream = Upsampler::new();
        let mut all = Vec::new();
        for p in sound.chunks(piece) {
            let mut out = vec![0; 2 * p.len()];
            assert_eq!(stream.push(p, &mut out), 2 * p.len());
            all.extend(out);
        }
        all
    }

    fn down(sound: &[i16], piece: usize) -> Vec<i16> {
        let mut stream = Downsampler::new();
        let mut all = Vec::new();
        for p in sound.chunks(piece) {
            let mut out = vec![0; p.len() / 2];
            assert_eq!(stream.push(p, &mut out), p.len() / 2);
            all.extend(out);
        }
        all
    }

    #[test]
    fn a_tone_of_the_telephones_band_keeps_its_level_both_ways() {
        for f in [100.0, 300.0, 1_000.0, 2_500.0, 3_400.0, 3_500.0] {
            let narrow = tone::sine(f, 200, -12.0, 8_000);
            let wide = up(&narrow, 160);
            assert!((level_dbov(&wide[320..]) + 12.0).abs() < 0.1, "{f}: {}", level_dbov(&wide[320..]));
            let image = tone::amplitude_at(&wide[320..], 8_000.0 - f, 16_000);
            assert!(20.0 * image.log10() < -9.0 - 61.0, "{f}: {image}");
            let back = down(&tone::sine(f, 200, -12.0, 16_000), 320);
            assert!((level_dbov(&back[160..]) + 12.0).abs() < 0.1, "{f}: {}", level_dbov(&back[160..]));
        }
    }

    #[test]
    fn what_8_khz_cannot_hold_does_not_fold_back() {
        for f in [4_500.0, 5_000.0, 6_000.0, 7_500.0] {
            let back = down(&tone::sine(f, 200, -6.0, 16_000), 320);
            assert!(level_dbov(&back[160..]) < -66.0, "{f}: {}", level_dbov(&back[160..]));
        }
    }

    #[test]
    fn up_and_down_again_is_the_same_sound_2_ms_twice_later_however_it_is_cut() {
        let sound = tone::dual((440.0, 1_900.0), 100, -12.0, 8_000);
        let whole = up(&sound, 160);
        for piece in [1, 7, 159, 160, 161, 500] {
            assert_eq!(up(&sound, piece), whole, "{piece}");
            assert_eq!(down(&whole, 2 * piece), down(&whole, 320), "{piece}");
        }
        let back = down(&whole, 320);
        let worst = (100..back.len()).map(|i| (back[i] - sound[i - 31]).abs()).max();
        assert!(worst < Some(60), "{worst:?}");
    }

    #[test]
    fn full_scale_and_odd_lengths_are_taken() {
        let square: Vec<i16> = (0..640).map(|i| if i / 8 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        assert!(level_dbov(&up(&square, 160)) > -2.0 && level_dbov(&down(&square, 320)) > -2.0);
        let mut out = [0; 4];
        assert_eq!(Downsampler::new().push(&[1; 5], &mut out), 2);
        assert_eq!(Upsampler::new().push(&[1; 5], &mut out), 4);
    }
}
