//! What a filed call is judged by, which calls people look at again, and how they do.
//!
//! [`judge`] holds a call against [`Rules`]: each check has its evidence, by the line of the transcript and the second.
//! It decides nothing about a debtor, and takes no script's word for anything: what counts is what was said and heard.
//! [`Plan`]s choose calls for review, [`Review`] is the state of one. Deliberately absent: files, the store, the clock.

mod call;
mod checks;
mod judge;
mod review;
mod rules;
mod sampling;
mod timeline;

pub use call::{Call, Decided, Line, Speaker};
pub use judge::{Checked, Evidence, Facts, JUDGEMENT_VERSION, Judgement, Verdict, judge};
pub use review::{Act, Answer, Form, FormFault, Opinion, Person, Question, Refused, Review, Stage, Step};
pub use rules::{Check, Limits, Rules, RulesFault};
pub use sampling::{Candidate, Plan, PlansFault, Sampling, Slot};
