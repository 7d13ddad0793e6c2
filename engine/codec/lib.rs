//! Coded sound to samples and back: G.711, G.722 and Opus behind one encoder and one decoder.
//!
//! G.711 and G.722 are our own (`audio`); Opus is libopus. Nothing is allocated once an encoder or
//! decoder stands, and only libopus allocates at all. Samples are 16 bits, one channel, at the
//! codec's own rate ([`Codec::sample_rate_hz`]); a stereo packet of Opus is mixed to one. Absent:
//! RTP's header, jitter, and the negotiation of what is spoken.

mod payload;

use opus::{Application, Bandwidth, Bitrate, Channels, Signal};
use waihu_audio::{
    conceal::Concealer,
    g711::Law,
    g722::{Decoder as G722Decoder, Encoder as G722Encoder},
};
use waihu_types::Codec;

pub use payload::duration;

/// The longest payload that our encoder makes of 20 ms [bytes]: 128 kbit/s, five times Opus's mean
/// at [`OPUS_BITRATE`], twice G.711. A far end's payloads may be longer.
pub const MAX_PAYLOAD: usize = 320;

/// The most samples in one payload: 200 ms, the most that a receiver should expect of G.711 and
/// G.722 (RFC 3551, 4.2), at 16 kHz. Opus has 120 ms at most (RFC 6716, 3.2.5).
pub const MAX_SAMPLES: usize = 3_200;

/// What we send of Opus [bit/s]: the upper end of RFC 7587's 16-20 kbit/s for wideband speech, and
/// some more since the in-band FEC takes its share.
pub const OPUS_BITRATE: i32 = 24_000;

/// How hard libopus looks for the best coding, 0 to 10. Measured on a minute of eight synthetic voices
/// with FEC at 24 kbit/s (time a frame; mean distance of the spectra): 1 gives up the upper band to make
/// room for the FEC (33 µs, 8.2 dB) and 0 the FEC itself (30 µs); 2 keeps both (90 µs, 5.4 dB); 5 and 10
/// gain little (118 µs, 5.2 dB; 160 µs, 5.2 dB).
const OPUS_COMPLEXITY: i32 = 2;

/// The same for sound of a telephone's band, coded as that. On recorded speech of 8 kHz, with 10 % lost: wide
/// at 2 took 155 µs and came to 5.1 dB, narrow at 2 75 µs and 4.5 dB, narrow at 1 38 µs and 4.5 dB; 0 takes
/// 25 µs and has no FEC.
const OPUS_NARROW_COMPLEXITY: i32 = 1;

/// The loss that FEC is sized for [%]. With 0 libopus would send none.
const OPUS_EXPECTED_LOSS: i32 = 10;

/// libopus conceals in steps of 2.5 ms (40 samples at 16 kHz), 120 ms at once at most.
const OPUS_STEP: usize = 40;
const OPUS_LONGEST: usize = 1_920;

/// Why sound could not be coded or decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// libopus has no encoder or decoder for us.
    #[error("libopus could not be set up: {0:?}")]
    Setup(opus::ErrorCode),
    /// The payload cannot be this codec's.
    #[error("a payload of {bytes} bytes is not {}", .codec.name())]
    Payload {
        /// Whose it should have been.
        codec: Codec,
        /// Its length.
        bytes: usize,
    },
}

impl From<opus::Error> for CodecError {
    fn from(e: opus::Error) -> Self {
        Self::Setup(e.code())
    }
}

/// How much of the band there is in a sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Band {
    /// A telephone's, below 4 kHz.
    Narrow,
    /// All that the codec carries.
    Wide,
}

/// Codes one stream.
#[derive(Debug)]
pub struct Encoder(Coding);

#[derive(Debug)]
enum Coding {
    G711(Codec, Law),
    G722(G722Encoder),
    Opus(opus::Encoder, Band),
}

impl Encoder {
    /// An encoder of that codec that has coded nothing yet.
    ///
    /// # Errors
    /// When libopus refuses, for want of memory.
    pub fn new(codec: Codec) -> Result<Self, CodecError> {
        Ok(Self(match codec {
            Codec::Pcma => Coding::G711(codec, Law::A),
            Codec::Pcmu => Coding::G711(codec, Law::Mu),
            Codec::G722 => Coding::G722(G722Encoder::new()),
            Codec::Opus => {
                let mut encoder =
                    opus::Encoder::new(codec.sample_rate_hz(), Channels::Mono, Application::Voip)?;
                encoder.set_bitrate(Bitrate::Bits(OPUS_BITRATE))?;
                encoder.set_signal(Signal::Voice)?;
                encoder.set_complexity(OPUS_COMPLEXITY)?;
                encoder.set_inband_fec(true)?;
                encoder.set_packet_loss_perc(OPUS_EXPECTED_LOSS)?;
                // What is not sent cannot be told from what is lost by a far end's statistics.
                encoder.set_dtx(false)?;
                Coding::Opus(encoder, Band::Wide)
            }
        }))
    }

    /// Codes 20 ms ([`Codec::frame_samples`]) into `out`, which has room for [`MAX_PAYLOAD`]; gives
    /// the bytes written. G.711 and G.722 take any length, Opus 2.5, 5, 10, 20, 40 or 60 ms; 0 for
    /// another.
    pub fn encode(&mut self, frame: &[i16], out: &mut [u8]) -> usize {
        match &mut self.0 {
            Coding::G711(_, law) => law.encode_into(frame, out),
            Coding::G722(encoder) => encoder.encode(frame, out),
            Coding::Opus(encoder, _) => {
                let room = out.len().min(MAX_PAYLOAD);
                encoder.encode(frame, &mut out[..room]).unwrap_or(0)
            }
        }
    }

    /// Says what it is given from here on, [`Band::Wide`] at first. Opus spends no bits and no time on what a
    /// telephone's sound does not have; the other codecs have no choice.
    pub fn set_band(&mut self, band: Band) {
        let Coding::Opus(encoder, of_late) = &mut self.0 else { return };
        if std::mem::replace(of_late, band) == band {
            return;
        }
        let (bandwidth, complexity) = match band {
            Band::Narrow => (Bandwidth::Narrowband, OPUS_NARROW_COMPLEXITY),
            Band::Wide => (Bandwidth::Fullband, OPUS_COMPLEXITY),
        };
        // Both are known values, and an encoder that refused them would go on as it was.
        let _ = encoder.set_max_bandwidth(bandwidth);
        let _ = encoder.set_complexity(complexity);
    }

    /// What it codes to.
    pub fn codec(&self) -> Codec {
        match self.0 {
            Coding::G711(codec, _) => codec,
            Coding::G722(_) => Codec::G722,
            Coding::Opus(..) => Codec::Opus,
        }
    }
}

/// Decodes one stream, and makes up what is lost of it.
#[derive(Debug)]
pub struct Decoder(Decoding);

#[derive(Debug)]
enum Decoding {
    G711(Codec, Law, Concealer),
    G722(G722Decoder, Concealer),
    Opus(opus::Decoder),
}

impl Decoder {
    /// A decoder of that codec that has heard nothing yet.
    ///
    /// # Errors
    /// When libopus refuses, for want of memory.
    pub fn new(codec: Codec) -> Result<Self, CodecError> {
        let rate = codec.sample_rate_hz();
        Ok(Self(match codec {
            Codec::Pcma => Decoding::G711(codec, Law::A, Concealer::new(rate)),
            Codec::Pcmu => Decoding::G711(codec, Law::Mu, Concealer::new(rate)),
            Codec::G722 => Decoding::G722(G722Decoder::new(), Concealer::new(rate)),
            Codec::Opus => Decoding::Opus(opus::Decoder::new(rate, Channels::Mono)?),
        }))
    }

    /// What it decodes.
    pub fn codec(&self) -> Codec {
        match self.0 {
            Decoding::G711(codec, ..) => codec,
            Decoding::G722(..) => Codec::G722,
            Decoding::Opus(_) => Codec::Opus,
        }
    }

    /// Decodes one payload, of any length that its codec may have, into `out`, which has room for
    /// [`MAX_SAMPLES`]; gives the samples written. After a loss the first of them are faded in.
    ///
    /// # Errors
    /// When the payload cannot be this codec's, or `out` is too short for it. The decoder stays as it
    /// was; what is missing then is the caller's to conceal.
    pub fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        let codec = self.codec();
        let refused = CodecError::Payload { codec, bytes: payload.len() };
        let Some(ticks) = duration(codec, payload) else { return Err(refused) };
        let samples = ticks as usize * codec.sample_rate_hz() as usize / codec.clock_rate_hz() as usize;
        let Some(out) = out.get_mut(..samples) else { return Err(refused) };
        match &mut self.0 {
            Decoding::G711(_, law, concealer) => {
                law.decode_into(payload, out);
                concealer.heard(out);
            }
            Decoding::G722(decoder, concealer) => {
                decoder.decode(payload, out);
                concealer.heard(out);
            }
            Decoding::Opus(decoder) => {
                let n = decoder.decode(payload, out, false).map_err(|_| refused)?;
                return Ok(n);
            }
        }
        Ok(samples)
    }

    /// Makes up `samples` that never came, as far as `out` has room; gives how many. Opus takes them
    /// from the copy that `next`, the packet after the hole, may carry of its predecessor, and else
    /// continues what it heard; G.711 and G.722 repeat the last pitch period and fade within 60 ms.
    pub fn conceal(&mut self, samples: usize, next: Option<&[u8]>, out: &mut [i16]) -> usize {
        let n = samples.min(out.len());
        let out = &mut out[..n];
        match &mut self.0 {
            Decoding::G711(_, _, concealer) | Decoding::G722(_, concealer) => concealer.conceal(out),
            Decoding::Opus(decoder) => conceal_opus(decoder, next, out),
        }
        n
    }
}

/// All of `out` from libopus, in pieces that it takes; the last of them with `next`.
fn conceal_opus(decoder: &mut opus::Decoder, next: Option<&[u8]>, out: &mut [i16]) {
    let whole = out.len() / OPUS_STEP * OPUS_STEP;
    let (steps, rest) = out.split_at_mut(whole);
    let mut left = steps;
    while !left.is_empty() {
        let n = left.len().min(OPUS_LONGEST);
        let (piece, after) = left.split_at_mut(n);
        let last = after.is_empty();
        let with = next.filter(|p| last && duration(Codec::Opus, p).is_some());
        let made = match with {
            Some(packet) => decoder.decode(packet, piece, true),
            None => decoder.decode(&[], piece, false),
        };
        // Whatever libopus did not make is silence: nothing old is played.
        piece[made.unwrap_or(0).min(n)..].fill(0);
        left = after;
    }
    if !rest.is_empty() {
        let mut step = [0; OPUS_STEP];
        if decoder.decode(&[], &mut step, false).is_err() {
            step.fill(0);
        }
        let n = rest.len();
        rest.copy_from_slice(&step[..n]);
    }
}
