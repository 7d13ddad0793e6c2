//! Working days: the days on which a payment that was promised can be made, and be seen.
//!
//! Days off are read from the file that `compliance` goes by, so that there is one list of them. Deliberately
//! absent: the holidays of provinces, states and banks, and lunar reckoning: days that move are listed, not
//! computed.

use std::{ops::RangeInclusive, str::FromStr, sync::LazyLock};

use jiff::{
    ToSpan,
    civil::{Date, Weekday},
};
use waihu_compliance::Holidays;

/// Which days are working days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Calendar {
    /// Mainland China: weekends and the public holidays, with the working weekends (调休) that the
    /// State Council sets for them.
    Cn,
    /// The United States: weekends and the days on which the Federal Reserve, and so payment, rests.
    Us,
    /// Weekends alone.
    None,
}

/// A calendar that there is none of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown calendar: use cn, us or none 未知日历")]
pub struct UnknownCalendar;

impl FromStr for Calendar {
    type Err = UnknownCalendar;

    fn from_str(s: &str) -> Result<Self, UnknownCalendar> {
        match s {
            "cn" => Ok(Self::Cn),
            "us" => Ok(Self::Us),
            "none" => Ok(Self::None),
            _ => Err(UnknownCalendar),
        }
    }
}

/// Days off in mainland China and weekends that are worked, as they stand in the file that calling hours go by
/// too.
static CN: LazyLock<Holidays> = LazyLock::new(|| Holidays::parse(CN_FILE, CN_TEXT).unwrap_or_default());
const CN_FILE: &str = "compliance/holidays/cn.toml";
const CN_TEXT: &str = include_str!("../../compliance/holidays/cn.toml");

/// Time zones of the United States that do not begin with one of [`US_AREAS`].
const US_ZONES: [&str; 16] = [
    "America/New_York",
    "America/Detroit",
    "America/Chicago",
    "America/Menominee",
    "America/Denver",
    "America/Boise",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "America/Juneau",
    "America/Sitka",
    "America/Metlakatla",
    "America/Yakutat",
    "America/Nome",
    "America/Adak",
    "Pacific/Honolulu",
];
const US_AREAS: [&str; 4] = ["US/", "America/Indiana/", "America/Kentucky/", "America/North_Dakota/"];
const CN_ZONES: [&str; 5] = ["Asia/Shanghai", "Asia/Urumqi", "Asia/Chongqing", "Asia/Harbin", "PRC"];

/// How far a working day is looked for [days]: longer than any row of days off.
const REACH: i32 = 16;

impl Calendar {
    /// The calendar of a place, by its IANA time zone; weekends alone where it is another country's.
    pub fn of_zone(zone: &str) -> Self {
        if CN_ZONES.contains(&zone) {
            Self::Cn
        } else if US_ZONES.contains(&zone) || US_AREAS.iter().any(|a| zone.starts_with(a)) {
            Self::Us
        } else {
            Self::None
        }
    }

    /// The years of which all holidays are known here. Before and after them, China has those of its
    /// holidays that never move; the United States name theirs by rule, as now since 2022.
    pub fn years(self) -> RangeInclusive<i16> {
        match self {
            Self::Cn => 2025..=2027,
            Self::Us => 2022..=9999,
            Self::None => -9999..=9999,
        }
    }

    /// Whether a payment can be made and seen on that day.
    pub fn is_working(self, day: Date) -> bool {
        let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        match self {
            Self::None => !weekend,
            Self::Us => !weekend && !is_federal_holiday(day),
            Self::Cn => CN.is_worked(day) || !weekend && !is_off_in_china(day),
        }
    }

    /// The working day for a payment that is wanted on `day`: that day or the next one, or where
    /// that would be after `last` the one before, but not before `first`. None where no day between
    /// is a working day.
    pub fn fit(self, day: Date, first: Date, last: Date) -> Option<Date> {
        let near = |sign: i32| (0..=REACH).filter_map(move |n| day.checked_add((sign * n).days()).ok());
        let fits = |d: &Date| (first..=last).contains(d) && self.is_working(*d);
        near(1).take_while(|d| *d <= last).find(fits).or_else(|| near(-1).find(fits))
    }
}

fn is_off_in_china(day: Date) -> bool {
    let fixed = matches!((day.month(), day.day()), (1, 1) | (5, 1..=2) | (10, 1..=3));
    fixed || CN.is_off(day)
}

/// The holidays of 5 U.S.C. 6103(a) as the Federal Reserve Banks keep them: one on a Sunday is kept
/// on the Monday, one on a Saturday is not kept on another day.
fn is_federal_holiday(day: Date) -> bool {
    let (month, number) = (day.month(), day.day());
    let monday = day.weekday() == Weekday::Monday;
    // On the day itself, or on the Monday after its Sunday.
    let kept = |m, d| month == m && (number == d || monday && number == d + 1);
    // The so-many-eth such weekday of a month lies within its seven days.
    let in_week = |n: i8| (7 * n - 6..=7 * n).contains(&number);
    match month {
        1 => kept(1, 1) || monday && in_week(3),
        2 => monday && in_week(3),
        5 => monday && number >= 25,
        6 => kept(6, 19),
        7 => kept(7, 4),
        9 => monday && in_week(1),
        10 => monday && in_week(2),
        11 => kept(11, 11) || day.weekday() == Weekday::Thursday && in_week(4),
        12 => kept(12, 25),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn china_works_on_some_weekends_and_rests_on_some_weekdays() {
        let cn = Calendar::Cn;
        for worked in [date(2026, 10, 10), date(2026, 1, 4), date(2026, 11, 26), date(2027, 2, 9)] {
            assert!(cn.is_working(worked), "{worked}");
        }
        for off in
            [date(2026, 2, 23), date(2026, 10, 7), date(2026, 11, 28), date(2027, 2, 5), date(2029, 5, 2)]
        {
            assert!(!cn.is_working(off), "{off}");
        }
    }

    /// The days of the years from `first` to `last`.
    fn days(first: i16, last: i16) -> impl Iterator<Item = Date> {
        let from = date(first, 1, 1);
        std::iter::successors(Some(from), |day| day.tomorrow().ok()).take_while(move |day| day.year() <= last)
    }

    #[test]
    fn every_year_of_the_calendar_stands_in_the_file_and_no_day_is_both_off_and_worked() {
        let file = Holidays::parse(CN_FILE, CN_TEXT).unwrap();
        assert!(Calendar::Cn.years().all(|year| file.knows(year)));
        assert!(!file.knows(Calendar::Cn.years().start() - 1) && !file.knows(Calendar::Cn.years().end() + 1));
        let worked: Vec<Date> = days(2025, 2027).filter(|d| file.is_worked(*d)).collect();
        assert_eq!(worked.len(), 11);
        let weekend = |d: &Date| matches!(d.weekday(), Weekday::Saturday | Weekday::Sunday);
        assert!(worked.iter().all(|d| weekend(d) && !file.is_off(*d)));
    }

    #[test]
    fn the_file_of_the_united_states_says_what_their_rule_does() {
        let text = include_str!("../../compliance/holidays/us.toml");
        let file = Holidays::parse("compliance/holidays/us.toml", text).unwrap();
        assert!((2025..=2029).all(|year| file.knows(year)));
        assert!(days(2025, 2029).all(|d| file.is_off(d) == is_federal_holiday(d)));
    }

    #[test]
    fn the_united_states_keep_the_holidays_of_their_banks() {
        // From the Federal Reserve's list for 2026 and 2027.
        let kept = [
            date(2026, 1, 1),
            date(2026, 1, 19),
            date(2026, 2, 16),
            date(2026, 5, 25),
            date(2026, 6, 19),
            date(2026, 9, 7),
            date(2026, 10, 12),
            date(2026, 11, 11),
            date(2026, 11, 26),
            date(2026, 12, 25),
            date(2027, 7, 5),
        ];
        assert!(kept.iter().all(|d| !Calendar::Us.is_working(*d)), "{kept:?}");
        // Independence Day of 2026 and Christmas of 2027 are Saturdays, and not kept on the Friday.
        for worked in [date(2026, 7, 3), date(2027, 12, 24), date(2026, 11, 27), date(2026, 2, 23)] {
            assert!(Calendar::Us.is_working(worked), "{worked}");
        }
        let year = (0..365).filter_map(|n| date(2026, 1, 1).checked_add(n.days()).ok());
        let weekdays = year.filter(|d| Calendar::None.is_working(*d) && !Calendar::Us.is_working(*d));
        assert_eq!(weekdays.count(), 10, "eleven holidays, one of them on a Saturday");
    }

    #[test]
    fn a_payment_moves_to_the_next_working_day_but_never_past_the_last() {
        let fit = |day, last| Calendar::Cn.fit(day, date(2026, 11, 26), last);
        let saturday = date(2026, 11, 28);
        assert_eq!(fit(saturday, date(2026, 12, 26)), Some(date(2026, 11, 30)));
        assert_eq!(fit(saturday, date(2026, 11, 29)), Some(date(2026, 11, 27)));
        assert_eq!(Calendar::Cn.fit(saturday, saturday, date(2026, 11, 29)), None);
    }

    #[test]
    fn a_zone_has_the_calendar_of_its_country() {
        assert_eq!(Calendar::of_zone("Asia/Shanghai"), Calendar::Cn);
        assert_eq!(Calendar::of_zone("America/Indiana/Knox"), Calendar::Us);
        assert_eq!(Calendar::of_zone("America/Toronto"), Calendar::None);
    }
}
