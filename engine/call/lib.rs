//! The call: signalling events, media events, speech events and time go in; commands come out.
//!
//! [`CallMachine`] is the hub between the dialog script and the wires. It owns the dialog's
//! interpreter, decides when a prompt is cut short and what is done with words spoken over it,
//! hands it over to an agent, and ends it once. What the bot says and why is the dialog's;
//! sockets, sound and models are the shell's. Absent on purpose: whose turn it is to take a
//! call (`agents`), and the tones and timing by which it is told who answered.

pub mod floor;
mod machine;
mod seam;
mod transfer;
mod turn;

pub use machine::{CallMachine, DEAD_AFTER, GOES_ON_WITHIN};
pub use seam::{
    Agent, AgentEvent, AgentWish, ConsultEnd, Ending, HandoverEnd, Input, Leg, Line, MediaEvent, Offered,
    Onward, Output, Part, Partial, PlaybackId, Speaker, SpeechEvent,
};
