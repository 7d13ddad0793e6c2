//! One call leg: what comes from it, what goes to it, who hears it.

mod listen;
mod record;
pub(crate) mod speak;

use std::{
    collections::VecDeque,
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use waihu_audio::{SAMPLES_8K, dtmf_detect::InbandDtmf, gate::SpeechGate, tone};
use waihu_codec::{CodecError, Encoder};
use waihu_rtp::{DtmfPress, DtmfReceiver, DtmfSender, SendClock, SourceState, dtmf};
use waihu_srtp::{Lock, SrtpError, Unlock};
use waihu_types::{Codec, SrtpKey, Time};

use crate::{
    checks::{Checks, IceCredentials, Proven},
    clip::Clip,
    demux::FarEnd,
    event::{HeardTap, Listener, MediaEvent, PlaybackId, Taps},
    latch::Latch,
    playback::{PlayQueue, Repeat},
    rate::Rate,
    receiver::{MAX_FRAME, Receiver},
    remote::{Remote, Security},
    report::Reports,
    stats::Stats,
};
use record::Tape;

/// Keys as tones, for a far end that takes no events: each so long, with such a pause [ms].
const TONE_MS: (u32, u32) = (160, 80);
/// Both together [samples at 8 kHz].
const TONE_SAMPLES: usize = 240 * 8;
/// The level of each of a key's two tones [dBov].
const TONE_DBOV: f32 = -16.0;

/// Where a slot's datagrams come and go.
pub(crate) enum Sockets {
    /// Its own: RTP, and RTCP on the port above.
    Own { rtp: UdpSocket, rtcp: Option<UdpSocket> },
    /// The thread's, with others.
    Shared,
}

/// The far end as it is heard and spoken to; there from the first [`Slot::start`] on.
struct Stream {
    remote: Remote,
    latch: Latch,
    receiver: Receiver,
    encoder: Encoder,
    /// Frames that the encoder made of late and the far end's decoder may still feel: silence is coded
    /// by it too for so long, and comes ready-made then.
    live: u8,
    locks: Option<Box<Locks>>,
    clock: SendClock,
    /// The next sound packet is the first, or follows a hole. Silence is sent like sound, so a clip
    /// after silence begins no talkspurt (RFC 3551, 4.1).
    marker: bool,
    sent_any: bool,
    heard_any: bool,
    heard_at: Time,
    /// The gap that was told of, as long as it was then.
    gap_told: Option<Duration>,
    gate: SpeechGate,
    /// From the leg's rate to the telephone's, for whoever listens; and to the other legs' rate.
    narrow: Rate,
    bridge: Rate,
    inband: Option<Box<InbandDtmf>>,
    reports: Reports,
}

struct Locks {
    ours: Lock,
    theirs: Unlock,
    keys: (SrtpKey, SrtpKey),
}

impl Locks {
    fn new(ours: &SrtpKey, theirs: &SrtpKey) -> Result<Box<Self>, SrtpError> {
        Ok(Box::new(Self { ours: Lock::new(ours)?, theirs: Unlock::new(theirs)?, keys: (*ours, *theirs) }))
    }
}

impl Stream {
    /// Where to send; `None` while the far end holds or is out of reach, or its keys are not there.
    fn target(&self, checks: Option<&Checks>, now: Time) -> Option<SocketAddr> {
        let target = checks.map_or_else(|| self.latch.target(), |checks| checks.target(now));
        target.filter(|_| !self.awaits_keys() && self.remote.direction.receives())
    }

    /// What sound and reports are locked with; none where they go in the clear.
    fn locks(&mut self) -> Option<&mut Locks> {
        self.locks.as_deref_mut().filter(|_| self.remote.security != Security::Plain)
    }

    fn awaits_keys(&self) -> bool {
        self.remote.security != Security::Plain && self.locks.is_none()
    }

    /// Whether sound is to be expected: who holds us owes us none.
    fn is_owed_sound(&self, checks: Option<&Checks>) -> bool {
        (checks.is_some() || self.latch.target().is_some()) && self.remote.direction.sends()
    }
}

pub(crate) struct Slot {
    sockets: Sockets,
    ssrc: u32,
    heard_tap: Option<HeardTap>,
    tape: Option<Tape>,
    listener: Listener,
    /// Where the far end is, where it proves that by checks.
    checks: Option<Box<Checks>>,
    stream: Option<Box<Stream>>,
    source: SourceState,
    /// The clock that keys are told on.
    keys_hz: u32,
    keys_in: DtmfReceiver,
    keys_out: DtmfSender,
    tones_out: VecDeque<i16>,
    /// Keys that were asked for before the far end was known.
    keys_early: String,
    play: PlayQueue,
    /// What came in this tick, at the leg's rate.
    heard: [i16; MAX_FRAME],
    frame: usize,
    /// The same at the other rate, where somebody asked for it in this tick.
    other: Option<[i16; MAX_FRAME]>,
    /// The slots that this one hears, by their places in the thread.
    pub(crate) hears: Vec<usize>,
    /// When a handshake's datagram was handed on last, and how many since there was a pause.
    handshakes: (Time, u32),
    /// A fault of ours fell here; the slot is to be closed.
    pub(crate) broken: bool,
    no_audio_after: Duration,
    stats: Stats,
}

/// Why a far end cannot be spoken with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error(transparent)]
    Srtp(#[from] SrtpError),
}

impl Slot {
    pub(crate) fn new(sockets: Sockets, ssrc: u32, taps: Taps, no_audio_after: Duration) -> Self {
        Self {
            sockets,
            ssrc,
            heard_tap: taps.heard,
            tape: taps.stereo.map(Tape::new),
            listener: Listener::new(taps.events),
            checks: None,
            stream: None,
            source: SourceState::new(),
            keys_hz: 8_000,
            keys_in: DtmfReceiver::new(),
            keys_out: DtmfSender::new(),
            tones_out: VecDeque::new(),
            keys_early: String::new(),
            play: PlayQueue::default(),
            heard: [0; MAX_FRAME],
            frame: SAMPLES_8K,
            other: None,
            hears: Vec::new(),
            handshakes: (Time::ZERO, 0),
            broken: false,
            no_audio_after,
            stats: Stats::default(),
        }
    }

    pub(crate) fn start(&mut self, now: Time, remote: Remote) {
        if let Err(e) = self.start_stream(now, remote) {
            // Whoever asked for it checked what can be coded and locked; the call cannot go on.
            self.broken = true;
            self.listener.tell(now, MediaEvent::Failed(e.to_string()));
        }
    }

    fn start_stream(&mut self, now: Time, remote: Remote) -> Result<(), StartError> {
        let (codec, security, keys_hz) = (remote.codec, remote.security, remote.dtmf_clock_hz.max(1));
        match &mut self.stream {
            // Ours goes on: the far end changed, not the source that it hears.
            Some(s) => {
                s.latch.signalled_again(remote.address);
                if codec != s.remote.codec {
                    self.stats.add_receiver(&s.receiver);
                    s.change_codec(codec, self.ssrc)?;
                }
                if remote.inband_keys != s.inband.is_some() || codec != s.remote.codec {
                    s.inband = inband_of(&remote);
                }
                s.remote = remote;
                s.heard_at = now;
            }
            None => {
                self.stream = Some(Box::new(Stream::new(now, remote, self.ssrc)?));
            }
        }
        if self.frame != codec.frame_samples() {
            self.tones_out = at_rate_of(codec, &self.tones_out, self.frame);
            self.frame = codec.frame_samples();
        }
        if self.keys_hz != keys_hz {
            self.keys_hz = keys_hz;
            // What was down is told: the clock that it was counted on is gone.
            let press = self.keys_in.reset();
            tell_press(&mut self.listener, now, press);
            self.keys_in = DtmfReceiver::with_rate(keys_hz);
            self.keys_out = DtmfSender::with_rate(keys_hz);
        }
        // Locks that are there already are good until a handshake brings others. Where both sides have agreed
        // to leave them off, they are kept: on again with the same keys, they have to go on counting.
        if let Security::Srtp { ours, theirs } = security {
            self.lock_with(&ours, &theirs)?;
        }
        let early = std::mem::take(&mut self.keys_early);
        self.send_dtmf(&early);
        Ok(())
    }

    /// From here on the far end proves where it is by checks that know these. Whoever did so before is
    /// another, or the same anew: it is sent nothing more, and keys of a handshake are to come again.
    pub(crate) fn expect_checks(&mut self, ours: IceCredentials) {
        self.checks = Some(Box::new(Checks::new(ours)));
        if let Some(stream) = &mut self.stream
            && stream.remote.security == Security::Awaited
        {
            stream.locks = None;
        }
    }

    /// The keys that a handshake brought.
    pub(crate) fn keys(&mut self, now: Time, ours: &SrtpKey, theirs: &SrtpKey) {
        if let Err(e) = self.lock_with(ours, theirs) {
            self.broken = true;
            self.listener.tell(now, MediaEvent::Failed(e.to_string()));
        }
    }

    fn lock_with(&mut self, ours: &SrtpKey, theirs: &SrtpKey) -> Result<(), SrtpError> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let Some(locks) = &mut stream.locks else {
            stream.locks = Some(Locks::new(ours, theirs)?);
            return Ok(());
        };
        // The same key again goes on counting, each way by itself: a count that began anew would repeat its
        // keystream, and the far end would not follow.
        if locks.keys.0 != *ours {
            locks.ours = Lock::new(ours)?;
        }
        if locks.keys.1 != *theirs {
            locks.theirs = Unlock::new(theirs)?;
        }
        locks.keys = (*ours, *theirs);
        Ok(())
    }

    pub(crate) fn play(&mut self, now: Time, id: PlaybackId, clip: Arc<Clip>, repeat: Repeat) {
        self.play.add(id, clip, repeat, &mut |e| self.listener.tell(now, e));
    }

    pub(crate) fn stop(&mut self, now: Time) {
        // While keys go out, clips wait unheard: there is nothing to fade.
        let unheard = self.keys_out.digit().is_some() || !self.tones_out.is_empty();
        let tell = &mut |e| self.listener.tell(now, e);
        if unheard { self.play.end(tell) } else { self.play.stop(tell) }
    }

    pub(crate) fn send_dtmf(&mut self, digits: &str) {
        let Some(stream) = &self.stream else {
            // How the far end takes keys is not known yet.
            let room = dtmf::MAX_WAITING.saturating_sub(self.keys_early.len());
            self.keys_early.extend(digits.chars().filter(|d| tone::dtmf(*d).is_some()).take(room));
            return;
        };
        if stream.remote.dtmf_payload_type.is_some() {
            self.keys_out.queue(digits);
            return;
        }
        let wide = self.frame / SAMPLES_8K;
        let rate_hz = 8_000 * wide as u32;
        let room = dtmf::MAX_WAITING.saturating_sub(self.tones_out.len() / (TONE_SAMPLES * wide));
        for pair in digits.chars().filter_map(tone::dtmf).take(room) {
            self.tones_out.extend(tone::dual(pair, TONE_MS.0, TONE_DBOV, rate_hz));
            self.tones_out.extend(tone::silence(TONE_MS.1, rate_hz));
        }
    }

    /// Whether it or its listener has fallen, so that it is of no use to anybody.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken || self.listener.is_broken()
    }

    pub(crate) fn sockets(&self) -> &Sockets {
        &self.sockets
    }

    /// Where a datagram of a handshake may go that is meant for `to`: a far end that proves where it is may
    /// have said nothing of it.
    pub(crate) fn handshake_target(&self, now: Time, to: SocketAddr) -> Option<SocketAddr> {
        match &self.checks {
            Some(checks) if !checks.knows(to) => checks.target(now),
            _ => Some(to),
        }
    }

    /// An address that the far end has proven since this was asked last.
    pub(crate) fn take_proven(&mut self) -> Option<Proven> {
        self.checks.as_mut()?.take_fresh()
    }

    /// What its far end is known by on a port that is shared, where checks tell nothing of it.
    pub(crate) fn far_end(&self) -> Option<FarEnd> {
        if self.checks.is_some() {
            return None;
        }
        let remote = &self.stream.as_ref()?.remote;
        Some(FarEnd { rtp: remote.address, rtcp: remote.rtcp, ssrc: remote.ssrc })
    }

    /// What came in this tick, as a frame of `len` samples.
    pub(crate) fn heard_at(&mut self, len: usize) -> &[i16] {
        if len == self.frame {
            return &self.heard[..len];
        }
        let Some(stream) = &mut self.stream else { return &[0; MAX_FRAME][..len] };
        let heard = &self.heard[..self.frame];
        let other = self.other.get_or_insert_with(|| {
            let mut other = [0; MAX_FRAME];
            stream.bridge.convert(heard, &mut other[..len]);
            other
        });
        &other[..len]
    }

    pub(crate) fn frame_len(&self) -> usize {
        self.frame
    }

    /// `ticks` are not run: time goes on in what is sent and recorded, but nothing is.
    pub(crate) fn skip(&mut self, ticks: u64) {
        let Some(stream) = &mut self.stream else { return };
        stream.clock.advance(stream.remote.codec.frame_ticks().wrapping_mul(ticks as u32));
        stream.marker = true;
        self.stats.skipped_ticks += ticks;
        if stream.sent_any
            && let Some(tape) = &mut self.tape
        {
            tape.skip(ticks);
            self.stats.unrecorded += ticks;
        }
    }

    /// Says its last: the key that was down, the clips that are not over. Lets go of the taps, and
    /// gives the counts.
    pub(crate) fn wind_up(&mut self, now: Time) -> Stats {
        let press = self.keys_in.reset();
        tell_press(&mut self.listener, now, press);
        self.play.end(&mut |e| self.listener.tell(now, e));
        self.heard_tap = None;
        self.tape = None;
        let mut stats = self.stats.clone();
        if let Some(stream) = &self.stream {
            stats.add_receiver(&stream.receiver);
            stats.of_stream(&self.source, &stream.receiver, &stream.reports);
        }
        stats
    }

    /// Closes the sockets: the listener, to be told of the end after it.
    pub(crate) fn into_listener(self) -> Listener {
        self.listener
    }
}

impl Stream {
    fn new(now: Time, remote: Remote, ssrc: u32) -> Result<Self, StartError> {
        let codec = remote.codec;
        Ok(Self {
            latch: Latch::new(remote.address),
            receiver: Receiver::new(codec, ssrc)?,
            encoder: Encoder::new(codec)?,
            live: 0,
            locks: None,
            // Below half the range: a far end that misses our first packets must not miss the wrap, by
            // which SRTP counts on (RFC 3711, 3.3.1).
            clock: SendClock::new(rand::random::<u16>() >> 1, rand::random()),
            marker: true,
            sent_any: false,
            heard_any: false,
            heard_at: now,
            gap_told: None,
            gate: SpeechGate::new(codec.sample_rate_hz()),
            narrow: Rate::default(),
            bridge: Rate::default(),
            inband: inband_of(&remote),
            reports: Reports::new(now, ssrc, codec.clock_rate_hz()),
            remote,
        })
    }

    fn change_codec(&mut self, codec: Codec, ssrc: u32) -> Result<(), StartError> {
        (self.receiver, self.encoder) = (Receiver::new(codec, ssrc)?, Encoder::new(codec)?);
        self.live = 0;
        self.reports.set_clock_rate(codec.clock_rate_hz());
        self.gate = SpeechGate::new(codec.sample_rate_hz());
        (self.narrow, self.bridge) = (Rate::default(), Rate::default());
        self.marker = true;
        Ok(())
    }
}

/// What hears keys in the sound, where they are looked for.
fn inband_of(remote: &Remote) -> Option<Box<InbandDtmf>> {
    remote.inband_keys.then(|| Box::new(InbandDtmf::new(remote.codec.sample_rate_hz())))
}

/// Tones that wait, when frames of `frame` samples give way to that codec's.
fn at_rate_of(codec: Codec, tones: &VecDeque<i16>, frame: usize) -> VecDeque<i16> {
    let tones: Vec<i16> = tones.iter().copied().collect();
    let (mut rate, mut to) = (Rate::default(), vec![0; codec.frame_samples()]);
    let mut out = VecDeque::new();
    for from in tones.chunks(frame) {
        let mut whole = vec![0; frame];
        whole[..from.len()].copy_from_slice(from);
        rate.convert(&whole, &mut to);
        out.extend(&to);
    }
    out
}

fn tell_press(listener: &mut Listener, now: Time, press: Option<DtmfPress>) {
    if let Some(p) = press {
        listener.tell(now, MediaEvent::Dtmf { digit: p.digit, duration_ms: p.duration_ms });
    }
}
