//! Numbers from a seed: the same talk from the same seed, everywhere.

use waihu_types::SplitMix64;

/// Numbers that follow from a seed.
#[derive(Clone, Debug)]
pub struct Random(SplitMix64);

impl Random {
    /// The row that begins with `seed`.
    pub fn new(seed: u64) -> Self {
        Self(SplitMix64::new(seed))
    }

    /// A row for one thing among many: the same for the same seed and number, unlike any other's.
    pub fn nth(seed: u64, n: u64) -> Self {
        let mut row = Self::new(seed ^ n.wrapping_mul(0xD1B5_4A32_D192_ED03));
        row.next_u64();
        row
    }

    /// The next number, all 64 bits even.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Evenly from 0 to 1, 1 left out.
    pub fn unit(&mut self) -> f32 {
        (self.next_u64() >> 40) as f32 / 16_777_216.0
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// Evenly from `least` to `most`, both of them possible; `least` where `most` is below it.
    pub fn between(&mut self, least: i64, most: i64) -> i64 {
        let span = most.saturating_sub(least).max(0).unsigned_abs().saturating_add(1);
        least.saturating_add(i64::try_from(self.next_u64() % span).unwrap_or(0))
    }

    /// One of a list that is not empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let n = usize::try_from(self.next_u64() >> 1).unwrap_or(0);
        &items[n % items.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_its_own_row_and_every_value_of_a_range() {
        let row = |seed, n| Random::nth(seed, n).next_u64();
        assert_eq!(row(7, 1), row(7, 1));
        assert!(row(7, 1) != row(7, 2) && row(7, 1) != row(8, 1));
        let mut random = Random::new(1);
        let mut seen = [false; 5];
        for _ in 0..200 {
            seen[usize::try_from(random.between(-2, 2) + 2).unwrap()] = true;
        }
        assert_eq!(seen, [true; 5]);
        assert_eq!(random.between(3, 1), 3);
    }
}
