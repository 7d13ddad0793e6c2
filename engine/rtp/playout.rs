//! Puts coded packets in order and gives each when it is to be heard.
//!
//! Sound stays coded here, since Opus and G.722 decode in order only, and a coded packet is small.
//! Packets lie by sequence number, timestamps say when; so a gap in the timestamps between numbers
//! that follow each other is a pause, and a gap in the numbers is loss.
//!
//! One figure rules: the **delay** of a packet that is taken out, against the fastest packet of the
//! last second or two (had that one been heard on arrival, its delay were 0).
//! - The **target** is the delay by which 99 % of the sound of the last ten seconds was there, at
//!   least 40 ms (two packets: enough for a trunk in the same country, and a packet behind a lost
//!   one is there to mend it) or one packet, at most 120 (beyond that, people talk into each other,
//!   and a late packet is the lesser harm).
//! - A talkspurt begins when its first packet has the target's delay. A pause in the timestamps is
//!   played so too, which brings the delay to the target where nobody hears it.
//! - A number that is missing while later ones are here is given up when its time comes: `Lost`.
//! - Running dry skips nothing: the caller conceals for 60 ms, then is silent, and goes on with the
//!   packet that was late. If what then comes shows that the missing one was lost, the time spent
//!   dry counts as its time.
//! - Delay over the target by more than a tick and a half asks the caller to shorten sound by a
//!   pitch period, if sound is held that can be spared; delay under it by a quarter asks to
//!   lengthen: each 100 ms, or with each packet where it is far off. So clocks that run apart and
//!   delay spikes are made good.
//! - A timestamp that contradicts both its number and its arrival is the sender's clock jumping:
//!   the packet is put where its number says.
//!
//! Absent: decoding, concealment and stretching (the caller's), and the proof of the source
//! ([`crate::SourceState`]; whoever uses this resets it on a restart).

mod delay;

use waihu_types::Time;

use crate::{clock::Unwrapper, header::Packet};
use delay::{Fastest, Lateness};

/// Longest payload held [bytes]: more than a datagram on Ethernet carries.
pub const MAX_PAYLOAD: usize = 1_600;
/// Places for packets, by sequence number: 640 ms of 10 ms packets.
const PLACES: usize = 64;
/// The most sound held [ms]: after a longer stall people have begun anew, and the oldest is dropped.
pub const CAPACITY_MS: u64 = 1_000;
/// The longest packet [1/s]: 200 ms, more than any packet time in use.
const LONGEST: i64 = 5;
/// The delay at the start and the least there is [ms].
const TARGET_MIN_MS: i64 = 40;
/// The most delay that is worth having [ms].
const TARGET_MAX_MS: i64 = 120;
/// Delay over the target from which sound is shortened [ms]: a tick of 20 ms, which is the grain of
/// all this, and a half against changing to and fro.
const OVER_MS: i64 = 30;
/// Delay under the target from which sound is lengthened [ms].
const UNDER_MS: i64 = 5;
/// Beyond the above by this much, each packet is shortened or lengthened [ms].
const FAR_MS: i64 = 60;
/// Otherwise one in this much sound [ms], which is hardly heard.
const PACE_EVERY_MS: i64 = 100;
/// So long a dry run is concealed [ms]: longer, invented sound becomes a buzz.
const CONCEAL_MS: i64 = 60;
/// Sound that comes this soon after running dry was late, not paused; and a packet that is later or
/// earlier than this tells of a pause or of a clock that jumped [ms].
const LATE_NOT_PAUSED_MS: i64 = 400;
/// Gaps in the timestamps up to this are none [ms]: clocks of gateways that round.
const SLACK_MS: i64 = 5;
/// Late packets in a row, one number after the other, after which it is the sender that has stepped
/// back.
const LATE_RUN: u32 = 10;
/// A step of the sequence from which it has begun anew (RFC 3550, A.1: MAX_DROPOUT) [packets].
const MAX_DROPOUT: i64 = 3_000;
/// The most time that is counted with [µs]: near two years, so that ticks at 48 kHz stay in 64 bits.
const MAX_US: u64 = 60_000_000_000_000;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It will be heard.
    Queued,
    /// It will be heard, and was overtaken by a newer one.
    Reordered,
    /// Its time is past.
    Late,
    /// It is here already.
    Duplicate,
    /// It will be heard; its timestamp or number led far away, and the stream goes on from here.
    Resynced,
    /// It holds no sound, or more than any packet does.
    Refused,
}

/// What is to be heard next.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Popped<'a> {
    /// A packet to be decoded.
    Packet {
        /// As it stood in the packet.
        payload_type: u8,
        /// Coded sound.
        payload: &'a [u8],
        /// As it was handed in [ticks].
        duration: u32,
        /// What to do with its sound once it is decoded.
        pace: Pace,
    },
    /// These ticks never came, though later ones did.
    Lost {
        /// How much is missing: at most as much as the packet behind the hole holds [ticks].
        duration: u32,
        /// The payload behind the hole, where it follows at once (Opus can mend the hole from it).
        next: Option<&'a [u8]>,
    },
    /// Nothing to hear: no stream, a pause, a spurt being gathered.
    Empty {
        /// It ran dry in the middle of speech just now: conceal, don't cut.
        dry: bool,
    },
}

impl std::fmt::Debug for Popped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The sound itself is what somebody said.
        match self {
            Self::Packet { payload_type, payload, duration, pace } => {
                write!(f, "Packet(type {payload_type}, {} bytes, {duration} ticks, {pace:?})", payload.len())
            }
            Self::Lost { duration, next } => {
                write!(f, "Lost({duration} ticks, next {:?})", next.map(<[u8]>::len))
            }
            Self::Empty { dry } => write!(f, "Empty(dry: {dry})"),
        }
    }
}

/// How a packet's sound is to be brought to the wanted delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As it is.
    AsIs,
    /// One pitch period is to be taken out.
    Shorten,
    /// One pitch period is to be put in.
    Lengthen,
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlayoutStats {
    /// Packets given out.
    pub played: u64,
    /// Packets given up: they had not come when their time did.
    pub lost: u64,
    /// Runs of such packets, one after the other; see [`crate::quality::burst_ratio`].
    pub lost_runs: u64,
    /// Packets whose time was past; they are among the lost.
    pub late: u64,
    /// Packets that were here already.
    pub duplicate: u64,
    /// Packets overtaken by newer ones, but in time.
    pub reordered: u64,
    /// Jumps of the sender's clock or numbers.
    pub resynced: u64,
    /// Packets without sound, or too long.
    pub refused: u64,
    /// Packets dropped unheard since too much was held.
    pub dropped: u64,
    /// Times that it ran dry in the middle of speech: what came then was late.
    pub underruns: u64,
    /// Packets given out to be shortened.
    pub shortened: u64,
    /// Packets given out to be lengthened.
    pub lengthened: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Free,
    /// A packet of the stream without sound.
    Passed,
    Held,
}

struct Place {
    sequence: i64,
    timestamp: i64,
    duration: i64,
    payload: Vec<u8>,
    payload_type: u8,
    content: Content,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    sequence: i64,
    /// The newest that holds sound.
    sound: i64,
    /// One behind the last tick of that.
    end: i64,
}

/// What a pop does.
enum Step {
    Empty { dry: bool },
    Lost { duration: i64, next: Option<i64> },
    Play { sequence: i64, pace: Pace },
}

/// The first packet that is held.
struct First {
    sequence: i64,
    timestamp: i64,
    duration: i64,
    /// Numbers before it that have not come.
    missing: i64,
}

/// The jitter buffer of one call leg. Sequence numbers and timestamps are counted on beyond their
/// wraps; all times are ticks of the RTP clock.
pub struct PlayoutBuffer {
    /// Ticks a second.
    rate: i64,
    places: Box<[Place]>,
    /// Emptied payloads, the last used on top: so only as many are ever filled as are held at once.
    spare: Vec<Vec<u8>>,
    /// The payload that was given out last.
    out: Vec<u8>,
    unwrap: Unwrapper,
    /// What jumps of the sender's clock have come to.
    offset: i64,
    newest: Option<Newest>,
    /// The number to be heard next; all before it are heard or given up.
    next: i64,
    /// One behind the last tick that was heard or given up.
    play: i64,
    /// Nothing was heard yet, so an older packet may still lead.
    fresh: bool,
    playing: bool,
    dry_since: Option<i64>,
    fastest: Option<Fastest>,
    lateness: Lateness,
    last_duration: i64,
    /// The timestamp from which the pace may be changed again.
    pace_from: i64,
    late_run: u32,
    last_late: i64,
    /// The last that was to be heard was given up.
    in_loss: bool,
    stats: PlayoutStats,
}

impl std::fmt::Debug for PlayoutBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlayoutBuffer")
            .field("playing", &self.playing)
            .field("depth_ms", &self.depth_ms())
            .field("target_ms", &self.target_ms())
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

impl PlayoutBuffer {
    /// An empty buffer for a stream whose RTP clock has `clock_rate_hz` (taken as 1,000 to 48,000).
    pub fn new(clock_rate_hz: u32) -> Self {
        let rate = i64::from(clock_rate_hz.clamp(1_000, 48_000));
        let place = || Place {
            sequence: 0,
            timestamp: 0,
            duration: 0,
            payload: Vec::new(),
            payload_type: 0,
            content: Content::Free,
        };
        Self {
            rate,
            places: std::iter::repeat_with(place).take(PLACES).collect(),
            spare: Vec::new(),
            out: Vec::new(),
            unwrap: Unwrapper::default(),
            offset: 0,
            newest: None,
            next: 0,
            play: 0,
            fresh: true,
            playing: false,
            dry_since: None,
            fastest: None,
            lateness: Lateness::new(rate),
            last_duration: 0,
            pace_from: i64::MIN,
            late_run: 0,
            last_late: 0,
            in_loss: false,
            stats: PlayoutStats::default(),
        }
    }

    /// A packet has come. `duration`: ticks that its payload holds, which the caller knows by the
    /// codec; 0 and more than 200 ms are refused, as is a payload that is empty or too long.
    pub fn push(&mut self, arrived: Time, packet: &Packet<'_>, duration: u32) -> Pushed {
        let pushed = self.sort(arrived, packet, duration.into());
        let s = &mut self.stats;
        match pushed {
            Pushed::Queued => {}
            Pushed::Reordered => s.reordered += 1,
            Pushed::Late => s.late += 1,
            Pushed::Duplicate => s.duplicate += 1,
            Pushed::Resynced => s.resynced += 1,
            Pushed::Refused => s.refused += 1,
        }
        pushed
    }

    /// A packet of the stream has come that holds no sound to be decoded (a key, comfort noise): its
    /// number is not missing, and what is not heard then is a pause.
    pub fn pass(&mut self, sequence: u16) {
        let Some(newest) = self.newest else { return };
        let sequence = near(newest.sequence, sequence);
        if sequence - newest.sequence >= MAX_DROPOUT || sequence < self.next {
            return;
        }
        if sequence > newest.sequence {
            self.make_room(sequence, newest.end);
            self.newest = Some(Newest { sequence, ..newest });
        }
        let place = &mut self.places[place_of(sequence)];
        if place.content == Content::Free {
            (place.sequence, place.content) = (sequence, Content::Passed);
        }
    }

    fn sort(&mut self, arrived: Time, packet: &Packet<'_>, duration: i64) -> Pushed {
        let len = packet.payload.len();
        if duration == 0 || duration > self.rate / LONGEST || len == 0 || len > MAX_PAYLOAD {
            return Pushed::Refused;
        }
        let at = self.ticks(arrived);
        let Some(newest) = self.newest else {
            self.begin(at, packet, duration);
            return Pushed::Queued;
        };
        let sequence = near(newest.sequence, packet.sequence);
        if sequence > newest.sound && sequence >= self.next {
            return self.push_newer(at, newest, sequence, packet, duration);
        }
        self.push_older(at, newest, sequence, packet, duration)
    }

    fn push_newer(
        &mut self,
        at: i64,
        newest: Newest,
        sequence: i64,
        packet: &Packet<'_>,
        duration: i64,
    ) -> Pushed {
        if sequence - newest.sequence > MAX_DROPOUT {
            self.begin(at, packet, duration);
            return Pushed::Resynced;
        }
        if sequence <= newest.sequence && self.places[place_of(sequence)].content != Content::Free {
            return Pushed::Duplicate;
        }
        self.late_run = 0;
        let mut pushed = Pushed::Queued;
        let mut timestamp = self.unwrap.unwrap(packet.timestamp) + self.offset;
        let follows = newest.end + (sequence - newest.sound - 1) * duration;
        let slack = self.ms(SLACK_MS);
        let far = self.ms(LATE_NOT_PAUSED_MS);
        let lateness = |transit: i64| self.fastest.map_or(0, |f| transit - f.transit());
        let back = timestamp < newest.end - slack;
        let ahead = timestamp > follows + slack && lateness(at - timestamp) < -far;
        if back || ahead {
            self.offset += follows - timestamp;
            timestamp = follows;
            pushed = Pushed::Resynced;
        }
        // Within the slack it is rounded.
        timestamp = timestamp.max(newest.end);
        if lateness(at - timestamp) > far && self.first().is_none() {
            // Its clock stood still in a pause, or the network stood still: heard all the same.
            self.fastest = None;
        }
        self.observe(at, timestamp, duration);
        let newest =
            Newest { sequence: sequence.max(newest.sequence), sound: sequence, end: timestamp + duration };
        self.make_room(newest.sequence, newest.end);
        self.newest = Some(newest);
        self.hold(sequence, timestamp, packet, duration);
        pushed
    }

    fn push_older(
        &mut self,
        at: i64,
        newest: Newest,
        sequence: i64,
        packet: &Packet<'_>,
        duration: i64,
    ) -> Pushed {
        let may_lead = self.fresh && newest.sequence - sequence < PLACES as i64;
        let timestamp = self.timestamp_of_older(newest, sequence, packet, duration);
        if sequence < self.next && !may_lead {
            return self.late(at, sequence, timestamp, packet, duration);
        }
        let place = &self.places[place_of(sequence)];
        if place.content != Content::Free && place.sequence == sequence {
            return Pushed::Duplicate;
        }
        if self.playing && timestamp < self.play - self.ms(SLACK_MS) {
            return self.late(at, sequence, timestamp, packet, duration);
        }
        self.late_run = 0;
        self.observe(at, timestamp, duration);
        if self.fresh {
            self.next = self.next.min(sequence);
        }
        self.hold(sequence, timestamp, packet, duration);
        self.make_room(newest.sequence, newest.end);
        Pushed::Reordered
    }

    /// Between those of its neighbours; a packet from before a jump of the clock has a timestamp that
    /// means nothing any more.
    fn timestamp_of_older(
        &mut self,
        newest: Newest,
        sequence: i64,
        packet: &Packet<'_>,
        duration: i64,
    ) -> i64 {
        let timestamp = self.unwrap.unwrap(packet.timestamp) + self.offset;
        let held = |n: &i64| self.places[place_of(*n)].content == Content::Held;
        let at = |n: i64| self.places[place_of(n)].timestamp;
        let low = (self.next..sequence).rev().find(held).map_or(newest.end - self.rate, at);
        let high = (sequence.max(self.next)..=newest.sound).find(held).map_or(newest.end, at).max(low);
        if (low..=high).contains(&timestamp) {
            timestamp
        } else {
            (newest.end - (newest.sound - sequence + 1) * duration).clamp(low, high)
        }
    }

    fn late(&mut self, at: i64, sequence: i64, timestamp: i64, packet: &Packet<'_>, duration: i64) -> Pushed {
        self.late_run = if sequence == self.last_late + 1 { self.late_run + 1 } else { 1 };
        self.last_late = sequence;
        if self.late_run >= LATE_RUN {
            self.begin(at, packet, duration);
            return Pushed::Resynced;
        }
        self.observe(at, timestamp, duration);
        Pushed::Late
    }

    /// Begins anew with this packet.
    fn begin(&mut self, at: i64, packet: &Packet<'_>, duration: i64) {
        let heard_any = self.newest.is_some();
        let sequence = self.newest.map_or(i64::from(packet.sequence), |n| near(n.sequence, packet.sequence));
        self.clear();
        // After a restart what is older than its first packet is the stream before it.
        self.fresh = !heard_any;
        let timestamp = self.unwrap.unwrap(packet.timestamp);
        (self.next, self.play) = (sequence, timestamp);
        self.newest = Some(Newest { sequence, sound: sequence, end: timestamp + duration });
        self.observe(at, timestamp, duration);
        self.hold(sequence, timestamp, packet, duration);
    }

    fn observe(&mut self, at: i64, timestamp: i64, duration: i64) {
        let transit = at - timestamp;
        let fastest = self.fastest.get_or_insert(Fastest::new(at, transit));
        let late = fastest.add(at, transit, self.rate);
        self.lateness.add(late, duration);
    }

    fn hold(&mut self, sequence: i64, timestamp: i64, packet: &Packet<'_>, duration: i64) {
        let mut payload = self.spare.pop().unwrap_or_default();
        payload.clear();
        payload.extend_from_slice(packet.payload);
        self.last_duration = duration;
        self.places[place_of(sequence)] = Place {
            sequence,
            timestamp,
            duration,
            payload,
            payload_type: packet.payload_type,
            content: Content::Held,
        };
    }

    /// Drops the oldest until `newest` has a place and no more is held than makes sense.
    fn make_room(&mut self, newest: i64, end: i64) {
        let most = self.rate * CAPACITY_MS as i64 / 1_000;
        while let Some(first) = self.first() {
            if newest - first.sequence < PLACES as i64 && end - first.timestamp <= most {
                break;
            }
            self.give_up_to(first.sequence);
            self.play = first.timestamp + first.duration;
            self.free(first.sequence);
            self.next = first.sequence + 1;
            self.stats.dropped += 1;
        }
        self.give_up_to(newest + 1 - PLACES as i64);
    }

    /// The next to be heard is not before `sequence`.
    fn give_up_to(&mut self, sequence: i64) {
        let end = self.next + PLACES as i64;
        let before = self.stats.lost;
        for n in self.next..sequence.min(end) {
            if self.places[place_of(n)].content == Content::Free {
                self.stats.lost += 1;
            } else {
                self.free(n);
            }
        }
        self.stats.lost += u64::try_from(sequence - end).unwrap_or(0);
        if self.stats.lost > before {
            self.stats.lost_runs += u64::from(!self.in_loss);
            self.in_loss = true;
        }
        self.next = self.next.max(sequence);
    }

    fn free(&mut self, sequence: i64) {
        let place = &mut self.places[place_of(sequence)];
        if place.content == Content::Held {
            self.spare.push(std::mem::take(&mut place.payload));
        }
        place.content = Content::Free;
    }

    fn first(&self) -> Option<First> {
        let newest = self.newest?;
        let mut missing = 0;
        for sequence in self.next..=newest.sequence {
            let place = &self.places[place_of(sequence)];
            match place.content {
                Content::Free => missing += 1,
                Content::Passed => {}
                Content::Held => {
                    let (timestamp, duration) = (place.timestamp, place.duration);
                    return Some(First { sequence, timestamp, duration, missing });
                }
            }
        }
        None
    }

    /// Gives what is to be heard next. Called whenever the caller needs more sound to fill its 20 ms
    /// tick: several times a tick where packets are short, every third tick where they hold 60 ms.
    pub fn pop(&mut self, now: Time) -> Popped<'_> {
        match self.step(self.ticks(now)) {
            Step::Empty { dry } => Popped::Empty { dry },
            Step::Lost { duration, next } => Popped::Lost {
                duration: u32::try_from(duration).unwrap_or(0),
                next: next.map(|n| &*self.places[place_of(n)].payload),
            },
            Step::Play { sequence, pace } => {
                self.give_up_to(sequence);
                let place = &mut self.places[place_of(sequence)];
                let payload = std::mem::take(&mut place.payload);
                place.content = Content::Free;
                let (payload_type, duration) = (place.payload_type, place.duration);
                self.play = place.timestamp + duration;
                self.next = sequence + 1;
                (self.playing, self.fresh, self.dry_since, self.in_loss) = (true, false, None, false);
                self.stats.played += 1;
                self.spare.push(std::mem::replace(&mut self.out, payload));
                Popped::Packet {
                    payload_type,
                    payload: &self.out,
                    duration: u32::try_from(duration).unwrap_or(0),
                    pace,
                }
            }
        }
    }

    fn step(&mut self, now: i64) -> Step {
        let Some(first) = self.first() else { return self.nothing_held(now) };
        let delay = now - first.timestamp - self.fastest.map_or(0, |f| f.transit());
        let due = delay >= self.target();
        let hole = first.timestamp - self.play;
        let slack = self.ms(SLACK_MS);
        if !self.playing || hole <= slack && first.missing == 0 {
            if !self.playing && !due {
                return Step::Empty { dry: false };
            }
            return self.play(now, &first, delay);
        }
        let sounding = first.missing * first.duration.max(self.last_duration);
        if first.missing == 0 || hole > sounding + slack {
            // A pause, perhaps with loss in it: the spurt behind it begins when its delay is right.
            if due {
                return self.play(now, &first, delay);
            }
            (self.playing, self.dry_since) = (false, None);
            return Step::Empty { dry: false };
        }
        if let Some(since) = self.dry_since.take() {
            self.play += (now - since).clamp(0, hole.max(0));
        }
        let hole = first.timestamp - self.play;
        if hole <= slack {
            return self.play(now, &first, delay);
        }
        let last = hole <= first.duration;
        let duration = if last { hole } else { first.duration.min(hole - first.duration) };
        self.play += duration;
        if last {
            self.give_up_to(first.sequence);
        } else if first.missing > 1 {
            self.give_up_to(self.next + 1);
        }
        Step::Lost { duration, next: last.then_some(first.sequence) }
    }

    fn nothing_held(&mut self, now: i64) -> Step {
        let passed = self.newest.is_some_and(|n| n.sequence >= self.next);
        if !self.playing || passed {
            (self.playing, self.dry_since) = (false, None);
            return Step::Empty { dry: false };
        }
        let dry = now - *self.dry_since.get_or_insert(now);
        if dry >= self.ms(LATE_NOT_PAUSED_MS) {
            (self.playing, self.dry_since) = (false, None);
        }
        Step::Empty { dry: dry < self.ms(CONCEAL_MS) }
    }

    /// `first` is heard now, with this delay.
    fn play(&mut self, now: i64, first: &First, delay: i64) -> Step {
        let contiguous = first.missing == 0 && first.timestamp - self.play <= self.ms(SLACK_MS);
        if contiguous && self.dry_since.is_some_and(|since| now > since) {
            self.stats.underruns += 1;
        }
        Step::Play { sequence: first.sequence, pace: self.pace(first, delay) }
    }

    fn pace(&mut self, first: &First, delay: i64) -> Pace {
        let target = self.target();
        let over = delay - target - self.ms(OVER_MS);
        let under = target - self.ms(UNDER_MS) - delay;
        let off = over.max(under);
        // All of late may be late alike, by a step of the network that is not yet taken for normal.
        let behind = self.newest.map_or(0, |n| n.end - first.timestamp - first.duration);
        let bare = over > 0 && behind < self.ms(TARGET_MIN_MS);
        if bare || off <= 0 || off < self.ms(FAR_MS) && first.timestamp < self.pace_from {
            return Pace::AsIs;
        }
        self.pace_from = first.timestamp + self.ms(PACE_EVERY_MS);
        if over > 0 {
            self.stats.shortened += 1;
            Pace::Shorten
        } else {
            self.stats.lengthened += 1;
            Pace::Lengthen
        }
    }

    /// The stream begins anew (another source): all that is held is dropped. How late packets of
    /// this call are wont to come is kept.
    pub fn reset(&mut self) {
        self.clear();
        (self.newest, self.fresh) = (None, true);
    }

    fn clear(&mut self) {
        for n in 0..PLACES as i64 {
            self.free(n);
        }
        self.unwrap = Unwrapper::default();
        self.offset = 0;
        (self.playing, self.dry_since, self.fastest) = (false, None, None);
        (self.late_run, self.pace_from) = (0, i64::MIN);
    }

    /// Sound held now, from the first that is there to the newest [ms].
    pub fn depth_ms(&self) -> u64 {
        let (Some(newest), Some(first)) = (self.newest, self.first()) else { return 0 };
        u64::try_from((newest.end - first.timestamp) * 1_000 / self.rate).unwrap_or(0)
    }

    /// The delay that is aimed at now [ms].
    pub fn target_ms(&self) -> u64 {
        u64::try_from(self.target() * 1_000 / self.rate).unwrap_or(0)
    }

    /// What happened so far.
    pub fn stats(&self) -> PlayoutStats {
        self.stats
    }

    fn target(&self) -> i64 {
        let least = self.ms(TARGET_MIN_MS).max(self.last_duration);
        self.lateness.needed().max(least).min(self.ms(TARGET_MAX_MS).max(self.last_duration))
    }

    fn ms(&self, ms: i64) -> i64 {
        ms * self.rate / 1_000
    }

    fn ticks(&self, time: Time) -> i64 {
        time.as_micros().min(MAX_US).cast_signed() * self.rate / 1_000_000
    }
}

/// The long form of `sequence` that is nearest to `last`.
fn near(last: i64, sequence: u16) -> i64 {
    last + i64::from(sequence.wrapping_sub(last as u16).cast_signed())
}

fn place_of(sequence: i64) -> usize {
    sequence.rem_euclid(PLACES as i64) as usize
}

#[cfg(test)]
#[path = "playout_tests.rs"]
mod tests;
