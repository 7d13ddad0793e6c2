//! Locked sound: SRTP and SRTCP (RFC 3711, RFC 7714), and the handshake that agrees on keys (RFC 5764).

mod counter_mode;
mod derive;
mod error;
mod galois;
mod packet;
mod session;
mod source;

pub use error::SrtpError;
pub use session::{Lock, MAX_GROWTH, Unlock};
