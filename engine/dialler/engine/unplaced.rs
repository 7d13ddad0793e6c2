//! Calls that were not placed: where their cases go, and what is told of them.

use std::time::Duration;

use waihu_media::MediaError;
use waihu_store::{Denied, Refusal, StoreError};
use waihu_types::{Outcome, WallTime};

use super::AFTER_FAULT;
use crate::{error::DialError, plant::ProgressKind};

/// Where a case waits whose number is on the line.
const BUSY_HERE: Duration = Duration::from_secs(60);

/// Where a case waits for which no media port was free: some call is over by then.
pub(super) const NO_PORT: Duration = Duration::from_secs(5);

/// Where a case waits that was to be called ahead of free agents and may not: the share of abandoned calls is counted
/// that often, and it falls with each that finds its agent.
const COUNTED_ANEW: Duration = Duration::from_secs(60);

/// From when on the gate may be asked again about a case that it denied; none where time does not help.
pub(super) fn asked_again(denied: &Denied, now: WallTime) -> Option<WallTime> {
    if denied.wants_an_agent { Some(now.plus(COUNTED_ANEW)) } else { denied.next }
}

/// Whether all media ports were taken.
pub(super) fn lacks_port(e: &DialError) -> bool {
    matches!(e, DialError::Media(MediaError::PortsExhausted { .. }))
}

/// Whether a telephone may have rung; of a call that fell nobody knows.
pub(super) fn may_have_rung(placed: Option<&Result<Outcome, DialError>>) -> bool {
    match placed {
        Some(Err(e)) => matches!(e, DialError::NotFiled { .. }),
        Some(Ok(_)) | None => true,
    }
}

/// Where a case goes that was not dialled, or whose outcome could not be filed; and by what rule.
pub(super) fn where_to(e: &DialError, now: WallTime) -> (Option<WallTime>, &'static str) {
    let refusal = match e {
        DialError::Store(StoreError::Refused { why, .. }) => Some(why),
        _ => None,
    };
    match (e, refusal) {
        (_, Some(Refusal::NumberBusy)) => (Some(now.plus(BUSY_HERE)), "number_on_the_line"),
        (_, Some(Refusal::Denied(denied))) => (asked_again(denied, now), "denied_at_dialling"),
        (_, Some(Refusal::TooEarly { not_before, .. })) => (Some(*not_before), "too_early"),
        (_, Some(Refusal::NotRunning(_) | Refusal::NotLeased | Refusal::CaseChanged)) => {
            (Some(now), "put_back")
        }
        (_, Some(Refusal::InFlight)) => (Some(now.plus(BUSY_HERE)), "in_flight"),
        (_, Some(Refusal::CaseSettled(_))) => (None, "settled"),
        (_, Some(Refusal::NumberBarred { .. })) => (None, "number_barred"),
        (_, Some(Refusal::Answered | Refusal::Settled { .. })) => (None, "settled_by_outcome"),
        (DialError::Stopped, _) => (Some(now), "stopped_before_dialling"),
        (DialError::TrunkShut(_), _) => (Some(now), "trunk_shut"),
        (e, _) if lacks_port(e) => (Some(now.plus(NO_PORT)), "no_media_port"),
        (DialError::Store(StoreError::NoLease), _) => (Some(now), "taken_for_dead"),
        (DialError::Unfit { .. } | DialError::TimeZone { .. }, _) => (None, "unfit"),
        // The outcome is in the spool, and moves the case when it is filed.
        (DialError::NotFiled { .. }, _) => (Some(now.plus(AFTER_FAULT)), "not_filed_yet"),
        _ => (Some(now.plus(AFTER_FAULT)), "fault_before_dialling"),
    }
}

/// What is told of it.
pub(super) fn not_placed(e: DialError) -> ProgressKind {
    let why = e.to_string();
    match e {
        DialError::Stopped | DialError::TrunkShut(_) => ProgressKind::Stopped,
        e if lacks_port(&e) => ProgressKind::Stopped,
        DialError::NotFiled { outcome, path, .. } => {
            ProgressKind::NotFiled { why, outcome: path.is_none().then_some(outcome) }
        }
        DialError::Store(StoreError::Refused { why, .. }) => ProgressKind::NotCalled(why),
        _ => ProgressKind::NotPlaced(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> DialError {
        DialError::Media(MediaError::PortsExhausted { first: 16_384, last: 32_767 })
    }

    #[test]
    fn a_case_for_which_no_port_is_free_waits_five_seconds_and_is_no_fault() {
        let now = WallTime::from_unix_millis(1_000);
        assert_eq!(where_to(&full(), now), (Some(WallTime::from_unix_millis(6_000)), "no_media_port"));
        assert!(matches!(not_placed(full()), ProgressKind::Stopped), "it is not among those that failed");
        assert!(!may_have_rung(Some(&Err(full()))), "the pacing learns nothing of it");
    }

    #[test]
    fn what_is_denied_waits_for_its_moment_and_for_want_of_an_agent_a_minute() {
        let (now, next) = (WallTime::from_unix_millis(1_000), Some(WallTime::from_unix_millis(864_000_000)));
        let goes = |wants_an_agent| {
            let (rule, zh, en) = ("us-abandoned".to_owned(), String::new(), String::new());
            let why = Refusal::Denied(Box::new(Denied { rule, zh, en, next, wants_an_agent }));
            let case = "C1".parse().unwrap();
            where_to(&DialError::Store(StoreError::Refused { case, why }), now)
        };
        assert_eq!(goes(false), (next, "denied_at_dialling"));
        assert_eq!(goes(true), (Some(WallTime::from_unix_millis(61_000)), "denied_at_dialling"));
    }

    #[test]
    fn what_is_wrong_with_ports_otherwise_waits_for_somebody_to_mend_it() {
        let now = WallTime::from_unix_millis(1_000);
        for e in [DialError::Media(MediaError::Ended), DialError::Randomness, DialError::Fell] {
            assert_eq!(where_to(&e, now), (Some(now.plus(AFTER_FAULT)), "fault_before_dialling"), "{e}");
            assert!(!may_have_rung(Some(&Err(e))));
        }
        assert!(may_have_rung(None), "a call that fell");
    }
}
