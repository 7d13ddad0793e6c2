//! From one sample rate to another, over rubato's FFT resampler.
//!
//! FFT and not sinc because all rates here are fixed ratios, where it is the cheaper of the two at
//! the same quality (about 1 µs for a 20 ms frame). Rates that wander (clock drift) are the jitter
//! buffer's concern, not this file's.

use std::fmt;

use rubato::{
    Fft, FixedSync, Indexing, Resampler as _,
    audioadapter::Adapter,
    audioadapter_buffers::{direct::SequentialSlice, owned::InterleavedOwned},
};

/// The slowest and the fastest rate taken [Hz]: outside lies only a broken header.
pub const RATES: std::ops::RangeInclusive<u32> = 1_000..=384_000;

/// Input frames at once for a clip: long enough for a steep filter, short beside any clip.
const CLIP_CHUNK: usize = 1_024;

/// Input length of one streaming step [s⁻¹]: a step is 1/50 s, one telephone frame.
const STEPS_PER_SECOND: usize = 50;

/// Why sound could not be brought to another rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResampleError {
    /// A rate that no sound has.
    #[error("a sample rate of {0} Hz is not one we can read; use 8000 to 48000 Hz")]
    Rate(u32),
    /// The resampler refused its buffers; a fault of ours.
    #[error("resampling {from} Hz to {to} Hz failed: {cause}")]
    Failed {
        /// From this rate [Hz].
        from: u32,
        /// To this rate [Hz].
        to: u32,
        /// What rubato said.
        cause: String,
    },
}

fn failed(from: u32, to: u32, cause: impl fmt::Display) -> ResampleError {
    ResampleError::Failed { from, to, cause: cause.to_string() }
}

fn check(from: u32, to: u32) -> Result<(), ResampleError> {
    match [from, to].into_iter().find(|r| !RATES.contains(r)) {
        Some(rate) => Err(ResampleError::Rate(rate)),
        None => Ok(()),
    }
}

/// A whole clip from rate `from` to rate `to` [Hz]: no delay at its start, and exactly
/// ⌈samples · to / from⌉ samples long.
///
/// # Errors
/// When a rate is outside [`RATES`].
pub fn resample(samples: &[f32], from: u32, to: u32) -> Result<Vec<f32>, ResampleError> {
    check(from, to)?;
    if from == to || samples.is_empty() {
        return Ok(samples.to_vec());
    }
    let mut fft = Fft::<f32>::new(from as usize, to as usize, CLIP_CHUNK, 1, FixedSync::Both)
        .map_err(|e| failed(from, to, e))?;
    let input = SequentialSlice::new(samples, 1, samples.len()).map_err(|e| failed(from, to, e))?;
    let mut out = fft.process_all(&input, samples.len(), None).map_err(|e| failed(from, to, e))?.take_data();
    let wanted = (samples.len() as u64 * u64::from(to)).div_ceil(u64::from(from));
    // The library rounds up a float, which can be one sample more than the exact quotient.
    out.resize(wanted as usize, 0.0);
    Ok(out)
}

/// A stream from one rate to another, in pieces of any length.
pub struct Resampler {
    fft: Option<Fft<f32>>,
    from: u32,
    to: u32,
    waiting: Vec<f32>,
    chunk: usize,
    out: InterleavedOwned<f32>,
}

impl fmt::Debug for Resampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resampler({} Hz to {} Hz)", self.from, self.to)
    }
}

impl Resampler {
    /// A stream from rate `from` to rate `to` [Hz]. With equal rates it passes samples through.
    ///
    /// # Errors
    /// When a rate is outside [`RATES`].
    pub fn new(from: u32, to: u32) -> Result<Self, ResampleError> {
        check(from, to)?;
        let step = (from as usize / STEPS_PER_SECOND).max(1);
        let fft = (from != to)
            .then(|| Fft::<f32>::new(from as usize, to as usize, step, 1, FixedSync::Both))
            .transpose()
            .map_err(|e| failed(from, to, e))?;
        let chunk = fft.as_ref().map_or(1, |f| f.input_frames_next());
        let out = InterleavedOwned::new(0.0, 1, fft.as_ref().map_or(1, |f| f.output_frames_max()));
        Ok(Self { fft, from, to, waiting: Vec::new(), chunk, out })
    }

    /// How much later a sound comes out than it went in, beside the filling of a step
    /// [samples at the output rate].
    pub fn delay(&self) -> usize {
        self.fft.as_ref().map_or(0, |f| f.output_delay())
    }

    /// Takes `samples`, and appends what is ready to `out`. What does not fill a step waits.
    ///
    /// # Errors
    /// When the resampler refuses its buffers, which is a fault of ours.
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) -> Result<(), ResampleError> {
        if self.fft.is_none() {
            out.extend_from_slice(samples);
            return Ok(());
        }
        self.waiting.extend_from_slice(samples);
        let whole = self.waiting.len() / self.chunk * self.chunk;
        let mut at = 0;
        while at < whole {
            self.step(at, None, out)?;
            at += self.chunk;
        }
        self.waiting.drain(..whole);
        Ok(())
    }

    /// Ends the stream: appends what still waits and what the filter still holds.
    ///
    /// # Errors
    /// As [`Resampler::push`].
    pub fn finish(mut self, out: &mut Vec<f32>) -> Result<(), ResampleError> {
        if self.fft.is_none() {
            return Ok(());
        }
        let left = self.waiting.len();
        let mut owed =
            (left as u64 * u64::from(self.to)).div_ceil(u64::from(self.from)) as usize + self.delay();
        let mut partial = left;
        while owed > 0 {
            let before = out.len();
            self.step(0, Some(partial), out)?;
            let made = out.len() - before;
            out.truncate(before + owed.min(made));
            owed = owed.saturating_sub(made);
            partial = 0;
        }
        Ok(())
    }

    fn step(&mut self, at: usize, partial: Option<usize>, out: &mut Vec<f32>) -> Result<(), ResampleError> {
        let (from, to) = (self.from, self.to);
        let Some(fft) = &mut self.fft else { return Ok(()) };
        let input = match partial {
            Some(_) => &self.waiting[..],
            None => &self.waiting[at..at + self.chunk],
        };
        let indexing = partial.map(|n| Indexing::new().partial_len(n));
        let input = SequentialSlice::new(input, 1, input.len()).map_err(|e| failed(from, to, e))?;
        let (_, made) = fft
            .process_into_buffer(&input, &mut self.out, indexing.as_ref())
            .map_err(|e| failed(from, to, e))?;
        out.extend((0..made).filter_map(|n| self.out.read_sample(0, n)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        energy::level_dbov,
        frame::{to_f32, to_i16},
        tone,
    };

    const ALL: [u32; 6] = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000];

    #[test]
    fn a_clip_keeps_its_length_pitch_and_level_at_every_rate() {
        for from in ALL {
            for to in [8_000, 16_000] {
                let clip = to_f32(&tone::sine(1_000.0, 500, -12.0, from));
                let out = to_i16(&resample(&clip, from, to).unwrap());
                assert_eq!(out.len(), to as usize / 2, "{from} to {to}");
                assert!((level_dbov(&out) + 12.0).abs() < 0.3, "{from} to {to}: {}", level_dbov(&out));
                let pitch = tone::amplitude_at(&out, 1_000.0, to);
                assert!((20.0 * (pitch / 1.414).log10() + 12.0).abs() < 0.3, "{from} to {to}");
            }
        }
    }

    #[test]
    fn a_click_stays_where_it_was() {
        for from in ALL {
            let mut clip = vec![0.0; from as usize];
            clip[from as usize / 2] = 1.0;
            let out = resample(&clip, from, 8_000).unwrap();
            let loudest = (0..out.len()).max_by(|a, b| out[*a].abs().total_cmp(&out[*b].abs())).unwrap();
            assert!(loudest.abs_diff(4_000) <= 1, "{from}: at {loudest}");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_gone_and_not_folded_back() {
        let clip = to_f32(&tone::sine(6_000.0, 500, -6.0, 16_000));
        let out = to_i16(&resample(&clip, 16_000, 8_000).unwrap());
        // The very ends of a tone are clicks, which do hold low frequencies.
        assert!(level_dbov(&out[400..3_600]) < -60.0, "{}", level_dbov(&out[400..3_600]));
    }

    #[test]
    fn a_stream_gives_what_the_clip_gives_however_it_is_cut() {
        let clip = to_f32(&tone::sine(700.0, 300, -12.0, 8_000));
        for piece in [1, 7, 160, 333, 2_400] {
            let mut stream = Resampler::new(8_000, 16_000).unwrap();
            let delay = stream.delay();
            let mut out = Vec::new();
            for p in clip.chunks(piece) {
                stream.push(p, &mut out).unwrap();
            }
            stream.finish(&mut out).unwrap();
            assert_eq!(out.len(), 4_800 + delay, "pieces of {piece}");
            let sound = to_i16(&out[delay..]);
            assert!((level_dbov(&sound) + 12.0).abs() < 0.3);
            assert!((tone::amplitude_at(&sound, 700.0, 16_000) - 0.355).abs() < 0.01);
        }
    }

    #[test]
    fn impossible_rates_are_refused_and_equal_ones_pass_through() {
        assert_eq!(resample(&[0.1], 0, 8_000), Err(ResampleError::Rate(0)));
        assert_eq!(resample(&[0.1], 8_000, 4_000_000_000), Err(ResampleError::Rate(4_000_000_000)));
        assert_eq!(resample(&[0.1, 0.2], 8_000, 8_000), Ok(vec![0.1, 0.2]));
        assert_eq!(resample(&[], 8_000, 16_000), Ok(vec![]));
        assert_eq!(resample(&[0.5; 3], 8_001, 8_000).map(|v| v.len()), Ok(3));
        let mut same = Vec::new();
        let mut stream = Resampler::new(16_000, 16_000).unwrap();
        stream.push(&[0.5], &mut same).unwrap();
        stream.finish(&mut same).unwrap();
        assert_eq!(same, [0.5]);
    }
}
