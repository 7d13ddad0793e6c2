//! AES in counter mode with HMAC-SHA1 (RFC 3711, 4.1.1 and 4.2.1). Key schedule and both halves of HMAC's
//! key are worked out once.

use aes::cipher::{BlockEncrypt, KeyInit};
use aes::{Aes128Enc, Block};
use hmac::{Hmac, Mac};
use sha1::Sha1;

use crate::SrtpError;
use crate::derive::SessionKeys;

/// Blocks of key stream at a time: as many as AES-NI has under way at once.
const BLOCKS: usize = 8;

/// One protocol's cipher and authenticator.
pub(crate) struct CounterMode {
    aes: Aes128Enc,
    hmac: Hmac<Sha1>,
    /// The session salt times 2^16.
    salt: u128,
    tag: usize,
}

impl CounterMode {
    /// `tag` is the tag's length [bytes], at most 20.
    pub(crate) fn new(keys: &SessionKeys, tag: usize) -> Result<Self, SrtpError> {
        let mut salt = [0; 16];
        salt[..keys.salt.len()].copy_from_slice(&keys.salt);
        Ok(Self {
            aes: Aes128Enc::new_from_slice(keys.key()).map_err(|_| SrtpError::Key)?,
            hmac: <Hmac<Sha1> as hmac::KeyInit>::new_from_slice(&keys.auth).map_err(|_| SrtpError::Key)?,
            salt: u128::from_be_bytes(salt),
            tag,
        })
    }

    /// The tag's length [bytes].
    pub(crate) fn tag_len(&self) -> usize {
        self.tag
    }

    /// Enciphers or deciphers: the key stream of that source and index upon `text`.
    pub(crate) fn apply(&self, ssrc: u32, index: u64, text: &mut [u8]) {
        let start = self.salt ^ u128::from(ssrc) << 64 ^ u128::from(index) << 16;
        // No packet has 2^16 blocks, and the start's last 16 bits are nought: they alone count.
        let mut block_number = 0_u16;
        for part in text.chunks_mut(16 * BLOCKS) {
            let mut stream = [Block::default(); BLOCKS];
            let used = part.len().div_ceil(16);
            for block in &mut stream[..used] {
                *block = (start | u128::from(block_number)).to_be_bytes().into();
                block_number = block_number.wrapping_add(1);
            }
            self.aes.encrypt_blocks(&mut stream[..used]);
            for (octets, block) in part.chunks_mut(16).zip(&stream) {
                octets.iter_mut().zip(block).for_each(|(octet, key)| *octet ^= key);
            }
        }
    }

    /// Writes the tag of `authentic` and `behind` to `tag`, which is as long as a tag.
    pub(crate) fn sign(&self, authentic: &[u8], behind: &[u8], tag: &mut [u8]) {
        let whole = self.mac(authentic, behind).finalize().into_bytes();
        tag.copy_from_slice(&whole[..tag.len()]);
    }

    /// Whether that is the tag of `authentic` and `behind`; takes as long whether it is or not.
    pub(crate) fn verify(&self, authentic: &[u8], behind: &[u8], tag: &[u8]) -> Result<(), SrtpError> {
        self.mac(authentic, behind).verify_truncated_left(tag).map_err(|_| SrtpError::Forged)
    }

    fn mac(&self, authentic: &[u8], behind: &[u8]) -> Hmac<Sha1> {
        let mut mac = self.hmac.clone();
        mac.update(authentic);
        mac.update(behind);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        hex::decode(hex).unwrap()
    }

    /// RFC 3711, B.2: SSRC and index are nought; what begins and what ends a key stream of nearly 2^16
    /// blocks.
    #[test]
    fn the_key_stream_is_that_of_rfc_3711_appendix_b2() {
        let keys = SessionKeys::of(
            &bytes("2B7E151628AED2A6ABF7158809CF4F3C"),
            &bytes("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"),
            [0; 20],
        );
        let mut text = vec![0; 0xff02 * 16];
        CounterMode::new(&keys, 10).unwrap().apply(0, 0, &mut text);
        assert_eq!(
            text[..48],
            bytes(
                "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB41E95B3BB0A2E8DD477901E4FCA894C0"
            )
        );
        assert_eq!(
            text[0xfeff * 16..],
            bytes(
                "EC8CDF7398607CB0F2D21675EA9EA1E4362B7C3C6773516318A077D7FC5073AE6A2CC3787889374FBEB4C81B17BA6C44"
            )
        );
    }

    /// RFC 2202, 3, test cases 1 and 2 (key of 20 octets; shorter ones are filled up with noughts by HMAC
    /// itself).
    #[test]
    fn the_tag_is_hmac_sha1_cut_short() {
        let mut jefe = [0; 20];
        jefe[..4].copy_from_slice(b"Jefe");
        for (auth, text, tag) in [
            ([0x0b; 20], &b"Hi There"[..], "b617318655057264e28bc0b6fb378c8ef146be00"),
            (jefe, b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        ] {
            for len in [4, 10] {
                let cm = CounterMode::new(&SessionKeys::of(&[1; 16], &[2; 14], auth), len).unwrap();
                let mut ours = vec![0; len];
                cm.sign(&text[..5], &text[5..], &mut ours);
                assert_eq!(ours, bytes(tag)[..len]);
                assert_eq!(cm.verify(text, &[], &ours), Ok(()));
                ours[len - 1] ^= 1;
                assert_eq!(cm.verify(text, &[], &ours), Err(SrtpError::Forged));
            }
        }
    }
}
