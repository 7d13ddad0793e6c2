//! Agents: who is there, whose turn it is, and for how long a desk rings.
//!
//! [`Switchboard`] is one machine for all agents of a process: presences, calls that seek somebody and offers go
//! through it, with time as an argument. It knows calls by their attempt and their [`Need`] alone. Deliberately
//! absent: how an agent is reached (`dialler`), what is said meanwhile (`call`, `dialog`), who may sign in (`api`).
//! [`desk`] is what a switchboard and a desk's page say to each other, [`supervise`] the same for a supervisor's.

mod agent;
mod average;
mod choose;
pub mod desk;
mod preview;
mod seat;
pub mod supervise;
mod switchboard;

pub use agent::{Agent, AgentId, Level, Need, Reach, Urgency};
pub use preview::Decision;
pub use seat::{AwayNote, Presence, Wish};
pub use switchboard::{Input, OfferEnd, Output, Place, Rules, Standing, Switchboard, Waiting};
