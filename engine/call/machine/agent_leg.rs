//! The agent's leg: sought when the dialog wants an agent, made once somebody is to take the call, joined to the
//! callee's after a whisper, and given up. Who is asked and for how long it rings is the switchboard's.

use waihu_agents::{AgentId, OfferEnd, Reach};
use waihu_dialog as dialog;
use waihu_types::{EndedBy, HandoverResult, Intent, Time};

use super::{CallMachine, LegState};
use crate::{
    seam::{Agent, AgentEvent, Leg, Output, Part},
    transfer::{JOINED_WITHIN, MOST_LOST, Stage},
};

impl CallMachine {
    /// The dialog wants an agent.
    pub(super) fn seek_agent(&mut self, now: Time, reason: Intent, skills: &[String]) {
        if matches!(self.transfer.stage, Stage::Idle) {
            self.transfer.sought(now);
            self.note(now, "an agent is sought".to_owned());
            self.outputs.push_back(Output::Seek { reason, skills: skills.to_vec() });
        }
    }

    /// The dialog waits no longer, or the call is over.
    pub(super) fn seek_no_longer(&mut self) {
        if !matches!(self.transfer.stage, Stage::Idle) {
            self.drop_agent_leg();
            self.transfer.given_up();
            self.outputs.push_back(Output::Unwanted);
        }
    }

    pub(super) fn agent(&mut self, now: Time, event: AgentEvent) {
        match event {
            AgentEvent::Offered(agent) => self.rings_at(now, agent),
            AgentEvent::Revoked { agent, why } => self.rings_no_longer(now, &agent, why),
            AgentEvent::Taken(agent) => self.taken(now, &agent),
            AgentEvent::Missing => self.nobody_is_there(now),
            AgentEvent::Briefed => self.join(now),
            AgentEvent::Lost => self.agent_is_lost(now),
            AgentEvent::HungUp => self.agent_hung_up(now),
        }
    }

    fn rings_at(&mut self, now: Time, agent: Agent) {
        if !matches!(self.transfer.stage, Stage::Seeking) {
            return;
        }
        self.note(now, format!("it rings at agent {}", agent.name));
        let (id, by_phone) = (agent.id.clone(), matches!(agent.reach, Reach::Phone { .. }));
        self.transfer.rings(now, agent);
        if by_phone {
            self.outputs.push_back(Output::InviteAgent { agent: id });
        }
    }

    fn rings_no_longer(&mut self, now: Time, agent: &AgentId, why: OfferEnd) {
        if !matches!(self.transfer.stage, Stage::Rings { .. }) || !self.transfer.is(agent) {
            return;
        }
        let name = self.transfer.agent().map_or("", |a| a.name.as_str());
        let note = format!("agent {name} did not take the call");
        self.note(now, note);
        self.drop_agent_leg();
        self.transfer.revoked(why);
    }

    fn nobody_is_there(&mut self, now: Time) {
        if matches!(self.transfer.stage, Stage::Seeking) {
            self.transfer.stage = Stage::Idle;
            let (agent, result) = self.transfer.last();
            self.tell_dialog(now, dialog::Input::AgentUnavailable { agent, result });
        }
    }

    /// The agent says yes: a telephone has answered already, a desk is called now.
    fn taken(&mut self, now: Time, id: &AgentId) {
        if !self.transfer.is(id) {
            return;
        }
        let Stage::Rings { agent, answer } = std::mem::replace(&mut self.transfer.stage, Stage::Idle) else {
            return;
        };
        self.note(now, format!("agent {} takes the call", agent.name));
        self.transfer.stage = Stage::Joins { agent, until: now + JOINED_WITHIN };
        match answer {
            Some(sdp) => self.brief(sdp),
            None => self.outputs.push_back(Output::InviteAgent { agent: id.clone() }),
        }
    }

    /// The leg has an answer: the agent hears who it is before the callee hears the agent.
    fn brief(&mut self, sdp: waihu_sip::SessionDescription) {
        self.connect(Leg::Agent, Part::Answer, sdp);
        self.outputs.push_back(Output::Brief);
    }

    fn join(&mut self, now: Time) {
        if let Stage::Joins { agent, .. } = &self.transfer.stage {
            let note = format!("agent {} joined", agent.name);
            self.note(now, note);
            self.transfer.joined(now);
            self.hush();
            self.with_agent = Some(now);
            self.outputs.push_back(Output::Bridge);
        }
    }

    pub(super) fn agent_signalling(&mut self, now: Time, event: waihu_sip::Event) {
        use waihu_sip::Event as E;
        match (event, &mut self.transfer.stage) {
            (E::Answered { sdp }, Stage::Rings { agent, answer }) => {
                *answer = Some(sdp);
                self.outputs.push_back(Output::AcceptAgent { agent: agent.id.clone() });
            }
            (E::Answered { sdp }, Stage::Joins { .. }) => self.brief(sdp),
            // A page that was loaded anew in the middle of the talk.
            (E::Answered { sdp }, Stage::Talks { .. }) => self.connect(Leg::Agent, Part::Answer, sdp),
            (E::Reinvited { sdp }, Stage::Joins { .. } | Stage::Talks { .. }) => {
                self.connect(Leg::Agent, Part::Offer, sdp);
            }
            (E::Failed { .. } | E::Ended { .. }, Stage::Rings { agent, .. }) => {
                self.outputs.push_back(Output::DeclineAgent { agent: agent.id.clone() });
            }
            (E::Ended { .. }, Stage::Talks { .. }) => self.agent_hung_up(now),
            (E::Failed { .. }, Stage::Joins { .. } | Stage::Talks { .. })
            | (E::Ended { .. }, Stage::Joins { .. }) => self.agent_is_lost(now),
            _ => {}
        }
    }

    fn agent_hung_up(&mut self, now: Time) {
        match self.transfer.stage {
            Stage::Talks { .. } => {
                self.note(now, "agent hung up".to_owned());
                self.hang_up(now, EndedBy::Us);
            }
            Stage::Joins { .. } => self.agent_is_lost(now),
            _ => {}
        }
    }

    /// The agent is not there any more, and the callee is: the bot comes back, and seeks the next one.
    pub(super) fn agent_is_lost(&mut self, now: Time) {
        let has = matches!(self.transfer.stage, Stage::Joins { .. } | Stage::Talks { .. });
        // Of a call that is ending, whoever hung up first, nobody is sought any more.
        if !has || self.callee != LegState::Up {
            return;
        }
        self.note(now, "the agent was lost".to_owned());
        if self.transfer.talks() {
            self.outputs.push_back(Output::Unbridge);
        }
        self.drop_agent_leg();
        self.transfer.lost(now);
        self.outputs.push_back(Output::Unwanted);
        // What was said to the agent is not for the bot to answer.
        if let Some(since) = self.with_agent.take() {
            self.talked += now.since(since);
            self.unfinished = None;
        }
        if self.transfer.lost > MOST_LOST {
            let (agent, result) = (self.transfer.last().0, HandoverResult::Failed);
            self.tell_dialog(now, dialog::Input::AgentUnavailable { agent, result });
        } else {
            self.tell_dialog(now, dialog::Input::AgentLost);
        }
    }

    fn drop_agent_leg(&mut self) {
        if self.transfer.has_leg() {
            self.outputs.push_back(Output::Hangup(Leg::Agent));
        }
    }
}
