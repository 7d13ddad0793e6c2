//! Why a sound file cannot be read or written, in words for people.

use std::{io, path::PathBuf};

/// A sound file that is of no use.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    /// It cannot be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is something else.
    #[error("{} is not a WAV file but {looks_like}; convert it first, for example with sox", path.display())]
    NotWav {
        /// Which file.
        path: PathBuf,
        /// What its first bytes look like.
        looks_like: &'static str,
    },
    /// It is a WAV without a part that every WAV has.
    #[error("{} is a damaged WAV file: {what}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// It ends before its header says.
    #[error("{} is cut off: {present} of {declared} bytes of sound are there; copy it again", path.display())]
    Truncated {
        /// Which file.
        path: PathBuf,
        /// Bytes of sound that the header promises.
        declared: u64,
        /// Bytes of sound that there are.
        present: u64,
    },
    /// It holds no sound.
    #[error("{} holds no sound", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
    },
    /// Its coding is not one that is read here.
    #[error(
        "{} is coded in a way not read here (WAV format {format}, {bits} bits); use 16-bit PCM",
        path.display()
    )]
    Coding {
        /// Which file.
        path: PathBuf,
        /// The format tag.
        format: u16,
        /// Bits a sample.
        bits: u16,
    },
    /// It is longer than any call.
    #[error("{} has {bytes} bytes; at most {limit} are read", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The most that is read.
        limit: u64,
    },
    /// It cannot be written.
    #[error("cannot write {}: {cause}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What went wrong.
        cause: String,
    },
}
