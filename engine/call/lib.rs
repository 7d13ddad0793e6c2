//! The call: signalling events, media events, speech events and time go in; commands come out.
//!
//! [`CallMachine`] is the hub between the dialog script and the wires. It owns the dialog's
//! interpreter, decides when a prompt is cut short and what is done with words spoken over it,
//! dials the agent's leg, and ends the call once. What the bot says and why is the dialog's;
//! sockets, sound and models are the shell's. Absent on purpose: warm transfer with presence and
//! queues, and the tones and timing by which it is told who answered.

mod agents;
mod machine;
mod seam;
mod turn;

pub use agents::Desk;
pub use machine::{CallMachine, GOES_ON_WITHIN};
pub use seam::{
    Ending, HandoverEnd, Input, Leg, Line, MediaEvent, Output, Part, Partial, PlaybackId, Speaker,
    SpeechEvent,
};
