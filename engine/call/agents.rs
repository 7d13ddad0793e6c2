//! The agents' side of a call: who is asked, in which order, and how it went.

use std::time::Duration;

use waihu_types::{HandoverResult, Time};

use crate::{machine::LegState, seam::HandoverEnd};

/// An agent who may be asked to take a call.
#[derive(Clone, Debug)]
pub struct Desk {
    /// The agent's name in the configuration.
    pub name: String,
    /// How long the agent's phone may ring.
    pub ring: Duration,
    /// What the agent can do, in the words of scripts.
    pub skills: Vec<String>,
}

/// The desks, asked one after the other until one answers or the dialog waits no longer.
#[derive(Debug)]
pub(crate) struct Agents {
    desks: Vec<Desk>,
    /// The desks' numbers, in the order in which they are asked this time.
    order: Vec<usize>,
    /// The place in that order of the desk being asked, or asked last.
    asked: Option<usize>,
    /// The dialog waits for an agent.
    wanted: bool,
    /// It began to wait anew while a desk was being given up: the round starts over.
    anew: bool,
    /// Something came back from the desk being asked.
    pub rang: bool,
    pub leg: LegState,
    pub ring_until: Option<Time>,
    pub handover: Option<HandoverEnd>,
}

impl Agents {
    pub(crate) fn new(desks: Vec<Desk>) -> Self {
        Self {
            desks,
            order: Vec::new(),
            asked: None,
            wanted: false,
            anew: false,
            rang: false,
            leg: LegState::Idle,
            ring_until: None,
            handover: None,
        }
    }

    /// The name of the desk asked last; empty where none was.
    pub(crate) fn name(&self) -> &str {
        self.asked.and_then(|n| self.desks.get(*self.order.get(n)?)).map_or("", |d| d.name.as_str())
    }

    /// The dialog wants an agent: the first desk's number, where it is free to be asked. Those with all
    /// of `skills` are asked first; but anybody is better than nobody.
    pub(crate) fn want(&mut self, now: Time, skills: &[String]) -> Option<usize> {
        self.order = (0..self.desks.len()).collect();
        self.order.sort_by_key(|n| !skills.iter().all(|s| self.desks[*n].skills.contains(s)));
        match self.leg {
            LegState::Ringing | LegState::Up => None,
            LegState::Ending => {
                (self.wanted, self.anew) = (true, true);
                None
            }
            LegState::Idle | LegState::Over => {
                self.wanted = true;
                self.ring(now, 0)
            }
        }
    }

    /// The next desk's number, where the dialog still waits and there is one.
    pub(crate) fn next(&mut self, now: Time) -> Option<usize> {
        let next = if std::mem::take(&mut self.anew) { 0 } else { self.asked.map_or(0, |n| n + 1) };
        if self.wanted { self.ring(now, next) } else { None }
    }

    fn ring(&mut self, now: Time, place: usize) -> Option<usize> {
        let desk = *self.order.get(place)?;
        let ring = self.desks.get(desk)?.ring;
        self.asked = Some(place);
        self.leg = LegState::Ringing;
        self.rang = false;
        self.ring_until = Some(now + ring);
        Some(desk)
    }

    /// The dialog waits no longer: nobody further is asked.
    pub(crate) fn unwanted(&mut self) {
        self.wanted = false;
    }

    /// How it went with the desk asked last; none was asked where none is configured.
    pub(crate) fn went(&mut self, result: HandoverResult, joined_at: Option<Time>) {
        self.ring_until = None;
        self.leg = if result == HandoverResult::Joined { LegState::Up } else { LegState::Over };
        if self.asked.is_some() {
            self.handover = Some(HandoverEnd { agent: self.name().to_owned(), result, joined_at });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_can_is_asked_first_and_then_the_others() {
        let desk = |name: &str, skills: &[&str]| Desk {
            name: name.to_owned(),
            ring: Duration::from_secs(20),
            skills: skills.iter().map(|s| (*s).to_owned()).collect(),
        };
        let desks = vec![desk("a", &[]), desk("b", &["hardship"]), desk("c", &["hardship", "legal"])];
        let asked = |skills: &[&str]| {
            let mut agents = Agents::new(desks.clone());
            let skills: Vec<String> = skills.iter().map(|s| (*s).to_owned()).collect();
            let mut names = Vec::new();
            let mut desk = agents.want(Time::ZERO, &skills);
            while desk.is_some() {
                names.push(agents.name().to_owned());
                agents.went(HandoverResult::NoAnswer, None);
                desk = agents.next(Time::ZERO);
            }
            names.join("")
        };
        assert_eq!(
            [asked(&[]), asked(&["hardship"]), asked(&["legal"]), asked(&["law"])],
            ["abc", "bca", "cab", "abc"]
        );
    }
}
