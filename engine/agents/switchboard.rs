//! The machine: presences and calls in, offers out.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use waihu_types::{Answers, AttemptId, Time};

use crate::{
    agent::{Agent, AgentId, Need, Reach, Urgency},
    average::Average,
    choose::rank,
    preview::Decision,
    seat::{AwayNote, Doing, Link, Presence, Seat, Wish},
};

/// How long things last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// A desk rings for so long: four rings of a telephone; who is there has answered by then.
    pub ring: Duration,
    /// A case may be looked at for so long before its call: a page is read in less.
    pub look: Duration,
    /// A desk that answers by itself rings for so long: a page that has not answered by then does not work.
    pub ring_at_once: Duration,
    /// After a call an agent has so long to write down what came of it, and as much again each time they ask.
    pub wrap_up: Duration,
    /// The longest wrap-up: then the next call is more pressing.
    pub most_wrap_up: Duration,
    /// A desk that went away keeps its call for so long: a page loads anew, a network comes back.
    pub grace: Duration,
    /// After so many offers that rang out, nobody is there.
    pub ring_outs: u32,
}

impl Default for Rules {
    fn default() -> Self {
        let s = Duration::from_secs;
        Self {
            ring: s(20),
            ring_at_once: s(5),
            look: s(120),
            wrap_up: s(60),
            most_wrap_up: s(300),
            grace: s(30),
            ring_outs: 2,
        }
    }
}

/// How an offer ended that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferEnd {
    /// The agent said no, or the telephone did.
    Declined,
    /// Nobody answered.
    RangOut,
    /// The desk went away.
    DeskGone,
    /// The call needs nobody any more.
    Unwanted,
}

/// Everything that can happen to a switchboard.
#[derive(Clone, Debug)]
pub enum Input {
    /// A desk connects, or connects again; or a telephone is known; or an agent is another than was known: can or speaks
    /// other things, say. What the agent was doing goes on.
    SignIn {
        /// Whose it is.
        agent: Agent,
    },
    /// A desk's connection is gone.
    DeskGone {
        /// Whose it was.
        agent: AgentId,
    },
    /// Somebody has ended the session behind a desk: nobody knows who is there, and a call that it has is lost at once.
    SignedOut {
        /// Whose it was.
        agent: AgentId,
    },
    /// An agent says what they are to be given.
    Wants {
        /// Who.
        agent: AgentId,
        /// What.
        wish: Wish,
    },
    /// A call seeks somebody. One that seeks already is not heard twice.
    Seek {
        /// Which.
        call: AttemptId,
        /// What it needs.
        need: Need,
    },
    /// The call needs nobody any more: it waited long enough, its talk is over, or it has ended. It may seek anew.
    Unwanted {
        /// Which.
        call: AttemptId,
    },
    /// A case is shown to an agent who is free: they look at it, and ask for its call or do not.
    Show {
        /// To whom.
        agent: AgentId,
        /// The call that would be placed.
        call: AttemptId,
    },
    /// An agent answers an offer, or asks for the call of the case that they look at.
    Accept {
        /// Who.
        agent: AgentId,
        /// Which call.
        call: AttemptId,
    },
    /// An agent declines an offer, or the telephone does; or does not want the case that they look at.
    Decline {
        /// Who.
        agent: AgentId,
        /// Which call.
        call: AttemptId,
    },
    /// Who was asked about a call takes it: they have been talking as if it were a call of its own.
    HandOver {
        /// What they were asked by.
        consult: AttemptId,
        /// The call.
        call: AttemptId,
    },
    /// What there was to write down is written down.
    WrapUpDone {
        /// By whom.
        agent: AgentId,
    },
    /// The wrap-up takes longer.
    WrapUpLonger {
        /// Whose.
        agent: AgentId,
    },
    /// The time of `poll_timeout` has come.
    Timeout,
}

/// What a switchboard tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Desk and call: it rings.
    Offer {
        /// At whose desk.
        agent: AgentId,
        /// Which call.
        call: AttemptId,
        /// It rings until then.
        until: Time,
    },
    /// Desk: a case is to be looked at.
    Look {
        /// By whom.
        agent: AgentId,
        /// The call that would be placed.
        call: AttemptId,
        /// Until then.
        until: Time,
    },
    /// Whoever showed a case: how the agent decided. An agent who asks for a call has it as soon as it seeks anybody.
    Looked {
        /// Who.
        agent: AgentId,
        /// The call.
        call: AttemptId,
        /// How.
        decision: Decision,
    },
    /// Desk and call: it rings no longer, and the offer was not taken.
    Revoke {
        /// At whose desk.
        agent: AgentId,
        /// Which call.
        call: AttemptId,
        /// Why.
        why: OfferEnd,
    },
    /// Desk and call: the offer is taken, and both are to be joined.
    Taken {
        /// By whom.
        agent: AgentId,
        /// Which call.
        call: AttemptId,
    },
    /// Desk: there is no such offer any more.
    TooLate {
        /// Whose answer it was.
        agent: AgentId,
        /// To which call.
        call: AttemptId,
    },
    /// Call: nobody who is there can take it. It seeks no longer.
    Missing {
        /// Which.
        call: AttemptId,
    },
    /// Call: the agent who has it went away, and did not come back.
    Lost {
        /// Who.
        agent: AgentId,
        /// Which call.
        call: AttemptId,
    },
    /// Desk: how the agent stands has changed.
    Changed {
        /// Whose.
        agent: AgentId,
    },
}

/// How an agent stands, for boards and for pacing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Who.
    pub agent: AgentId,
    /// The name for people.
    pub name: String,
    /// By what the agent is reached.
    pub reach: Reach,
    /// How.
    pub presence: Presence,
    /// What they are to be given once they are free.
    pub wish: Wish,
    /// Why they are away who did not ask for it.
    pub note: Option<AwayNote>,
    /// Since when they stand so.
    pub since: Time,
    /// Until when it lasts at most, where that is known.
    pub until: Option<Time>,
    /// The call they are at.
    pub call: Option<AttemptId>,
}

/// A call that seeks somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Which.
    pub call: AttemptId,
    /// Since when.
    pub since: Time,
    /// How much it presses.
    pub urgency: Urgency,
    /// At whose desk it rings now.
    pub offered: Option<AgentId>,
}

/// How it stands for a call that seeks somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its place among those at whose turn it rings nowhere yet, from 1.
    pub place: u32,
    /// How long it takes until it is its turn, as it seems; none where too little is known.
    pub expected: Option<Duration>,
}

#[derive(Debug)]
struct Seeking {
    need: Need,
    since: Time,
    /// Its place among those that came.
    place: u64,
    /// Who was asked, and did not take it.
    asked: BTreeSet<AgentId>,
    offered: Option<AgentId>,
}

/// All agents of a process, and the calls that seek one.
#[derive(Debug)]
pub struct Switchboard {
    pub(crate) rules: Rules,
    pub(crate) seats: BTreeMap<AgentId, Seat>,
    seeking: BTreeMap<AttemptId, Seeking>,
    came: u64,
    /// How long an agent has a call, with its wrap-up.
    handling: Average,
    pub(crate) outputs: VecDeque<Output>,
}

impl Switchboard {
    /// One without agents.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            seats: BTreeMap::new(),
            seeking: BTreeMap::new(),
            came: 0,
            handling: Average::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes what happened at `now`.
    pub fn handle_input(&mut self, now: Time, input: Input) {
        match input {
            Input::SignIn { agent } => self.sign_in(now, agent),
            Input::DeskGone { agent } => self.desk_gone(now, &agent),
            Input::SignedOut { agent } => {
                self.desk_gone(now, &agent);
                self.comes_no_more(agent);
            }
            Input::Wants { agent, wish } => self.wants(now, &agent, wish),
            Input::Seek { call, need } => self.seek(now, call, need),
            Input::Unwanted { call } => self.unwanted(now, &call),
            Input::Show { agent, call } => self.show(now, agent, call),
            Input::Accept { agent, call } => self.accept(now, agent, call),
            Input::Decline { agent, call } => {
                if self.rings(&agent, &call) {
                    self.end_offer(now, &agent, OfferEnd::Declined);
                } else if self.looks(&agent, &call) {
                    self.end_look(now, &agent, Decision::Skips);
                }
            }
            Input::HandOver { consult, call } => self.hand_over(now, &consult, call),
            Input::WrapUpDone { agent } => {
                if self.seat_does(&agent, |doing| matches!(doing, Doing::WrappingUp { .. })) {
                    self.becomes(now, &agent, Doing::Nothing);
                }
            }
            Input::WrapUpLonger { agent } => self.wrap_up_longer(now, &agent),
            Input::Timeout => self.timeout(now),
        }
        self.bring_together(now);
    }

    /// The next thing to tell.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When `Input::Timeout` is due.
    pub fn poll_timeout(&self) -> Option<Time> {
        let ends = self.seats.values().filter_map(Seat::until);
        let grace = self.rules.grace;
        let graces = self.seats.values().filter_map(|seat| match seat.link {
            Link::Down(at) => Some(at + grace),
            Link::Up => None,
        });
        ends.chain(graces).min()
    }

    /// How each agent stands, in the order of their names.
    pub fn standings(&self) -> impl Iterator<Item = Standing> + '_ {
        self.seats.values().map(standing)
    }

    /// What an agent can do, and how well; nothing of one who is not known here.
    pub fn skills(&self, agent: &AgentId) -> impl Iterator<Item = (&str, u8)> {
        let skills = self.seats.get(agent).into_iter().flat_map(|seat| &seat.agent.skills);
        skills.map(|(skill, level)| (skill.as_str(), level.number()))
    }

    /// How one agent stands; none who is not known here.
    pub fn standing(&self, agent: &AgentId) -> Option<Standing> {
        self.seats.get(agent).map(standing)
    }

    /// The calls that seek somebody, in the order in which they are served.
    pub fn waiting(&self) -> Vec<Waiting> {
        let told = |call: AttemptId| {
            let seeking = self.seeking.get(&call)?;
            let (since, urgency) = (seeking.since, seeking.need.urgency);
            Some(Waiting { call, since, urgency, offered: seeking.offered.clone() })
        };
        self.in_turn().into_iter().filter_map(told).collect()
    }

    /// How it stands for a call that waits; none for one that rings somewhere, or seeks nobody.
    pub fn place(&self, call: &AttemptId) -> Option<Place> {
        let need = &self.seeking.get(call).filter(|s| s.offered.is_none())?.need;
        let waits = |call: &AttemptId| self.seeking.get(call).is_some_and(|s| s.offered.is_none());
        let ahead = self.in_turn().into_iter().filter(waits).take_while(|other| other != call).count();
        let place = u32::try_from(ahead).unwrap_or(u32::MAX).saturating_add(1);
        let at_work = |seat: &&Seat| seat.takes_calls() && seat.agent.speaks(need.lang);
        let agents = u32::try_from(self.seats.values().filter(at_work).count()).unwrap_or(u32::MAX);
        let expected = self.handling.mean().filter(|_| agents > 0);
        Some(Place { place, expected: expected.map(|mean| mean.saturating_mul(place) / agents) })
    }

    // Desks.

    fn sign_in(&mut self, now: Time, agent: Agent) {
        let id = agent.id.clone();
        match self.seats.get_mut(&id) {
            Some(seat) => {
                seat.agent = agent;
                if seat.link != Link::Up {
                    seat.link = Link::Up;
                    // Somebody who only now is there has not kept anybody waiting until now.
                    if seat.doing == Doing::Nothing {
                        (seat.since, seat.idle_since) = (now, now);
                    }
                }
            }
            None => drop(self.seats.insert(id.clone(), Seat::new(now, agent))),
        }
        self.changed(id);
    }

    fn desk_gone(&mut self, now: Time, agent: &AgentId) {
        let Some(seat) = self.seats.get_mut(agent) else { return };
        if seat.link != Link::Up || seat.agent.reach != Reach::Desk {
            return;
        }
        seat.link = Link::Down(now);
        match seat.doing {
            Doing::Offered { .. } => self.end_offer(now, agent, OfferEnd::DeskGone),
            Doing::Looking { .. } => self.end_look(now, agent, Decision::Gone),
            _ => {}
        }
    }

    fn wants(&mut self, now: Time, agent: &AgentId, wish: Wish) {
        let Some(seat) = self.seats.get_mut(agent) else { return };
        if seat.agent.reach != Reach::Desk {
            return;
        }
        if seat.wish != wish && seat.doing == Doing::Nothing {
            (seat.since, seat.idle_since) = (now, now);
        }
        (seat.wish, seat.note, seat.rang_out) = (wish, None, 0);
        match seat.doing {
            // Who goes while it rings has said no.
            Doing::Offered { .. } if wish != Wish::Available => {
                self.end_offer(now, agent, OfferEnd::Declined);
            }
            Doing::Looking { .. } if wish != Wish::Available => self.end_look(now, agent, Decision::Gone),
            _ => self.changed(agent.clone()),
        }
    }

    fn wrap_up_longer(&mut self, now: Time, agent: &AgentId) {
        let rules = self.rules;
        let Some(seat) = self.seats.get_mut(agent) else { return };
        if let Doing::WrappingUp { until, .. } = &mut seat.doing {
            *until = (now + rules.wrap_up).min(seat.since + rules.most_wrap_up).max(*until);
            self.changed(agent.clone());
        }
    }

    // Calls.

    fn seek(&mut self, now: Time, call: AttemptId, need: Need) {
        let talks = self.seats.values().any(|s| s.doing == Doing::Talking { call: call.clone() });
        if talks || self.seeking.contains_key(&call) {
            return;
        }
        self.came += 1;
        let asked: BTreeSet<AgentId> = need.without.iter().cloned().collect();
        let awaits = self.who_awaits(&call).filter(|agent| !asked.contains(agent));
        let seeking = Seeking { need, since: now, place: self.came, asked, offered: awaits.clone() };
        self.seeking.insert(call.clone(), seeking);
        if let Some(agent) = awaits {
            self.has_what_was_asked_for(now, agent, call);
        }
    }

    fn unwanted(&mut self, now: Time, call: &AttemptId) {
        if let Some(seeking) = self.seeking.remove(call)
            && let Some(agent) = seeking.offered
        {
            self.end_offer(now, &agent, OfferEnd::Unwanted);
        }
        if let Some(agent) = self.who_talks(call) {
            let wraps_up = self.seats.get(&agent).is_some_and(|s| s.agent.reach == Reach::Desk);
            let until = now + self.rules.wrap_up;
            let doing = Doing::WrappingUp { call: call.clone(), until };
            self.becomes(now, &agent, if wraps_up { doing } else { Doing::Nothing });
        }
        self.not_shown_any_more(now, call);
    }

    pub(crate) fn accept(&mut self, now: Time, agent: AgentId, call: AttemptId) {
        if self.looks(&agent, &call) {
            self.asks(now, agent, call);
            return;
        }
        if !self.rings(&agent, &call) {
            self.outputs.push_back(Output::TooLate { agent, call });
            return;
        }
        self.seeking.remove(&call);
        if let Some(seat) = self.seats.get_mut(&agent) {
            (seat.rang_out, seat.busy_since) = (0, now);
        }
        self.becomes(now, &agent, Doing::Talking { call: call.clone() });
        self.outputs.push_back(Output::Taken { agent, call });
    }

    fn hand_over(&mut self, now: Time, consult: &AttemptId, call: AttemptId) {
        let Some(second) = self.who_talks(consult) else { return };
        self.unwanted(now, &call);
        if let Some(seat) = self.seats.get_mut(&second) {
            seat.doing = Doing::Talking { call };
            self.changed(second);
        }
    }

    // Time.

    fn timeout(&mut self, now: Time) {
        let due = |seat: &&Seat| seat.until().is_some_and(|until| until <= now);
        let ended: Vec<AgentId> = self.seats.values().filter(due).map(|s| s.agent.id.clone()).collect();
        for agent in ended {
            match self.seats.get(&agent).map(|s| &s.doing) {
                Some(Doing::Offered { .. }) => self.end_offer(now, &agent, OfferEnd::RangOut),
                Some(Doing::Looking { .. }) => self.end_look(now, &agent, Decision::Slept),
                Some(Doing::WrappingUp { .. }) => self.becomes(now, &agent, Doing::Nothing),
                _ => {}
            }
        }
        let grace = self.rules.grace;
        let gone = |seat: &&Seat| matches!(seat.link, Link::Down(at) if at + grace <= now);
        let gone: Vec<AgentId> = self.seats.values().filter(gone).map(|s| s.agent.id.clone()).collect();
        gone.into_iter().for_each(|agent| self.comes_no_more(agent));
    }

    /// Whoever had the desk is not waited for any longer.
    fn comes_no_more(&mut self, agent: AgentId) {
        if !self.seats.get(&agent).is_some_and(|seat| matches!(seat.link, Link::Down(_))) {
            return;
        }
        match self.seats.remove(&agent).map(|seat| seat.doing) {
            Some(Doing::Talking { call }) => self.outputs.push_back(Output::Lost { agent, call }),
            Some(Doing::Awaiting { call }) => {
                self.outputs.push_back(Output::Looked { agent, call, decision: Decision::Gone });
            }
            _ => {}
        }
    }

    // Whose turn it is.

    /// The calls that seek, the most urgent first, and of those the one that came first.
    fn in_turn(&self) -> Vec<AttemptId> {
        let mut order: Vec<_> =
            self.seeking.iter().map(|(call, s)| (s.need.urgency, s.place, call)).collect();
        order.sort_unstable();
        order.into_iter().map(|(_, _, call)| call.clone()).collect()
    }

    /// Offers each call that waits to the best who is free; a call for which nobody is left hears so.
    fn bring_together(&mut self, now: Time) {
        for call in self.in_turn() {
            let Some(seeking) = self.seeking.get_mut(&call).filter(|s| s.offered.is_none()) else { continue };
            let able = |seat: &&Seat| {
                seat.takes_calls()
                    && seat.agent.speaks(seeking.need.lang)
                    && seeking.need.only.as_ref().is_none_or(|only| *only == seat.agent.id)
                    && !seeking.asked.contains(&seat.agent.id)
            };
            let free = self.seats.values().filter(able).filter(|s| s.doing == Doing::Nothing);
            let best = free.min_by_key(|seat| rank(seat, &seeking.need)).map(|s| s.agent.id.clone());
            match best {
                Some(agent) => {
                    seeking.offered = Some(agent.clone());
                    self.offer(now, agent, call);
                }
                None if !self.seats.values().any(|seat| able(&seat)) => {
                    self.seeking.remove(&call);
                    self.outputs.push_back(Output::Missing { call });
                }
                None => {}
            }
        }
    }

    fn offer(&mut self, now: Time, agent: AgentId, call: AttemptId) {
        let usual = |seat: &Seat| match seat.agent.answers {
            Answers::ByHand => self.rules.ring,
            Answers::AtOnce => self.rules.ring_at_once,
        };
        let ring = self.seats.get(&agent).map(|seat| seat.agent.ring.unwrap_or(usual(seat)));
        let until = now + ring.unwrap_or(self.rules.ring);
        self.becomes(now, &agent, Doing::Offered { call: call.clone(), until });
        self.outputs.push_back(Output::Offer { agent, call, until });
    }

    /// Ends what rings at a desk, untaken.
    fn end_offer(&mut self, now: Time, agent: &AgentId, why: OfferEnd) {
        let most = self.rules.ring_outs;
        let Some(seat) = self.seats.get_mut(agent) else { return };
        let Doing::Offered { call, .. } = seat.doing.clone() else { return };
        if why == OfferEnd::RangOut {
            seat.was_not_there(most);
        }
        if let Some(seeking) = self.seeking.get_mut(&call) {
            seeking.offered = None;
            seeking.asked.insert(agent.clone());
        }
        self.outputs.push_back(Output::Revoke { agent: agent.clone(), call, why });
        self.becomes(now, agent, Doing::Nothing);
    }

    /// An agent does something else from here on.
    pub(crate) fn becomes(&mut self, now: Time, agent: &AgentId, doing: Doing) {
        let Some(seat) = self.seats.get_mut(agent) else { return };
        if matches!(seat.doing, Doing::Talking { .. }) {
            seat.talked = seat.talked.saturating_add(now.since(seat.since));
        }
        // An offer that was not taken takes nobody's place among those who wait.
        let waited = matches!(seat.doing, Doing::Nothing | Doing::Offered { .. } | Doing::Looking { .. });
        if doing == Doing::Nothing && !waited {
            if !matches!(seat.doing, Doing::Awaiting { .. }) {
                self.handling.add(now.since(seat.busy_since));
            }
            seat.idle_since = now;
        }
        (seat.doing, seat.since) = (doing, now);
        self.changed(agent.clone());
    }

    fn changed(&mut self, agent: AgentId) {
        self.outputs.push_back(Output::Changed { agent });
    }

    fn rings(&self, agent: &AgentId, call: &AttemptId) -> bool {
        self.seat_does(
            agent,
            |doing| matches!(doing, Doing::Offered { call: offered, .. } if offered == call),
        )
    }

    pub(crate) fn seat_does(&self, agent: &AgentId, what: impl Fn(&Doing) -> bool) -> bool {
        self.seats.get(agent).is_some_and(|seat| what(&seat.doing))
    }

    fn who_talks(&self, call: &AttemptId) -> Option<AgentId> {
        let talks = |seat: &&Seat| matches!(&seat.doing, Doing::Talking { call: with } if with == call);
        self.seats.values().find(talks).map(|seat| seat.agent.id.clone())
    }
}

fn standing(seat: &Seat) -> Standing {
    Standing {
        agent: seat.agent.id.clone(),
        name: seat.agent.name.clone(),
        reach: seat.agent.reach,
        presence: seat.presence(),
        wish: seat.wish,
        note: seat.note,
        since: seat.since,
        until: seat.until(),
        call: seat.call().cloned(),
    }
}
