//! The words every room shares: who is called, when, about how much, and how it ended.
//!
//! Pure values only. There is no clock here: a [`Time`] or a [`WallTime`] is always handed in.

mod answers;
mod authority;
pub mod base64;
mod case;
mod dossier;
mod follow_up;
mod handover;
mod ids;
mod intent;
mod lang;
mod money;
mod outcome;
mod particulars;
mod phone;
mod question;
mod reached;
mod sound;
mod split_mix;
mod time;
mod voice;

pub use answers::{Answers, UnknownAnswers};
pub use authority::{GivenAuthority, InvalidTerm, Least, Percent};
pub use case::{Case, CaseProblem, Line};
pub use dossier::{
    Consent, DayWindow, Dossier, EarlierContact, Flag, InvalidWindow, OtherNumber, PhoneKind, Whose,
};
pub use follow_up::FollowUp;
pub use handover::{Handover, HandoverOffer, HandoverOther, HandoverResult, OfferResult, OtherPart};
pub use ids::{AttemptId, CampaignId, CaseId, DebtorId, InvalidId};
pub use intent::{Intent, UnknownIntent};
pub use lang::{Lang, UnknownLang};
pub use money::{Currency, InvalidMoney, Money};
pub use outcome::{
    Announcement, AnsweredBy, Callback, Disposition, EndedBy, FaultOwner, Identity, Mood, OUTCOME_VERSION,
    Outcome, PaymentChannel, Promise, PromisedPart, Recording, Redial, ScriptVersion, SipCause, Sound,
    SoundQuality, Told, Transcript,
};
pub use particulars::{AccountTail, InvalidTail, Particulars, ProductKind, PromiseState, UnknownWord};
pub use phone::{InvalidPhoneNumber, PhoneNumber};
pub use question::Question;
pub use reached::Reached;
pub use sound::{Codec, Direction, SrtpKey, SrtpSuite};
pub use split_mix::SplitMix64;
pub use time::{InvalidWallTime, Time, WallTime};
pub use voice::{CaseVoice, VoiceStyle};
