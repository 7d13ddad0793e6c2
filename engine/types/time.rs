use std::{fmt, ops::Add, time::Duration};

use serde::{Deserialize, Serialize};

/// A point on the monotonic clock [µs since an arbitrary start].
///
/// Our own type, so that a trace of a machine can be written down and played again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The start of the clock.
    pub const ZERO: Self = Self(0);

    /// `us` microseconds after the start.
    pub const fn from_micros(us: u64) -> Self {
        Self(us)
    }

    /// `ms` milliseconds after the start.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms * 1_000)
    }

    /// Microseconds since the start.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Milliseconds since the start, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// The time since `earlier`; zero where `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, d: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(d.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// A point on the wall clock [ms since 1970-01-01T00:00:00Z]; written as RFC 3339 in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(i64);

impl WallTime {
    /// `ms` milliseconds after the Unix epoch; beyond the years 1 to 9999 it is held at the edge.
    pub fn from_unix_millis(ms: i64) -> Self {
        Self(ms.clamp(-62_135_596_800_000, 253_402_214_400_000))
    }

    /// Milliseconds after the Unix epoch.
    pub fn unix_millis(self) -> i64 {
        self.0
    }

    /// The same point as a `jiff` timestamp.
    pub fn timestamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }

    /// The calendar day at a place, by the IANA name of its time zone (`Asia/Shanghai`).
    ///
    /// # Errors
    /// When the zone is not in the bundled table.
    pub fn date_in(self, zone: &str) -> Result<jiff::civil::Date, jiff::Error> {
        Ok(self.timestamp().in_tz(zone)?.date())
    }

    /// This point, `d` later.
    pub fn plus(self, d: Duration) -> Self {
        Self::from_unix_millis(self.0.saturating_add(i64::try_from(d.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.timestamp())
    }
}

impl fmt::Debug for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is not a point in time as of RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time: write it as 2026-11-27T09:30:00Z")]
pub struct InvalidWallTime(pub String);

impl std::str::FromStr for WallTime {
    type Err = InvalidWallTime;

    fn from_str(s: &str) -> Result<Self, InvalidWallTime> {
        s.parse::<jiff::Timestamp>()
            .map(|t| Self::from_unix_millis(t.as_millisecond()))
            .map_err(|_| InvalidWallTime(s.to_owned()))
    }
}

impl Serialize for WallTime {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WallTime {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_is_written_as_rfc_3339_and_read_back() {
        let t = WallTime::from_unix_millis(1_795_772_096_789);
        assert_eq!(t.to_string().parse::<WallTime>(), Ok(t));
        assert!("yesterday".parse::<WallTime>().is_err());
    }

    #[test]
    fn the_day_is_the_day_at_the_callees_place() {
        let t: WallTime = "2026-11-23T23:30:00Z".parse().unwrap();
        assert_eq!(t.date_in("Asia/Shanghai").unwrap(), jiff::civil::date(2026, 11, 24));
        assert_eq!(t.date_in("America/New_York").unwrap(), jiff::civil::date(2026, 11, 23));
        assert!(t.date_in("Mars/Olympus").is_err());
    }

    #[test]
    fn time_never_runs_backwards_or_over() {
        assert_eq!(Time::ZERO.since(Time::from_millis(5)), Duration::ZERO);
        assert_eq!(Time::from_micros(u64::MAX) + Duration::from_secs(1), Time::from_micros(u64::MAX));
    }
}
