//! Calls per second, by a bucket of tokens.

use waihu_types::Time;

/// A trunk's calls per second.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    per_s: f64,
    tokens: f64,
    filled_at: Option<Time>,
}

impl Bucket {
    /// A full one.
    pub(super) fn new(per_s: f64) -> Self {
        let per_s = if per_s.is_finite() { per_s.max(0.0) } else { 0.0 };
        Self { per_s, tokens: Self::most(per_s), filled_at: None }
    }

    /// From here on it fills so fast.
    pub(super) fn set_rate(&mut self, per_s: f64) {
        let filled_at = self.filled_at;
        let tokens = self.tokens;
        *self = Self::new(per_s);
        self.filled_at = filled_at;
        self.tokens = self.tokens.min(tokens);
    }

    /// It holds what a second fills in, and one call at least: a rate may be less than one a second.
    fn most(per_s: f64) -> f64 {
        if per_s > 0.0 { per_s.max(1.0) } else { 0.0 }
    }

    /// How many calls may be placed at `now`.
    pub(super) fn fill(&mut self, now: Time) -> u32 {
        let since = self.filled_at.map_or(0.0, |at| now.since(at).as_secs_f64());
        self.filled_at = Some(self.filled_at.map_or(now, |at| at.max(now)));
        self.tokens = (self.tokens + since * self.per_s).min(Self::most(self.per_s));
        // A hair below a whole one is a whole one: a tenth of a second ten times is a second.
        (self.tokens + 1e-9) as u32
    }

    pub(super) fn take(&mut self, calls: u32) {
        self.tokens = (self.tokens - f64::from(calls)).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_more_are_placed_in_a_second_than_the_rate_twice_and_in_the_long_run_the_rate() {
        for per_s in [0.3, 1.0, 7.5, 200.0] {
            let mut bucket = Bucket::new(per_s);
            let mut placed = Vec::new();
            for tick in 0..1_000 {
                let now = Time::from_millis(tick * 100);
                let calls = bucket.fill(now);
                bucket.take(calls);
                placed.push(f64::from(calls));
            }
            let all: f64 = placed.iter().sum();
            assert!((all - 100.0 * per_s).abs() <= per_s.max(1.0) + 1.0, "{per_s}: {all}");
            let busiest = placed.windows(10).map(|w| w.iter().sum::<f64>()).fold(0.0, f64::max);
            assert!(busiest <= 2.0 * per_s.max(1.0), "{per_s}: {busiest}");
        }
        let mut none = Bucket::new(0.0);
        assert_eq!((none.fill(Time::ZERO), none.fill(Time::from_millis(60_000))), (0, 0));
        let mut back = Bucket::new(5.0);
        back.fill(Time::from_millis(9_000));
        back.take(5);
        assert_eq!(back.fill(Time::from_millis(1_000)), 0, "a clock that was set back fills nothing");
        assert_eq!(back.fill(Time::from_millis(9_200)), 1);
    }
}
