/// Numbers from a seed (SplitMix64: Steele, Lea, Flood 2014): the same row on every machine, for whatever is to
/// be made again from its seed. No secret is to hang on it.
#[derive(Clone, Debug)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// The row that begins with `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, all 64 bits even.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_is_the_published_one() {
        // The first numbers from 0, as the authors' code gives them.
        let mut row = SplitMix64::new(0);
        assert_eq!((row.next_u64(), row.next_u64()), (0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4));
    }
}
