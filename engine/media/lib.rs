//! The media threads: RTP sockets, call slots and an even 20 ms tick.
//!
//! Plain threads, pinned to cores, each owning the sockets and slots of its calls. A tick of 20 ms has
//! twenty phases of a millisecond, each for a twentieth of the slots: it reads what came to them, takes
//! 20 ms out of each slot's playout buffer, mixes what is to be said, and sends one packet for each
//! slot. Control talks to a thread through a queue ([`Media`]) and hears back through a callback a slot
//! ([`MediaEvent`]). Per packet it takes no lock, awaits nothing, allocates nothing and logs nothing.
//!
//! Silence is sent like sound, a packet each tick for as long as the call lasts: translated
//! addresses stay open, the far end's buffer and its recording stay steady, and nobody takes the
//! line for dead. Comfort noise would save bandwidth and cost all three. What a far end sends of it
//! is heard as it is meant.
//!
//! It knows ports and frames, not calls: SDP, scripts and files are others' business.

mod checks;
mod clip;
mod demux;
mod event;
mod latch;
mod load;
mod media;
mod playback;
mod ports;
mod rate;
mod receiver;
mod remote;
mod report;
mod slot;
mod stats;
mod wire;
mod worker;

pub use checks::IceCredentials;
pub use clip::Clip;
pub use event::{Heard, HeardTap, MediaEvent, PlaybackId, SlotId, StereoTap, Taps};
pub use load::Load;
pub use media::{Media, MediaConfig, MediaError, Opened, Ports};
pub use playback::Repeat;
pub use remote::{Remote, Security};
pub use stats::{Quality, Stats};
pub use waihu_types::{Codec, Direction};

#[cfg(test)]
mod tests;
