//! Whether a person may be called now: denied by default, and every answer can be proved.
//!
//! A [`Profile`] is a list of rules, read from a file of `compliance/`; [`Profile::decide`] holds a moment and
//! what was called before against them. Deliberately absent: clocks, files and the store, which are handed in;
//! what an outcome means for its case and numbers that are barred (`campaign`).

mod abandoned;
mod contact;
mod explain;
mod gate;
mod holidays;
mod hours;
mod profile;
pub mod read;
mod retention;
mod subject;
mod working;

pub use abandoned::{Answers, AnswersByDay};
pub use contact::{Contact, refused};
pub use gate::{Decision, Evidence, Facts, Gate, HORIZON_DAYS};
pub use holidays::Holidays;
pub use profile::{Profile, Rule, Words};
pub use read::{Fault, Faults};
pub use retention::Retention;
pub use subject::{NotOthers, Subject};
pub use waihu_types::Reached;
pub use working::WorkingHours;
