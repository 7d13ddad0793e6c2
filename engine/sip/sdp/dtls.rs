//! `a=fingerprint` and `a=setup` (RFC 8122, RFC 4145, RFC 5763): whose certificate a DTLS handshake must
//! show, and who begins it.
//!
//! SHA-256 is the one hash that we make and check; others are kept as they stand.

use std::fmt;

/// The hash of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// `sha-256`, …, in small letters.
    pub hash: String,
    /// The hash's bytes.
    pub bytes: Vec<u8>,
}

impl Fingerprint {
    /// One by SHA-256.
    pub fn sha256(bytes: &[u8; 32]) -> Self {
        Self { hash: "sha-256".to_owned(), bytes: bytes.to_vec() }
    }

    /// The bytes, where they are by SHA-256.
    pub fn as_sha256(&self) -> Option<[u8; 32]> {
        if self.hash == "sha-256" { self.bytes[..].try_into().ok() } else { None }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (hash, digits) = text.split_once(' ')?;
        let byte = |pair: &str| hex::decode(pair).ok().filter(|b| b.len() == 1).map(|b| b[0]);
        let bytes = digits.trim().split(':').map(byte).collect::<Option<Vec<u8>>>()?;
        Some(Self { hash: hash.to_ascii_lowercase(), bytes })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hash)?;
        for (i, byte) in self.bytes.iter().enumerate() {
            write!(f, "{}{byte:02X}", if i == 0 { ' ' } else { ':' })?;
        }
        Ok(())
    }
}

/// Who begins the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// Whoever says it.
    Active,
    /// The other.
    Passive,
    /// Either: the answer chooses.
    ActPass,
    /// Nobody for now.
    HoldConn,
}

impl Setup {
    /// The attribute's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::ActPass => "actpass",
            Self::HoldConn => "holdconn",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Passive, Self::ActPass, Self::HoldConn].into_iter().find(|s| s.as_str() == text)
    }
}

/// The lines of one level, session or media.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dtls {
    /// `a=fingerprint` lines.
    pub fingerprints: Vec<Fingerprint>,
    /// `a=setup`.
    pub setup: Option<Setup>,
}

impl fmt::Display for Dtls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fingerprints.iter().try_for_each(|p| write!(f, "a=fingerprint:{p}\r\n"))?;
        self.setup.map_or(Ok(()), |s| write!(f, "a=setup:{}\r\n", s.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_in_any_case_and_printed_in_the_rfcs() {
        let bytes: [u8; 32] = std::array::from_fn(|i| i as u8 * 7);
        let written = Fingerprint::sha256(&bytes).to_string();
        assert!(written.starts_with("sha-256 00:07:0E:"));
        for text in [written.clone(), written.to_lowercase(), written.to_uppercase()] {
            assert_eq!(Fingerprint::parse(&text).unwrap().as_sha256(), Some(bytes), "{text}");
        }
        let short = Fingerprint::parse("sha-256 00:07").unwrap();
        assert_eq!((short.as_sha256(), short.to_string().as_str()), (None, "sha-256 00:07"));
        assert_eq!(Fingerprint::parse("sha-1 00:07").unwrap().as_sha256(), None);
        for broken in ["sha-256", "sha-256 ", "sha-256 0:07", "sha-256 00:0g", "sha-256 +1:00", "sha-256 é"]
        {
            assert_eq!(Fingerprint::parse(broken), None, "{broken}");
        }
    }
}
