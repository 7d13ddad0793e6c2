//! What a call's machine wants of whoever is on the line beside the callee.

use waihu_call::{AgentEvent, CallMachine, Input, Leg, Output};

use super::ActiveCall;
use crate::{
    agent_side::{SideEvent, SideWord, card},
    hearing, legs,
    trail::Trail,
};

impl ActiveCall<'_> {
    /// Carries out what concerns the agent.
    pub(super) fn carry_out_beside(&mut self, machine: &mut CallMachine, output: Output) {
        let (plant, order, callee) = (self.plant, self.order, self.sound.slot());
        let told = match output {
            Output::Seek { reason, skills, only } => {
                let mood = hearing::mood(&self.mood);
                let card = card(order, machine.so_far(), (Some(reason), skills), mood);
                self.trail.iter_mut().for_each(Trail::transferring);
                self.side.seek(plant, order, (reason, only), card);
                Some(Input::Agent(AgentEvent::Back(legs::agents_back(plant, &order.case))))
            }
            Output::Unwanted => {
                self.trail.iter_mut().for_each(Trail::transferred);
                self.side.unwanted();
                None
            }
            Output::InviteAgent { agent } => match legs::refers_to(plant, &agent) {
                Some(target) => {
                    self.callee.iter().for_each(|call| call.refer(target.clone(), None));
                    None
                }
                None => self.side.invite(plant, order, callee, (Leg::Agent, agent)),
            },
            Output::InviteConsulted { agent } => {
                self.side.invite(plant, order, callee, (Leg::Consulted, agent))
            }
            Output::AcceptAgent { agent } => {
                self.side.accept(Leg::Agent, agent);
                None
            }
            Output::AcceptConsulted { agent } => {
                self.side.accept(Leg::Consulted, agent);
                None
            }
            Output::DeclineAgent { agent } => {
                self.side.decline(Leg::Agent, agent);
                None
            }
            Output::DeclineConsulted { agent } => {
                self.side.decline(Leg::Consulted, agent);
                None
            }
            Output::Brief => self.side.brief(plant, Leg::Agent),
            Output::BriefConsulted => self.side.brief(plant, Leg::Consulted),
            Output::SeekConsulted(to) => {
                self.side.seek_consulted(plant, order, callee, to);
                None
            }
            Output::ConsultOver(why) => {
                self.side.consult_over(plant, callee, why);
                None
            }
            Output::JoinConsulted => {
                self.side.join_consulted(plant, callee, machine.whom_it_is_asked());
                None
            }
            Output::HandOver => {
                self.side.hand_over(plant, order, callee);
                None
            }
            Output::Introduce(words) => {
                let request = self.prompts.to_speak(words.clone());
                self.side.introduce(plant, &words, request);
                None
            }
            Output::AskHowLong => Some(Input::Agent(AgentEvent::Waits(self.side.how_long()))),
            Output::Bridge => {
                self.trail.iter_mut().for_each(Trail::transferred);
                if let Some(line) = self.side.bridge(plant, order, callee) {
                    self.line(line);
                }
                None
            }
            Output::Unbridge => {
                self.side.unbridge(plant, callee);
                None
            }
            Output::Hangup(leg) => {
                self.side.hang_up(plant, leg);
                None
            }
            _ => None,
        };
        if let Some(input) = told {
            machine.handle_input(self.now(), input);
        }
    }

    pub(super) fn on_the_side(&mut self, event: SideEvent) -> Option<Input> {
        match self.side.happened(self.plant, self.order, self.sound.slot(), event)? {
            SideWord::Input(input) => Some(input),
            SideWord::Line(line) => {
                self.line(line);
                None
            }
        }
    }
}
