//! What a script holds every call to, for whoever tries it from outside.

use std::{collections::BTreeMap, time::Duration};

use waihu_types::Intent;

use crate::script::Script;

/// The limits and thresholds of a script.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// How often it may be the callee's turn.
    pub max_turns: u32,
    /// How long a call may be; the line being spoken is finished.
    pub max_time: Duration,
    /// No promise names a later day [days from today].
    pub max_promise_days: u32,
    /// From which confidence on a yes confirms the person, 0 to 1.
    pub confirm: f32,
    /// From which confidence on anything is understood, 0 to 1.
    pub accept: f32,
    /// From which confidence on what is urgent is heeded, 0 to 1.
    pub urgent: f32,
    /// What is urgent.
    pub urgent_intents: Vec<Intent>,
    /// What keys stand for.
    pub keys: BTreeMap<char, Intent>,
}

impl Script {
    /// Its limits and thresholds.
    pub fn bounds(&self) -> Bounds {
        let c = &self.confidence;
        Bounds {
            max_turns: self.limits.max_turns,
            max_time: self.limits.max_time,
            max_promise_days: self.promise.max_days,
            confirm: c.confirm,
            accept: c.accept.min(c.expected),
            urgent: c.urgent,
            urgent_intents: c.urgent_intents.clone(),
            keys: self.digits.clone(),
        }
    }

    /// The states' names, in the order of the file.
    pub fn state_names(&self) -> impl Iterator<Item = &str> {
        self.states.iter().map(|s| s.name.as_ref())
    }
}
