//! One call leg: its socket, what comes from it, what goes to it.

use std::{
    collections::VecDeque,
    io,
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use crossbeam_channel::{Sender, TrySendError};
use waihu_audio::{Frame, SAMPLES_8K, SILENCE, StereoFrame, g711::Law, mix, tone};
use waihu_rtp::{
    Arrival, DtmfEvent, DtmfPress, DtmfReceiver, DtmfSender, JitterBuffer, Packet, Popped, SendClock,
    SourceState,
    clock::FRAME,
    dtmf::{self, DtmfSend},
    jitter_buffer::MAX_PACKET,
    write_packet,
};
use waihu_types::{Codec, Direction, Time};

use crate::{
    event::{HeardTap, Listener, MediaEvent, PlaybackId, SlotId, Stats, Taps},
    latch::Latch,
    playback::PlayQueue,
};

/// Datagrams read from one slot at a time: eight times what a call sends, so that a flood at one
/// slot costs the others little.
const READ_BATCH: usize = 16;

/// Comfort noise (RFC 3389): a sign of life, but no sound of its own here.
const COMFORT_NOISE: u8 = 13;

/// Keys as tones, for a far end that takes no events: each so long, with such a pause [ms].
const TONE_MS: (u32, u32) = (160, 80);
/// Both together [samples].
const TONE_SAMPLES: usize = 240 * 8;
/// The level of each of a key's two tones [dBov].
const TONE_DBOV: f32 = -16.0;

/// The table of a codec. Only G.711 is spoken here as yet.
fn law(codec: Codec) -> Law {
    if codec == Codec::Pcmu { Law::Mu } else { Law::A }
}

/// Where a slot sends, and how: the outcome of offer and answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remote {
    /// From the SDP. 0.0.0.0 or port 0 is a far end on hold: nothing is sent to it.
    pub address: SocketAddr,
    /// How sound is coded.
    pub codec: Codec,
    /// Under which number it is sent.
    pub payload_type: u8,
    /// Under which number keys are sent; without one they are sent as tones.
    pub dtmf_payload_type: Option<u8>,
    /// Nothing is sent to who does not listen, and nothing expected of who does not send.
    pub direction: Direction,
}

/// What is known once the far end is.
struct Stream {
    remote: Remote,
    latch: Latch,
    clock: SendClock,
    ssrc: u32,
    /// The next sound packet is the first, or follows a hole. Silence is sent like sound, so a clip
    /// after silence begins no talkspurt (RFC 3551, 4.1).
    marker: bool,
    sent_any: bool,
    heard_any: bool,
    heard_at: Time,
    /// The gap that was told of, as long as it was then.
    gap_told: Option<Duration>,
}

impl Stream {
    /// Where to send; `None` while the far end holds.
    fn target(&self) -> Option<SocketAddr> {
        self.latch.target().filter(|_| self.remote.direction.receives())
    }

    /// Whether sound is to be expected: who holds us owes us none.
    fn is_owed_sound(&self) -> bool {
        self.latch.target().is_some() && self.remote.direction.sends()
    }
}

pub(crate) struct Slot {
    socket: UdpSocket,
    port: u16,
    heard_tap: Option<HeardTap>,
    stereo_tap: Option<Sender<StereoFrame>>,
    /// Frames that the stereo tap had no room for, owed to it as silence.
    stereo_owed: u64,
    listener: Listener,
    stream: Option<Stream>,
    source: SourceState,
    jitter: JitterBuffer,
    keys_in: DtmfReceiver,
    keys_out: DtmfSender,
    tones_out: VecDeque<i16>,
    play: PlayQueue,
    /// What came in this tick.
    pub(crate) heard: Frame,
    pub(crate) bridged: Option<SlotId>,
    /// A fault of ours fell here; the slot is to be closed.
    pub(crate) broken: bool,
    no_audio_after: Duration,
    stats: Stats,
}

impl Slot {
    pub(crate) fn new(socket: UdpSocket, port: u16, taps: Taps, no_audio_after: Duration) -> Self {
        Self {
            socket,
            port,
            heard_tap: taps.heard,
            stereo_tap: taps.stereo,
            stereo_owed: 0,
            listener: Listener::new(taps.events),
            stream: None,
            source: SourceState::new(),
            jitter: JitterBuffer::new(),
            keys_in: DtmfReceiver::new(),
            keys_out: DtmfSender::new(),
            tones_out: VecDeque::new(),
            play: PlayQueue::default(),
            heard: SILENCE,
            bridged: None,
            broken: false,
            no_audio_after,
            stats: Stats::default(),
        }
    }

    pub(crate) fn start(&mut self, now: Time, remote: Remote) {
        match &mut self.stream {
            // Ours goes on: the far end changed, not the source that it hears.
            Some(s) => {
                s.latch.signalled_again(remote.address);
                s.remote = remote;
                s.heard_at = now;
            }
            None => {
                self.stream = Some(Stream {
                    remote,
                    latch: Latch::new(remote.address),
                    clock: SendClock::new(rand::random(), rand::random()),
                    ssrc: rand::random(),
                    marker: true,
                    sent_any: false,
                    heard_any: false,
                    heard_at: now,
                    gap_told: None,
                });
            }
        }
    }

    pub(crate) fn play(&mut self, now: Time, id: PlaybackId, samples: Arc<[i16]>) {
        self.play.add(id, samples, &mut |e| self.listener.tell(now, e));
    }

    pub(crate) fn stop(&mut self, now: Time) {
        // While keys go out, clips wait unheard: there is nothing to fade.
        let unheard = self.keys_out.digit().is_some() || !self.tones_out.is_empty();
        let tell = &mut |e| self.listener.tell(now, e);
        if unheard { self.play.end(tell) } else { self.play.stop(tell) }
    }

    pub(crate) fn send_dtmf(&mut self, digits: &str) {
        if self.stream.as_ref().is_some_and(|s| s.remote.dtmf_payload_type.is_some()) {
            self.keys_out.queue(digits);
            return;
        }
        let room = dtmf::MAX_WAITING.saturating_sub(self.tones_out.len() / TONE_SAMPLES);
        for pair in digits.chars().filter_map(tone::dtmf).take(room) {
            self.tones_out.extend(tone::dual(pair, TONE_MS.0, TONE_DBOV, 8_000));
            self.tones_out.extend(tone::silence(TONE_MS.1, 8_000));
        }
    }

    /// Whether it or its listener has fallen, so that it is of no use to anybody.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken || self.listener.is_broken()
    }

    /// Reads what has come, in a bounded batch.
    pub(crate) fn receive(&mut self, now: Time, buffer: &mut [u8]) {
        for _ in 0..READ_BATCH {
            match self.socket.recv_from(buffer) {
                Ok((n, from)) => {
                    if !self.datagram(now, from, &buffer[..n]) {
                        self.stats.discarded += 1;
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                // An ICMP error of an earlier packet, told here; the next read goes on.
                Err(_) => {}
            }
        }
    }

    /// One datagram; whether it was of any use.
    fn datagram(&mut self, now: Time, from: SocketAddr, bytes: &[u8]) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        let Ok(packet) = Packet::parse(bytes) else { return false };
        let Some(content) = Content::of(&packet, &stream.remote) else { return false };
        let seeks = stream.remote.direction.sends() && !matches!(content, Content::Key(_));
        if !seeks && !stream.latch.believes(from)
            || !stream.latch.admits(now, from, packet.ssrc, packet.sequence)
        {
            return false;
        }
        match self.source.arrived(packet.ssrc, packet.sequence) {
            Arrival::Discarded => return false,
            Arrival::Restarted => {
                self.jitter.reset();
                let press = self.keys_in.reset();
                tell_press(&mut self.listener, now, press);
            }
            Arrival::Next { .. } | Arrival::Older => {}
        }
        stream.heard_at = now;
        if !std::mem::replace(&mut stream.heard_any, true) {
            self.listener.tell(now, MediaEvent::FirstPacketReceived);
        }
        if stream.gap_told.take().is_some() {
            self.listener.tell(now, MediaEvent::AudioResumed);
        }
        match content {
            Content::Sound(law) => {
                let mut samples = [0; MAX_PACKET];
                let n = law.decode_into(packet.payload, &mut samples);
                self.jitter.push(now, packet.timestamp, &samples[..n]);
            }
            Content::Key(event) => {
                let press = self.keys_in.push(now, packet.timestamp, event);
                tell_press(&mut self.listener, now, press);
            }
            Content::Nothing => {}
        }
        true
    }

    /// First half of a tick: takes 20 ms from the far end.
    pub(crate) fn hear(&mut self, now: Time) {
        self.heard = SILENCE;
        let Some(stream) = &mut self.stream else { return };
        if let Popped::Frame(frame) = self.jitter.pop(now) {
            self.heard = frame;
        }
        let press = self.keys_in.poll(now);
        tell_press(&mut self.listener, now, press);
        if !stream.is_owed_sound() {
            stream.heard_at = now;
            stream.gap_told = None;
        }
        let gap = now.since(stream.heard_at);
        if gap >= stream.gap_told.map_or(self.no_audio_after, |told| told * 2) {
            stream.gap_told = Some(gap);
            let for_ms = u64::try_from(gap.as_millis()).unwrap_or(u64::MAX);
            self.listener.tell(now, MediaEvent::NoAudio { for_ms });
        }
        if let Some(tap) = &mut self.heard_tap
            && !tap(now, &self.heard)
        {
            self.stats.unheard += 1;
        }
    }

    /// Second half of a tick: sends 20 ms. `bridged` is what the other leg of a bridge said.
    pub(crate) fn speak(&mut self, now: Time, bridged: Option<&Frame>) {
        let Some(stream) = &mut self.stream else { return };
        let key = self.keys_out.next_frame();
        let mut frame = bridged.copied().unwrap_or(SILENCE);
        let mut payload = [0; SAMPLES_8K];
        let timestamp = stream.clock.timestamp();
        let (payload_type, timestamp, marker, len) = match key {
            Some(DtmfSend::Event { event, since_start, marker }) => {
                // Keys go instead of sound; what plays waits for them.
                frame = SILENCE;
                stream.marker = true;
                payload[..dtmf::EVENT_LEN].copy_from_slice(&event.to_bytes());
                let number = stream.remote.dtmf_payload_type.unwrap_or(101);
                (number, timestamp.wrapping_sub(since_start), marker, dtmf::EVENT_LEN)
            }
            Some(DtmfSend::Gap) | None => {
                let listener = &mut self.listener;
                if !self.tones_out.is_empty() {
                    let n = self.tones_out.len().min(SAMPLES_8K);
                    for (f, s) in frame.iter_mut().zip(self.tones_out.drain(..n)) {
                        *f = f.saturating_add(s);
                    }
                } else if key.is_none()
                    && let Some(said) = self.play.next_frame(&mut |e| listener.tell(now, e))
                {
                    mix::add(&mut frame, &said);
                }
                let n = law(stream.remote.codec).encode_into(&frame, &mut payload);
                (stream.remote.payload_type, timestamp, std::mem::take(&mut stream.marker), n)
            }
        };
        stream.clock.advance(FRAME);
        if let Some(target) = stream.target() {
            let packet = Packet {
                payload_type,
                marker,
                sequence: stream.clock.take_sequence(),
                timestamp,
                ssrc: stream.ssrc,
                payload: &payload[..len],
            };
            send(&self.socket, target, &packet, &mut self.stats);
            if !std::mem::replace(&mut stream.sent_any, true) {
                self.listener.tell(now, MediaEvent::FirstPacketSent);
            }
        } else {
            // The numbers go on only when something is sent; the first packet after a hold tells
            // the far end that the hole in the timestamps is meant.
            stream.marker = true;
        }
        if stream.sent_any {
            let stereo = StereoFrame { left: self.heard, right: frame };
            self.record(stereo);
        }
    }

    fn record(&mut self, stereo: StereoFrame) {
        let Some(tap) = &self.stereo_tap else { return };
        while self.stereo_owed > 0 && tap.try_send(StereoFrame::SILENCE).is_ok() {
            self.stereo_owed -= 1;
        }
        let sent = if self.stereo_owed > 0 { Err(TrySendError::Full(stereo)) } else { tap.try_send(stereo) };
        match sent {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                self.stereo_owed += 1;
                self.stats.unrecorded += 1;
            }
            Err(TrySendError::Disconnected(_)) => self.stereo_tap = None,
        }
    }

    /// `ticks` are not run: time goes on in what is sent and recorded, but nothing is.
    pub(crate) fn skip(&mut self, ticks: u64) {
        let Some(stream) = &mut self.stream else { return };
        stream.clock.advance(FRAME.wrapping_mul(ticks as u32));
        stream.marker = true;
        self.stats.skipped_ticks += ticks;
        if stream.sent_any && self.stereo_tap.is_some() {
            self.stereo_owed += ticks;
            self.stats.unrecorded += ticks;
        }
    }

    /// Says its last: the key that was down, the clips that are not over. Lets go of the taps, and
    /// gives the counts.
    pub(crate) fn wind_up(&mut self, now: Time) -> Stats {
        let press = self.keys_in.reset();
        tell_press(&mut self.listener, now, press);
        self.play.end(&mut |e| self.listener.tell(now, e));
        (self.heard_tap, self.stereo_tap) = (None, None);
        let jitter = self.jitter.stats();
        let received = self.source.received();
        Stats {
            received,
            lost: self.source.expected().saturating_sub(received.saturating_sub(jitter.duplicate)),
            late: jitter.late,
            duplicate: jitter.duplicate,
            reordered: jitter.reordered,
            underruns: jitter.underruns,
            ..self.stats
        }
    }

    /// Closes the socket: its port, and the listener, to be told of the end after it.
    pub(crate) fn into_port(self) -> (u16, Listener) {
        (self.port, self.listener)
    }
}

fn tell_press(listener: &mut Listener, now: Time, press: Option<DtmfPress>) {
    if let Some(p) = press {
        listener.tell(now, MediaEvent::Dtmf { digit: p.digit, duration_ms: p.duration_ms });
    }
}

fn send(socket: &UdpSocket, target: SocketAddr, packet: &Packet<'_>, stats: &mut Stats) {
    let mut bytes = [0; 12 + SAMPLES_8K];
    let sent = write_packet(packet, &mut bytes).is_some_and(|n| socket.send_to(&bytes[..n], target).is_ok());
    if sent {
        stats.sent += 1;
    } else {
        stats.send_errors += 1;
    }
}

/// What a packet holds.
enum Content {
    Sound(Law),
    Key(DtmfEvent),
    Nothing,
}

impl Content {
    /// Reads the payload type; `None` for one that was never agreed.
    fn of(packet: &Packet<'_>, remote: &Remote) -> Option<Self> {
        let number = packet.payload_type;
        // A far end may send events under our number while we send them under its own, and we
        // offer nothing else that is dynamic: four bytes under such a number are an event.
        let event = number >= 96 && packet.payload.len() == dtmf::EVENT_LEN;
        if Some(number) == remote.dtmf_payload_type || event {
            return DtmfEvent::parse(packet.payload).map(Self::Key);
        }
        match number {
            _ if packet.payload.len() > MAX_PACKET => None,
            n if n == remote.payload_type => Some(Self::Sound(law(remote.codec))),
            // Both laws are in every offer of ours, and an answerer may change between them.
            0 => Some(Self::Sound(Law::Mu)),
            8 => Some(Self::Sound(Law::A)),
            COMFORT_NOISE => Some(Self::Nothing),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use crossbeam_channel::{Receiver, unbounded};

    use super::*;

    const FAR: u16 = 4_000;

    fn at(port: u16) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, port).into()
    }

    /// A slot that has begun, and what it tells.
    fn slot(direction: Direction) -> (Slot, Receiver<MediaEvent>) {
        let socket = UdpSocket::bind(at(0)).unwrap();
        let (tell, told) = unbounded();
        let events = Box::new(move |_, event| drop(tell.send(event)));
        let taps = Taps { heard: None, stereo: None, events };
        let mut slot = Slot::new(socket, 0, taps, Duration::from_secs(1));
        let (codec, dtmf_payload_type) = (Codec::Pcma, Some(101));
        slot.start(
            Time::ZERO,
            Remote { address: at(FAR), codec, payload_type: 8, dtmf_payload_type, direction },
        );
        (slot, told)
    }

    /// How many of five packets in a row are of use.
    fn useful(slot: &mut Slot, from: u16, payload_type: u8, payload: &[u8], first: u16) -> usize {
        let mut bytes = [0; 200];
        let one = |sequence: u16| {
            let timestamp = u32::from(sequence) * 160;
            let packet = Packet { payload_type, marker: false, sequence, timestamp, ssrc: 7, payload };
            let n = write_packet(&packet, &mut bytes).unwrap();
            slot.datagram(Time::ZERO, at(from), &bytes[..n])
        };
        (first..first + 5).map(one).filter(|useful| *useful).count()
    }

    #[test]
    fn who_does_not_listen_is_sent_nothing_and_who_does_not_send_is_not_missed() {
        use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
        for (direction, sends, listens) in [
            (SendRecv, true, true),
            (SendOnly, true, false),
            (RecvOnly, false, true),
            (Inactive, false, false),
        ] {
            let (mut slot, told) = slot(direction);
            assert_eq!(useful(&mut slot, FAR + 2, 8, &[0xD5; 160], 0), usize::from(sends), "{direction:?}");
            for tick in 0..100 {
                let now = Time::from_millis(20 * tick);
                slot.hear(now);
                slot.speak(now, None);
            }
            let missed = told.try_iter().any(|e| matches!(e, MediaEvent::NoAudio { .. }));
            assert_eq!((missed, slot.stats.sent > 0), (sends, listens), "{direction:?}");
            assert_eq!(useful(&mut slot, FAR, 8, &[0xD5; 160], 9), 5, "{direction:?}: the far end itself");
        }
    }

    #[test]
    fn what_is_missing_in_the_recording_is_counted() {
        let (mut slot, _told) = slot(Direction::SendRecv);
        slot.skip(2);
        let (tap, _recorded) = crossbeam_channel::bounded(1);
        slot.stereo_tap = Some(tap);
        for tick in 0..3 {
            slot.speak(Time::from_millis(20 * tick), None);
        }
        slot.skip(4);
        assert_eq!((slot.stats.unrecorded, slot.stats.skipped_ticks), (2 + 4, 2 + 4));
    }

    #[test]
    fn keys_of_a_stranger_are_not_taken_and_prove_nothing() {
        let (mut slot, told) = slot(Direction::SendRecv);
        let key = DtmfEvent { code: 5, end: true, volume: 10, duration: 800 }.to_bytes();
        assert_eq!(useful(&mut slot, FAR + 2, 101, &key, 0), 0);
        assert_eq!(useful(&mut slot, FAR + 2, 8, &[0xD5; 160], 5), 1, "sound does");
        assert!(told.try_iter().all(|e| !matches!(e, MediaEvent::Dtmf { .. })));
        assert_eq!(useful(&mut slot, FAR + 2, 101, &key, 10), 5);
        assert!(told.try_iter().any(|e| matches!(e, MediaEvent::Dtmf { digit: '5', .. })));
    }
}
