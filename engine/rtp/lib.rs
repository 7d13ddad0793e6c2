//! RTP (RFC 3550) for telephone sound, without a socket and without a clock.
//!
//! A packet is parsed ([`Packet`]), its source checked ([`SourceState`]), its coded sound put in
//! order and given when it is to be heard ([`PlayoutBuffer`]), its keys read ([`DtmfReceiver`]);
//! both sides tell each other how it goes ([`RtcpSession`]), and what that sounds like is reckoned
//! in [`quality`].
//!
//! Absent: SRTP, codecs, concealment and stretching, which are rooms of their own. `fuzz/` throws
//! wild bytes at all that reads.

pub mod clock;
pub mod dtmf;
pub mod header;
pub mod playout;
pub mod quality;
pub mod rtcp;
pub mod sequence;

pub use clock::{SendClock, Unwrapper};
pub use dtmf::{DtmfEvent, DtmfPress, DtmfReceiver, DtmfSender};
pub use header::{Packet, ParseError, write_packet};
pub use playout::{Pace, PlayoutBuffer, PlayoutStats, Popped, Pushed};
pub use rtcp::RtcpSession;
pub use sequence::{Arrival, Reception, SourceState};
