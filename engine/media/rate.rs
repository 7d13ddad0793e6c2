//! Between the two rates of a telephone: 8 and 16 kHz, a frame at a time.

use waihu_audio::halfband::{Downsampler, Upsampler};

/// A stream from a leg's rate to another's.
#[derive(Debug, Default)]
pub(crate) enum Rate {
    /// Nothing was converted yet.
    #[default]
    Idle,
    Up(Upsampler),
    Down(Downsampler),
}

impl Rate {
    /// One frame, to as many samples as `to` has: the same, twice or half of them.
    pub(crate) fn convert(&mut self, from: &[i16], to: &mut [i16]) {
        match (from.len().cmp(&to.len()), &mut *self) {
            (std::cmp::Ordering::Equal, _) => to.copy_from_slice(from),
            (std::cmp::Ordering::Less, Self::Up(up)) => drop(up.push(from, to)),
            (std::cmp::Ordering::Greater, Self::Down(down)) => drop(down.push(from, to)),
            (std::cmp::Ordering::Less, _) => {
                *self = Self::Up(Upsampler::new());
                self.convert(from, to);
            }
            (std::cmp::Ordering::Greater, _) => {
                *self = Self::Down(Downsampler::new());
                self.convert(from, to);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use waihu_audio::{energy::level_dbov, tone};

    use super::*;

    #[test]
    fn a_tone_keeps_its_level_and_pitch_both_ways() {
        for (from, to) in [(8_000, 16_000), (16_000, 8_000), (8_000, 8_000)] {
            let clip = tone::sine(700.0, 400, -12.0, from);
            let (mut rate, mut out) = (Rate::default(), Vec::new());
            for frame in clip.chunks(from as usize / 50) {
                let mut other = vec![0; to as usize / 50];
                rate.convert(frame, &mut other);
                out.extend(other);
            }
            let steady = &out[out.len() / 4..];
            assert!((level_dbov(steady) + 12.0).abs() < 0.2, "{from} to {to}: {}", level_dbov(steady));
            assert!(tone::amplitude_at(steady, 700.0, to) > 0.33, "{from} to {to}");
        }
    }
}
