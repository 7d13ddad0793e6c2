//! The agent's side of a call: sought at the switchboard, called, briefed, joined, heard; one leg after the other, and
//! beside it those of others who are in the talk.
//!
//! Each leg has its number: what is told of one that was given up concerns nobody.

mod calling_in;
mod card;
mod leg;
mod others;
mod spoken;
mod talk;

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::pin,
    sync::{Arc, OnceLock},
    task::Poll,
    time::Instant,
};

use jiff::civil::Date;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use waihu_agents::{AgentId, Need, Urgency, desk};
use waihu_call::{AgentEvent, AgentWish, Input, Leg, Line, MediaEvent, Onward, Part, Speaker, floor::Callee};
use waihu_media::SlotId;
use waihu_sip::{Event as SipEvent, SessionDescription};
use waihu_speech::{Event as Heard, Listener};
use waihu_terms::Terms;
use waihu_types::{Case, Intent, PhoneNumber, WallTime};

pub(crate) use self::{card::card, leg::Page};
use self::{
    leg::{Other, SideLeg, Who},
    spoken::{Introduction, WHISPER, Whisper},
    talk::{Had, Talk},
};
use crate::{
    error::DialError,
    legs,
    plant::{Order, Plant},
    sound::{Ends, FarEnd, LegSound, News, Reach, SoundFault},
    switchboard::{CallNews, CallSide, DeskNews},
};

/// What reaches the agent's side from threads, with the number of the leg.
enum Happening {
    Sound(News),
    /// The whisper's sound, or that there is none.
    Whisper(Option<Arc<[i16]>>),
    /// It is not waited for any longer.
    WhisperLate,
    /// The introduction's sound, or that there is none.
    Introduction(Arc<str>, Option<Arc<[i16]>>),
    /// Whether a number may be called in, or why not, in both languages.
    MayCallIn(PhoneNumber, Result<(), String>),
    Speech(Heard),
}

/// What happened on the agent's side.
pub(crate) enum SideEvent {
    Sip(u64, SipEvent),
    News(CallNews),
    /// At the switchboard, with whoever is to be asked about the call.
    Consult(CallNews),
    Own(u64, Own),
}

/// What happened to one leg.
pub(crate) struct Own(Happening);

/// What the call is to hear of it.
pub(crate) enum SideWord {
    Input(Input),
    /// Something was said.
    Line(Line),
}

/// The agent's side of one call.
pub(crate) struct AgentSide {
    board: CallSide,
    /// The switchboard's place of whoever is asked about the call, and how many were.
    consult: Option<CallSide>,
    consults: u32,
    numbers: u64,
    legs: Vec<SideLeg>,
    /// Whether the callee is on hold.
    callee: Callee,
    is_taken: bool,
    is_joined: bool,
    /// The agent has left the callee with whoever was called in.
    has_left: bool,
    whisper: Whisper,
    introduction: Introduction,
    /// What an agent sees of the call.
    card: Option<desk::Card>,
    /// What was said in the call.
    lines: Vec<desk::Said>,
    last: Arc<OnceLock<AgentId>>,
    /// Agents who said yes and could not be spoken with, or who have handed the call on.
    without: Vec<AgentId>,
    others: Vec<Other>,
    /// Once an agent has had the call.
    talk: Option<Talk>,
    happenings: UnboundedSender<(u64, Own)>,
    inbox: UnboundedReceiver<(u64, Own)>,
}

impl AgentSide {
    pub(crate) fn new(plant: &Plant, order: &Order) -> Self {
        let (happenings, inbox) = unbounded_channel();
        Self {
            board: plant.switchboard.of_call(order.attempt.clone()),
            consult: None,
            consults: 0,
            numbers: 0,
            legs: Vec::new(),
            callee: Callee::There,
            is_taken: false,
            is_joined: false,
            has_left: false,
            whisper: Whisper::None,
            introduction: Introduction::default(),
            card: None,
            lines: Vec::new(),
            last: Arc::default(),
            without: Vec::new(),
            others: Vec::new(),
            talk: None,
            happenings,
            inbox,
        }
    }

    /// The callee has answered: it is looked up who spoke with them last.
    pub(crate) fn answered(&self, plant: &Plant, case: &Case) {
        let (store, last) = (Arc::clone(&plant.store), Arc::clone(&self.last));
        let (case, debtor) = (case.id.clone(), case.dossier.debtor.clone());
        tokio::spawn(async move {
            // Where the store does not answer, the best who is free is asked.
            if let Ok(Some(agent)) = store.last_agent(&case, debtor.as_ref()).await {
                let _ = last.set(AgentId::new(&agent));
            }
        });
    }

    /// When a leg's handshake wants its time.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.legs.iter().filter_map(|leg| leg.sound.poll_timeout()).min()
    }

    /// Waits for what happens next.
    pub(crate) async fn next(&mut self) -> SideEvent {
        tokio::select! {
            (number, event) = signalling(&mut self.legs) => SideEvent::Sip(number, event),
            news = self.board.news() => SideEvent::News(news),
            news = consult_news(&mut self.consult) => SideEvent::Consult(news),
            Some((number, own)) = self.inbox.recv() => SideEvent::Own(number, own),
        }
    }

    /// Takes in what happened.
    pub(crate) fn happened(
        &mut self,
        plant: &Plant,
        order: &Order,
        callee: SlotId,
        event: SideEvent,
    ) -> Option<SideWord> {
        let input = match event {
            SideEvent::Sip(number, event) => self.signalled(plant, callee, number, event),
            SideEvent::News(news) => self.told(plant, order, callee, news),
            SideEvent::Consult(news) => self.told_of_the_consult(plant, news),
            SideEvent::Own(_, Own(Happening::Whisper(samples))) => self.spoken(plant, samples),
            SideEvent::Own(_, Own(Happening::Introduction(words, samples))) => {
                return self.introduction_spoken(plant, callee, &words, samples).map(SideWord::Line);
            }
            SideEvent::Own(_, Own(Happening::MayCallIn(number, may))) => {
                self.call_in(plant, order, callee, number, may);
                None
            }
            SideEvent::Own(number, Own(happening)) => {
                let at = self.legs.iter().position(|leg| leg.number == number)?;
                if let Happening::Speech(event) = happening {
                    return self.agents_line(plant, at, event);
                }
                self.own(plant, callee, at, happening)
            }
        };
        input.map(SideWord::Input)
    }

    /// The place of a leg in the call machine's words.
    fn at(&self, leg: Leg) -> Option<usize> {
        self.legs.iter().position(|side| match side.who {
            Who::Agent(_) => leg == Leg::Agent,
            Who::Consulted(_) => leg == Leg::Consulted,
            Who::CalledIn(_) | Who::Supervisor(_) => false,
        })
    }

    /// The agent who has the call, or is to have it.
    fn agent(&self) -> Option<&AgentId> {
        self.legs.iter().find_map(|leg| if let Who::Agent(agent) = &leg.who { Some(agent) } else { None })
    }

    /// What happened to an agent's leg, in the call machine's words.
    fn of_an_agent(&self, at: usize, event: AgentEvent) -> Option<Input> {
        match self.legs.get(at)?.who {
            Who::Agent(_) => Some(Input::Agent(event)),
            Who::Consulted(_) => Some(Input::Consulted(event)),
            Who::CalledIn(_) | Who::Supervisor(_) => None,
        }
    }

    fn signalled(&mut self, plant: &Plant, callee: SlotId, number: u64, event: SipEvent) -> Option<Input> {
        let at = self.legs.iter().position(|leg| leg.number == number)?;
        let leg = self.legs.get_mut(at)?;
        if matches!(event, SipEvent::Ended { .. } | SipEvent::Failed { .. }) {
            leg.call = None;
        }
        match leg.who {
            Who::Agent(_) => Some(Input::Sip { leg: Leg::Agent, event }),
            Who::Consulted(_) => Some(Input::Sip { leg: Leg::Consulted, event }),
            Who::CalledIn(_) => self.called_in(plant, callee, at, event),
            Who::Supervisor(_) => None,
        }
    }

    fn told(&mut self, plant: &Plant, order: &Order, callee: SlotId, news: CallNews) -> Option<Input> {
        match news {
            CallNews::Agent(event) => {
                self.is_taken |= matches!(event, AgentEvent::Taken(_));
                Some(Input::Agent(event))
            }
            // Whoever has handed the call over, or left it, does nothing more with it.
            CallNews::Lost(agent) | CallNews::Desk(agent, _) if self.agent() != Some(&agent) => None,
            CallNews::Lost(_) => Some(Input::Agent(AgentEvent::Lost)),
            CallNews::Desk(agent, news) => self.done_at_the_desk(plant, order, callee, (agent, news)),
            CallNews::Attend(page) => self.attend(plant, order, callee, page),
            CallNews::Supervisor(id, said) => self.supervised(plant, order, callee, (id, said)),
            CallNews::Unattended(id) => {
                self.unattended(plant, callee, id);
                None
            }
            // Nobody knows who is there: a call that they have is lost at once.
            CallNews::SignedOut(id) => self.is_lost(plant, callee, self.at_page(id)?),
            // Whoever shows cases hears it, not their calls.
            CallNews::Looked(_) => None,
        }
    }

    /// What the agent does who has the call.
    fn done_at_the_desk(
        &mut self,
        plant: &Plant,
        order: &Order,
        callee: SlotId,
        (agent, news): (AgentId, DeskNews),
    ) -> Option<Input> {
        match news {
            DeskNews::HangUp => {
                if self.consult.is_some() {
                    self.without.push(agent);
                }
                Some(Input::Agent(AgentEvent::HungUp))
            }
            DeskNews::Wish(wish) => {
                if matches!(wish, AgentWish::HandOn(_)) {
                    self.without.push(agent);
                }
                Some(Input::Wish(wish))
            }
            DeskNews::Answer(sdp) => {
                Some(Input::Sip { leg: Leg::Agent, event: SipEvent::Answered { sdp: *sdp } })
            }
            // A page that sees its call before it has our offer need not ask.
            DeskNews::Renew(connection) if self.board.is_offered(connection) => None,
            DeskNews::Renew(_) => self.renew(plant, Leg::Agent),
            DeskNews::Hold(hold) => {
                if self.is_joined {
                    self.hold(plant, callee, if hold.is_on() { Callee::Held } else { Callee::There });
                    self.show(None);
                }
                None
            }
            DeskNews::CallIn(number) => {
                self.wants_called_in(plant, order, number);
                None
            }
            DeskNews::LetGo => self.let_go(plant, callee),
            DeskNews::Leave => {
                self.leave(plant, callee);
                None
            }
        }
    }

    fn told_of_the_consult(&mut self, plant: &Plant, news: CallNews) -> Option<Input> {
        let news = match news {
            CallNews::Agent(event) => return Some(Input::Consulted(event)),
            CallNews::Lost(_) => return Some(Input::Consulted(AgentEvent::Lost)),
            CallNews::Desk(_, news) => news,
            _ => return None,
        };
        match news {
            DeskNews::HangUp => Some(Input::Consulted(AgentEvent::HungUp)),
            DeskNews::Answer(sdp) => {
                Some(Input::Sip { leg: Leg::Consulted, event: SipEvent::Answered { sdp: *sdp } })
            }
            DeskNews::Renew(connection) if self.consult.as_ref()?.is_offered(connection) => None,
            DeskNews::Renew(_) => self.renew(plant, Leg::Consulted),
            // The call is another's.
            _ => None,
        }
    }

    fn own(&mut self, plant: &Plant, callee: SlotId, at: usize, happening: Happening) -> Option<Input> {
        let leg = self.legs.get_mut(at)?;
        match happening {
            Happening::Sound(News::Datagram(from, bytes)) => {
                self.of_sound(plant, callee, at, |sound| sound.datagram(plant.means(), from, &bytes))
            }
            Happening::Sound(News::Failed(why)) => {
                self.of_sound(plant, callee, at, |_| Err(SoundFault::Media(why)))
            }
            Happening::Sound(News::Reach(reach)) => {
                leg.sound.note(reach);
                if reach == Reach::Lost { self.is_lost(plant, callee, at) } else { None }
            }
            Happening::Sound(News::Call(MediaEvent::Lost)) => self.is_lost(plant, callee, at),
            Happening::Sound(News::Call(MediaEvent::NoAudio { lasting })) if leg.sound.is_dead(lasting) => {
                self.is_lost(plant, callee, at)
            }
            Happening::Sound(News::Call(
                MediaEvent::PlaybackDone(id) | MediaEvent::PlaybackStopped { id, .. },
            )) if id.0 == WHISPER.0 => self.of_an_agent(at, AgentEvent::Briefed),
            Happening::WhisperLate if std::mem::take(&mut leg.awaits_whisper) => {
                self.of_an_agent(at, AgentEvent::Briefed)
            }
            _ => None,
        }
    }

    /// A leg's sound is gone: an agent's is the call machine's business.
    fn is_lost(&mut self, plant: &Plant, callee: SlotId, at: usize) -> Option<Input> {
        match self.legs.get(at)?.who {
            Who::Agent(_) | Who::Consulted(_) => self.of_an_agent(at, AgentEvent::Lost),
            Who::CalledIn(_) => self.let_go(plant, callee),
            Who::Supervisor(_) => {
                self.end_leg(plant, at);
                self.regroup(plant, callee);
                None
            }
        }
    }

    /// The time of a handshake's next step may have come.
    pub(crate) fn handle_timeout(&mut self, plant: &Plant, callee: SlotId) -> Option<Input> {
        let now = Instant::now();
        let due = |leg: &SideLeg| leg.sound.poll_timeout().is_some_and(|at| at <= now);
        let at = self.legs.iter().position(due)?;
        self.of_sound(plant, callee, at, |sound| sound.handle_timeout(plant.means()))
    }

    /// An agent's description has come.
    pub(crate) fn described(
        &mut self,
        plant: &Plant,
        callee: SlotId,
        leg: Leg,
        (part, remote): (Part, &SessionDescription),
    ) -> Option<Input> {
        let at = self.at(leg)?;
        self.of_sound(plant, callee, at, |sound| sound.described(plant.means(), part, remote))
    }

    /// Does something with a leg's sound; who cannot be spoken with as it was agreed is lost.
    fn of_sound(
        &mut self,
        plant: &Plant,
        callee: SlotId,
        at: usize,
        act: impl FnOnce(&mut LegSound) -> Result<(), SoundFault>,
    ) -> Option<Input> {
        let leg = self.legs.get_mut(at)?;
        let fault = act(&mut leg.sound).err()?;
        tracing::error!(error = %fault, "a leg beside the callee's cannot be spoken with");
        if let Some(call) = leg.call.take() {
            call.hangup(Some(fault.as_reason()));
        }
        self.is_lost(plant, callee, at)
    }

    /// Seeks an agent.
    pub(crate) fn seek(
        &mut self,
        plant: &Plant,
        order: &Order,
        (reason, only): (Intent, Option<AgentId>),
        card: desk::Card,
    ) {
        self.prepare(plant, order, reason, &card);
        let urgency = match reason {
            Intent::Distress => Urgency::Distress,
            Intent::Complaint => Urgency::Complaint,
            _ => Urgency::Usual,
        };
        let need = Need {
            skills: card.skills.clone(),
            lang: card.lang,
            last_agent: self.last.get().cloned(),
            without: self.without.clone(),
            only,
            urgency,
        };
        self.card = Some(card.clone());
        self.board.may_promise(Terms::of(&order.case));
        self.board.seek(need, card, &self.lines);
    }

    /// Nobody is needed any more.
    pub(crate) fn unwanted(&self) {
        self.board.unwanted();
    }

    /// A telephone has answered.
    pub(crate) fn accept(&self, leg: Leg, agent: AgentId) {
        self.place_of(leg).into_iter().for_each(|board| board.accept(agent.clone()));
    }

    /// A telephone has refused.
    pub(crate) fn decline(&self, leg: Leg, agent: AgentId) {
        self.place_of(leg).into_iter().for_each(|board| board.decline(agent.clone()));
    }

    fn place_of(&self, leg: Leg) -> Option<&CallSide> {
        if leg == Leg::Consulted { self.consult.as_ref() } else { Some(&self.board) }
    }

    /// Makes an agent's leg: a telephone is sent the INVITE, a desk our offer; what the call is to hear where that
    /// fails.
    pub(crate) fn invite(
        &mut self,
        plant: &Plant,
        order: &Order,
        callee: SlotId,
        (leg, agent): (Leg, AgentId),
    ) -> Option<Input> {
        let by_phone = legs::telephone_of(plant, &agent).is_some();
        let error = self.make_leg(plant, order, callee, (leg, agent)).err()?;
        tracing::error!(attempt = %order.attempt, %error, "the agent could not be called");
        let lost = |event| if leg == Leg::Agent { Input::Agent(event) } else { Input::Consulted(event) };
        Some(if by_phone { Input::Sip { leg, event: legs::not_dialled() } } else { lost(AgentEvent::Lost) })
    }

    fn make_leg(
        &mut self,
        plant: &Plant,
        order: &Order,
        callee: SlotId,
        (leg, agent): (Leg, AgentId),
    ) -> Result<(), DialError> {
        let is_taken = self.is_taken;
        self.hang_up(plant, leg);
        self.is_taken = is_taken;
        let telephone = legs::telephone_of(plant, &agent);
        let far_end = match &telephone {
            Some(telephone) if !plant.trunk.is_browser(telephone) => FarEnd::Telephone,
            Some(_) | None => FarEnd::Browser,
        };
        let name = plant.switchboard.name_of(&agent);
        let who = if leg == Leg::Agent { Who::Agent(agent) } else { Who::Consulted(agent) };
        let at = self.open_leg(plant, order, callee, (who, name), far_end)?;
        let Some(side) = self.legs.get_mut(at) else { return Ok(()) };
        let offer = side.sound.offer();
        match telephone {
            Some(telephone) => {
                let request = legs::invite_agent(plant, &order.case.id, telephone, offer)?;
                side.call = Some(plant.sip.invite(request));
            }
            None => self.place_of(leg).into_iter().for_each(|board| board.offer(&offer)),
        }
        Ok(())
    }

    /// Opens a leg beside the callee's; its place.
    fn open_leg(
        &mut self,
        plant: &Plant,
        order: &Order,
        callee: SlotId,
        (who, name): (Who, String),
        far_end: FarEnd,
    ) -> Result<usize, DialError> {
        self.numbers += 1;
        let number = self.numbers;
        let listener = match who {
            Who::CalledIn(_) => None,
            _ => Some(self.listen(plant, order, number)?),
        };
        let ear = listener.as_ref().map(Listener::ear);
        let ends = Ends {
            far_end,
            beside: Some(callee),
            heard: ear.map(|ear| -> waihu_media::HeardTap {
                Box::new(move |heard| ear.hear(heard.frame, legs::gate(heard)))
            }),
            stereo: None,
        };
        let to_side = self.happenings.clone();
        let sound = LegSound::open(plant.means(), &order.attempt, Leg::Agent, ends, move |news| {
            let _ = to_side.send((number, Own(Happening::Sound(news))));
        })?;
        self.legs.push(SideLeg {
            number,
            who,
            name,
            call: None,
            sound,
            listener,
            is_in: false,
            awaits_whisper: false,
            began: VecDeque::new(),
            page: None,
        });
        Ok(self.legs.len() - 1)
    }

    /// What the agent says is written down too; the ears begin with the talk.
    fn listen(&self, plant: &Plant, order: &Order, number: u64) -> Result<Listener, DialError> {
        let to_side = self.happenings.clone();
        let heard = move |event| drop(to_side.send((number, Own(Happening::Speech(event)))));
        let today: Date = legs::today(&order.case)?;
        let listener = plant.speech.listen(order.lang, today, Arc::new(heard));
        listener.knows_who();
        Ok(listener)
    }

    /// The page was loaded anew: another offer, with other keys. A telephone's sound knows of no page.
    fn renew(&mut self, plant: &Plant, leg: Leg) -> Option<Input> {
        let at = self.at(leg)?;
        let side = self.legs.get_mut(at).filter(|side| side.call.is_none())?;
        if let Err(error) = side.sound.begin_anew(plant.means()) {
            tracing::error!(%error, "an agent's leg could not be offered anew");
            return self.of_an_agent(at, AgentEvent::Lost);
        }
        let offer = side.sound.offer();
        self.place_of(leg)?.offer(&offer);
        None
    }

    /// How it stands for the callee, who waits.
    pub(crate) fn how_long(&self) -> waihu_dialog::Wait {
        self.board.how_long()
    }

    /// Callee and agent hear each other from here on; what both hear first.
    pub(crate) fn bridge(&mut self, plant: &Plant, order: &Order, callee: SlotId) -> Option<Line> {
        let at = self.at(Leg::Agent)?;
        self.legs.get_mut(at)?.is_in = true;
        self.is_joined = true;
        self.introduction.joined_at = Some(Instant::now());
        self.regroup(plant, callee);
        self.begins_to_talk(plant, order);
        self.board.joined();
        self.play_introduction(plant, callee)
    }

    /// The callee is with the bot again.
    pub(crate) fn unbridge(&mut self, plant: &Plant, callee: SlotId) {
        if let Some(leg) = self.at(Leg::Agent).and_then(|at| self.legs.get_mut(at)) {
            leg.is_in = false;
        }
        self.hold(plant, callee, Callee::There);
    }

    /// Whoever has the call is heard and written down.
    fn begins_to_talk(&mut self, plant: &Plant, order: &Order) {
        let Some(leg) = self.at(Leg::Agent).and_then(|at| self.legs.get(at)) else { return };
        let Who::Agent(agent) = leg.who.clone() else { return };
        if let Some(listener) = &leg.listener {
            listener.answered();
        }
        self.board.is_had_by(&agent, &leg.name);
        let talk = self.talk.get_or_insert_with(|| Talk::of(&plant.store, order));
        talk.note(agent, Had::Begun, legs::wall_now());
    }

    /// Ends an agent's leg, however far it came.
    pub(crate) fn hang_up(&mut self, plant: &Plant, leg: Leg) {
        if let Some(at) = self.at(leg) {
            self.end_leg(plant, at);
        }
        if leg == Leg::Agent {
            (self.is_taken, self.is_joined, self.has_left) = (false, false, false);
            self.introduction.joined_at = None;
        }
    }

    /// The call is over: nobody is on the line any more.
    pub(crate) fn hang_up_all(&mut self, plant: &Plant) {
        while !self.legs.is_empty() {
            self.end_leg(plant, self.legs.len() - 1);
        }
        self.consult = None;
    }

    fn end_leg(&mut self, plant: &Plant, at: usize) {
        let leg = self.legs.remove(at);
        self.goes(leg.number, legs::wall_now());
        if let Some(call) = leg.call {
            call.hangup(None);
        }
        plant.media.close(leg.sound.slot());
        if let Some(page) = &leg.page {
            page.tell(waihu_agents::supervise::ToSupervisor::Ended);
        }
        let Who::Agent(agent) = leg.who else { return };
        if self.is_taken && !self.is_joined {
            self.without.push(agent);
        } else if let Some(talk) = self.talk.as_ref().filter(|_| self.is_joined) {
            talk.note(agent, Had::Ended, legs::wall_now());
        }
    }

    /// What the agent said, as a line of the transcript, at the time when they began. What is said to a colleague who is
    /// asked, or by a supervisor, is no part of it.
    fn agents_line(&mut self, plant: &Plant, at: usize, event: Heard) -> Option<SideWord> {
        let leg = self.legs.get_mut(at).filter(|leg| matches!(leg.who, Who::Agent(_)))?;
        let heard = match event {
            Heard::Started => {
                leg.began.push_back(plant.media.now());
                return None;
            }
            Heard::Heard(heard) | Heard::Rejoined(heard) => heard,
            Heard::Unintelligible => {
                leg.began.pop_front();
                return None;
            }
            _ => return None,
        };
        let at = leg.began.pop_front().unwrap_or_else(|| plant.media.now());
        Some(SideWord::Line(Line { at, speaker: Speaker::Agent, text: heard.text, understood: None }))
    }

    /// Something was said in the call.
    pub(crate) fn said(&mut self, at: WallTime, line: &Line) {
        let speaker = match line.speaker {
            Speaker::Callee => desk::Speaker::Callee,
            Speaker::Bot => desk::Speaker::Bot,
            Speaker::Agent => desk::Speaker::Agent,
            Speaker::System => return,
        };
        let intent = line.understood.as_ref().map(|u| u.intent);
        let said = desk::Said { at, speaker, text: line.text.clone(), intent };
        self.board.said(&said);
        for page in self.legs.iter().filter_map(|leg| leg.page.as_ref()) {
            page.tell(waihu_agents::supervise::ToSupervisor::Line { line: said.clone() });
        }
        self.lines.push(said);
    }

    /// How the callee seems to feel.
    pub(crate) fn feels(&self, mood: Option<waihu_types::Mood>) {
        self.board.feels(mood);
    }

    /// To whom a desk's words hand a call on.
    pub(crate) fn onward(to: desk::To) -> Onward {
        match to {
            desk::To::Agent(login) => Onward::Agent(AgentId::new(&login)),
            desk::To::Skills(skills) => Onward::Skills(skills),
        }
    }
}

/// The next event of a telephone's leg.
async fn signalling(legs: &mut [SideLeg]) -> (u64, SipEvent) {
    poll_fn(|context| {
        for leg in legs.iter_mut().filter(|leg| leg.call.is_some()) {
            // Nothing is lost where it is not awaited to its end: it is a queue that is looked at.
            if let Poll::Ready(event) = pin!(legs::event(&mut leg.call)).poll(context) {
                return Poll::Ready((leg.number, event));
            }
        }
        Poll::Pending
    })
    .await
}

async fn consult_news(consult: &mut Option<CallSide>) -> CallNews {
    match consult {
        Some(side) => side.news().await,
        None => std::future::pending().await,
    }
}
