//! Sets of speech to judge by: which lines, which voices, what the telephone does to them, and how an
//! answer is scored.
//!
//! Everything here is a function of its arguments and a seed: no clock, no file, no thread. Who speaks the
//! lines (voices), who is judged (models) and how folders are read and written live elsewhere.

pub mod conditions;
mod noise;
pub mod random;
mod speed;

pub use conditions::{Condition, Noise, apply};
