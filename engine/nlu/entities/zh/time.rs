//! Mandarin times of day: 下午五点半, 三点一刻, 17:30, 中午.

use jiff::civil::Time;
use rust_decimal::prelude::ToPrimitive;

use super::{
    number::{self, digit},
    starts,
};

/// The part of the day that was named before the hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Period {
    Night,
    Morning,
    Noon,
    Afternoon,
    Evening,
}

const PERIODS: &[(&str, Period)] = &[
    ("凌晨", Period::Night),
    ("半夜", Period::Night),
    ("清早", Period::Morning),
    ("早上", Period::Morning),
    ("早晨", Period::Morning),
    ("上午", Period::Morning),
    ("今早", Period::Morning),
    ("明早", Period::Morning),
    ("中午", Period::Noon),
    ("正午", Period::Noon),
    ("下午", Period::Afternoon),
    ("傍晚", Period::Afternoon),
    ("晚上", Period::Evening),
    ("夜里", Period::Evening),
    ("今晚", Period::Evening),
    ("明晚", Period::Evening),
    ("昨晚", Period::Evening),
];

pub(super) fn period(c: &[char], i: usize) -> Option<Period> {
    PERIODS.iter().find(|(w, _)| starts(c, i, w)).map(|p| p.1)
}

/// The time at `i`, after the period that was said shortly before.
pub(super) fn parse(c: &[char], i: usize, period: Option<Period>) -> Option<(Time, usize)> {
    if let Some(to) = before_the_hour(c, i, period) {
        return Some(to);
    }
    let n = number::parse(c, i)?;
    let hour =
        n.value.filter(|v| v.scale() == 0 && !n.approximate)?.to_i8().filter(|h| (0..=24).contains(h))?;
    let (minute, end) = match c.get(n.end)? {
        ':' => colon(c, n.end)?,
        '点' | '时' => after_hour(c, i, n.end, hour, period)?,
        _ => return None,
    };
    // A leading zero (05:30) is the 24-hour clock.
    let exact = c[i] == '0';
    let hour = if exact { hour } else { in_period(hour, period) };
    Some((Time::new(hour % 24, minute, 0, 0).ok()?, end))
}

/// 差十分五点, 差一刻六点.
fn before_the_hour(c: &[char], i: usize, period: Option<Period>) -> Option<(Time, usize)> {
    if c.get(i) != Some(&'差') {
        return None;
    }
    let (minutes, j) = if starts(c, i + 1, "一刻") {
        (15, i + 3)
    } else {
        let n = number::parse(c, i + 1)?;
        let minutes = n.value.filter(|v| v.scale() == 0)?.to_i8().filter(|m| (1..30).contains(m))?;
        (c.get(n.end) == Some(&'分')).then_some((minutes, n.end + 1))?
    };
    let (time, end) = parse(c, j, period)?;
    (time.minute() == 0).then_some(())?;
    Some((Time::new((time.hour() + 23) % 24, 60 - minutes, 0, 0).ok()?, end))
}

fn colon(c: &[char], i: usize) -> Option<(i8, usize)> {
    let minute: String = c[i + 1..].iter().take(3).take_while(|x| x.is_ascii_digit()).collect();
    (minute.len() == 2).then_some(())?;
    Some((minute.parse().ok().filter(|m| (0..60).contains(m))?, i + 3))
}

/// What follows 点: nothing, 半, 刻, minutes. `None` where it is no time (一点都不, 三点五万).
fn after_hour(c: &[char], start: usize, i: usize, hour: i8, period: Option<Period>) -> Option<(i8, usize)> {
    let j = i + 1;
    if c[i] == '时' {
        // 时 is an hour only beside a period or before minutes: 小时 and 时候 are no times.
        (period.is_some() && !matches!(c.get(j), Some('候' | '间'))).then_some(())?;
    }
    let sure = period.is_some()
        || ["钟", "整", "以后", "之后", "后", "以前", "之前", "前", "左右", "多"]
            .iter()
            .any(|w| starts(c, j, w));
    match c.get(j) {
        Some('半') => return Some((30, j + 1)),
        Some('整' | '钟') => return Some((0, j + 1)),
        Some('一') if c.get(j + 1) == Some(&'刻') => return Some((15, j + 2)),
        Some('三') if c.get(j + 1) == Some(&'刻') => return Some((45, j + 2)),
        _ => {}
    }
    if let Some(n) = number::parse(c, j) {
        let minute =
            n.value.filter(|v| v.scale() == 0).and_then(|v| v.to_i8()).filter(|m| (0..60).contains(m));
        let minutes_said = c.get(n.end) == Some(&'分');
        let bare = c.get(n.end).is_none_or(|x| {
            !matches!(x, '块' | '元' | '百' | '千' | '万' | '个' | '天' | '次' | '期' | '号')
        });
        // 三点五 alone may be a decimal; 三点五十 and 三点零五 are times.
        let two_digit = minute.is_some_and(|m| m >= 10) || matches!(c.get(j), Some('零' | '〇' | '0'));
        match minute {
            Some(m) if minutes_said => return Some((m, n.end + 1)),
            Some(m) if two_digit && bare => return Some((m, n.end)),
            Some(_) if bare && n.end == j + 1 && !sure => return None,
            _ => {}
        }
    }
    // 一点 is "a little" far oftener than one o'clock, and 第三点 is a point made.
    let ordinal = start > 0 && matches!(c[start - 1], '第' | '这' | '那');
    let little = hour == 1 && (digit(c[start]) == Some(1)) && !sure;
    (!ordinal && !little && !matches!(c.get(j), Some('儿' | '五'))).then_some((0, j))
}

/// The hour on the 24-hour clock. Without a period, one to seven are in the afternoon: nobody
/// means five in the morning for a payment or a call back.
fn in_period(hour: i8, period: Option<Period>) -> i8 {
    match (period, hour) {
        (Some(Period::Night | Period::Morning), 12) => {
            if period == Some(Period::Night) {
                0
            } else {
                12
            }
        }
        (Some(Period::Night | Period::Morning), h) => h,
        (Some(Period::Noon), h @ 1..=3) => h + 12,
        (Some(Period::Noon), h) => h,
        (Some(Period::Afternoon), h @ 1..=11) => h + 12,
        (Some(Period::Evening), 12) => 0,
        (Some(Period::Evening), h @ 5..=11) => h + 12,
        (Some(Period::Evening), h) => h,
        (None, h @ 1..=7) => h + 12,
        (_, h) => h,
    }
}
