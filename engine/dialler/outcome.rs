//! The outcome of an attempt, put together from what each room knows of it.

use std::collections::BTreeMap;

use waihu_call::Ending;
use waihu_dialog::{Conclusion, RedialAdvice};
use waihu_types::{
    AttemptId, Callback, CampaignId, Case, Disposition, FaultOwner, Handover, OUTCOME_VERSION, Outcome,
    Redial, ScriptVersion, Time, WallTime,
};

/// What is known of an attempt before it is dialled.
pub(crate) struct Attempt {
    pub attempt: AttemptId,
    pub campaign: Option<CampaignId>,
    pub case: Case,
    pub script: ScriptVersion,
    pub models: BTreeMap<String, String>,
    pub dialled_at: WallTime,
    /// Attempts at this case before this one.
    pub attempts_before: u32,
}

/// The outcome of an attempt whose call ran to its end, as yet without its files. `wall` tells the wall
/// time of a point on the call's clock.
pub(crate) fn outcome(
    of: &Attempt,
    ending: Ending,
    ended_at: WallTime,
    wall: impl Fn(Time) -> WallTime,
) -> Outcome {
    let conclusion = ending.conclusion;
    let (disposition, fault) = if ending.answered_at.is_some() {
        match ending.engine_failed {
            false => (conclusion.disposition, None),
            true => (spoilt(conclusion.disposition), Some(FaultOwner::Us)),
        }
    } else {
        let (disposition, fault) = match (&ending.sip, ending.rang_out) {
            (_, true) => (Disposition::NoAnswer, FaultOwner::Callee),
            (Some(sip), false) => waihu_campaign::sip_verdict(sip.code),
            (None, false) => waihu_campaign::NO_RESPONSE,
        };
        (disposition, Some(fault))
    };
    let redial = redial(of, disposition, ending.answered_at.is_some(), &conclusion, ended_at);
    Outcome {
        version: OUTCOME_VERSION,
        attempt: of.attempt.clone(),
        campaign: of.campaign.clone(),
        case: of.case.id.clone(),
        callee: of.case.phone.clone(),
        dialled_at: of.dialled_at,
        answered_at: ending.answered_at.map(&wall),
        ended_at,
        answered_by: ending.answered_by,
        identity: conclusion.identity,
        debt_disclosed: conclusion.debt_disclosed,
        disposition,
        promise: conclusion.promise,
        callback: conclusion.callback,
        intents: conclusion.intents,
        handover: ending.handover.map(|h| Handover {
            agent: h.agent,
            result: h.result,
            joined_at: h.joined_at.map(&wall),
        }),
        script: of.script.clone(),
        models: of.models.clone(),
        recording: None,
        transcript: None,
        sip: ending.sip,
        ended_by: ending.ended_by,
        fault,
        redial,
    }
}

/// A call that a fault of ours ended keeps what was reached in it, and is else put down to the fault.
fn spoilt(disposition: Disposition) -> Disposition {
    match disposition {
        Disposition::HungUp | Disposition::NoCommitment | Disposition::Silence => Disposition::EngineFailed,
        reached => reached,
    }
}

/// When the case may be dialled again: never where the script says so, as agreed where the bot is to call
/// back, else by the ladder.
fn redial(
    of: &Attempt,
    disposition: Disposition,
    answered: bool,
    conclusion: &Conclusion,
    ended_at: WallTime,
) -> Redial {
    let attempts = of.attempts_before + 1;
    if answered && conclusion.redial == RedialAdvice::Never {
        return Redial::No { rule: "script_never".to_owned() };
    }
    // Who picked up is not called again for a fault of ours: something may have been said.
    if answered && disposition == Disposition::EngineFailed {
        return Redial::No { rule: "engine_failed_in_call".to_owned() };
    }
    let agreed = conclusion.callback.as_ref().filter(|c| answered && !c.by_agent);
    match agreed.and_then(|c| agreed_time(c, ended_at, &of.case.time_zone)) {
        Some(at) => waihu_campaign::redial_as_agreed(at, attempts),
        None => waihu_campaign::redial(disposition, ended_at, attempts),
    }
}

/// The hour of a call back on an agreed day without an hour, at the callee's place.
const CALLBACK_HOUR: i8 = 10;

/// The moment that was agreed, in the callee's time zone; none where neither a day nor an hour was.
fn agreed_time(callback: &Callback, ended_at: WallTime, zone: &str) -> Option<WallTime> {
    let today = ended_at.date_in(zone).ok()?;
    let time = callback.time.unwrap_or(jiff::civil::time(CALLBACK_HOUR, 0, 0, 0));
    let at = |date: jiff::civil::Date| {
        let moment = date.to_datetime(time).in_tz(zone).ok()?;
        Some(WallTime::from_unix_millis(moment.timestamp().as_millisecond()))
    };
    match (callback.date, callback.time) {
        (Some(date), _) => at(date),
        // "At five" is today's five, or tomorrow's where that is past.
        (None, Some(_)) => at(today).filter(|t| *t > ended_at).or_else(|| at(today.tomorrow().ok()?)),
        (None, None) => None,
    }
}
