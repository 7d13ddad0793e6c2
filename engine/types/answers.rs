//! How an agent answers: by hand, or at once.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How an agent takes the calls that are offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answers {
    /// They see who it is, and answer themselves.
    #[default]
    ByHand,
    /// Their desk answers after a short tone: nobody who was dialled waits for a click.
    AtOnce,
}

/// A word that is none of [`Answers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownAnswers;

impl fmt::Display for UnknownAnswers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("by_hand or at_once is expected 应为 by_hand 或 at_once")
    }
}

impl std::error::Error for UnknownAnswers {}

impl Answers {
    /// The word.
    pub fn label(self) -> &'static str {
        match self {
            Self::ByHand => "by_hand",
            Self::AtOnce => "at_once",
        }
    }
}

impl FromStr for Answers {
    type Err = UnknownAnswers;

    fn from_str(word: &str) -> Result<Self, UnknownAnswers> {
        match word {
            "by_hand" => Ok(Self::ByHand),
            "at_once" => Ok(Self::AtOnce),
            _ => Err(UnknownAnswers),
        }
    }
}

impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
