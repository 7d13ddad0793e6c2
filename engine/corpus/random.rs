//! A small row of numbers from a seed, the same on every machine, so that a set can be made again to the
//! sample.

use waihu_types::SplitMix64;

/// Numbers that follow from a seed.
#[derive(Clone, Debug)]
pub struct Random(SplitMix64);

impl Random {
    /// The row that begins with `seed`.
    pub fn new(seed: u64) -> Self {
        Self(SplitMix64::new(seed))
    }

    /// A row for one thing among many: the same for the same seed and name, unlike any other's.
    pub fn named(seed: u64, name: &str) -> Self {
        // FNV-1a, 64 bits.
        let hash = name
            .bytes()
            .fold(0xCBF2_9CE4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01B3));
        let mut row = Self::new(seed ^ hash);
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

    /// Evenly from `from` to `to`.
    pub fn between(&mut self, from: f32, to: f32) -> f32 {
        from + (to - from) * self.unit()
    }

    /// Evenly below `count`; 0 where that is 0.
    pub fn below(&mut self, count: usize) -> usize {
        // The bias of a remainder of 64 bits is of no account for lists of lines.
        usize::try_from(self.next_u64() >> 1).unwrap_or(0).checked_rem(count).unwrap_or(0)
    }

    /// White noise with a root mean square of 1 (even from -√3 to √3).
    pub fn white(&mut self) -> f32 {
        (self.unit() * 2.0 - 1.0) * 1.732_050_8
    }

    /// Puts `items` into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_is_even() {
        let mut row = Random::new(0);
        let mean: f32 = (0..10_000).map(|_| row.unit()).sum::<f32>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        assert_eq!(row.below(0), 0);
    }

    #[test]
    fn names_part_the_rows_and_a_shuffle_loses_nothing() {
        assert_ne!(Random::named(1, "a").next_u64(), Random::named(1, "b").next_u64());
        assert_eq!(Random::named(1, "a").next_u64(), Random::named(1, "a").next_u64());
        let mut items: Vec<u32> = (0..50).collect();
        Random::new(7).shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
