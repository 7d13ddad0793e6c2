//! Why a packet is not locked or unlocked.

use thiserror::Error;

/// Why a packet is not locked or unlocked. Nothing about the session has changed where it is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SrtpError {
    /// It is too short, has another version than 2, or a header that reaches beyond its end.
    #[error("no RTP or RTCP packet")]
    Malformed,
    /// The buffer has no room behind the packet for what locking appends.
    #[error("no room behind the packet")]
    NoRoom,
    /// The tag is not that of these bytes under this key.
    #[error("authentication failed")]
    Forged,
    /// Its index has been seen already, or is older than the window remembers (RFC 3711, 3.3.2). In
    /// locking: a sequence number is used a second time, which would give both texts away.
    #[error("replayed, or too old to tell")]
    Replayed,
    /// One more SSRC than a session keeps state for.
    #[error("too many sources under one key")]
    TooManySources,
    /// 2^48 packets of RTP or 2^31 of RTCP (RFC 3711, 9.2): another key is needed.
    #[error("the key has reached the end of its life")]
    KeySpent,
    /// An SRTCP packet that says that it is not enciphered (its E bit), though nothing of the kind was
    /// agreed on.
    #[error("RTCP not enciphered")]
    Unenciphered,
    /// The key does not have its suite's length.
    #[error("the key does not fit its suite")]
    Key,
}
