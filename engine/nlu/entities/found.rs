//! The values gathered on the way through an utterance, and which of two wins.
//!
//! The first firm value of a kind stays. A weak one gives way to any later one: a day that was
//! named as pay day ("Thursday I get paid, so Friday"), a sum that is what is owed rather than what
//! is offered, and everything said before "no, wait". A day that is refused is none at all.

use std::ops::RangeInclusive;

use jiff::civil::{Date, Time};
use rust_decimal::Decimal;
use waihu_types::Currency;

use super::Entities;

/// The lengths of what is read out digit by digit: the end of a telephone number at least, an
/// account's number with its check letter at most.
const READ_OUT: RangeInclusive<usize> = 3..=25;

/// Whether a value stands against later ones.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    Firm,
    Weak,
    /// It is no value: what was named only to be refused, or is not reckoned.
    Refused,
}

/// A currency as it was named.
#[derive(Clone, Copy)]
pub(super) struct Named {
    pub(super) currency: Currency,
    /// By a word that other currencies have, too.
    pub(super) shared: bool,
}

impl Named {
    pub(super) const fn exactly(currency: Currency) -> Self {
        Self { currency, shared: false }
    }

    pub(super) const fn shared(currency: Currency) -> Self {
        Self { currency, shared: true }
    }

    /// By its code; none for what is no code.
    pub(super) fn code(code: &str) -> Option<Self> {
        code.parse().ok().map(Self::exactly)
    }
}

struct Slot<T> {
    value: Option<T>,
    hold: Hold,
}

impl<T> Slot<T> {
    const EMPTY: Self = Self { value: None, hold: Hold::Weak };

    fn offer(&mut self, value: T, hold: Hold) {
        if self.value.is_none() || (self.hold == Hold::Weak && hold == Hold::Firm) {
            self.value = Some(value);
            self.hold = hold;
        }
    }
}

pub(super) struct Found {
    date: Slot<Date>,
    /// A day was refused, or is of a calendar that is not reckoned.
    day_left_out: bool,
    time: Slot<Time>,
    amount: Slot<(Decimal, Option<Named>)>,
    count: Slot<u32>,
    digits: Slot<String>,
}

impl Found {
    pub(super) const fn new() -> Self {
        Self {
            date: Slot::EMPTY,
            day_left_out: false,
            time: Slot::EMPTY,
            amount: Slot::EMPTY,
            count: Slot::EMPTY,
            digits: Slot::EMPTY,
        }
    }

    /// A day that is refused is not offered where it was named before, either.
    pub(super) fn date(&mut self, value: Option<Date>, hold: Hold) {
        if hold == Hold::Refused {
            self.day_left_out = true;
            if self.date.value == value {
                self.date = Slot::EMPTY;
            }
        } else if let Some(v) = value {
            self.date.offer(v, hold);
        }
    }

    /// A day was named that is not reckoned.
    pub(super) fn leave_day_out(&mut self) {
        self.day_left_out = true;
    }

    pub(super) fn time(&mut self, value: Time) {
        self.time.offer(value, Hold::Firm);
    }

    /// Sums of zero and with more than two places are no money and are left out.
    pub(super) fn amount(&mut self, value: Decimal, currency: Option<Named>, hold: Hold) {
        if !value.is_zero() && value.normalize().scale() <= 2 {
            self.amount.offer((value, currency), hold);
        }
    }

    pub(super) fn count(&mut self, value: u32) {
        self.count.offer(value, Hold::Firm);
    }

    /// Fewer or more digits than anyone reads out are nothing that was asked for: part of them
    /// would be another number, so they are left out whole.
    pub(super) fn digits(&mut self, value: String) {
        if READ_OUT.contains(&value.len()) {
            self.digits.offer(value, Hold::Firm);
        }
    }

    /// The callee takes back what was said so far; it stays only if nothing comes in its place.
    pub(super) fn correct(&mut self) {
        self.date.hold = Hold::Weak;
        self.time.hold = Hold::Weak;
        self.amount.hold = Hold::Weak;
        self.count.hold = Hold::Weak;
        self.digits.hold = Hold::Weak;
    }

    /// `whole`: all of what is owed was named; a sum or parts beside it say more.
    pub(super) fn into_entities(self, whole: bool) -> Entities {
        let named = self.amount.value.and_then(|a| a.1);
        Entities {
            date: self.date.value,
            day_left_out: self.day_left_out && self.date.value.is_none(),
            time: self.time.value,
            currency: named.map(|n| n.currency),
            shared_currency: named.is_some_and(|n| n.shared),
            whole: whole && self.amount.value.is_none() && self.count.value.is_none(),
            amount: self.amount.value.map(|a| a.0),
            count: self.count.value,
            digits: self.digits.value,
            ..Entities::default()
        }
    }
}
