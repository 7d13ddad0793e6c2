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
}

/// The desks, asked one after the other until one answers or the dialog waits no longer.
#[derive(Debug)]
pub(crate) struct Agents {
    desks: Vec<Desk>,
    /// The desk being asked, or asked last.
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
        self.asked.and_then(|n| self.desks.get(n)).map_or("", |d| d.name.as_str())
    }

    /// The dialog wants an agent: the first desk's number, where it is free to be asked.
    pub(crate) fn want(&mut self, now: Time) -> Option<usize> {
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

    fn ring(&mut self, now: Time, desk: usize) -> Option<usize> {
        let ring = self.desks.get(desk)?.ring;
        self.asked = Some(desk);
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
