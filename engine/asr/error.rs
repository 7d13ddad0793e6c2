//! What can go wrong with a recognizer.

use std::{io, path::PathBuf};

/// A recognizer that cannot be loaded or an utterance that cannot be recognized.
#[derive(Debug, thiserror::Error)]
pub enum AsrError {
    /// The model file is not there.
    #[error("the speech model {path} is missing: run `waihu models pull`")]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The model file cannot be read.
    #[error("cannot read the speech model {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The model file is not a whole ggml Whisper model.
    #[error(
        "the speech model {path} is damaged ({problem}): `waihu models verify` finds and `waihu models pull` replaces damaged files"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The model is for English only.
    #[error("the speech model {path} knows English only: take a multilingual one")]
    EnglishOnly {
        /// The file.
        path: PathBuf,
    },
    /// whisper.cpp refused the model or an utterance.
    #[error("whisper.cpp: {0}")]
    Whisper(#[from] whisper_rs::WhisperError),
    /// More than the model's window.
    #[error(
        "an utterance of {seconds} s is longer than the 30 s that the model hears at once: cut it before"
    )]
    TooLong {
        /// Its length.
        seconds: usize,
    },
}
