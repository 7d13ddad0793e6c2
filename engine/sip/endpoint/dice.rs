//! Identifiers that a stranger cannot guess, from one seed (RFC 3261 §19.3: tags of 32 random bits or more).

use sha2::{Digest as _, Sha256};

/// The hash of a seed and a counter: each value tells nothing about the next.
#[derive(Debug)]
pub(super) struct Dice {
    seed: u64,
    thrown: u64,
}

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, thrown: 0 }
    }

    /// 16 hexadecimal digits.
    pub(super) fn word(&mut self) -> String {
        self.thrown += 1;
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        hash.update(self.thrown.to_be_bytes());
        hex::encode(hash.finalize().get(..8).unwrap_or_default())
    }

    /// 16 hexadecimal digits, the same for the same text.
    pub(super) fn word_of(&self, text: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        hash.update(b"of ");
        hash.update(text);
        hex::encode(hash.finalize().get(..8).unwrap_or_default())
    }
}
