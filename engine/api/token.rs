//! The text of a token: `whu_` and 256 bits from the system's source of randomness. It is shown once, to whoever
//! makes it; kept is its SHA-256 alone.

use std::fmt;

use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};

/// How each token begins, so that one which went astray is known for what it is.
const PREFIX: &str = "whu_";
/// 256 bits.
const BYTES: usize = 32;

/// A token in full. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenText(String);

/// The system gives no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes: no token was made 系统无法提供随机数")]
pub struct NoRandomness;

/// Bytes from the system's source of randomness.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

impl TokenText {
    /// A new one.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn new() -> Result<Self, NoRandomness> {
        Ok(Self(format!("{PREFIX}{}", hex::encode(random::<BYTES>()?))))
    }

    /// One that was handed in; none where no token is written so, which then needs no look at the store.
    pub fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let right = digits.len() == 2 * BYTES
            && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        right.then(|| Self(text.to_owned()))
    }

    /// The token itself, for whoever is to have it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it: its SHA-256, in hexadecimal.
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whu_…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_256_bits_that_debug_does_not_show() {
        let (a, b) = (TokenText::new().unwrap(), TokenText::new().unwrap());
        assert_ne!(a, b);
        assert_eq!(TokenText::read(a.reveal()), Some(a.clone()));
        assert_eq!((a.reveal().len(), a.digest().len()), (68, 64));
        assert_eq!(format!("{a:?}"), "whu_…");
        for bad in ["", "whu_", "whu_12", &a.reveal().to_uppercase(), &format!("{}0", a.reveal())] {
            assert_eq!(TokenText::read(bad), None);
        }
    }
}
