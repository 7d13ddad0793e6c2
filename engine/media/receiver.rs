//! From packets to an even 20 ms of sound: order, decoding, and what is made up where nothing came.

use waihu_audio::{
    comfort_noise::{ComfortNoise, Description},
    stretch,
};
use waihu_codec::{CodecError, Decoder, MAX_SAMPLES};
use waihu_rtp::{Pace, Packet, PlayoutBuffer, PlayoutStats, Popped, Pushed};
use waihu_types::{Codec, Time};

/// Samples of 20 ms at the highest rate.
pub(crate) const MAX_FRAME: usize = 320;
/// One packet's sound, and the frame that it is taken out by.
const HELD: usize = MAX_SAMPLES + MAX_FRAME;

/// What became of the ticks so far [samples at the leg's rate].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Made {
    /// Heard as they came.
    pub(crate) heard: u64,
    /// Made up, where packets were lost or late.
    pub(crate) concealed: u64,
    /// Stretches of made-up sound.
    pub(crate) holes: u64,
    /// Packets that were not what their codec's packets are.
    pub(crate) undecodable: u64,
}

/// The ear of one leg.
pub(crate) struct Receiver {
    codec: Codec,
    seed: u32,
    buffer: PlayoutBuffer,
    decoder: Decoder,
    /// Decoded sound that waits for its tick: `pcm[begin..end]`.
    pcm: Box<[i16]>,
    begin: usize,
    end: usize,
    /// What the far end says its silence sounds like.
    noise: Option<ComfortNoise>,
    /// What is still to be heard from before it said so [ms].
    before_noise_ms: u64,
    in_hole: bool,
    /// The last packet held less than a tick.
    short_packets: bool,
    made: Made,
}

impl Receiver {
    /// `seed` makes its noise unlike that of others.
    pub(crate) fn new(codec: Codec, seed: u32) -> Result<Self, CodecError> {
        Ok(Self {
            codec,
            seed,
            buffer: PlayoutBuffer::new(codec.clock_rate_hz()),
            decoder: Decoder::new(codec)?,
            pcm: vec![0; HELD].into_boxed_slice(),
            begin: 0,
            end: 0,
            noise: None,
            before_noise_ms: 0,
            in_hole: false,
            short_packets: false,
            made: Made::default(),
        })
    }

    /// A packet of sound; `codec` is what its payload type stands for.
    pub(crate) fn push(&mut self, arrived: Time, packet: &Packet<'_>, codec: Codec) -> Pushed {
        // The laws may change from packet to packet; another rate comes by an offer or an answer.
        if codec.sample_rate_hz() != self.codec.sample_rate_hz() {
            return Pushed::Refused;
        }
        match waihu_codec::duration(codec, packet.payload) {
            Some(duration) => {
                self.short_packets = duration < codec.frame_ticks();
                self.buffer.push(arrived, packet, duration)
            }
            None => Pushed::Refused,
        }
    }

    /// A packet that holds no sound: its number is no loss.
    pub(crate) fn pass(&mut self, sequence: u16) {
        self.buffer.pass(sequence);
    }

    /// A packet of comfort noise (RFC 3389): how the far end's silence sounds from here on.
    pub(crate) fn push_noise(&mut self, payload: &[u8]) {
        let Some(description) = Description::parse(payload) else { return };
        let seed = self.seed;
        self.noise.get_or_insert_with(|| ComfortNoise::new(seed)).update(&description);
        self.before_noise_ms = self.buffer.depth_ms();
    }

    /// Sound is over, or given up: what came before the noise leaves it, what came after ends it.
    fn passed(&mut self, ticks: u32) {
        if self.before_noise_ms == 0 {
            self.noise = None;
        }
        let ms = u64::from(ticks) * 1_000 / u64::from(self.codec.clock_rate_hz());
        self.before_noise_ms = self.before_noise_ms.saturating_sub(ms.max(1));
    }

    /// The next 20 ms. `codec_of` tells what a payload type stands for.
    pub(crate) fn take(&mut self, now: Time, out: &mut [i16], codec_of: impl Fn(u8) -> Option<Codec>) {
        if self.begin == self.end {
            (self.begin, self.end) = (0, 0);
        }
        // Each round makes sound, or fills the tick up: packets hold 2.5 ms at least.
        while self.end - self.begin < out.len() {
            let missing = out.len() - (self.end - self.begin);
            if self.begin > 0 {
                self.pcm.copy_within(self.begin..self.end, 0);
                (self.begin, self.end) = (0, self.end - self.begin);
            }
            self.fill(now, missing, &codec_of);
        }
        out.copy_from_slice(&self.pcm[self.begin..self.begin + out.len()]);
        self.begin += out.len();
    }

    fn fill(&mut self, now: Time, missing: usize, codec_of: &impl Fn(u8) -> Option<Codec>) {
        let per_tick = |codec: Codec, ticks: u32| {
            (u64::from(ticks) * u64::from(codec.sample_rate_hz()) / u64::from(codec.clock_rate_hz())) as usize
        };
        let room = &mut self.pcm[self.end..];
        match self.buffer.pop(now) {
            Popped::Packet { payload_type, payload, duration, pace } => {
                let codec = codec_of(payload_type).unwrap_or(self.codec);
                if codec != self.decoder.codec()
                    && let Ok(other) = Decoder::new(codec)
                {
                    self.decoder = other;
                }
                let wanted = per_tick(codec, duration).min(room.len());
                let made = match self.decoder.decode(payload, room) {
                    Ok(n) => n,
                    Err(_) => {
                        self.made.undecodable += 1;
                        self.decoder.conceal(wanted.max(missing), None, room)
                    }
                };
                self.in_hole = false;
                self.made.heard += made as u64;
                self.end += paced(room, made, pace, codec.sample_rate_hz());
                self.passed(duration);
            }
            Popped::Lost { duration, next } => {
                let wanted = per_tick(self.codec, duration).clamp(1, MAX_SAMPLES);
                let made = self.decoder.conceal(wanted, next, room);
                self.count_hole(made);
                self.end += made.max(1);
                self.passed(duration);
            }
            Popped::Empty { dry: true } => {
                let made = self.decoder.conceal(missing, None, room).min(missing);
                room[made..missing].fill(0);
                self.count_hole(missing);
                self.end += missing;
            }
            Popped::Empty { dry: false } => {
                let silence = &mut room[..missing];
                match &mut self.noise {
                    Some(noise) => noise.generate(silence),
                    None => silence.fill(0),
                }
                self.in_hole = false;
                self.end += missing;
            }
        }
    }

    fn count_hole(&mut self, samples: usize) {
        self.made.concealed += samples as u64;
        self.made.holes += u64::from(!std::mem::replace(&mut self.in_hole, true));
    }

    /// The stream begins anew.
    pub(crate) fn reset(&mut self) {
        self.buffer.reset();
        self.noise = None;
    }

    /// Whether packets come more often than ticks.
    pub(crate) fn gets_short_packets(&self) -> bool {
        self.short_packets
    }

    pub(crate) fn codec(&self) -> Codec {
        self.codec
    }

    pub(crate) fn made(&self) -> Made {
        self.made
    }

    pub(crate) fn stats(&self) -> PlayoutStats {
        self.buffer.stats()
    }

    pub(crate) fn delay_ms(&self) -> u64 {
        self.buffer.depth_ms()
    }
}

/// Takes one pitch period out of the first `len` samples, or puts one in; how many there are then.
fn paced(sound: &mut [i16], len: usize, pace: Pace, rate_hz: u32) -> usize {
    match pace {
        Pace::AsIs => len,
        Pace::Shorten => stretch::shorten(sound, len, rate_hz),
        Pace::Lengthen => {
            // Room for the longest packet: where all of them are long, they have to be stretched too.
            let mut longer = [0; HELD];
            let made = stretch::lengthen(&sound[..len], &mut longer, rate_hz);
            if made > sound.len() || made < len {
                return len;
            }
            sound[..made].copy_from_slice(&longer[..made]);
            made
        }
    }
}
