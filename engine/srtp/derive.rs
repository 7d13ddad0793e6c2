//! Session keys from the master key (RFC 3711, 4.3; RFC 6188, 3; RFC 7714, 11). Absent: a key derivation
//! rate other than 0, which neither DTLS nor anyone's `a=crypto` asks for.

use aes::cipher::{BlockEncrypt, KeyInit};
use aes::{Aes128Enc, Aes256Enc, Block};
use waihu_types::SrtpKey;

/// The longest session key [bytes].
pub(crate) const MAX_KEY: usize = 32;
/// The salt of the generator [bytes]; a shorter one is filled up with noughts (RFC 7714, 11).
pub(crate) const SALT: usize = 14;
/// The key of HMAC-SHA1 [bytes] (RFC 3711, 5.2).
pub(crate) const AUTH_KEY: usize = 20;

/// Which of the two protocols a session key is for; the labels of RFC 3711, 4.3.2.
#[derive(Clone, Copy)]
pub(crate) enum Protocol {
    Rtp,
    Rtcp,
}

/// The keys of one protocol under one master key.
pub(crate) struct SessionKeys {
    key: [u8; MAX_KEY],
    key_len: usize,
    /// Of HMAC; of no use to an AEAD.
    pub auth: [u8; AUTH_KEY],
    /// All of it for AES-CM, its first 12 octets for GCM.
    pub salt: [u8; SALT],
}

impl SessionKeys {
    pub(crate) fn derive(master: &SrtpKey, protocol: Protocol) -> Option<Self> {
        let first = match protocol {
            Protocol::Rtp => 0,
            Protocol::Rtcp => 3,
        };
        let generator = Generator::new(master)?;
        let mut keys =
            Self { key: [0; MAX_KEY], key_len: master.key().len(), auth: [0; AUTH_KEY], salt: [0; SALT] };
        generator.fill(first, &mut keys.key[..keys.key_len]);
        generator.fill(first + 1, &mut keys.auth);
        generator.fill(first + 2, &mut keys.salt);
        Some(keys)
    }

    /// Those keys, of a standard's examples.
    #[cfg(test)]
    pub(crate) fn of(key: &[u8], salt: &[u8], auth: [u8; AUTH_KEY]) -> Self {
        let mut keys = Self { key: [0; MAX_KEY], key_len: key.len(), auth, salt: [0; SALT] };
        keys.key[..key.len()].copy_from_slice(key);
        keys.salt.copy_from_slice(salt);
        keys
    }

    /// The key of the cipher.
    pub(crate) fn key(&self) -> &[u8] {
        &self.key[..self.key_len]
    }
}

/// The pseudo-random function: AES in counter mode, begun at the salt with the label in it.
struct Generator {
    aes: MasterAes,
    salt: [u8; SALT],
}

enum MasterAes {
    Aes128(Box<Aes128Enc>),
    Aes256(Box<Aes256Enc>),
}

impl Generator {
    fn new(master: &SrtpKey) -> Option<Self> {
        let aes = match master.key().len() {
            16 => MasterAes::Aes128(Box::new(Aes128Enc::new_from_slice(master.key()).ok()?)),
            _ => MasterAes::Aes256(Box::new(Aes256Enc::new_from_slice(master.key()).ok()?)),
        };
        let mut salt = [0; SALT];
        salt.get_mut(..master.salt().len())?.copy_from_slice(master.salt());
        Some(Self { aes, salt })
    }

    fn fill(&self, label: u8, out: &mut [u8]) {
        let mut start = [0; 16];
        start[..SALT].copy_from_slice(&self.salt);
        // The key id is the label and 48 bits of nought: it meets the salt in its seventh octet.
        start[7] ^= label;
        for (n, part) in out.chunks_mut(16).enumerate() {
            let mut block: Block = (u128::from_be_bytes(start) | n as u128).to_be_bytes().into();
            match &self.aes {
                MasterAes::Aes128(aes) => aes.encrypt_block(&mut block),
                MasterAes::Aes256(aes) => aes.encrypt_block(&mut block),
            }
            part.copy_from_slice(&block[..part.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waihu_types::SrtpSuite;

    fn bytes(hex: &str) -> Vec<u8> {
        hex::decode(hex).unwrap()
    }

    /// RFC 3711, B.3.
    #[test]
    fn session_keys_are_those_of_rfc_3711_appendix_b3() {
        let keying = bytes("E1F97A0D3E018BE0D64FA32C06DE41390EC675AD498AFEEBB6960B3AABE6");
        let master = SrtpKey::new(SrtpSuite::AesCm128HmacSha1_80, &keying).unwrap();
        let keys = SessionKeys::derive(&master, Protocol::Rtp).unwrap();
        assert_eq!(keys.key(), bytes("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(keys.salt[..], bytes("30CBBC08863D8C85D49DB34A9AE1"));
        // The RFC lists 94 octets; HMAC-SHA1 takes the first 20.
        assert_eq!(keys.auth[..], bytes("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
    }

    /// RFC 6188, 7.2 has a salt of 14 octets; the generator under a key of 256 bits is the same.
    #[test]
    fn a_master_key_of_256_bits_gives_the_keys_of_rfc_6188() {
        let key = bytes("F0F04914B513F2763A1B1FA130F10E2998F6F6E43E4309D1E622A0E332B9F1B6");
        let generator = Generator {
            aes: MasterAes::Aes256(Box::new(Aes256Enc::new_from_slice(&key).unwrap())),
            salt: bytes("3B04803DE51EE7C96423AB5B78D2").try_into().unwrap(),
        };
        let mut session = [0; 32];
        generator.fill(0, &mut session);
        assert_eq!(session[..], bytes("5BA1064E30EC51613CAD926C5A28EF731EC7FB397F70A960653CAF06554CD8C4"));
        let mut salt = [0; 14];
        generator.fill(2, &mut salt);
        assert_eq!(salt[..], bytes("FA31791685CA444A9E07C6C64E93"));
    }
}
