//! The switchboard as a call meets it.

use std::time::Instant;

use tokio::sync::mpsc;
use waihu_agents::{
    AgentId, Decision, Input, Need,
    desk::{Asked, CalledIn, Card, Said, ToDesk},
    supervise::{FromSupervisor, Talk},
};
use waihu_call::{AgentEvent, AgentWish};
use waihu_dialog::Wait;
use waihu_sip::SessionDescription;
use waihu_terms::Terms;
use waihu_types::{AttemptId, Intent, Mood, PhoneNumber, WallTime};

use super::Switchboard;
use crate::{agent_side::Page, legs::wall_now};

/// The most lines of a call that a desk is shown again after it was loaded anew: an hour's talk.
const MOST_LINES: usize = 1_000;

/// What a call is told.
pub(crate) enum CallNews {
    /// In the call machine's words.
    Agent(AgentEvent),
    /// An agent's desk is gone.
    Lost(AgentId),
    /// What an agent does, who had the call as they did it; once it is heard another may have it.
    Desk(AgentId, DeskNews),
    /// How an agent decided who was shown the case before its call.
    Looked(Decision),
    /// A supervisor sits in, or comes back.
    Attend(Page),
    /// What a supervisor does.
    Supervisor(u64, FromSupervisor),
    /// A supervisor's page is gone.
    Unattended(u64),
    /// Somebody has ended the session behind a supervisor's page.
    SignedOut(u64),
}

/// What an agent does at their desk with the call that they have.
pub(crate) enum DeskNews {
    /// The answer to our offer.
    Answer(Box<SessionDescription>),
    /// Another offer is wanted, over this connection.
    Renew(u64),
    /// The callee is to wait, or no longer.
    Hold(Turned),
    /// What they want with the call.
    Wish(AgentWish),
    /// Somebody is to be called in.
    CallIn(PhoneNumber),
    /// Whoever was called in is to be let go.
    LetGo,
    /// They leave the callee with whoever was called in.
    Leave,
    /// They hang up.
    HangUp,
}

/// Whether something holds from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turned {
    On,
    Off,
}

impl Turned {
    pub(crate) fn is_on(self) -> bool {
        self == Self::On
    }
}

impl From<bool> for Turned {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}

/// What the switchboard keeps of a call.
pub(super) struct Held {
    pub(super) card: Card,
    pub(super) lines: Vec<Said>,
    pub(super) is_joined: bool,
    pub(super) hold: Turned,
    pub(super) mute: Turned,
    pub(super) asked: Option<Asked>,
    pub(super) called_in: Option<CalledIn>,
    /// Who talks with the callee, their name, and since when.
    pub(super) had_by: Option<(AgentId, String, WallTime)>,
    pub(super) mood: Option<Mood>,
    /// Supervisors who sit in.
    pub(super) supervisors: usize,
    /// Since when somebody is sought.
    pub(super) sought: Instant,
    /// The desk's connection that has our offer.
    offered_to: Option<u64>,
    tell: mpsc::UnboundedSender<CallNews>,
}

impl Held {
    pub(super) fn tell(&self, news: CallNews) {
        // The call may be over: then nobody need know.
        let _ = self.tell.send(news);
    }

    /// The talk as a supervisor sees it; none where nobody talks.
    pub(super) fn talk(&self, attempt: &AttemptId) -> Option<Talk> {
        let (agent, name, since) = self.had_by.clone()?;
        Some(Talk {
            attempt: attempt.clone(),
            campaign: self.card.campaign.clone(),
            case: self.card.case.clone(),
            agent: agent.to_string(),
            name,
            since,
            reason: self.card.reason.unwrap_or(Intent::RequestHuman),
            mood: self.mood.or(self.card.mood),
            held: self.hold.is_on(),
            supervisors: self.supervisors,
        })
    }

    pub(super) fn is_over(&self) -> bool {
        self.tell.is_closed()
    }
}

/// A call's place at the switchboard. When it is dropped the call is over, and needs nobody any more.
pub(crate) struct CallSide {
    board: Switchboard,
    call: AttemptId,
    tell: mpsc::UnboundedSender<CallNews>,
    news: mpsc::UnboundedReceiver<CallNews>,
}

impl Switchboard {
    /// A place for a call that may seek somebody.
    pub(crate) fn of_call(&self, call: AttemptId) -> CallSide {
        let (tell, news) = mpsc::unbounded_channel();
        CallSide { board: self.clone(), call, tell, news }
    }
}

impl CallSide {
    /// The call's attempt.
    pub(crate) fn call(&self) -> &AttemptId {
        &self.call
    }

    /// What the call is told next.
    pub(crate) async fn news(&mut self) -> CallNews {
        match self.news.recv().await {
            Some(news) => news,
            // Its own sender is here.
            None => std::future::pending().await,
        }
    }

    /// Seeks an agent, who sees this card and has heard these lines.
    pub(crate) fn seek(&self, need: Need, card: Card, lines: &[Said]) {
        self.hold(card, lines);
        self.board.input(Input::Seek { call: self.call.clone(), need });
    }

    /// What may be promised in the call: whoever writes down what came of it is held to that.
    pub(crate) fn may_promise(&self, terms: Terms) {
        self.board.board().keep_terms(self.call.clone(), terms);
    }

    /// Shows the case to an agent before its call.
    pub(crate) fn show(&self, agent: AgentId, card: Card) {
        self.hold(card, &[]);
        self.board.input(Input::Show { agent, call: self.call.clone() });
    }

    /// How the agent decided who was shown the case; nothing where they have not yet.
    pub(crate) fn decision(&mut self) -> Option<Decision> {
        while let Ok(news) = self.news.try_recv() {
            if let CallNews::Looked(decision) = news {
                return Some(decision);
            }
        }
        None
    }

    fn hold(&self, card: Card, lines: &[Said]) {
        let held = Held {
            card,
            lines: lines.to_vec(),
            is_joined: false,
            hold: Turned::Off,
            mute: Turned::Off,
            asked: None,
            called_in: None,
            had_by: None,
            mood: None,
            supervisors: 0,
            sought: Instant::now(),
            offered_to: None,
            tell: self.tell.clone(),
        };
        self.board.board().calls.insert(self.call.clone(), held);
    }

    /// Nobody is needed any more.
    pub(crate) fn unwanted(&self) {
        let agent = {
            let mut board = self.board.board();
            let joined = board.calls.get_mut(&self.call).is_some_and(|held| {
                (held.had_by, held.asked, held.called_in, held.hold) = (None, None, None, Turned::Off);
                std::mem::take(&mut held.is_joined)
            });
            board.desk_of(&self.call).filter(|_| joined)
        };
        self.board.input(Input::Unwanted { call: self.call.clone() });
        if let Some(agent) = agent {
            self.board.board().tell_desk(&agent, ToDesk::Ended { attempt: self.call.clone() });
        }
    }

    /// Whoever is asked takes it: of the two, the agent who had the call wraps up.
    pub(crate) fn hand_over(&self, consult: &Self) {
        let (first, second) = {
            let mut board = self.board.board();
            if let Some(held) = board.calls.get_mut(&self.call) {
                (held.hold, held.mute, held.asked) = (Turned::Off, Turned::Off, None);
            }
            (board.desk_of(&self.call), board.desk_of(&consult.call))
        };
        self.board.input(Input::HandOver { consult: consult.call.clone(), call: self.call.clone() });
        let mut board = self.board.board();
        board.calls.remove(&consult.call);
        if let Some(first) = first {
            board.tell_desk(&first, ToDesk::Ended { attempt: self.call.clone() });
        }
        if let Some(second) = second {
            let (attempt, was) = (self.call.clone(), consult.call.clone());
            board.tell_desk(&second, ToDesk::Yours { attempt, was });
        }
    }

    /// Whoever was asked is free again: there is nothing to write down.
    pub(crate) fn dismiss(self) {
        let agent = self.board.board().agent_of(&self.call);
        self.unwanted();
        if let Some(agent) = agent {
            self.board.input(Input::WrapUpDone { agent });
        }
    }

    /// The agent has nothing more to do with the call, which goes on without them.
    pub(crate) fn agent_goes(&self) {
        let desk = self.board.board().desk_of(&self.call);
        self.board.input(Input::Unwanted { call: self.call.clone() });
        let mut board = self.board.board();
        if let Some(held) = board.calls.get_mut(&self.call) {
            (held.had_by, held.asked) = (None, None);
        }
        if let Some(desk) = desk {
            board.tell_desk(&desk, ToDesk::Ended { attempt: self.call.clone() });
        }
    }

    /// Somebody talks with the callee from here on.
    pub(crate) fn is_had_by(&self, agent: &AgentId, name: &str) {
        if let Some(held) = self.board.board().calls.get_mut(&self.call) {
            held.had_by = Some((agent.clone(), name.to_owned(), wall_now()));
        }
    }

    /// How the callee seems to feel.
    pub(crate) fn feels(&self, mood: Option<Mood>) {
        if let Some(held) = self.board.board().calls.get_mut(&self.call) {
            held.mood = mood.or(held.mood);
        }
    }

    /// Who else is there, for the desk to show.
    pub(crate) fn shows(&self, asked: Option<Asked>, called_in: Option<CalledIn>, is_held: bool) {
        let mut board = self.board.board();
        if let Some(held) = board.calls.get_mut(&self.call) {
            (held.asked, held.called_in, held.hold) = (asked, called_in, is_held.into());
        }
        if let Some(agent) = board.desk_of(&self.call) {
            self.board.0.tell_state(&mut board, &agent);
        }
    }

    /// What the desk said was not heeded.
    pub(crate) fn refuse(&self, why: &str) {
        self.tell_desk_of(&mut self.board.board(), ToDesk::Refused { why: why.to_owned() });
    }

    /// The talk and its card, for a supervisor; none where nobody talks.
    pub(crate) fn talk(&self) -> Option<(Talk, Card)> {
        let board = self.board.board();
        let held = board.calls.get(&self.call)?;
        Some((held.talk(&self.call)?, held.card.clone()))
    }

    /// How it stands for the callee, who waits.
    pub(crate) fn how_long(&self) -> Wait {
        let place = self.board.board().machine.place(&self.call);
        Wait { place: place.map(|p| p.place), expected: place.and_then(|p| p.expected) }
    }

    /// A telephone has answered.
    pub(crate) fn accept(&self, agent: AgentId) {
        self.board.input(Input::Accept { agent, call: self.call.clone() });
    }

    /// A telephone has refused.
    pub(crate) fn decline(&self, agent: AgentId) {
        self.board.input(Input::Decline { agent, call: self.call.clone() });
    }

    /// Callee and agent hear each other.
    pub(crate) fn joined(&self) {
        let mut board = self.board.board();
        if let Some(held) = board.calls.get_mut(&self.call) {
            held.is_joined = true;
        }
        self.tell_desk_of(&mut board, ToDesk::Joined { attempt: self.call.clone() });
    }

    /// Our offer, for the desk that has the call.
    pub(crate) fn offer(&self, offer: &SessionDescription) {
        let mut board = self.board.board();
        let to = board.desk_of(&self.call).and_then(|agent| board.connection_of(&agent));
        if let Some(held) = board.calls.get_mut(&self.call) {
            held.offered_to = to;
        }
        let sdp = ToDesk::Sdp { attempt: self.call.clone(), sdp: offer.to_string() };
        self.tell_desk_of(&mut board, sdp);
    }

    /// Whether a desk's connection has our offer already, and has yet to be heard.
    pub(crate) fn is_offered(&self, connection: u64) -> bool {
        let board = self.board.board();
        board.calls.get(&self.call).is_some_and(|h| !h.is_joined && h.offered_to == Some(connection))
    }

    /// Something was said.
    pub(crate) fn said(&self, line: &Said) {
        let mut board = self.board.board();
        let Some(held) = board.calls.get_mut(&self.call) else { return };
        if held.lines.len() < MOST_LINES {
            held.lines.push(line.clone());
        }
        self.tell_desk_of(&mut board, ToDesk::Line { attempt: self.call.clone(), line: line.clone() });
    }

    fn tell_desk_of(&self, board: &mut super::Board, told: ToDesk) {
        if let Some(agent) = board.desk_of(&self.call) {
            board.tell_desk(&agent, told);
        }
    }
}

impl Drop for CallSide {
    fn drop(&mut self) {
        // First the channel, by which the switchboard knows that the call is over.
        self.news.close();
        self.unwanted();
    }
}
