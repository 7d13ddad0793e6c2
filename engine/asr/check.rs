//! A ggml Whisper file is walked through before whisper.cpp sees it.
//!
//! whisper.cpp takes sizes in the file at their word; a damaged one can end the whole process there.
//! Here every size is held against what Whisper models have and against the file's own length, so that
//! a damaged file is an error like any other.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use crate::AsrError;

const MAGIC: u32 = 0x6767_6d6c;

/// The largest Whisper has 51,866 tokens, width 1280, 32 layers and 128 mel bands.
const VOCAB_MAX: u32 = 60_000;
const WIDTH_MAX: u32 = 1_280;
const LAYERS_MAX: u32 = 32;
const MELS_MAX: u32 = 128;

/// Bins of the 400-point transform.
const BINS: u32 = 201;

/// A token's text is a few characters; the longest is 128 spaces.
const TOKEN_MAX_BYTES: u32 = 1_024;

/// A tensor's name, as in `decoder.blocks.31.cross_attn.query.weight`.
const NAME_MAX_BYTES: u32 = 128;

/// Why the file was not accepted.
enum Fault {
    Io(io::Error),
    Wrong(String),
}

impl From<io::Error> for Fault {
    fn from(e: io::Error) -> Self {
        if e.kind() == io::ErrorKind::UnexpectedEof { wrong("it ends early") } else { Self::Io(e) }
    }
}

fn wrong(problem: impl Into<String>) -> Fault {
    Fault::Wrong(problem.into())
}

/// Walks the file at `path` from its header to its exact end.
pub(crate) fn check(path: &Path) -> Result<(), AsrError> {
    let file = File::open(path).map_err(|source| {
        if source.kind() == io::ErrorKind::NotFound {
            AsrError::Missing { path: path.to_owned() }
        } else {
            AsrError::Read { path: path.to_owned(), source }
        }
    })?;
    walk(file).map_err(|fault| match fault {
        Fault::Io(source) => AsrError::Read { path: path.to_owned(), source },
        Fault::Wrong(problem) => AsrError::Damaged { path: path.to_owned(), problem },
    })
}

struct Reader {
    inner: BufReader<File>,
    at: u64,
    length: u64,
}

impl Reader {
    fn u32(&mut self) -> Result<u32, Fault> {
        let mut bytes = [0; 4];
        self.inner.read_exact(&mut bytes)?;
        self.at += 4;
        Ok(u32::from_le_bytes(bytes))
    }

    fn upto(&mut self, what: &str, max: u32) -> Result<u32, Fault> {
        match self.u32()? {
            n if (1..=max).contains(&n) => Ok(n),
            n => Err(wrong(format!("{what} is {n}"))),
        }
    }

    fn skip(&mut self, bytes: u64) -> Result<(), Fault> {
        if bytes > self.length - self.at {
            return Err(wrong("it ends early"));
        }
        // In range by the line above, and a file is shorter than i64::MAX.
        self.inner.seek_relative(i64::try_from(bytes).unwrap_or(i64::MAX))?;
        self.at += bytes;
        Ok(())
    }
}

fn walk(mut file: File) -> Result<(), Fault> {
    let length = file.seek(SeekFrom::End(0))?;
    file.rewind()?;
    let mut r = Reader { inner: BufReader::new(file), at: 0, length };
    if r.u32()? != MAGIC {
        return Err(wrong("it is no ggml file"));
    }
    r.upto("the vocabulary", VOCAB_MAX)?;
    let (audio_ctx, audio_width) = (r.upto("the audio context", 1_500)?, r.upto("the width", WIDTH_MAX)?);
    let audio_heads = r.upto("the number of heads", WIDTH_MAX)?;
    let audio_layers = r.upto("the number of layers", LAYERS_MAX)?;
    let (_text_ctx, text_width) = (r.upto("the text context", 448)?, r.upto("the width", WIDTH_MAX)?);
    let text_heads = r.upto("the number of heads", WIDTH_MAX)?;
    let text_layers = r.upto("the number of layers", LAYERS_MAX)?;
    if audio_width != text_width
        || audio_width % audio_heads != 0
        || text_width % text_heads != 0
        || audio_ctx != 1_500
    {
        return Err(wrong("its header contradicts itself"));
    }
    let mels = r.upto("the number of mel bands", MELS_MAX)?;
    let file_type = r.u32()? % 1_000;
    // f32, f16, q4_0, q4_1, q8_0, q5_0, q5_1
    if ![0, 1, 2, 3, 7, 8, 9].contains(&file_type) {
        return Err(wrong(format!("the file type is {file_type}")));
    }
    if r.u32()? != mels || r.u32()? != BINS {
        return Err(wrong("its mel filters have another size"));
    }
    r.skip(u64::from(mels * BINS) * 4)?;
    for _ in 0..r.upto("the number of tokens", VOCAB_MAX)? {
        let bytes = r.u32()?;
        if bytes > TOKEN_MAX_BYTES {
            return Err(wrong("a token is too long"));
        }
        r.skip(bytes.into())?;
    }
    let mut tensors = 0;
    while r.at < r.length {
        tensor(&mut r)?;
        tensors += 1;
    }
    // whisper.cpp's own count: 15 an encoder layer, 24 a decoder layer, 11 outside of them.
    if tensors != 15 * audio_layers + 24 * text_layers + 11 {
        return Err(wrong(format!("it has {tensors} tensors")));
    }
    Ok(())
}

fn tensor(r: &mut Reader) -> Result<(), Fault> {
    let rank = r.upto("a tensor's rank", 3)?;
    let name = r.upto("a tensor's name", NAME_MAX_BYTES)?;
    // Bytes of a block, and values in it.
    let (bytes, block) = match r.u32()? {
        0 => (4, 1),
        1 => (2, 1),
        2 => (18, 32),
        3 => (20, 32),
        6 => (22, 32),
        7 => (24, 32),
        8 => (34, 32),
        other => return Err(wrong(format!("a tensor has type {other}"))),
    };
    let mut values = 1u64;
    for _ in 0..rank {
        // With at most three of them below 2^16 the product stays in range.
        values *= u64::from(r.upto("a tensor's dimension", 0xffff)?);
    }
    if !values.is_multiple_of(block) {
        return Err(wrong("a tensor is no whole number of blocks"));
    }
    r.skip(name.into())?;
    r.skip(values / block * bytes)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn written(name: &str, bytes: &[u8]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("waihu-asr-check-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The smallest file that holds together: no layers are allowed to be none, so one of each.
    fn small() -> Vec<u8> {
        let mut out = Vec::new();
        let mut u32s = |values: &[u32]| values.iter().for_each(|v| out.extend(v.to_le_bytes()));
        u32s(&[MAGIC, 51_865, 1_500, 32, 1, 1, 448, 32, 1, 1, 1, 1, 1, BINS]);
        out.extend([0; 201 * 4]);
        out.extend([1, 0, 0, 0, 1, 0, 0, 0, b'a']);
        for _ in 0..50 {
            for v in [2u32, 1, 1, 3, 2] {
                out.extend(v.to_le_bytes());
            }
            out.push(b't');
            out.extend([0; 12]);
        }
        out
    }

    #[test]
    fn a_whole_file_passes_and_one_cut_anywhere_does_not() {
        let whole = small();
        let path = written("cut", &whole);
        check(&path).unwrap();
        for end in (0..whole.len()).step_by(13) {
            std::fs::write(&path, &whole[..end]).unwrap();
            assert!(matches!(check(&path), Err(AsrError::Damaged { .. })), "cut at {end}");
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn damaged_sizes_are_refused() {
        for (at, value) in
            [(4, 0u32), (8, 1), (12, 31), (12, 1 << 31), (20, 33), (44, 5), (48, 2), (60 + 804, 9_999)]
        {
            let mut bytes = small();
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            let path = written("sizes", &bytes);
            assert!(matches!(check(&path), Err(AsrError::Damaged { .. })), "{value} at {at}");
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn a_missing_file_says_what_to_run() {
        let error = check(Path::new("/nonexistent/ggml-base.bin")).unwrap_err();
        assert!(error.to_string().contains("waihu models pull"), "{error}");
    }
}
