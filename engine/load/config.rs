//! What a run is made of.

use waihu_types::{Codec, SrtpSuite};

use crate::Network;

/// How our far ends are addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// Each has a port of its own, as behind a carrier's media gateway.
    PerCall,
    /// A few ports for all; streams are told apart by where they come from and their SSRC.
    Shared {
        /// Sockets, at least one.
        sockets: usize,
    },
}

/// What a run is made of.
#[derive(Clone, Debug)]
pub struct LoadConfig {
    /// Streams, one a call, both ways.
    pub calls: usize,
    /// How long packets are sent [s].
    pub seconds: u64,
    /// How the sound is coded.
    pub codec: Codec,
    /// How our far ends are addressed.
    pub ports: Ports,
    /// How packets are locked, both ways; clear if none.
    pub srtp: Option<SrtpSuite>,
    /// What is said [samples at 8 kHz]: cut into talk and pauses, each stream beginning elsewhere. A
    /// made-up voice where it is empty.
    pub speech: Vec<i16>,
    /// What becomes of our packets on their way to the engine.
    pub network: Network,
    /// The core that the generator keeps to.
    pub core: Option<usize>,
    /// What all chance comes from: equal seeds, equal packets.
    pub seed: u64,
}
