//! Where cases, campaigns, attempts and outcomes are kept: one SQLite file, or a PostgreSQL database.
//!
//! An attempt is on the disk before its INVITE leaves, so that after a crash, a power cut or a full
//! disk nobody is called twice and no call goes unaccounted for. The only room that knows SQL.
//! Words of calls are sealed where a key is handed in; who wraps and opens that is none of ours (`vault`, `keeping`).
//! Deliberately absent: what an outcome means (`campaign`), recordings and transcripts (`record`;
//! here stand their paths and hashes), and any clock: times are handed in.

mod attempts;
mod audit;
mod bars;
mod board;
mod campaigns;
mod cases;
mod decisions;
mod erasure;
mod error;
mod events;
mod holds;
mod idempotency;
mod judgements;
mod messages;
mod nodes;
mod open;
mod outcomes;
mod overtaken;
mod owner;
mod pages;
mod people;
mod places;
mod promises;
mod pull;
mod queue;
mod quotes;
mod readers;
mod recover;
mod reports;
mod retention;
mod reviews;
mod scripts;
mod seal;
mod search;
mod second_factor;
mod strategies;
mod talks;
mod tokens;
mod write;

pub use attempts::{Attempt, NewAttempt, Standing};
pub use audit::{Act, AuditRow, Broken, Head};
pub use bars::{Bar, Forbidden};
pub use board::{Cell, LiveCall, NodeLoad, Tally};
pub use campaigns::{CampaignState, StoredCampaign};
pub use cases::{CaseState, Imported, StoredCase};
pub use decisions::{Denied, KeptDecision, Passage, Verdict};
pub use erasure::{Erased, Traces};
pub use error::{Refusal, ScriptRefusal, StoreError};
pub use events::Event;
pub use holds::{HoldOn, HoldPlace, InvalidHold, StoredHold};
pub use idempotency::{ANSWERS_KEPT, Earlier, KeyedRequest};
pub use judgements::{CheckShare, JudgedFilter, NewJudgement, StoredJudgement};
pub use messages::{Message, MessageBegun, MessageState, NewMessage, Settled};
pub use nodes::{Draining, Node, Placed};
pub use open::{Location, Store};
pub use outcomes::{AnsweredDay, Filter};
pub use overtaken::{Overtaken, Unanswered};
pub use owner::Claim;
pub use pages::{After, FiledOutcome, Kept, PageFilter};
pub use people::{ChosenBy, InvalidLogin, Lockout, Login, Person, PersonChange, Secret, Session, SignInWay};
pub use places::{Ahead, QueuePlace, QueueState};
pub use promises::CaseChange;
pub use pull::{Pull, PullError, Source};
pub use queue::{Counts, Picked, Placement};
pub use readers::{DeadLetter, Hold, Place};
pub use recover::{Remains, spool_file, spool_part};
pub use reports::{ByMail, Effort, ReportMade, Sent, StoredReport};
pub use retention::{KeptCall, Part};
pub use reviews::{NewReview, ReviewFilter, StoredReview, TurnTaken};
pub use scripts::{Begun, Pin, ScriptAct, ScriptDeed, StoredScript};
pub use seal::{Keeper, Seal, SealingKey, SealingSecret};
pub use search::{Beyond, Conversation, Hit, Line, Said, Sought};
pub use second_factor::SecondFactor;
pub use strategies::StoredStrategy;
pub use talks::WrapUp;
pub use tokens::{Role, StoredToken, UnknownRole};
