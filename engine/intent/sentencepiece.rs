//! A SentencePiece unigram model file, read into a `tokenizers` Unigram model.
//!
//! The file is a protobuf `ModelProto` (pieces = 1, trainer_spec = 2, normalizer_spec = 3, as in
//! sentencepiece_model.proto); this reads only what segmentation needs. Absent: BPE models,
//! sampling, decoding back to text, byte fallback.

use std::path::Path;

use tokenizers::{Model, NormalizedString, Normalizer, models::unigram::Unigram, normalizers::Precompiled};

use crate::IntentError;

/// Piece ids that every file of this encoder has: unknown, begin and end of sentence.
const UNKNOWN: u32 = 0;
const BEGIN: u32 = 1;
const END: u32 = 2;
/// U+2581, which stands for a space inside pieces.
const SPACE: char = '\u{2581}';
/// More pieces than this is a damaged file; the real one has 128,010.
const MAX_PIECES: usize = 1 << 20;

/// Cuts a text into piece ids.
pub(crate) struct SentencePiece {
    unigram: Unigram,
    charsmap: Option<Precompiled>,
    pieces: usize,
}

impl SentencePiece {
    pub fn load(path: &Path) -> Result<Self, IntentError> {
        let bytes =
            std::fs::read(path).map_err(|source| IntentError::Read { path: path.to_owned(), source })?;
        Self::parse(&bytes).map_err(|reason| IntentError::BadModel { path: path.to_owned(), reason })
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut vocab: Vec<(String, f64)> = Vec::new();
        let mut charsmap = None;
        let mut fields = Fields(bytes);
        while let Some((number, value)) = fields.next_field()? {
            match (number, value) {
                (1, Value::Bytes(piece)) if vocab.len() < MAX_PIECES => vocab.push(read_piece(piece)?),
                (1, _) => return Err("too many pieces".to_owned()),
                (3, Value::Bytes(spec)) => charsmap = read_charsmap(spec)?,
                _ => {}
            }
        }
        if vocab.len() <= END as usize {
            return Err("it holds no pieces".to_owned());
        }
        let pieces = vocab.len();
        let mut unigram = Unigram::from(vocab, Some(UNKNOWN as usize), false)
            .map_err(|e| format!("its pieces make no model: {e}"))?;
        // No cache: what callees say is not to be kept in memory.
        unigram.resize_cache(0);
        Ok(Self { unigram, charsmap, pieces })
    }

    /// How many pieces the model has.
    pub fn pieces(&self) -> usize {
        self.pieces
    }

    /// The piece ids of a text, between begin and end of sentence.
    pub fn ids(&self, text: &str) -> Result<Vec<u32>, IntentError> {
        let fail = |e: tokenizers::Error| IntentError::Tokenize(e.to_string());
        let mut normalized = NormalizedString::from(text);
        if let Some(map) = &self.charsmap {
            map.normalize(&mut normalized).map_err(fail)?;
        }
        let mut ids = vec![BEGIN];
        let spaced = mark_spaces(normalized.get());
        if spaced.is_empty() {
            ids.push(UNKNOWN);
        } else {
            ids.extend(self.unigram.tokenize(&spaced).map_err(fail)?.iter().map(|t| t.id));
        }
        ids.push(END);
        Ok(ids)
    }
}

/// One space before the text, one between words, none after, each written as U+2581.
fn mark_spaces(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        out.push(SPACE);
        out.push_str(word);
    }
    out
}

/// `SentencePiece { piece = 1; score = 2 }`.
fn read_piece(bytes: &[u8]) -> Result<(String, f64), String> {
    let mut piece = None;
    let mut score = 0.0;
    let mut fields = Fields(bytes);
    while let Some((number, value)) = fields.next_field()? {
        match (number, value) {
            (1, Value::Bytes(b)) => {
                piece = Some(std::str::from_utf8(b).map_err(|_| "a piece is not text")?.to_owned());
            }
            (2, Value::Fixed32(b)) => score = f64::from(f32::from_le_bytes(b)),
            _ => {}
        }
    }
    Ok((piece.ok_or("a piece has no text")?, score))
}

/// `NormalizerSpec { precompiled_charsmap = 2 }`.
fn read_charsmap(bytes: &[u8]) -> Result<Option<Precompiled>, String> {
    let mut fields = Fields(bytes);
    while let Some((number, value)) = fields.next_field()? {
        if let (2, Value::Bytes(map)) = (number, value)
            && !map.is_empty()
        {
            // The first word is the length of the trie; the reader below trusts it.
            let trie = map.first_chunk::<4>().map(|n| u32::from_le_bytes(*n) as usize);
            if !trie.is_some_and(|n| n % 4 == 0 && n <= map.len() - 4) {
                return Err("its normalization table is cut short".to_owned());
            }
            return Precompiled::from(map)
                .map(Some)
                .map_err(|e| format!("its normalization table is damaged: {e}"));
        }
    }
    Ok(None)
}

/// The fields of a protobuf message, in the order of the file.
struct Fields<'a>(&'a [u8]);

/// One value on the wire. Varints and 64-bit values are stepped over.
enum Value<'a> {
    Bytes(&'a [u8]),
    Fixed32([u8; 4]),
    Skipped,
}

impl<'a> Fields<'a> {
    fn next_field(&mut self) -> Result<Option<(u64, Value<'a>)>, String> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => {
                self.varint()?;
                Value::Skipped
            }
            1 => {
                self.take(8)?;
                Value::Skipped
            }
            2 => {
                let n = usize::try_from(self.varint()?).map_err(|_| "a field is too long")?;
                Value::Bytes(self.take(n)?)
            }
            5 => {
                let b = self.take(4)?;
                Value::Fixed32([b[0], b[1], b[2], b[3]])
            }
            wire => return Err(format!("wire type {wire} in a protobuf message")),
        };
        Ok(Some((tag >> 3, value)))
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let (head, rest) = self.0.split_at_checked(n).ok_or("cut short")?;
        self.0 = rest;
        Ok(head)
    }

    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a varint does not end".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A model file with the given pieces and no normalization table.
    fn model(pieces: &[(&str, f32)]) -> Vec<u8> {
        let mut out = Vec::new();
        for (piece, score) in pieces {
            let mut p = vec![0x0a, piece.len() as u8];
            p.extend(piece.as_bytes());
            p.push(0x15);
            p.extend(score.to_le_bytes());
            out.extend([0x0a, p.len() as u8]);
            out.extend(p);
        }
        out
    }

    #[test]
    fn the_likelier_segmentation_wins() {
        let m = model(&[
            ("<unk>", 0.0),
            ("<s>", 0.0),
            ("</s>", 0.0),
            ("\u{2581}", -2.0),
            ("还", -3.0),
            ("款", -3.0),
            ("还款", -4.0),
        ]);
        let sp = SentencePiece::parse(&m).unwrap();
        assert_eq!(sp.ids("还款").unwrap(), [1, 3, 6, 2]);
        assert_eq!(sp.ids(" 还  款 ").unwrap(), [1, 3, 4, 3, 5, 2]);
        assert_eq!(sp.ids("").unwrap(), [1, 0, 2]);
    }

    #[test]
    fn damaged_files_are_refused() {
        let m = model(&[("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0), ("a", -1.0)]);
        assert!(SentencePiece::parse(&[]).is_err());
        assert!(SentencePiece::parse(b"PK\x03\x04 not a model").is_err());
        assert!(SentencePiece::parse(&m[..m.len() - 1]).is_err());
        let mut with_map = m.clone();
        with_map.extend([0x1a, 0x06, 0x12, 0x04, 0xff, 0xff, 0xff, 0x7f]);
        assert!(SentencePiece::parse(&with_map).is_err());
    }
}
