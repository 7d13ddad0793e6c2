//! What two sides agree on about a call's sound: the codec, the way it flows, the key it is locked with.

use std::fmt;

/// How sound is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Codec {
    /// G.711 A-law.
    Pcma,
    /// G.711 µ-law.
    Pcmu,
    /// G.722 at 64 kbit/s.
    G722,
    /// Opus (RFC 6716, RFC 7587).
    Opus,
}

impl Codec {
    /// Every codec.
    pub const ALL: [Self; 4] = [Self::Pcma, Self::Pcmu, Self::G722, Self::Opus];

    /// Its encoding name (RFC 3551, RFC 7587).
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcma => "PCMA",
            Self::Pcmu => "PCMU",
            Self::G722 => "G722",
            Self::Opus => "opus",
        }
    }

    /// The codec of that encoding name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name().eq_ignore_ascii_case(name))
    }

    /// Ticks of its RTP clock a second [Hz]. G.722's is 8000 by an old mistake that RFC 3551, 4.5.2
    /// keeps.
    pub fn clock_rate_hz(self) -> u32 {
        match self {
            Self::Pcma | Self::Pcmu | Self::G722 => 8_000,
            Self::Opus => 48_000,
        }
    }

    /// Samples a second of the sound that we code with it [Hz]. Opus could carry 48,000; a telephone's
    /// speech has nothing above 8 kHz.
    pub fn sample_rate_hz(self) -> u32 {
        match self {
            Self::Pcma | Self::Pcmu => 8_000,
            Self::G722 | Self::Opus => 16_000,
        }
    }

    /// Samples of 20 ms.
    pub fn frame_samples(self) -> usize {
        self.sample_rate_hz() as usize / 50
    }

    /// Ticks of its RTP clock in 20 ms.
    pub fn frame_ticks(self) -> u32 {
        self.clock_rate_hz() / 50
    }

    /// The payload type that RFC 3551 gives it; none where each call agrees on one.
    pub fn static_payload_type(self) -> Option<u8> {
        match self {
            Self::Pcmu => Some(0),
            Self::Pcma => Some(8),
            Self::G722 => Some(9),
            Self::Opus => None,
        }
    }
}

/// Which way sound flows, seen from whoever says it (RFC 8866, 6.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendRecv,
    /// It sends only: it holds the other, perhaps with music.
    SendOnly,
    /// It listens only.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// The attribute's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// The direction of that attribute.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive]
            .into_iter()
            .find(|d| d.as_str() == name)
    }

    /// Whether whoever says it sends.
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether whoever says it listens.
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }
}

/// How SRTP enciphers and authenticates (RFC 4568, 6.2; RFC 7714, 14.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SrtpSuite {
    /// AES in counter mode, HMAC-SHA1 of 80 bits.
    AesCm128HmacSha1_80,
    /// The same with 32 bits; RTCP keeps 80.
    AesCm128HmacSha1_32,
    /// AES-128 in Galois/counter mode.
    AeadAes128Gcm,
    /// AES-256 in Galois/counter mode.
    AeadAes256Gcm,
}

impl SrtpSuite {
    /// Every suite, the strongest first.
    pub const ALL: [Self; 4] =
        [Self::AeadAes256Gcm, Self::AeadAes128Gcm, Self::AesCm128HmacSha1_80, Self::AesCm128HmacSha1_32];

    /// Its name in `a=crypto`.
    pub fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// The suite of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// Bytes of its master key.
    pub fn key_len(self) -> usize {
        if self == Self::AeadAes256Gcm { 32 } else { 16 }
    }

    /// Bytes of its master salt.
    pub fn salt_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 => 14,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
        }
    }
}

/// The longest master key and salt together [bytes].
const MAX_KEYING: usize = 44;

/// A suite with a master key and salt: all that one direction of SRTP needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SrtpKey {
    suite: SrtpSuite,
    bytes: [u8; MAX_KEYING],
}

impl SrtpKey {
    /// `keying` is the key with the salt behind it; none where it is not as long as the suite wants.
    pub fn new(suite: SrtpSuite, keying: &[u8]) -> Option<Self> {
        if keying.len() != suite.key_len() + suite.salt_len() {
            return None;
        }
        let mut bytes = [0; MAX_KEYING];
        bytes[..keying.len()].copy_from_slice(keying);
        Some(Self { suite, bytes })
    }

    /// The suite.
    pub fn suite(&self) -> SrtpSuite {
        self.suite
    }

    /// The master key.
    pub fn key(&self) -> &[u8] {
        &self.bytes[..self.suite.key_len()]
    }

    /// The master salt.
    pub fn salt(&self) -> &[u8] {
        &self.bytes[self.suite.key_len()..][..self.suite.salt_len()]
    }
}

impl fmt::Debug for SrtpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever has it hears the call.
        write!(f, "SrtpKey({})", self.suite.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_what_they_name() {
        assert!(Codec::ALL.iter().all(|c| Codec::from_name(&c.name().to_lowercase()) == Some(*c)));
        assert!(SrtpSuite::ALL.iter().all(|s| SrtpSuite::from_name(s.name()) == Some(*s)));
        assert_eq!((Codec::from_name("G729"), SrtpSuite::from_name("F8_128_HMAC_SHA1_80")), (None, None));
        assert_eq!(Direction::from_name("recvonly"), Some(Direction::RecvOnly));
    }

    #[test]
    fn a_key_has_its_suites_length_and_is_not_shown() {
        for suite in SrtpSuite::ALL {
            let keying: Vec<u8> = (1..=(suite.key_len() + suite.salt_len()) as u8).collect();
            let key = SrtpKey::new(suite, &keying).unwrap();
            assert_eq!([key.key(), key.salt()].concat(), keying);
            assert_eq!(SrtpKey::new(suite, &keying[1..]), None);
            assert_eq!(format!("{key:?}"), format!("SrtpKey({})", suite.name()));
        }
    }
}
