//! Calls that people answered and that found no agent in time: a campaign's share of them, held against a limit.
//!
//! The rule is asked of a call that is placed ahead of free agents alone ([`crate::Subject::ahead_of_agents`]). Where the
//! bot has the whole call, or an agent is free for each one that rings, nobody who answers waits for somebody who is not
//! there; and it is those calls that bring the share down again, so that to bar them would keep a campaign over its limit
//! until its window has passed. Where such an agent leaves in the seconds of ringing, that call is counted as any other.
//!
//! Deliberately absent: who counts, and which calls are placed ahead (`campaign::pacing`, `dialler`).

use std::sync::Arc;

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::Serialize;
use waihu_types::Percent;

use crate::gate::{Broken, Evidence};

/// How many people answered, and how many of them found no agent in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Answers {
    /// Calls that a person answered.
    pub answered: u32,
    /// Of these, those that found no agent in time.
    pub abandoned: u32,
}

/// A campaign's answers by day, each day once: days of UTC, as nodes in all places count them together.
pub type AnswersByDay = Arc<[(Date, Answers)]>;

impl Answers {
    /// The abandoned share; 0 where nobody answered.
    pub fn share(self) -> f64 {
        f64::from(self.abandoned) / f64::from(self.answered.max(1))
    }

    /// These and others.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self {
            answered: self.answered.saturating_add(others.answered),
            abandoned: self.abandoned.saturating_add(others.abandoned),
        }
    }
}

/// The most of a campaign's answered calls that may find no agent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MostAbandoned {
    pub(crate) most: Percent,
    /// Within so many days, with today [days].
    pub(crate) days: u16,
    /// Of fewer answered calls nothing is said.
    pub(crate) least: u32,
}

/// The day that it is at a moment.
fn day_of(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

impl MostAbandoned {
    /// What counts at a moment.
    pub(crate) fn counted(&self, by_day: &[(Date, Answers)], now: Timestamp) -> Answers {
        self.within(by_day, day_of(now))
    }

    /// The answers of the window that ends with a day.
    fn within(&self, by_day: &[(Date, Answers)], last: Date) -> Answers {
        let before = i64::from(self.days.saturating_sub(1)).days();
        let first = last.checked_sub(before).unwrap_or(Date::MIN);
        let days = by_day.iter().filter(|(day, _)| (first..=last).contains(day));
        days.fold(Answers::default(), |all, (_, of)| all.and(*of))
    }

    fn is_passed(&self, counted: Answers) -> bool {
        counted.answered >= self.least && self.most.is_passed_by(counted.abandoned, counted.answered)
    }

    pub(crate) fn broken(&self, by_day: &[(Date, Answers)], now: Timestamp) -> Option<Broken> {
        let counted = self.counted(by_day, now);
        if !self.is_passed(counted) {
            return None;
        }
        // A day that leaves the window takes its calls along, until there are few enough.
        let until = (1..=i64::from(self.days)).find_map(|after| {
            let day = day_of(now).checked_add(after.days()).ok()?;
            if self.is_passed(self.within(by_day, day)) {
                return None;
            }
            TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
        });
        let Answers { answered, abandoned } = counted;
        Some((until, Evidence::Abandoned { answered, abandoned, most: self.most, days: self.days }))
    }
}
