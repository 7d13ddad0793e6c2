//! The agent's leg: sought when the dialog wants an agent, made once somebody is to take the call, joined to the
//! callee's after a whisper, and given up. Who is asked and for how long it rings is the switchboard's.

use waihu_agents::{AgentId, OfferEnd, Reach};
use waihu_dialog as dialog;
use waihu_types::{EndedBy, HandoverResult, Intent, Time};

use super::{CallMachine, GOES_ON_WITHIN, LegState};
use crate::{
    seam::{Agent, AgentEvent, ConsultEnd, Leg, Onward, Output, Part},
    transfer::{JOINED_WITHIN, MOST_LOST, Stage, WORDS_EACH},
};

/// What is said beside the dialog, which is told nothing of it.
const BESIDE_THE_DIALOG: dialog::PromptId = dialog::PromptId(u32::MAX);

impl CallMachine {
    /// The dialog wants an agent, and the callee waits from here on.
    pub(super) fn dial_agent(&mut self, now: Time, reason: Intent, skills: &[String]) {
        self.transfer.waits(now);
        match self.transfer.stage {
            Stage::Ready { .. } => self.join(now),
            Stage::Idle if self.transfer.lost > MOST_LOST => self.nobody_comes(now, HandoverResult::Failed),
            Stage::Idle => self.seek_agent(now, reason, skills),
            _ => {}
        }
    }

    fn seek_agent(&mut self, now: Time, reason: Intent, skills: &[String]) {
        self.transfer.stage = Stage::Seeking;
        self.note(now, "an agent is sought".to_owned());
        let onward = self.transfer.onward.take();
        self.transfer.seeks_onward = onward.is_some();
        let (skills, only) = match onward {
            Some(Onward::Agent(agent)) => (skills.to_vec(), Some(agent)),
            Some(Onward::Skills(skills)) => (skills, None),
            None => (skills.to_vec(), None),
        };
        self.outputs.push_back(Output::Seek { reason, skills, only });
    }

    /// When an agent is sought though the words before are still spoken: as soon as these cannot be taken back.
    pub(super) fn ahead_at(&self) -> Option<Time> {
        let may = self.dialog_runs() && !self.transfer.waits && !self.transfer.was_ahead;
        if !may || !matches!(self.transfer.stage, Stage::Idle) {
            return None;
        }
        let (_, begun) = self.turn.under_way().filter(|_| self.interpreter.agent_wanted().is_some())?;
        begun.map(|begun| begun + GOES_ON_WITHIN)
    }

    /// Seeks an agent while the words before are spoken, and none where they came to lead elsewhere.
    pub(super) fn look_ahead(&mut self, now: Time) {
        if !self.dialog_runs() || self.transfer.waits {
            return;
        }
        let due = self.ahead_at().is_some_and(|at| at <= now);
        match self.interpreter.agent_wanted() {
            Some((reason, skills)) if due => {
                self.transfer.was_ahead = true;
                self.seek_agent(now, reason, &skills);
            }
            Some(_) => {}
            None => self.seek_no_longer(now),
        }
    }

    /// The dialog waits no longer, or the call is over.
    pub(super) fn seek_no_longer(&mut self, now: Time) {
        self.consult_over(now, ConsultEnd::Wanted);
        self.transfer.waits_no_longer();
        if !matches!(self.transfer.stage, Stage::Idle) {
            self.drop_agent_leg();
            self.transfer.given_up();
            self.outputs.push_back(Output::Unwanted);
        }
    }

    /// Who waits is to hear how it stands.
    pub(super) fn words_are_due(&mut self, now: Time) {
        self.transfer.words_at = Some(now + WORDS_EACH);
        if !self.transfer.talks() {
            self.outputs.push_back(Output::AskHowLong);
        }
    }

    /// It is known how long the callee still waits: they are told, unless they speak.
    fn tell_of_the_wait(&mut self, now: Time, wait: dialog::Wait) {
        let silent = self.turn.is_quiet() && !self.turn.words_to_come();
        if !self.dialog_runs() || !self.transfer.waits || !silent {
            return;
        }
        if let Some(text) = self.interpreter.words_of_the_wait(wait) {
            self.say(now, BESIDE_THE_DIALOG, text, dialog::BargeIn::Allowed { after: None });
        }
    }

    /// Music for whoever waits while nothing is said to them.
    pub(super) fn keep_company(&mut self) {
        let alone = self.dialog_runs() && self.transfer.waits && self.turn.is_quiet();
        if alone && !self.music {
            self.music = true;
            self.outputs.push_back(Output::PlayMusic);
        } else if !alone {
            self.stop_music();
        }
    }

    pub(super) fn stop_music(&mut self) {
        if std::mem::take(&mut self.music) {
            self.outputs.push_back(Output::StopMusic);
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
            AgentEvent::Waits(wait) => self.tell_of_the_wait(now, wait),
            AgentEvent::Back(at) => self.interpreter.agents_back(at),
        }
    }

    fn rings_at(&mut self, now: Time, agent: Agent) {
        if !matches!(self.transfer.stage, Stage::Seeking) {
            return;
        }
        self.note(now, format!("it rings at agent {}", agent.name));
        self.transfer.rings(now, agent.clone());
        self.call_telephone(now, agent);
    }

    /// Has an agent's telephone called. A REFER cannot be taken back: while the callee's side calls one, the next waits.
    fn call_telephone(&mut self, now: Time, agent: Agent) {
        let Reach::Phone { refers, .. } = agent.reach else { return };
        if refers {
            if let Some(before) = &self.transfer.referred {
                let note = format!("the callee's side still calls agent {}", before.name);
                self.note(now, note);
                return;
            }
            self.transfer.referred = Some(agent.clone());
        }
        self.outputs.push_back(Output::InviteAgent { agent: agent.id });
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
            // Until the words before are spoken somebody may come; and where whoever was named is not there, anybody may.
            let anybody = self.interpreter.agent_wanted().filter(|_| self.transfer.seeks_onward);
            match anybody {
                _ if !self.transfer.waits => {}
                Some((reason, skills)) => self.seek_agent(now, reason, &skills),
                None => self.nobody_comes(now, self.transfer.last().1),
            }
        }
    }

    fn nobody_comes(&mut self, now: Time, result: HandoverResult) {
        self.transfer.waits_no_longer();
        self.stop_music();
        let agent = self.transfer.last().0;
        self.tell_dialog(now, dialog::Input::AgentUnavailable { agent, result });
    }

    /// The agent says yes: a telephone has answered already, a desk is called now.
    fn taken(&mut self, now: Time, id: &AgentId) {
        if !self.transfer.is(id) || !matches!(self.transfer.stage, Stage::Rings { .. }) {
            return;
        }
        let Stage::Rings { agent, answer } = std::mem::replace(&mut self.transfer.stage, Stage::Idle) else {
            return;
        };
        self.note(now, format!("agent {} takes the call", agent.name));
        if let Some(words) = self.interpreter.introduction(&agent.name) {
            self.outputs.push_back(Output::Introduce(words));
        }
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
        let agent = match &self.transfer.stage {
            Stage::Joins { agent, .. } | Stage::Ready { agent } => agent.clone(),
            _ => return,
        };
        // The callee is told first that they are put through.
        if !self.transfer.waits {
            self.transfer.stage = Stage::Ready { agent };
            return;
        }
        self.note(now, format!("agent {} joined", agent.name));
        self.transfer.joined(now);
        self.stop_music();
        self.hush();
        self.with_agent = Some(now);
        self.outputs.push_back(Output::Bridge);
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
            (E::Answered { sdp }, Stage::Ready { .. } | Stage::Talks { .. }) => {
                self.connect(Leg::Agent, Part::Answer, sdp);
            }
            (E::Reinvited { sdp }, Stage::Joins { .. } | Stage::Ready { .. } | Stage::Talks { .. }) => {
                self.connect(Leg::Agent, Part::Offer, sdp);
            }
            (E::Failed { .. } | E::Ended { .. }, Stage::Rings { agent, .. }) => {
                self.outputs.push_back(Output::DeclineAgent { agent: agent.id.clone() });
            }
            (E::Ended { .. }, Stage::Talks { .. }) => self.agent_hung_up(now),
            (E::Failed { .. }, Stage::Joins { .. } | Stage::Ready { .. } | Stage::Talks { .. })
            | (E::Ended { .. }, Stage::Joins { .. } | Stage::Ready { .. }) => self.agent_is_lost(now),
            _ => {}
        }
    }

    /// What came of asking the callee's side to call an agent in our place (RFC 3515).
    pub(super) fn referred(&mut self, now: Time, code: u16) {
        if code < 200 {
            return;
        }
        let Some(agent) = self.transfer.referred.take() else { return };
        if code < 300 {
            self.reached(now, agent);
            return;
        }
        match &self.transfer.stage {
            Stage::Rings { agent: at, .. } if at.id == agent.id => {
                self.outputs.push_back(Output::DeclineAgent { agent: agent.id });
            }
            // Who was to be called next is called now.
            Stage::Rings { agent: next, .. } if matches!(next.reach, Reach::Phone { refers: true, .. }) => {
                let next = next.clone();
                self.call_telephone(now, next);
            }
            _ => {}
        }
    }

    /// The callee's side has reached the agent: with that the call is over for us, whatever it had come to meanwhile.
    fn reached(&mut self, now: Time, agent: Agent) {
        if self.transfer.is(&agent.id) {
            self.outputs.push_back(Output::AcceptAgent { agent: agent.id.clone() });
        } else if !self.transfer.talks() {
            self.seek_no_longer(now);
        }
        self.note(now, format!("the callee's side has reached agent {}", agent.name));
        // It may be faster than the words that tell of it: then nobody has waited.
        if !self.transfer.waits {
            self.transfer.waits(now);
        }
        self.transfer.reached(now, agent);
        self.stop_music();
        self.with_agent.get_or_insert(now);
        self.hang_up(now, EndedBy::Us);
    }

    fn agent_hung_up(&mut self, now: Time) {
        match self.transfer.stage {
            // Who is still sought is to have the call, and who is asked has it: the callee is left alone by nobody.
            Stage::Talks { .. } if self.consults() => self.hand_over(now),
            Stage::Talks { .. } => {
                self.note(now, "agent hung up".to_owned());
                self.hang_up(now, EndedBy::Us);
            }
            Stage::Joins { .. } | Stage::Ready { .. } => self.agent_is_lost(now),
            _ => {}
        }
    }

    /// The agent is not there any more, and the callee is: the bot comes back, and seeks the next one.
    pub(super) fn agent_is_lost(&mut self, now: Time) {
        let has =
            matches!(self.transfer.stage, Stage::Joins { .. } | Stage::Ready { .. } | Stage::Talks { .. });
        // Of a call that is ending, whoever hung up first, nobody is sought any more.
        if !has || self.callee != LegState::Up || self.is_with_the_consulted(now) {
            return;
        }
        self.consult_over(now, ConsultEnd::Wanted);
        self.note(now, "the agent was lost".to_owned());
        if self.transfer.talks() {
            self.outputs.push_back(Output::Unbridge);
        }
        self.drop_agent_leg();
        self.transfer.lost(now);
        self.outputs.push_back(Output::Unwanted);
        self.back_to_the_bot(now);
        // Who is still told that they are put through need not know.
        if self.transfer.waits && self.transfer.lost > MOST_LOST {
            self.nobody_comes(now, HandoverResult::Failed);
        } else if self.transfer.waits {
            self.transfer.waits_no_longer();
            self.stop_music();
            self.tell_dialog(now, dialog::Input::AgentLost);
        }
    }

    /// What was said to the agent is not for the bot to answer, and the dialog's time goes on.
    pub(super) fn back_to_the_bot(&mut self, now: Time) {
        if let Some(since) = self.with_agent.take() {
            self.talked += now.since(since);
            self.unfinished = None;
        }
    }

    fn drop_agent_leg(&mut self) {
        if self.transfer.has_leg() {
            self.outputs.push_back(Output::Hangup(Leg::Agent));
        }
    }
}
