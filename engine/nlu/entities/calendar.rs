//! Days named relative to the day of the call, as INTENTS fixes their meaning.
//!
//! A week runs from Monday to Sunday. Each function gives `None` for a day that cannot be.

use jiff::{
    Span,
    civil::{Date, Weekday},
};

/// How often the words for a day name one, and so what they mean in "paid on Monday".
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Recurs {
    Never,
    Weekly,
    Monthly,
    Yearly,
}

/// The last day before today with the same name as `date`, which the words gave as one to come.
pub(super) fn last_such(date: Date, today: Date, recurs: Recurs) -> Option<Date> {
    let back = |months: i64| {
        let m = months_ahead(date.first_of_month(), -months)?;
        Date::new(m.year(), m.month(), date.day()).ok().filter(|d| *d < today)
    };
    match recurs {
        Recurs::Never => Some(date),
        Recurs::Weekly => weekday_before(today, date.weekday()),
        Recurs::Monthly => (0..=3).find_map(back),
        Recurs::Yearly => (0..=8).find_map(|y| back(12 * y)),
    }
}

/// No promise reaches further than ten years; it also keeps the arithmetic in range.
const MAX_AHEAD_DAYS: i64 = 3_660;
const MAX_AHEAD_MONTHS: i64 = 120;

pub(super) fn days_ahead(today: Date, days: i64) -> Option<Date> {
    if days.abs() > MAX_AHEAD_DAYS {
        return None;
    }
    today.checked_add(Span::new().try_days(days).ok()?).ok()
}

pub(super) fn months_ahead(today: Date, months: i64) -> Option<Date> {
    if months.abs() > MAX_AHEAD_MONTHS {
        return None;
    }
    today.checked_add(Span::new().try_months(months).ok()?).ok()
}

/// The given day in the calendar week that lies `weeks` from this one.
pub(super) fn weekday_in_week(today: Date, day: Weekday, weeks: i64) -> Option<Date> {
    let from_today = i64::from(day.to_monday_zero_offset() - today.weekday().to_monday_zero_offset());
    days_ahead(today, from_today + 7 * weeks)
}

/// This week's day if it is not past, else next week's: the first such day from today on.
pub(super) fn weekday_from_today(today: Date, day: Weekday) -> Option<Date> {
    let ahead = (day.to_monday_zero_offset() - today.weekday().to_monday_zero_offset()).rem_euclid(7);
    days_ahead(today, i64::from(ahead))
}

/// The first such day from tomorrow on.
pub(super) fn weekday_from_tomorrow(today: Date, day: Weekday) -> Option<Date> {
    weekday_from_today(days_ahead(today, 1)?, day)
}

/// The last such day before today.
pub(super) fn weekday_before(today: Date, day: Weekday) -> Option<Date> {
    days_ahead(weekday_from_today(today, day)?, -7)
}

/// A bare day of the month: this month's if it is not past, else that of the next month which has
/// such a day.
pub(super) fn day_of_month(today: Date, day: i8) -> Option<Date> {
    if day >= today.day()
        && let Ok(d) = Date::new(today.year(), today.month(), day)
    {
        return Some(d);
    }
    (1..=2).find_map(|n| {
        let m = months_ahead(today.first_of_month(), n)?;
        Date::new(m.year(), m.month(), day).ok()
    })
}

/// A day of the month `months` from this one; a day past its end means its last.
pub(super) fn day_in_month(today: Date, months: i64, day: i8) -> Option<Date> {
    let m = months_ahead(today.first_of_month(), months)?;
    (1..=31).contains(&day).then_some(())?;
    Date::new(m.year(), m.month(), day.min(m.days_in_month())).ok()
}

/// The last day of the month `months` from this one.
pub(super) fn end_of_month(today: Date, months: i64) -> Option<Date> {
    months_ahead(today.first_of_month(), months).map(Date::last_of_month)
}

/// A month and a day without a year: the next such day from today on.
pub(super) fn month_day(today: Date, month: i8, day: i8) -> Option<Date> {
    // Four more years reach the next leap day, save around 2100.
    (0..=4).find_map(|y| Date::new(today.year().checked_add(y)?, month, day).ok().filter(|d| *d >= today))
}

/// The last day of a named month: the next one from today on.
pub(super) fn end_of_named_month(today: Date, month: i8) -> Option<Date> {
    (0..=1).find_map(|y| {
        let last = Date::new(today.year().checked_add(y)?, month, 1).ok()?.last_of_month();
        (last >= today).then_some(last)
    })
}

/// The Saturday of this week; on a Sunday, the next one.
pub(super) fn weekend(today: Date) -> Option<Date> {
    weekday_from_today(today, Weekday::Saturday)
}
