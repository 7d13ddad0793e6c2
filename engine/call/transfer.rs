//! The human part of a call, as far as the call itself knows it: who is sought, at whose desk it rings, who has it.

use std::time::Duration;

use waihu_agents::{AgentId, OfferEnd, Reach};
use waihu_sip::sdp::SessionDescription;
use waihu_types::{HandoverResult, OfferResult, Time};

use crate::seam::{Agent, HandoverEnd, Offered};

/// From an agent's yes to both being joined it takes a handshake and a whisper: what takes longer has no sound.
pub(crate) const JOINED_WITHIN: Duration = Duration::from_secs(12);

/// After so many agents who had the call and were lost the callee is not handed to a further one: it is not them.
pub(crate) const MOST_LOST: u32 = 3;

/// The most offers that are told of in an outcome: who waits for two minutes has met six.
const MOST_OFFERS: usize = 64;

#[derive(Debug)]
pub(crate) enum Stage {
    /// Nobody is sought.
    Idle,
    /// Somebody is sought, and it rings nowhere.
    Seeking,
    /// It rings at a desk, or at a telephone, which may have answered.
    Rings { agent: Agent, answer: Option<SessionDescription> },
    /// The agent has said yes; the leg is made until then.
    Joins { agent: Agent, until: Time },
    /// Both are joined.
    Talks { agent: Agent, since: Time },
}

/// The agents' side of a call.
#[derive(Debug)]
pub(crate) struct Transfer {
    pub stage: Stage,
    wanted_at: Option<Time>,
    offers: Vec<Offered>,
    /// How it went with the agent asked last.
    last: Option<(String, HandoverResult)>,
    joined_at: Option<Time>,
    talked: Duration,
    pub lost: u32,
}

impl Transfer {
    pub fn new() -> Self {
        Self {
            stage: Stage::Idle,
            wanted_at: None,
            offers: Vec::new(),
            last: None,
            joined_at: None,
            talked: Duration::ZERO,
            lost: 0,
        }
    }

    /// The agent at whose desk it rings, or who has the call.
    pub fn agent(&self) -> Option<&Agent> {
        match &self.stage {
            Stage::Idle | Stage::Seeking => None,
            Stage::Rings { agent, .. } | Stage::Joins { agent, .. } | Stage::Talks { agent, .. } => {
                Some(agent)
            }
        }
    }

    /// Whether there is a leg to an agent, or one that is being made.
    pub fn has_leg(&self) -> bool {
        match &self.stage {
            Stage::Idle | Stage::Seeking => false,
            Stage::Rings { agent, .. } => matches!(agent.reach, Reach::Phone { .. }),
            Stage::Joins { .. } | Stage::Talks { .. } => true,
        }
    }

    pub fn is(&self, agent: &AgentId) -> bool {
        self.agent().is_some_and(|a| a.id == *agent)
    }

    pub fn talks(&self) -> bool {
        matches!(self.stage, Stage::Talks { .. })
    }

    /// When the agent who said yes is given up.
    pub fn join_until(&self) -> Option<Time> {
        match self.stage {
            Stage::Joins { until, .. } => Some(until),
            _ => None,
        }
    }

    pub fn sought(&mut self, now: Time) {
        self.stage = Stage::Seeking;
        self.wanted_at.get_or_insert(now);
    }

    pub fn rings(&mut self, now: Time, agent: Agent) {
        if self.offers.len() < MOST_OFFERS {
            let end = OfferResult::Withdrawn;
            self.offers.push(Offered { agent: agent.name.clone(), at: now, end });
        }
        self.stage = Stage::Rings { agent, answer: None };
    }

    /// It rings no longer where it rang, and the offer was not taken.
    pub fn revoked(&mut self, why: OfferEnd) {
        let (end, result) = match why {
            OfferEnd::Declined => (OfferResult::Declined, HandoverResult::Failed),
            OfferEnd::RangOut => (OfferResult::NoAnswer, HandoverResult::NoAnswer),
            OfferEnd::DeskGone => (OfferResult::Lost, HandoverResult::Failed),
            OfferEnd::Unwanted => (OfferResult::Withdrawn, HandoverResult::NoAnswer),
        };
        self.over(Stage::Seeking, end, result, Duration::ZERO);
    }

    pub fn joined(&mut self, now: Time) {
        if let Stage::Joins { agent, .. } = std::mem::replace(&mut self.stage, Stage::Idle) {
            self.joined_at.get_or_insert(now);
            self.last = Some((agent.name.clone(), HandoverResult::Joined));
            self.stage = Stage::Talks { agent, since: now };
            self.ends_as(OfferResult::Joined);
        }
    }

    /// The call needs nobody any more.
    pub fn given_up(&mut self) {
        self.over(Stage::Idle, OfferResult::Withdrawn, HandoverResult::NoAnswer, Duration::ZERO);
    }

    /// The agent who had the call, or was about to, is lost.
    pub fn lost(&mut self, now: Time) {
        let talked = match self.stage {
            Stage::Talks { since, .. } => now.since(since),
            _ => Duration::ZERO,
        };
        self.lost += 1;
        self.over(Stage::Idle, OfferResult::Lost, HandoverResult::Failed, talked);
    }

    fn over(&mut self, stage: Stage, end: OfferResult, result: HandoverResult, talked: Duration) {
        self.talked += talked;
        if let Some(agent) = self.agent().map(|a| a.name.clone()) {
            self.last = Some((agent, result));
            self.ends_as(end);
        }
        self.stage = stage;
    }

    fn ends_as(&mut self, end: OfferResult) {
        if let Some(offer) = self.offers.last_mut() {
            offer.end = end;
        }
    }

    /// Who was asked last, and how that went; nobody and a failure where nobody was.
    pub fn last(&self) -> (String, HandoverResult) {
        self.last.clone().unwrap_or((String::new(), HandoverResult::Failed))
    }

    /// The human part for the outcome; none where nobody was asked.
    pub fn end(&self, now: Time) -> Option<HandoverEnd> {
        let (agent, result) = match self.agent() {
            Some(agent) if !self.talks() => (agent.name.clone(), HandoverResult::NoAnswer),
            _ => self.last.clone()?,
        };
        let talks = match self.stage {
            Stage::Talks { since, .. } => now.since(since),
            _ => Duration::ZERO,
        };
        let waited_until = self.joined_at.unwrap_or(now);
        Some(HandoverEnd {
            agent,
            result,
            joined_at: self.joined_at.filter(|_| result == HandoverResult::Joined),
            waited: self.wanted_at.map_or(Duration::ZERO, |at| waited_until.since(at)),
            talked: self.talked + talks,
            offers: self.offers.clone(),
        })
    }
}
