//! What a callee's utterance means: entities by rules, and the decision over a classifier's scores.
//!
//! Text and numbers in, values out. Deliberately absent: the sentence encoder and its head (they
//! live with the models), any memory of earlier turns (the script's), and the clock: the day of
//! the call is an argument.

mod decide;
mod entities;

pub use decide::{Decision, decide};
pub use entities::{Entities, extract};
