//! A moving average of how long something takes.

use std::time::Duration;

/// Each new measure weighs an eighth: an hour of a desk's calls, of which the last few count most.
const WEIGHT: u32 = 8;
/// From so many measures on it is told: of fewer it is a guess.
const ENOUGH: u32 = 3;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Average {
    of: u32,
    mean: Duration,
}

impl Average {
    pub fn add(&mut self, measured: Duration) {
        self.of = self.of.saturating_add(1);
        let weight = self.of.min(WEIGHT);
        self.mean = (self.mean.saturating_mul(weight - 1).saturating_add(measured)) / weight;
    }

    /// None until enough is known.
    pub fn mean(&self) -> Option<Duration> {
        (self.of >= ENOUGH).then_some(self.mean)
    }
}
