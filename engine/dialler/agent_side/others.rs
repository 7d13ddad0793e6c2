//! Who else is in a talk: supervisors, an agent who is asked, somebody who is called in. Who hears whom is
//! `call::floor`'s; here it is carried out, all of it in one step.

use std::{sync::Arc, time::Duration};

use waihu_agents::{
    AgentId, Need, Reach, Urgency, desk,
    supervise::{FromSupervisor, Sitting, ToSupervisor},
};
use waihu_call::{
    Agent, AgentEvent, AgentWish, ConsultEnd, Input, Leg, Onward, Part,
    floor::{self, Callee, Sits},
};
use waihu_media::SlotId;
use waihu_sip::{Event as SipEvent, SessionDescription};
use waihu_types::{HandoverOther, PhoneNumber, WallTime};

use super::{
    AgentSide, Happening, Own,
    calling_in::CallingIn,
    leg::{Other, Page, SideLeg, Who},
    spoken::MUSIC,
};
use crate::{
    legs, music,
    plant::{Order, Plant},
    sound::FarEnd,
    switchboard::CallSide,
};

/// The mark of a supervisor who has a call, in what is written down: no login has it.
const SUPERVISOR: &str = "supervisor:";

/// A supervisor who has the call and whose page is gone has so long to come back, as an agent has.
const BACK_WITHIN: Duration = Duration::from_secs(30);

impl AgentSide {
    // Who hears whom.

    /// Has everybody hear whom they are to hear.
    pub(super) fn regroup(&self, plant: &Plant, callee: SlotId) {
        let there = self.legs.iter().filter(|leg| leg.is_in).map(|leg| (leg.slot(), leg.who.part()));
        let parties: Vec<_> = [(callee, floor::Part::Callee)].into_iter().chain(there).collect();
        if parties.len() == 1 {
            plant.media.leave(callee);
        } else {
            plant.media.hear(floor::hears(&parties, self.callee));
        }
    }

    /// The callee is put on hold, with music, or is back.
    pub(super) fn hold(&mut self, plant: &Plant, callee: SlotId, to: Callee) {
        if self.callee != to {
            self.callee = to;
            match to {
                Callee::Held => plant.media.play_on(callee, MUSIC, music::samples()),
                Callee::There => plant.media.stop(callee),
            }
        }
        self.regroup(plant, callee);
    }

    /// Somebody is in the talk from here on, or in another way.
    fn comes(&mut self, at: usize) {
        let now = legs::wall_now();
        let Some(leg) = self.legs.get(at) else { return };
        let number = leg.number;
        let other = leg.who.other_part().map(|part| Other {
            leg: number,
            name: leg.name.clone(),
            part,
            since: now,
            until: None,
        });
        self.goes(number, now);
        self.others.extend(other);
    }

    /// Somebody is not in the talk any more.
    pub(super) fn goes(&mut self, number: u64, now: WallTime) {
        for other in self.others.iter_mut().filter(|o| o.leg == number && o.until.is_none()) {
            other.until = Some(now);
        }
    }

    /// Who else was there, for the outcome.
    pub(crate) fn others(&self, now: WallTime) -> Vec<HandoverOther> {
        let told = |o: &Other| HandoverOther {
            name: o.name.clone(),
            part: o.part,
            since: o.since,
            until: o.until.unwrap_or(now),
        };
        self.others.iter().map(told).collect()
    }

    /// Tells the desk who else is there.
    pub(super) fn show(&self, asked: Option<&str>) {
        let consulted = self.at(Leg::Consulted).and_then(|at| self.legs.get(at));
        let asking = self.consult.as_ref().map(|_| desk::Asked {
            name: asked.or(consulted.map(|leg| leg.name.as_str())).map(str::to_owned),
            there: consulted.is_some_and(|leg| leg.is_in),
        });
        let called_in = self.legs.iter().find_map(|leg| match &leg.who {
            Who::CalledIn(_) => Some(desk::CalledIn { number: leg.name.clone(), there: leg.is_in }),
            _ => None,
        });
        self.board.shows(asking, called_in, self.callee == Callee::Held);
    }

    // An agent who is asked.

    /// Seeks somebody to be asked about the call; the callee is on hold meanwhile.
    pub(crate) fn seek_consulted(&mut self, plant: &Plant, order: &Order, callee: SlotId, to: Onward) {
        let Some((card, by)) = self.card.clone().zip(self.agent().cloned()) else { return };
        self.consults += 1;
        // The call's own is a UUID: with a number behind it, it is an id.
        let Ok(id) = format!("{}.{}", self.board.call(), self.consults).parse() else { return };
        let (skills, only) = match to {
            Onward::Agent(agent) => (Vec::new(), Some(agent)),
            Onward::Skills(skills) => (skills, None),
        };
        let without = vec![by.clone()];
        let urgency = Urgency::Complaint;
        let need = Need { skills, lang: order.lang, last_agent: None, without, only, urgency };
        let name = self.legs.iter().find(|leg| leg.who == Who::Agent(by.clone())).map(|leg| leg.name.clone());
        let side = plant.switchboard.of_call(id);
        side.seek(need, desk::Card { asked_by: name, ..card }, &self.lines);
        self.consult = Some(side);
        self.hold(plant, callee, Callee::Held);
        self.show(None);
    }

    /// Nobody is asked any more.
    pub(crate) fn consult_over(&mut self, plant: &Plant, callee: SlotId, why: ConsultEnd) {
        if let Some(side) = self.consult.take() {
            side.dismiss();
        }
        self.hold(plant, callee, Callee::There);
        self.show(None);
        if why == ConsultEnd::Nobody {
            self.board.refuse("transfer: nobody who is there takes it 暂无坐席可接");
        }
    }

    /// The agent and whoever is asked hear each other.
    pub(crate) fn join_consulted(&mut self, plant: &Plant, callee: SlotId, name: Option<&str>) {
        let Some(at) = self.at(Leg::Consulted) else { return };
        if let Some(leg) = self.legs.get_mut(at) {
            leg.is_in = true;
        }
        self.comes(at);
        self.consult.iter().for_each(CallSide::joined);
        self.regroup(plant, callee);
        self.show(name);
    }

    /// Whoever was asked has the call.
    pub(crate) fn hand_over(&mut self, plant: &Plant, order: &Order, callee: SlotId) {
        if let Some(at) = self.at(Leg::Agent) {
            self.end_leg(plant, at);
        }
        let Some(at) = self.at(Leg::Consulted) else { return };
        let number = self.legs.get(at).map(|leg| leg.number);
        // They have it, and are no other any more.
        self.others.retain(|other| Some(other.leg) != number);
        if let Some(leg) = self.legs.get_mut(at)
            && let Who::Consulted(agent) = leg.who.clone()
        {
            leg.who = Who::Agent(agent);
        }
        if let Some(consult) = self.consult.take() {
            self.board.hand_over(&consult);
        }
        (self.is_taken, self.is_joined) = (true, true);
        self.hold(plant, callee, Callee::There);
        self.begins_to_talk(plant, order);
        self.show(None);
    }

    // Somebody who is called in.

    /// Somebody is to be called in: it is written down, and asked whether they may be called now.
    pub(super) fn wants_called_in(&self, plant: &Plant, order: &Order, number: PhoneNumber) {
        let is_there = self.legs.iter().any(|leg| matches!(leg.who, Who::CalledIn(_)));
        let Some(agent) = self.agent().filter(|_| self.is_joined && !is_there) else { return };
        let asked = CallingIn::of(plant, order, agent, number);
        let (store, to_side) = (Arc::clone(&plant.store), self.happenings.clone());
        tokio::spawn(async move {
            let may = asked.may(&store, legs::wall_now()).await;
            let _ = to_side.send((0, Own(Happening::MayCallIn(asked.number, may))));
        });
    }

    pub(super) fn call_in(
        &mut self,
        plant: &Plant,
        order: &Order,
        callee: SlotId,
        number: PhoneNumber,
        may: Result<(), String>,
    ) {
        if let Err(why) = may {
            return self.board.refuse(&format!("call_in: {why}"));
        }
        if !self.is_joined || self.legs.iter().any(|leg| matches!(leg.who, Who::CalledIn(_))) {
            return;
        }
        let name = number.as_str();
        let name = format!("…{}", &name[name.len().saturating_sub(2)..]);
        let who = Who::CalledIn(number.clone());
        match self.open_leg(plant, order, callee, (who, name), FarEnd::Telephone) {
            Ok(at) => {
                if let Some(leg) = self.legs.get_mut(at) {
                    let request = legs::invite_number(plant, &number, leg.sound.offer());
                    leg.call = request.map(|request| plant.sip.invite(request));
                }
                self.show(None);
            }
            Err(error) => tracing::error!(attempt = %order.attempt, %error, "nobody could be called in"),
        }
    }

    /// What came of calling somebody in; what the call is to hear.
    pub(super) fn called_in(
        &mut self,
        plant: &Plant,
        callee: SlotId,
        at: usize,
        event: SipEvent,
    ) -> Option<Input> {
        let (part, sdp) = match event {
            SipEvent::Answered { sdp } => (Part::Answer, sdp),
            SipEvent::Reinvited { sdp } => (Part::Offer, sdp),
            SipEvent::Failed { .. } | SipEvent::Ended { .. } => return self.let_go(plant, callee),
            _ => return None,
        };
        let fault = self.legs.get_mut(at)?.sound.described(plant.means(), part, &sdp).err();
        if let Some(fault) = fault {
            tracing::error!(error = %fault, "whoever was called in cannot be spoken with");
            return self.let_go(plant, callee);
        }
        if !std::mem::replace(&mut self.legs.get_mut(at)?.is_in, true) {
            self.comes(at);
            self.regroup(plant, callee);
            self.show(None);
        }
        None
    }

    /// Whoever was called in is gone, or let go; where they were alone with the callee, that is the end.
    pub(super) fn let_go(&mut self, plant: &Plant, callee: SlotId) -> Option<Input> {
        let at = self.legs.iter().position(|leg| matches!(leg.who, Who::CalledIn(_)))?;
        self.end_leg(plant, at);
        self.regroup(plant, callee);
        self.show(None);
        self.has_left.then_some(Input::Agent(AgentEvent::HungUp))
    }

    /// The agent leaves the callee with whoever was called in.
    pub(super) fn leave(&mut self, plant: &Plant, callee: SlotId) {
        let stays = self.legs.iter().any(|leg| matches!(leg.who, Who::CalledIn(_)) && leg.is_in);
        let Some(at) = self.at(Leg::Agent).filter(|_| stays && self.consult.is_none()) else { return };
        self.end_leg(plant, at);
        self.has_left = true;
        self.board.agent_goes();
        self.hold(plant, callee, Callee::There);
    }

    // Supervisors.

    /// A supervisor sits in on the call, or comes back to it; what the call is to hear.
    pub(super) fn attend(
        &mut self,
        plant: &Plant,
        order: &Order,
        callee: SlotId,
        page: Page,
    ) -> Option<Input> {
        let known = |leg: &SideLeg| leg.page.as_ref().is_some_and(|known| known.login == page.login);
        if let Some(at) = self.legs.iter().position(known) {
            let leg = self.legs.get_mut(at)?;
            leg.page = Some(page);
            if let Err(error) = leg.sound.begin_anew(plant.means()) {
                tracing::error!(%error, "a supervisor's leg could not be offered anew");
                return self.is_lost(plant, callee, at);
            }
            self.tell_page(at, Lines::All);
            return None;
        }
        let name = page.name.clone();
        let who = Who::Supervisor(Sits::Listens);
        match self.open_leg(plant, order, callee, (who, name), FarEnd::Browser) {
            Ok(at) => {
                if let Some(leg) = self.legs.get_mut(at) {
                    leg.page = Some(page);
                }
                self.tell_page(at, Lines::All);
            }
            Err(error) => {
                tracing::error!(attempt = %order.attempt, %error, "a supervisor cannot sit in");
                page.tell(ToSupervisor::Refused { why: "no room for sound 无法建立语音".to_owned() });
            }
        }
        None
    }

    /// The place of the leg of a supervisor's page.
    pub(super) fn at_page(&self, id: u64) -> Option<usize> {
        self.legs.iter().position(|leg| leg.page.as_ref().is_some_and(|page| page.id == id))
    }

    /// Tells a supervisor how it stands, and at first has them answer our offer.
    fn tell_page(&self, at: usize, lines: Lines) {
        let Some((leg, page)) = self.legs.get(at).and_then(|leg| Some((leg, leg.page.as_ref()?))) else {
            return;
        };
        let Some((talk, card)) = self.board.talk() else { return };
        let sitting = match leg.who {
            Who::Supervisor(Sits::Listens) => Sitting::Listens,
            Who::Supervisor(Sits::Whispers) => Sitting::Whispers,
            Who::Supervisor(Sits::Joins) => Sitting::Joins,
            _ => Sitting::HasTheCall,
        };
        let first = matches!(lines, Lines::All);
        let lines = if first { self.lines.clone() } else { Vec::new() };
        page.tell(ToSupervisor::State { talk: Box::new(talk), sitting, card: Box::new(card), lines });
        if first {
            page.tell(ToSupervisor::Sdp { sdp: leg.sound.offer().to_string() });
        }
    }

    /// What a supervisor does; what the call is to hear.
    pub(super) fn supervised(
        &mut self,
        plant: &Plant,
        order: &Order,
        callee: SlotId,
        (id, said): (u64, FromSupervisor),
    ) -> Option<Input> {
        let at = self.at_page(id)?;
        let sits = match said {
            FromSupervisor::Sdp { sdp } => {
                self.supervisor_answers(plant, callee, at, &sdp);
                return None;
            }
            FromSupervisor::HangUp => {
                let has = matches!(self.legs.get(at)?.who, Who::Agent(_));
                return has.then_some(Input::Agent(AgentEvent::HungUp));
            }
            FromSupervisor::TakeOver => return self.take_over(plant, order, callee, at),
            FromSupervisor::Listen => Sits::Listens,
            FromSupervisor::Whisper => Sits::Whispers,
            FromSupervisor::Join => Sits::Joins,
        };
        let leg = self.legs.get_mut(at)?;
        if leg.is_in && matches!(leg.who, Who::Supervisor(now) if now != sits) {
            leg.who = Who::Supervisor(sits);
            self.comes(at);
            self.regroup(plant, callee);
            self.tell_page(at, Lines::None);
        }
        None
    }

    fn supervisor_answers(&mut self, plant: &Plant, callee: SlotId, at: usize, sdp: &str) {
        let Some(leg) = self.legs.get_mut(at) else { return };
        let described = SessionDescription::parse(sdp.as_bytes())
            .map_err(|_| ())
            .and_then(|sdp| leg.sound.described(plant.means(), Part::Answer, &sdp).map_err(drop));
        if described.is_err() {
            if let Some(page) = &leg.page {
                page.tell(ToSupervisor::Refused { why: "sdp: it does not fit SDP 有误".to_owned() });
            }
            return;
        }
        if !std::mem::replace(&mut leg.is_in, true) {
            self.comes(at);
        }
        self.regroup(plant, callee);
    }

    /// A supervisor has the agent's place from here on.
    fn take_over(&mut self, plant: &Plant, order: &Order, callee: SlotId, at: usize) -> Option<Input> {
        let leg = self.legs.get(at)?;
        if !leg.is_in || !matches!(leg.who, Who::Supervisor(_)) || !self.is_joined {
            return None;
        }
        let (number, name) = (leg.number, leg.name.clone());
        let id = AgentId::new(&format!("{SUPERVISOR}{}", leg.page.as_ref()?.login));
        if let Some(agent) = self.at(Leg::Agent) {
            self.end_leg(plant, agent);
        }
        let at = self.legs.iter().position(|leg| leg.number == number)?;
        let now = legs::wall_now();
        self.goes(number, now);
        self.others.push(Other {
            leg: number,
            name: name.clone(),
            part: waihu_types::OtherPart::TookOver,
            since: now,
            until: None,
        });
        self.legs.get_mut(at)?.who = Who::Agent(id.clone());
        self.board.agent_goes();
        (self.is_taken, self.is_joined, self.has_left) = (true, true, false);
        self.hold(plant, callee, Callee::There);
        self.begins_to_talk(plant, order);
        self.tell_page(at, Lines::None);
        Some(Input::Wish(AgentWish::TakenOver(Agent { id, name, reach: Reach::Desk })))
    }

    /// A supervisor's page is gone. One that has the call may come back, and then answers what it is offered anew.
    pub(super) fn unattended(&mut self, plant: &Plant, callee: SlotId, id: u64) {
        let Some(at) = self.at_page(id) else { return };
        if let Some(leg) = self.legs.get_mut(at).filter(|leg| matches!(leg.who, Who::Agent(_))) {
            leg.sound.await_answer(BACK_WITHIN);
            return;
        }
        self.end_leg(plant, at);
        self.regroup(plant, callee);
    }
}

/// Which lines of a call a supervisor is shown.
enum Lines {
    /// All so far.
    All,
    /// None: they have them.
    None,
}
