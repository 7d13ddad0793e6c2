//! How values are spread: what most of them stay below.

use serde::{Deserialize, Serialize};

/// Width of a bucket [µs].
pub(crate) const BUCKET_US: i64 = 250;

/// Quantiles of a time [ms]; those of a histogram are a bucket's upper edge, at most 0.25 ms too high.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Half are below.
    pub p50: f64,
    /// 99 of 100 are below.
    pub p99: f64,
    /// 999 of 1000 are below.
    pub p999: f64,
    /// None is above.
    pub max: f64,
}

impl Spread {
    /// Of single values [ms].
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let n = (values.len() as f64 * share).ceil() as usize;
            values.get(n.max(1) - 1).copied().unwrap_or(0.0)
        };
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1.0) }
    }
}

/// Counts of times, a bucket each [`BUCKET_US`]; the last is for all above.
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    max_us: i64,
}

impl Histogram {
    pub(crate) fn new(buckets: usize) -> Self {
        Self { buckets: vec![0; buckets.max(1)], max_us: 0 }
    }

    pub(crate) fn add(&mut self, us: i64) {
        self.add_many(us / BUCKET_US, 1);
        self.note_max(us);
    }

    pub(crate) fn add_many(&mut self, bucket: i64, n: u64) {
        let bucket = usize::try_from(bucket).unwrap_or(0).min(self.buckets.len() - 1);
        self.buckets[bucket] += n;
    }

    pub(crate) fn note_max(&mut self, us: i64) {
        self.max_us = self.max_us.max(us);
    }

    pub(crate) fn spread(&self) -> Spread {
        let all: u64 = self.buckets.iter().sum();
        let max = self.max_us as f64 / 1e3;
        let at = |share: f64| {
            let wanted = (all as f64 * share).ceil() as u64;
            let mut below = 0;
            let found = self.buckets.iter().position(|n| {
                below += n;
                below >= wanted.max(1)
            });
            found.map_or(0.0, |i| ((i as i64 + 1) * BUCKET_US) as f64 / 1e3).min(max)
        };
        Spread { p50: at(0.5), p99: at(0.99), p999: at(0.999), max }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_and_the_values_themselves_agree_to_a_bucket() {
        let mut histogram = Histogram::new(1000);
        let values: Vec<i64> = (1..=1000).map(|n| n * 100).collect();
        values.iter().for_each(|us| histogram.add(*us));
        let exact = Spread::of(values.iter().map(|us| *us as f64 / 1e3).collect());
        assert_eq!((exact.p50, exact.p99, exact.p999, exact.max), (50.0, 99.0, 99.9, 100.0));
        let counted = histogram.spread();
        for (a, b) in [(exact.p50, counted.p50), (exact.p99, counted.p99), (exact.p999, counted.p999)] {
            assert!((0.0..=0.25).contains(&(b - a)), "{a} {b}");
        }
        assert_eq!(counted.max, 100.0);
        assert_eq!(Histogram::new(8).spread(), Spread::default());
    }
}
