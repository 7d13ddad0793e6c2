//! Slots that are driven by hand: the time is made up, nothing sleeps, and what was heard and said is
//! judged by the recording.

mod checks;
mod clips;
mod clocks;
mod comfort_noise;
mod conferences;
mod floods;
mod garbage;
mod keys;
mod locks;
mod networks;
mod packet_lengths;
mod reports;
mod shared_ports;
mod silence;
mod sizes;
mod strangers;
mod thread;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use waihu_audio::{StereoChunk, energy::level_dbov};
use waihu_codec::Encoder;
use waihu_rtp::{Packet, write_packet};
use waihu_types::Time;

use crate::{
    Codec, MediaEvent, Remote, Stats, StereoTap, Taps,
    slot::{Slot, Sockets, speak::Voice},
};

/// Begins late enough that nothing comes before time began.
const BEGIN: Time = Time::from_millis(10_000);
const TICK: Duration = Duration::from_millis(20);

/// A slot, its far end's address, and what it recorded.
struct Rig {
    slot: Slot,
    voice: Voice,
    now: Time,
    /// Where our packets come to.
    sink: UdpSocket,
    far: SocketAddr,
    remote: Remote,
    incoming: BTreeMap<(Time, usize), (SocketAddr, Vec<u8>)>,
    sent: Vec<Vec<u8>>,
    events: Receiver<(Time, MediaEvent)>,
    full: Receiver<Box<StereoChunk>>,
    give: Sender<Box<StereoChunk>>,
    sides: [Vec<i16>; 2],
    ended: bool,
}

/// What was recorded of a leg that is over.
struct Recorded {
    heard: Vec<i16>,
    said: Vec<i16>,
    events: Vec<MediaEvent>,
    stats: Stats,
}

const SSRC: u32 = 0x0102_0304;

fn number_of(codec: Codec) -> u8 {
    codec.static_payload_type().unwrap_or(96)
}

impl Rig {
    fn new(codec: Codec) -> Self {
        Self::with(codec, |r| r)
    }

    fn with(codec: Codec, change: impl FnOnce(Remote) -> Remote) -> Self {
        Self::unbegun(codec, SSRC, None, change).begun()
    }

    fn begun(mut self) -> Self {
        self.slot.start(BEGIN, self.remote.clone());
        self
    }

    /// One that has not been told of its far end.
    fn unbegun(
        codec: Codec,
        ssrc: u32,
        rtcp: Option<UdpSocket>,
        change: impl FnOnce(Remote) -> Remote,
    ) -> Self {
        let local = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (rtp, sink) = (local(), local());
        rtp.set_nonblocking(true).unwrap();
        sink.set_nonblocking(true).unwrap();
        let far = sink.local_addr().unwrap();
        let ((full, filled), (give, empty), (tell, events)) = (unbounded(), unbounded(), unbounded());
        let rate_hz = codec.sample_rate_hz();
        (0..3).for_each(|_| give.send(Box::new(StereoChunk::new(rate_hz))).unwrap());
        let stereo =
            Some(StereoTap { recording: 1, rate_hz, full, empty, paused: std::sync::Arc::default() });
        let taps = Taps { heard: None, stereo, events: Box::new(move |at, e| drop(tell.send((at, e)))) };
        let slot = Slot::new(Sockets::Own { rtp, rtcp }, ssrc, taps, Duration::from_secs(60));
        let remote = change(Remote::plain(far, codec, number_of(codec)));
        Self {
            slot,
            voice: Voice::new(None, None),
            now: BEGIN,
            sink,
            far,
            remote,
            incoming: BTreeMap::new(),
            sent: Vec::new(),
            events,
            full: filled,
            give,
            sides: Default::default(),
            ended: false,
        }
    }

    /// A datagram from the far end's address.
    fn comes(&mut self, at: Time, bytes: Vec<u8>) {
        self.comes_from(self.far, at, bytes);
    }

    fn comes_from(&mut self, from: SocketAddr, at: Time, bytes: Vec<u8>) {
        self.incoming.insert((at, self.incoming.len()), (from, bytes));
    }

    /// One tick.
    fn tick(&mut self) {
        self.now = self.now + TICK;
        let later = self.incoming.split_off(&(self.now, usize::MAX));
        for ((at, _), (from, mut bytes)) in std::mem::replace(&mut self.incoming, later) {
            self.slot.datagram(at, from, &mut bytes, &self.sink);
        }
        self.slot.hear(self.now);
        self.slot.speak(self.now, None, &mut self.voice);
        self.slot.report(self.now, &self.voice);
        let mut buffer = [0; 2_048];
        while let Ok(len) = self.sink.recv(&mut buffer) {
            self.sent.push(buffer[..len].to_vec());
        }
        self.take_chunks();
    }

    fn run(&mut self, ms: u64) {
        (0..ms / 20).for_each(|_| self.tick());
    }

    fn take_chunks(&mut self) {
        for mut chunk in self.full.try_iter() {
            let owed = chunk.owed() as usize;
            self.sides.iter_mut().for_each(|s| s.resize(s.len() + owed, 0));
            for pair in chunk.samples().chunks(2) {
                (0..2).for_each(|side| self.sides[side].push(pair[side]));
            }
            assert!(!self.ended, "nothing comes after the last chunk");
            self.ended = chunk.is_last();
            chunk.begin(0, 0);
            // When the leg is over, nobody takes it any more.
            let _ = self.give.send(chunk);
        }
    }

    fn end(mut self) -> Recorded {
        let stats = self.slot.wind_up(self.now);
        self.take_chunks();
        assert!(self.ended, "a last chunk");
        let [heard, said] = std::mem::take(&mut self.sides);
        let events = self.events.try_iter().map(|(_, e)| e).collect();
        let ticks = self.now.since(BEGIN).as_millis() as usize / 20;
        assert_eq!(heard.len(), ticks * self.slot.frame_len(), "each tick is in the recording");
        Recorded { heard, said, events, stats }
    }
}

impl Recorded {
    /// What it heard that is louder than -45 dBov, in frames of 10 ms.
    fn loud(&self, rate_hz: u32) -> Vec<i16> {
        let frame = rate_hz as usize / 100;
        self.heard.chunks(frame).filter(|f| level_dbov(f) > -45.0).flatten().copied().collect()
    }
}

/// A far end: numbers, stamps and codes what it says.
struct FarEnd {
    encoder: Encoder,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
}

impl FarEnd {
    fn new(codec: Codec) -> Self {
        // Both wrap soon.
        Self { encoder: Encoder::new(codec).unwrap(), ssrc: 9, sequence: 65_500, timestamp: u32::MAX - 4_000 }
    }

    fn wrap(&mut self, payload_type: u8, payload: &[u8], ticks: u32) -> Vec<u8> {
        let (sequence, timestamp, ssrc) = (self.sequence, self.timestamp, self.ssrc);
        let packet = Packet { payload_type, marker: false, sequence, timestamp, ssrc, payload };
        self.sequence = sequence.wrapping_add(1);
        self.timestamp = timestamp.wrapping_add(ticks);
        let mut bytes = vec![0; 2_048];
        let len = write_packet(&packet, &mut bytes).unwrap();
        bytes.truncate(len);
        bytes
    }

    /// A packet of that sound, of any length that the codec may have.
    fn says(&mut self, sound: &[i16]) -> Vec<u8> {
        let codec = self.encoder.codec();
        let mut payload = [0; 1_600];
        let len = self.encoder.encode(sound, &mut payload);
        assert!(len > 0, "{} samples of {codec:?}", sound.len());
        let ticks = sound.len() as u64 * u64::from(codec.clock_rate_hz()) / u64::from(codec.sample_rate_hz());
        self.wrap(number_of(codec), &payload[..len], ticks as u32)
    }

    /// All of a sound, in packets of `ms`, from `at` on; when the last of it is gone.
    fn says_all(&mut self, rig: &mut Rig, at: Time, sound: &[i16], ms: u64) -> Time {
        let frame = ms as usize * self.encoder.codec().sample_rate_hz() as usize / 1_000;
        let mut at = at;
        for piece in sound.chunks_exact(frame) {
            // It comes when its last sample was spoken.
            at = at + Duration::from_millis(ms);
            let bytes = self.says(piece);
            rig.comes(at, bytes);
        }
        at
    }
}
