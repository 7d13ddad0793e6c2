//! RTP (RFC 3550) for telephone sound, without a socket and without a clock.
//!
//! A packet is parsed ([`Packet`]), its source checked ([`SourceState`]), its sound put in order
//! and brought to an even 20 ms pace ([`JitterBuffer`]), its keys read ([`DtmfReceiver`]). Which law
//! the sound is coded in is not known here: the jitter buffer holds linear samples.
//!
//! Absent as yet, and to stand beside these files: RTCP (`rtcp.rs`; the counts for its reports are
//! kept by [`SourceState`] already) and SRTP.

pub mod clock;
pub mod dtmf;
pub mod header;
pub mod jitter_buffer;
pub mod playout;
pub mod rtcp;
pub mod sequence;

pub use clock::{SendClock, Unwrapper};
pub use dtmf::{DtmfEvent, DtmfPress, DtmfReceiver, DtmfSender};
pub use header::{Packet, ParseError, write_packet};
pub use jitter_buffer::{JitterBuffer, JitterStats, Popped, Pushed};
pub use playout::{Pace, PlayoutBuffer, PlayoutStats};
pub use rtcp::RtcpSession;
pub use sequence::{Arrival, Reception, SourceState};
