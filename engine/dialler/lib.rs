//! Placing calls: one task per call, one per campaign.
//!
//! [`place_call`] joins the call machine to the trunk, the media thread, the speech workers, the
//! recorder and the store; [`run_campaign`] places a bounded number of calls at once. Decisions
//! are made in the pure rooms: here they are carried out. Absent on purpose: pacing by load
//! (`campaign`) and the compliance gate (`compliance`), which are asked here.

mod actor;
mod error;
mod filing;
mod hearing;
mod legs;
mod outcome;
mod plant;
mod playout;
mod recovery;
mod runner;
mod sound;
mod words;

pub use actor::place_call;
pub use error::DialError;
pub use filing::Reserve;
pub use hearing::{expectation, speech_word, utterance};
pub use plant::{Order, Plant, Progress, ProgressKind, Stop};
pub use recovery::recover;
pub use runner::{CampaignOrder, CampaignReport, Variant, run_campaign};
pub use words::{RecordedPrompts, Words};
