//! Whether a callee has finished: the end of a turn, from silence, tone of voice, words and the question asked.
//!
//! [`EndOfTurn`] is a machine for one turn. It is told of pauses and of voice, asks for the tone-of-voice model
//! and for a recognition as soon as a pause is long enough to mean something, and ends the turn as soon as what
//! it knows suffices; without an answer from either it goes by the silence. [`Policy`] says how long each
//! question is waited for, [`completeness`] what the words so far say about it.
//!
//! Deliberately absent: sound, models, clocks, what the words mean, and whether somebody who speaks over a
//! prompt interrupts it (the call's).

mod end_of_turn;
mod english;
mod mandarin;
mod policy;
mod words;

pub use end_of_turn::{EndOfTurn, Input, Output, PauseId, Why};
pub use policy::Policy;
pub use words::{Completeness, Words, completeness};
