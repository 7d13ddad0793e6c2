//! How often each token may ask: a bucket that fills evenly.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

/// A bucket a token. There are as many as there are tokens, since only who has one gets here.
#[derive(Debug)]
pub(crate) struct Rates {
    per_s: f64,
    burst: f64,
    buckets: Mutex<HashMap<String, Bucket>>,
}

impl Rates {
    pub fn new(per_s: f64, burst: f64) -> Self {
        Self { per_s, burst, buckets: Mutex::default() }
    }

    /// Takes one request out of the bucket of `name`; where it is empty, after how many seconds there is one again.
    pub fn take(&self, name: &str, now: Instant) -> Result<(), u32> {
        // What a panic left behind is a number like any other.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full = || Bucket { left: self.burst, at: now };
        let bucket = buckets.entry(name.to_owned()).or_insert_with(full);
        let since = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.left = (bucket.left + since * self.per_s).min(self.burst);
        bucket.at = now;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return Ok(());
        }
        // Between 1 and a day: a float above u32 saturates.
        Err((((1.0 - bucket.left) / self.per_s).ceil() as u32).clamp(1, 86_400))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_empties_says_when_it_fills_and_is_nobody_elses() {
        let rates = Rates::new(0.5, 3.0);
        let t = Instant::now();
        for _ in 0..3 {
            assert_eq!(rates.take("a", t), Ok(()));
        }
        assert_eq!(rates.take("a", t), Err(2));
        assert_eq!(rates.take("b", t), Ok(()));
        assert_eq!(rates.take("a", t + Duration::from_secs(2)), Ok(()));
        assert_eq!(rates.take("a", t + Duration::from_secs(2)), Err(2));
    }
}
