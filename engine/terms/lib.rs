//! What may be agreed about a debt: within the lender's authority, on working days, to the cent.
//!
//! Pure: a day is handed in, and there is no clock. Deliberately absent: words. What was said comes
//! as a [`Said`], and how a plan is spoken is the dialog's.

mod authority;
mod calendar;
mod judge;
mod negotiation;
mod plan;
mod promise;
mod wish;

pub use authority::{Authority, AuthorityProblem};
pub use calendar::{Calendar, UnknownCalendar};
pub use judge::{Judgement, Missing};
pub use negotiation::Negotiation;
pub use plan::{Ease, Part, Plan};
pub use promise::{Beyond, Terms};
pub use wish::{Asks, Said, Wish};
