//! A switchboard in virtual time, and what it told.
#![allow(dead_code, clippy::unwrap_used, reason = "each test uses a part of it")]

use std::time::Duration;

use waihu_agents::{
    Agent, AgentId, Input, Level, Need, OfferEnd, Output, Presence, Reach, Rules, Standing, Switchboard,
    Urgency, Wish,
};
use waihu_types::{Answers, AttemptId, Lang, Time};

pub fn call(id: &str) -> AttemptId {
    id.parse().unwrap()
}

pub fn agent(name: &str, skills: &[(&str, u8)]) -> Agent {
    Agent {
        id: AgentId::new(name),
        name: name.to_uppercase(),
        skills: skills.iter().map(|(s, l)| ((*s).to_owned(), Level::new(*l).unwrap())).collect(),
        langs: vec![Lang::Zh],
        reach: Reach::Desk,
        answers: Answers::ByHand,
        ring: None,
    }
}

pub fn phone(name: &str, place: usize) -> Agent {
    Agent { reach: Reach::Phone { place, refers: false }, langs: Vec::new(), ..agent(name, &[]) }
}

pub fn need(skills: &[&str]) -> Need {
    Need {
        skills: skills.iter().map(|s| (*s).to_owned()).collect(),
        lang: Lang::Zh,
        last_agent: None,
        without: Vec::new(),
        only: None,
        urgency: Urgency::Usual,
    }
}

pub struct Board {
    pub machine: Switchboard,
    pub now: Time,
    pub told: Vec<Output>,
    pub missing: Vec<AttemptId>,
    pub lost: Vec<(String, String)>,
    pub too_late: Vec<(String, String)>,
    pub ends: Vec<(String, String, OfferEnd)>,
}

impl Board {
    pub fn new() -> Self {
        Self {
            machine: Switchboard::new(Rules::default()),
            now: Time::from_millis(1_000),
            told: Vec::new(),
            missing: Vec::new(),
            lost: Vec::new(),
            too_late: Vec::new(),
            ends: Vec::new(),
        }
    }

    pub fn input(&mut self, input: Input) {
        self.machine.handle_input(self.now, input);
        while let Some(output) = self.machine.poll_output() {
            let names = |a: &AgentId, c: &AttemptId| (a.to_string(), c.to_string());
            match &output {
                Output::Missing { call } => self.missing.push(call.clone()),
                Output::Lost { agent, call } => self.lost.push(names(agent, call)),
                Output::TooLate { agent, call } => self.too_late.push(names(agent, call)),
                Output::Revoke { agent, call, why } => {
                    self.ends.push((agent.to_string(), call.to_string(), *why));
                }
                _ => {}
            }
            if !matches!(output, Output::Changed { .. }) {
                self.told.push(output);
            }
        }
    }

    /// A desk comes, and is available.
    pub fn comes(&mut self, agent: Agent) {
        let id = agent.id.clone();
        self.comes_back(agent);
        self.input(Input::Wants { agent: id, wish: Wish::Available });
    }

    pub fn comes_back(&mut self, agent: Agent) {
        self.input(Input::SignIn { agent });
    }

    pub fn goes(&mut self, agent: &str) {
        self.input(Input::DeskGone { agent: AgentId::new(agent) });
    }

    pub fn wants(&mut self, agent: &str, wish: Wish) {
        self.input(Input::Wants { agent: AgentId::new(agent), wish });
    }

    pub fn seeks(&mut self, id: &str, need: Need) {
        self.input(Input::Seek { call: call(id), need });
    }

    pub fn unwanted(&mut self, id: &str) {
        self.input(Input::Unwanted { call: call(id) });
    }

    pub fn accepts(&mut self, agent: &str, id: &str) {
        self.input(Input::Accept { agent: AgentId::new(agent), call: call(id) });
    }

    /// Accepts, and has it.
    pub fn takes(&mut self, agent: &str, id: &str) {
        self.accepts(agent, id);
        let taken = Output::Taken { agent: AgentId::new(agent), call: call(id) };
        assert!(self.told.contains(&taken), "{agent} has {id}");
    }

    pub fn declines(&mut self, agent: &str, id: &str) {
        self.input(Input::Decline { agent: AgentId::new(agent), call: call(id) });
    }

    pub fn wraps_up(&mut self, agent: &str) {
        self.input(Input::WrapUpDone { agent: AgentId::new(agent) });
    }

    pub fn wraps_up_longer(&mut self, agent: &str) {
        self.input(Input::WrapUpLonger { agent: AgentId::new(agent) });
    }

    /// Lets seconds pass; timers run when they are due.
    pub fn wait(&mut self, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        while let Some(due) = self.machine.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.input(Input::Timeout);
        }
        self.now = until;
    }

    /// At whose desk a call rings.
    pub fn rings(&self, id: &str) -> Option<String> {
        let waiting = self.machine.waiting().into_iter().find(|w| w.call == call(id))?;
        waiting.offered.map(|agent| agent.to_string())
    }

    pub fn standing(&self, agent: &str) -> Option<Standing> {
        self.machine.standing(&AgentId::new(agent))
    }

    pub fn presence(&self, agent: &str) -> Presence {
        self.standing(agent).unwrap().presence
    }
}
