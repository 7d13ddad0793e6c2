//! The human part of a call, as far as the call itself knows it: who is sought, at whose desk it rings, who has it.

use std::time::Duration;

use waihu_agents::{AgentId, OfferEnd, Reach};
use waihu_sip::sdp::SessionDescription;
use waihu_types::{HandoverResult, OfferResult, Time};

use crate::seam::{Agent, HandoverEnd, Offered, Onward};

/// From an agent's yes to both being joined it takes a handshake and a whisper: what takes longer has no sound.
pub(crate) const JOINED_WITHIN: Duration = Duration::from_secs(12);

/// After so many agents who had the call and were lost the callee is not handed to a further one: it is not them.
pub(crate) const MOST_LOST: u32 = 3;

/// Who waits hears after so long how it stands, and then each time after so long: more often is nagging, and who hears
/// nothing for longer thinks that the line is dead.
pub(crate) const FIRST_WORDS: Duration = Duration::from_secs(8);
pub(crate) const WORDS_EACH: Duration = Duration::from_secs(20);

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
    /// The agent knows who it is, and the callee is still told that they are put through.
    Ready { agent: Agent },
    /// Both are joined.
    Talks { agent: Agent, since: Time },
}

/// The agents' side of a call.
#[derive(Debug)]
pub(crate) struct Transfer {
    pub stage: Stage,
    /// The words before it are spoken, and the callee waits from then on.
    pub waits: bool,
    /// Somebody was sought while these words were spoken, or they were too few for it.
    pub was_ahead: bool,
    /// Whom the agent wants it handed on to, and whether it is them who are sought.
    pub onward: Option<Onward>,
    pub seeks_onward: bool,
    /// Whom the callee's side was asked to call in our place (REFER), until it has told how that ended.
    pub referred: Option<Agent>,
    /// When the callee hears next how it stands.
    pub words_at: Option<Time>,
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
            waits: false,
            was_ahead: false,
            onward: None,
            seeks_onward: false,
            referred: None,
            words_at: None,
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
            Stage::Rings { agent, .. }
            | Stage::Joins { agent, .. }
            | Stage::Ready { agent }
            | Stage::Talks { agent, .. } => Some(agent),
        }
    }

    /// Whether there is a leg to an agent, or one that is being made.
    pub fn has_leg(&self) -> bool {
        match &self.stage {
            Stage::Idle | Stage::Seeking => false,
            Stage::Rings { agent, .. } => matches!(agent.reach, Reach::Phone { .. }),
            Stage::Joins { .. } | Stage::Ready { .. } | Stage::Talks { .. } => true,
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

    /// From here on the callee waits.
    pub fn waits(&mut self, now: Time) {
        self.waits = true;
        self.words_at = Some(now + FIRST_WORDS);
        self.wanted_at.get_or_insert(now);
    }

    /// Nobody waits any more.
    pub fn waits_no_longer(&mut self) {
        (self.waits, self.was_ahead, self.words_at) = (false, false, None);
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
        if let Stage::Joins { agent, .. } | Stage::Ready { agent } =
            std::mem::replace(&mut self.stage, Stage::Idle)
        {
            self.joined_at.get_or_insert(now);
            self.last = Some((agent.name.clone(), HandoverResult::Joined));
            self.stage = Stage::Talks { agent, since: now };
            self.ends_as(OfferResult::Joined);
        }
    }

    /// The callee's side has reached the agent, who has the call in the place of whoever had it.
    pub fn reached(&mut self, now: Time, agent: Agent) {
        self.talked += self.talks_for(now);
        self.joined_at.get_or_insert(now);
        if let Some(offer) = self.offers.iter_mut().rfind(|offer| offer.agent == agent.name) {
            offer.end = OfferResult::Joined;
        }
        self.last = Some((agent.name.clone(), HandoverResult::Joined));
        self.stage = Stage::Talks { agent, since: now };
    }

    /// Another has the agent's place from here on.
    pub fn taken_over(&mut self, now: Time, by: Agent) {
        self.talked += self.talks_for(now);
        self.rings(now, by.clone());
        self.ends_as(OfferResult::Joined);
        self.last = Some((by.name.clone(), HandoverResult::Joined));
        self.stage = Stage::Talks { agent: by, since: now };
    }

    /// The agent who had the call hands it on, and is gone.
    pub fn handed_on(&mut self, now: Time, to: Onward) {
        self.talked += self.talks_for(now);
        self.onward = Some(to);
        self.stage = Stage::Idle;
    }

    fn talks_for(&self, now: Time) -> Duration {
        match self.stage {
            Stage::Talks { since, .. } => now.since(since),
            _ => Duration::ZERO,
        }
    }

    /// The call needs nobody any more.
    pub fn given_up(&mut self) {
        self.over(Stage::Idle, OfferResult::Withdrawn, HandoverResult::NoAnswer, Duration::ZERO);
    }

    /// The agent who had the call, or was about to, is lost.
    pub fn lost(&mut self, now: Time) {
        let talked = self.talks_for(now);
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
        // Who was never told to wait has waited for nobody.
        let wanted_at = self.wanted_at?;
        let (agent, result) = match self.agent() {
            Some(agent) if !self.talks() => (agent.name.clone(), HandoverResult::NoAnswer),
            _ => self.last.clone()?,
        };
        let waited_until = self.joined_at.unwrap_or(now);
        Some(HandoverEnd {
            agent,
            result,
            joined_at: self.joined_at.filter(|_| result == HandoverResult::Joined),
            waited: waited_until.since(wanted_at),
            talked: self.talked + self.talks_for(now),
            offers: self.offers.clone(),
        })
    }
}
