use std::fmt;

use serde::{Deserialize, Serialize};

/// What a call leaves to be done, for whoever carries it out.
///
/// `Debug` hides the words: they are personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum FollowUp {
    /// A text message to the number that was called.
    Sms {
        /// The template's name in the script.
        template: String,
        /// The text, final.
        text: String,
    },
    /// A remark for whoever reads the case next.
    Note {
        /// The remark, as the script has it.
        words: String,
    },
}

impl fmt::Debug for FollowUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sms { template, .. } => write!(f, "Sms({template})"),
            Self::Note { .. } => f.write_str("Note"),
        }
    }
}
