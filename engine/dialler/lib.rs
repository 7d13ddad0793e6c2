//! Placing calls: one task per call, one engine per node.
//!
//! [`place_call`] joins the call machine to the trunk, the media thread, the speech workers, the
//! recorder and the store; [`run_engine`] takes cases from the store's queue and has them called. Decisions
//! are made in the pure rooms: here they are carried out. Absent on purpose: strategy and pacing
//! (`campaign`) and the compliance gate (`compliance`), which are asked here.

mod actor;
mod agent_side;
mod drawn;
mod engine;
mod error;
mod filing;
mod hearing;
mod judged;
mod legs;
mod music;
mod outcome;
mod plant;
mod playout;
mod recovery;
mod searched;
mod sound;
mod switchboard;
mod trail;
mod whisper;
mod words;

pub use actor::place_call;
pub use drawn::draw;
pub use engine::{EngineOrder, ScriptSource, Scripts, Variant, Wanted, run_engine};
pub use error::DialError;
pub use filing::Reserve;
pub use hearing::{expectation, speech_word, utterance};
pub use judged::Judging;
pub use plant::{Order, Plan, Plant, Progress, ProgressKind, Stop};
pub use recovery::recover;
pub use searched::{catch_up, lines as transcript};
pub use switchboard::{
    AgentStanding, CallWaiting, DeskLink, DeskVoice, SupervisorLink, SupervisorVoice, Switchboard,
};
pub use words::{RecordedPrompts, Words};
