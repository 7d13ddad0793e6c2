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
    /// How it ended: as an agent put it down, where one did.
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
        use Disposition as D;
        let answered = outcome.answered_at.is_some();
        // An agent who put down another end has settled what the bot had agreed before.
        let put_down = outcome.handover.as_ref().and_then(|handover| handover.disposition);
        let stands = put_down.is_none_or(|how| matches!(how, D::CallbackAgreed | D::HandedOver));
        let agreed = outcome.callback.as_ref().filter(|_| answered && stands);
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
            disposition: outcome.effective_disposition(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Placement, Settings, Strategy};
    use waihu_types::{Case, Handover, HandoverResult};

    /// A talk of an agent, in which the bot had agreed a call back before.
    const HANDED_OVER: &str = r#"{"version":1,"attempt":"a1","case":"C1","callee":"13800000001",
        "dialled_at":"2026-11-26T02:00:00.000Z","answered_at":"2026-11-26T02:00:10.000Z",
        "ended_at":"2026-11-26T02:05:00.000Z","answered_by":"human","identity":"confirmed","debt_disclosed":true,
        "disposition":"handed_over","callback":{"date":"2026-11-27","time":"10:00:00","by_agent":true},
        "promise":{"date":"2026-12-01","amount":"3250.00","currency":"CNY"},"intents":[],
        "script":{"name":"reminder","lang":"zh","sha256":""},"models":{},
        "redial":{"verdict":"no","rule":"handed_over_for_a_human"}}"#;
    const CASE: &str = r#"{"id":"C1","phone":"13800000001","name":"张伟","lang":"zh","creditor":"安信银行",
        "product":"信用卡","amount":"3250.00","currency":"CNY","due_date":"2026-11-15"}"#;

    /// The talk, as the agent put it down.
    fn put_down(how: Option<Disposition>) -> Outcome {
        let mut talk: Outcome = serde_json::from_str(HANDED_OVER).unwrap();
        let handover = Handover::of("Li Na".to_owned(), HandoverResult::Joined);
        talk.handover = Some(Handover { disposition: how, ..handover });
        talk
    }

    #[test]
    fn an_agents_word_is_how_it_ended_and_settles_what_the_bot_had_agreed() {
        use Disposition as D;
        for (how, ended, called_back) in [
            (None, D::HandedOver, true),
            (Some(D::CallbackAgreed), D::CallbackAgreed, true),
            (Some(D::StopCalling), D::StopCalling, false),
            (Some(D::PromiseToPay), D::PromiseToPay, false),
        ] {
            let past = Past::of(&put_down(how), "Asia/Shanghai");
            assert_eq!((past.disposition, past.callback_at.is_some()), (ended, called_back), "{how:?}");
            assert_eq!(past.agent_calls, called_back);
        }
    }

    #[test]
    fn an_agents_promise_is_followed_up_and_a_wish_to_be_left_alone_ends_the_case() {
        let settings = Settings::parse("trunk = \"main\"\nscript = \"reminder\"").unwrap();
        let case: Case = serde_json::from_str(CASE).unwrap();
        let place = |how| {
            let past = Past::of(&put_down(Some(how)), &case.time_zone);
            let now = past.ended_at;
            Strategy::shipped().place(&settings, &case, &[past], now)
        };
        let Placement::Call(next) = place(Disposition::PromiseToPay) else {
            unreachable!("it is followed up")
        };
        assert!(next.why.starts_with("promise_follow_up"), "{}", next.why);
        let day = next.due_at.date_in(&case.time_zone).unwrap();
        assert!(day > jiff::civil::date(2026, 12, 1), "after the day that was promised");
        for (how, rule) in [
            (Disposition::Deceased, "deceased_never"),
            (Disposition::LegalRepresentation, "legal_representation_never"),
        ] {
            assert_eq!(place(how), Placement::Never { rule: rule.to_owned() });
        }
    }
}
