//! Adding sounds and fading them out.

use crate::frame::Frame;

/// Adds `other` onto `frame`; what would be too loud is held at full scale, never wrapped.
pub fn add(frame: &mut Frame, other: &Frame) {
    for (a, b) in frame.iter_mut().zip(other) {
        *a = a.saturating_add(*b);
    }
}

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
    fn a_fade_goes_down_all_the_way_and_ends_in_silence() {
        let mut a = [16_000; 160];
        fade_out(&mut a);
        assert!(a.is_sorted_by(|x, y| x > y));
        assert_eq!(a[159], 0);
        fade_out(&mut []);
    }
}
