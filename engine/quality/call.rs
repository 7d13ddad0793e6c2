//! A call as it is judged: what was filed of it.

use std::fmt;

use serde::{Deserialize, Serialize};
use waihu_types::{Case, Intent, Outcome};

/// Who said a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The person called.
    Callee,
    /// The machine.
    Bot,
    /// The person who took over.
    Agent,
    /// Nobody: what happened.
    System,
}

/// A line of a transcript. `Debug` hides the words.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// When it began, from the beginning of the recording [ms].
    pub at_ms: u64,
    /// Who said it.
    pub speaker: Speaker,
    /// The words.
    pub text: String,
    /// What was understood.
    #[serde(default)]
    pub intent: Option<Intent>,
    /// How sure that is, from 0 to 1.
    #[serde(default)]
    pub confidence: Option<f32>,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({} ms, {:?})", self.at_ms, self.speaker)
    }
}

/// What the gate decided before the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// It was allowed.
    Allowed,
    /// It was denied, and somebody let it pass.
    Despite,
}

/// What was filed of a call.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Its outcome.
    pub outcome: &'a Outcome,
    /// Its case, where it is still there.
    pub case: Option<&'a Case>,
    /// Its transcript in the order in which it was written; none where it left none, or it cannot be read.
    pub lines: Option<&'a [Line]>,
    /// What the gate decided; none where that is not known.
    pub decided: Option<Decided>,
    /// The id of the compliance profile that it was under; empty where that is not known.
    pub profile: &'a str,
}
