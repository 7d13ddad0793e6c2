//! English days: day after tomorrow, next Friday, the fifteenth, end of the month, in two weeks.
//!
//! Numbers with a slash are in the American order, month first. Deliberately absent: "next week",
//! "in a few days", "soon", which name no day, and feasts that move.

use jiff::civil::{Date, Weekday};

use super::{
    super::calendar::{self, Recurs},
    number,
    token::{Kind, Token, after, at, before, ends_with, has, phrase},
};

/// Reads a day at `i`: the day, where there is such a day, and the index after its words.
///
/// A day that comes round again is the coming one, or the last one before today where the words
/// before it say that something was done on it ("I paid on Monday").
pub(super) fn parse(t: &[Token], i: usize, today: Date) -> Option<(Option<Date>, usize)> {
    let as_said = |found| Some((found, Recurs::Never));
    let ((date, end), recurs) = near(t, i, today)
        .and_then(as_said)
        .or_else(|| week_from(t, i, today).and_then(as_said))
        .or_else(|| end_of(t, i, today).and_then(as_said))
        .or_else(|| {
            let pointed = matches!(at(t, i), "this" | "next" | "last" | "coming");
            Some((weekday(t, i, today)?, if pointed { Recurs::Never } else { Recurs::Weekly }))
        })
        .or_else(|| ahead(t, i, today).and_then(as_said))
        .or_else(|| feast(t, i, today).and_then(as_said))
        .or_else(|| month(t, i, today).map(|f| (f, Recurs::Yearly)))
        .or_else(|| day_of_month(t, i, today).map(|f| (f, Recurs::Monthly)))
        .or_else(|| written(t, i, today).map(|f| (f, Recurs::Yearly)))?;
    let to_come = date.is_some_and(|d| d > today);
    let date = if recurs != Recurs::Never && to_come && done(before(t, i, 8)) {
        date.and_then(|d| calendar::last_such(d, today, recurs))
    } else {
        date
    };
    Some((date, end))
}

/// Whether the day at `i..end` is of the moon's calendar, which is not reckoned: "lunar August 15th",
/// "Chinese New Year's Day".
pub(super) fn is_lunar(t: &[Token], i: usize, end: usize, today: Date) -> bool {
    let named = |words: &[Token]| {
        (0..words.len()).any(|k| at(words, k) == "lunar" && !matches!(at(words, k + 1), "new" | "festival"))
    };
    let from = end + usize::from(at(t, end) == ",");
    let marked = || {
        let feast = ["chinese", "lunar"].iter().any(|w| ends_with(t, i, w));
        feast || named(before(t, i, 6)) || named(after(t, from, 5))
    };
    let by_calendar = [feast, month, day_of_month, written].iter().any(|read| read(t, i, today).is_some());
    by_calendar && marked()
}

/// Whether the words before a day tell of something done, not of something to come.
fn done(ahead: &[Token]) -> bool {
    const DONE: &[&str] = &[
        "paid",
        "sent",
        "made",
        "transferred",
        "mailed",
        "settled",
        "cleared",
        "debited",
        "deducted",
        "died",
        "passed",
        "buried",
        "already done",
        "is done",
        "was done",
        "deposited",
        "posted",
    ];
    const TO_COME: &[&str] = &[
        "ill", "will", "gonna", "going", "get", "gets", "got", "be", "would", "could", "if", "when", "can",
        "consider", "want", "have it", "getting", "wont", "once", "till", "until", "need", "after",
    ];
    DONE.iter().any(|w| has(ahead, w)) && !TO_COME.iter().any(|w| has(ahead, w))
}

/// Words for days near today. Longer ones stand before those that they contain.
const NEAR: &[(&str, i64)] = &[
    ("the day after tomorrow", 2),
    ("day after tomorrow", 2),
    ("the day before yesterday", -2),
    ("day before yesterday", -2),
    ("a week from today", 7),
    ("a week from tomorrow", 8),
    ("a week today", 7),
    ("a week tomorrow", 8),
    ("a week from now", 7),
    ("two weeks from today", 14),
    ("two weeks from tomorrow", 15),
    ("today week", 7),
    ("today", 0),
    ("todays", 0),
    ("tonight", 0),
    ("this morning", 0),
    ("this afternoon", 0),
    ("this evening", 0),
    ("tomorrow", 1),
    ("tomorrows", 1),
    ("tmrw", 1),
    ("yesterday", -1),
    ("last night", -1),
    ("end of the day", 0),
    ("end of day", 0),
    ("close of business", 0),
];

fn near(t: &[Token], i: usize, today: Date) -> Option<(Option<Date>, usize)> {
    let (words, days) = NEAR.iter().find(|(w, _)| phrase(t, i, w))?;
    Some((calendar::days_ahead(today, *days), i + words.split(' ').count()))
}

/// The weekday that a word names. "sat" and "sun" are verbs and stars too, and are no days here.
fn day_name(w: &str) -> Option<Weekday> {
    Some(match w.strip_suffix('s').filter(|s| s.ends_with("day")).unwrap_or(w) {
        "monday" | "mon" => Weekday::Monday,
        "tuesday" | "tues" | "tue" => Weekday::Tuesday,
        "wednesday" | "wed" | "weds" => Weekday::Wednesday,
        "thursday" | "thurs" | "thur" | "thu" => Weekday::Thursday,
        "friday" | "fri" => Weekday::Friday,
        "saturday" => Weekday::Saturday,
        "sunday" => Weekday::Sunday,
        _ => return None,
    })
}

/// "Friday" as INTENTS has it: from tomorrow on; "this Friday" may be today.
fn weekday(t: &[Token], i: usize, today: Date) -> Option<(Option<Date>, usize)> {
    if phrase(t, i, "friday week") || day_name(at(t, i)).is_some() && at(t, i + 1) == "week" {
        let day = day_name(at(t, i))?;
        let first = calendar::weekday_from_tomorrow(today, day)?;
        return Some((calendar::days_ahead(first, 7), i + 2));
    }
    let lead = match at(t, i) {
        w @ ("this" | "next" | "last" | "coming" | "every" | "each") => Some(w),
        _ => None,
    };
    let mut j = i + usize::from(lead.is_some());
    if lead == Some("next") && at(t, j) == "week" && day_name(at(t, j + 1)).is_some() {
        j += 1;
    }
    if lead == Some("this") && at(t, j) == "coming" {
        j += 1;
    }
    // "Have a nice weekend" is a farewell.
    let wished = i > 0 && matches!(at(t, i - 1), "nice" | "great" | "good" | "lovely");
    if at(t, j) == "weekend" && !wished {
        let day = match lead {
            Some("next") => calendar::weekday_in_week(today, Weekday::Saturday, 1),
            Some("last") => calendar::weekday_before(today, Weekday::Saturday),
            _ => calendar::weekend(today),
        };
        return Some((day, j + 1));
    }
    let day = day_name(at(t, j))?;
    let end = j + 1;
    // "Friday the 27th": the day of the month says it more exactly.
    if let Some((n, e)) = number::ordinal(t, end + usize::from(at(t, end) == "the")) {
        return Some((calendar::day_of_month(today, n), e));
    }
    if phrase(t, end, "after next") {
        return Some((calendar::weekday_in_week(today, day, 2), end + 2));
    }
    if phrase(t, end, "of next week") || phrase(t, end, "next week") {
        let used = if at(t, end) == "of" { 3 } else { 2 };
        return Some((calendar::weekday_in_week(today, day, 1), end + used));
    }
    let date = match lead {
        Some("next") => calendar::weekday_in_week(today, day, 1),
        Some("last") => calendar::weekday_before(today, day),
        Some("this") => calendar::weekday_from_today(today, day),
        _ => calendar::weekday_from_tomorrow(today, day),
    };
    Some((date, end))
}

/// "a week from Friday", "a week on Friday", "two weeks from Monday".
fn week_from(t: &[Token], i: usize, today: Date) -> Option<(Option<Date>, usize)> {
    let (n, j) = if at(t, i) == "a" { (1, i + 1) } else { number::count(t, i)? };
    if !matches!(at(t, j), "week" | "weeks") || !matches!(at(t, j + 1), "from" | "on") {
        return None;
    }
    let k = j + 2 + usize::from(at(t, j + 2) == "this");
    let first = calendar::weekday_from_tomorrow(today, day_name(at(t, k))?)?;
    Some((calendar::days_ahead(first, 7 * i64::from(n)), k + 1))
}

/// "end of the month", "end of next month", "month end", "first of next month", "end of the week".
fn end_of(t: &[Token], i: usize, today: Date) -> Option<(Option<Date>, usize)> {
    if phrase(t, i, "month end") || phrase(t, i, "months end") {
        return Some((calendar::end_of_month(today, 0), i + 2));
    }
    let (part, mut j) = match at(t, i) {
        "end" | "last" => (31, i + 1),
        "middle" | "mid" => (15, i + 1),
        "beginning" | "start" => (1, i + 1),
        _ => number::ordinal(t, i)?,
    };
    let ordinal = !matches!(at(t, i), "end" | "last" | "middle" | "mid" | "beginning" | "start");
    if phrase(t, j, "day of") && at(t, i) == "last" {
        j += 1;
    }
    if at(t, j) != "of" && (ordinal || at(t, j) != "the" && at(t, i) != "mid" && at(t, j) != "next") {
        return None;
    }
    j += usize::from(at(t, j) == "of");
    let steps = match at(t, j) {
        "next" => Some(1),
        "this" | "the" | "current" => Some(0),
        _ => None,
    };
    j += usize::from(steps.is_some());
    if phrase(t, j, "following month") {
        return Some((calendar::day_in_month(today, 1, part), j + 2));
    }
    match at(t, j) {
        "month" if ordinal && steps != Some(1) => Some((calendar::day_of_month(today, part), j + 1)),
        // A beginning or middle that is past is the next month's, as a bare day.
        "month" if part < 31 && steps != Some(1) => Some((calendar::day_of_month(today, part), j + 1)),
        "month" => Some((calendar::day_in_month(today, steps.unwrap_or(0), part), j + 1)),
        // A working week ends on Friday.
        "week" if at(t, i) == "end" => {
            let friday = if steps == Some(1) {
                calendar::weekday_in_week(today, Weekday::Friday, 1)
            } else {
                calendar::weekday_from_today(today, Weekday::Friday)
            };
            Some((friday, j + 1))
        }
        "year" if at(t, i) == "end" => {
            Some((Date::new(today.year().checked_add(i16::from(steps == Some(1)))?, 12, 31).ok(), j + 1))
        }
        w if matches!(at(t, i), "end" | "last") => {
            Some((calendar::end_of_named_month(today, month_name(w)?), j + 1))
        }
        _ => None,
    }
}

/// "in three days", "three days from now", "within a week", "a fortnight from now", "in a month".
fn ahead(t: &[Token], i: usize, today: Date) -> Option<(Option<Date>, usize)> {
    let lead = matches!(at(t, i), "in" | "within" | "after") || ends_with(t, i, "give me");
    let mut j = i + usize::from(matches!(at(t, i), "in" | "within" | "after"));
    while lead && matches!(at(t, j), "like" | "about" | "maybe" | "the" | "next" | "another") {
        j += 1;
    }
    let (n, k) = if let Some(c) = number::couple(t, j) {
        (2, c)
    } else if matches!(at(t, j), "a" | "one") {
        (1, j + 1)
    } else {
        number::count(t, j)?
    };
    let n = i64::from(n);
    // Business days are counted as days: nobody who says "three working days" has a calendar out.
    let k = k + usize::from(matches!(at(t, k), "working" | "business"));
    let (days, months) = match at(t, k) {
        "day" | "days" => (n, 0),
        "week" | "weeks" => (7 * n, 0),
        "fortnight" => (14 * n, 0),
        "month" | "months" => (0, n),
        "year" | "years" => (0, 12 * n),
        _ => return None,
    };
    let mut end = k + 1;
    let mut tail = true;
    if at(t, end) == "time" {
        end += 1;
    } else if phrase(t, end, "from now") || phrase(t, end, "from today") {
        end += 2;
    } else if matches!(at(t, end), "later" | "hence") {
        end += 1;
    } else {
        tail = false;
    }
    // "in a week or two" is no day; "in three months" of illness is over before it is a promise.
    if at(t, end) == "ago" && days != 0 {
        return Some((calendar::days_ahead(today, -days), end + 1));
    }
    if !(lead || tail) || matches!(at(t, end), "or" | "ago" | "instalments" | "installments") {
        return None;
    }
    let date = calendar::months_ahead(today, months).and_then(|d| calendar::days_ahead(d, days));
    Some((date, end))
}

/// The month that a word names. "may", "march" and "august" count only beside a day.
fn month_name(w: &str) -> Option<i8> {
    Some(match w {
        "january" | "jan" => 1,
        "february" | "feb" => 2,
        "march" | "mar" => 3,
        "april" | "apr" => 4,
        "may" => 5,
        "june" | "jun" => 6,
        "july" | "jul" => 7,
        "august" | "aug" => 8,
        "september" | "sept" | "sep" => 9,
        "october" | "oct" => 10,
        "november" | "nov" => 11,
        "december" | "dec" => 12,
        _ => return None,
    })
}

fn year(t: &[Token], i: usize) -> Option<(i16, usize)> {
    let j = i + usize::from(at(t, i) == ",");
    // twenty twenty seven
    if at(t, j) == "twenty"
        && let Some((n, end)) = number::below_hundred(t, j + 1).filter(|(n, _)| (20..100).contains(n))
    {
        return Some((2_000 + i16::try_from(n).ok()?, end));
    }
    let n = t.get(j).filter(|t| t.kind == Kind::Number && t.text.len() == 4)?.text.parse().ok()?;
    (2000..2100).contains(&n).then_some((n, j + 1))
}

/// Christmas, New Year's Eve and Day.
fn feast(t: &[Token], i: usize, today: Date) -> Option<(Option<Date>, usize)> {
    const FEASTS: &[(&str, i8, i8)] = &[
        ("christmas eve", 12, 24),
        ("christmas day", 12, 25),
        ("christmas", 12, 25),
        ("new years eve", 12, 31),
        ("new years day", 1, 1),
        ("new years", 1, 1),
    ];
    let (words, month, day) = FEASTS.iter().find(|(w, ..)| phrase(t, i, w))?;
    // "After Christmas" is some day after it.
    let past = ends_with(t, i, "after");
    Some((calendar::month_day(today, *month, *day).filter(|_| !past), i + words.split(' ').count()))
}

/// "November 27th", "November the twenty seventh", "27 November", "the 27th of November".
fn month(t: &[Token], i: usize, today: Date) -> Option<(Option<Date>, usize)> {
    let cardinal = |i: usize| {
        number::count(t, i)
            .filter(|(n, _)| (1..=31).contains(n))
            .and_then(|(n, e)| Some((i8::try_from(n).ok()?, e)))
    };
    let day = |i: usize| number::ordinal(t, i).or_else(|| cardinal(i));
    let (month, day, end) = if let Some(m) = month_name(at(t, i)) {
        let j = i + 1 + usize::from(at(t, i + 1) == "the");
        let (d, end) = day(j)?;
        (m, d, end)
    } else {
        let (d, mut j) = day(i + usize::from(at(t, i) == "the"))?;
        j += usize::from(at(t, j) == "of");
        (month_name(at(t, j))?, d, j + 1)
    };
    // "may 5 people": a day of the month is followed by no thing counted; "I may" is no month.
    if at(t, i) == "may"
        && matches!(at(t, i.wrapping_sub(1)), "i" | "we" | "you" | "he" | "she" | "they" | "it" | "that")
    {
        return None;
    }
    if let Some((y, e)) = year(t, end) {
        return Some((Date::new(y, month, day).ok(), e));
    }
    Some((calendar::month_day(today, month, day), end))
}

/// What an ordinal counts when it is no day: "the first time", "a second chance".
const COUNTED: &[&str] = &[
    "time",
    "times",
    "call",
    "calls",
    "payment",
    "payments",
    "place",
    "one",
    "person",
    "day",
    "week",
    "month",
    "floor",
    "installment",
    "instalment",
    "notice",
    "letter",
    "party",
    "thing",
    "chance",
    "loan",
    "card",
    "bill",
    "job",
    "wife",
    "husband",
    "call",
    "year",
    "half",
    "of all",
    "name",
    "guy",
    "mortgage",
    "emi",
    "opinion",
    "hand",
    "world",
    "street",
    "avenue",
];

/// "the fifteenth", "on the 1st", "by the 15".
fn day_of_month(t: &[Token], i: usize, today: Date) -> Option<(Option<Date>, usize)> {
    let article = at(t, i) == "the";
    let j = i + usize::from(article);
    let preposition = i > 0
        && matches!(
            at(t, i - 1),
            "on" | "by"
                | "before"
                | "until"
                | "till"
                | "til"
                | "after"
                | "around"
                | "about"
                | "from"
                | "than"
        );
    let (day, end) = match number::ordinal(t, j) {
        Some(o) => o,
        None => {
            // "on the 15": a bare number only behind both words.
            let n = t.get(j).filter(|t| t.kind == Kind::Number)?.text.parse::<i8>().ok()?;
            (article && preposition && (1..=31).contains(&n)).then_some((n, j + 1))?
        }
    };
    let next = at(t, end);
    if COUNTED.contains(&next) || phrase(t, end, "of all") {
        return None;
    }
    let stops = t.get(end).is_none_or(|t| t.kind == Kind::Stop)
        || matches!(
            next,
            "or" | "if"
                | "please"
                | "is"
                | "works"
                | "then"
                | "when"
                | "for"
                | "and"
                | "i"
                | "ill"
                | "at"
                | "maybe"
                | "okay"
                | "because"
                | "that"
                | "thats"
                | "would"
                | "to"
                | "latest"
                | "instead"
                | "before"
                | "should"
                | "will"
                | "so"
                | "but"
        );
    let written = t.get(j).is_some_and(|t| t.kind == Kind::Number);
    // first, second and third are words of many uses; later ordinals are mostly days.
    let sure = if day <= 3 && !written {
        article && (preposition || stops && next != "and")
    } else {
        preposition || stops && (article || written)
    };
    if !sure || i > 0 && matches!(at(t, i - 1), "a" | "my" | "your") {
        return None;
    }
    Some((calendar::day_of_month(today, day), end))
}

/// 2026-11-27, 11/27, 11/27/2026, 11-27-2026.
fn written(t: &[Token], i: usize, today: Date) -> Option<(Option<Date>, usize)> {
    let token = t.get(i).filter(|t| t.kind == Kind::Number && t.text.len() <= 10)?;
    let mark = token.text.chars().find(|c| matches!(c, '/' | '-'))?;
    let parts: Vec<i16> = token.text.split(mark).map(|p| p.parse().ok()).collect::<Option<_>>()?;
    let small = |n: i16| i8::try_from(n).ok();
    let date = match parts[..] {
        [y, m, d] if y >= 1_000 => Date::new(y, small(m)?, small(d)?).ok(),
        [m, d, y] => Date::new(if y < 100 { 2_000 + y } else { y }, small(m)?, small(d)?).ok(),
        // 11-27 could be a range; only a slash makes a day of two numbers.
        [m, d] if mark == '/' => calendar::month_day(today, small(m)?, small(d)?),
        _ => None,
    };
    // "last month the 5th" and the like are left to their parts.
    (date.is_some() && !ends_with(t, i, "number")).then_some((date, i + 1))
}
