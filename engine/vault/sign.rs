//! Ed25519 (RFC 8032) under what goes out of the house.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::{
    rand::{SecureRandom, SystemRandom},
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};

use crate::VaultError;

/// What a signing key begins with, so that nobody takes it for another.
const PREFIX: &str = "WAIHU-SIGNING-KEY-1";

/// Who signs.
pub struct Signer(Ed25519KeyPair);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public())
    }
}

/// A new signing key: its line for a file, and its public half, which others know us by.
///
/// # Errors
/// When the system gives no randomness.
pub fn new_signing_key() -> Result<(String, String), VaultError> {
    let mut seed = [0; 32];
    SystemRandom::new().fill(&mut seed).map_err(|_| VaultError::NoRandomness)?;
    let line = format!("{PREFIX} {}", BASE64_STANDARD.encode(seed));
    let public = Signer::new("", &line)?.public();
    Ok((line, public))
}

impl Signer {
    /// One with the key of a text, which may have lines beside it that begin with `#`; `place` says where it stands.
    ///
    /// # Errors
    /// When there is none.
    pub fn new(place: &str, text: &str) -> Result<Self, VaultError> {
        let lines = text.lines().map(str::trim);
        let seed = lines.filter_map(|line| line.strip_prefix(PREFIX)).find_map(|line| {
            let seed = BASE64_STANDARD.decode(line.trim()).ok()?;
            Ed25519KeyPair::from_seed_unchecked(&seed).ok()
        });
        seed.map(Self).ok_or_else(|| VaultError::Key {
            place: place.to_owned(),
            expected: "WAIHU-SIGNING-KEY-1 and 44 letters, as `waihu vault new-signing-key` prints it,",
        })
    }

    /// Its public half, in hexadecimals.
    pub fn public(&self) -> String {
        hex::encode(self.0.public_key())
    }

    /// A signature, in base64.
    pub fn sign(&self, bytes: &[u8]) -> String {
        BASE64_STANDARD.encode(self.0.sign(bytes))
    }
}

/// Whether a signature is of these bytes and of this public half, all as [`Signer`] gives them.
pub fn check_signature(public: &str, bytes: &[u8], signature: &str) -> bool {
    let (Ok(public), Ok(signature)) = (hex::decode(public.trim()), BASE64_STANDARD.decode(signature.trim()))
    else {
        return false;
    };
    UnparsedPublicKey::new(&ED25519, public).verify(bytes, &signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_its_key_and_of_its_bytes_alone() {
        let (line, public) = new_signing_key().unwrap();
        let signer = Signer::new("here", &format!("# of 2026\n{line}\n")).unwrap();
        assert_eq!(signer.public(), public);
        let signature = signer.sign(b"a call");
        assert!(check_signature(&public, b"a call", &signature));
        assert!(!check_signature(&public, b"A call", &signature));
        let (_, other) = new_signing_key().unwrap();
        assert!(!check_signature(&other, b"a call", &signature));
        assert!(!check_signature("zz", b"a call", &signature) && !check_signature(&public, b"a call", "??"));
        let told = Signer::new("variable K", "AGE-SECRET-KEY-1X").unwrap_err().to_string();
        assert!(told.contains("variable K") && !told.contains("AGE-SECRET"), "{told}");
        assert!(!format!("{signer:?}").contains(&line[20..]));
    }
}
