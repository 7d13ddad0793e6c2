//! What the media thread says, and to whom.

use std::{fmt, panic::AssertUnwindSafe};

use crossbeam_channel::Sender;
use waihu_audio::{Frame, StereoFrame};
use waihu_types::Time;

/// One call leg's place in the media thread. Never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotId(pub(crate) u64);

impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slot-{}", self.0)
    }
}

/// A clip being played, named by whoever plays it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlaybackId(pub u64);

/// Takes 20 ms that were heard from the far end; silence where nothing came. The time is the tick at
/// which it was taken out, on the clock of [`Media::now`](crate::Media::now): each frame of a slot is
/// 20 ms after the one before, or a whole number of times that where ticks were skipped. Called in the media thread, so it must not block or allocate; false
/// where it had no room.
pub type HeardTap = Box<dyn FnMut(Time, &Frame) -> bool + Send>;

/// What happened in a slot.
#[derive(Clone, PartialEq, Eq)]
pub enum MediaEvent {
    /// The first packet went out. The first [`StereoFrame`] is of this tick.
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
            Self::Closed(stats) => f.debug_tuple("Closed").field(stats).finish(),
        }
    }
}

/// A slot's counts [packets, where nothing else is said].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Sent.
    pub sent: u64,
    /// Not sent because the system refused.
    pub send_errors: u64,
    /// Received and believed.
    pub received: u64,
    /// Missing from the row of sequence numbers.
    pub lost: u64,
    /// Came after their time.
    pub late: u64,
    /// Came twice.
    pub duplicate: u64,
    /// Overtaken by newer ones, but in time.
    pub reordered: u64,
    /// Garbage, of an unknown payload type, or from someone who is not the far end.
    pub discarded: u64,
    /// Times that the jitter buffer ran dry.
    pub underruns: u64,
    /// Frames that the tap of what is heard had no room for.
    pub unheard: u64,
    /// Frames that are silence in the stereo tap, because it had no room or their ticks were not run.
    pub unrecorded: u64,
    /// Ticks that were not run, because the machine stood still for too long.
    pub skipped_ticks: u64,
}

/// Who listens to a slot.
pub struct Taps {
    /// Each 20 ms heard, from [`Media::start`](crate::Media::start) on. What it has no room for is
    /// dropped and counted.
    pub heard: Option<HeardTap>,
    /// Both sides, from the first packet sent on, one frame each tick. When it is full, the gap is
    /// made up with silence as soon as there is room, so that times in it stay true.
    pub stereo: Option<Sender<StereoFrame>>,
    /// Called in the media thread, so it must not block. If it panics, this slot is closed.
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
                listener.tell(at, MediaEvent::Closed(stats));
            }
            drop(listener);
            let told: Vec<_> = told.iter().collect();
            assert_eq!(told, [(at, MediaEvent::AudioResumed), (at, MediaEvent::Closed(stats))]);
        }
    }
}
