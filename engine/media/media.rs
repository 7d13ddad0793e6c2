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
use waihu_types::Time;

use crate::{
    event::{PlaybackId, SlotId, Taps},
    ports::PortPool,
    slot::{Remote, Slot},
    worker::{Command, Worker},
};

/// Where RTP lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaConfig {
    /// The address that sockets are bound to, and that the SDP names.
    pub address: IpAddr,
    /// The ports to use; only the even ones are, each for one call leg.
    pub ports: RangeInclusive<u16>,
    /// A slot that hears nothing for so long says so.
    pub no_audio_after: Duration,
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
    /// The thread cannot be started.
    #[error("cannot start the media thread: {0}")]
    Thread(io::Error),
    /// The thread has ended.
    #[error("the media thread has ended")]
    Ended,
}

/// What handles and thread share; nothing in it is touched per packet but by atomics.
pub(crate) struct Shared {
    epoch: Instant,
    pub(crate) ports: PortPool,
    no_audio_after: Duration,
    next_id: AtomicU64,
    pub(crate) slots: AtomicU64,
    pub(crate) ticks: AtomicU64,
    pub(crate) late_ticks: AtomicU64,
    pub(crate) busy_us: AtomicU64,
}

impl Shared {
    pub(crate) fn now(&self) -> Time {
        Time::ZERO + self.epoch.elapsed()
    }

    pub(crate) fn instant(&self, at: Time) -> Instant {
        self.epoch + Duration::from_micros(at.as_micros())
    }
}

/// How busy the thread is; the pacer dials slower when ticks come late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Slots open now.
    pub slots: u64,
    /// Ticks run so far.
    pub ticks: u64,
    /// Of these, run more than 20 ms late, or not at all.
    pub late_ticks: u64,
    /// Time spent reading sockets and running ticks so far. What it grew by between two looks, over
    /// the time between them, is the share of the thread in use; ticks come late as it nears 1.
    pub busy: Duration,
}

/// The media thread. Cloning gives another handle to the same one; with the last handle it ends,
/// and closes what is open.
///
/// A callback in [`Taps`] that holds a handle keeps the thread alive until its slot is closed.
#[derive(Clone)]
pub struct Media {
    shared: Arc<Shared>,
    // Without a limit: a call sends a handful of commands, and the thread empties the queue
    // before each tick. A close must never be turned away.
    commands: Sender<Command>,
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Media").field(&self.load()).finish()
    }
}

impl Media {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the range holds no even port, or the system gives no thread.
    pub fn spawn(config: MediaConfig) -> Result<Self, MediaError> {
        let shared = Arc::new(Shared {
            epoch: Instant::now(),
            ports: PortPool::new(config.address, config.ports)?,
            no_audio_after: config.no_audio_after,
            next_id: AtomicU64::new(0),
            slots: AtomicU64::new(0),
            ticks: AtomicU64::new(0),
            late_ticks: AtomicU64::new(0),
            busy_us: AtomicU64::new(0),
        });
        let (commands, received) = unbounded();
        let worker = Worker::new(Arc::clone(&shared), received);
        std::thread::Builder::new()
            .name("media-0".to_owned())
            .spawn(move || worker.run())
            .map_err(MediaError::Thread)?;
        Ok(Self { shared, commands })
    }

    /// Opens a slot, with a socket of its own. It sends and hears nothing until
    /// [`Media::start`]; clips played before wait.
    ///
    /// # Errors
    /// [`MediaError::PortsExhausted`] when every port is in use; others when the address cannot be
    /// bound or the thread has ended.
    pub fn open(&self, taps: Taps) -> Result<(SlotId, SocketAddr), MediaError> {
        let (socket, at) = self.shared.ports.bind()?;
        let id = SlotId(self.shared.next_id.fetch_add(1, Relaxed));
        let slot = Box::new(Slot::new(socket, at.port(), taps, self.shared.no_audio_after));
        // Counted before it is there, so that its end cannot be counted first.
        self.shared.slots.fetch_add(1, Relaxed);
        if self.commands.send(Command::Open(slot, id)).is_err() {
            self.shared.slots.fetch_sub(1, Relaxed);
            self.shared.ports.give_back(at.port());
            return Err(MediaError::Ended);
        }
        Ok((id, at))
    }

    /// The far end is known: begins to send (silence, when nothing plays) and to hear. Called
    /// again, it changes the far end and keeps our own stream.
    pub fn start(&self, slot: SlotId, remote: Remote) {
        self.send(Command::Start(slot, remote));
    }

    /// Says a clip (8 kHz), after what plays and waits.
    pub fn play(&self, slot: SlotId, id: PlaybackId, samples: Arc<[i16]>) {
        self.send(Command::Play(slot, id, samples));
    }

    /// Stops what plays, fading it out in the next frame, and drops what waits.
    pub fn stop(&self, slot: SlotId) {
        self.send(Command::Stop(slot));
    }

    /// Presses keys: as events where the far end takes them, else as tones. Other characters than
    /// keys are passed over.
    pub fn send_dtmf(&self, slot: SlotId, digits: &str) {
        self.send(Command::SendDtmf(slot, digits.to_owned()));
    }

    /// Lets two slots hear each other. What plays on either is mixed in for it alone. A bridge
    /// that one of them was in before ends.
    pub fn bridge(&self, a: SlotId, b: SlotId) {
        self.send(Command::Bridge(a, b));
    }

    /// Ends a bridge.
    pub fn unbridge(&self, a: SlotId, b: SlotId) {
        self.send(Command::Unbridge(a, b));
    }

    /// Ends a slot; [`MediaEvent::Closed`](crate::MediaEvent::Closed) says when its port is free.
    pub fn close(&self, slot: SlotId) {
        self.send(Command::Close(slot));
    }

    /// The time, on the clock of events and frames.
    pub fn now(&self) -> Time {
        self.shared.now()
    }

    /// How busy the thread is.
    pub fn load(&self) -> Load {
        Load {
            slots: self.shared.slots.load(Relaxed),
            ticks: self.shared.ticks.load(Relaxed),
            late_ticks: self.shared.late_ticks.load(Relaxed),
            busy: Duration::from_micros(self.shared.busy_us.load(Relaxed)),
        }
    }

    fn send(&self, command: Command) {
        // The thread ends only with the last handle, or by a panic of ours, in which case every
        // slot's end has been lost with it and there is nobody to tell.
        let _ = self.commands.send(command);
    }
}
