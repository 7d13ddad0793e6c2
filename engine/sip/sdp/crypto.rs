//! `a=crypto` (RFC 4568): a key for SRTP, in the description itself.
//!
//! One key a line is used. Deliberately absent: master key identifiers and key derivation rates, which
//! our SRTP does not do; a line that asks for them is kept and says why it is of no use.

use std::fmt;

use waihu_types::{SrtpKey, SrtpSuite, base64};

/// The longest lifetime of a key that SRTP allows, as a power of two [packets] (RFC 3711 §9.2).
const MAX_LIFETIME: u32 = 48;

/// Why a line cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CryptoFault {
    /// It is not of the form that RFC 4568 §9.1 gives.
    #[error("a=crypto is not of the form tag suite inline:key")]
    Syntax,
    /// A suite that we do not have.
    #[error("a suite that this agent does not have")]
    Suite,
    /// The key is no base64, or not as long as the suite wants.
    #[error("the key is not as long as its suite wants")]
    Key,
    /// A lifetime of nothing, or of more than SRTP allows.
    #[error("the key's lifetime is no number of packets that SRTP allows")]
    Lifetime,
    /// Packets would carry a master key identifier, which several keys in one line need.
    #[error("a master key identifier, which this agent does not read")]
    Mki,
    /// A session parameter that weakens the session or that we do not do (RFC 4568 §6.3).
    #[error("a session parameter that this agent does not allow")]
    SessionParameter,
}

/// One `a=crypto` line. Nothing of it is shown in Debug but its tag and suite.
#[derive(Clone, PartialEq, Eq)]
pub struct Crypto {
    tag: u32,
    key: Result<SrtpKey, CryptoFault>,
    /// As it stands, so that it is printed as it was read.
    text: String,
}

impl Crypto {
    /// A line with one key that lives as long as SRTP allows.
    pub fn new(tag: u32, key: SrtpKey) -> Self {
        let keying = base64::encode(&[key.key(), key.salt()].concat());
        Self { tag, key: Ok(key), text: format!("{tag} {} inline:{keying}", key.suite().name()) }
    }

    /// Reads what stands behind `a=crypto:`. A line that cannot be used stays one: whoever wrote it
    /// wants encryption, which is not to be forgotten.
    pub fn parse(text: &str) -> Self {
        let tag = text.split_whitespace().next().filter(|t| t.len() < 10).and_then(|t| t.parse().ok());
        let key = if tag.is_some() { read(text) } else { Err(CryptoFault::Syntax) };
        Self { tag: tag.unwrap_or(0), key, text: text.to_owned() }
    }

    /// What offer and answer name the line by; 0 where it has none.
    pub fn tag(&self) -> u32 {
        self.tag
    }

    /// The key.
    ///
    /// # Errors
    /// Why the line cannot be used.
    pub fn key(&self) -> Result<SrtpKey, CryptoFault> {
        self.key
    }
}

fn read(text: &str) -> Result<SrtpKey, CryptoFault> {
    let mut words = text.split_whitespace().skip(1);
    let (suite, keys) = words.next().zip(words.next()).ok_or(CryptoFault::Syntax)?;
    let suite = SrtpSuite::from_name(suite).ok_or(CryptoFault::Suite)?;
    // The window's size is a hint, a rate of 0 derives no keys anew, and what begins with - may be left
    // undone (§6.3.1, §6.3.6, §6.3.7). Of the others each takes encryption or authentication away, or asks
    // for what we do not do.
    let harmless = |p: &str| p.starts_with("WSH=") || p == "KDR=0" || p.starts_with('-');
    if !words.all(harmless) {
        return Err(CryptoFault::SessionParameter);
    }
    if keys.contains(';') {
        // Several keys are told apart by their identifiers alone (§6.1).
        return Err(CryptoFault::Mki);
    }
    let (method, info) = keys.split_once(':').ok_or(CryptoFault::Syntax)?;
    if !method.eq_ignore_ascii_case("inline") {
        return Err(CryptoFault::Syntax);
    }
    let mut parts = info.split('|');
    let keying = parts.next().and_then(base64::decode).ok_or(CryptoFault::Key)?;
    let rest: Vec<&str> = parts.collect();
    let lifetime = match rest[..] {
        [] => None,
        [one] if one.contains(':') => return Err(CryptoFault::Mki),
        [one] => Some(one),
        [_, _] => return Err(CryptoFault::Mki),
        _ => return Err(CryptoFault::Syntax),
    };
    if !lifetime.is_none_or(is_lifetime) {
        return Err(CryptoFault::Lifetime);
    }
    SrtpKey::new(suite, &keying).ok_or(CryptoFault::Key)
}

/// `2^n` or a number of packets. How many is not kept: a call of a day at 50 packets a second has less
/// than 2^23, and whoever wants another key sooner sends one in a new offer.
fn is_lifetime(text: &str) -> bool {
    match text.strip_prefix("2^") {
        Some(power) => power.parse().is_ok_and(|n: u32| n <= MAX_LIFETIME),
        None => text.parse().is_ok_and(|n: u64| (1..=1 << MAX_LIFETIME).contains(&n)),
    }
}

impl fmt::Debug for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crypto({} {:?})", self.tag, self.key)
    }
}

impl fmt::Display for Crypto {
    /// The line's value with its key, for the wire.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYING: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

    fn key(line: &str) -> Result<SrtpKey, CryptoFault> {
        Crypto::parse(&line.replace("KEY", KEYING)).key()
    }

    #[test]
    fn the_lines_of_rfc_4568_are_read() {
        for line in [
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20",
            "2 AES_CM_128_HMAC_SHA1_32 INLINE:KEY|1048576 WSH=64",
            "999999999  AES_CM_128_HMAC_SHA1_32   inline:KEY -extension=1 KDR=0",
        ] {
            let key = key(line).unwrap_or_else(|e| panic!("{line}: {e}"));
            assert_eq!(key.key(), b"wDfvg&T+)xG7@fb5");
            assert_eq!(key.salt(), b"jU,RaA}\\|p0%*#");
        }
        assert_eq!(Crypto::parse(&format!("7 AES_CM_128_HMAC_SHA1_80 inline:{KEYING}")).tag(), 7);
    }

    #[test]
    fn a_line_that_is_of_no_use_says_why() {
        use CryptoFault::{Key, Lifetime, Mki, SessionParameter, Suite, Syntax};
        for (line, fault) in [
            ("", Syntax),
            ("one AES_CM_128_HMAC_SHA1_80 inline:KEY", Syntax),
            ("1234567890 AES_CM_128_HMAC_SHA1_80 inline:KEY", Syntax),
            ("1 AES_CM_128_HMAC_SHA1_80", Syntax),
            ("1 AES_CM_128_HMAC_SHA1_80 KEY", Syntax),
            ("1 AES_CM_128_HMAC_SHA1_80 uri:KEY", Syntax),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|1:4|9", Syntax),
            ("1 F8_128_HMAC_SHA1_80 inline:KEY", Suite),
            ("1 AES_256_CM_HMAC_SHA1_80 inline:KEY", Suite),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:", Key),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:KEYAAAA", Key),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:not*base64", Key),
            ("1 AEAD_AES_128_GCM inline:KEY", Key),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^49", Lifetime),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:KEY|0", Lifetime),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:KEY|", Lifetime),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:KEY|1:4", Mki),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|1:4", Mki),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|1:4;inline:KEY|2^20|2:4", Mki),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:KEY UNENCRYPTED_SRTP", SessionParameter),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:KEY UNENCRYPTED_SRTCP", SessionParameter),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:KEY WSH=64 UNAUTHENTICATED_SRTP", SessionParameter),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:KEY KDR=1", SessionParameter),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:KEY FEC_ORDER=FEC_SRTP", SessionParameter),
        ] {
            assert_eq!(key(line), Err(fault), "{line}");
        }
    }

    #[test]
    fn every_suites_key_is_read_as_it_was_written() {
        for suite in SrtpSuite::ALL {
            let keying: Vec<u8> = (0..suite.key_len() + suite.salt_len()).map(|i| i as u8 ^ 0x5a).collect();
            let line = Crypto::new(3, SrtpKey::new(suite, &keying).unwrap());
            assert_eq!(Crypto::parse(&line.to_string()), line);
            assert!(line.to_string().starts_with(&format!("3 {} inline:", suite.name())));
        }
    }

    #[test]
    fn keys_are_not_shown() {
        let line = Crypto::parse(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEYING}"));
        assert_eq!(format!("{line:?}"), "Crypto(1 Ok(SrtpKey(AES_CM_128_HMAC_SHA1_80)))");
        let broken = Crypto::parse(&format!("1 OTHER inline:{KEYING}"));
        assert_eq!(format!("{broken:?}"), "Crypto(1 Err(Suite))");
    }
}
