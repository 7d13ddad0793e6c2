//! How late packets are: against the fastest of the last second or two, and in a histogram over ten.

/// Width of a bin [1/s]: 5 ms.
const BINS_A_SECOND: i64 = 200;
/// Bins: up to 250 ms. What is later is no longer waited for in any case.
const BINS: usize = 51;
/// Sound over which the histogram forgets [s]: long enough to have seen what a network does now and
/// then, short enough to come down soon after it has calmed.
const MEMORY_S: f32 = 10.0;
/// Sound between two fadings of the histogram [s].
const FADE_EVERY_S: f32 = 0.32;
/// The share of sound that may come later than the target. In a network that keeps order each such
/// packet costs one short gap, and the play-out stands 0 to 20 ms above the target by the tick's
/// grain: so it is one gap in many seconds.
const LATE_SHARE: f32 = 0.01;

/// The transit time of the fastest packet of the last one to two seconds [ticks].
///
/// Transit is arrival less timestamp, with an unknown constant in it. The window is short so that a
/// clock that is 1 % slow moves what is measured by 20 ms at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fastest {
    since: i64,
    current: i64,
    previous: i64,
}

impl Fastest {
    pub(super) fn new(at: i64, transit: i64) -> Self {
        Self { since: at, current: transit, previous: transit }
    }

    /// The least transit.
    pub(super) fn transit(&self) -> i64 {
        self.current.min(self.previous)
    }

    /// One more packet; gives how much later than the fastest it is [ticks].
    pub(super) fn add(&mut self, at: i64, transit: i64, second: i64) -> i64 {
        let age = at - self.since;
        if age >= 2 * second {
            // Nothing came in the whole window, so the clocks may have run apart.
            *self = Self::new(at, transit);
        } else if age >= second {
            *self = Self { since: at, current: transit, previous: self.current };
        } else {
            self.current = self.current.min(transit);
        }
        transit - self.transit()
    }
}

/// How much sound came how late; old sound counts less and less.
#[derive(Clone, Debug)]
pub(super) struct Lateness {
    weight: [f32; BINS],
    total: f32,
    since_fade: f32,
    /// The bin that all but [`LATE_SHARE`] came in.
    needed: usize,
    ticks_a_bin: u32,
}

impl Lateness {
    pub(super) fn new(rate: i64) -> Self {
        let ticks_a_bin = u32::try_from(rate / BINS_A_SECOND).unwrap_or(u32::MAX).max(1);
        Self { weight: [0.0; BINS], total: 0.0, since_fade: 0.0, needed: 0, ticks_a_bin }
    }

    /// `duration` of sound came `late`, both in ticks.
    pub(super) fn add(&mut self, late: i64, duration: i64) {
        let bin = (u32::try_from(late.max(0)).unwrap_or(u32::MAX) / self.ticks_a_bin) as usize;
        let bin = bin.min(BINS - 1);
        let weight = duration as f32;
        self.weight[bin] += weight;
        self.total += weight;
        self.since_fade += weight;
        let second = (self.ticks_a_bin * BINS_A_SECOND as u32) as f32;
        if self.since_fade >= FADE_EVERY_S * second {
            let keep = 1.0 - (self.since_fade / (MEMORY_S * second)).min(0.5);
            self.weight.iter_mut().for_each(|w| *w *= keep);
            self.total *= keep;
            self.since_fade = 0.0;
            self.look();
        } else if bin > self.needed {
            self.look();
        }
    }

    fn look(&mut self) {
        let may_be_late = self.total * LATE_SHARE;
        let mut later = 0.0;
        self.needed = 0;
        for (bin, weight) in self.weight.iter().enumerate().rev() {
            later += weight;
            if later > may_be_late {
                self.needed = bin;
                return;
            }
        }
    }

    /// The delay by which all but a small share of the sound is there [ticks].
    pub(super) fn needed(&self) -> i64 {
        (self.needed as i64 + 1) * i64::from(self.ticks_a_bin)
    }
}
