//! Why a call was not placed.

/// Nothing was dialled: the callee's phone never rang.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// A prompt could not be synthesized.
    #[error("a prompt could not be spoken, so the call was not placed: {0}")]
    Voice(waihu_speech::SpeechError),
    /// No port, no socket.
    #[error("no media port for the call: {0}")]
    Media(#[from] waihu_media::MediaError),
    /// The attempt could not be written down, or must not be made.
    #[error("the attempt was not recorded, so the call was not placed: {0}")]
    Store(#[from] waihu_store::StoreError),
    /// The case's time zone is none that is known.
    #[error("case {case}: {zone:?} is no time zone; write one like Asia/Shanghai")]
    TimeZone {
        /// The case.
        case: waihu_types::CaseId,
        /// What it says.
        zone: String,
    },
    /// The folder for recordings cannot be used.
    #[error("{path}: {source}: choose another folder for recordings, or make room", path = path.display())]
    Recordings {
        /// The folder or file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The speech workers are gone.
    #[error("the speech workers have stopped; start waihu again")]
    WorkersGone,
}
