//! RTCP (RFC 3550, section 6): how each side tells the other what it sends and what arrives.
//!
//! [`Compound`] reads what came, in the bytes it came in; [`RtcpSession`] knows when a report is due
//! and writes it. The fields' names are the RFC's. Absent: extended reports (RFC 3611), feedback
//! (RFC 4585) and application packets, which are passed over; and more than two parties.

mod read;
mod session;
mod write;

pub use read::{Blocks, Chunk, Chunks, Compound, Form, Goodbye, Packets, Rtcp, RtcpError};
pub use session::{FarReport, Received, RtcpSession};
pub use write::Writer;

/// Packet types (RFC 3550, 12.1).
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;

/// The SDES item that names a source for good (RFC 3550, 6.5.1).
const CNAME: u8 = 1;

/// The longest text of an item or a reason [bytes]: its length is one byte.
pub const MAX_TEXT: usize = 255;

/// No report that is written here is longer [bytes]: 52 of report, 264 of CNAME, 264 of goodbye.
pub const MAX_REPORT: usize = 600;

/// Whether a datagram on a port that RTP and RTCP share is RTCP (RFC 5761, section 4).
pub fn is_rtcp(bytes: &[u8]) -> bool {
    bytes.get(1).is_some_and(|second| (192..=223).contains(second))
}

/// What a sender tells of what it sends (RFC 3550, 6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderInfo {
    /// When the report was made [1/2^32 s since 1900].
    pub ntp: u64,
    /// The same moment on the RTP clock [ticks].
    pub rtp_timestamp: u32,
    /// Packets sent in all.
    pub packets: u32,
    /// Bytes of payload sent in all.
    pub octets: u32,
}

/// What a receiver tells of one source (RFC 3550, 6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: u32,
    /// Lost since the last report [1/256].
    pub fraction_lost: u8,
    /// Lost in all, negative where copies came; of 24 bits [packets].
    pub cumulative_lost: i32,
    /// The newest sequence number with the count of wraps above it.
    pub extended_highest: u32,
    /// Interarrival jitter [ticks].
    pub jitter: u32,
    /// The middle 32 bits of the NTP time of the last sender report; 0 where none came.
    pub last_sr: u32,
    /// Time since it came [1/65536 s].
    pub delay_since_last_sr: u32,
}

#[cfg(test)]
#[path = "rtcp_tests.rs"]
mod tests;
