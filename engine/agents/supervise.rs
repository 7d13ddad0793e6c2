//! What passes between a switchboard and a supervisor's page that sits in on a talk: values that `api` writes as JSON,
//! a message a frame.

use std::fmt;

use serde::{Deserialize, Serialize};
use waihu_types::{AttemptId, CampaignId, CaseId, Intent, Mood, WallTime};

use crate::desk::{Card, Said};

/// A talk that is going on.
#[derive(Clone, Debug, Serialize)]
pub struct Talk {
    /// Which call.
    pub attempt: AttemptId,
    /// The campaign.
    pub campaign: Option<CampaignId>,
    /// The case.
    pub case: CaseId,
    /// Who talks with the callee: a login, a telephone's name, or a supervisor's login.
    pub agent: String,
    /// Their name.
    pub name: String,
    /// Since when.
    pub since: WallTime,
    /// Why the callee was handed over.
    pub reason: Intent,
    /// How the callee seems to feel.
    pub mood: Option<Mood>,
    /// Whether the callee is on hold.
    pub held: bool,
    /// How many supervisors sit in on it.
    pub supervisors: usize,
}

/// How a supervisor sits in on a talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sitting {
    /// Hears both; nobody hears them, or of them.
    Listens,
    /// The agent alone hears them.
    Whispers,
    /// Both hear them.
    Joins,
    /// They have the agent's place.
    HasTheCall,
}

/// From a switchboard to a supervisor's page.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToSupervisor {
    /// How it stands: at first, and whenever that changes.
    State {
        /// The talk.
        talk: Box<Talk>,
        /// How they sit in on it.
        sitting: Sitting,
        /// What the agent sees of the call.
        card: Box<Card>,
        /// What was said so far; at first alone.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        lines: Vec<Said>,
    },
    /// Something was said.
    Line {
        /// What.
        line: Said,
    },
    /// Our offer for the sound, to be answered by `sdp`.
    Sdp {
        /// A session description (RFC 8866).
        sdp: String,
    },
    /// The talk is over.
    Ended,
    /// A message was not heeded.
    Refused {
        /// What is wrong with it, in both languages.
        why: String,
    },
}

/// From a supervisor's page to a switchboard.
#[derive(Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum FromSupervisor {
    /// The answer to our offer.
    Sdp {
        /// A session description (RFC 8866).
        sdp: String,
    },
    /// They listen from here on.
    Listen,
    /// They whisper to the agent from here on.
    Whisper,
    /// They are heard by both from here on.
    Join,
    /// They take the agent's place: there is no way back.
    TakeOver,
    /// Having the call, they end it.
    HangUp,
}

impl fmt::Debug for FromSupervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl FromSupervisor {
    /// What it is, for what is written down of it.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Sdp { .. } => "sdp",
            Self::Listen => "listen",
            Self::Whisper => "whisper",
            Self::Join => "join",
            Self::TakeOver => "take_over",
            Self::HangUp => "hang_up",
        }
    }
}
