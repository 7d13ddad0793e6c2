//! SIP over UDP: the one task that owns the socket, and the trunks' configuration.
//!
//! Everything that SIP asks for is decided in `waihu_sip::Endpoint`; here are its socket, its clock
//! and its randomness. Absent on purpose: registration, DNS, failover, TCP, TLS and WebSocket.

mod call;
mod config;
mod icmp;
mod network;
mod probe;
mod socket;

pub use call::{Call, IncomingCall};
pub use config::{Agent, ConfigError, KeyExchange, MediaPorts, TrunkConfig};
pub use network::{InvalidNetwork, Network};
pub use probe::{Alive, options};
pub use socket::{Counters, InviteRequest, SipSocket};
pub use waihu_sip::{Credentials, SrtpPolicy, Uri};
