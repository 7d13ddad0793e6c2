//! What was tried for a case before, as far as its next attempt hangs on it.

use std::time::Duration;

use jiff::civil::Date;
use waihu_types::{AnsweredBy, Callback, Disposition, Outcome, PhoneNumber, Redial, WallTime};

/// One attempt of before. Its number is compared by the digits that ring a telephone.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// Where it went.
    pub number: PhoneNumber,
    /// When it was dialled.
    pub dialled_at: WallTime,
    /// When it was over.
    pub ended_at: WallTime,
    /// Whether a person was on the line.
    pub answered: bool,
    /// How it ended.
    pub disposition: Disposition,
    /// When a call back was agreed for.
    pub callback_at: Option<WallTime>,
    /// Whether a person is to call then: an appointment that an agent is shown at its time.
    pub agent_calls: bool,
    /// The day of the payment that was promised.
    pub promised: Option<Date>,
    /// The rule by which there is no further call whatever a ladder says: the script's own, a fault after an
    /// answer, or a cause that the trunk's file says so of.
    pub closed: Option<String>,
}

/// The rule where the trunk's own table of causes says that there is no further call.
pub const TRUNK_CAUSE_NEVER: &str = "trunk_cause_never";

/// Rules that outweigh every ladder.
const CLOSING: [&str; 4] =
    ["script_never", "engine_failed_in_call", "interrupted_after_answer", TRUNK_CAUSE_NEVER];

impl Past {
    /// What an outcome says of its attempt; `zone` is the callee's time zone.
    pub fn of(outcome: &Outcome, zone: &str) -> Self {
        let answered = outcome.answered_at.is_some();
        let agreed = outcome.callback.as_ref().filter(|_| answered);
        let agent_calls = agreed.is_some_and(|callback| callback.by_agent);
        // Who was told that somebody will call, and no time, expects it soon.
        let soon = outcome.ended_at.plus(Duration::from_secs(AGENT_CALLS_AFTER_S));
        let closed = match &outcome.redial {
            Redial::No { rule } if CLOSING.contains(&rule.as_str()) => Some(rule.clone()),
            _ => None,
        };
        Self {
            number: outcome.callee.clone(),
            dialled_at: outcome.dialled_at,
            ended_at: outcome.ended_at,
            answered: answered && matches!(outcome.answered_by, AnsweredBy::Human | AnsweredBy::Unknown),
            disposition: outcome.disposition,
            callback_at: agreed
                .and_then(|callback| agreed_time(callback, outcome.ended_at, zone))
                .or(agent_calls.then_some(soon)),
            agent_calls,
            promised: outcome.promise.as_ref().map(|promise| promise.date),
            closed,
        }
    }
}

/// The hour of a call back on an agreed day without an hour, at the callee's place.
const CALLBACK_HOUR: i8 = 10;
/// A person who is to call back, at no agreed time, does so after so long [s].
const AGENT_CALLS_AFTER_S: u64 = 15 * 60;
/// Where what was agreed lies behind already ("tonight", "today at three"), so long after the call [s].
const CALLBACK_AFTER_S: u64 = 2 * 3_600;

/// The moment that was agreed, in the callee's time zone; none where neither a day nor an hour was.
pub fn agreed_time(callback: &Callback, ended_at: WallTime, zone: &str) -> Option<WallTime> {
    let today = ended_at.date_in(zone).ok()?;
    let time = callback.time.unwrap_or(jiff::civil::time(CALLBACK_HOUR, 0, 0, 0));
    let at = |date: Date| {
        let moment = date.to_datetime(time).in_tz(zone).ok()?;
        Some(WallTime::from_unix_millis(moment.timestamp().as_millisecond()))
    };
    let moment = match (callback.date, callback.time) {
        (Some(date), _) => at(date),
        // "At five" is today's five, or tomorrow's where that is past.
        (None, Some(_)) => at(today).filter(|t| *t > ended_at).or_else(|| at(today.tomorrow().ok()?)),
        (None, None) => None,
    }?;
    let later = || ended_at.plus(Duration::from_secs(CALLBACK_AFTER_S));
    Some(if moment > ended_at { moment } else { later() })
}
