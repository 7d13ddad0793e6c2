//! The switchboard as a supervisor meets it: talks that go on, and a seat in one of them.

use tokio::sync::mpsc;
use waihu_agents::supervise::{FromSupervisor, Talk, ToSupervisor};
use waihu_types::AttemptId;

use super::{CallNews, Switchboard};
use crate::agent_side::Page;

/// Messages that wait for a supervisor's page: who has not read so many reads nothing any more.
const UNREAD: usize = 256;

/// The most supervisors in one talk: each is one more voice to mix.
const MOST: usize = 4;

/// A supervisor's seat in a talk: what it hears of it, and what it says.
pub struct SupervisorLink {
    /// What the page is told; it ends with the talk.
    pub hear: mpsc::Receiver<ToSupervisor>,
    /// What the page says.
    pub say: SupervisorVoice,
}

/// What a supervisor says. When it is dropped, they sit in no longer.
pub struct SupervisorVoice {
    board: Switchboard,
    call: AttemptId,
    id: u64,
}

impl Switchboard {
    /// The talks that go on.
    pub fn talks(&self) -> Vec<Talk> {
        let board = self.board();
        let mut talks: Vec<Talk> = board
            .calls
            .iter()
            .filter(|(_, held)| !held.is_over())
            .filter_map(|(call, held)| held.talk(call))
            .collect();
        talks.sort_by_key(|talk| talk.since.unix_millis());
        talks
    }

    /// A supervisor sits in on a talk, unheard, or comes back to it; none where there is no such talk here, or too many
    /// sit in on it.
    pub fn attend(&self, login: &str, name: &str, call: &AttemptId) -> Option<SupervisorLink> {
        let (tell, hear) = mpsc::channel(UNREAD);
        let mut board = self.board();
        board.connections += 1;
        let id = board.connections;
        let held = board.calls.get_mut(call)?;
        if held.had_by.is_none() || held.is_over() || held.supervisors >= MOST {
            return None;
        }
        held.supervisors += 1;
        held.tell(CallNews::Attend(Page { id, login: login.to_owned(), name: name.to_owned(), tell }));
        Some(SupervisorLink { hear, say: SupervisorVoice { board: self.clone(), call: call.clone(), id } })
    }
}

impl SupervisorVoice {
    /// Does what the page says.
    pub fn say(&self, said: FromSupervisor) {
        self.board.board().tell_call(&self.call, CallNews::Supervisor(self.id, said));
    }

    /// The session behind the page was ended by somebody.
    pub fn sign_out(&self) {
        self.board.board().tell_call(&self.call, CallNews::SignedOut(self.id));
    }
}

impl Drop for SupervisorVoice {
    fn drop(&mut self) {
        let mut board = self.board.board();
        if let Some(held) = board.calls.get_mut(&self.call) {
            held.supervisors = held.supervisors.saturating_sub(1);
        }
        board.tell_call(&self.call, CallNews::Unattended(self.id));
    }
}
