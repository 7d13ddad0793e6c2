//! Base64 (RFC 4648, 4), for keys on the way to and from the parent.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

use waihu_types::{SrtpKey, SrtpSuite};

/// A key as it stands on the wire between parent and far ends: key and salt.
pub fn key_text(key: &SrtpKey) -> String {
    encode(&[key.key(), key.salt()].concat())
}

/// The key of that text; none where it is not of the suite's length.
pub fn key_of(text: &str, suite: SrtpSuite) -> Option<SrtpKey> {
    SrtpKey::new(suite, &decode(text)?)
}

/// `bytes` in Base64, padded.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word =
            group.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for i in 0..4 {
            text.push(match i <= group.len() {
                true => char::from(ALPHABET[(word >> (18 - 6 * i)) as usize & 63]),
                false => '=',
            });
        }
    }
    text
}

/// The bytes of a Base64 text, padded or not; none where a character is not of the alphabet.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for group in text.trim_end_matches('=').as_bytes().chunks(4) {
        let mut word = 0;
        for byte in group {
            word = word << 6 | ALPHABET.iter().position(|a| a == byte)? as u32;
        }
        word <<= 6 * (4 - group.len());
        let [_, a, b, c] = word.to_be_bytes();
        match group.len() {
            4 => bytes.extend([a, b, c]),
            3 => bytes.extend([a, b]),
            2 => bytes.push(a),
            _ => return None,
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_are_written_and_read_back() {
        let examples = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, text) in examples {
            assert_eq!(encode(plain.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(plain.as_bytes()));
        }
        assert_eq!((decode("Zm9v!"), decode("Zm9vY")), (None, None));
    }
}
