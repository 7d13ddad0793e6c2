//! What is measured of a campaign's calls: how many are answered, and how long things take. What is old counts less.

use std::time::Duration;

/// How much what was seen before still counts once something more is seen: of four hundred, the oldest counts a
/// third. An answer rate changes within the hour; at a dial a second that is seven minutes.
const KEPT: f64 = 1.0 - 1.0 / 400.0;

/// So many such and so many in all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    hits: f64,
    of: f64,
}

impl Share {
    /// What is taken for granted before anything is seen: a third, by as much as three calls tell.
    pub(super) fn unknown() -> Self {
        Self { hits: 1.0, of: 3.0 }
    }

    pub(super) fn saw(&mut self, hit: bool) {
        self.hits = self.hits * KEPT + if hit { 1.0 } else { 0.0 };
        self.of = self.of * KEPT + 1.0;
    }

    pub(super) fn mean(self) -> f64 {
        self.hits / self.of
    }

    /// So many standard deviations above or below the mean, by Wilson's score.
    pub(super) fn bound(self, deviates: f64) -> f64 {
        let (p, n, z) = (self.mean(), self.of, deviates.abs());
        let middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        (middle + half.copysign(deviates)).clamp(0.0, 1.0)
    }
}

/// How many steps of time are told apart.
const BINS: usize = 128;

/// How long something takes: how often it was over in each step of time.
#[derive(Clone, Debug)]
pub(super) struct Lasting {
    step_s: f64,
    ended: [f64; BINS],
    mean_s: f64,
    seen: f64,
}

/// So many cases weigh as much as what was expected before any was seen.
const EXPECTED: f64 = 5.0;

impl Lasting {
    /// Something that is expected to take `mean_s`, more often shorter than longer, in steps of `step_s`.
    pub(super) fn expected(mean_s: f64, step_s: f64) -> Self {
        let mean_s = mean_s.max(step_s);
        let left = |bin: usize| (-(bin as f64) * step_s / mean_s).exp();
        let mut ended = std::array::from_fn(|bin| EXPECTED * (left(bin) - left(bin + 1)));
        ended[BINS - 1] = EXPECTED * left(BINS - 1);
        Self { step_s, ended, mean_s, seen: EXPECTED }
    }

    pub(super) fn saw(&mut self, lasted: Duration) {
        let lasted_s = lasted.as_secs_f64();
        // A negative or huge float is held at the edge.
        let bin = ((lasted_s / self.step_s) as usize).min(BINS - 1);
        self.ended.iter_mut().for_each(|n| *n *= KEPT);
        self.ended[bin] += 1.0;
        self.seen = self.seen * KEPT + 1.0;
        self.mean_s += (lasted_s - self.mean_s) / self.seen;
    }

    pub(super) fn mean_s(&self) -> f64 {
        self.mean_s
    }

    /// What is still going on after each step of time, for questions to it.
    pub(super) fn left(&self) -> Left {
        let mut left = [0.0; BINS + 1];
        for bin in (0..BINS).rev() {
            left[bin] = left[bin + 1] + self.ended[bin];
        }
        Left { step_s: self.step_s, left, mean_s: self.mean_s }
    }
}

/// How much is still going on after a time.
#[derive(Clone, Debug)]
pub(super) struct Left {
    step_s: f64,
    left: [f64; BINS + 1],
    mean_s: f64,
}

impl Left {
    /// How much is left after `s`, between two steps in proportion; of all that is counted.
    fn at(&self, s: f64) -> f64 {
        let bin = (s / self.step_s).max(0.0);
        let at = (bin as usize).min(BINS - 1);
        let part = (bin - at as f64).clamp(0.0, 1.0);
        self.left[at] + (self.left[at + 1] - self.left[at]) * part
    }

    /// The share that is left after `s`.
    pub(super) fn share(&self, s: f64) -> f64 {
        self.at(s) / self.left[0]
    }

    /// How likely it is over within `within_s` more, where it has lasted `s` already.
    pub(super) fn ends(&self, s: f64, within_s: f64) -> f64 {
        let now = self.at(s);
        if within_s <= 0.0 {
            return 0.0;
        }
        // Longer than anything that was seen: it goes on as if it had just begun.
        if now < 0.5 {
            return 1.0 - (-within_s / self.mean_s).exp();
        }
        1.0 - self.at(s + within_s) / now
    }

    /// The shares that end in each step within `within_s`, each with the middle of its step [s].
    pub(super) fn ending(&self, within_s: f64) -> impl Iterator<Item = (f64, f64)> {
        let bins = ((within_s / self.step_s).ceil() as usize).min(BINS);
        (0..bins).map(|bin| {
            ((bin as f64 + 0.5) * self.step_s, (self.left[bin] - self.left[bin + 1]) / self.left[0])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_what_was_seen_lately_and_its_bounds_close_in() {
        let mut share = Share::unknown();
        (0..2_000).for_each(|n| share.saw(n % 4 == 0));
        assert!((share.mean() - 0.25).abs() < 0.01, "{share:?}");
        let (low, high) = (share.bound(-2.0), share.bound(2.0));
        assert!(0.2 < low && low < 0.25 && 0.25 < high && high < 0.3, "{low} {high}");
        (0..2_000).for_each(|n| share.saw(n % 2 == 0));
        assert!((share.mean() - 0.5).abs() < 0.02, "what was long ago no longer counts: {share:?}");
        assert!(Share::unknown().bound(2.0) > 0.7, "of what nobody knows, the worst is taken");
    }

    #[test]
    fn how_long_something_takes_is_learnt_and_who_is_near_the_end_is_told() {
        let mut talk = Lasting::expected(120.0, 4.0);
        let left = talk.left();
        assert!((left.ends(0.0, 120.0) - 0.63).abs() < 0.03, "as expected before anything was seen");
        (0..1_000).for_each(|n| talk.saw(Duration::from_secs(50 + n % 20)));
        let left = talk.left();
        assert!((talk.mean_s() - 59.5).abs() < 2.0, "{}", talk.mean_s());
        assert!(left.ends(10.0, 10.0) < 0.02 && left.ends(58.0, 12.0) > 0.9);
        assert!(left.share(40.0) > 0.95 && left.share(80.0) < 0.05);
        let after_all = left.ends(500.0, 60.0);
        assert!((0.5..0.8).contains(&after_all), "{after_all}");
        assert!((left.ending(80.0).map(|(_, share)| share).sum::<f64>() - 1.0).abs() < 0.05);
    }
}
