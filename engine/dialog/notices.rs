//! What must be said before a debt may be spoken of, by the profile of rules that a call is under.
//!
//! Deliberately absent: how the words are to read; that is for whoever signs the script.

use std::fmt;

/// One thing that rules want said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Notice {
    /// Who is calling and for whom (GB/T 45251-2025; 47 CFR 64.1200(b)).
    WhoCalls,
    /// That no person is speaking (FCC 24-17: an AI voice is an artificial one).
    Automated,
    /// That the call is recorded (personal information law; two-party consent in some US states).
    Recorded,
    /// That a debt is to be collected (15 USC 1692e(11)).
    Collector,
}

impl Notice {
    /// Every one, with the word that scripts use.
    pub const WORDS: &'static [(&'static str, Self)] = &[
        ("who_calls", Self::WhoCalls),
        ("automated", Self::Automated),
        ("recorded", Self::Recorded),
        ("collector", Self::Collector),
    ];

    /// The word that scripts use.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|w| w.1 == self).map_or("", |w| w.0)
    }
}

/// A profile of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Profile {
    /// Mainland China.
    Cn,
    /// The United States.
    Us,
}

impl Profile {
    /// Every one, with the word that scripts use.
    pub const WORDS: &'static [(&'static str, Self)] = &[("cn", Self::Cn), ("us", Self::Us)];

    /// What must be said under it before a debt is spoken of.
    pub fn notices(self) -> &'static [Notice] {
        match self {
            Self::Cn => &[Notice::WhoCalls, Notice::Automated, Notice::Recorded],
            Self::Us => &[Notice::WhoCalls, Notice::Automated, Notice::Recorded, Notice::Collector],
        }
    }
}

/// Notices that have been given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Given(u8);

impl Given {
    pub(crate) fn with(self, notice: Notice) -> Self {
        Self(self.0 | 1 << notice as u8)
    }

    pub(crate) fn has(self, notice: Notice) -> bool {
        self.0 & 1 << notice as u8 != 0
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::WORDS.iter().find(|w| w.1 == *self).map_or("", |w| w.0))
    }
}
