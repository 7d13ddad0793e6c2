//! What the far ends say: a minute of talk and pauses, coded once for all streams.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use waihu_audio::{frame, resample};
use waihu_codec::{Encoder, MAX_PAYLOAD};
use waihu_types::Codec;

use crate::LoadError;

/// Frames of a track: a minute, so that streams that begin in different places are really different.
const FRAMES: usize = 3_000;
/// How long one talks at a time [frames]: one to four seconds.
const TALK: std::ops::Range<usize> = 50..200;
/// Pause after talk of 1: two fifths of the time is talk, as in a conversation of two (ITU-T P.59).
const PAUSE: f64 = 1.5;
/// Bounds of the noise in a pause, about -73 dBov.
const NOISE: std::ops::RangeInclusive<i16> = -12..=12;
const RATE: u32 = frame::RATE_8K;

/// A minute that repeats.
pub(crate) struct Track {
    bytes: Vec<u8>,
    /// Where each frame's payload ends, and whether talk begins with it.
    frames: Vec<(usize, bool)>,
}

impl Track {
    pub(crate) fn new(codec: Codec, speech: &[i16], seed: u64) -> Result<Self, LoadError> {
        let mut chance = StdRng::seed_from_u64(seed);
        let made;
        let speech = match speech.iter().any(|s| *s != 0) {
            true => speech,
            false => {
                made = voice(&mut chance);
                &made
            }
        };
        let (samples, begins) = conversation(speech, &mut chance);
        let samples = match codec.sample_rate_hz() {
            RATE => samples,
            rate => frame::to_i16(&resample(&frame::to_f32(&samples), RATE, rate)?),
        };
        let mut encoder = Encoder::new(codec)?;
        let mut track = Self { bytes: Vec::new(), frames: Vec::with_capacity(FRAMES) };
        let mut payload = [0; MAX_PAYLOAD];
        for (samples, begins) in samples.chunks_exact(codec.frame_samples()).zip(begins) {
            let n = encoder.encode(samples, &mut payload);
            track.bytes.extend_from_slice(&payload[..n]);
            track.frames.push((track.bytes.len(), begins));
        }
        Ok(track)
    }

    /// Frames until it repeats.
    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }

    /// The payload of a frame, and whether talk begins with it.
    pub(crate) fn frame(&self, n: usize) -> (&[u8], bool) {
        let n = n % self.len().max(1);
        let begin = n.checked_sub(1).map_or(0, |before| self.frames[before].0);
        let (end, talk) = self.frames[n];
        (&self.bytes[begin..end], talk)
    }
}

/// Speech cut into talk and pauses, and for each frame whether talk begins with it.
fn conversation(speech: &[i16], chance: &mut StdRng) -> (Vec<i16>, Vec<bool>) {
    let mut samples = Vec::with_capacity(FRAMES * frame::SAMPLES_8K);
    let mut begins = Vec::with_capacity(FRAMES);
    let mut words = speech.iter().copied().cycle();
    while begins.len() < FRAMES {
        let talk = chance.random_range(TALK);
        for n in 0..talk {
            samples.extend(words.by_ref().take(frame::SAMPLES_8K));
            begins.push(n == 0);
        }
        let pause = (talk as f64 * PAUSE) as usize;
        samples.extend((0..pause * frame::SAMPLES_8K).map(|_| chance.random_range(NOISE)));
        begins.resize(begins.len() + pause, false);
    }
    samples.truncate(FRAMES * frame::SAMPLES_8K);
    begins.truncate(FRAMES);
    (samples, begins)
}

/// Ten seconds of something voiced, four syllables a second: enough for a voice detector to hear talk.
fn voice(chance: &mut StdRng) -> Vec<i16> {
    let mut phase = 0.0f32;
    (0..10 * RATE)
        .map(|n| {
            let t = n as f32 / RATE as f32;
            let pitch = 120.0 + 25.0 * (t * 2.1).sin();
            phase = (phase + pitch / RATE as f32).fract();
            // A falling series of harmonics, about as a larynx gives.
            let sound: f32 =
                (1..=20).map(|k| (std::f32::consts::TAU * phase * k as f32).sin() / k as f32).sum();
            let syllable = 0.5 - 0.5 * (std::f32::consts::TAU * 4.0 * t).cos();
            let breath = chance.random::<f32>() - 0.5;
            ((sound * syllable * 0.9 + breath * 0.1) * 6_000.0) as i16
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_fifths_of_a_track_are_talk_in_every_codec() {
        for codec in Codec::ALL {
            let track = Track::new(codec, &[], 3).unwrap();
            assert_eq!(track.len(), FRAMES);
            assert!((0..FRAMES).all(|n| !track.frame(n).0.is_empty()), "{codec:?}");
            assert_eq!(track.frame(FRAMES + 5).0, track.frame(5).0);
            let begins = (0..FRAMES).filter(|n| track.frame(*n).1).count();
            // A minute of talk of 2.5 s and pauses of 3.75 s.
            assert!((6..=20).contains(&begins), "{begins}");
        }
        let speech = [8_000, -8_000].repeat(8_000);
        let (samples, _) = conversation(&speech, &mut StdRng::seed_from_u64(3));
        let talk = samples.iter().filter(|s| s.abs() == 8_000).count() as f64 / samples.len() as f64;
        assert!((0.35..0.5).contains(&talk), "{talk}");
    }

    #[test]
    fn g711_takes_160_bytes_a_frame_and_the_seed_decides_the_track() {
        let a = Track::new(Codec::Pcma, &[], 3).unwrap();
        assert!((0..FRAMES).all(|n| a.frame(n).0.len() == 160));
        assert_eq!(a.bytes, Track::new(Codec::Pcma, &[], 3).unwrap().bytes);
        assert_ne!(a.bytes, Track::new(Codec::Pcma, &[], 4).unwrap().bytes);
    }
}
