//! Why a run did not come about.

use waihu_codec::CodecError;

/// Why a run did not come about.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A socket, the parent's pipe, or a file of `/proc`.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The system refused a socket's option or the core.
    #[error(transparent)]
    System(#[from] nix::Error),
    /// What the parent said is not what the protocol expects.
    #[error("the parent's line: {0}")]
    Line(#[from] serde_json::Error),
    /// The parent named more or fewer near ends or keys than there are calls.
    #[error("{got} near ends or keys for {calls} calls")]
    Count {
        /// How many it named.
        got: usize,
        /// How many there are.
        calls: usize,
    },
    /// A key that is no Base64, or not as long as its suite wants.
    #[error("the key of call {0} is none")]
    Key(usize),
    /// SRTP refused a key.
    #[error(transparent)]
    Srtp(#[from] waihu_srtp::SrtpError),
    /// The codec's library refused.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The speech could not be brought to the codec's rate.
    #[error(transparent)]
    Resample(#[from] waihu_audio::ResampleError),
    /// No call, no second, no socket, or more calls than there are ports.
    #[error("between 1 and {max} calls, at least 1 second and 1 socket")]
    Nothing {
        /// The most calls.
        max: usize,
    },
}
