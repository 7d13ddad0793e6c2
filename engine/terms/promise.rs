//! Whether a promise that a person took down is within what may be agreed.

use jiff::civil::Date;
use rust_decimal::Decimal;
use waihu_types::{Case, Currency, Money, Promise, PromisedPart};

use crate::{authority::Authority, negotiation::after};

/// What may be promised about one debt, as it stood when its call was placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    due: Money,
    authority: Authority,
    /// The latest day of the first payment [days from the call].
    delay_days: u16,
    time_zone: String,
}

/// What of a promise is beyond what may be agreed, and what may be. It tells sums: it is shown to the agent alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Beyond {
    /// Another currency than the debt's.
    #[error("the debt is in {0} 币种应为 {0}")]
    Currency(Currency),
    /// A first payment before today, or later than is allowed.
    #[error("the first payment may be from {first} to {last} 首次还款日应在 {first} 至 {last}")]
    Day {
        /// The first day that may be.
        first: Date,
        /// The last one.
        last: Date,
    },
    /// A last payment later than is allowed.
    #[error("the last payment may be on {0} at the latest 末期还款日最晚为 {0}")]
    LastDay(Date),
    /// Parts that are no plan.
    #[error(
        "parts are each of a sum, on later and later days, and together what is promised 各期须有金额、按日期先后，合计等于承诺总额"
    )]
    Parts,
    /// Too many parts, or one sum where all is to be paid at once.
    #[error("all of {all} is to be paid; payments at most: {most} 应还清 {all}，最多分 {most} 期", all = shown(.due))]
    Count {
        /// What is owed.
        due: Money,
        /// So many parts at most.
        most: u8,
    },
    /// A part that is too small.
    #[error("no part may be below {least} 每期不得少于 {least}", least = shown(.0))]
    Least(Money),
    /// More than is owed.
    #[error("no more than {owed} is owed 承诺金额不得超过欠款 {owed}", owed = shown(.0))]
    Above(Money),
    /// More is waived than is allowed, or not for paying the rest at once.
    #[error(
        "{most} may be waived at most, where all else is paid at once 最多减免 {most}，且须一次还清",
        most = shown(.0)
    )]
    Discount(Money),
}

fn shown(sum: &Money) -> String {
    format!("{} {}", sum.amount(), sum.currency())
}

impl Terms {
    /// The terms of a case, as the bot negotiates by them.
    pub fn of(case: &Case) -> Self {
        let given = &case.particulars.authority;
        let authority = Authority::new(given, case.due).unwrap_or_else(|_| Authority::standard(case.due));
        let delay_days = authority.delay_days(case.particulars.broken());
        Self { due: case.due, authority, delay_days, time_zone: case.time_zone.clone() }
    }

    /// Where the debtor is, by the IANA name of the time zone: days are counted there.
    pub fn time_zone(&self) -> &str {
        &self.time_zone
    }

    /// Whether a promise may be kept, that was made on the day that is `today` at the debtor's place. One of less than
    /// is owed leaves a further part for later.
    ///
    /// # Errors
    /// The first thing that is beyond the terms.
    pub fn check(&self, promise: &Promise, today: Date) -> Result<(), Beyond> {
        let alone = [PromisedPart { date: promise.date, sum: promise.sum }];
        let parts = if promise.parts.is_empty() { alone.as_slice() } else { promise.parts.as_slice() };
        let mut sums = parts.iter().map(|part| part.sum).chain(promise.discount).chain([promise.sum]);
        if sums.any(|sum| sum.currency() != self.due.currency()) {
            return Err(Beyond::Currency(self.due.currency()));
        }
        let together: Decimal = parts.iter().map(|part| part.sum.amount()).sum();
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return Err(Beyond::Parts) };
        let in_order = parts.is_sorted_by(|a, b| a.date < b.date) && first.date == promise.date;
        if !in_order || together != promise.sum.amount() || parts.iter().any(|p| p.sum.amount().is_zero()) {
            return Err(Beyond::Parts);
        }
        let (first_by, last_by) =
            (after(today, self.delay_days.into()), after(today, self.authority.max_span_days.into()));
        if !(today..=first_by).contains(&first.date) {
            return Err(Beyond::Day { first: today, last: first_by });
        }
        if last.date > last_by {
            return Err(Beyond::LastDay(last_by));
        }
        self.check_sums(parts, together, promise.discount)
    }

    fn check_sums(
        &self,
        parts: &[PromisedPart],
        together: Decimal,
        discount: Option<Money>,
    ) -> Result<(), Beyond> {
        let Self { due, authority, .. } = self;
        let waived = discount.map_or(Decimal::ZERO, |sum| sum.amount());
        if together > due.amount() {
            return Err(Beyond::Above(*due));
        }
        if !waived.is_zero() {
            let most = authority.most_waived(*due);
            let settles = parts.len() == 1 && together + waived == due.amount();
            return if settles && waived <= most.amount() { Ok(()) } else { Err(Beyond::Discount(most)) };
        }
        // What is not promised is one part more.
        let leaves = together < due.amount();
        if parts.len() + usize::from(leaves) > usize::from(authority.max_parts) {
            return Err(Beyond::Count { due: *due, most: authority.max_parts });
        }
        // The last one may be less, where it is what remains.
        let whole = if leaves { parts.len() } else { parts.len() - 1 };
        let least = authority.least_part;
        match parts.iter().take(whole).all(|part| part.sum.amount() >= least.amount()) {
            true => Ok(()),
            false => Err(Beyond::Least(least)),
        }
    }
}
