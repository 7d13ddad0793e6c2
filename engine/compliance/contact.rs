//! What was called before, as far as rules count it.

use jiff::Timestamp;
use waihu_types::{Outcome, Reached, Whose};

/// One call of before, and what it has to do with the one that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    /// When it was dialled.
    pub at: Timestamp,
    /// How far it came.
    pub reached: Reached,
    /// Whether it went to the same number.
    pub same_number: bool,
    /// Whether it was about the same debt.
    pub same_debt: bool,
    /// Whether it was about a debt of the same person.
    pub same_debtor: bool,
    /// Whose number it went to.
    pub whose: Whose,
    /// Whether who answered there would not be called about this again.
    pub refused: bool,
}

impl Contact {
    /// A call to the same number of the debtor about the same debt.
    pub fn new(at: Timestamp, reached: Reached) -> Self {
        Self {
            at,
            reached,
            same_number: true,
            same_debt: true,
            same_debtor: true,
            whose: Whose::Debtor,
            refused: false,
        }
    }
}

/// Whether who answered would not be called about this again, or is nobody to be called about it. A complaint is one
/// also where a person has heard it.
pub fn refused(outcome: &Outcome) -> bool {
    use waihu_types::Disposition as D;
    matches!(
        outcome.effective_disposition(),
        D::WrongNumber
            | D::StopCalling
            | D::Complaint
            | D::LegalRepresentation
            | D::Distress
            | D::RefusedToPay
    ) || outcome.intents.contains(&waihu_types::Intent::Complaint)
}
