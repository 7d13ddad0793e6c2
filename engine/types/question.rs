use serde::{Deserialize, Serialize};

/// What kind of answer a question asks for: how long a callee thinks over it, and whether a pause
/// in it is an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Yes or no, or a few words of a closed set.
    YesNo,
    /// A day or a time: "when can you pay?"
    When,
    /// A sum or a number of parts.
    HowMuch,
    /// Digits that are read out one by one.
    Digits,
    /// Anything.
    #[default]
    Open,
}
