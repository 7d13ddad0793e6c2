//! Adding sounds and fading them out.

/// Adds `other` onto `sound`, as far as the shorter reaches; what would be too loud is held at full
/// scale, never wrapped.
pub fn add(sound: &mut [i16], other: &[i16]) {
    for (a, b) in sound.iter_mut().zip(other) {
        *a = a.saturating_add(*b);
    }
}

/// The sum of all of `sounds` in `out`; a sound that is shorter is silent after its end. Only the sum
/// is held at full scale, so the order does not matter (up to 65,535 of them).
pub fn sum(sounds: &[&[i16]], out: &mut [i16]) {
    for (at, block) in out.chunks_mut(SUM_BLOCK).enumerate() {
        let mut wide = [0_i32; SUM_BLOCK];
        for sound in sounds {
            let from = (at * SUM_BLOCK).min(sound.len());
            for (w, s) in wide.iter_mut().zip(&sound[from..]) {
                *w = w.wrapping_add(i32::from(*s));
            }
        }
        for (o, w) in block.iter_mut().zip(wide) {
            *o = w.clamp(-32_768, 32_767) as i16;
        }
    }
}

/// What [`sum`] holds in 32 bits at once: small enough for the stack, long enough for the compiler.
const SUM_BLOCK: usize = 160;

/// Fades straight down to silence over the whole of `samples`; the last one is 0.
///
/// A sound that is simply cut off clicks; 20 ms of slope is enough that it does not.
pub fn fade_out(samples: &mut [i16]) {
    let n = samples.len() as i32;
    for (i, s) in (1..).zip(samples.iter_mut()) {
        *s = (i32::from(*s) * (n - i) / n.max(1)) as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_loud_sounds_are_held_and_not_wrapped() {
        let mut a = [30_000; 160];
        add(&mut a, &[30_000; 160]);
        assert_eq!(a, [i16::MAX; 160]);
        let mut a = [-30_000; 160];
        add(&mut a, &[-30_000; 160]);
        assert_eq!(a, [i16::MIN; 160]);
    }

    #[test]
    fn the_sum_of_many_is_held_once_at_the_end() {
        let mut out = [7; 333];
        sum(&[&[30_000; 333], &[30_000; 200], &[-20_000; 333], &[]], &mut out);
        assert!(out[..200].iter().all(|s| *s == i16::MAX) && out[200..].iter().all(|s| *s == 10_000));
        sum(&[&[30_000; 333], &[30_000; 333], &[-32_000; 333]], &mut out);
        assert_eq!(out, [28_000; 333]);
        sum(&[], &mut out);
        assert_eq!(out, [0; 333]);
    }

    #[test]
    fn a_fade_goes_down_all_the_way_and_ends_in_silence() {
        let mut a = [16_000; 160];
        fade_out(&mut a);
        assert!(a.is_sorted_by(|x, y| x > y));
        assert_eq!(a[159], 0);
        fade_out(&mut []);
    }
}
