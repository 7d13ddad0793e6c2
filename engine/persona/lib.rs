//! Simulated debtors, and what becomes of a script that talks with them.
//!
//! - [`Scene`] is a case made by a seed; [`Persona`] a callee for it, of a [`Kind`], with means and manners.
//! - [`converse`] lets a persona talk with a script in virtual time, and gives the [`Talk`].
//! - [`Tally`] counts talks by the thousand: outcomes, turns, failures by state, promises that can be kept.
//! - [`fuzz`] lets random callees call, and watches for what must never be.
//!
//! A persona goes by the bot's words and by what it says it listens for, never by the script's states, so that
//! it can talk with any flow. Deliberately absent: sound, models, threads, files and the clock.

mod asked;
pub mod fuzz;
mod mind;
mod noise;
mod persona;
mod phrase;
mod random;
mod scene;
mod talk;
mod tally;

pub use asked::{Asked, Lines};
pub use mind::{Act, Mind};
pub use noise::{Arrived, Noise, Understood};
pub use persona::{Kind, Manners, Means, Persona, UnknownKind};
pub use phrase::{Line, Topic};
pub use random::Random;
pub use scene::{Allows, Scene};
pub use talk::{
    Bargain, Disclosure, Failure, Said, Step, Talk, Way, What, converse, converse_by, speaking_ms,
};
pub use tally::{Bargaining, Of, Play, Tally};
