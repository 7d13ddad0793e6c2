//! The practice ground: simulated callees that really speak.
//!
//! It shares nothing with the engine's calls but the wire: it answers SIP on its own socket, speaks
//! with other voices over RTP, and hears the bot as sound only.
//!
//! - [`read_personas`] reads a file of callees ([`practice::PERSONAS`] is the shipped one) into
//!   [`Personas`]; [`Clips::speak`] makes their lines, with progress and a cache.
//! - [`serve()`] answers calls until its `stop` is ready, and reports ([`Report`]) that it is open, at
//!   which address, and what comes in. Whoever runs it as a process prints that address.
//! - [`persona`] is a callee's behaviour, a pure machine; [`ear`] tells it when the bot speaks.
//! - [`practice`] has the shipped cases and what each is expected to come out as.
//!
//! Deliberately absent: recognition, intents and scripts. A callee here understands nothing; it goes by
//! its step in the conversation and by how long the bot spoke.

mod call;
mod clips;
pub mod ear;
mod file;
mod noises;
pub mod persona;
mod personas;
pub mod practice;
mod serve;
mod sound;

pub use clips::{Clips, Line, Pcm, lines};
pub use file::{PersonaError, read_personas};
pub use personas::Personas;
pub use serve::{Report, Served, SimulatorConfig, SimulatorError, serve};
