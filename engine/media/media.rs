//! The handle that control holds.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crossbeam_channel::{Sender, unbounded};
use waihu_types::{Codec, SrtpKey, Time};

use crate::{
    checks::IceCredentials,
    clip::{Clip, Clips},
    event::{MAX_THREADS, PlaybackId, SlotId, Taps},
    load::{Gauges, Load},
    playback::Repeat,
    ports::PortPool,
    remote::Remote,
    slot::{Slot, Sockets},
    worker::{Command, Post, Worker},
};

/// How slots get their ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ports {
    /// A port a slot, and the one above for RTCP: works with every far end.
    #[default]
    PerCall,
    /// A port a thread: cheaper, for carriers and proxies whose streams can be told apart by address
    /// or source number.
    Shared,
}

/// Where RTP lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaConfig {
    /// The address that sockets are bound to, and that the SDP names.
    pub address: IpAddr,
    /// The ports to use, in pairs: an even one for RTP, the odd one above for RTCP.
    pub ports: RangeInclusive<u16>,
    /// How slots get them.
    pub port_mode: Ports,
    /// A slot that hears nothing for so long says so.
    pub no_audio_after: Duration,
    /// The cores that threads are pinned to, a thread each; one thread that runs anywhere where the
    /// list is empty.
    pub cores: Vec<usize>,
    /// What clips are coded with before they are played.
    pub codecs: Vec<Codec>,
}

impl MediaConfig {
    /// One thread on any core, a port a call, G.711.
    pub fn new(address: IpAddr, ports: RangeInclusive<u16>, no_audio_after: Duration) -> Self {
        let codecs = vec![Codec::Pcma, Codec::Pcmu];
        Self { address, ports, port_mode: Ports::default(), no_audio_after, cores: Vec::new(), codecs }
    }
}

/// Why there is no media.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The configured range holds no even port.
    #[error("the RTP port range {first}-{last} holds no even port: give a range such as 20000-29999")]
    NoPorts {
        /// First of the range.
        first: u16,
        /// Last of the range.
        last: u16,
    },
    /// Every port of the range is in use.
    #[error("all RTP ports of {first}-{last} are in use: widen the range, or place fewer calls at once")]
    PortsExhausted {
        /// First of the range.
        first: u16,
        /// Last of the range.
        last: u16,
    },
    /// The address cannot be bound.
    #[error("cannot open an RTP socket at {at}: {source}; is this an address of this machine?")]
    Bind {
        /// Where.
        at: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A thread cannot be started.
    #[error("cannot start the media thread: {0}")]
    Thread(io::Error),
    /// A thread has ended.
    #[error("the media thread has ended")]
    Ended,
}

/// What handles and threads share; nothing in it is touched per packet but by atomics.
pub(crate) struct Shared {
    epoch: Instant,
    pub(crate) ports: PortPool,
    no_audio_after: Duration,
    next_id: AtomicU64,
    clips: Clips,
}

impl Shared {
    pub(crate) fn new(config: MediaConfig) -> Result<Self, MediaError> {
        Ok(Self {
            epoch: Instant::now(),
            ports: PortPool::new(config.address, config.ports)?,
            no_audio_after: config.no_audio_after,
            next_id: AtomicU64::new(0),
            clips: Clips::new(config.codecs),
        })
    }

    pub(crate) fn now(&self) -> Time {
        Time::ZERO + self.epoch.elapsed()
    }
}

struct Thread {
    // Without a limit: a call sends a handful of commands, and the thread takes as many as it can
    // before each tick. A close must never be turned away.
    commands: Sender<Command>,
    gauges: Arc<Gauges>,
    /// Where it is reached, if its slots share a port.
    shared: Option<SocketAddr>,
}

/// The media threads. Cloning gives another handle to the same ones; with the last handle they end,
/// and close what is open.
///
/// A callback in [`Taps`] that holds a handle keeps them alive until its slot is closed.
#[derive(Clone)]
pub struct Media {
    shared: Arc<Shared>,
    threads: Arc<[Thread]>,
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Media({} threads, {} slots)", self.threads.len(), self.load().slots)
    }
}

/// A slot that was opened: where it is reached, and what its own stream is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The slot.
    pub slot: SlotId,
    /// Where it hears RTP.
    pub rtp: SocketAddr,
    /// Where it hears RTCP.
    pub rtcp: SocketAddr,
    /// The source number of what it sends.
    pub ssrc: u32,
}

impl Media {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the range holds no pair of ports, a shared port cannot be bound, or the system gives no
    /// thread.
    pub fn spawn(config: MediaConfig) -> Result<Self, MediaError> {
        let mut cores: Vec<_> = config.cores.iter().copied().map(Some).take(MAX_THREADS).collect();
        if cores.is_empty() {
            cores.push(None);
        }
        let mode = config.port_mode;
        let shared = Arc::new(Shared::new(config)?);
        let threads: Result<Vec<_>, _> =
            cores.into_iter().enumerate().map(|(n, core)| start_thread(n, core, &shared, mode)).collect();
        Ok(Self { shared, threads: threads?.into() })
    }

    /// Opens a slot. It sends and hears nothing until [`Media::start`]; clips played before wait.
    ///
    /// # Errors
    /// [`MediaError::PortsExhausted`] when every port is in use; others when the address cannot be
    /// bound or the thread has ended.
    pub fn open(&self, taps: Taps) -> Result<Opened, MediaError> {
        let emptiest = (0..self.threads.len()).min_by_key(|n| self.threads[*n].gauges.slots());
        self.open_on(emptiest.unwrap_or(0), None, taps)
    }

    /// Opens a slot that can be joined with `other`.
    ///
    /// # Errors
    /// As [`Media::open`].
    pub fn open_beside(&self, other: SlotId, taps: Taps) -> Result<Opened, MediaError> {
        self.open_on(other.thread(), Some(other), taps)
    }

    fn open_on(&self, thread: usize, beside: Option<SlotId>, taps: Taps) -> Result<Opened, MediaError> {
        let Some(at) = self.threads.get(thread) else { return Err(MediaError::Ended) };
        let (sockets, rtp) = match at.shared {
            Some(address) => (Sockets::Shared, address),
            None => {
                let (rtp, rtcp, address) = self.shared.ports.bind()?;
                (Sockets::Own { rtp, rtcp: Some(rtcp) }, address)
            }
        };
        let own = matches!(sockets, Sockets::Own { .. });
        let n = self.shared.next_id.fetch_add(1, Relaxed);
        let id = SlotId(n * MAX_THREADS as u64 + thread as u64);
        let ssrc = rand::random();
        let slot = Box::new(Slot::new(sockets, ssrc, taps, self.shared.no_audio_after));
        // Counted before it is there, so that its end cannot be counted first.
        at.gauges.opened();
        if at.commands.send(Command::Open { slot, id, beside }).is_err() {
            at.gauges.closed();
            if own {
                self.shared.ports.give_back(rtp.port());
            }
            return Err(MediaError::Ended);
        }
        let rtcp = SocketAddr::new(rtp.ip(), rtp.port() + 1);
        Ok(Opened { slot: id, rtp, rtcp, ssrc })
    }

    /// The far end is known: begins to send (silence, when nothing plays) and to hear. Called
    /// again, it changes the far end and keeps our own stream.
    pub fn start(&self, slot: SlotId, remote: Remote) {
        self.send(slot, Command::Start(slot, Box::new(remote)));
    }

    /// The far end is a browser, which proves where it is by connectivity checks that know `ours`: they are
    /// answered from here on, before [`Media::start`] too, and ours goes where they come from, whatever a
    /// [`Remote`] names. Called again, whoever passed before is sent nothing more, and a handshake is to
    /// bring other keys: the far end begins anew.
    pub fn expect_checks(&self, slot: SlotId, ours: IceCredentials) {
        self.send(slot, Command::ExpectChecks(slot, Box::new(ours)));
    }

    /// The keys that a handshake agreed on.
    pub fn keys(&self, slot: SlotId, ours: SrtpKey, theirs: SrtpKey) {
        self.send(slot, Command::Keys(slot, Box::new((ours, theirs))));
    }

    /// Sends a datagram of a handshake from the slot's port; to a far end that is checked for only where a
    /// check came from.
    pub fn send_handshake(&self, slot: SlotId, to: SocketAddr, bytes: Vec<u8>) {
        self.send(slot, Command::Handshake(slot, to, bytes.into()));
    }

    /// Says samples (8 kHz), after what plays and waits. They are coded here and now, once for all
    /// who play the same.
    pub fn play(&self, slot: SlotId, id: PlaybackId, samples: Arc<[i16]>) {
        let clip = self.shared.clips.of(samples);
        self.play_clip(slot, id, clip, Repeat::Once);
    }

    /// Says samples (8 kHz) over and over, after what plays and waits, until it is stopped.
    pub fn play_on(&self, slot: SlotId, id: PlaybackId, samples: Arc<[i16]>) {
        let clip = self.shared.clips.of(samples);
        self.play_clip(slot, id, clip, Repeat::Forever);
    }

    /// Plays a clip, once or until it is stopped.
    pub fn play_clip(&self, slot: SlotId, id: PlaybackId, clip: Arc<Clip>, repeat: Repeat) {
        self.send(slot, Command::Play(slot, id, clip, repeat));
    }

    /// Stops what plays, fading it out in the next frame, and drops what waits.
    pub fn stop(&self, slot: SlotId) {
        self.send(slot, Command::Stop(slot));
    }

    /// Presses keys: as events where the far end takes them, else as tones. Other characters than
    /// keys are passed over.
    pub fn send_dtmf(&self, slot: SlotId, digits: &str) {
        self.send(slot, Command::SendDtmf(slot, digits.to_owned()));
    }

    /// Lets slots hear each other, two or more. What plays on one of them is mixed in for it alone. What
    /// they were joined with before is left. They have to be opened beside each other.
    pub fn join(&self, slots: &[SlotId]) {
        if let Some(first) = slots.first() {
            self.send(*first, Command::Join(slots.to_vec()));
        }
    }

    /// Has each of these slots hear those beside it, and nobody else; all of it changes between two frames. What they
    /// were joined with before is left. A slot that is gone is passed over. They have to be opened beside each other,
    /// and whoever is heard has a line of their own here.
    pub fn hear(&self, who: Vec<(SlotId, Vec<SlotId>)>) {
        if let Some((first, _)) = who.first() {
            self.send(*first, Command::Hear(who));
        }
    }

    /// Takes a slot out of what it is joined with; the others go on.
    pub fn leave(&self, slot: SlotId) {
        self.send(slot, Command::Leave(slot));
    }

    /// Ends a slot; [`MediaEvent::Closed`](crate::MediaEvent::Closed) says when its port is free.
    pub fn close(&self, slot: SlotId) {
        self.send(slot, Command::Close(slot));
    }

    /// The time, on the clock of events and frames.
    pub fn now(&self) -> Time {
        self.shared.now()
    }

    /// How busy the threads are.
    pub fn load(&self) -> Load {
        let mut load = Load::default();
        self.threads.iter().for_each(|t| t.gauges.add_to(&mut load));
        load
    }

    fn send(&self, slot: SlotId, command: Command) {
        // A thread ends only with the last handle, or by a panic of ours, in which case every slot's
        // end has been lost with it and there is nobody to tell.
        let _ = self.threads.get(slot.thread()).map(|t| t.commands.send(command));
    }
}

fn start_thread(
    n: usize,
    core: Option<usize>,
    shared: &Arc<Shared>,
    mode: Ports,
) -> Result<Thread, MediaError> {
    let (sockets, address) = match mode {
        Ports::PerCall => (None, None),
        Ports::Shared => {
            let (rtp, rtcp, address) = shared.ports.bind_shared()?;
            (Some((rtp, rtcp)), Some(address))
        }
    };
    let (commands, received) = unbounded();
    let gauges = Arc::new(Gauges::new());
    let post =
        Post { shared: Arc::clone(shared), gauges: Arc::clone(&gauges), commands: received, core, sockets };
    std::thread::Builder::new()
        .name(format!("media-{n}"))
        .spawn(move || Worker::new(post).run())
        .map_err(MediaError::Thread)?;
    Ok(Thread { commands, gauges, shared: address })
}
