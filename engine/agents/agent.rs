//! What an agent can do, and what a call needs.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use waihu_types::{Answers, Lang};

/// Names an agent within a switchboard: a login, or a telephone of the trunk's file.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgentId(Arc<str>);

impl AgentId {
    /// The agent of this name.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How well an agent can do something: from 1, a beginner, to 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(u8);

impl Level {
    /// The highest.
    pub const MAX: Self = Self(5);

    /// A level from 1 to 5; none outside of that.
    pub fn new(level: u8) -> Option<Self> {
        (1..=Self::MAX.0).contains(&level).then_some(Self(level))
    }

    /// The number.
    pub fn number(self) -> u8 {
        self.0
    }
}

/// By what an agent is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// A desk in a browser, which comes and goes.
    Desk,
    /// A telephone that is always there: in the trunk's file it has this place, by which telephones are asked.
    Phone {
        /// The place, from 0.
        place: usize,
        /// The callee's side is asked to call it in our place.
        refers: bool,
    },
}

/// Somebody who takes calls: one at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Names the agent.
    pub id: AgentId,
    /// The name in outcomes and for callees.
    pub name: String,
    /// What the agent can do, in the words of scripts, and how well.
    pub skills: BTreeMap<String, Level>,
    /// Languages spoken; empty for all.
    pub langs: Vec<Lang>,
    /// By what the agent is reached.
    pub reach: Reach,
    /// How they take calls.
    pub answers: Answers,
    /// How long it rings there; none for what [`crate::Rules`] say.
    pub ring: Option<Duration>,
}

impl Agent {
    /// Whether the agent speaks a language: without it nobody is helped.
    pub fn speaks(&self, lang: Lang) -> bool {
        self.langs.is_empty() || self.langs.contains(&lang)
    }
}

/// How much a call presses: within one of these, first come, first served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Somebody is in distress.
    Distress,
    /// Somebody complains.
    Complaint,
    /// Everybody else.
    #[default]
    Usual,
}

/// What a call needs of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// What the agent should be able to do, as far as there is one who is.
    pub skills: Vec<String>,
    /// What the callee speaks.
    pub lang: Lang,
    /// Who spoke with the debtor last.
    pub last_agent: Option<AgentId>,
    /// Who could not be spoken with in this call, though they said yes, or handed it on.
    pub without: Vec<AgentId>,
    /// Nobody else than this one.
    pub only: Option<AgentId>,
    /// How much it presses.
    pub urgency: Urgency,
}
