use std::{io, path::PathBuf};

/// What can go wrong with voice activity; none of it comes from the sound itself.
#[derive(Debug, thiserror::Error)]
pub enum VadError {
    /// ONNX Runtime is not there or cannot be loaded.
    #[error("ONNX Runtime cannot be loaded from {path}: {cause}; `waihu models pull` fetches it")]
    Runtime {
        /// The library.
        path: PathBuf,
        /// What the loader says.
        cause: String,
    },
    /// [`crate::onnx::init`] has not been called.
    #[error("ONNX Runtime is not loaded yet: initialise it before the voice activity model")]
    NotInitialised,
    /// The model cannot be read.
    #[error("cannot read the voice activity model {path}: {source}; `waihu models pull` fetches it")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not Silero VAD.
    #[error(
        "{path} is no Silero voice activity model ({problem}): `waihu models verify` finds and `waihu models pull` replaces damaged files"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A computation failed.
    #[error("voice activity could not be computed: {0}")]
    Model(String),
}
