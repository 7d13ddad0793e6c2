//! What the callee wants: gathered from one utterance after the other.

use std::fmt;

use jiff::civil::Date;
use rust_decimal::Decimal;
use waihu_types::Money;

use crate::plan::Plan;

/// What an utterance asks for beside its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// To pay a part now.
    Part,
    /// To pay in parts over time.
    Parts,
    /// To pay later.
    Later,
    /// To pay less than is due.
    Less,
    /// Nothing but to pay: of a part that was asked for before, and not said how much, no more is
    /// meant.
    Nothing,
}

/// What one utterance says of paying.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Said {
    /// A sum, in the currency of the debt.
    pub sum: Option<Money>,
    /// All that is due was named, and no sum.
    pub whole: bool,
    /// The sum is that of every part (每期五百, "two hundred a month").
    pub each: bool,
    /// A day, not past.
    pub date: Option<Date>,
    /// A number of parts.
    pub count: Option<u32>,
    /// The parts are those of what then remains (剩下分两期, "the rest in two").
    pub rest: bool,
    /// What it asks for.
    pub asks: Option<Asks>,
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Said(…)")
    }
}

/// What the callee wants so far. Later words outweigh earlier ones; what they leave open stays.
///
/// `Debug` hides it: it is personal data.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Wish {
    pub(crate) sum: Option<Money>,
    pub(crate) each: bool,
    pub(crate) date: Option<Date>,
    pub(crate) count: Option<u32>,
    pub(crate) rest: bool,
    /// A part was asked for, or parts, of which it is not known how much or how many.
    pub(crate) part: bool,
    pub(crate) parts: bool,
    /// Less than is due was asked for.
    pub(crate) less: bool,
    /// The sum and the parts are those of a plan on the table, and not the callee's.
    pub(crate) ours: bool,
}

impl fmt::Debug for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wish(…)")
    }
}

impl Wish {
    /// The wish that a plan on the table would be: what is said next is said of that plan.
    pub(crate) fn of(plan: &Plan) -> Self {
        let parts = plan.parts();
        let table = Self { date: Some(plan.first().date), ours: true, ..Self::default() };
        if !plan.discount().amount().is_zero() {
            return Self { less: true, sum: Some(plan.total()), ..table };
        }
        // Of equal parts the first has the cents, and no sum of its own.
        let equal = parts.iter().all(|p| (plan.first().sum.amount() - p.sum.amount()) < Decimal::ONE);
        let sum = (!equal).then(|| plan.first().sum);
        Self { sum, count: u32::try_from(parts.len()).ok().filter(|n| *n > 1), ..table }
    }

    /// The wish with what an utterance adds to it.
    #[must_use]
    pub fn with(self, said: &Said) -> Self {
        let mut wish = Self { date: said.date.or(self.date), ..self };
        match said.asks {
            Some(Asks::Less) => wish = Self { date: wish.date, less: true, ..Self::default() },
            // Who asks for parts no longer asks for a discount; it is given for paying at once.
            Some(Asks::Parts) => {
                let sum = wish.sum.filter(|_| !wish.ours);
                wish = Self { sum, count: None, rest: false, less: false, parts: true, ..wish };
            }
            Some(Asks::Part) => wish = Self { date: wish.date, part: true, ..Self::default() },
            Some(Asks::Later) if said.date.is_none() => wish.date = None,
            Some(Asks::Nothing) => (wish.part, wish.parts) = (false, false),
            Some(Asks::Later) | None => {}
        }
        if said.whole {
            let sum = wish.sum.filter(|_| wish.less);
            return Self { sum, date: wish.date, less: wish.less, ours: wish.ours, ..Self::default() };
        }
        if said.count.is_some() {
            (wish.count, wish.rest, wish.parts) = (said.count, said.rest, false);
            wish.less &= said.asks == Some(Asks::Less);
            // Of what was offered to the callee, another number of parts leaves nothing.
            wish.sum = wish.sum.filter(|_| !wish.each && !wish.ours);
            wish.each = false;
        }
        if said.sum.is_some() {
            (wish.sum, wish.each, wish.part, wish.ours) = (said.sum, said.each, false, false);
            // So much every time says how many times.
            wish.count = wish.count.filter(|_| !said.each);
        }
        wish
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use waihu_types::Currency;

    fn cny(text: &str) -> Option<Money> {
        Money::parse(text, Currency::CNY).ok()
    }

    fn heard(said: &[Said]) -> Wish {
        said.iter().fold(Wish::default(), Wish::with)
    }

    #[test]
    fn what_is_said_later_outweighs_and_the_rest_stays() {
        let day = Some(date(2026, 12, 15));
        let two_thousand = Said { sum: cny("2000"), ..Said::default() };
        let on_payday = Said { date: day, ..Said::default() };
        let in_three = Said { count: Some(3), ..Said::default() };
        let wish = heard(&[two_thousand, on_payday, in_three]);
        assert_eq!((wish.sum, wish.date, wish.count), (cny("2000"), day, Some(3)));
        let monthly = heard(&[in_three, Said { sum: cny("500"), each: true, ..Said::default() }]);
        assert_eq!((monthly.sum, monthly.each, monthly.count), (cny("500"), true, None));
        assert_eq!(
            heard(&[two_thousand, in_three, Said { whole: true, ..Said::default() }]),
            Wish::default()
        );
    }

    #[test]
    fn asking_without_a_value_takes_the_old_value_back() {
        let asks = |asks| Said { asks: Some(asks), ..Said::default() };
        let two_thousand = Said { sum: cny("2000"), date: Some(date(2026, 12, 15)), ..Said::default() };
        let part = heard(&[two_thousand, asks(Asks::Part)]);
        assert!(part.part && part.sum.is_none() && part.date.is_some());
        let later = heard(&[two_thousand, asks(Asks::Later)]);
        assert!(later.date.is_none() && later.sum.is_some());
        let less = heard(&[two_thousand, asks(Asks::Less)]);
        assert!(less.less && less.sum.is_none());
        let parts = heard(&[two_thousand, asks(Asks::Less), asks(Asks::Parts)]);
        assert!(!parts.less && parts.parts);
        let never_mind = heard(&[asks(Asks::Parts), Said { date: two_thousand.date, ..asks(Asks::Nothing) }]);
        assert!(!never_mind.parts && never_mind.date.is_some());
    }
}
