//! What a callee's utterance means: entities by rules, the decision over a classifier's scores, and the mood
//! of a call.
//!
//! Text and numbers in, values out. Deliberately absent: the sentence encoder and its head (they
//! live with the models), any memory of earlier turns (the script's), and the clock: the day of
//! the call is an argument.

mod decide;
mod entities;
mod mood;

pub use decide::{Decision, Reading, clauses, combine, decide, fuse};
pub use entities::{Entities, extract};
pub use mood::{Mood, Prosody, Said, mood};
