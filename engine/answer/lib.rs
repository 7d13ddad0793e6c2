//! Who answered: a person, or one of the machines that answer telephones.
//!
//! [`Detector`] hears what comes back on a call from the first early media on: every frame for its tones
//! (`tone`, `cadence`), the beginnings and ends of speech for its timing, and the recognized words for
//! their meaning (`words`, with the phrases of each language). It says who it takes that for as soon as it
//! can, tentatively at first, and settles within [`SETTLED_AFTER_MS`] of the answer. That a voicemail box has
//! given its beep is told apart from that, since only then a message may be left.
//!
//! Deliberately absent: voice activity and recognition (their findings are handed in), and what is done
//! about a verdict, which is the call's and the campaign's.

mod cadence;
mod detector;
mod en;
mod replay;
mod tone;
mod words;
mod zh;

pub use detector::{Detector, Gate, Output, SETTLED_AFTER_MS, SILENCE_AFTER_MS, Verdict, whose_words};
pub use replay::{Event, Replay, replay};
