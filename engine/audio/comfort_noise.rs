//! Comfort noise (RFC 3389): what is heard while a far end sends no sound, and how ours is described.
//!
//! A payload is a level and, if it likes, the spectrum as reflection coefficients. The generator sends
//! white noise through that all-pole filter at that level. Coefficients have the sign that the payload's
//! senders in use give them (as G.711, appendix II: low-pitched noise has a negative first one). Its
//! randomness is a number row begun by the caller. Absent: when to send one (RFC 3389, 4), and Opus,
//! which has its own.

use crate::energy::{SILENCE_DBOV, from_dbov, level_dbov};

/// Coefficients that are used of a payload; more are ignored, which RFC 3389, 3, allows. G.711,
/// appendix II has 10.
pub const MAX_ORDER: usize = 12;

/// The lowest level that a payload can say [dBov].
const QUIETEST_DBOV: f32 = -127.0;

/// How fast the noise comes to a new level: the part of the way in each call of
/// [`ComfortNoise::generate`], about 60 ms in all, so that an update is not heard as a step.
const APPROACH: f32 = 0.3;

/// What a payload says of the noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Description {
    /// Its level, from -127 to 0 [dBov].
    pub level_dbov: f32,
    reflections: [f32; MAX_ORDER],
    order: usize,
}

impl Description {
    /// White noise of that level [dBov].
    pub fn white(level_dbov: f32) -> Self {
        let level_dbov = if level_dbov.is_nan() { SILENCE_DBOV } else { level_dbov };
        Self { level_dbov: level_dbov.clamp(QUIETEST_DBOV, 0.0), reflections: [0.0; MAX_ORDER], order: 0 }
    }

    /// Reads a payload (RFC 3389, 3.3); `None` where it is empty.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let (level, rest) = payload.split_first()?;
        let mut read = Self::white(-f32::from(level & 0x7F));
        for (k, n) in read.reflections.iter_mut().zip(rest) {
            // 255 is not used; as a coefficient it would be on the edge of what is stable.
            *k = 258.0 * (f32::from((*n).min(254)) - 127.0) / 32_768.0;
        }
        read.order = rest.len().min(MAX_ORDER);
        Some(read)
    }

    /// Describes background noise: its level, and its spectrum by `order` coefficients (0: none; at
    /// most [`MAX_ORDER`]). 20 ms or more make a useful estimate.
    pub fn of(noise: &[i16], order: usize) -> Self {
        let mut description = Self::white(level_dbov(noise));
        let order = order.min(MAX_ORDER);
        let mut r = [0.0_f64; MAX_ORDER + 1];
        for (lag, r) in r.iter_mut().enumerate().take(order + 1) {
            let later = noise.get(lag..).unwrap_or(&[]);
            let sum: i64 =
                noise.iter().zip(later).map(|(a, b)| i64::from(i32::from(*a) * i32::from(*b))).sum();
            *r = sum as f64;
        }
        if r[0] <= 0.0 {
            return description;
        }
        // A floor 40 dB below: a hum would make poles that ring.
        r[0] *= 1.0001;
        // Levinson and Durbin.
        let mut a = [0.0_f64; MAX_ORDER + 1];
        let mut error = r[0];
        for m in 1..=order {
            let forecast: f64 = (1..m).map(|i| a[i] * r[m - i]).sum();
            let k = (-(r[m] + forecast) / error).clamp(-0.99, 0.99);
            let before = a;
            for i in 1..m {
                a[i] = before[i] + k * before[m - i];
            }
            a[m] = k;
            error *= 1.0 - k * k;
            description.reflections[m - 1] = k as f32;
        }
        description.order = order;
        description
    }

    /// Writes the payload, as far as there is room; says how many bytes.
    pub fn write(&self, out: &mut [u8]) -> usize {
        let level = (-self.level_dbov).round().clamp(0.0, 127.0) as u8;
        let coded = self.reflections[..self.order]
            .iter()
            .map(|k| (k * 32_768.0 / 258.0 + 127.0).round().clamp(0.0, 254.0) as u8);
        let mut written = 0;
        for (byte, value) in out.iter_mut().zip(std::iter::once(level).chain(coded)) {
            *byte = value;
            written += 1;
        }
        written
    }

    /// What white noise of 1 is multiplied by to have its level behind the filter.
    fn gain(&self) -> f32 {
        let left: f32 = self.reflections.iter().map(|k| 1.0 - k * k).product();
        left.max(0.0).sqrt() * from_dbov(self.level_dbov) * 32_768.0
    }
}

/// Makes the noise.
#[derive(Clone, Debug)]
pub struct ComfortNoise {
    reflections: [f32; MAX_ORDER],
    order: usize,
    /// What comes out of white noise of 1, now and in the end.
    gain: f32,
    target: f32,
    /// What runs backwards through the lattice.
    back: [f32; MAX_ORDER],
    random: u32,
}

impl ComfortNoise {
    /// Silent until it is told of a noise. Calls with different seeds do not hiss alike.
    pub fn new(seed: u32) -> Self {
        let none = [0.0; MAX_ORDER];
        Self { reflections: none, order: 0, gain: 0.0, target: 0.0, back: none, random: seed }
    }

    /// The noise is so from now on; it comes to it within some 60 ms.
    pub fn update(&mut self, description: &Description) {
        self.reflections = description.reflections;
        self.order = description.order;
        self.target = description.gain();
    }

    /// The next `out.len()` samples of it; 20 ms at a time.
    pub fn generate(&mut self, out: &mut [i16]) {
        let from = self.gain;
        self.gain += (self.target - self.gain) * APPROACH;
        let step = (self.gain - from) / out.len().max(1) as f32;
        let mut gain = from;
        for s in out {
            self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Even numbers from -1 to 1 have a root mean square of 1/√3.
            let white = (self.random.cast_signed() >> 8) as f32 * (1.732_050_8 / 8_388_608.0);
            // A lattice: stable with any coefficients below 1, where the direct form is not, rounded.
            let mut y = white;
            for m in (0..self.order).rev() {
                y -= self.reflections[m] * self.back[m];
                if m + 1 < self.order {
                    self.back[m + 1] = self.back[m] + self.reflections[m] * y;
                }
            }
            self.back[0] = y;
            gain += step;
            // A float cast holds at full scale.
            *s = (y * gain).round() as i16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(description: &Description, seconds: usize) -> Vec<i16> {
        let mut generator = ComfortNoise::new(1);
        generator.update(description);
        let mut out = vec![0; 8_000 * seconds];
        out.chunks_mut(160).for_each(|f| generator.generate(f));
        out.split_off(1_600)
    }

    #[test]
    fn noise_has_the_level_and_the_spectrum_that_it_was_told() {
        for payload in
            [&[40_u8][..], &[60, 20, 150], &[30, 230, 140, 127, 100], &[50, 3, 200, 100, 127, 90, 127]]
        {
            let told = Description::parse(payload).unwrap();
            let sound = noise(&told, 20);
            assert!(
                (level_dbov(&sound) - told.level_dbov).abs() < 1.0,
                "{payload:?}: {}",
                level_dbov(&sound)
            );
            let mut again = [0; 16];
            let n = Description::of(&sound, payload.len() - 1).write(&mut again);
            assert_eq!(n, payload.len());
            // 16-bit noise at -60 dBov has a floor of its own; else the estimate is within 5 steps of 255.
            for (a, b) in again.iter().zip(payload) {
                assert!(a.abs_diff(*b) <= 5, "{payload:?} came back as {:?}", &again[..n]);
            }
        }
    }

    #[test]
    fn every_payload_is_stable_and_an_empty_one_is_none() {
        assert_eq!(Description::parse(&[]), None);
        for coefficients in [0_u8, 1, 127, 254, 255] {
            let mut payload = [coefficients; 60];
            payload[0] = 0x80 | 30;
            let told = Description::parse(&payload).unwrap();
            assert_eq!(told.level_dbov, -30.0);
            let level = level_dbov(&noise(&told, 20));
            assert!(level < -24.0, "{coefficients}: {level}");
        }
        let mut quiet = ComfortNoise::new(3);
        let mut out = [9; 160];
        quiet.generate(&mut out);
        assert_eq!(out, [0; 160]);
    }

    #[test]
    fn a_new_level_is_reached_without_a_step_in_a_tenth_of_a_second() {
        let mut generator = ComfortNoise::new(1);
        generator.update(&Description::white(-30.0));
        let mut frames = [[0; 160]; 12];
        frames.iter_mut().for_each(|f| generator.generate(f));
        let levels: Vec<f32> = frames.iter().map(|f| level_dbov(f)).collect();
        assert!(levels[0] < -36.0 && levels[0] < levels[1] && (levels[6] + 30.0).abs() < 2.0, "{levels:?}");
    }

    #[test]
    fn silence_is_described_and_a_hum_does_not_ring() {
        assert_eq!(Description::of(&[0; 160], 10), Description::white(-127.0));
        assert_eq!(Description::of(&[], 10), Description::white(-127.0));
        let hum = crate::tone::sine(50.0, 100, -40.0, 8_000);
        let level = level_dbov(&noise(&Description::of(&hum, 10), 30));
        assert!((level + 40.0).abs() < 6.0, "{level}");
    }
}
