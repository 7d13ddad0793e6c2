//! A plan: the days and sums by which a debt is paid.

use std::{cmp::Reverse, fmt};

use jiff::{ToSpan, civil::Date};
use rust_decimal::{Decimal, RoundingStrategy};
use waihu_types::Money;

use crate::calendar::Calendar;

/// The least time between two parts [days]: wages come by the week at the soonest.
const LEAST_GAP_DAYS: i32 = 7;

/// One payment of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The day it is due.
    pub date: Date,
    /// How much.
    pub sum: Money,
}

/// Payments that make a total: at least one, on ascending days, to the cent.
///
/// `Debug` hides the sums and days: they are personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Plan {
    total: Money,
    discount: Money,
    parts: Vec<Part>,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plan({} parts)", self.parts.len())
    }
}

/// How easy a plan is on the debtor: less to pay, then in more parts, then later, then less at
/// first. What is offered only ever becomes easier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ease {
    discount: Decimal,
    parts: usize,
    last: Date,
    first: Reverse<Decimal>,
}

impl Plan {
    /// The payments `sums` on `dates`; none where they are not as many, or there are none.
    pub(crate) fn new(discount: Money, sums: &[Money], dates: &[Date]) -> Option<Self> {
        if sums.is_empty() || sums.len() != dates.len() {
            return None;
        }
        let total = sums.iter().map(Money::amount).sum();
        let parts = sums.iter().zip(dates).map(|(sum, date)| Part { date: *date, sum: *sum }).collect();
        Some(Self { total: Money::new(total, discount.currency()).ok()?, discount, parts })
    }

    /// What is paid in all.
    pub fn total(&self) -> Money {
        self.total
    }

    /// What is waived: total and discount together are what is due.
    pub fn discount(&self) -> Money {
        self.discount
    }

    /// The payments, in their order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The first payment.
    pub fn first(&self) -> Part {
        self.parts[0]
    }

    /// The last payment; the first where it is the only one.
    pub fn last(&self) -> Part {
        self.parts[self.parts.len() - 1]
    }

    /// How easy it is on the debtor.
    pub fn ease(&self) -> Ease {
        Ease {
            discount: self.discount.amount(),
            parts: self.parts.len(),
            last: self.last().date,
            first: Reverse(self.first().sum.amount()),
        }
    }
}

/// How a total is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Into so many parts, as equal as cents allow.
    Equal(u32),
    /// This first, and the rest equally, in so many parts in all.
    First(Money, u32),
    /// This each time, until nothing is left.
    Each(Money),
}

impl Shape {
    /// How many parts of `total` it makes.
    pub(crate) fn count(self, total: Money) -> u32 {
        match self {
            Self::Equal(n) | Self::First(_, n) => n,
            Self::Each(sum) if sum.amount().is_zero() => u32::MAX,
            Self::Each(sum) => u32::try_from((total.amount() / sum.amount()).ceil()).unwrap_or(u32::MAX),
        }
    }

    /// The parts of `total`, together exactly that; none where one would be nothing. What cannot be
    /// divided goes to the first of the equal ones, so that no later payment is more than was said.
    pub(crate) fn divide(self, total: Money) -> Option<Vec<Money>> {
        let count = self.count(total);
        let money = |d: Decimal| Money::new(d, total.currency()).ok().filter(|m| !m.amount().is_zero());
        let equal = |of: Decimal, n: u32| {
            let one = (of / Decimal::from(n)).round_dp_with_strategy(2, RoundingStrategy::ToZero);
            let first = of - one * Decimal::from(n - 1);
            std::iter::once(first).chain((1..n).map(move |_| one))
        };
        let total_sum = total.amount();
        match self {
            _ if count == 0 || count > MAX_PARTS => None,
            Self::Equal(n) => equal(total_sum, n).map(money).collect(),
            Self::First(..) if count == 1 => Some(vec![total]),
            Self::First(first, n) => {
                let rest = total_sum - first.amount();
                std::iter::once(first.amount()).chain(equal(rest, n - 1)).map(money).collect()
            }
            Self::Each(sum) => {
                let last = total_sum - sum.amount() * Decimal::from(count - 1);
                (1..count).map(|_| sum.amount()).chain([last]).map(money).collect()
            }
        }
    }
}

/// More parts than any authority allows are not even laid out.
const MAX_PARTS: u32 = 60;

/// The days between which the parts of a plan lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) calendar: Calendar,
    /// The day of the call.
    pub(crate) today: Date,
    /// The latest day of the first part.
    pub(crate) first_by: Date,
    /// The latest day of the last part.
    pub(crate) last_by: Date,
}

impl Window {
    /// The working day of a first part wanted on `day`. Where there is none between today and the
    /// latest day, the day itself: a payment today needs no bank to be open.
    pub(crate) fn first(&self, day: Date) -> Date {
        let day = day.clamp(self.today, self.first_by);
        self.calendar.fit(day, self.today, self.first_by).unwrap_or(day)
    }

    /// The days of `count` monthly parts, the first on `day` and each later one on its day of the
    /// month, or on the last day of a shorter month; moved to working days. None where they do not
    /// end in time.
    pub(crate) fn monthly(&self, day: Date, count: u32) -> Option<Vec<Date>> {
        let day = day.clamp(self.today, self.first_by);
        self.spread(day, count, |n| day.checked_add(n.months()).ok())
    }

    /// The days of `count` parts some whole weeks apart, as long as the time allows; none where they
    /// would be less than a week apart.
    pub(crate) fn weekly(&self, day: Date, count: u32) -> Option<Vec<Date>> {
        let day = day.clamp(self.today, self.first_by);
        let between = i32::try_from(count.saturating_sub(1)).ok()?;
        let time = (self.last_by - day).get_days();
        let gap = time.checked_div(between).unwrap_or(time) / LEAST_GAP_DAYS * LEAST_GAP_DAYS;
        if gap < LEAST_GAP_DAYS && between > 0 {
            return None;
        }
        self.spread(day, count, |n| day.checked_add((gap * n).days()).ok())
    }

    fn spread(&self, day: Date, count: u32, wanted: impl Fn(i32) -> Option<Date>) -> Option<Vec<Date>> {
        let mut dates = vec![self.first(day)];
        for n in 1..i32::try_from(count).ok()? {
            let after = dates.last()?.checked_add(1.day()).ok()?;
            let wanted = wanted(n).filter(|d| *d <= self.last_by)?.max(after);
            dates.push(self.calendar.fit(wanted, after, self.last_by)?);
        }
        Some(dates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use waihu_types::Currency;

    fn cny(text: &str) -> Money {
        Money::parse(text, Currency::CNY).unwrap()
    }

    fn sums(shape: Shape, total: &str) -> Option<Vec<String>> {
        shape.divide(cny(total)).map(|s| s.iter().map(|m| m.amount().to_string()).collect())
    }

    #[test]
    fn cents_that_cannot_be_divided_are_paid_first() {
        assert_eq!(sums(Shape::Equal(3), "3250").unwrap(), ["1083.34", "1083.33", "1083.33"]);
        assert_eq!(
            sums(Shape::First(cny("500"), 4), "1000.01").unwrap(),
            ["500.00", "166.67", "166.67", "166.67"]
        );
        assert_eq!(sums(Shape::Each(cny("500")), "1200.50").unwrap(), ["500.00", "500.00", "200.50"]);
        assert_eq!(sums(Shape::Each(cny("600")), "1200").unwrap(), ["600.00", "600.00"]);
    }

    #[test]
    fn a_part_of_nothing_is_no_part() {
        assert_eq!(sums(Shape::Equal(3), "0.02"), None);
        assert_eq!(sums(Shape::First(cny("1000"), 2), "1000"), None);
        assert_eq!(sums(Shape::Equal(0), "1000"), None);
        assert_eq!(sums(Shape::Each(cny("0.01")), "1000"), None, "more parts than anyone pays");
    }

    #[test]
    fn parts_keep_their_day_of_the_month() {
        let window = Window {
            calendar: Calendar::Cn,
            today: date(2026, 11, 26),
            first_by: date(2027, 1, 31),
            last_by: date(2027, 12, 31),
        };
        // The 31st: a Thursday; a Sunday; the last of February, a Sunday; a Wednesday.
        assert_eq!(
            window.monthly(date(2026, 12, 31), 4).unwrap(),
            [date(2026, 12, 31), date(2027, 2, 1), date(2027, 3, 1), date(2027, 3, 31)]
        );
        assert_eq!(window.monthly(date(2026, 12, 31), 14), None);
        let close = Window { last_by: date(2026, 12, 20), ..window };
        assert_eq!(
            close.weekly(date(2026, 11, 27), 4),
            Some(vec![date(2026, 11, 27), date(2026, 12, 4), date(2026, 12, 11), date(2026, 12, 18)])
        );
        assert_eq!(close.weekly(date(2026, 11, 27), 5), None);
    }

    #[test]
    fn parts_around_the_spring_festival_do_not_fall_together() {
        let window = Window {
            calendar: Calendar::Cn,
            today: date(2026, 2, 1),
            first_by: date(2026, 2, 20),
            last_by: date(2026, 3, 6),
        };
        let dates = window.weekly(date(2026, 2, 16), 3).unwrap();
        assert_eq!(dates, [date(2026, 2, 14), date(2026, 2, 24), date(2026, 3, 2)]);
    }
}
