//! Parts of the day and the best hour of a debtor, by the clock at the callee's place.

use std::time::Duration;

use jiff::{
    Timestamp, ToSpan,
    civil::{DateTime, Weekday},
    tz::TimeZone,
};
use waihu_types::{DayWindow, Disposition, Reached, WallTime};

use crate::Past;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// How far a search for another part of the day goes [days]: with the parts of any day there is one on the next.
const MOST_DAYS: usize = 3;

/// The parts of a day, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Parts(pub(super) Vec<DayWindow>);

impl Parts {
    fn index(&self, minute: u16) -> Option<usize> {
        self.0.iter().position(|part| (part.from_min()..part.to_min()).contains(&minute))
    }

    /// The first moment from `at` on in another part of the day than that of `than`; `at` where there is one part
    /// alone.
    pub(super) fn other(&self, zone: &TimeZone, at: WallTime, than: WallTime) -> WallTime {
        let was = self.index(minute(&local(zone, than)));
        if self.0.len() < 2 {
            return at;
        }
        if self.index(minute(&local(zone, at))).is_some_and(|part| Some(part) != was) {
            return at;
        }
        self.starts(zone, at).find(|(part, _)| Some(*part) != was).map_or(at, |(_, start)| start)
    }

    /// The moments after `at` at which parts begin.
    fn starts(&self, zone: &TimeZone, at: WallTime) -> impl Iterator<Item = (usize, WallTime)> {
        let days = std::iter::successors(Some(local(zone, at).date()), |day| day.tomorrow().ok());
        days.take(MOST_DAYS)
            .flat_map(|day| self.0.iter().enumerate().map(move |(n, part)| (n, day, part.from_min())))
            .filter_map(move |(n, day, from)| Some((n, moment(zone, day, from)?)))
            .filter(move |(_, start)| *start > at)
    }
}

/// A time zone by its name. Cases are checked when they come in: an unknown one is no case.
pub(crate) fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// What the clock shows at a place.
pub(crate) fn local(zone: &TimeZone, at: WallTime) -> DateTime {
    zone.to_datetime(at.timestamp())
}

fn minute(at: &DateTime) -> u16 {
    u16::try_from(i32::from(at.hour()) * 60 + i32::from(at.minute())).unwrap_or(0)
}

/// The moment at which the clock there shows a minute of a day; the next that there is where it leaps over it.
pub(super) fn moment(zone: &TimeZone, day: jiff::civil::Date, minute: u16) -> Option<WallTime> {
    let shown = day.at(0, 0, 0, 0).checked_add(i64::from(minute).minutes()).ok()?;
    Some(wall(zone.to_timestamp(shown).ok()?))
}

fn wall(at: Timestamp) -> WallTime {
    WallTime::from_unix_millis(at.as_millisecond())
}

/// When the next day begins there.
pub(super) fn tomorrow(zone: &TimeZone, at: WallTime) -> Option<WallTime> {
    moment(zone, local(zone, at).date().tomorrow().ok()?, 0)
}

/// The first moment from `at` on within a window of the day.
pub(super) fn within(zone: &TimeZone, window: DayWindow, at: WallTime) -> Option<WallTime> {
    let shown = local(zone, at);
    if (window.from_min()..window.to_min()).contains(&minute(&shown)) {
        return Some(at);
    }
    let days = [shown.date(), shown.date().tomorrow().ok()?];
    days.into_iter().filter_map(|day| moment(zone, day, window.from_min())).find(|start| *start >= at)
}

/// When a debtor is likely to answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BestTime {
    /// How far a call may be put off for a better hour.
    pub(super) look_ahead: Duration,
    /// So many times as likely an answer must be, for a call to be put off.
    pub(super) gain: f64,
    /// How likely anybody is to answer, by the hour of the day; what is known before anything was tried.
    pub(super) by_hour: [f64; 24],
}

/// So many attempts weigh as much as what is known of everybody.
const PRIOR: f64 = 2.0;
/// So far an answer tells of another hour [h].
const REACH_H: f64 = 2.0;
/// How much an answer on a weekday tells of a day off, and the other way round.
const OTHER_KIND_OF_DAY: f64 = 0.5;

/// An attempt that tells when somebody is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tried {
    hour: f64,
    is_weekend: bool,
    answered: bool,
}

impl Tried {
    pub(super) fn of_past(past: &Past, zone: &TimeZone) -> Option<Self> {
        use Disposition as D;
        // What says nothing of whether somebody is there: a dead number, a fault, another call.
        let tells = past.answered
            || matches!(
                past.disposition,
                D::NoAnswer | D::Voicemail | D::Unreachable | D::Rejected | D::Screened
            );
        tells.then(|| Self::at(zone, past.dialled_at, past.answered))
    }

    pub(super) fn at(zone: &TimeZone, at: WallTime, answered: bool) -> Self {
        let shown = local(zone, at);
        Self { hour: f64::from(minute(&shown)) / 60.0, is_weekend: is_weekend(&shown), answered }
    }

    pub(super) fn reached(zone: &TimeZone, at: WallTime, reached: Reached) -> Self {
        Self::at(zone, at, reached >= Reached::Person)
    }
}

fn is_weekend(shown: &DateTime) -> bool {
    matches!(shown.weekday(), Weekday::Saturday | Weekday::Sunday)
}

impl BestTime {
    /// How likely an answer is in the hour of `shown`, by what is known of everybody and what was tried here.
    fn chance(&self, shown: &DateTime, tried: &[Tried], prior: f64) -> f64 {
        let hour = f64::from(minute(shown)) / 60.0;
        let (mut hits, mut weight) = (PRIOR * prior, PRIOR);
        for past in tried {
            let apart = (past.hour - hour).abs();
            let apart = apart.min(24.0 - apart);
            let same_kind = past.is_weekend == is_weekend(shown);
            let near = (1.0 - apart / REACH_H).max(0.0) * if same_kind { 1.0 } else { OTHER_KIND_OF_DAY };
            weight += near;
            hits += if past.answered { near } else { 0.0 };
        }
        hits / weight
    }

    /// The best moment from `at` on: `at` itself, unless a later hour within the parts of the day is so much
    /// better that waiting pays. `prior` tells what is known of everybody such as this callee, where more is known
    /// than the hour.
    pub(super) fn best(
        &self,
        zone: &TimeZone,
        parts: &Parts,
        at: WallTime,
        tried: &[Tried],
        prior: impl Fn(&DateTime) -> Option<f64>,
    ) -> WallTime {
        let chance = |shown: &DateTime| {
            let known =
                || self.by_hour.get(usize::try_from(shown.hour()).unwrap_or(0)).copied().unwrap_or(0.0);
            self.chance(shown, tried, prior(shown).unwrap_or_else(known))
        };
        let mut best = (chance(&local(zone, at)) * self.gain, at);
        let hours = i64::try_from(self.look_ahead.as_secs() / 3_600).unwrap_or(0);
        let on_the_hour = at.unix_millis().div_euclid(HOUR_MS) * HOUR_MS;
        for n in 1..=hours {
            let later = WallTime::from_unix_millis(on_the_hour + n * HOUR_MS);
            let shown = local(zone, later);
            if !parts.0.is_empty() && parts.index(minute(&shown)).is_none() {
                continue;
            }
            let there = chance(&shown);
            if there > best.0 {
                best = (there, later);
            }
        }
        best.1
    }
}
