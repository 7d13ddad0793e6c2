//! What tones say by when they come and go.
//!
//! Frames' tones are gathered into segments, a tone with its length and the pause before it; segments tell
//! a beep from the special information tone, busy from congestion, and ringback. Frequencies and cadences are
//! those of ITU-T E.180 (and its supplement 2 for China, North America and the United Kingdom), the
//! special information tone's codes those of Telcordia SR-2275, fax tones those of ITU-T T.30.

use waihu_audio::Frame;
use waihu_types::Announcement;

use crate::tone::{Tone, tone};

/// What was heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Signal {
    /// A single tone, alone: a box's beep where a box is.
    Beep {
        /// Its pitch [Hz].
        hz: f32,
        /// Its length [ms].
        ms: u32,
    },
    /// The special information tone, and what its code says.
    SpecialInformation(Announcement),
    /// Busy or congestion.
    Busy(Announcement),
    /// The telephone rings.
    Ringback,
    /// A called fax machine or modem answers (CED 2100 Hz, ANS 2225 Hz).
    FaxAnswers,
    /// A calling fax machine's tone (CNG 1100 Hz, half a second).
    FaxCalls,
}

/// A segment goes on over so many frames that are no tone: one that a packet's loss spoilt.
const MAX_HOLE: u32 = 1;

/// Shorter is no beep [frames of 20 ms]: boxes give 250 ms and more, and no voice holds so pure a tone
/// for so long. Longer is a dial tone, a howl or a fax.
const BEEP_FRAMES: std::ops::RangeInclusive<u32> = 11..=110;

/// The pitch of beeps [Hz]: below lie hum and hold tones, above fax.
const BEEP_HZ: std::ops::RangeInclusive<f32> = 350.0..=2_000.0;

/// A beep is alone for so long after its end [frames]: the parts of a special information tone follow
/// each other at once; a line's tones (380 to 520 Hz) come again within 700 ms.
const ALONE: u32 = 6;
const ALONE_AT_LINE_PITCH: u32 = 40;

/// The called machine's tone lasts 2.6 to 4 s (T.30); no beep of that pitch lasts half a second.
const CED_FRAMES: u32 = 25;

/// Two lengths are equal within this [frames]: a tone begins and ends within frames.
const SLACK: u32 = 3;

#[derive(Clone, Copy, Debug)]
struct Segment {
    tone: Tone,
    /// Its length [frames], and how much of it was pure.
    frames: u32,
    pure: u32,
    /// No tone before it [frames].
    pause: u32,
}

/// Gathers frames into segments, and segments into signals.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cadence {
    now: Option<Segment>,
    /// Frames without a tone since the last segment, or within this one.
    hole: u32,
    /// The last segments, the newest last.
    past: [Option<Segment>; 3],
    /// A beep that is to be alone, for so many frames more.
    beep: Option<(Signal, u32)>,
}

impl Cadence {
    /// Takes the next 20 ms.
    pub(crate) fn push(&mut self, frame: &Frame) -> Option<Signal> {
        self.take(tone(frame))
    }

    fn take(&mut self, heard: Tone) -> Option<Signal> {
        let alone = self.wait_alone();
        let (heard, pure) = match heard {
            Tone::Rough(hz) => (Tone::One(hz), 0),
            pure => (pure, 1),
        };
        let Some(mut segment) = self.now else {
            self.begin(heard, pure);
            return alone;
        };
        if heard != Tone::None && alike(segment.tone, heard) {
            segment.frames = segment.frames.saturating_add(1 + self.hole);
            segment.pure += pure;
            segment.tone = settle(segment.tone, heard, segment.frames);
            self.hole = 0;
            self.now = Some(segment);
            return alone.or_else(|| fax_answers(&segment));
        }
        self.hole += 1;
        if heard == Tone::None && self.hole <= MAX_HOLE {
            return alone;
        }
        let told = self.end(segment);
        self.begin(heard, pure);
        alone.or(told)
    }

    /// Counts the silence after a beep.
    fn wait_alone(&mut self) -> Option<Signal> {
        let (beep, left) = self.beep?;
        // Another tone has come: a melody's, or a line's.
        if self.now.is_some_and(|segment| segment.frames >= 3) {
            self.beep = None;
            return None;
        }
        match left {
            0 => {
                self.beep = None;
                Some(beep)
            }
            left => {
                self.beep = Some((beep, left - 1));
                None
            }
        }
    }

    fn begin(&mut self, heard: Tone, pure: u32) {
        if heard == Tone::None {
            self.now = None;
            // An hour of silence must not run over.
            self.hole = self.hole.saturating_add(1);
            return;
        }
        self.now = Some(Segment { tone: heard, frames: 1, pure, pause: self.hole });
        self.hole = 0;
    }

    /// A segment has ended: what it and those before it make.
    fn end(&mut self, segment: Segment) -> Option<Signal> {
        // Clicks and vowels' moments are no segments, and do not part those that are.
        if segment.frames < 4 {
            self.hole = self.hole.saturating_add(segment.frames + segment.pause);
            return None;
        }
        self.past = [self.past[1], self.past[2], Some(segment)];
        let waited_for = self.beep.take();
        if let Some(told) = self.special_information().or_else(|| self.busy()) {
            return Some(told);
        }
        if let Some(told) = lone(&segment) {
            return Some(told);
        }
        if let Tone::One(hz) = segment.tone
            && BEEP_HZ.contains(&hz)
            && BEEP_FRAMES.contains(&segment.frames)
            && segment.pure * 2 > segment.frames
            // What follows another tone at once, or the like one, is a melody or a line's tone.
            && waited_for.is_none()
            && (segment.pause > ALONE || self.past[1].is_none())
        {
            let wait = if (380.0..=520.0).contains(&hz) { ALONE_AT_LINE_PITCH } else { ALONE };
            self.beep = Some((Signal::Beep { hz, ms: segment.frames * 20 }, wait));
        }
        None
    }

    /// Three tones that rise, with next to no pause between them.
    fn special_information(&self) -> Option<Signal> {
        let [Some(a), Some(b), Some(c)] = self.past else { return None };
        let (Tone::One(first), Tone::One(second), Tone::One(third)) = (a.tone, b.tone, c.tone) else {
            return None;
        };
        let rises = (880.0..=1_020.0).contains(&first)
            && (1_340.0..=1_470.0).contains(&second)
            && (1_740.0..=1_840.0).contains(&third);
        let together = b.pause <= ALONE && c.pause <= ALONE;
        let lengths = [a, b, c].iter().all(|s| (10..=26).contains(&s.frames));
        (rises && together && lengths).then(|| Signal::SpecialInformation(code(first, second, a.frames)))
    }

    /// Sound and pause of equal length, twice.
    fn busy(&self) -> Option<Signal> {
        let [_, Some(a), Some(b)] = self.past else { return None };
        let near = |x: u32, y: u32| x.abs_diff(y) <= SLACK;
        if !(line_tone(a.tone) && line_tone(b.tone) && alike(a.tone, b.tone) && near(a.frames, b.frames)) {
            return None;
        }
        if !near(b.pause, b.frames) {
            return None;
        }
        // 250 ms: fast busy of North America; 350 to 500 ms: busy; 700 ms: congestion of China.
        match b.frames {
            9..=14 => Some(Signal::Busy(Announcement::Congestion)),
            15..=29 => Some(Signal::Busy(Announcement::Busy)),
            30..=40 => Some(Signal::Busy(Announcement::Congestion)),
            _ => None,
        }
    }
}

/// Congestion, or a number that leads nowhere (SR-2275): the first two tones' pitch, high or low, and
/// the first one's length tell them apart. The tones of ITU-T E.180 carry no code.
fn code(first: f32, second: f32, frames: u32) -> Announcement {
    let (high, second_high, long) = (first > 965.0, second > 1_412.0, frames > 16);
    let telcordia = !(930.0..=965.0).contains(&first) && !(1_390.0..=1_412.0).contains(&second);
    match (telcordia, high, second_high, long) {
        // Intercept, vacant code.
        (true, false, false, false) | (true, true, false, true) => Announcement::NotInService,
        // Reorder, no circuit.
        (true, _, true, _) | (true, false, false, true) => Announcement::Congestion,
        _ => Announcement::Other,
    }
}

/// What one segment says by itself.
fn lone(segment: &Segment) -> Option<Signal> {
    match segment.tone {
        Tone::One(hz) if (1_062.0..=1_138.0).contains(&hz) && (23..=27).contains(&segment.frames) => {
            Some(Signal::FaxCalls)
        }
        // Ringback: 0.8 s of it and more; the United Kingdom's two of 0.4 s are told by their ends.
        tone if ring_tone(tone) && (40..=140).contains(&segment.frames) => Some(Signal::Ringback),
        _ => None,
    }
}

/// The called machine's tone is told while it lasts.
fn fax_answers(segment: &Segment) -> Option<Signal> {
    let Tone::One(hz) = segment.tone else { return None };
    let pitch = (2_080.0..=2_120.0).contains(&hz) || (2_205.0..=2_245.0).contains(&hz);
    (pitch && segment.frames == CED_FRAMES).then_some(Signal::FaxAnswers)
}

/// Busy: 400 (United Kingdom), 425 (most of Europe), 450 (China), 480 with 620 Hz (North America).
fn line_tone(tone: Tone) -> bool {
    match tone {
        Tone::One(hz) => (385.0..=465.0).contains(&hz),
        Tone::Two(low, high) => (455.0..=505.0).contains(&low) && (595.0..=645.0).contains(&high),
        Tone::None | Tone::Rough(_) => false,
    }
}

/// Ringback: 425, 450, 400 with 450, 440 with 480 Hz; two so near to each other look like one that beats.
fn ring_tone(tone: Tone) -> bool {
    let ring = 385.0..=500.0;
    match tone {
        Tone::One(hz) => ring.contains(&hz),
        Tone::Two(low, high) => ring.contains(&low) && ring.contains(&high),
        Tone::None | Tone::Rough(_) => false,
    }
}

fn alike(a: Tone, b: Tone) -> bool {
    let same = match (a, b) {
        (Tone::One(a), Tone::One(b)) => (a - b).abs() <= 15.0,
        (Tone::Two(a, b), Tone::Two(c, d)) => (a - c).abs() <= 25.0 && (b - d).abs() <= 25.0,
        _ => false,
    };
    // Two tones that beat look like one, now and then.
    same || (ring_tone(a) && ring_tone(b) && beats(a, b))
}

/// Whether one of them may be a moment of two that beat.
fn beats(a: Tone, b: Tone) -> bool {
    let mean = |t: Tone| match t {
        Tone::One(hz) => hz,
        Tone::Two(low, high) => f32::midpoint(low, high),
        Tone::None | Tone::Rough(_) => 0.0,
    };
    (mean(a) - mean(b)).abs() <= 40.0
}

/// The pitch over the whole segment: the mean, as far as both are of one kind.
fn settle(so_far: Tone, heard: Tone, frames: u32) -> Tone {
    let mean = |a: f32, b: f32| a + (b - a) / frames.max(1) as f32;
    match (so_far, heard) {
        (Tone::One(a), Tone::One(b)) => Tone::One(mean(a, b)),
        (Tone::Two(a, b), Tone::Two(c, d)) => Tone::Two(mean(a, c), mean(b, d)),
        (so_far, _) => so_far,
    }
}
