//! Brings packets that come when they like to one 20 ms frame a tick.
//!
//! Sound lies in a ring by its RTP timestamp, one linear sample a place. So packets of 10, 20, 30,
//! 40 or 60 ms, copies, holes and mixed order need no case of their own: a packet is written where
//! it belongs, a tick reads the next 160 places.
//!
//! The rule, kept simple because a call is short and must be explainable from its counts:
//! - A talkspurt is held until `target` of sound is there (40 ms at first: two packets, enough for
//!   a trunk in the same country), or until that time has passed.
//! - Running dry ends the spurt; nothing is skipped. If the missing sound then comes at once, the
//!   network was late and the target grows by 20 ms, to at most 120 (beyond that, people talk into
//!   each other, and a late packet is the lesser harm).
//! - If for two seconds there was never less than a spare frame over the target, one frame is faded
//!   into the next: that undoes a delay spike, and a sender whose clock is fast. A slow one runs
//!   the buffer dry now and then, which costs one short gap in minutes.
//! - After ten calm seconds the target goes down by 20 ms.
//!
//! Absent: concealment of loss (a hole is silence; the recogniser is better without invented
//! sound) and stretching within a frame.

use std::time::Duration;

use waihu_types::Time;

use crate::clock::Unwrapper;

/// Samples a tick takes out: 20 ms at 8 kHz.
pub const FRAME: usize = 160;
/// Places in the ring: 512 ms. The media thread catches up on at most this after a stall.
const CAPACITY: usize = 4_096;
/// The longest packet taken [samples]: 200 ms, more than any packet time in use.
pub const MAX_PACKET: usize = 1_600;
/// The delay at the start and the least there is [samples].
const TARGET_MIN: i64 = 320;
/// The most delay that is worth having [samples].
const TARGET_MAX: i64 = 960;
/// Steps of the target [samples].
const TARGET_STEP: i64 = 160;
/// Ticks over which the least depth is looked at: 2 s, longer than a speaker's packet bursts.
const WINDOW: u32 = 100;
/// Windows without running dry before the target goes down: 10 s.
const CALM_WINDOWS: u32 = 5;
/// Sound that comes this soon after running dry was late, not paused.
const LATE_NOT_PAUSED: Duration = Duration::from_millis(400);
/// Late packets in a row, after which it is the sender's clock that stepped back [packets].
const LATE_RUN: u32 = 10;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It will be heard.
    Queued,
    /// It will be heard, and was overtaken by a newer one.
    Reordered,
    /// Its time is past.
    Late,
    /// Its sound is here already.
    Duplicate,
    /// Its timestamp leads far away: what was held is void, and the stream goes on from here.
    Resynced,
    /// It holds no sound, or more than any packet does.
    Refused,
}

/// What a tick gives.
// A box would cost an allocation a frame, which the media loop does not do.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Popped {
    /// 20 ms of sound; parts that never came are silent.
    Frame([i16; FRAME]),
    /// These 20 ms never came, but later ones did.
    Lost,
    /// There is nothing to hear: no stream, a pause, or a spurt being gathered.
    Empty,
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JitterStats {
    /// Packets whose time was past.
    pub late: u64,
    /// Packets whose sound was here already.
    pub duplicate: u64,
    /// Packets overtaken by newer ones, but in time.
    pub reordered: u64,
    /// Jumps of the timestamp.
    pub resynced: u64,
    /// Packets without sound, or too long.
    pub refused: u64,
    /// Ticks without sound in the middle of sound.
    pub lost_frames: u64,
    /// Times that it ran dry.
    pub underruns: u64,
    /// Frames faded into the next to bring the delay down.
    pub squeezed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Holds nothing.
    Dry,
    /// Gathers since this time.
    Filling(Time),
    Playing,
}

/// The jitter buffer of one call leg.
pub struct JitterBuffer {
    samples: Box<[i16]>,
    there: Box<[bool]>,
    unwrap: Unwrapper,
    /// The next place to be heard. All places outside `play..end` are not `there`.
    play: i64,
    /// One behind the newest sound.
    end: i64,
    /// All before this place was heard or given up when it last ran dry.
    floor: i64,
    /// When it ran dry, until the sound that was missing comes.
    dry_since: Option<Time>,
    /// Whether `play` means anything yet.
    anchored: bool,
    state: State,
    target: i64,
    least: i64,
    ticks: u32,
    calm: u32,
    late_run: u32,
    stats: JitterStats,
}

impl std::fmt::Debug for JitterBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JitterBuffer")
            .field("state", &self.state)
            .field("depth_ms", &self.depth_ms())
            .field("target_ms", &self.target_ms())
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

impl Default for JitterBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl JitterBuffer {
    /// An empty buffer with a target of 40 ms.
    pub fn new() -> Self {
        Self {
            samples: vec![0; CAPACITY].into_boxed_slice(),
            there: vec![false; CAPACITY].into_boxed_slice(),
            unwrap: Unwrapper::default(),
            play: 0,
            end: 0,
            floor: i64::MIN,
            dry_since: None,
            anchored: false,
            state: State::Dry,
            target: TARGET_MIN,
            least: i64::MAX,
            ticks: 0,
            calm: 0,
            late_run: 0,
            stats: JitterStats::default(),
        }
    }

    /// A packet has come: its RTP timestamp and its decoded sound.
    pub fn push(&mut self, now: Time, timestamp: u32, sound: &[i16]) -> Pushed {
        let pushed = self.place(now, timestamp, sound);
        let s = &mut self.stats;
        match pushed {
            Pushed::Queued => {}
            Pushed::Reordered => s.reordered += 1,
            Pushed::Late => s.late += 1,
            Pushed::Duplicate => s.duplicate += 1,
            Pushed::Resynced => s.resynced += 1,
            Pushed::Refused => s.refused += 1,
        }
        if pushed != Pushed::Late {
            self.late_run = 0;
        }
        pushed
    }

    fn place(&mut self, now: Time, timestamp: u32, sound: &[i16]) -> Pushed {
        if sound.is_empty() || sound.len() > MAX_PACKET {
            return Pushed::Refused;
        }
        let start = self.unwrap.unwrap(timestamp);
        let end = start + sound.len() as i64;
        if !self.anchored {
            // Nothing was heard of this stream: whatever comes may lead it.
            self.floor = i64::MIN;
            return self.anchor(now, start, sound, Pushed::Queued);
        }
        if end <= self.play && !self.reaches_back_to(start) {
            self.late_run += 1;
            let stepped_back = self.play - end > CAPACITY as i64 || self.late_run >= LATE_RUN;
            return if stepped_back {
                self.anchor(now, start, sound, Pushed::Resynced)
            } else {
                Pushed::Late
            };
        }
        // Exactly the sound that was waited for: so it was late, and nobody had paused.
        if start == self.floor && self.dry_since.take().is_some_and(|t| now.since(t) <= LATE_NOT_PAUSED) {
            self.target = (self.target + TARGET_STEP).min(TARGET_MAX);
        }
        if self.state == State::Dry {
            let first = start.max(self.play);
            return self.anchor(now, first, &sound[(first - start) as usize..], Pushed::Queued);
        }
        if self.reaches_back_to(start) {
            self.play = start;
        }
        if end - self.play > CAPACITY as i64 {
            return self.anchor(now, start, sound, Pushed::Resynced);
        }
        let first = start.max(self.play);
        if self.there[place_of(first)] {
            return Pushed::Duplicate;
        }
        let overtaken = start < self.end;
        self.write(first, &sound[(first - start) as usize..]);
        self.end = self.end.max(end);
        if overtaken { Pushed::Reordered } else { Pushed::Queued }
    }

    /// While a spurt is gathered nothing of it has been heard: a packet that was overtaken may
    /// still lead it, if it was not itself heard before.
    fn reaches_back_to(&self, start: i64) -> bool {
        matches!(self.state, State::Filling(_))
            && (self.floor..self.play).contains(&start)
            && self.end - start <= TARGET_MAX
    }

    /// Begins anew at `start`.
    fn anchor(&mut self, now: Time, start: i64, sound: &[i16], as_what: Pushed) -> Pushed {
        self.there.fill(false);
        self.anchored = true;
        if as_what == Pushed::Resynced {
            self.floor = start;
        }
        self.play = start;
        self.end = start + sound.len() as i64;
        self.write(start, sound);
        self.state = State::Filling(now);
        as_what
    }

    fn write(&mut self, start: i64, sound: &[i16]) {
        for (at, s) in (start..).zip(sound) {
            self.samples[place_of(at)] = *s;
            self.there[place_of(at)] = true;
        }
    }

    /// A tick: the next 20 ms.
    pub fn pop(&mut self, now: Time) -> Popped {
        let depth = self.end - self.play;
        match self.state {
            State::Dry => return Popped::Empty,
            State::Filling(since) => {
                let waited = now.since(since) >= Duration::from_millis(self.target_ms());
                if depth < self.target && !waited {
                    return Popped::Empty;
                }
                self.state = State::Playing;
                (self.least, self.ticks) = (i64::MAX, 0);
            }
            State::Playing => {}
        }
        if depth <= 0 {
            self.stats.underruns += 1;
            self.calm = 0;
            self.state = State::Dry;
            (self.floor, self.dry_since) = (self.play, Some(now));
            return Popped::Empty;
        }
        let squeeze = self.watch(depth);
        let Some(frame) = self.take() else {
            self.stats.lost_frames += 1;
            return Popped::Lost;
        };
        if squeeze && let Some(next) = self.take() {
            self.stats.squeezed += 1;
            return Popped::Frame(faded(&frame, &next));
        }
        Popped::Frame(frame)
    }

    /// Keeps the least depth of the window; at its end says whether one frame is to go.
    fn watch(&mut self, depth: i64) -> bool {
        self.least = self.least.min(depth);
        self.ticks += 1;
        if self.ticks < WINDOW {
            return false;
        }
        let squeeze = self.least >= self.target + FRAME as i64;
        self.calm += 1;
        if self.calm >= CALM_WINDOWS {
            self.calm = 0;
            self.target = (self.target - TARGET_STEP).max(TARGET_MIN);
        }
        (self.least, self.ticks) = (i64::MAX, 0);
        squeeze
    }

    /// The 160 places from `play`, emptied; `None` when nothing was there.
    fn take(&mut self) -> Option<[i16; FRAME]> {
        let mut out = [0; FRAME];
        let mut any = false;
        for (o, at) in out.iter_mut().zip(self.play..self.end) {
            let i = place_of(at);
            if std::mem::take(&mut self.there[i]) {
                *o = self.samples[i];
                any = true;
            }
        }
        self.play = self.end.min(self.play + FRAME as i64);
        any.then_some(out)
    }

    /// The stream begins anew (another source, another codec): all that is held is dropped.
    pub fn reset(&mut self) {
        self.there.fill(false);
        self.unwrap = Unwrapper::default();
        self.anchored = false;
        self.state = State::Dry;
        self.late_run = 0;
        self.dry_since = None;
    }

    /// Sound held now [ms].
    pub fn depth_ms(&self) -> u64 {
        if self.anchored { (self.end - self.play).max(0) as u64 / 8 } else { 0 }
    }

    /// The delay that is aimed at now [ms].
    pub fn target_ms(&self) -> u64 {
        self.target as u64 / 8
    }

    /// What happened so far.
    pub fn stats(&self) -> JitterStats {
        self.stats
    }
}

fn place_of(at: i64) -> usize {
    at.rem_euclid(CAPACITY as i64) as usize
}

fn faded(from: &[i16; FRAME], to: &[i16; FRAME]) -> [i16; FRAME] {
    std::array::from_fn(|i| {
        let w = i as i32;
        ((i32::from(from[i]) * (FRAME as i32 - w) + i32::from(to[i]) * w) / FRAME as i32) as i16
    })
}

#[cfg(test)]
#[path = "jitter_buffer_tests.rs"]
mod tests;
