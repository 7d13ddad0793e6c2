//! Calling hours at the callee's place, by the clock on the wall there.
//!
//! A window that ends before it begins passes midnight and belongs to the day on which it begins. Where clocks
//! are put forward a window may lack an hour, where they are put back it may have one more: what counts is what
//! the callee's clock shows.

use std::{fmt::Write, sync::Arc};

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime, Weekday},
    tz::{AmbiguousOffset, TimeZone},
};

use crate::holidays::Holidays;

/// Minutes of a day.
const DAY_MIN: u16 = 24 * 60;

/// The keys of [`Hours`], Monday first.
pub(crate) const DAYS: [&str; 8] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"];
const HOLIDAY: usize = 7;

/// From one time of day to before another [min since midnight].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    from: u16,
    to: u16,
}

impl Window {
    /// Reads `08:00-22:00`; None where it is none.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        let window = Self { from: minutes(from)?, to: minutes(to)? };
        (window.from != window.to && window.from < DAY_MIN && window.to > 0).then_some(window)
    }

    fn shows(self, out: &mut String) {
        let (from, to) = (self.from, self.to);
        let _ = write!(out, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60);
    }
}

fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let two =
        |s: &str| (s.len() == 2 && s.bytes().all(|b| b.is_ascii_digit())).then(|| s.parse::<u16>().ok());
    let (hour, minute) = (two(hour)??, two(minute)??);
    let all = hour * 60 + minute;
    (minute < 60 && all <= DAY_MIN).then_some(all)
}

/// When calls are allowed; at all other times they are not.
#[derive(Clone, Debug)]
pub(crate) struct Hours {
    /// By weekday, Monday first, and of days off.
    pub(crate) days: [Vec<Window>; 8],
    /// Of days of a weekend that are worked for others (调休); none where those go by their weekday.
    pub(crate) worked: Option<Vec<Window>>,
    /// Days off, and weekends that are worked, where the profile knows any.
    pub(crate) holidays: Option<Arc<Holidays>>,
}

impl Hours {
    fn of(&self, day: Date) -> &[Window] {
        let known = self.holidays.as_ref();
        if known.is_some_and(|known| known.is_off(day)) {
            return &self.days[HOLIDAY];
        }
        let worked = self.worked.as_ref().filter(|_| known.is_some_and(|known| known.is_worked(day)));
        worked.unwrap_or(&self.days[index(day.weekday())])
    }

    /// The windows of a day in words, as `08:00-12:00, 14:00-20:00`.
    pub(crate) fn shown(&self, day: Date) -> String {
        let mut out = String::new();
        for (n, window) in self.of(day).iter().enumerate() {
            out.push_str(if n > 0 { ", " } else { "" });
            window.shows(&mut out);
        }
        out
    }

    /// Whether calls are allowed when the callee's clock shows `local`.
    pub(crate) fn open_at(&self, local: DateTime) -> bool {
        let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
        let minute = u16::try_from(minute).unwrap_or(0);
        let today = self.of(local.date()).iter();
        if today.clone().any(|w| w.from <= minute && (minute < w.to || w.to < w.from)) {
            return true;
        }
        let Ok(yesterday) = local.date().yesterday() else { return false };
        self.of(yesterday).iter().any(|w| w.to < w.from && minute < w.to)
    }

    /// The first moment after `now`, at which calls are not allowed, when they are; within `reach_days`.
    pub(crate) fn next_open(&self, zone: &TimeZone, now: Timestamp, reach_days: u16) -> Option<Timestamp> {
        let open = |at: &Timestamp| *at > now && self.open_at(zone.to_datetime(*at));
        let end = now.checked_add((24 * (i64::from(reach_days) + 1)).hours()).ok()?;
        // Where clocks are put forward or back, the wall may show an hour of calls all at once.
        let changes: Vec<Timestamp> =
            zone.following(now).map(|change| change.timestamp()).take_while(|at| *at <= end).collect();
        let mut day = zone.to_datetime(now).date();
        for _ in 0..=reach_days {
            let next = day.tomorrow().ok()?;
            let over = zone.to_timestamp(next.at(0, 0, 0, 0)).ok()?;
            let starts = self.of(day).iter().flat_map(|w| moments(zone, day, w.from));
            let changed = changes.iter().copied().filter(|at| *at < over);
            if let Some(first) = starts.chain(changed).filter(open).min() {
                return Some(first);
            }
            day = next;
        }
        None
    }
}

/// The moments at which the callee's clock shows a time of a day: one mostly, two where it is put back, none
/// where it leaps over it.
fn moments(zone: &TimeZone, day: Date, minute: u16) -> impl Iterator<Item = Timestamp> {
    let at = day.at(0, 0, 0, 0).checked_add(i64::from(minute).minutes()).ok();
    let offsets = at.map(|at| match zone.to_ambiguous_timestamp(at).offset() {
        AmbiguousOffset::Unambiguous { offset } => [Some(offset), None],
        AmbiguousOffset::Fold { before, after } => [Some(before), Some(after)],
        AmbiguousOffset::Gap { .. } => [None, None],
    });
    let offsets = offsets.into_iter().flatten().flatten();
    offsets.filter_map(move |offset| offset.to_timestamp(at?).ok())
}

fn index(day: Weekday) -> usize {
    usize::try_from(day.to_monday_zero_offset()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_read_or_refused() {
        for good in ["08:00-22:00", "00:00-24:00", "22:00-06:00", "08:30 - 09:00"] {
            assert!(Window::read(good).is_some(), "{good}");
        }
        for bad in
            ["8:00-22:00", "08:00-08:00", "24:00-06:00", "08:00-24:01", "08:60-09:00", "08:00", "22:00-00:00"]
        {
            assert!(Window::read(bad).is_none(), "{bad}");
        }
    }
}
