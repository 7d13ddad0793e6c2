//! When to try again, and when an event is given up. Pure: the time and a random number are arguments.

use std::time::Duration;

use waihu_store::Place;
use waihu_types::WallTime;

/// The first wait at most: a receiver that restarts is back within seconds.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait: a receiver that was gone for hours has its events 5 minutes after it is back, and twelve
/// tries an hour are no load for anybody.
const LONGEST: Duration = Duration::from_secs(300);
/// The shortest wait, whatever the dice say: nobody is tried more than ten times a second.
const SHORTEST: Duration = Duration::from_millis(100);
/// The longest wait that a receiver may ask for (Retry-After): beyond an hour it is tried all the same.
const LONGEST_ASKED: Duration = Duration::from_secs(3_600);

/// Why an event was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Untaken {
    /// It may be taken later: the receiver is away, or has too much to do.
    Later {
        /// What happened.
        told: String,
        /// How long the receiver asked to wait.
        asked: Option<Duration>,
    },
    /// The receiver says that it will never take this one.
    Never {
        /// What it said.
        told: String,
    },
}

impl Untaken {
    pub(crate) fn later(told: impl Into<String>) -> Self {
        Self::Later { told: told.into(), asked: None }
    }

    pub(crate) fn told(&self) -> &str {
        match self {
            Self::Later { told, .. } | Self::Never { told } => told,
        }
    }
}

/// How long to wait after so many tries in vain: "full jitter" (Brooker, Exponential Backoff and Jitter, AWS
/// 2015), evenly between nothing and a bound that doubles, so that many readers of one receiver do not come
/// back at the same moment. `dice` is any number, all 64 bits even.
pub(crate) fn wait(tries: u32, dice: u64) -> Duration {
    let doubled = FIRST.saturating_mul(1 << tries.saturating_sub(1).min(16));
    let bound_ms = u64::try_from(doubled.min(LONGEST).as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(dice % bound_ms.max(1)).max(SHORTEST)
}

/// What becomes of a place whose next event was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It waits.
    Wait(Place),
    /// The event is set aside; so often it was tried.
    SetAside { tries: u32 },
}

/// `place` is at the event before the one that was not taken.
pub(crate) fn judge(
    place: &Place,
    untaken: &Untaken,
    give_up: Duration,
    now: WallTime,
    dice: u64,
) -> Verdict {
    let tries = place.tries.saturating_add(1);
    let since = place.since.unwrap_or(now).min(now);
    match untaken {
        Untaken::Never { .. } => Verdict::SetAside { tries },
        Untaken::Later { .. } if since.plus(give_up) <= now => Verdict::SetAside { tries },
        Untaken::Later { told, asked } => {
            let wait = wait(tries, dice).max(asked.unwrap_or_default().min(LONGEST_ASKED));
            let next_at = now.plus(wait);
            Verdict::Wait(Place { tries, since: Some(since), next_at, told: told.clone(), ..place.clone() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            reader: "crm".into(),
            seq: 4,
            tries: 0,
            since: None,
            next_at: WallTime::from_unix_millis(0),
            told: String::new(),
        }
    }

    #[test]
    fn waits_double_up_to_five_minutes_and_are_anywhere_below() {
        for (tries, bound_ms) in
            [(1, 1_000), (2, 2_000), (5, 16_000), (9, 256_000), (10, 300_000), (u32::MAX, 300_000)]
        {
            assert_eq!(wait(tries, bound_ms - 1).as_millis(), u128::from(bound_ms - 1), "{tries}");
            assert!(wait(tries, bound_ms) == SHORTEST, "{tries}");
        }
    }

    #[test]
    fn an_event_waits_until_it_is_given_up_and_what_is_refused_does_not_wait() {
        let day = Duration::from_secs(86_400);
        let start = WallTime::from_unix_millis(1_000_000);
        let mut place = place();
        let mut now = start;
        let mut tries = 0;
        while let Verdict::Wait(next) = judge(&place, &Untaken::later("500"), day, now, u64::MAX) {
            assert!(next.next_at > now && next.seq == 4 && next.since == Some(start));
            (place, now, tries) = (next.clone(), next.next_at, tries + 1);
        }
        assert!(now >= start.plus(day) && now < start.plus(day + LONGEST), "{now}");
        assert!(tries > 24 * 12, "five minutes apart at most: {tries}");
        let refused = Untaken::Never { told: "400".into() };
        assert_eq!(judge(&place, &refused, day, start, 0), Verdict::SetAside { tries: tries + 1 });
    }

    #[test]
    fn a_receiver_may_ask_for_an_hour_and_no_more() {
        let start = WallTime::from_unix_millis(0);
        for (asked_s, waited_s) in [(120, 120), (86_400, 3_600)] {
            let untaken = Untaken::Later { told: "429".into(), asked: Some(Duration::from_secs(asked_s)) };
            let Verdict::Wait(next) = judge(&place(), &untaken, Duration::from_secs(90_000), start, 0) else {
                panic!("set aside")
            };
            assert_eq!(next.next_at, start.plus(Duration::from_secs(waited_s)));
        }
    }

    #[test]
    fn a_clock_that_was_set_back_gives_nothing_up() {
        let later = WallTime::from_unix_millis(1_000_000_000);
        let place = Place { since: Some(later), tries: 3, ..place() };
        let verdict =
            judge(&place, &Untaken::later("500"), Duration::from_secs(60), WallTime::from_unix_millis(0), 0);
        assert!(matches!(verdict, Verdict::Wait(next) if next.since == Some(WallTime::from_unix_millis(0))));
    }
}
