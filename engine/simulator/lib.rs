//! The practice ground: simulated callees that really speak.
//!
//! It shares nothing with the engine's calls but the wire: it answers SIP on its own socket, speaks
//! with other voices over RTP, and hears the bot as sound only. Deliberately absent: recognition,
//! intents and scripts; a callee here understands nothing, see [`persona`].

mod call;
mod clips;
pub mod ear;
mod file;
pub mod persona;
mod personas;
pub mod practice;
mod serve;

pub use clips::{Clips, Line, Pcm, lines};
pub use file::{PersonaError, read_personas};
pub use personas::Personas;
pub use serve::{Report, Served, SimulatorConfig, SimulatorError, serve};
