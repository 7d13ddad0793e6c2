//! Which cases are called, in what order and by which script: rules over what the lender tells of a case.

use std::{fmt, str::FromStr};

use jiff::civil::Date;
use rust_decimal::Decimal;
use waihu_types::{Case, Currency, Lang, ProductKind, PromiseState};

use crate::ScriptName;

/// A rule: the first that fits a case counts.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name.
    pub id: String,
    /// What it says to people.
    pub zh: String,
    /// What it says to people.
    pub en: String,
    pub(super) when: When,
    /// Whether its cases are called.
    pub call: bool,
    /// Where they stand: the highest is called first.
    pub rank: i64,
    /// Their script, where it is not the campaign's.
    pub script: Option<ScriptName>,
}

/// What a case must be for a rule; what is left out fits all.
#[derive(Clone, Debug, Default)]
pub(super) struct When {
    pub(super) risk_grade: Option<Vec<String>>,
    pub(super) kind: Option<Vec<ProductKind>>,
    pub(super) lang: Option<Vec<Lang>>,
    pub(super) currency: Option<Vec<Currency>>,
    pub(super) promise: Option<Vec<LastPromise>>,
    pub(super) days_past_due: Option<Span<u32>>,
    pub(super) amount: Option<Span<Decimal>>,
    pub(super) broken_promises: Option<Span<u16>>,
    pub(super) propensity: Option<Span<Decimal>>,
}

/// What the lender knows of the last promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastPromise {
    None,
    Was(PromiseState),
}

impl FromStr for LastPromise {
    type Err = waihu_types::UnknownWord;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        if s == "none" { Ok(Self::None) } else { s.parse().map(Self::Was) }
    }
}

/// From one value to another, both included; written `30 to 90`, `from 30`, `up to 90`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span<T> {
    from: Option<T>,
    to: Option<T>,
}

impl<T: FromStr + PartialOrd + Copy> Span<T> {
    pub(super) fn read(text: &str) -> Option<Self> {
        let value = |text: &str| text.trim().parse::<T>().ok();
        let text = text.trim();
        let span = if let Some(from) = text.strip_prefix("from ") {
            Self { from: Some(value(from)?), to: None }
        } else if let Some(to) = text.strip_prefix("up to ") {
            Self { from: None, to: Some(value(to)?) }
        } else {
            let (from, to) = text.split_once(" to ")?;
            Self { from: Some(value(from)?), to: Some(value(to)?) }
        };
        let rises = span.from.zip(span.to).is_none_or(|(from, to)| from <= to);
        rises.then_some(span)
    }

    fn holds(self, value: T) -> bool {
        self.from.is_none_or(|from| from <= value) && self.to.is_none_or(|to| value <= to)
    }
}

impl<T: fmt::Display> fmt::Display for Span<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => write!(f, "{from} to {to}"),
            (Some(from), None) => write!(f, "from {from}"),
            (None, Some(to)) => write!(f, "up to {to}"),
            (None, None) => Ok(()),
        }
    }
}

impl When {
    /// Whether a case is such, on a day at the callee's place, with the chance that it pays as it is estimated.
    pub(super) fn holds(&self, case: &Case, today: Date, propensity: Option<f64>) -> bool {
        let last = case.particulars.last_promise.map_or(LastPromise::None, LastPromise::Was);
        let one_of =
            |grades: &Vec<String>| case.dossier.risk_grade.as_ref().is_some_and(|g| grades.contains(g));
        let likely = |span: &Span<Decimal>| {
            propensity.and_then(|p| Decimal::try_from(p).ok()).is_some_and(|p| span.holds(p))
        };
        self.risk_grade.as_ref().is_none_or(one_of)
            && self.kind.as_ref().is_none_or(|kinds| kinds.contains(&case.particulars.kind))
            && self.lang.as_ref().is_none_or(|langs| langs.contains(&case.lang))
            && self.currency.as_ref().is_none_or(|known| known.contains(&case.due.currency()))
            && self.promise.as_ref().is_none_or(|states| states.contains(&last))
            && self.days_past_due.is_none_or(|span| span.holds(case.days_past_due(today)))
            && self.amount.is_none_or(|span| span.holds(case.due.amount()))
            && self.broken_promises.is_none_or(|span| span.holds(case.particulars.broken_promises))
            && self.propensity.as_ref().is_none_or(likely)
    }
}
