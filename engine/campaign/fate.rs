//! What becomes of a promise: kept, kept in part, broken, replaced by a later one, or open still.
//!
//! A payment is what the lender tells of: the case is paid, or less is due than before. Books come a day late, so that
//! it is in time when it is told of by the end of the day after the promised one, by the debtor's clock. The lender's
//! own word of the promise outweighs all of this.

use jiff::{Span, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;
use waihu_types::{Promise, PromiseState, PromisedPart, WallTime};

use crate::strategy::hours::zone;

/// How long the lender's books take \[days\].
const BOOKS: i64 = 1;

/// What became of a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fate {
    /// Its last day has not gone by, and no payment of it is missing.
    Open,
    /// All of it was paid, each payment in time.
    Kept,
    /// A payment was missing when its day was over, and something had been paid.
    KeptInPart,
    /// The same, and nothing had been.
    Broken,
    /// Another one was made before its day was over.
    Replaced,
    /// The lender took the case back before it could be told, or never told of it.
    Unknown,
}

impl Fate {
    /// Every fate.
    pub const ALL: [Self; 6] =
        [Self::Open, Self::Kept, Self::KeptInPart, Self::Broken, Self::Replaced, Self::Unknown];

    /// The name as it is written in records.
    pub fn label(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Kept => "kept",
            Self::KeptInPart => "kept_in_part",
            Self::Broken => "broken",
            Self::Replaced => "replaced",
            Self::Unknown => "unknown",
        }
    }

    /// The same for readers of Mandarin.
    pub fn label_zh(self) -> &'static str {
        match self {
            Self::Open => "未到期",
            Self::Kept => "已兑现",
            Self::KeptInPart => "部分兑现",
            Self::Broken => "未兑现",
            Self::Replaced => "已改约",
            Self::Unknown => "无法得知",
        }
    }

    /// The fate of that name.
    pub fn of_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fate| fate.label() == label)
    }

    /// Whether it is known whether the promise was kept.
    fn is_settled(self) -> bool {
        matches!(self, Self::Kept | Self::KeptInPart | Self::Broken)
    }
}

/// A promise, and when it stood.
#[derive(Clone, Copy, Debug)]
pub struct Promised<'a> {
    /// What was promised.
    pub promise: &'a Promise,
    /// When.
    pub at: WallTime,
    /// When the next one about the same case was made; none where there was none.
    pub next: Option<WallTime>,
    /// The debtor's time zone, by its IANA name.
    pub zone: &'a str,
}

/// What a lender told of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// When.
    pub at: WallTime,
    /// Whether it is paid from then on.
    pub paid: bool,
    /// Whether the lender has taken it back.
    pub withdrawn: bool,
    /// By so much less is due than before.
    pub fell: Decimal,
    /// What the lender says of the promise of a day.
    pub word: Option<(PromiseState, Date)>,
}

/// By how much less is due: nothing where more is, or it is not known.
pub fn fall(before: Option<&str>, due: Option<&str>) -> Decimal {
    let sum = |text: Option<&str>| text?.parse::<Decimal>().ok();
    let (Some(before), Some(due)) = (sum(before), sum(due)) else { return Decimal::ZERO };
    before.saturating_sub(due).max(Decimal::ZERO)
}

/// How a promise stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What became of it.
    pub fate: Fate,
    /// When its last day is over, and the day of the books.
    pub due_at: WallTime,
    /// Whether that has come, and it is known what became of it.
    pub is_due: bool,
    /// When it may stand otherwise by time alone.
    pub look_at: Option<WallTime>,
}

/// What has become of a promise by now, from all that the lender told of its case, in its order; none where the lender
/// never told of the case.
pub fn judge(of: &Promised<'_>, told: Option<&[Told]>, now: WallTime) -> Judged {
    let alone = [PromisedPart { date: of.promise.date, sum: of.promise.sum }];
    let parts = if of.promise.parts.is_empty() { alone.as_slice() } else { of.promise.parts.as_slice() };
    let zone = zone(of.zone);
    let booked = |part: &PromisedPart| over(&zone, part.date, BOOKS);
    let last = parts.last().unwrap_or(&alone[0]);
    let due_at = booked(last);
    let fate = match by_payments(of, parts, &zone, told, now) {
        Fate::Replaced => Fate::Replaced,
        fate => match word(of, last.date, told.unwrap_or_default()) {
            Some(PromiseState::Kept) => Fate::Kept,
            Some(PromiseState::Broken) if fate == Fate::KeptInPart => fate,
            Some(PromiseState::Broken) => Fate::Broken,
            Some(PromiseState::Open) | None => fate,
        },
    };
    Judged {
        fate,
        due_at,
        is_due: now >= due_at && fate.is_settled(),
        look_at: parts.iter().map(booked).find(|at| *at > now),
    }
}

/// When a day is over at a place, and so many more.
fn over(zone: &TimeZone, day: Date, more: i64) -> WallTime {
    let next = day.saturating_add(Span::new().days(1 + more));
    // Beyond the calendar: never.
    let at = zone.to_timestamp(next.at(0, 0, 0, 0)).map_or(i64::MAX, |at| at.as_millisecond());
    WallTime::from_unix_millis(at)
}

fn by_payments(
    of: &Promised<'_>,
    parts: &[PromisedPart],
    zone: &TimeZone,
    told: Option<&[Told]>,
    now: WallTime,
) -> Fate {
    let all: Decimal = parts.iter().map(|part| part.sum.amount()).sum();
    let mut owed = Decimal::ZERO;
    for part in parts {
        owed += part.sum.amount();
        let booked = over(zone, part.date, BOOKS);
        let replaced = of.next.filter(|next| *next < over(zone, part.date, 0));
        if replaced.is_some() || now < booked {
            let paid = paid(of, told, replaced.unwrap_or(now).min(now)) >= all;
            return match (paid, replaced) {
                (true, _) => Fate::Kept,
                (false, Some(_)) => Fate::Replaced,
                (false, None) => Fate::Open,
            };
        }
        let paid = paid(of, told, booked);
        if paid < owed {
            let withdrawn = told.is_none_or(|told| standing(told, booked).is_some_and(|t| t.withdrawn));
            return match (withdrawn, paid.is_zero()) {
                (true, _) => Fate::Unknown,
                (false, true) => Fate::Broken,
                (false, false) => Fate::KeptInPart,
            };
        }
    }
    Fate::Kept
}

/// What was told last, by a moment.
fn standing(told: &[Told], by: WallTime) -> Option<&Told> {
    told.iter().rev().find(|told| told.at <= by)
}

/// What was paid after the promise, by a moment. A rise of what is due takes nothing back: the next payment may have
/// fallen due.
fn paid(of: &Promised<'_>, told: Option<&[Told]>, by: WallTime) -> Decimal {
    let told = told.unwrap_or_default();
    if standing(told, by).is_some_and(|told| told.paid) {
        return Decimal::MAX;
    }
    let since = told.iter().filter(|told| told.at > of.at && told.at <= by);
    since.fold(Decimal::ZERO, |sum, told| sum.saturating_add(told.fell))
}

/// What the lender said last of a promise of this day, after it was made: of its first day, or its last.
fn word(of: &Promised<'_>, last: Date, told: &[Told]) -> Option<PromiseState> {
    let since = told.iter().rev().filter(|told| told.at > of.at).filter_map(|told| told.word);
    let mut ours = since.filter(|(_, day)| [of.promise.date, last].contains(day)).map(|(state, _)| state);
    ours.find(|state| *state != PromiseState::Open)
}

#[cfg(test)]
mod tests {
    use waihu_types::{Currency, Money};

    use super::*;

    fn money(text: &str) -> Money {
        Money::parse(text, Currency::CNY).unwrap()
    }

    fn day(day: i8) -> Date {
        jiff::civil::date(2026, 12, day)
    }

    /// So many hours after the beginning of the first of December in Shanghai.
    fn at(hours: i64) -> WallTime {
        WallTime::from_unix_millis(
            "2026-11-30T16:00:00Z".parse::<WallTime>().unwrap().unix_millis() + hours * 3_600_000,
        )
    }

    fn told(hours: i64) -> Told {
        Told { at: at(hours), paid: false, withdrawn: false, fell: Decimal::ZERO, word: None }
    }

    fn fell(hours: i64, sum: &str) -> Told {
        Told { fell: sum.parse().unwrap(), ..told(hours) }
    }

    /// A promise of ten o'clock on the first.
    fn of(promise: &Promise) -> Promised<'_> {
        Promised { promise, at: at(10), next: None, zone: "Asia/Shanghai" }
    }

    #[test]
    fn one_payment_is_in_time_until_the_books_of_its_day_are_there() {
        let promise = Promise::of(day(3), money("1000"));
        // The third is over at 72 h, the day of its books at 96 h.
        let fate = |told: &[Told], now: i64| judge(&of(&promise), Some(told), at(now));
        let open = fate(&[], 95);
        assert_eq!((open.fate, open.is_due), (Fate::Open, false));
        assert_eq!((open.due_at, open.look_at), (at(96), Some(at(96))));
        let broken = fate(&[], 96);
        assert_eq!((broken.fate, broken.is_due, broken.look_at), (Fate::Broken, true, None));
        // Early, and counted when its day is over.
        let early = fate(&[fell(20, "1000")], 30);
        assert_eq!((early.fate, early.is_due, early.look_at), (Fate::Kept, false, Some(at(96))));
        assert!(fate(&[fell(20, "1000")], 96).is_due);
        for (told, becomes) in [
            (vec![fell(95, "1000")], Fate::Kept),
            (vec![fell(97, "1000")], Fate::Broken),
            (vec![fell(50, "400"), fell(60, "600")], Fate::Kept),
            (vec![fell(50, "400")], Fate::KeptInPart),
            (vec![fell(50, "400"), fell(97, "600")], Fate::KeptInPart),
            // What came before it was promised is none of it.
            (vec![fell(9, "1000")], Fate::Broken),
            (vec![Told { paid: true, ..told(90) }], Fate::Kept),
            (vec![Told { paid: true, ..told(97) }], Fate::Broken),
            (vec![Told { paid: true, ..told(50) }, told(60)], Fate::Broken),
            (vec![Told { withdrawn: true, ..told(50) }], Fate::Unknown),
            (vec![Told { withdrawn: true, ..told(97) }], Fate::Broken),
            (vec![Told { word: Some((PromiseState::Kept, day(3))), ..told(300) }], Fate::Kept),
            (vec![Told { word: Some((PromiseState::Kept, day(2))), ..told(300) }], Fate::Broken),
            (
                vec![fell(50, "1000"), Told { word: Some((PromiseState::Broken, day(3))), ..told(99) }],
                Fate::Broken,
            ),
        ] {
            assert_eq!(fate(&told, 400).fate, becomes, "{told:?}");
        }
        assert_eq!(judge(&of(&promise), None, at(400)).fate, Fate::Unknown, "of no case that is known");
    }

    #[test]
    fn the_day_is_the_debtors() {
        let promise = Promise::of(day(3), money("1000"));
        let there = Promised { zone: "America/New_York", ..of(&promise) };
        assert_eq!(judge(&there, Some(&[]), at(20)).due_at, at(96 + 13));
    }

    #[test]
    fn each_payment_of_several_has_its_day() {
        let part = |d, sum| PromisedPart { date: day(d), sum: money(sum) };
        let parts = vec![part(3, "400"), part(10, "600")];
        let promise = Promise { parts, ..Promise::of(day(3), money("1000")) };
        let fate = |told: &[Told], now: i64| judge(&of(&promise), Some(told), at(now));
        let first = [fell(50, "400")];
        assert_eq!(fate(&first, 100).fate, Fate::Open);
        assert_eq!(fate(&first, 100).look_at, Some(at(264)));
        assert_eq!(fate(&[fell(50, "400"), fell(240, "600")], 264).fate, Fate::Kept);
        assert_eq!(fate(&first, 264).fate, Fate::KeptInPart);
        // The next month's instalment has fallen due meanwhile: what was paid is paid.
        assert_eq!(fate(&[fell(50, "400"), told(60), fell(200, "600")], 264).fate, Fate::Kept);
        let missed = fate(&[fell(200, "1000")], 100);
        assert_eq!((missed.fate, missed.is_due), (Fate::Broken, false), "and counted when all of it is due");
        assert!(fate(&[fell(200, "1000")], 264).is_due);
    }

    #[test]
    fn a_later_promise_replaces_what_is_not_due_yet() {
        let promise = Promise::of(day(3), money("1000"));
        let fate = |next: i64, told: &[Told]| {
            judge(&Promised { next: Some(at(next)), ..of(&promise) }, Some(told), at(400)).fate
        };
        assert_eq!(fate(40, &[]), Fate::Replaced);
        assert_eq!(fate(40, &[fell(60, "1000")]), Fate::Replaced, "that is the later one's");
        assert_eq!(fate(40, &[fell(30, "1000")]), Fate::Kept);
        assert_eq!(fate(80, &[]), Fate::Broken, "after its day it is too late");
        assert_eq!(
            fate(40, &[Told { word: Some((PromiseState::Kept, day(3))), ..told(90) }]),
            Fate::Replaced
        );
    }

    #[test]
    fn less_is_due_by_what_was_paid() {
        let of = |before, due| fall(before, due).to_string();
        assert_eq!(of(Some("3250.00"), Some("3000.00")), "250.00");
        assert_eq!(fall(Some("3000.00"), Some("3250.00")), Decimal::ZERO);
        assert_eq!(fall(None, Some("3250.00")), Decimal::ZERO);
        for fate in Fate::ALL {
            assert_eq!(Fate::of_label(fate.label()), Some(fate));
        }
    }
}
