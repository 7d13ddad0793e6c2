//! What the end of an attempt means, and when its case may be dialled again.
//!
//! Deliberately absent: calling hours and daily limits (`compliance`). A verdict says when a redial makes
//! sense, not whether the law permits a call then.

use waihu_types::{Announcement, AnsweredBy, Disposition, FaultOwner, Redial, WallTime};

use crate::{Strategy, strategy::LOST_INVITE};

/// The verdict where no final answer came at all: the trunk is silent (RFC 3261, timers B and F).
/// A 408 that was received is another matter, see [`sip_verdict`].
pub const NO_RESPONSE: (Disposition, FaultOwner) = (Disposition::TrunkFailed, FaultOwner::Trunk);

/// What a final SIP failure says about the attempt, and whose doing it is.
///
/// The codes are those of RFC 3261 section 21, with 607 (RFC 8197) and 608 (RFC 8688). A code that
/// is no failure (1xx, 2xx) has no business here and comes out as a fault of our own.
pub fn sip_verdict(code: u16) -> (Disposition, FaultOwner) {
    use Disposition as D;
    use FaultOwner as F;
    match code {
        486 | 600 => (D::Busy, F::Callee),
        // Unknown, gone, incomplete, ambiguous, nowhere.
        404 | 410 | 484 | 485 | 604 => (D::InvalidNumber, F::Callee),
        // Rang out, nobody there, and 487: we cancelled when the ring time was over.
        408 | 480 | 487 => (D::NoAnswer, F::Callee),
        603 | 607 => (D::Rejected, F::Callee),
        // Refused on the way: forbidden, or blocked by an intermediary.
        403 | 608 => (D::Rejected, F::Trunk),
        // Credentials, and requests or offers that the far end cannot take: ours to mend.
        400 | 401 | 405..=407 | 411..=416 | 420..=423 | 481 | 488 | 491 | 493 | 606 => {
            (D::TrunkFailed, F::Us)
        }
        // Redirections that are not followed; payment, identity, loops, too many hops and the rest.
        300..=499 => (D::TrunkFailed, F::Trunk),
        500..=599 => (D::TrunkFailed, F::Trunk),
        // Any other 6xx is a global refusal by the callee's side (RFC 3261 section 21.6).
        601..=699 => (D::Rejected, F::Callee),
        _ => (D::EngineFailed, F::Us),
    }
}

/// What it says about the attempt that a machine answered, or the network spoke in place of an answer.
/// None where that says nothing yet: a person, nobody, or something that was not told.
pub fn answer_verdict(
    by: AnsweredBy,
    announcement: Option<Announcement>,
) -> Option<(Disposition, FaultOwner)> {
    use AnsweredBy as By;
    use FaultOwner::Callee;
    match by {
        By::Announcement => Some(announced(announcement.unwrap_or(Announcement::Other))),
        By::Voicemail => Some((Disposition::Voicemail, Callee)),
        By::Screening => Some((Disposition::Screened, Callee)),
        By::Ivr => Some((Disposition::Ivr, Callee)),
        By::Fax => Some((Disposition::Fax, Callee)),
        By::Silence => Some((Disposition::Silence, Callee)),
        By::Nobody | By::Human | By::Unknown => None,
    }
}

/// What an announcement says about the attempt, and whose doing it is.
fn announced(announcement: Announcement) -> (Disposition, FaultOwner) {
    use Announcement as A;
    use Disposition as D;
    use FaultOwner as F;
    match announcement {
        A::NotInService | A::Changed => (D::NotInService, F::Callee),
        A::Suspended => (D::Suspended, F::Callee),
        A::PoweredOff | A::Unreachable | A::Other => (D::Unreachable, F::Callee),
        A::Busy => (D::Busy, F::Callee),
        A::NoAnswer => (D::NoAnswer, F::Callee),
        A::Barred => (D::Rejected, F::Callee),
        A::Congestion => (D::TrunkFailed, F::Trunk),
    }
}

/// What a final SIP failure says about the attempt where the network had announced why in early media.
/// The announcement is the better witness: trunks put 空号, 关机 and 无人接听 all into one code.
pub fn announced_sip_verdict(code: u16, announcement: Option<Announcement>) -> (Disposition, FaultOwner) {
    match (announcement.filter(|a| *a != Announcement::Other), sip_verdict(code)) {
        (None, by_code) => by_code,
        // What we sent was at fault, whatever was played over it.
        (Some(_), (disposition, FaultOwner::Us)) => (disposition, FaultOwner::Us),
        (Some(told), _) => announced(told),
    }
}

/// The rule that ends the ladder.
const USED_UP: &str = "attempts_used_up";

/// Whether such an outcome forbids the number, and not the case alone: whoever answers there has asked
/// for it, or is the wrong person, or is in no state to be called; or nobody answers there any more, and
/// who is given the number next is a stranger. It holds in every campaign and for every later case.
pub fn bars_number(disposition: Disposition) -> bool {
    use Disposition as D;
    matches!(
        disposition,
        D::StopCalling
            | D::WrongNumber
            | D::NotInService
            | D::Deceased
            | D::Distress
            | D::LegalRepresentation
    )
}

/// Whether, and from when, a case may be dialled again after an attempt, by the shipped ladder and by nothing that
/// is told of the case; [`Strategy::redial`] goes by that too.
///
/// `attempts_so_far` counts the attempts for the case in its campaign with this one; from the shipped limit on
/// there is no further one.
pub fn redial(disposition: Disposition, ended_at: WallTime, attempts_so_far: u32) -> Redial {
    let no = |rule: &str| Redial::No { rule: rule.to_owned() };
    match Strategy::shipped().ladder().step(disposition).map(|step| (&step.id, step.wait(1))) {
        None => no("no_rule"),
        Some((rule, None)) => no(rule),
        Some(_) if is_used_up(attempts_so_far) => no(USED_UP),
        Some((rule, Some(wait))) => Redial::Allowed { rule: rule.clone(), not_before: ended_at.plus(wait) },
    }
}

/// Whether the shipped limit of attempts is reached.
fn is_used_up(attempts_so_far: u32) -> bool {
    attempts_so_far >= Strategy::shipped().most_attempts()
}

/// The same where the bot agreed to call back, which is from `at` on.
pub fn redial_as_agreed(at: WallTime, attempts_so_far: u32) -> Redial {
    match is_used_up(attempts_so_far) {
        true => Redial::No { rule: USED_UP.to_owned() },
        false => Redial::Allowed { rule: "callback_as_agreed".to_owned(), not_before: at },
    }
}

/// The same after the engine stopped in the middle of an attempt (disposition `unknown`): never
/// where the callee had answered, as something may have been said or promised; where not, and within
/// the shipped limit of attempts, once the lost INVITE can ring no longer.
pub fn redial_after_interruption(
    answered: bool,
    dialled_at: WallTime,
    found_at: WallTime,
    attempts_so_far: u32,
) -> Redial {
    match answered {
        true => Redial::No { rule: "interrupted_after_answer".to_owned() },
        false if is_used_up(attempts_so_far) => Redial::No { rule: USED_UP.to_owned() },
        false => Redial::Allowed {
            rule: "interrupted_before_answer".to_owned(),
            not_before: found_at.max(dialled_at.plus(LOST_INVITE)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_ATTEMPTS: u32 = 5;

    fn now() -> WallTime {
        WallTime::from_unix_millis(1_795_772_096_000)
    }

    fn wait_s(r: &Redial) -> Option<i64> {
        match r {
            Redial::No { .. } => None,
            Redial::Allowed { not_before, .. } => {
                Some((not_before.unix_millis() - now().unix_millis()) / 1_000)
            }
        }
    }

    #[test]
    fn each_code_has_its_disposition_and_owner() {
        use Disposition as D;
        use FaultOwner as F;
        for (codes, expected) in [
            (&[486u16, 600][..], (D::Busy, F::Callee)),
            (&[404, 410, 484, 604], (D::InvalidNumber, F::Callee)),
            (&[408, 480, 487], (D::NoAnswer, F::Callee)),
            (&[603, 607, 699], (D::Rejected, F::Callee)),
            (&[403, 608], (D::Rejected, F::Trunk)),
            (&[302, 402, 482, 500, 502, 503, 504, 580], (D::TrunkFailed, F::Trunk)),
            (&[401, 407, 488, 606], (D::TrunkFailed, F::Us)),
            (&[0, 100, 200, 700, 65_535], (D::EngineFailed, F::Us)),
        ] {
            for code in codes {
                assert_eq!(sip_verdict(*code), expected, "{code}");
            }
        }
    }

    #[test]
    fn every_failure_code_blames_a_failed_disposition() {
        for code in 300..700 {
            let (d, _) = sip_verdict(code);
            assert!(
                matches!(
                    d,
                    Disposition::Busy
                        | Disposition::InvalidNumber
                        | Disposition::NoAnswer
                        | Disposition::Rejected
                        | Disposition::TrunkFailed
                ),
                "{code}"
            );
        }
    }

    #[test]
    fn the_ladder_waits_as_it_says() {
        use Disposition as D;
        for (d, expected) in [
            (D::TrunkFailed, Some(300)),
            (D::Busy, Some(600)),
            (D::NoAnswer, Some(7_200)),
            (D::Voicemail, Some(86_400)),
            (D::HungUp, Some(86_400)),
            (D::Unreachable, Some(14_400)),
            (D::Screened, Some(86_400)),
            (D::Suspended, Some(3 * 86_400)),
            (D::InvalidNumber, None),
            (D::NotInService, None),
            (D::Fax, None),
            (D::Ivr, None),
            (D::PromiseToPay, None),
            (D::StopCalling, None),
            (D::WrongNumber, None),
            (D::Unknown, None),
        ] {
            assert_eq!(wait_s(&redial(d, now(), 1)), expected, "{}", d.label());
        }
    }

    #[test]
    fn a_dead_number_is_not_dialled_and_one_that_is_off_is_tried_again() {
        use Announcement as A;
        let verdict = |a| answer_verdict(AnsweredBy::Announcement, Some(a)).unwrap().0;
        for (a, bars, again) in [
            (A::NotInService, true, None),
            (A::Changed, true, None),
            (A::Suspended, false, Some(3 * 86_400)),
            (A::PoweredOff, false, Some(14_400)),
            (A::Unreachable, false, Some(14_400)),
            (A::Busy, false, Some(600)),
            (A::NoAnswer, false, Some(7_200)),
            (A::Barred, false, Some(86_400)),
            (A::Congestion, false, Some(300)),
            (A::Other, false, Some(14_400)),
        ] {
            let d = verdict(a);
            assert_eq!((bars_number(d), wait_s(&redial(d, now(), 1))), (bars, again), "{}", a.label());
        }
        for by in [AnsweredBy::Human, AnsweredBy::Nobody, AnsweredBy::Unknown] {
            assert_eq!(answer_verdict(by, Some(A::NotInService)), None);
        }
    }

    #[test]
    fn what_was_announced_is_believed_before_the_code_and_not_before_our_own_fault() {
        use Announcement as A;
        for code in [404, 408, 480, 486, 487, 503, 603] {
            assert_eq!(announced_sip_verdict(code, Some(A::NotInService)).0, Disposition::NotInService);
            assert_eq!(announced_sip_verdict(code, Some(A::Other)), sip_verdict(code));
            assert_eq!(announced_sip_verdict(code, None), sip_verdict(code));
        }
        assert_eq!(announced_sip_verdict(488, Some(A::Busy)), (Disposition::TrunkFailed, FaultOwner::Us));
    }

    #[test]
    fn nobody_is_called_beyond_the_limit_of_attempts() {
        assert_eq!(wait_s(&redial(Disposition::Busy, now(), MAX_ATTEMPTS - 1)), Some(600));
        for n in [MAX_ATTEMPTS, MAX_ATTEMPTS + 1, u32::MAX] {
            assert_eq!(redial(Disposition::Busy, now(), n), Redial::No { rule: "attempts_used_up".into() });
        }
        // A rule that says never keeps its own name at the limit.
        assert_eq!(
            redial(Disposition::StopCalling, now(), MAX_ATTEMPTS),
            Redial::No { rule: "stop_calling_never".into() }
        );
    }

    #[test]
    fn an_interrupted_attempt_is_dialled_again_only_if_nobody_had_answered() {
        let dialled = |s: u64| WallTime::from_unix_millis(now().unix_millis() - 1_000 * s as i64);
        let wait_s = |answered, dialled_at, so_far| {
            wait_s(&redial_after_interruption(answered, dialled_at, now(), so_far))
        };
        assert_eq!(wait_s(true, dialled(9_000), 1), None);
        assert_eq!(wait_s(false, dialled(9_000), 1), Some(0));
        assert_eq!(wait_s(false, dialled(9_000), MAX_ATTEMPTS), None);
        // The telephone may still be ringing.
        assert_eq!(wait_s(false, dialled(5), 1), Some(195));
    }
}
