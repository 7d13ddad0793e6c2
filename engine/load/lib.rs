//! Far ends by the thousand: what `waihu bench media` measures the engine with, in a process of its own.
//!
//! [`run`] binds the sockets, tells its parent the addresses, hears from it where to send, sends each
//! stream a packet each 20 ms and judges what comes back: loss by sequence numbers, lateness against
//! each stream's own 20 ms grid, by the kernel's time of receipt, so that its own scheduling does not
//! count. It is IPv4, and loopback as it stands. Absent: SIP, RTCP, and any look into the sound that
//! comes back.
//!
//! [`Relay`] stands between two addresses and spoils what passes, for tests of bad networks.

mod audit;
mod config;
mod error;
mod far_end;
mod generator;
mod judge;
mod network;
mod queue;
mod relay;
mod socket;
mod spread;
mod track;
mod wire;

pub use config::{LoadConfig, Ports};
pub use error::LoadError;
pub use generator::run;
pub use network::{Burst, Delivery, Flip, Line, Network};
pub use relay::{Relay, RelayCounts};
pub use spread::Spread;
pub use wire::{Credentials, FarEnd, FarEnds, NearEnds, Progress, Report, StreamReport, key_of, key_text};
