//! A recorded call once more: what a detector would have said, and when.

use waihu_audio::Frame;
use waihu_types::Lang;

use crate::{Detector, Gate, Output, Verdict};

/// What the ears and the recognizers told, with the time at which they did [ms from the first frame].
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The call was answered.
    Answered,
    /// Speech began.
    SpeechStarted,
    /// Speech had ended, at this time [ms].
    SpeechEnded {
        /// Where its last sound was [ms].
        at_ms: u64,
    },
    /// Words were recognized.
    Heard {
        /// The language that was listened for.
        lang: Lang,
        /// The words.
        text: String,
    },
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replay {
    /// Every verdict with its time [ms from the first frame].
    pub verdicts: Vec<(u64, Verdict)>,
    /// When the beep of a box was told [ms].
    pub beeps: Vec<u64>,
}

impl Replay {
    /// The verdict that stood at the end.
    pub fn last(&self) -> Option<Verdict> {
        self.verdicts.last().map(|(_, v)| *v)
    }

    /// When that answer was first given and not taken back [ms], on the clock of `Verdict::after_ms`.
    pub fn decided_after_ms(&self) -> Option<u32> {
        let last = self.last()?;
        let same = |(_, v): &&(u64, Verdict)| v.by == last.by;
        self.verdicts.iter().rev().take_while(same).last().map(|(_, v)| v.after_ms)
    }
}

/// Runs a detector over the frames, 20 ms each from 0 on, with the gate's word for each, and over the
/// events in the order of their times.
pub fn replay(frames: impl IntoIterator<Item = (Frame, Gate)>, events: &[(u64, Event)]) -> Replay {
    let mut detector = Detector::new();
    let mut found = Replay::default();
    let mut events = events.iter().peekable();
    let mut now = 0;
    let mut fetch = |detector: &mut Detector, now: u64| {
        while let Some(output) = detector.poll_output() {
            match output {
                Output::Verdict(v) => found.verdicts.push((now, v)),
                Output::Beep => found.beeps.push(now),
            }
        }
    };
    for (frame, gate) in frames {
        // An answer at 0 comes before the first frame.
        while let Some((at, event)) = events.next_if(|(at, _)| *at <= now) {
            tell(&mut detector, *at, event);
        }
        now += 20;
        detector.push(now, &frame, gate);
        fetch(&mut detector, now);
    }
    for (at, event) in events {
        tell(&mut detector, *at, event);
        fetch(&mut detector, *at);
    }
    found
}

fn tell(detector: &mut Detector, now: u64, event: &Event) {
    match event {
        Event::Answered => detector.answered(now),
        Event::SpeechStarted => detector.speech_started(now),
        Event::SpeechEnded { at_ms } => detector.speech_ended(*at_ms),
        Event::Heard { lang, text } => detector.heard(now, *lang, text),
    }
}
