//! What the parent and we say to each other: JSON, one object a line.

use serde::{Deserialize, Serialize};

use waihu_types::{SrtpKey, SrtpSuite, base64};

use crate::Spread;

/// A key as it stands in these lines: key and salt in Base64.
pub fn key_text(key: &SrtpKey) -> String {
    base64::encode(&[key.key(), key.salt()].concat())
}

/// The key of that text; none where it is not of the suite's length.
pub fn key_of(text: &str, suite: SrtpSuite) -> Option<SrtpKey> {
    SrtpKey::new(suite, &base64::decode(text)?)
}

/// Our first line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FarEnds {
    /// One a call.
    pub far_ends: Vec<FarEnd>,
}

/// Where one call is to be sent.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct FarEnd {
    /// Address and port.
    pub address: std::net::SocketAddrV4,
    /// What we send under.
    pub ssrc: u32,
    /// Master key and salt that we lock with, in Base64 as in `a=crypto`; none in the clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl std::fmt::Debug for FarEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Whoever has the key hears the call.
        f.debug_struct("FarEnd")
            .field("address", &self.address)
            .field("ssrc", &self.ssrc)
            .finish_non_exhaustive()
    }
}

/// The parent's only line.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NearEnds {
    /// The engine's addresses, in the order of the far ends.
    pub near_ends: Vec<std::net::SocketAddrV4>,
    /// Master key and salt that the engine locks with, in the same order; empty in the clear.
    #[serde(default)]
    pub keys: Vec<String>,
    /// What our checks have to know, in the same order; empty where none are made.
    #[serde(default)]
    pub checks: Vec<Credentials>,
}

/// The engine's `a=ice-ufrag` and `a=ice-pwd` for one call.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// Whom a check calls.
    pub ufrag: String,
    /// What it is sealed with.
    pub pwd: String,
}

/// A line each second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Seconds since the first packet was due.
    pub second: u64,
    /// Packets sent so far.
    pub sent: u64,
    /// Packets received so far.
    pub received: u64,
    /// Streams that have been heard.
    pub streams: usize,
    /// The most that we were late in the last second [ms].
    pub own_late_ms: f64,
}

/// What came of it. The window in which loss is counted leaves out the first and the last second (a
/// quarter of the run each, where that is less).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Calls.
    pub streams: usize,
    /// Packets sent, in all.
    pub sent: u64,
    /// Packets that our own socket refused: lost by us.
    pub send_errors: u64,
    /// Packets that our network lost on purpose.
    pub spoiled: u64,
    /// Packets of known streams received, in all.
    pub received: u64,
    /// Sequence numbers of the window.
    pub expected: u64,
    /// Of these, how many never came.
    pub lost: u64,
    /// Packets that came again.
    pub duplicate: u64,
    /// Packets that came after a later one.
    pub reordered: u64,
    /// Checks that were answered.
    #[serde(default)]
    pub answers: u64,
    /// No RTP, not authentic, or 128 packets and more behind.
    pub bad: u64,
    /// RTP from where no near end is, or of a stream that no call is left for.
    pub unknown: u64,
    /// Packets of another payload type than the codec's: keys, mostly.
    pub other_payloads: u64,
    /// Times that a stream changed its SSRC or leapt.
    pub restarts: u64,
    /// Streams of which nothing came in the window.
    pub silent: usize,
    /// Streams with five packets fewer in the window than its length asks for, by sequence: they came
    /// late, ended early, or were slow.
    pub short: usize,
    /// How late packets came against their stream's grid [ms].
    pub late_ms: Spread,
    /// Interarrival jitter as RTCP tells it, of the streams [ms].
    pub jitter_ms: Spread,
    /// When streams were first heard, after we first sent to any [ms].
    pub first_packet_ms: Spread,
    /// How late we ourselves sent [ms].
    pub own_late_ms: Spread,
    /// Time that our thread ran [s].
    pub cpu_s: f64,
    /// Packets that our own receive queues had no room for. They are among the lost, and not the
    /// engine's.
    pub queue_drops: u64,
    /// Each stream for itself; not on the wire.
    #[serde(skip)]
    pub each: Vec<StreamReport>,
}

/// One stream's part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamReport {
    /// All that came.
    pub received: u64,
    /// Sequence numbers of the window.
    pub expected: u64,
    /// Of these, how many never came.
    pub lost: u64,
    /// The first sequence number in the window, and the last.
    pub window: Option<(u16, u16)>,
}

/// What is written to the parent after the first line.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said<'a> {
    Progress(&'a Progress),
    Report(&'a Report),
}
