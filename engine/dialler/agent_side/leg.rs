//! One leg beside the callee's: an agent's, or whoever else's is in the talk.

use std::collections::VecDeque;

use tokio::sync::mpsc;
use waihu_agents::{AgentId, supervise::ToSupervisor};
use waihu_call::floor::{Part, Sits};
use waihu_media::SlotId;
use waihu_speech::Listener;
use waihu_trunk::Call;
use waihu_types::{OtherPart, PhoneNumber, Time, WallTime};

use crate::sound::LegSound;

/// Whose a leg is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// The agent's who has the call, or is to have it.
    Agent(AgentId),
    /// An agent's who is asked about it.
    Consulted(AgentId),
    /// Somebody's who is called in by their number.
    CalledIn(PhoneNumber),
    /// A supervisor's.
    Supervisor(Sits),
}

impl Who {
    pub(super) fn part(&self) -> Part {
        match self {
            Self::Agent(_) => Part::Agent,
            Self::Consulted(_) => Part::Consulted,
            Self::CalledIn(_) => Part::CalledIn,
            Self::Supervisor(sits) => Part::Supervisor(*sits),
        }
    }

    /// What they are to the outcome, which tells of the agent in other words.
    pub(super) fn other_part(&self) -> Option<OtherPart> {
        match self {
            Self::Agent(_) => None,
            Self::Consulted(_) => Some(OtherPart::Consulted),
            Self::CalledIn(_) => Some(OtherPart::CalledIn),
            Self::Supervisor(Sits::Listens) => Some(OtherPart::Listened),
            Self::Supervisor(Sits::Whispers) => Some(OtherPart::Whispered),
            Self::Supervisor(Sits::Joins) => Some(OtherPart::Joined),
        }
    }
}

/// A supervisor's page.
pub(crate) struct Page {
    /// Which of those that sit in on the call.
    pub(crate) id: u64,
    pub(crate) login: String,
    pub(crate) name: String,
    pub(crate) tell: mpsc::Sender<ToSupervisor>,
}

impl Page {
    pub(super) fn tell(&self, told: ToSupervisor) {
        // A page that does not read is as good as gone, and its connection ends.
        let _ = self.tell.try_send(told);
    }
}

/// A leg beside the callee's.
pub(super) struct SideLeg {
    /// What is told of another number concerns another leg.
    pub(super) number: u64,
    pub(super) who: Who,
    /// The name in outcomes.
    pub(super) name: String,
    /// Of a telephone.
    pub(super) call: Option<Call>,
    pub(super) sound: LegSound,
    /// Dropping it ends the listening.
    pub(super) listener: Option<Listener>,
    /// Whether they are in the talk.
    pub(super) is_in: bool,
    /// They are there, and wait for the whisper.
    pub(super) awaits_whisper: bool,
    /// When what they said began, of that whose words are owed.
    pub(super) began: VecDeque<Time>,
    /// Of a supervisor.
    pub(super) page: Option<Page>,
}

impl SideLeg {
    pub(super) fn slot(&self) -> SlotId {
        self.sound.slot()
    }
}

/// Somebody who was in the talk beside the agent.
pub(super) struct Other {
    pub(super) leg: u64,
    pub(super) name: String,
    pub(super) part: OtherPart,
    pub(super) since: WallTime,
    pub(super) until: Option<WallTime>,
}
