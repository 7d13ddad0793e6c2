//! The agent's leg: dialled when the dialog wants an agent, joined to the callee's, and given up.

use waihu_dialog as dialog;
use waihu_types::{EndedBy, HandoverResult, Time};

use super::{CallMachine, LegState};
use crate::seam::{Leg, Output, Part};

impl CallMachine {
    pub(super) fn agent_signalling(&mut self, now: Time, event: waihu_sip::Event) {
        use waihu_sip::Event as E;
        if matches!(self.agents.leg, LegState::Idle | LegState::Over) {
            return;
        }
        match event {
            E::Answered { sdp } if self.agents.leg == LegState::Ringing => {
                self.agents.went(HandoverResult::Joined, Some(now));
                let agent = self.agents.name().to_owned();
                self.note(now, format!("agent {agent} joined"));
                self.connect(Leg::Agent, Part::Answer, sdp);
                self.outputs.push_back(Output::Bridge);
                self.tell_dialog(now, dialog::Input::AgentJoined { agent });
            }
            E::Reinvited { sdp } => self.connect(Leg::Agent, Part::Offer, sdp),
            E::Failed { cause, .. } => {
                let rang = cause == waihu_sip::FailureCause::Cancelled;
                self.agent_is_missing(
                    now,
                    if rang { HandoverResult::NoAnswer } else { HandoverResult::Failed },
                );
            }
            E::Ended { .. } if self.agents.leg == LegState::Up => {
                self.agents.leg = LegState::Over;
                self.note(now, "agent hung up".to_owned());
                self.hang_up(now, EndedBy::Us);
            }
            // Answered while our CANCEL was on its way.
            E::Ended { .. } => self.agent_is_missing(now, HandoverResult::NoAnswer),
            E::Provisional { .. } => self.agents.rang = true,
            E::Answered { .. } | E::Incoming { .. } | E::Confirmed => {}
        }
    }

    /// The agent asked last does not take the call: the next one is asked, and the dialog told when
    /// there is none.
    pub(super) fn agent_is_missing(&mut self, now: Time, result: HandoverResult) {
        self.agents.went(result, None);
        let agent = self.agents.name().to_owned();
        self.note(now, format!("agent {agent} did not take the call"));
        let next = if self.dialog_runs() { self.agents.next(now) } else { None };
        match next {
            Some(desk) => self.invite_agent(now, desk),
            None => self.tell_dialog(now, dialog::Input::AgentUnavailable { agent, result }),
        }
    }

    fn invite_agent(&mut self, now: Time, desk: usize) {
        self.note(now, format!("dialling agent {}", self.agents.name()));
        self.outputs.push_back(Output::InviteAgent { desk });
    }

    pub(super) fn dial_agent(&mut self, now: Time, skills: &[String]) {
        match self.agents.want(now, skills) {
            Some(desk) => self.invite_agent(now, desk),
            None if self.agents.leg == LegState::Idle => {
                let result = HandoverResult::Failed;
                self.tell_dialog(now, dialog::Input::AgentUnavailable { agent: String::new(), result });
            }
            None => {}
        }
    }

    /// Stops the agent's phone ringing; its leg is over when the far side has said so.
    pub(super) fn cancel_agent(&mut self) {
        self.agents.ring_until = None;
        if self.agents.leg == LegState::Ringing {
            self.agents.leg = LegState::Ending;
            self.outputs.push_back(Output::Hangup(Leg::Agent));
        }
    }
}
