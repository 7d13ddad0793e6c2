//! The switchboard as a call meets it.

use tokio::sync::mpsc;
use waihu_agents::{
    AgentId, Decision, Input, Need,
    desk::{Card, Said, ToDesk},
};
use waihu_call::AgentEvent;
use waihu_sip::SessionDescription;
use waihu_types::AttemptId;

use super::Switchboard;

/// The most lines of a call that a desk is shown again after it was loaded anew: an hour's talk.
const MOST_LINES: usize = 1_000;

/// What a call is told.
pub(crate) enum CallNews {
    /// In the call machine's words.
    Agent(AgentEvent),
    /// A desk's answer to our offer.
    Answer(Box<SessionDescription>),
    /// A desk wants another offer, over this connection.
    Renew(u64),
    /// The callee is to wait, or no longer.
    Hold(Turned),
    /// How an agent decided who was shown the case before its call.
    Looked(Decision),
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
    /// The desk's connection that has our offer.
    offered_to: Option<u64>,
    tell: mpsc::UnboundedSender<CallNews>,
}

impl Held {
    pub(super) fn tell(&self, news: CallNews) {
        // The call may be over: then nobody need know.
        let _ = self.tell.send(news);
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
            offered_to: None,
            tell: self.tell.clone(),
        };
        self.board.board().calls.insert(self.call.clone(), held);
    }

    /// Nobody is needed any more.
    pub(crate) fn unwanted(&self) {
        let agent = {
            let mut board = self.board.board();
            let joined = board.calls.get_mut(&self.call).is_some_and(|h| std::mem::take(&mut h.is_joined));
            board.desk_of(&self.call).filter(|_| joined)
        };
        self.board.input(Input::Unwanted { call: self.call.clone() });
        if let Some(agent) = agent {
            self.board.board().tell_desk(&agent, ToDesk::Ended { attempt: self.call.clone() });
        }
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
