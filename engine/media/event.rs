//! What the media thread says, and to whom.

use std::{
    fmt,
    net::SocketAddr,
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::AtomicBool},
};

use crossbeam_channel::{Receiver, Sender};
use waihu_audio::{Frame, StereoChunk};
use waihu_types::Time;

use crate::stats::Stats;

/// One call leg's place in a media thread. Never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotId(pub(crate) u64);

impl SlotId {
    /// Which thread holds it: the lowest bits, since the others count on.
    pub(crate) fn thread(self) -> usize {
        self.0 as usize % MAX_THREADS
    }
}

/// More threads than any machine has cores for telephony.
pub(crate) const MAX_THREADS: usize = 256;

impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slot-{}", self.0)
    }
}

/// A clip being played, named by whoever plays it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlaybackId(pub u64);

/// 20 ms that were heard from the far end.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    /// The tick at which it was taken out, on the clock of [`Media::now`](crate::Media::now): each frame
    /// of a slot is 20 ms after the one before, or a whole number of times that where ticks were skipped.
    pub at: Time,
    /// The sound at 8 kHz; silence where nothing came.
    pub frame: &'a Frame,
    /// It may be speech; costlier judges need look at nothing else.
    pub speech: bool,
    /// How loud it is [dBov].
    pub level_dbov: f32,
    /// It is what we say, coming back.
    pub echo: bool,
}

/// Takes what is heard. Called in a media thread, so it must not block or allocate; false where it had
/// no room.
pub type HeardTap = Box<dyn FnMut(&Heard<'_>) -> bool + Send>;

/// Where both sides of a slot go, half a second at a time. All recordings share the two queues.
#[derive(Clone, Debug)]
pub struct StereoTap {
    /// Which recording it is.
    pub recording: u64,
    /// Its rate, 8000 or 16000 [Hz].
    pub rate_hz: u32,
    /// Takes chunks that are full.
    pub full: Sender<Box<StereoChunk>>,
    /// Gives chunks that are empty. Where none is there, silence is owed instead.
    pub empty: Receiver<Box<StereoChunk>>,
    /// While it is true, silence is recorded.
    pub paused: Arc<AtomicBool>,
}

/// What happened in a slot.
#[derive(Clone, PartialEq)]
pub enum MediaEvent {
    /// The first packet went out. The recording begins with this tick.
    FirstPacketSent,
    /// The first believable packet came in.
    FirstPacketReceived,
    /// The first frame of a clip goes out with this tick.
    PlaybackStarted {
        /// Which clip.
        id: PlaybackId,
    },
    /// The last sample of a clip went out: all of it was played.
    PlaybackDone {
        /// Which clip.
        id: PlaybackId,
    },
    /// A clip was stopped, or was never begun because what played before it was stopped; also by
    /// the end of its slot. Each clip ends in one of these two.
    PlaybackStopped {
        /// Which clip.
        id: PlaybackId,
        /// How much of it went out, the fade among it [ms].
        played_ms: u64,
    },
    /// A key was pressed and let go.
    Dtmf {
        /// 0-9, `*`, `#`, A-D.
        digit: char,
        /// How long [ms].
        duration_ms: u32,
    },
    /// Nothing has come for as long as the configuration says. Told again each time that the gap is
    /// twice as long as when it was told.
    NoAudio {
        /// For so long [ms].
        for_ms: u64,
    },
    /// Something came again after [`MediaEvent::NoAudio`].
    AudioResumed,
    /// The far end said by RTCP that it has left.
    Bye,
    /// A far end that proves where it is has not done so for half a minute: nothing more is sent to it.
    ConsentLost,
    /// It has done so again, and is sent to again.
    ConsentRenewed,
    /// A datagram of a handshake came (RFC 7983: DTLS).
    Handshake {
        /// From where.
        from: SocketAddr,
        /// What it is.
        bytes: Box<[u8]>,
    },
    /// Why the slot is about to be closed, where that is our own doing.
    Failed(String),
    /// The slot is gone and its port is free again. Nothing follows.
    Closed(Stats),
}

impl fmt::Debug for MediaEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FirstPacketSent => f.write_str("FirstPacketSent"),
            Self::FirstPacketReceived => f.write_str("FirstPacketReceived"),
            Self::PlaybackStarted { id } => write!(f, "PlaybackStarted({})", id.0),
            Self::PlaybackDone { id } => write!(f, "PlaybackDone({})", id.0),
            Self::PlaybackStopped { id, played_ms } => write!(f, "PlaybackStopped({}, {played_ms} ms)", id.0),
            // Which key it was can be a part of a card or an identity number.
            Self::Dtmf { duration_ms, .. } => write!(f, "Dtmf({duration_ms} ms)"),
            Self::NoAudio { for_ms } => write!(f, "NoAudio({for_ms} ms)"),
            Self::AudioResumed => f.write_str("AudioResumed"),
            Self::Bye => f.write_str("Bye"),
            Self::ConsentLost => f.write_str("ConsentLost"),
            Self::ConsentRenewed => f.write_str("ConsentRenewed"),
            Self::Handshake { bytes, .. } => write!(f, "Handshake({} bytes)", bytes.len()),
            Self::Failed(why) => write!(f, "Failed({why})"),
            Self::Closed(stats) => f.debug_tuple("Closed").field(stats).finish(),
        }
    }
}

/// Who listens to a slot.
pub struct Taps {
    /// Each 20 ms heard, from [`Media::start`](crate::Media::start) on. What it has no room for is
    /// dropped and counted.
    pub heard: Option<HeardTap>,
    /// Both sides, from the first packet sent on, each tick. Where there is no room, the gap is made up
    /// with silence later, so that times in it stay true.
    pub stereo: Option<StereoTap>,
    /// Called in a media thread, so it must not block. If it panics, this slot is closed.
    pub events: Box<dyn FnMut(Time, MediaEvent) + Send>,
}

impl fmt::Debug for Taps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Taps(heard: {}, stereo: {})", self.heard.is_some(), self.stereo.is_some())
    }
}

/// The callback, behind a wall: its panic is that slot's end and no other's. It hears of the end
/// however that comes.
pub(crate) struct Listener {
    callback: Option<Box<dyn FnMut(Time, MediaEvent) + Send>>,
    told_at: Time,
}

impl Listener {
    pub(crate) fn new(callback: Box<dyn FnMut(Time, MediaEvent) + Send>) -> Self {
        Self { callback: Some(callback), told_at: Time::ZERO }
    }

    pub(crate) fn tell(&mut self, at: Time, event: MediaEvent) {
        let Some(callback) = &mut self.callback else { return };
        self.told_at = at;
        let last = matches!(event, MediaEvent::Closed(_));
        // The callback is never called again after a panic, so what it left half done is not seen.
        if std::panic::catch_unwind(AssertUnwindSafe(|| callback(at, event))).is_err() || last {
            self.callback = None;
        }
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.callback.is_none()
    }
}

/// A thread that falls takes its slots with it, and tells nobody but by this.
impl Drop for Listener {
    fn drop(&mut self) {
        self.tell(self.told_at, MediaEvent::Closed(Stats::default()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_told_once_and_also_where_the_thread_has_fallen() {
        for closed in [true, false] {
            let (tell, told) = crossbeam_channel::unbounded();
            let mut listener = Listener::new(Box::new(move |at, event| drop(tell.send((at, event)))));
            let at = Time::from_millis(40);
            listener.tell(at, MediaEvent::AudioResumed);
            let stats = Stats { sent: u64::from(closed), ..Stats::default() };
            if closed {
                listener.tell(at, MediaEvent::Closed(stats.clone()));
            }
            drop(listener);
            let told: Vec<_> = told.iter().collect();
            assert_eq!(told, [(at, MediaEvent::AudioResumed), (at, MediaEvent::Closed(stats.clone()))]);
        }
    }
}
