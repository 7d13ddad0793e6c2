//! Taking one pitch period out of sound, or putting one more in: so a jitter buffer grows and shrinks
//! without a gap (the way of WSOLA).
//!
//! The period is the lag at which the sound's beginning is most like itself. One period is faded into
//! the next over its whole length, which neither moves the first sample nor the last: what was played
//! before and what comes after join without a step. Where the two are unlike (noise), the mixture is
//! made as loud as they were. Absent: any choice of when to stretch; that is the jitter buffer's.

/// The shortest and the longest period that is looked for [µs]. The longest is half of 20 ms: beyond
/// it a frame has nothing left to compare.
const PERIOD_US: (usize, usize) = (2_500, 10_000);

/// What is looked at of a sound, at most: 40 ms at 16 kHz [samples].
const LOOKED_AT: usize = 640;

/// Samples are scaled below this, so that 320 products add up within 32 bits.
const SCALE_BITS: u32 = 11;

/// A period, and how like it is to the next one (0 to 1).
#[derive(Clone, Copy)]
struct Period {
    samples: usize,
    likeness: f32,
}

/// Takes one pitch period (2.5 to 10 ms) out of the first `len` of `samples` at `rate` [Hz], and gives
/// the new length. What is too short (under 5 ms) stays as it is. 20 ms or more are best.
pub fn shorten(samples: &mut [i16], len: usize, rate: u32) -> usize {
    let len = len.min(samples.len());
    let Some(period) = period(&samples[..len], rate, usize::MAX) else { return len };
    let p = period.samples;
    let overlap = p.min(len - p);
    for i in 0..overlap {
        samples[i] = mixed(samples[i], samples[i + p], i, overlap, period.likeness);
    }
    samples.copy_within(overlap + p..len, overlap);
    len - p
}

/// Writes `input` at `rate` [Hz] to `out` with one pitch period (2.5 to 10 ms) more, and gives the new
/// length. Where the input is too short, or `out` has no room for a period, it is copied as it is.
pub fn lengthen(input: &[i16], out: &mut [i16], rate: u32) -> usize {
    let len = input.len().min(out.len());
    let input = &input[..len];
    let Some(period) = period(input, rate, out.len() - len) else {
        out[..len].copy_from_slice(input);
        return len;
    };
    let p = period.samples;
    let overlap = p.min(len - p);
    out[..p].copy_from_slice(&input[..p]);
    for i in 0..overlap {
        out[p + i] = mixed(input[p + i], input[i], i, overlap, period.likeness);
    }
    out[p + overlap..p + len].copy_from_slice(&input[overlap..]);
    p + len
}

/// From `old` to `new`, step `i` of `all`, as loud as both.
fn mixed(old: i16, new: i16, i: usize, all: usize, likeness: f32) -> i16 {
    let part = (i as f32 + 0.5) / all as f32;
    let rest = 1.0 - part;
    // Two sounds of equal power that are not alike add up to less.
    let power = part * part + rest * rest + 2.0 * likeness * part * rest;
    ((f32::from(old) * rest + f32::from(new) * part) / power.sqrt()).round() as i16
}

/// The period of the beginning of `samples`, of `most` samples at most.
fn period(samples: &[i16], rate: u32, most: usize) -> Option<Period> {
    let lag = |us: usize| us * rate as usize / 1_000_000;
    let looked_at = samples.len().min(LOOKED_AT);
    let (least, most) = (lag(PERIOD_US.0), lag(PERIOD_US.1).min(most).min(looked_at / 2));
    if least == 0 || most < least {
        return None;
    }
    let window = (looked_at - most).min(LOOKED_AT / 2);
    let loudest = samples[..looked_at].iter().fold(0_u16, |m, s| m.max(s.unsigned_abs()));
    let shift = (16 - loudest.leading_zeros()).saturating_sub(SCALE_BITS);
    let mut scaled = [0_i16; LOOKED_AT];
    for (x, s) in scaled.iter_mut().zip(samples) {
        *x = s >> shift;
    }
    let start = &scaled[..window];
    let own = product(start, start);
    if own == 0 {
        return Some(Period { samples: most, likeness: 1.0 });
    }
    let mut best = Period { samples: most, likeness: -1.0 };
    let mut energy = product(&scaled[least..least + window], &scaled[least..least + window]);
    for p in least..=most {
        let later = &scaled[p..p + window];
        let likeness = product(start, later) as f32 / (own as f32 * energy as f32).sqrt().max(1.0);
        if likeness > best.likeness {
            best = Period { samples: p, likeness };
        }
        if p < most {
            let (gone, come) = (i32::from(scaled[p]), i32::from(scaled[p + window]));
            energy = energy.wrapping_add(come * come - gone * gone);
        }
    }
    best.likeness = best.likeness.clamp(0.0, 1.0);
    Some(best)
}

fn product(a: &[i16], b: &[i16]) -> i32 {
    a.iter().zip(b).fold(0_i32, |sum, (x, y)| sum.wrapping_add(i32::from(*x) * i32::from(*y)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{energy::level_dbov, tone};

    fn steepest(sound: &[i16]) -> i32 {
        sound.windows(2).map(|w| (i32::from(w[1]) - i32::from(w[0])).abs()).max().unwrap_or(0)
    }

    /// Frames of a tone one after the other, every third of them stretched.
    fn stretched(sound: &[i16], rate: u32, longer: bool) -> Vec<i16> {
        let frame = rate as usize / 50;
        let mut all = Vec::new();
        for (n, f) in sound.chunks_exact(frame).enumerate() {
            let mut out = vec![0; 2 * frame];
            out[..frame].copy_from_slice(f);
            let len = match (n % 3 == 1, longer) {
                (false, _) => frame,
                (true, true) => lengthen(f, &mut out, rate),
                (true, false) => shorten(&mut out, frame, rate),
            };
            all.extend_from_slice(&out[..len]);
        }
        all
    }

    #[test]
    fn a_tone_has_no_click_and_keeps_its_energy() {
        for rate in [8_000, 16_000] {
            for tones in [(120.0, 120.0), (200.0, 200.0), (440.0, 480.0), (450.0, 450.0), (1_000.0, 1_000.0)]
            {
                let sound = tone::dual(tones, 1_000, -15.0, rate);
                for longer in [false, true] {
                    let out = stretched(&sound, rate, longer);
                    assert_eq!(out.len() > sound.len(), longer);
                    assert!(out.len() != sound.len());
                    // A mixture of two phases of a sine is a sine; the gain and rounding add a little.
                    let (jump, slope) = (steepest(&out), steepest(&sound));
                    assert!(
                        jump <= slope * 108 / 100 + 2,
                        "{tones:?} at {rate}, {longer}: {jump} of {slope}"
                    );
                    let change = level_dbov(&out) - level_dbov(&sound);
                    assert!(change.abs() < 0.5, "{tones:?} at {rate}: {change} dB");
                }
            }
        }
    }

    #[test]
    fn noise_keeps_its_energy() {
        let mut seed = 1_u32;
        let mut noise = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) as i16 / 4
        };
        let sound: Vec<i16> = (0..16_000).map(|_| noise()).collect();
        for longer in [false, true] {
            let change = level_dbov(&stretched(&sound, 8_000, longer)) - level_dbov(&sound);
            assert!(change.abs() < 0.4, "{change} dB");
        }
    }

    #[test]
    fn a_period_of_a_voice_is_what_goes_and_comes() {
        // Pulses 7 ms apart, as of a deep voice.
        let voice: Vec<i16> = (0..160).map(|i| if i % 56 == 20 { 9_000 } else { 0 }).collect();
        let mut short = voice.clone();
        assert_eq!(shorten(&mut short, 160, 8_000), 104);
        let mut long = [0; 320];
        assert_eq!(lengthen(&voice, &mut long, 8_000), 216);
    }

    #[test]
    fn what_cannot_be_stretched_is_left() {
        let mut tiny = [5; 30];
        assert_eq!(shorten(&mut tiny, 30, 8_000), 30);
        let mut out = [0; 170];
        assert_eq!(lengthen(&[5; 160], &mut out, 8_000), 160);
        assert_eq!(out[..160], [5; 160]);
        assert_eq!(lengthen(&[], &mut out, 8_000), 0);
        assert_eq!(shorten(&mut [], 160, 8_000), 0);
        let mut silent = [0; 160];
        assert_eq!(shorten(&mut silent, 160, 8_000), 80);
        let mut loud = [i16::MIN; 1_920];
        assert!(shorten(&mut loud, 1_920, 16_000) < 1_920 && loud.iter().all(|s| *s == i16::MIN));
    }
}
