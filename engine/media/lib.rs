//! The media thread: RTP sockets, call slots and an even 20 ms tick.
//!
//! One plain thread owns every socket. Each tick it reads what came, takes 20 ms out of each
//! slot's jitter buffer, mixes what is to be said, and sends one packet for each slot. Control
//! talks to it through a queue ([`Media`]) and hears back through a callback a slot
//! ([`MediaEvent`]). Per packet it takes no lock, allocates nothing and logs nothing.
//!
//! Silence is sent like sound, a packet each tick for as long as the call lasts: translated
//! addresses stay open, the far end's buffer and its recording stay steady, and nobody takes the
//! line for dead. Comfort noise would save bandwidth and cost all three.
//!
//! It knows ports and frames, not calls: SDP, scripts and files are others' business. Absent as
//! yet: RTCP (the odd ports are left free for it), SRTP, several threads, recvmmsg.

mod event;
mod latch;
mod media;
mod playback;
mod ports;
mod slot;
mod worker;

pub use event::{HeardTap, MediaEvent, PlaybackId, SlotId, Stats, Taps};
pub use media::{Load, Media, MediaConfig, MediaError};
pub use slot::Remote;
pub use waihu_types::{Codec, Direction};

#[cfg(test)]
mod tests;
