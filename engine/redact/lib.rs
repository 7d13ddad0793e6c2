//! What in a call tells who somebody is, and where it stands: numbers of cards, identities, telephones and accounts,
//! written or spoken digit by digit, and the names that the case tells.
//!
//! Numbers with a check digit are known by it, the others by their form and by the word before them. Sums, days and
//! figures of plans stay. Deliberately absent: names that nobody told us, and addresses; what a recognizer misheard.
//! README.md has the figures.

mod anonymous;
mod blur;
mod digits;
mod hide;
mod known;
mod numbers;

pub use anonymous::{LEAST_KEY, Pseudonyms, ShortKey, band};
pub use blur::{blur, blur_spans};
pub use hide::{Span, find, find_in_line, find_in_lines, hide, lasting_ms, silent, without};
pub use known::Known;

/// What a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A payment card (ISO/IEC 7812: 13 to 19 digits, Luhn).
    Card,
    /// A citizen's identity number of China (GB 11643-1999: 18 characters).
    Identity,
    /// A social security number of the United States.
    SocialSecurity,
    /// A telephone number.
    Phone,
    /// A bank account, or another number too long to be anything but somebody's.
    Account,
    /// A code or password that somebody said: the three digits of a card, a code from a message.
    Secret,
    /// A name that the case tells.
    Name,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Card,
        Self::Identity,
        Self::SocialSecurity,
        Self::Phone,
        Self::Account,
        Self::Secret,
        Self::Name,
    ];

    /// The name as it is written in records.
    pub fn label(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Identity => "identity",
            Self::SocialSecurity => "ssn",
            Self::Phone => "phone",
            Self::Account => "account",
            Self::Secret => "secret",
            Self::Name => "name",
        }
    }
}
