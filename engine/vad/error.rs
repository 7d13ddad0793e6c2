use std::{io, path::PathBuf};

/// What can go wrong with voice activity and ends of turns; none of it comes from the sound itself.
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
    #[error("ONNX Runtime is not loaded yet: initialise it before the models")]
    NotInitialised,
    /// The model cannot be read.
    #[error("cannot read the model {path}: {source}; `waihu models pull` fetches it")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not the model that it should be.
    #[error(
        "{path} is no {model} model ({problem}): `waihu models verify` finds and `waihu models pull` replaces damaged files"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The model that was looked for.
        model: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A computation failed.
    #[error("the sound could not be judged: {0}")]
    Model(String),
}
