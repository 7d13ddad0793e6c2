//! What is played: samples, and their coded frames, made once for all the calls that play them.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use waihu_audio::{SAMPLES_8K, frame::RATE_8K, resample};
use waihu_codec::{Encoder, MAX_PAYLOAD};
use waihu_types::Codec;

/// Clips that are kept coded for the next call [samples at 8 kHz]: half an hour, 14 MB a codec.
const KEPT: usize = 8_000 * 1_800;

/// Sound to play, at 8 kHz, in frames of 20 ms; the last is filled up with silence.
pub struct Clip {
    samples: Arc<[i16]>,
    /// The same at 16 kHz, where a leg wants it.
    wide: OnceLock<Box<[i16]>>,
    coded: [OnceLock<Coded>; Codec::ALL.len()],
}

impl std::fmt::Debug for Clip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clip({} ms)", self.samples.len() / 8)
    }
}

/// The payloads of a clip, one a frame.
struct Coded {
    bytes: Box<[u8]>,
    ends: Box<[u32]>,
}

impl Coded {
    fn frame(&self, n: usize) -> Option<&[u8]> {
        let end = *self.ends.get(n)? as usize;
        let begin = n.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        self.bytes.get(begin..end)
    }
}

impl Clip {
    /// A clip of samples at 8 kHz, coded with `codecs`. That takes time (a second of Opus a few
    /// milliseconds), so it is not for the media thread. What it is not coded with is coded anew by
    /// each call that plays it.
    pub fn new(samples: Arc<[i16]>, codecs: &[Codec]) -> Self {
        let clip = Self { samples, wide: OnceLock::new(), coded: Default::default() };
        for codec in codecs {
            clip.code(*codec);
        }
        clip
    }

    fn code(&self, codec: Codec) {
        let Some(place) = self.coded.get(codec as usize) else { return };
        // Without the encoder each call codes it, and tells why where that fails as well.
        let Ok(mut encoder) = Encoder::new(codec) else { return };
        place.get_or_init(|| {
            let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(self.frames()));
            let (mut payload, mut frame) = ([0; MAX_PAYLOAD], [0; 2 * SAMPLES_8K]);
            for n in 0..self.frames() {
                let frame = &mut frame[..codec.frame_samples()];
                self.copy_frame(n, frame);
                let len = encoder.encode(frame, &mut payload);
                bytes.extend_from_slice(&payload[..len]);
                ends.push(bytes.len() as u32);
            }
            Coded { bytes: bytes.into(), ends: ends.into() }
        });
    }

    /// How many frames of 20 ms it has.
    pub fn frames(&self) -> usize {
        self.samples.len().div_ceil(SAMPLES_8K)
    }

    /// The payload of frame `n`, if it is coded so.
    pub(crate) fn payload(&self, codec: Codec, n: usize) -> Option<&[u8]> {
        self.coded.get(codec as usize)?.get()?.frame(n)
    }

    /// The samples of frame `n`, at 8 or 16 kHz as `to` is 160 or 320 long.
    pub(crate) fn copy_frame(&self, n: usize, to: &mut [i16]) {
        let samples = if to.len() == SAMPLES_8K { &self.samples[..] } else { self.wide() };
        let from = samples.get(n * to.len()..).unwrap_or_default();
        let len = from.len().min(to.len());
        to[..len].copy_from_slice(&from[..len]);
        to[len..].fill(0);
    }

    fn wide(&self) -> &[i16] {
        self.wide.get_or_init(|| {
            let narrow = waihu_audio::frame::to_f32(&self.samples);
            // Both rates are ones that it knows.
            let wide = resample(&narrow, RATE_8K, 2 * RATE_8K).unwrap_or_default();
            waihu_audio::frame::to_i16(&wide).into()
        })
    }
}

/// The clips of late, by the samples that they were made of.
#[derive(Debug)]
pub(crate) struct Clips {
    codecs: Vec<Codec>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    by_address: HashMap<usize, Arc<Clip>>,
    order: VecDeque<usize>,
    samples: usize,
}

impl Clips {
    pub(crate) fn new(codecs: Vec<Codec>) -> Self {
        Self { codecs, kept: Mutex::default() }
    }

    /// The clip of these samples: the one that is there, or a new one.
    pub(crate) fn of(&self, samples: Arc<[i16]>) -> Arc<Clip> {
        let address = Arc::as_ptr(&samples).addr();
        let found = {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            // The address stays taken for as long as the clip holds the samples.
            kept.by_address.get(&address).filter(|c| Arc::ptr_eq(&c.samples, &samples)).map(Arc::clone)
        };
        // Coded without the lock: others play meanwhile. Two at once do it twice, and no harm.
        found.unwrap_or_else(|| self.keep(address, Arc::new(Clip::new(samples, &self.codecs))))
    }

    fn keep(&self, address: usize, clip: Arc<Clip>) -> Arc<Clip> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if clip.samples.len() <= KEPT && kept.by_address.insert(address, Arc::clone(&clip)).is_none() {
            kept.order.push_back(address);
            kept.samples += clip.samples.len();
        }
        while kept.samples > KEPT
            && let Some(oldest) = kept.order.pop_front()
        {
            let gone = kept.by_address.remove(&oldest);
            kept.samples -= gone.map_or(0, |c| c.samples.len());
        }
        clip
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_is_coded_frame_by_frame_and_filled_up_with_silence() {
        for codec in Codec::ALL {
            let clip = Clip::new(vec![1_000; 170].into(), &[codec]);
            assert_eq!(clip.frames(), 2);
            assert!((0..2).all(|n| clip.payload(codec, n).is_some_and(|p| !p.is_empty())), "{codec:?}");
            assert_eq!(clip.payload(codec, 2), None);
            let mut frame = vec![7; codec.frame_samples()];
            clip.copy_frame(1, &mut frame);
            assert!(frame[codec.frame_samples() / 8..].iter().all(|s| *s == 0), "{codec:?}");
        }
        assert_eq!(Clip::new(vec![1; 160].into(), &[]).payload(Codec::Pcma, 0), None);
    }

    #[test]
    fn the_same_samples_are_coded_once_and_old_ones_are_let_go() {
        let clips = Clips::new(vec![Codec::Pcma]);
        let samples: Arc<[i16]> = vec![5; 800].into();
        let first = clips.of(Arc::clone(&samples));
        assert!(Arc::ptr_eq(&first, &clips.of(Arc::clone(&samples))));
        assert!(!Arc::ptr_eq(&first, &clips.of(vec![5; 800].into())));
        clips.of(vec![0; KEPT - 900].into());
        assert!(!Arc::ptr_eq(&first, &clips.of(samples)), "the oldest had to go");
    }
}
