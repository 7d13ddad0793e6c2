//! AES in Galois/counter mode (RFC 7714, 8 and 9), over ring: key schedule and hash table are worked out
//! once, AES and the hash run side by side.

use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::SrtpError;
use crate::derive::SessionKeys;

/// The tag [bytes] (RFC 7714, 13.2: it is never cut short).
pub(crate) const TAG: usize = 16;

/// One protocol's cipher.
pub(crate) struct Galois {
    key: LessSafeKey,
    salt: [u8; NONCE_LEN],
}

impl Galois {
    pub(crate) fn new(keys: &SessionKeys) -> Result<Self, SrtpError> {
        let algorithm = if keys.key().len() == AES_256_GCM.key_len() { &AES_256_GCM } else { &AES_128_GCM };
        let key = UnboundKey::new(algorithm, keys.key()).map_err(|_| SrtpError::Key)?;
        let mut salt = [0; NONCE_LEN];
        salt.copy_from_slice(&keys.salt[..NONCE_LEN]);
        Ok(Self { key: LessSafeKey::new(key), salt })
    }

    /// Enciphers `text` in place; gives the tag of `clear` and it.
    pub(crate) fn seal(
        &self,
        ssrc: u32,
        index: u64,
        clear: &[u8],
        text: &mut [u8],
    ) -> Result<[u8; TAG], SrtpError> {
        let tag = self.key.seal_in_place_separate_tag(self.nonce(ssrc, index), Aad::from(clear), text);
        // It refuses nothing but a text of 64 GiB.
        let mut octets = [0; TAG];
        octets.copy_from_slice(tag.map_err(|_| SrtpError::Malformed)?.as_ref());
        Ok(octets)
    }

    /// Deciphers in place a text with its tag behind it. Where that is forged, what is left of it is of
    /// no use.
    pub(crate) fn open(
        &self,
        ssrc: u32,
        index: u64,
        clear: &[u8],
        text_and_tag: &mut [u8],
    ) -> Result<(), SrtpError> {
        match self.key.open_in_place(self.nonce(ssrc, index), Aad::from(clear), text_and_tag) {
            Ok(_) => Ok(()),
            Err(_) => Err(SrtpError::Forged),
        }
    }

    /// RFC 7714, 8.1 and 9.1: SSRC behind two octets of nought, then the index in six, all upon the salt.
    /// RTCP's index of 31 bits stands where RTP's does, with noughts before it.
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut nonce = self.salt;
        let place = ssrc.to_be_bytes().into_iter().chain(index.to_be_bytes().into_iter().skip(2));
        nonce[2..].iter_mut().zip(place).for_each(|(octet, n)| *octet ^= n);
        Nonce::assume_unique_for_key(nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: &str = "517569642070726f2071756f";
    const RTP: &str = "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573";
    const RTCP: &str = "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";

    fn bytes(hex: &str) -> Vec<u8> {
        hex::decode(hex).unwrap()
    }

    fn galois(key_len: u8) -> Galois {
        let key: Vec<u8> = (0..key_len).collect();
        let mut salt = bytes(SALT);
        salt.extend([0, 0]);
        Galois::new(&SessionKeys::of(&key, &salt, [0; 20])).unwrap()
    }

    /// RFC 7714, 16.1.1, 16.1.2, 16.2.1 and 16.2.2.
    #[test]
    fn rtp_is_locked_as_in_rfc_7714_section_16() {
        for (key_len, locked) in [
            (
                16,
                "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce",
            ),
            (
                32,
                "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13",
            ),
        ] {
            let (gcm, packet) = (galois(key_len), bytes(RTP));
            let mut text = packet[12..].to_vec();
            let tag = gcm.seal(0x5501_a0b2, 0xf17b, &packet[..12], &mut text).unwrap();
            text.extend(tag);
            assert_eq!(text, bytes(locked));
            gcm.open(0x5501_a0b2, 0xf17b, &packet[..12], &mut text).unwrap();
            assert_eq!(text[..packet.len() - 12], packet[12..]);
        }
    }

    /// RFC 7714, 17.1 and 17.2.
    #[test]
    fn rtcp_is_locked_as_in_rfc_7714_section_17() {
        for (key_len, locked) in [
            (
                16,
                "63e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade",
            ),
            (
                32,
                "d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de0476f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be",
            ),
        ] {
            let (gcm, packet) = (galois(key_len), bytes(RTCP));
            let clear = [&packet[..8], &0x8000_05d4_u32.to_be_bytes()].concat();
            let mut text = packet[8..].to_vec();
            let tag = gcm.seal(0x4d61_7273, 0x5d4, &clear, &mut text).unwrap();
            text.extend(tag);
            assert_eq!(text, bytes(locked));
            gcm.open(0x4d61_7273, 0x5d4, &clear, &mut text).unwrap();
            assert_eq!(text[..packet.len() - 8], packet[8..]);
        }
    }
}
