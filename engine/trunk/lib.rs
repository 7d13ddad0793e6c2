//! SIP over UDP, TCP, TLS and WebSocket: the one task that owns the sockets, and the trunks' configuration.
//!
//! Everything that SIP asks for is decided in `waihu_sip::Endpoint`; here are its sockets, its clock
//! and its randomness.

mod call;
mod caller;
mod carrier;
mod config;
mod discards;
mod dns;
mod hep;
mod icmp;
mod known;
mod measure;
mod network;
mod phrases;
mod probe;
mod socket;
mod stir;
mod streams;
mod task;
mod tls;
mod trace;
mod watch;

pub use call::{Call, IncomingCall};
pub use carrier::{BY_NAME, Carrier, Route};
pub use config::{
    Agent, Causes, ConfigError, Handover, KeyExchange, Meaning, MediaPorts, Numbers, OwnNumber, Signalling,
    SipEnd, TrunkConfig,
};
pub use dns::{Dns, DnsFault, Located, Told};
pub use hep::HepConfig;
pub use network::{InvalidNetwork, Network};
pub use probe::{Alive, options};
pub use socket::{Callers, Counters, InviteRequest, Registration, SipSocket, SocketConfig};
pub use stir::{Attestation, Signer, StirError};
pub use streams::{Listen, StreamConfig, Web};
pub use tls::{TlsError, TlsFiles};
pub use trace::{Step, Way};
pub use waihu_sip::{
    Credentials, Hop, SrtpPolicy, Strangers, Transport, Uri,
    health::{Room, Standing},
    locate::{self, Place},
    registrar::Telephone,
    registration,
};
