//! The switchboard of a process: `agents`' machine behind a lock that is never held across an await, one task for its
//! time, and channels to the calls that seek somebody and to the desks that take them.
//!
//! What a call is told comes by a channel without a limit, for it is a few words a call; a desk that does not read
//! loses its connection and comes back to a whole [`State`](waihu_agents::desk::State). Deliberately absent: who may
//! sit at a desk (`api`), and how a leg is made (the call's own task).

mod call;
mod desk;
mod measure;
mod supervise;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use tokio::sync::Notify;
use waihu_agents::{
    Agent, AgentId, Input, Level, Need, Output, Presence, Reach, Rules, Waiting,
    desk::{ToDesk, Wanted},
};
use waihu_call::AgentEvent;
use waihu_store::Store;
use waihu_terms::Terms;
use waihu_types::{Answers, AttemptId, Lang, Time, WallTime};

pub(crate) use call::{CallNews, CallSide, DeskNews};
pub use desk::{DeskLink, DeskVoice};
pub use supervise::{SupervisorLink, SupervisorVoice};

use crate::legs::wall_now;

/// The terms of so many calls are kept for what agents write down afterwards: some days' talks of a large floor.
const MOST_TERMS: usize = 10_000;

/// The agents of a process, and the calls that seek one. A handle: clones are the same switchboard.
#[derive(Clone)]
pub struct Switchboard(Arc<Inner>);

struct Inner {
    board: Mutex<Board>,
    /// The next time may have changed.
    wake: Notify,
    store: Arc<Store>,
    began: Instant,
}

struct Board {
    machine: waihu_agents::Switchboard,
    desks: HashMap<AgentId, desk::Desk>,
    calls: HashMap<AttemptId, call::Held>,
    /// Connections of desks, counted: of two of one agent the later one is the desk.
    connections: u64,
    measures: measure::Measures,
    /// Whose sound at their desk is a telephone's.
    by_telephone: HashSet<AgentId>,
    /// What may be promised in each call that sought an agent, the latest last.
    terms: VecDeque<(AttemptId, Terms)>,
}

/// How an agent stands, for pacing and for boards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentStanding {
    /// Who.
    pub agent: AgentId,
    /// The name for people.
    pub name: String,
    /// By what the agent is reached.
    pub reach: Reach,
    /// How they stand.
    pub presence: Presence,
    /// For how long they have stood so.
    pub lasting: Duration,
    /// The call they are at.
    pub call: Option<AttemptId>,
}

/// A call that waits for an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallWaiting {
    /// Which.
    pub call: AttemptId,
    /// For how long.
    pub lasting: Duration,
    /// Whether it rings at somebody's desk.
    pub rings: bool,
}

impl Switchboard {
    /// One whose telephones are the trunk's agents; its time runs in a task of its own.
    pub fn start(store: Arc<Store>, phones: &[waihu_trunk::Agent]) -> Self {
        let board = Board {
            machine: waihu_agents::Switchboard::new(Rules::default()),
            desks: HashMap::new(),
            calls: HashMap::new(),
            connections: 0,
            measures: measure::Measures::default(),
            by_telephone: HashSet::new(),
            terms: VecDeque::new(),
        };
        let inner = Inner { board: Mutex::new(board), wake: Notify::new(), store, began: Instant::now() };
        let this = Self(Arc::new(inner));
        for (place, phone) in phones.iter().enumerate() {
            this.input(Input::SignIn { agent: of_phone(place, phone) });
        }
        tokio::spawn(keep_time(Arc::downgrade(&this.0)));
        this
    }

    /// These agents, by login, speak by a telephone at their desk: they are not asked for a page's sound.
    #[must_use]
    pub fn with_telephones<'a>(self, logins: impl Iterator<Item = &'a str>) -> Self {
        self.board().by_telephone.extend(logins.map(AgentId::new));
        self
    }

    /// How each agent stands.
    pub fn standings(&self) -> Vec<AgentStanding> {
        let (board, now) = (self.board(), self.now());
        let told = |s: waihu_agents::Standing| AgentStanding {
            agent: s.agent,
            name: s.name,
            reach: s.reach,
            presence: s.presence,
            lasting: now.since(s.since),
            call: s.call,
        };
        board.machine.standings().map(told).collect()
    }

    /// The calls that wait for an agent, in the order in which they are served.
    pub fn waiting(&self) -> Vec<CallWaiting> {
        let (board, now) = (self.board(), self.now());
        let told = |w: Waiting| CallWaiting {
            call: w.call,
            lasting: now.since(w.since),
            rings: w.offered.is_some(),
        };
        board.machine.waiting().into_iter().map(told).collect()
    }

    /// Who is free at a desk and speaks the callee's language, the best for what is needed first.
    pub(crate) fn who_may_look(&self, need: &Need) -> Vec<AgentId> {
        self.board().machine.who_may_look(need)
    }

    /// An agent's name; what names them at the switchboard where they are not known any more.
    pub(crate) fn name_of(&self, agent: &AgentId) -> String {
        self.board().machine.standing(agent).map_or_else(|| agent.to_string(), |standing| standing.name)
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // What a panic left behind is a state like any other: each input leaves the machine whole.
        self.0.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Time {
        self.0.now()
    }

    /// Has the machine take something in, and tells whom it concerns.
    fn input(&self, input: Input) {
        self.0.input(&mut self.board(), input);
        self.0.wake.notify_one();
    }
}

impl Inner {
    fn now(&self) -> Time {
        Time::ZERO + self.began.elapsed()
    }

    /// A time of the machine's on the wall clock.
    fn wall(&self, at: Time) -> WallTime {
        let (now, wall) = (self.now(), wall_now());
        let ms = |d: Duration| i64::try_from(d.as_millis()).unwrap_or(i64::MAX);
        let ms = wall.unix_millis().saturating_add(ms(at.since(now))).saturating_sub(ms(now.since(at)));
        WallTime::from_unix_millis(ms)
    }

    fn input(&self, board: &mut Board, input: Input) {
        board.machine.handle_input(self.now(), input);
        while let Some(output) = board.machine.poll_output() {
            self.tell(board, output);
        }
        board.measures.look(self.now(), board.machine.standings());
        board.forget_what_is_over();
    }

    fn tell(&self, board: &mut Board, output: Output) {
        match output {
            Output::Offer { agent, call, until } => {
                let Some(standing) = board.machine.standing(&agent) else { return };
                let (name, reach) = (standing.name, standing.reach);
                if let Some(held) = board.calls.get(&call) {
                    let card = Box::new(held.card.clone());
                    let auto = board.answers_at_once(&agent);
                    let until = self.wall(until);
                    let offer = ToDesk::Offer { attempt: call.clone(), until, auto, card };
                    let offered = waihu_call::Agent { id: agent.clone(), name, reach };
                    held.tell(CallNews::Agent(AgentEvent::Offered(offered)));
                    board.tell_desk(&agent, offer);
                }
            }
            Output::Look { agent, call, until } => {
                if let Some(held) = board.calls.get(&call) {
                    let card = Box::new(held.card.clone());
                    let look = ToDesk::Look { attempt: call.clone(), until: self.wall(until), card };
                    board.tell_desk(&agent, look);
                }
            }
            Output::Looked { call, decision, .. } => board.tell_call(&call, CallNews::Looked(decision)),
            Output::Revoke { agent, call, why } => {
                measure::Measures::offer_ended(Some(why));
                let told = AgentEvent::Revoked { agent: agent.clone(), why };
                board.tell_call(&call, CallNews::Agent(told));
                if let Some(why) = desk::revocation(why) {
                    board.tell_desk(&agent, ToDesk::Revoked { attempt: call, why });
                }
            }
            Output::Taken { agent, call } => {
                measure::Measures::offer_ended(None);
                if let Some(held) = board.calls.get(&call) {
                    board.measures.waited(&held.card.skills, held.sought.elapsed());
                }
                board.tell_call(&call, CallNews::Agent(AgentEvent::Taken(agent)));
            }
            Output::TooLate { agent, call } => {
                let why = waihu_agents::desk::Revocation::TooLate;
                board.tell_desk(&agent, ToDesk::Revoked { attempt: call, why });
            }
            Output::Missing { call } => board.tell_call(&call, CallNews::Agent(AgentEvent::Missing)),
            Output::Lost { agent, call } => board.tell_call(&call, CallNews::Lost(agent)),
            Output::Changed { agent } => {
                self.tell_state(board, &agent);
            }
        }
    }
}

impl Board {
    fn tell_call(&self, call: &AttemptId, news: CallNews) {
        if let Some(held) = self.calls.get(call) {
            held.tell(news);
        }
    }

    /// Keeps what may be promised in a call.
    fn keep_terms(&mut self, call: AttemptId, terms: Terms) {
        if self.terms.len() >= MOST_TERMS {
            self.terms.pop_front();
        }
        self.terms.push_back((call, terms));
    }

    /// What may be promised in a call; none where that is not known any more.
    fn terms_of(&self, call: &AttemptId) -> Option<&Terms> {
        self.terms.iter().rev().find(|(of, _)| of == call).map(|(_, terms)| terms)
    }

    /// A call that is over stays known while its agent writes down what came of it.
    fn forget_what_is_over(&mut self) {
        let machine = &self.machine;
        self.calls.retain(|call, held| {
            !held.is_over() || machine.standings().any(|s| s.call.as_ref() == Some(call))
        });
    }
}

/// How a telephone's name begins at the switchboard: no login has this mark.
const PHONE: &str = "phone:";

/// Gives the machine its time until nobody holds the switchboard any more.
async fn keep_time(inner: Weak<Inner>) {
    /// How often it is looked whether anybody does.
    const LOOKS: Duration = Duration::from_secs(60);
    loop {
        let Some(this) = inner.upgrade().map(Switchboard) else { return };
        let due = this.board().machine.poll_timeout();
        let wait = due.map_or(LOOKS, |at| at.since(this.now()).min(LOOKS));
        if due.is_some() && wait.is_zero() {
            this.input(Input::Timeout);
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = this.0.wake.notified() => {}
        }
    }
}

/// A telephone of the trunk's file as an agent: it has its skills well, and speaks whatever is spoken.
fn of_phone(place: usize, phone: &waihu_trunk::Agent) -> Agent {
    let refers = phone.handover == waihu_trunk::Handover::Refer;
    let ours = Duration::from_secs(phone.ring_timeout_s.into());
    Agent {
        id: AgentId::new(&format!("{PHONE}{}", phone.name)),
        name: phone.name.clone(),
        skills: phone.skills.iter().map(|skill| (skill.clone(), Level::MAX)).collect(),
        langs: Vec::<Lang>::new(),
        // Whoever picks a telephone up has answered by hand.
        answers: Answers::ByHand,
        reach: Reach::Phone { place, refers },
        // What the callee's side calls rings until it tells how that ended: a REFER cannot be taken back.
        ring: Some(if refers { waihu_sip::TRANSFER_PATIENCE } else { ours }),
    }
}

/// The telephone of the trunk's file that an agent is; none who has a desk.
pub(crate) fn phone<'a>(phones: &'a [waihu_trunk::Agent], agent: &AgentId) -> Option<&'a waihu_trunk::Agent> {
    let name = agent.as_str().strip_prefix(PHONE)?;
    phones.iter().find(|phone| phone.name == name)
}

fn wanted(wish: waihu_agents::Wish) -> Wanted {
    wish.into()
}

#[cfg(test)]
mod tests;
