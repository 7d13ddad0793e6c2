//! How many calls may be in flight at once, by how loaded the engine is.
//!
//! What was asked for is the most. Where callees wait for their words, or sound goes out late, nobody new is
//! called, and of the calls that end not all are replaced; once there is room again, the calls grow back step by
//! step. Between the two limits nothing changes, so that a load about one of them does not swing. Calls that are
//! up are never touched. Deliberately absent: clocks, and how load is measured.

use std::time::Duration;

use waihu_types::Time;

/// Utterances that wait so long for a recognizer are too many [ms]. A callee is answered within 900 ms (95 of
/// 100 turns): recognition and the silence that ends a turn take 500 of these.
pub const BEHIND_MS: u64 = 400;

/// Below this there is room again [ms]: half of it, since a call that is added shows its load late.
pub const EASY_MS: u64 = 200;

/// So many late frames of sound are too many [of a thousand]: one in a hundred is heard as a click.
pub const LATE_PERMILLE: u32 = 10;

/// Below this there is room again [of a thousand].
pub const EASY_LATE_PERMILLE: u32 = 2;

/// From one step to the next. Who is dialled now speaks some ten seconds later, after the ringing and the
/// greeting: steps that are quicker would go by a load that has not come yet.
pub const STEP: Duration = Duration::from_secs(10);

/// A step is this part of the calls in flight, and one call at least.
const STEP_SHARE: usize = 8;

/// How loaded the engine is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// How long utterances wait for a recognizer: the 95th percentile of late, or the oldest that waits, where
    /// that is longer [ms].
    pub queue_age_ms: u64,
    /// Of the frames of sound since the last look, those that went out late [of a thousand].
    pub late_permille: u32,
}

/// What cannot keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bottleneck {
    /// The recognizers.
    Recognition,
    /// The media threads.
    Media,
}

/// How a campaign is dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As many calls at once as were asked for.
    Full,
    /// Fewer, since this was behind.
    Slower(Bottleneck),
    /// Nobody new is called while another call is in flight, since this is behind.
    Held(Bottleneck),
}

/// Decides on the pace.
#[derive(Debug)]
pub struct Pacer {
    most: usize,
    /// Calls that may be in flight.
    allowed: usize,
    behind: Option<Bottleneck>,
    /// What was behind last.
    was_behind: Bottleneck,
    stepped_at: Option<Time>,
}

impl Pacer {
    /// At most so many at once.
    pub fn new(most: usize) -> Self {
        let was_behind = Bottleneck::Recognition;
        Self { most, allowed: most, behind: None, was_behind, stepped_at: None }
    }

    /// From here on so many at once are the most.
    pub fn set_most(&mut self, most: usize) {
        if self.allowed == self.most || self.allowed > most {
            self.allowed = most;
        }
        self.most = most;
    }

    /// Takes the load as it is now.
    pub fn loaded(&mut self, now: Time, load: Load, in_flight: usize) {
        let was = self.behind;
        self.behind = if load.queue_age_ms >= BEHIND_MS {
            Some(Bottleneck::Recognition)
        } else if load.late_permille >= LATE_PERMILLE {
            Some(Bottleneck::Media)
        } else {
            None
        };
        let is_easy = load.queue_age_ms < EASY_MS && load.late_permille < EASY_LATE_PERMILLE;
        if let Some(bottleneck) = self.behind {
            self.was_behind = bottleneck;
        }
        // The first sign of it counts at once.
        let is_due =
            self.stepped_at.is_none_or(|at| now >= at + STEP) || self.behind.is_some() && was.is_none();
        if !is_due {
            return;
        }
        if self.behind.is_some() {
            let step = (in_flight / STEP_SHARE).max(1);
            self.allowed = self.allowed.min(in_flight).saturating_sub(step).max(1);
        } else if is_easy && self.allowed < self.most {
            let step = (self.allowed / STEP_SHARE).max(1);
            self.allowed = (self.allowed + step).min(self.most);
        } else {
            return;
        }
        self.stepped_at = Some(now);
    }

    /// How many more calls may be placed. One is always allowed: a campaign comes to its end on the slowest
    /// machine.
    pub fn room(&self, in_flight: usize) -> usize {
        let room = if self.behind.is_none() { self.allowed.saturating_sub(in_flight) } else { 0 };
        room.max(usize::from(in_flight == 0))
    }

    /// Whether another call may be placed.
    pub fn may_dial(&self, in_flight: usize) -> bool {
        self.room(in_flight) > 0
    }

    /// How it is dialled now.
    pub fn pace(&self) -> Pace {
        match self.behind {
            Some(bottleneck) => Pace::Held(bottleneck),
            None if self.allowed < self.most => Pace::Slower(self.was_behind),
            None => Pace::Full,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    fn waits(queue_age_ms: u64) -> Load {
        Load { queue_age_ms, late_permille: 0 }
    }

    fn s(seconds: u64) -> Time {
        Time::from_millis(seconds * 1_000)
    }

    /// A campaign without end, a second a step, a call placed at most every 100 ms, each a minute long; what it
    /// does to the queue shows ten seconds after the call was placed.
    struct Line {
        pacer: Pacer,
        /// When each call in flight was placed [s].
        up: VecDeque<u64>,
        now: u64,
    }

    impl Line {
        fn new(most: usize) -> Self {
            Self { pacer: Pacer::new(most), up: VecDeque::new(), now: 0 }
        }

        /// Lets `seconds` pass; `age_of` tells how long utterances wait with so many calls talking. How many were
        /// placed, and at how many the calls in flight stood, each second.
        fn runs(&mut self, seconds: u64, age_of: impl Fn(usize) -> u64) -> Vec<(usize, usize)> {
            let mut seen = Vec::new();
            for _ in 0..seconds {
                self.now += 1;
                while self.up.front().is_some_and(|at| at + 60 <= self.now) {
                    self.up.pop_front();
                }
                let talking = self.up.iter().filter(|at| **at + 10 <= self.now).count();
                self.pacer.loaded(s(self.now), waits(age_of(talking)), self.up.len());
                let mut placed = 0;
                while placed < 10 && self.pacer.may_dial(self.up.len()) {
                    self.up.push_back(self.now);
                    placed += 1;
                }
                seen.push((placed, self.up.len()));
            }
            seen
        }
    }

    /// A machine that keeps up with twenty calls.
    fn of_twenty(talking: usize) -> u64 {
        50 + 60 * (talking.saturating_sub(20) as u64)
    }

    #[test]
    fn who_keeps_up_dials_at_full_pace() {
        let mut line = Line::new(20);
        let seen = line.runs(300, of_twenty);
        assert!(seen[3..].iter().all(|(_, up)| *up == 20));
        assert_eq!(line.pacer.pace(), Pace::Full);
    }

    #[test]
    fn a_load_that_is_too_much_comes_down_and_stays_near_what_can_be_carried() {
        let mut line = Line::new(60);
        let first = line.runs(60, of_twenty);
        assert!(first.iter().any(|(_, up)| *up == 60), "it is not known before they speak");
        line.runs(240, of_twenty);
        let seen = line.runs(1_200, of_twenty);
        let mean = seen.iter().map(|(_, up)| up).sum::<usize>() as f64 / seen.len() as f64;
        assert!((17.0..=29.0).contains(&mean), "{mean} calls in flight");
        let most = seen.iter().map(|(_, up)| *up).max();
        assert!(most <= Some(34), "at most {most:?}");
    }

    #[test]
    fn nobody_is_called_while_it_is_behind_and_calls_that_are_up_are_left_alone() {
        let mut line = Line::new(30);
        line.runs(30, |_| 50);
        let before = line.up.clone();
        let seen = line.runs(29, |_| 1_500);
        assert!(seen.iter().all(|(placed, _)| *placed == 0), "{seen:?}");
        assert_eq!(line.pacer.pace(), Pace::Held(Bottleneck::Recognition));
        assert_eq!(line.up, before, "nobody was hung up on");
    }

    #[test]
    fn what_was_asked_for_comes_back_step_by_step_once_there_is_room() {
        let mut line = Line::new(40);
        line.runs(30, |_| 50);
        line.runs(120, |_| 900);
        assert!(line.up.len() <= 1, "one call at a time is placed all the same: {}", line.up.len());
        let seen = line.runs(600, |_| 50);
        assert!(seen[9].1 <= 3, "not all at once");
        let back = seen.iter().position(|(_, up)| *up == 40).expect("it comes back");
        assert!((100..400).contains(&back), "after {back} s");
        assert_eq!(line.pacer.pace(), Pace::Full);
    }

    #[test]
    fn a_load_about_a_limit_does_not_swing() {
        let mut pacer = Pacer::new(50);
        pacer.loaded(s(0), waits(BEHIND_MS), 50);
        let allowed = pacer.allowed;
        assert!(allowed < 50);
        for n in 1..300 {
            pacer.loaded(s(n), waits(if n % 2 == 0 { BEHIND_MS - 1 } else { EASY_MS }), allowed);
            assert_eq!((pacer.allowed, pacer.pace()), (allowed, Pace::Slower(Bottleneck::Recognition)));
        }
    }

    #[test]
    fn late_sound_counts_as_much_and_says_so() {
        let mut pacer = Pacer::new(50);
        pacer.loaded(s(0), Load { queue_age_ms: 0, late_permille: LATE_PERMILLE }, 48);
        assert_eq!((pacer.pace(), pacer.allowed), (Pace::Held(Bottleneck::Media), 42));
        pacer.loaded(s(11), Load { queue_age_ms: 0, late_permille: EASY_LATE_PERMILLE }, 42);
        assert_eq!((pacer.pace(), pacer.allowed), (Pace::Slower(Bottleneck::Media), 42));
        pacer.loaded(s(22), Load::default(), 42);
        assert_eq!(pacer.allowed, 47);
    }

    #[test]
    fn however_long_it_is_behind_one_call_is_placed() {
        let mut pacer = Pacer::new(8);
        for n in 0..100 {
            pacer.loaded(s(n * 20), waits(u64::MAX), 0);
        }
        assert!(pacer.may_dial(0) && !pacer.may_dial(1));
    }
}
