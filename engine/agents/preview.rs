//! Preview: an agent looks at a case before its call, and asks for the call or does not.
//!
//! Who has asked waits for that call alone, and has it as soon as it seeks anybody. Calls that seek somebody now come
//! first: a case is shown to who is free, and whoever looks may still be needed once they have decided.

use waihu_types::{AttemptId, Time};

use crate::{
    agent::{AgentId, Need, Reach},
    choose::rank,
    seat::{Doing, Link, Seat},
    switchboard::{Output, Switchboard},
};

/// How an agent decided who was shown a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is to be called.
    Asks,
    /// Somebody else may call it, later.
    Skips,
    /// Nobody looks at it, or waits for it: the desk went away, or the agent did, or had something else to do.
    Gone,
    /// Nobody decided in time.
    Slept,
}

impl Switchboard {
    /// Who is free at a desk and speaks the callee's language, the best for what is needed first: to one of them a case
    /// may be shown before its call.
    pub fn who_may_look(&self, need: &Need) -> Vec<AgentId> {
        let may = |seat: &&Seat| {
            seat.agent.reach == Reach::Desk
                && seat.takes_calls()
                && seat.doing == Doing::Nothing
                && seat.agent.speaks(need.lang)
        };
        let mut free: Vec<&Seat> = self.seats.values().filter(may).collect();
        free.sort_by_key(|seat| rank(seat, need));
        free.into_iter().map(|seat| seat.agent.id.clone()).collect()
    }

    pub(crate) fn show(&mut self, now: Time, agent: AgentId, call: AttemptId) {
        let until = now + self.rules.look;
        let free = self.seats.get(&agent).is_some_and(|seat| {
            seat.agent.reach == Reach::Desk && seat.takes_calls() && seat.doing == Doing::Nothing
        });
        let is_known = self.seats.values().any(|seat| seat.call() == Some(&call));
        if !free || is_known {
            self.outputs.push_back(Output::Looked { agent, call, decision: Decision::Gone });
            return;
        }
        self.becomes(now, &agent, Doing::Looking { call: call.clone(), until });
        self.outputs.push_back(Output::Look { agent, call, until });
    }

    /// The agent asks for the call.
    pub(crate) fn asks(&mut self, now: Time, agent: AgentId, call: AttemptId) {
        if let Some(seat) = self.seats.get_mut(&agent) {
            seat.rang_out = 0;
        }
        self.becomes(now, &agent, Doing::Awaiting { call: call.clone() });
        self.outputs.push_back(Output::Looked { agent, call, decision: Decision::Asks });
    }

    /// The agent looks no longer, and does not ask.
    pub(crate) fn end_look(&mut self, now: Time, agent: &AgentId, decision: Decision) {
        let most = self.rules.ring_outs;
        let Some(seat) = self.seats.get_mut(agent) else { return };
        let Doing::Looking { call, .. } = seat.doing.clone() else { return };
        if decision == Decision::Slept {
            seat.was_not_there(most);
        }
        self.outputs.push_back(Output::Looked { agent: agent.clone(), call, decision });
        self.becomes(now, agent, Doing::Nothing);
    }

    /// The call is over before it sought anybody, or is not to be placed: whoever looked or waited is free.
    pub(crate) fn not_shown_any_more(&mut self, now: Time, call: &AttemptId) {
        let shown = |doing: &Doing| matches!(doing, Doing::Looking { call: c, .. } | Doing::Awaiting { call: c } if c == call);
        let agents: Vec<AgentId> =
            self.seats.values().filter(|s| shown(&s.doing)).map(|s| s.agent.id.clone()).collect();
        for agent in agents {
            self.becomes(now, &agent, Doing::Nothing);
        }
    }

    /// The call seeks somebody: whoever asked for it has said yes.
    pub(crate) fn has_what_was_asked_for(&mut self, now: Time, agent: AgentId, call: AttemptId) {
        self.becomes(now, &agent, Doing::Offered { call: call.clone(), until: now });
        self.outputs.push_back(Output::Offer { agent: agent.clone(), call: call.clone(), until: now });
        self.accept(now, agent, call);
    }

    pub(crate) fn looks(&self, agent: &AgentId, call: &AttemptId) -> bool {
        self.seat_does(agent, |doing| matches!(doing, Doing::Looking { call: shown, .. } if shown == call))
    }

    /// Who is there, and has asked for a call that has not sought anybody yet.
    pub(crate) fn who_awaits(&self, call: &AttemptId) -> Option<AgentId> {
        let awaits = |seat: &&Seat| {
            seat.link == Link::Up && matches!(&seat.doing, Doing::Awaiting { call: of } if of == call)
        };
        self.seats.values().find(awaits).map(|seat| seat.agent.id.clone())
    }
}
