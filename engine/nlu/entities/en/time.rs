//! English times of day: five pm, half past five, noon, after five, 5:30.

use jiff::civil::Time;

use super::{
    number,
    token::{Kind, Token, after, at, before, ends_with, has, phrase},
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Morning,
    Afternoon,
}

/// The time at `i` and the index after its words.
pub(super) fn parse(t: &[Token], i: usize) -> Option<(Time, usize)> {
    let fixed = match at(t, i) {
        "noon" | "midday" | "noontime" => Some(12),
        "lunchtime" => Some(12),
        "midnight" => Some(0),
        _ => None,
    };
    if let Some(h) = fixed {
        return Some((Time::new(h, 0, 0, 0).ok()?, i + 1));
    }
    // "I live at 12 Oak Street"
    let street = (i + 1..=i + 3).any(|k| matches!(at(t, k), "street" | "avenue" | "road" | "lane" | "drive"));
    if street && at(t, i.wrapping_sub(1)) == "at" {
        return None;
    }
    past_or_to(t, i).or_else(|| colon(t, i)).or_else(|| hour(t, i))
}

/// "half past five", "quarter to six", "ten past five", "half five" (which is half past in the UK).
fn past_or_to(t: &[Token], i: usize) -> Option<(Time, usize)> {
    let i = i + usize::from(at(t, i) == "a" && at(t, i + 1) == "quarter");
    let (minutes, j) = match at(t, i) {
        "half" => (30, i + 1),
        "quarter" => (15, i + 1),
        _ => number::count(t, i).filter(|(n, _)| matches!(n, 5 | 10 | 20 | 25))?,
    };
    let (to, k) = match at(t, j) {
        "past" => (false, j + 1),
        "after" if minutes != 30 => (false, j + 1),
        "to" | "til" | "till" if minutes != 30 => (true, j + 1),
        _ if minutes == 30 && clock_hour(t, j).is_some() => (false, j),
        _ => return None,
    };
    let (h, end) = clock_hour(t, k)?;
    // "ten to twenty dollars", "five to ten days": both ends must be hours of a clock.
    if measured(t, end) {
        return None;
    }
    let (half, end) = half(t, end);
    let h = on_the_clock(t, i, end, h, half);
    let minutes = i8::try_from(minutes).ok()?;
    let (h, m) = if to { ((h + 23) % 24, 60 - minutes) } else { (h, minutes) };
    Some((Time::new(h, m, 0, 0).ok()?, end))
}

/// An hour of the twelve-hour clock in words or digits.
fn clock_hour(t: &[Token], i: usize) -> Option<(i8, usize)> {
    let (n, end) = number::count(t, i)?;
    let h = i8::try_from(n).ok().filter(|h| (1..=12).contains(h))?;
    (number::couple(t, i).is_none()).then_some((h, end))
}

/// `17:30`, `5:30 pm`, `5.30pm`.
fn colon(t: &[Token], i: usize) -> Option<(Time, usize)> {
    let token = t.get(i).filter(|t| t.kind == Kind::Number && t.text.len() <= 5)?;
    let (half, end) = half(t, i + 1);
    let (h, m) = match token.text.split_once(':') {
        Some(parts) => parts,
        None => token.text.split_once('.').filter(|_| half.is_some())?,
    };
    if m.len() != 2 {
        return None;
    }
    let (hour, minute): (i8, i8) = (h.parse().ok()?, m.parse().ok()?);
    let exact = h.starts_with('0') || hour > 12;
    let hour = if exact { hour } else { on_the_clock(t, i, end, hour, half) };
    Some((Time::new(hour, minute, 0, 0).ok()?, end))
}

/// Words that make a bare number behind them an hour.
const BEFORE_HOUR: &[&str] =
    &["at", "after", "before", "until", "till", "til", "past", "around", "by", "between"];

/// "five pm", "five o'clock", "five thirty pm", "at five", "after five".
fn hour(t: &[Token], i: usize) -> Option<(Time, usize)> {
    let (h, j) = clock_hour(t, i)?;
    let (minute, k) = minutes(t, j);
    let (half, end) = half(t, k);
    let oclock = matches!(at(t, end), "oclock") || phrase(t, end, "o clock");
    let end = end + if at(t, end) == "oclock" { 1 } else { usize::from(oclock) * 2 };
    let (half, end) = if oclock { self::half(t, end) } else { (half, end) };
    let led = BEFORE_HOUR.iter().any(|w| ends_with(t, i, w))
        || ends_with(t, i, "at like")
        || ends_with(t, i, "at about")
        || ends_with(t, i, "at around")
        || ends_with(t, i, "anytime from");
    let calls = has(before(t, i, 6), "call") || has(before(t, i, 6), "ring");
    let near = ends_with(t, i, "today") || ends_with(t, i, "tomorrow") || ends_with(t, i, "tonight");
    let sure = half.is_some() || oclock;
    // "around two fifty" and "by two fifty" may be sums; behind "at" or "after" it is a time.
    let led = led && (minute == 0 || calls || !(ends_with(t, i, "around") || ends_with(t, i, "by")));
    if !sure && (measured(t, end) || !(led || calls && (minute > 0 || near) && !ends_with(t, i, "at least")))
    {
        return None;
    }
    // "by two fifty" may be a sum, but after "at" or a part of the day it is none.
    let of_day = on_the_clock(t, i, end, h, half);
    Some((Time::new(of_day, minute, 0, 0).ok()?, end))
}

/// Minutes behind an hour in words: "thirty", "forty five", "oh five".
fn minutes(t: &[Token], i: usize) -> (i8, usize) {
    if matches!(at(t, i), "oh" | "o") && number::digit(at(t, i + 1)).is_some() {
        let d = number::digit(at(t, i + 1)).and_then(|d| i8::try_from(d).ok());
        return d.map_or((0, i), |d| (d, i + 2));
    }
    match number::below_hundred(t, i) {
        Some((m @ 10..=59, end)) => i8::try_from(m).map_or((0, i), |m| (m, end)),
        _ => (0, i),
    }
}

/// am, pm, "in the morning", "in the afternoon", "at night".
fn half(t: &[Token], i: usize) -> (Option<Half>, usize) {
    match at(t, i) {
        "pm" => return (Some(Half::Afternoon), i + 1),
        // "five am" but not "what I am".
        "am" => return (Some(Half::Morning), i + 1),
        "p" | "a" if at(t, i + 1) == "m" => {
            return (Some(if at(t, i) == "p" { Half::Afternoon } else { Half::Morning }), i + 2);
        }
        _ => {}
    }
    for (words, half) in [
        ("in the morning", Half::Morning),
        ("in the afternoon", Half::Afternoon),
        ("in the evening", Half::Afternoon),
        ("in the night", Half::Afternoon),
        ("at night", Half::Afternoon),
    ] {
        if phrase(t, i, words) {
            return (Some(half), i + words.split(' ').count());
        }
    }
    (None, i)
}

/// Whether a number that ends before `i` counts something else than hours.
fn measured(t: &[Token], i: usize) -> bool {
    phrase(t, i, "and a")
        || matches!(
            at(t, i),
            "day"
                | "days"
                | "week"
                | "weeks"
                | "month"
                | "months"
                | "year"
                | "years"
                | "hours"
                | "hour"
                | "minutes"
                | "minute"
                | "min"
                | "mins"
                | "seconds"
                | "second"
                | "hundred"
                | "thousand"
                | "k"
                | "grand"
                | "dollars"
                | "dollar"
                | "bucks"
                | "rupees"
                | "pounds"
                | "quid"
                | "percent"
                | "payments"
                | "payment"
                | "installments"
                | "instalments"
                | "times"
                | "time"
                | "people"
                | "kids"
                | "more"
                | "of"
                | "calls"
                | "th"
                | "st"
                | "nd"
                | "rd"
                | "business"
                | "working"
                | "lakh"
                | "lakhs"
                | "cents"
                | "point"
        )
}

/// The hour on the 24-hour clock. Without a half of the day, an evening word nearby makes it the
/// evening; else one to seven are in the afternoon, eight to eleven in the morning.
fn on_the_clock(t: &[Token], start: usize, end: usize, h: i8, half: Option<Half>) -> i8 {
    match half {
        Some(Half::Morning) => h % 12,
        Some(Half::Afternoon) => h % 12 + 12,
        None => {
            let near = [before(t, start, 4), after(t, end, 3)];
            let said = |w: &str| near.iter().any(|n| has(n, w));
            if said("tonight") || said("evening") || said("night") {
                h % 12 + 12
            } else if said("morning") {
                h
            } else if (1..=7).contains(&h) {
                h + 12
            } else {
                h
            }
        }
    }
}
