//! The agent's side of a call: sought at the switchboard, called, briefed, joined, heard; one leg after the other.
//!
//! Each agent has a leg of their own, with its number: what is told of one that was given up concerns nobody.

use std::{
    collections::VecDeque,
    ops::ControlFlow,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use jiff::civil::Date;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::sleep,
};
use waihu_agents::{AgentId, Need, Urgency, desk};
use waihu_call::{AgentEvent, Input, Leg, Line, MediaEvent, Part, Speaker};
use waihu_campaign::Past;
use waihu_media::{PlaybackId, SlotId};
use waihu_sip::{Event as SipEvent, SessionDescription};
use waihu_speech::{Event as Heard, Listener, Urgency as Spoken, VoiceRequest};
use waihu_trunk::Call;
use waihu_types::{Case, Intent, Mood, Time, VoiceStyle, WallTime};

use crate::{
    error::DialError,
    legs,
    plant::{Order, Plant},
    sound::{Ends, FarEnd, LegSound, News, Reach, SoundFault},
    switchboard::{CallNews, CallSide, phone},
    whisper,
};

/// A whisper that is not spoken within this is left out: an agent who is there is worth more than two words.
const WHISPER_WITHIN: Duration = Duration::from_secs(2);

/// The one playback on an agent's leg.
const WHISPER: PlaybackId = PlaybackId(u64::MAX);

/// What reaches the agent's side from threads, with the number of the leg.
enum Happening {
    Sound(News),
    /// The whisper's sound, or that there is none.
    Whisper(Option<Arc<[i16]>>),
    /// It is not waited for any longer.
    WhisperLate,
    Speech(Heard),
}

/// What happened on the agent's side.
pub(crate) enum SideEvent {
    Sip(SipEvent),
    News(CallNews),
    Own(u64, Own),
}

/// What happened to one leg.
pub(crate) struct Own(Happening);

/// What the call is to hear of it.
pub(crate) enum SideWord {
    Input(Input),
    /// The agent has said something.
    Line(Line),
}

/// What an agent hears before the callee hears them.
#[derive(Default)]
enum Whisper {
    /// There is none.
    #[default]
    None,
    /// It is being spoken.
    Coming,
    Ready(Arc<[i16]>),
}

/// The agent's side of one call.
pub(crate) struct AgentSide {
    board: CallSide,
    number: u64,
    agent: Option<AgentId>,
    call: Option<Call>,
    sound: Option<LegSound>,
    is_taken: bool,
    is_joined: bool,
    whisper: Whisper,
    /// The agent is there, and waits for the whisper.
    is_briefed: bool,
    /// Dropping it ends the listening.
    listener: Option<Listener>,
    /// When what the agent said began, of that whose words are owed.
    began: VecDeque<Time>,
    /// What was said in the call.
    lines: Vec<desk::Said>,
    last: Arc<OnceLock<AgentId>>,
    /// Agents who said yes and could not be spoken with.
    without: Vec<AgentId>,
    happenings: UnboundedSender<(u64, Own)>,
    inbox: UnboundedReceiver<(u64, Own)>,
}

impl AgentSide {
    pub(crate) fn new(plant: &Plant, order: &Order) -> Self {
        let (happenings, inbox) = unbounded_channel();
        Self {
            board: plant.switchboard.of_call(order.attempt.clone()),
            number: 0,
            agent: None,
            call: None,
            sound: None,
            is_taken: false,
            is_joined: false,
            whisper: Whisper::None,
            is_briefed: false,
            listener: None,
            began: VecDeque::new(),
            lines: Vec::new(),
            last: Arc::default(),
            without: Vec::new(),
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

    /// When the leg's handshake wants its time.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.sound.as_ref()?.poll_timeout()
    }

    /// Waits for what happens next.
    pub(crate) async fn next(&mut self) -> SideEvent {
        tokio::select! {
            event = legs::event(&mut self.call) => SideEvent::Sip(event),
            news = self.board.news() => SideEvent::News(news),
            Some((number, own)) = self.inbox.recv() => SideEvent::Own(number, own),
        }
    }

    /// Takes in what happened.
    pub(crate) fn happened(&mut self, plant: &Plant, callee: SlotId, event: SideEvent) -> Option<SideWord> {
        let input = match event {
            SideEvent::Sip(event) => {
                if matches!(event, SipEvent::Ended { .. } | SipEvent::Failed { .. }) {
                    self.call = None;
                }
                Some(Input::Sip { leg: Leg::Agent, event })
            }
            SideEvent::News(news) => self.told(plant, callee, news),
            SideEvent::Own(_, Own(Happening::Whisper(samples))) => self.spoken(plant, samples),
            SideEvent::Own(number, _) if number != self.number => None,
            SideEvent::Own(_, Own(Happening::Speech(event))) => return self.agents_line(plant, event),
            SideEvent::Own(_, Own(happening)) => self.own(plant, happening),
        };
        input.map(SideWord::Input)
    }

    fn told(&mut self, plant: &Plant, callee: SlotId, news: CallNews) -> Option<Input> {
        match news {
            CallNews::Agent(event) => {
                self.is_taken |= matches!(event, AgentEvent::Taken(_));
                Some(Input::Agent(event))
            }
            CallNews::Answer(sdp) => {
                Some(Input::Sip { leg: Leg::Agent, event: SipEvent::Answered { sdp: *sdp } })
            }
            // A page that sees its call before it has our offer need not ask.
            CallNews::Renew(connection) if self.board.is_offered(connection) => None,
            CallNews::Renew(_) => self.renew(plant),
            CallNews::Hold(hold) => {
                let agent = self.sound.as_ref().filter(|_| self.is_joined)?.slot();
                if hold.is_on() {
                    plant.media.leave(agent);
                } else {
                    plant.media.join(&[callee, agent]);
                }
                None
            }
            // Whoever shows cases hears it, not their calls.
            CallNews::Looked(_) => None,
        }
    }

    fn own(&mut self, plant: &Plant, happening: Happening) -> Option<Input> {
        match happening {
            Happening::Sound(News::Datagram(from, bytes)) => {
                self.of_sound(|sound| sound.datagram(plant.means(), from, &bytes))
            }
            Happening::Sound(News::Failed(why)) => self.of_sound(|_| Err(SoundFault::Media(why))),
            Happening::Sound(News::Reach(reach)) => {
                if let Some(sound) = &mut self.sound {
                    sound.note(reach);
                }
                (reach == Reach::Lost).then_some(Input::Agent(AgentEvent::Lost))
            }
            Happening::Sound(News::Call(MediaEvent::Lost)) => Some(Input::Agent(AgentEvent::Lost)),
            Happening::Sound(News::Call(
                MediaEvent::PlaybackDone(_) | MediaEvent::PlaybackStopped { .. },
            )) => Some(Input::Agent(AgentEvent::Briefed)),
            Happening::WhisperLate if self.is_briefed => {
                self.is_briefed = false;
                Some(Input::Agent(AgentEvent::Briefed))
            }
            _ => None,
        }
    }

    /// The whisper's sound has come, or there is none.
    fn spoken(&mut self, plant: &Plant, samples: Option<Arc<[i16]>>) -> Option<Input> {
        self.whisper = samples.map_or(Whisper::None, Whisper::Ready);
        if std::mem::take(&mut self.is_briefed) { self.brief(plant) } else { None }
    }

    /// The time of the handshake's next step may have come.
    pub(crate) fn handle_timeout(&mut self, plant: &Plant) -> Option<Input> {
        self.of_sound(|sound| sound.handle_timeout(plant.means()))
    }

    /// The agent's description has come.
    pub(crate) fn described(
        &mut self,
        plant: &Plant,
        part: Part,
        remote: &SessionDescription,
    ) -> Option<Input> {
        self.of_sound(|sound| sound.described(plant.means(), part, remote))
    }

    /// Does something with the leg's sound; who cannot be spoken with as it was agreed is lost.
    fn of_sound(&mut self, act: impl FnOnce(&mut LegSound) -> Result<(), SoundFault>) -> Option<Input> {
        let fault = act(self.sound.as_mut()?).err()?;
        tracing::error!(error = %fault, "an agent's leg cannot be spoken with");
        if let Some(call) = self.call.take() {
            call.hangup(Some(fault.as_reason()));
        }
        Some(Input::Agent(AgentEvent::Lost))
    }

    /// Seeks an agent.
    pub(crate) fn seek(&mut self, plant: &Plant, order: &Order, reason: Intent, card: desk::Card) {
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
            urgency,
        };
        self.board.seek(need, card, &self.lines);
    }

    /// Nobody is needed any more.
    pub(crate) fn unwanted(&self) {
        self.board.unwanted();
    }

    /// A telephone has answered.
    pub(crate) fn accept(&self, agent: AgentId) {
        self.board.accept(agent);
    }

    /// A telephone has refused.
    pub(crate) fn decline(&self, agent: AgentId) {
        self.board.decline(agent);
    }

    /// Makes the agent's leg: a telephone is sent the INVITE, a desk our offer; what the call is to hear where that
    /// fails.
    pub(crate) fn invite(
        &mut self,
        plant: &Plant,
        order: &Order,
        callee: SlotId,
        agent: AgentId,
    ) -> Option<Input> {
        let by_phone = phone(&plant.trunk.agents, &agent).is_some();
        let error = self.make_leg(plant, order, callee, agent).err()?;
        tracing::error!(attempt = %order.attempt, %error, "the agent could not be called");
        Some(if by_phone {
            Input::Sip { leg: Leg::Agent, event: legs::not_dialled() }
        } else {
            Input::Agent(AgentEvent::Lost)
        })
    }

    fn make_leg(
        &mut self,
        plant: &Plant,
        order: &Order,
        callee: SlotId,
        agent: AgentId,
    ) -> Result<(), DialError> {
        let is_taken = self.is_taken;
        self.hang_up(plant);
        self.is_taken = is_taken;
        let number = self.number;
        let phone = phone(&plant.trunk.agents, &agent);
        let far_end = if phone.is_some() { FarEnd::Telephone } else { FarEnd::Browser };
        let listener = self.listen(plant, order)?;
        let ear = listener.ear();
        let ends = Ends {
            far_end,
            beside: Some(callee),
            heard: Some(Box::new(move |heard| ear.hear(heard.frame, legs::gate(heard)))),
            stereo: None,
        };
        let to_side = self.happenings.clone();
        let sound = LegSound::open(plant.means(), &order.attempt, Leg::Agent, ends, move |news| {
            let _ = to_side.send((number, Own(Happening::Sound(news))));
        })?;
        match phone {
            Some(phone) => {
                let request = legs::invite_agent(plant, &order.case.id, phone, sound.offer());
                self.call = Some(plant.sip.invite(request));
            }
            None => self.board.offer(&sound.offer()),
        }
        (self.agent, self.sound, self.listener) = (Some(agent), Some(sound), Some(listener));
        Ok(())
    }

    /// What the agent says is written down too; the ears begin with the talk.
    fn listen(&self, plant: &Plant, order: &Order) -> Result<Listener, DialError> {
        let (to_side, number) = (self.happenings.clone(), self.number);
        let heard = move |event| drop(to_side.send((number, Own(Happening::Speech(event)))));
        let today: Date = legs::today(&order.case)?;
        Ok(plant.speech.listen(order.lang, today, Arc::new(heard)))
    }

    /// The page was loaded anew: another offer, with other keys.
    fn renew(&mut self, plant: &Plant) -> Option<Input> {
        let sound = self.sound.as_mut()?;
        if let Err(error) = sound.begin_anew(plant.means()) {
            tracing::error!(%error, "an agent's leg could not be offered anew");
            return Some(Input::Agent(AgentEvent::Lost));
        }
        self.board.offer(&sound.offer());
        None
    }

    /// Has the whisper spoken, while an agent is sought.
    fn prepare(&mut self, plant: &Plant, order: &Order, reason: Intent, card: &desk::Card) {
        let text = whisper::words(order.lang, &order.case, card.identity, reason, card.mood);
        let to_side = self.happenings.clone();
        let request = VoiceRequest {
            lang: order.lang,
            text,
            parts: Vec::new(),
            style: VoiceStyle::default(),
            urgency: Spoken::Preparation,
        };
        self.whisper = Whisper::Coming;
        let reply = move |part: Result<waihu_speech::VoicePart, _>| {
            let samples = part.ok().map(|part| part.spoken_whole().samples);
            let _ = to_side.send((0, Own(Happening::Whisper(samples))));
            ControlFlow::Break(())
        };
        plant.speech.voice(request, Box::new(reply));
    }

    /// Tells the agent who it is; what the call is to hear at once.
    pub(crate) fn brief(&mut self, plant: &Plant) -> Option<Input> {
        match &self.whisper {
            Whisper::Ready(samples) => {
                plant.media.play(self.sound.as_ref()?.slot(), WHISPER, Arc::clone(samples));
                None
            }
            Whisper::Coming => {
                self.is_briefed = true;
                let (to_side, number) = (self.happenings.clone(), self.number);
                tokio::spawn(async move {
                    sleep(WHISPER_WITHIN).await;
                    let _ = to_side.send((number, Own(Happening::WhisperLate)));
                });
                None
            }
            Whisper::None => Some(Input::Agent(AgentEvent::Briefed)),
        }
    }

    /// Callee and agent hear each other from here on.
    pub(crate) fn bridge(&mut self, plant: &Plant, order: &Order, callee: SlotId) {
        let (Some(sound), Some(agent)) = (&self.sound, &self.agent) else { return };
        plant.media.join(&[callee, sound.slot()]);
        self.is_joined = true;
        if let Some(listener) = &self.listener {
            listener.answered();
        }
        self.board.joined();
        let (store, attempt) = (Arc::clone(&plant.store), order.attempt.clone());
        let (case, debtor) = (order.case.id.clone(), order.case.dossier.debtor.clone());
        let agent = agent.clone();
        tokio::spawn(async move {
            let (talk, of) = ((&attempt, agent.as_str()), (&case, debtor.as_ref()));
            if let Err(error) = store.begin_talk(talk, of, legs::wall_now()).await {
                tracing::error!(%attempt, %error, "it was not written down which agent has a call");
            }
        });
    }

    /// Ends the agent's leg, however far it came.
    pub(crate) fn hang_up(&mut self, plant: &Plant) {
        if let Some(call) = self.call.take() {
            call.hangup(None);
        }
        if let Some(sound) = self.sound.take() {
            plant.media.close(sound.slot());
        }
        self.listener = None;
        self.began.clear();
        let agent = self.agent.take();
        if self.is_taken && !self.is_joined {
            self.without.extend(agent.clone());
        }
        if let Some(agent) = agent.filter(|_| self.is_joined) {
            let (store, call) = (Arc::clone(&plant.store), self.board.call().clone());
            tokio::spawn(async move {
                if let Err(error) = store.end_talk(&call, agent.as_str(), legs::wall_now()).await {
                    tracing::error!(attempt = %call, %error, "a talk's end was not written down");
                }
            });
        }
        (self.is_taken, self.is_joined, self.is_briefed) = (false, false, false);
        // Of this leg nothing more is heard.
        self.number += 1;
    }

    /// What the agent said, as a line of the transcript, at the time when they began.
    fn agents_line(&mut self, plant: &Plant, event: Heard) -> Option<SideWord> {
        let heard = match event {
            Heard::Started => {
                self.began.push_back(plant.media.now());
                return None;
            }
            Heard::Heard(heard) | Heard::Rejoined(heard) => heard,
            Heard::Unintelligible => {
                self.began.pop_front();
                return None;
            }
            _ => return None,
        };
        let at = self.began.pop_front().unwrap_or_else(|| plant.media.now());
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
        self.lines.push(said);
    }
}

/// What an agent sees of a call before they answer, and of a case before its call.
pub(crate) fn card(
    order: &Order,
    so_far: waihu_dialog::SoFar,
    (reason, skills): (Option<Intent>, Vec<String>),
    mood: Option<Mood>,
) -> desk::Card {
    let case = &order.case;
    let authority = so_far.authority;
    desk::Card {
        campaign: order.campaign.clone(),
        case: case.id.clone(),
        name: case.name.clone(),
        title: case.title.clone(),
        lang: order.lang,
        creditor: case.creditor.clone(),
        product: case.product.clone(),
        due: case.due,
        due_date: case.due_date,
        reason,
        skills,
        identity: so_far.identity,
        debt_disclosed: so_far.debt_disclosed,
        mood,
        intents: so_far.intents,
        table: so_far.table,
        offers: so_far.offers,
        authority: desk::Authority {
            least_part: authority.least_part,
            max_parts: authority.max_parts,
            max_delay_days: authority.max_delay_days,
            max_span_days: authority.max_span_days,
            discounts: authority.discounts.iter().map(ToString::to_string).collect(),
            approver: authority.approver,
        },
        history: order.past.iter().rev().map(earlier).collect(),
        wanted_at: legs::wall_now(),
    }
}

fn earlier(past: &Past) -> desk::Earlier {
    desk::Earlier { at: past.dialled_at, disposition: past.disposition, promised: past.promised }
}
