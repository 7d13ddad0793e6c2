//! The tones in one frame: none, one sine, or the pair of a busy line.
//!
//! A sine is foretold by its last two samples: x[n] = c·x[n-1] - x[n-2] with c = 2·cos ω. The share of the
//! energy that is not so foretold tells tones from voices; c gives the frequency. Both are sums over the frame
//! (least squares), without a table or a transform. Of pairs only one must be known, and is looked for by name.

use waihu_audio::{Frame, SAMPLES_8K};

/// A frame is one tone where at most this share of its energy is not foretold. A-law noise leaves 0.02 %,
/// the purest vowels 3 %.
const MAX_RESIDUE: f32 = 0.01;

/// A low tone is pure where less is left: cos ω hardly differs there from one note to the next, and a chord
/// would be one. A-law noise alone leaves 0.1 % of a low tone.
const PURE_RESIDUE: f32 = 0.0012;

/// The two pitches of busy and reorder in North America [Hz].
const BUSY_PAIR: (f32, f32) = (480.0, 620.0);

/// Each holds so much of the frame's energy, and both together: 140 Hz apart they are not quite orthogonal
/// over 20 ms.
const MIN_SHARE: f32 = 0.2;
const MIN_BOTH: f32 = 0.8;

/// Mean square of a sample below which nothing is judged (about -46 dBov: a busy tone over a bad line).
const MIN_POWER: f32 = 27_000.0;

/// The telephone band [Hz]: what is outside is hum, or the recursion's fancy.
const BAND_HZ: std::ops::RangeInclusive<f32> = 200.0..=3_400.0;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tone {
    /// Silence, noise, or a voice.
    None,
    /// One steady sine [Hz].
    One(f32),
    /// The same over noise, or a chord of low notes [Hz].
    Rough(f32),
    /// Two, the lower first [Hz].
    Two(f32, f32),
}

/// Judges a frame.
pub(crate) fn tone(frame: &Frame) -> Tone {
    let mut x = [0.0_f32; SAMPLES_8K];
    for (to, from) in x.iter_mut().zip(frame) {
        *to = f32::from(*from);
    }
    // y = x[n] + x[n-2] against x[n-1].
    let [yy, cross, square] = sums::<2, 3>(&x, |w| {
        let y = w[0] + w[2];
        [y * y, y * w[1], w[1] * w[1]]
    });
    if square < MIN_POWER * SAMPLES_8K as f32 {
        return Tone::None;
    }
    let c = cross / square;
    let residue = (yy - c * cross) / square;
    let found = hz(c).filter(|_| residue <= MAX_RESIDUE);
    match found {
        // Two low notes are foretold nearly as well as one between them.
        Some(hz) if !(BUSY_PAIR.0..=BUSY_PAIR.1).contains(&hz) => {
            let sine_squared = 1.0 - c * c / 4.0;
            if residue <= PURE_RESIDUE + MAX_RESIDUE * sine_squared { Tone::One(hz) } else { Tone::Rough(hz) }
        }
        between => match (two(&x, square), between) {
            (Tone::None, Some(hz)) => Tone::One(hz),
            (pair, _) => pair,
        },
    }
}

/// North America's busy: told by how much of the frame's energy lies at its two pitches. The recursion over four
/// samples would foretell any pair, but two so near to each other drown in A-law's noise there.
fn two(x: &[f32; SAMPLES_8K], square: f32) -> Tone {
    let (low, high) = BUSY_PAIR;
    let share = |hz| 2.0 * power_at(x, hz) / (SAMPLES_8K as f32 * square);
    let (l, h) = (share(low), share(high));
    if l.min(h) >= MIN_SHARE && l + h >= MIN_BOTH { Tone::Two(low, high) } else { Tone::None }
}

/// The power near a frequency, in no certain unit (Goertzel's algorithm).
fn power_at(x: &[f32; SAMPLES_8K], hz: f32) -> f32 {
    let c = 2.0 * (std::f32::consts::TAU * hz / 8_000.0).cos();
    let (mut s1, mut s2) = (0.0_f32, 0.0_f32);
    for x in x {
        (s1, s2) = (x + c * s1 - s2, s1);
    }
    s1 * s1 + s2 * s2 - c * s1 * s2
}

/// The frequency of c = 2·cos ω, where it is in the band.
fn hz(c: f32) -> Option<f32> {
    // What is no cosine has no angle: NaN lies in no range.
    let hz = (c / 2.0).acos() * 8_000.0 / std::f32::consts::TAU;
    BAND_HZ.contains(&hz).then_some(hz)
}

/// The sums of N terms over all windows of `BACK` + 1 samples, eight at a time so that the machine may add
/// them side by side; a few windows at the frame's end are left out.
fn sums<const BACK: usize, const N: usize>(
    x: &[f32; SAMPLES_8K],
    term: impl Fn(&[f32]) -> [f32; N],
) -> [f32; N] {
    const LANES: usize = 8;
    let mut lanes = [[0.0_f32; LANES]; N];
    for block in x.windows(LANES + BACK).step_by(LANES) {
        for lane in 0..LANES {
            let terms = term(&block[lane..=lane + BACK]);
            for (sum, term) in lanes.iter_mut().zip(terms) {
                sum[lane] += term;
            }
        }
    }
    lanes.map(|l| l.iter().sum())
}

#[cfg(test)]
mod tests {
    use waihu_audio::{g711::Law, tone as made};

    use super::*;

    fn line(samples: Vec<i16>) -> Vec<Frame> {
        let heard: Vec<i16> = samples.into_iter().map(|s| Law::A.decode(Law::A.encode(s))).collect();
        heard.as_chunks().0.to_vec()
    }

    #[test]
    fn one_sine_through_the_telephone_has_its_frequency() {
        for hz in [350.0, 450.0, 950.0, 1_100.0, 1_400.0, 1_776.7, 2_100.0] {
            for frame in line(made::sine(hz, 200, -20.0, 8_000)) {
                let Tone::One(found) = tone(&frame) else { panic!("{hz}: {:?}", tone(&frame)) };
                assert!((found - hz).abs() < 5.0, "{hz}: {found}");
            }
        }
    }

    #[test]
    fn the_pair_of_busy_is_told_from_keys() {
        for level in [-12.0, -30.0] {
            let busy = line(made::dual((480.0, 620.0), 400, level, 8_000));
            let found = busy.iter().filter(|f| tone(f) == Tone::Two(480.0, 620.0)).count();
            assert!(found * 10 >= busy.len() * 9, "{found} of {}", busy.len());
        }
        for key in "0123456789*#".chars() {
            let pair = made::dtmf(key).unwrap();
            assert!(line(made::dual(pair, 200, -12.0, 8_000)).iter().all(|f| tone(f) == Tone::None), "{key}");
        }
    }

    #[test]
    fn silence_noise_and_three_sines_are_no_tone() {
        assert_eq!(tone(&waihu_audio::SILENCE), Tone::None);
        let mut seed = 1_u32;
        let noise = std::array::from_fn(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 18) as i16
        });
        assert_eq!(tone(&noise), Tone::None);
        let three: Vec<i16> = made::dual((500.0, 1_000.0), 100, -18.0, 8_000)
            .into_iter()
            .zip(made::sine(1_700.0, 100, -18.0, 8_000))
            .map(|(a, b)| a + b)
            .collect();
        assert!(line(three).iter().all(|f| tone(f) == Tone::None));
    }
}
