//! The human part of a call, as an outcome has it.

use serde::{Deserialize, Serialize};

use crate::{Disposition, WallTime};

/// The human part of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// The agent's name in the configuration.
    pub agent: String,
    /// How it went.
    pub result: HandoverResult,
    /// When both were joined.
    pub joined_at: Option<WallTime>,
    /// How long the callee waited, to the first agent who joined or to the end [ms].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited_ms: Option<u64>,
    /// How long agents talked with the callee [ms].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub talked_ms: Option<u64>,
    /// At whose desks and telephones it rang, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<HandoverOffer>,
    /// Who else was there, in the order in which they came: agents who had the call or were asked about it before,
    /// supervisors, others at the callee's wish.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<HandoverOther>,
    /// What came of it, as the agent put it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposition: Option<Disposition>,
    /// What the agent noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

impl Handover {
    /// How it went with an agent, and nothing else yet.
    pub fn of(agent: String, result: HandoverResult) -> Self {
        Self {
            agent,
            result,
            joined_at: None,
            waited_ms: None,
            talked_ms: None,
            offers: Vec::new(),
            others: Vec::new(),
            disposition: None,
            notes: None,
        }
    }
}

/// Somebody else who was in a talk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoverOther {
    /// Their name; of whoever was called in, nothing but that.
    pub name: String,
    /// What they did there.
    pub part: OtherPart,
    /// Since when.
    pub since: WallTime,
    /// Until when.
    pub until: WallTime,
}

/// What somebody did in a talk beside the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OtherPart {
    /// An agent was asked about it, and did not take it over.
    Consulted,
    /// A supervisor heard all, and nobody heard them.
    Listened,
    /// A supervisor was heard by the agent alone.
    Whispered,
    /// A supervisor was heard by all.
    Joined,
    /// A supervisor took the agent's place.
    TookOver,
    /// Somebody who was called in by their number.
    CalledIn,
}

impl OtherPart {
    /// The word, as it is written down.
    pub fn label(self) -> &'static str {
        match self {
            Self::Consulted => "consulted",
            Self::Listened => "listened",
            Self::Whispered => "whispered",
            Self::Joined => "joined",
            Self::TookOver => "took_over",
            Self::CalledIn => "called_in",
        }
    }
}

/// A desk or a telephone at which a call rang.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoverOffer {
    /// The agent's name.
    pub agent: String,
    /// Since when it rang.
    pub at: WallTime,
    /// How that ended.
    pub result: OfferResult,
}

/// How it ended that a call rang at a desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferResult {
    /// The agent took it, and both were joined.
    Joined,
    /// The agent said no, or the telephone was busy or not there.
    Declined,
    /// Nobody answered.
    NoAnswer,
    /// The desk or its sound was lost, before the talk or in it.
    Lost,
    /// The callee or the script wanted nobody any more.
    Withdrawn,
}

/// How a handover went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandoverResult {
    /// The agent answered and both were joined.
    Joined,
    /// The agent did not answer in time.
    NoAnswer,
    /// The agent was busy, declined or could not be reached.
    Failed,
}
