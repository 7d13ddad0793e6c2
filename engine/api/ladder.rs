//! What passed over the wire for a call, as the server meets it: handed in by the program, since SIP is not known here.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepWay {
    /// From us.
    Out,
    /// To us.
    In,
}

/// One message of a call: its methods, codes and causes; no name, no number, no body, and no free text of others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LadderStep {
    /// When it passed [ms of UTC].
    pub at_ms: u64,
    /// Which way.
    pub way: StepWay,
    /// What carried it and the far end's address.
    #[schema(example = "UDP 192.0.2.10:5060")]
    pub far: String,
    /// The method and the address, its number masked; or the code, and what it means by its registry.
    #[schema(example = "INVITE sip:…@192.0.2.10:5060")]
    pub line: String,
    /// CSeq: the number of the request that it belongs to, and its method.
    #[schema(example = "1 INVITE")]
    pub cseq: String,
    /// The first cause of Reason (RFC 3326), without its text; none of an unknown protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "Q.850;cause=16")]
    pub reason: Option<String>,
    /// Whether it carries a description of the sound.
    pub described: bool,
}

/// What is still kept of a call by its Call-ID, in order; none where no calls are placed here, or not yet.
pub type Ladder = dyn Fn(&str) -> Option<Vec<LadderStep>> + Send + Sync;
