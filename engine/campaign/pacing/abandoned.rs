//! How many of those who answered found no agent, and how many more may.
//!
//! The bound holds over every run of days up to its window that ends today, today alone among them: so it holds over
//! any window that the law may mean, whatever days come after.

use std::collections::BTreeMap;

use jiff::civil::Date;
use waihu_compliance::{Answers, AnswersByDay};

/// Counts by day.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger(BTreeMap<Date, Answers>);

/// Days are kept so long: the longest window [days].
const KEPT_DAYS: usize = 31;

impl Ledger {
    pub(super) fn of(&mut self, day: Date) -> &mut Answers {
        while self.0.len() > KEPT_DAYS {
            self.0.pop_first();
        }
        self.0.entry(day).or_default()
    }

    /// The counts of each day that is known.
    pub(super) fn by_day(&self) -> AnswersByDay {
        self.0.iter().map(|(day, of)| (*day, *of)).collect()
    }

    /// The counts of each run of days that ends with `today`, the shortest first.
    fn runs(&self, today: Date, window_days: u16) -> impl Iterator<Item = Answers> {
        let days = self.0.range(..=today).rev().take_while(move |(day, _)| {
            today.since(**day).is_ok_and(|span| span.get_days() < i32::from(window_days))
        });
        days.scan(Answers::default(), |all, (_, of)| {
            *all = all.and(*of);
            Some(*all)
        })
    }

    /// The counts of the whole window.
    pub(super) fn window(&self, today: Date, window_days: u16) -> Answers {
        self.runs(today, window_days).last().unwrap_or_default()
    }

    pub(super) fn today(&self, today: Date) -> Answers {
        self.0.get(&today).copied().unwrap_or_default()
    }

    /// How many more calls may be abandoned now without any run of days passing `most`.
    pub(super) fn room(&self, today: Date, window_days: u16, most: f64) -> u32 {
        let room = |of: Answers| {
            // Rounded down, and no float is larger than its counts.
            let allowed = (most * f64::from(of.answered)).floor() as u32;
            allowed.saturating_sub(of.abandoned)
        };
        let own = room(self.today(today));
        self.runs(today, window_days).map(room).min().unwrap_or(0).min(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: i8) -> Date {
        jiff::civil::date(2026, 11, n)
    }

    #[test]
    fn there_is_room_for_as_many_as_keep_every_run_of_days_within_the_bound() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.room(day(1), 30, 0.03), 0, "of none, none may be abandoned");
        *ledger.of(day(1)) = Answers { answered: 1_000, abandoned: 0 };
        assert_eq!(ledger.room(day(1), 30, 0.03), 30);
        assert_eq!(ledger.room(day(2), 30, 0.03), 0, "a good day lends nothing to the next");
        *ledger.of(day(2)) = Answers { answered: 200, abandoned: 2 };
        assert_eq!(ledger.room(day(2), 30, 0.03), 4);
        // A bad day of before takes room from today, until it is out of the window.
        *ledger.of(day(1)) = Answers { answered: 100, abandoned: 6 };
        assert_eq!((ledger.room(day(2), 30, 0.03), ledger.room(day(2), 1, 0.03)), (1, 4));
        assert_eq!(ledger.window(day(2), 30), Answers { answered: 300, abandoned: 8 });
        assert_eq!(ledger.window(day(2), 1), Answers { answered: 200, abandoned: 2 });
    }
}
