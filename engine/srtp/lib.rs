//! Locked sound: SRTP and SRTCP (RFC 3711, RFC 7714), the handshake that agrees on keys (RFC 5764), and what
//! tells the protocols of one port apart.
//!
//! [`Lock`] and [`Unlock`] run once for each packet, and are this room's own rather than `rtc-srtp`'s, which
//! is what the tests compare them with. rtc-srtp gives each packet back in a new allocation, and makes state
//! for any SSRC that is heard before it knows whether the packet is authentic, without a limit. For a packet
//! of 172 bytes, one core of an AMD EPYC with AES-NI and SHA extensions took, to lock and to unlock [ns]:
//!
//! | suite | here | rtc-srtp 0.21.1 |
//! |---|---|---|
//! | AEAD_AES_256_GCM | 96, 92 | 137, 138 |
//! | AEAD_AES_128_GCM | 90, 91 | 133, 138 |
//! | AES_CM_128_HMAC_SHA1_80 | 205, 216 | 286, 276 |
//! | AES_CM_128_HMAC_SHA1_32 | 205, 217 | 285, 279 |
//!
//! (`cargo run --release -p waihu-srtp --example srtp_cost`)
//!
//! [`Handshake`] runs once a call on a control thread; it is rtc-dtls with the checks around it that
//! telephony wants. [`stun`] answers a browser's connectivity checks. Absent: sockets, clocks, and the choice of a suite by `a=crypto`, which is the
//! signalling's.

mod certificate;
mod counter_mode;
mod demultiplex;
mod derive;
mod error;
mod galois;
mod handshake;
mod packet;
mod session;
mod source;
pub mod stun;

pub use certificate::Certificate;
pub use demultiplex::{is_dtls, is_rtp_or_rtcp, is_stun};
pub use error::SrtpError;
pub use handshake::{DtlsError, DtlsKeys, Handshake, Role};
pub use session::{Lock, MAX_GROWTH, Unlock};

#[cfg(test)]
mod tests {
    use super::*;

    /// A session moves to its media thread, a handshake between the control threads.
    #[test]
    fn all_of_it_can_be_handed_to_another_thread() {
        fn can_be_sent<T: Send>() {}
        fn can_be_shared<T: Send + Sync>() {}
        can_be_sent::<(Lock, Unlock, Handshake)>();
        can_be_shared::<Certificate>();
    }
}
