//! What an agent who has the call does with it: hands it on, or asks somebody first and then hands it over. Whatever
//! becomes of either of them, the callee is with one, or with the bot.

use waihu_agents::{AgentId, Reach};
use waihu_dialog as dialog;
use waihu_sip::SessionDescription;
use waihu_types::Time;

use super::CallMachine;
use crate::{
    seam::{Agent, AgentEvent, AgentWish, ConsultEnd, Leg, Onward, Output, Part},
    transfer::{JOINED_WITHIN, Stage},
};

/// Whom the agent asks about the call.
#[derive(Debug)]
pub(super) struct Consult {
    stage: Stage,
    /// Who was to be asked.
    to: Onward,
}

impl Consult {
    pub fn join_until(&self) -> Option<Time> {
        match self.stage {
            Stage::Joins { until, .. } => Some(until),
            _ => None,
        }
    }

    fn agent(&self) -> Option<&Agent> {
        match &self.stage {
            Stage::Rings { agent, .. } | Stage::Joins { agent, .. } | Stage::Talks { agent, .. } => {
                Some(agent)
            }
            Stage::Idle | Stage::Seeking | Stage::Ready { .. } => None,
        }
    }

    fn has_leg(&self) -> bool {
        match &self.stage {
            Stage::Rings { agent, .. } => matches!(agent.reach, Reach::Phone { .. }),
            Stage::Joins { .. } | Stage::Talks { .. } => true,
            Stage::Idle | Stage::Seeking | Stage::Ready { .. } => false,
        }
    }
}

impl CallMachine {
    pub(super) fn wished(&mut self, now: Time, wish: AgentWish) {
        if !self.transfer.talks() {
            return;
        }
        match wish {
            AgentWish::HandOn(to) => self.hand_on(now, to),
            AgentWish::Consult(to) if self.consult.is_none() => {
                self.note(now, "another agent is to be asked".to_owned());
                self.consult = Some(Consult { stage: Stage::Seeking, to: to.clone() });
                self.outputs.push_back(Output::SeekConsulted(to));
            }
            AgentWish::Consult(_) => {}
            AgentWish::HandOver => self.hand_over(now),
            AgentWish::Return => self.consult_over(now, ConsultEnd::Wanted),
            AgentWish::TakenOver(by) => {
                self.consult_over(now, ConsultEnd::Wanted);
                self.note(now, format!("{} has taken the agent's place", by.name));
                self.transfer.taken_over(now, by);
            }
        }
    }

    /// Whoever was asked takes the call; who is still being sought is to have it when they come.
    pub(super) fn hand_over(&mut self, now: Time) {
        match self.consult.take() {
            Some(Consult { stage: Stage::Talks { agent, .. }, .. }) => {
                self.note(now, format!("agent {} has the call now", agent.name));
                self.transfer.taken_over(now, agent);
                self.outputs.push_back(Output::HandOver);
            }
            Some(consult) => {
                let to = consult.to.clone();
                self.consult = Some(consult);
                self.hand_on(now, to);
            }
            None => {}
        }
    }

    /// The agent goes, and the bot seeks the next one.
    fn hand_on(&mut self, now: Time, to: Onward) {
        self.consult_over(now, ConsultEnd::Wanted);
        self.note(now, "the agent hands the call on".to_owned());
        self.outputs.push_back(Output::Unbridge);
        self.outputs.push_back(Output::Hangup(Leg::Agent));
        self.transfer.handed_on(now, to);
        self.outputs.push_back(Output::Unwanted);
        self.back_to_the_bot(now);
        self.transfer.waits_no_longer();
        self.tell_dialog(now, dialog::Input::AgentLost);
    }

    /// The agent who has the call is gone; true where whoever was asked has it now.
    pub(super) fn is_with_the_consulted(&mut self, now: Time) -> bool {
        let talks = matches!(self.consult, Some(Consult { stage: Stage::Talks { .. }, .. }));
        if talks {
            self.hand_over(now);
        }
        talks
    }

    /// Whether somebody is sought, or asked.
    pub(super) fn consults(&self) -> bool {
        self.consult.is_some()
    }

    pub(super) fn consult_over(&mut self, now: Time, why: ConsultEnd) {
        let Some(consult) = self.consult.take() else { return };
        if consult.has_leg() {
            self.outputs.push_back(Output::Hangup(Leg::Consulted));
        }
        self.note(now, "no other agent is asked any more".to_owned());
        self.outputs.push_back(Output::ConsultOver(why));
    }

    pub(super) fn consulted(&mut self, now: Time, event: AgentEvent) {
        let Some(consult) = &mut self.consult else { return };
        match (event, &mut consult.stage) {
            (AgentEvent::Offered(agent), Stage::Seeking) => {
                let (id, by_phone) = (agent.id.clone(), matches!(agent.reach, Reach::Phone { .. }));
                consult.stage = Stage::Rings { agent, answer: None };
                if by_phone {
                    self.outputs.push_back(Output::InviteConsulted { agent: id });
                }
            }
            (AgentEvent::Revoked { agent, .. }, Stage::Rings { agent: at, .. }) if at.id == agent => {
                if consult.has_leg() {
                    self.outputs.push_back(Output::Hangup(Leg::Consulted));
                }
                consult.stage = Stage::Seeking;
            }
            (AgentEvent::Taken(agent), _) => self.consulted_takes_it(now, &agent),
            (AgentEvent::Missing, Stage::Seeking) => self.consult_over(now, ConsultEnd::Nobody),
            (AgentEvent::Briefed, Stage::Joins { agent, .. }) => {
                consult.stage = Stage::Talks { agent: agent.clone(), since: now };
                self.outputs.push_back(Output::JoinConsulted);
            }
            (AgentEvent::Lost | AgentEvent::HungUp, Stage::Joins { .. } | Stage::Talks { .. }) => {
                self.consult_over(now, ConsultEnd::Gone);
            }
            _ => {}
        }
    }

    fn consulted_takes_it(&mut self, now: Time, id: &AgentId) {
        let Some(consult) = &mut self.consult else { return };
        match std::mem::replace(&mut consult.stage, Stage::Seeking) {
            Stage::Rings { agent, answer } if agent.id == *id => {
                consult.stage = Stage::Joins { agent, until: now + JOINED_WITHIN };
                match answer {
                    Some(sdp) => self.brief_consulted(sdp),
                    None => self.outputs.push_back(Output::InviteConsulted { agent: id.clone() }),
                }
            }
            other => consult.stage = other,
        }
    }

    fn brief_consulted(&mut self, sdp: SessionDescription) {
        self.connect(Leg::Consulted, Part::Answer, sdp);
        self.outputs.push_back(Output::BriefConsulted);
    }

    pub(super) fn consulted_signalling(&mut self, now: Time, event: waihu_sip::Event) {
        use waihu_sip::Event as E;
        let Some(consult) = &mut self.consult else { return };
        match (event, &mut consult.stage) {
            (E::Answered { sdp }, Stage::Rings { agent, answer }) => {
                *answer = Some(sdp);
                self.outputs.push_back(Output::AcceptConsulted { agent: agent.id.clone() });
            }
            (E::Answered { sdp }, Stage::Joins { .. }) => self.brief_consulted(sdp),
            (E::Answered { sdp }, Stage::Talks { .. }) => self.connect(Leg::Consulted, Part::Answer, sdp),
            (E::Reinvited { sdp }, Stage::Joins { .. } | Stage::Talks { .. }) => {
                self.connect(Leg::Consulted, Part::Offer, sdp);
            }
            (E::Failed { .. } | E::Ended { .. }, Stage::Rings { agent, .. }) => {
                self.outputs.push_back(Output::DeclineConsulted { agent: agent.id.clone() });
            }
            (E::Failed { .. } | E::Ended { .. }, Stage::Joins { .. } | Stage::Talks { .. }) => {
                self.consult_over(now, ConsultEnd::Gone);
            }
            _ => {}
        }
    }

    /// The name of whoever is asked, for the agent to see.
    pub fn whom_it_is_asked(&self) -> Option<&str> {
        self.consult.as_ref()?.agent().map(|agent| agent.name.as_str())
    }
}
