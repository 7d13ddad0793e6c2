//! Sets of speech to judge by: which lines, which voices, what the telephone does to them, and how an
//! answer is scored.
//!
//! Everything here is a function of its arguments and a seed: no clock, no file, no thread. Who speaks the
//! lines (voices), who is judged (models) and how folders are read and written live elsewhere.

pub mod conditions;
pub mod edits;
pub mod lines;
mod noise;
pub mod plan;
pub mod random;
pub mod scene;
pub mod score;
mod speed;
pub mod voices;
pub mod words;

pub use conditions::{Condition, Noise, apply};
pub use random::Random;
pub use voices::Purpose;
