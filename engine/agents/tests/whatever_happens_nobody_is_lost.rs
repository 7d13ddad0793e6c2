//! Thousands of random steps: nobody has two calls, no call two agents, each call hears how it goes, each offer ends.
#![allow(clippy::unwrap_used)]

mod board;

use std::collections::{BTreeMap, BTreeSet};

use board::{Board, agent, call, need, phone};
use waihu_agents::{Agent, AgentId, Decision, Input, Need, Output, Presence, Urgency, Wish};
use waihu_types::{AttemptId, SplitMix64};

/// What a call knows of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Seeks,
    Rings,
    Talks,
    Over,
}

#[derive(Default)]
struct Seen {
    calls: BTreeMap<AttemptId, State>,
    offers: BTreeMap<AttemptId, AgentId>,
    talks: BTreeMap<AttemptId, AgentId>,
    /// Cases that are looked at, or whose call is waited for.
    shown: BTreeMap<AttemptId, (AgentId, bool)>,
}

impl Seen {
    /// Takes what was told in, and holds it against what was told before.
    fn take(&mut self, output: &Output) {
        match output.clone() {
            Output::Offer { agent, call, .. } => {
                assert_eq!(self.calls.insert(call.clone(), State::Rings), Some(State::Seeks), "{call}");
                if let Some((awaits, asked)) = self.shown.get(&call).cloned() {
                    assert!(asked, "{call} was not asked for");
                    if awaits == agent {
                        self.shown.remove(&call);
                    }
                }
                assert!(!self.offers.values().chain(self.talks.values()).any(|a| *a == agent), "{agent}");
                assert_eq!(self.offers.insert(call, agent), None);
            }
            Output::Revoke { agent, call, .. } => {
                assert_eq!(self.offers.remove(&call), Some(agent), "each offer ends once");
                if self.calls[&call] == State::Rings {
                    self.calls.insert(call, State::Seeks);
                }
            }
            Output::Taken { agent, call } => {
                assert_eq!(self.offers.remove(&call), Some(agent.clone()), "what is taken rang");
                assert_eq!(self.calls.insert(call.clone(), State::Talks), Some(State::Rings));
                assert_eq!(self.talks.insert(call, agent), None);
            }
            Output::Missing { call } => {
                assert_eq!(self.calls.insert(call, State::Over), Some(State::Seeks));
            }
            Output::Lost { agent, call } => {
                assert_eq!(self.talks.remove(&call), Some(agent));
                self.calls.insert(call, State::Over);
            }
            Output::Look { agent, call, .. } => {
                assert_eq!(self.shown.insert(call, (agent, false)), None);
            }
            Output::Looked { agent, call, decision: Decision::Asks } => {
                assert_eq!(self.shown.insert(call, (agent.clone(), true)), Some((agent, false)));
            }
            Output::Looked { call, .. } => drop(self.shown.remove(&call)),
            Output::TooLate { .. } | Output::Changed { .. } => {}
        }
    }
}

struct Driver {
    row: SplitMix64,
    board: Board,
    seen: Seen,
    agents: Vec<Agent>,
    read: usize,
    next: u32,
    quiet: bool,
}

impl Driver {
    fn below(&mut self, n: usize) -> usize {
        (self.row.next_u64() % n as u64) as usize
    }

    fn some_call(&mut self, state: State) -> Option<AttemptId> {
        let all: Vec<_> =
            self.seen.calls.iter().filter(|(_, s)| **s == state).map(|(c, _)| c.clone()).collect();
        if all.is_empty() {
            return None;
        }
        let which = self.below(all.len());
        all.into_iter().nth(which)
    }

    fn step(&mut self) {
        let which = self.below(self.agents.len());
        let agent = self.agents[which].clone();
        let id = agent.id.clone();
        // Every other day few calls seek anybody, and there is time to look at cases.
        let what = self.below(18);
        match if self.quiet && what < 2 && self.below(4) > 0 { 13 } else { what } {
            0 | 1 => {
                let urgency = [Urgency::Distress, Urgency::Complaint, Urgency::Usual][self.below(3)];
                let skills = [&[][..], &["x"], &["x", "y"]][self.below(3)];
                self.next += 1;
                let new = call(&format!("c{}", self.next));
                self.seen.calls.insert(new.clone(), State::Seeks);
                self.board.input(Input::Seek { call: new, need: Need { urgency, ..need(skills) } });
            }
            2 | 3 => {
                let offered = self.seen.offers.iter().next().map(|(c, a)| (c.clone(), a.clone()));
                if let Some((call, agent)) = offered {
                    self.board.input(Input::Accept { agent, call });
                }
            }
            4 => {
                // Whoever it is, and whatever it is.
                if let Some(call) = self.some_call(State::Rings) {
                    self.board.input(Input::Accept { agent: id, call });
                }
            }
            5 => {
                if let Some(call) = self.some_call(State::Rings) {
                    self.board.input(Input::Decline { agent: id, call });
                }
            }
            6 | 7 => {
                let state = [State::Seeks, State::Rings, State::Talks][self.below(3)];
                if let Some(call) = self.some_call(state) {
                    self.seen.calls.insert(call.clone(), State::Over);
                    self.seen.talks.remove(&call);
                    self.seen.shown.remove(&call);
                    self.board.input(Input::Unwanted { call });
                }
            }
            8 => self.board.input(Input::SignIn { agent }),
            9 if self.below(4) == 0 => self.board.input(Input::SignedOut { agent: id }),
            9 => self.board.input(Input::DeskGone { agent: id }),
            10 => {
                let wish = [Wish::Available, Wish::Available, Wish::OnBreak, Wish::Away][self.below(4)];
                self.board.input(Input::Wants { agent: id, wish });
            }
            11 => self.board.input(Input::WrapUpDone { agent: id }),
            12 => self.board.input(Input::WrapUpLonger { agent: id }),
            13 => {
                self.next += 1;
                // Whoever it is, but more often somebody who is free.
                let free = self.board.machine.standings().find(|s| s.presence == Presence::Available);
                let id = free.map_or(id, |s| s.agent);
                self.board.input(Input::Show { agent: id, call: call(&format!("c{}", self.next)) });
            }
            14..=16 => self.of_shown(),
            _ => {
                let seconds = self.below(25) as u64;
                self.board.wait(seconds);
            }
        }
    }

    /// A case that is looked at is asked for or skipped, taken back, or its call seeks somebody.
    fn of_shown(&mut self) {
        let shown: Vec<_> =
            self.seen.shown.iter().map(|(c, (a, asked))| (c.clone(), a.clone(), *asked)).collect();
        if shown.is_empty() {
            return;
        }
        let which = self.below(shown.len());
        let (call, agent, asked) = shown[which].clone();
        match (self.below(4), asked) {
            (0, _) => {
                self.seen.shown.remove(&call);
                self.seen.talks.remove(&call);
                self.seen.calls.entry(call.clone()).and_modify(|state| *state = State::Over);
                self.board.input(Input::Unwanted { call });
            }
            (1, false) => self.board.input(Input::Decline { agent, call }),
            (_, false) => self.board.input(Input::Accept { agent, call }),
            (_, true) if !self.seen.calls.contains_key(&call) => {
                self.seen.calls.insert(call.clone(), State::Seeks);
                self.board.input(Input::Seek { call, need: need(&[]) });
            }
            _ => {}
        }
    }

    fn hold(&mut self) {
        for output in &self.board.told[self.read..] {
            self.seen.take(output);
        }
        self.read = self.board.told.len();
        let machine = &self.board.machine;
        let mut with = BTreeSet::new();
        for s in machine.standings() {
            let looks = matches!(s.presence, Presence::Looking | Presence::Awaiting);
            let shown = self.seen.shown.values().filter(|(agent, _)| *agent == s.agent);
            assert_eq!(shown.count(), usize::from(looks), "{} is {:?}", s.agent, s.presence);
            let busy = matches!(s.presence, Presence::Offered | Presence::Talking);
            let held = self.seen.offers.values().chain(self.seen.talks.values()).filter(|a| **a == s.agent);
            assert_eq!(held.count(), usize::from(busy), "{} is {:?}", s.agent, s.presence);
            if let Some(call) = s.call.filter(|_| busy) {
                assert!(with.insert(call), "no call is with two");
            }
        }
        let seek: BTreeSet<_> = machine.waiting().into_iter().map(|w| w.call).collect();
        for (call, state) in &self.seen.calls {
            let seeks = matches!(state, State::Seeks | State::Rings);
            assert_eq!(seek.contains(call), seeks, "{call} is {state:?}");
            if *state == State::Seeks {
                // It waits for somebody, and nobody who might take it is idle.
                let others =
                    machine.standings().filter(|s| s.wish == Wish::Available && s.presence != Presence::Away);
                assert!(others.count() > 0, "{call} waits for nobody");
            }
        }
    }
}

#[test]
fn nobody_is_bridged_twice_no_call_is_lost_and_no_offer_is_without_an_end() {
    let mut all_asked = 0;
    for seed in 0..40 {
        let mut agents = vec![phone("p", 0)];
        agents.extend([("a", 1), ("b", 3), ("c", 5)].map(|(n, l)| agent(n, &[("x", l)])));
        agents.push(agent("d", &[]));
        let mut driver = Driver {
            row: SplitMix64::new(seed),
            board: Board::new(),
            seen: Seen::default(),
            agents,
            read: 0,
            next: 0,
            quiet: seed % 2 == 1,
        };
        for _ in 0..1_000 {
            driver.step();
            driver.hold();
        }
        let taken = driver.board.told.iter().filter(|o| matches!(o, Output::Taken { .. })).count();
        assert!(taken > if driver.quiet { 5 } else { 20 }, "seed {seed}: {taken} were taken");
        // All hang up: nothing rings, nobody waits.
        let shown = driver.seen.shown.clone().into_keys();
        for call in driver.seen.calls.clone().into_keys().chain(shown) {
            driver.board.input(Input::Unwanted { call });
        }
        driver.board.wait(400);
        assert!(driver.board.machine.waiting().is_empty());
        let asked = |o: &&Output| matches!(o, Output::Looked { decision: Decision::Asks, .. });
        all_asked += driver.board.told.iter().filter(asked).count();
        let busy = |p| !matches!(p, Presence::Available | Presence::Away | Presence::OnBreak);
        assert!(!driver.board.machine.standings().any(|s| busy(s.presence)));
    }
    assert!(all_asked > 100, "{all_asked} were asked for");
}
