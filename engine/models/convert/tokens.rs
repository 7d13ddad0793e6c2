//! Whisper's base vocabulary as bytes, out of a `tokenizer.json`.
//!
//! GPT-2's tokenizers write every byte as a printable character; the table is undone here. Special
//! tokens are left out: whisper.cpp numbers those itself.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ConvertError;

#[derive(Deserialize)]
struct Tokenizer {
    added_tokens: Vec<Added>,
    model: Bpe,
}

#[derive(Deserialize)]
struct Added {
    id: u32,
}

#[derive(Deserialize)]
struct Bpe {
    vocab: BTreeMap<String, u32>,
}

/// The bytes of each token from 0 up to the first special one.
pub(super) fn base_tokens(json: &[u8]) -> Result<Vec<Vec<u8>>, ConvertError> {
    let tokenizer: Tokenizer =
        serde_json::from_slice(json).map_err(|e| ConvertError::Tokenizer(e.to_string()))?;
    let first_special = tokenizer
        .added_tokens
        .iter()
        .map(|t| t.id)
        .min()
        .ok_or_else(|| ConvertError::Tokenizer("there are no special tokens".to_owned()))?;
    let table = byte_table();
    let mut tokens: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    for (text, id) in tokenizer.model.vocab {
        if id >= first_special {
            continue;
        }
        let bytes: Option<Vec<u8>> = text.chars().map(|c| table.get(&c).copied()).collect();
        let bytes = bytes.ok_or_else(|| {
            ConvertError::Tokenizer(format!("token {id} has a character outside GPT-2's byte table"))
        })?;
        tokens.insert(id, bytes);
    }
    if tokens.len() != first_special as usize {
        return Err(ConvertError::Tokenizer(format!(
            "{} tokens below the first special one, {first_special}",
            tokens.len()
        )));
    }
    Ok(tokens.into_values().collect())
}

/// Printable Latin-1 characters stand for themselves, every other byte for one from U+0100 on.
fn byte_table() -> BTreeMap<char, u8> {
    let mut table = BTreeMap::new();
    let mut next = 0x100u32;
    for byte in 0..=255u8 {
        let printable = matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
        let code = if printable {
            u32::from(byte)
        } else {
            next += 1;
            next - 1
        };
        if let Some(c) = char::from_u32(code) {
            table.insert(c, byte);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_space_is_written_as_u0120_and_every_byte_has_its_own_character() {
        let table = byte_table();
        assert_eq!(table.len(), 256);
        assert_eq!(table[&'\u{120}'], b' ');
        assert_eq!(table[&'a'], b'a');
    }

    #[test]
    fn a_gap_in_the_vocabulary_is_refused() {
        let json = br#"{"added_tokens":[{"id":3}],"model":{"vocab":{"a":0,"b":2}}}"#;
        assert!(matches!(base_tokens(json), Err(ConvertError::Tokenizer(_))));
        let json = br#"{"added_tokens":[{"id":3}],"model":{"vocab":{"a":0,"\u0120b":2,"":1,"<|x|>":3}}}"#;
        assert_eq!(base_tokens(json).unwrap(), [b"a".to_vec(), Vec::new(), b" b".to_vec()]);
    }
}
