//! What the callee wanted, and whether it was heeded.

use waihu_types::{Disposition, HandoverResult, Intent, Redial};

use super::{Found, Hearing, does_not_apply, shown, told, unless};
use crate::timeline::Said;

/// After these nothing of the matter is said, and nobody is called again.
const WISHES: &[Intent] =
    &[Intent::StopCalling, Intent::LegalRepresentation, Intent::WrongNumber, Intent::Deceased];

impl Hearing<'_> {
    /// A wish to be left alone, which is written down once it is understood, ended the matter, and bars the number.
    pub(super) fn wishes(&self) -> Found {
        if !self.talked() {
            return does_not_apply();
        }
        let Some(wish) = self.meaning(WISHES).next() else { return does_not_apply() };
        let named = wish.intent.map_or("", Intent::label);
        let mut failures: Vec<_> = self
            .matter()
            // An agent may be what was wanted: what agents say is theirs to answer for.
            .filter(|said| said.order > wish.order && said.by == crate::Speaker::Bot)
            .map(|said| {
                let en = format!("the matter went on after {named} (line {})", wish.line);
                shown(said, format!("{named} 之后仍在谈债务（见第 {} 行）", wish.line), en)
            })
            .collect();
        // A wrong number that turned out to be the right person is none.
        let taken_back = self.yes_comes_after(wish);
        if matches!(self.call.outcome.redial, Redial::Allowed { .. }) && !taken_back {
            let zh = format!("{named}：该案件仍可能被再次呼叫");
            failures.push(shown(wish, zh, format!("{named}: the case may still be called again")));
        }
        unless(failures)
    }

    fn yes_comes_after(&self, said: &Said<'_>) -> bool {
        let later =
            |s: &&Said<'_>| s.order > said.order && self.means(s, &[Intent::Affirm, Intent::PromiseToPay]);
        said.intent == Some(Intent::WrongNumber)
            && self.timeline.by(crate::Speaker::Callee).any(|s| later(&s))
    }

    /// Danger or despair was answered by a person, or the talk of debts ended there.
    pub(super) fn distress(&self) -> Found {
        let outcome = self.call.outcome;
        let said = self.meaning(&[Intent::Distress]).next();
        let Some(said) = said else {
            return match outcome.disposition == Disposition::Distress {
                true => super::pass(Some(told("以情绪危急结束", "it ended as distress"))),
                false => does_not_apply(),
            };
        };
        let by_a_person = outcome.handover.as_ref().is_some_and(|h| h.result == HandoverResult::Joined);
        let after: Vec<_> = self
            .matter()
            .filter(|s| s.order > said.order && s.by == crate::Speaker::Bot)
            .map(|s| {
                shown(s, "情绪危急之后机器人仍在谈债务", "the bot went on about the debt after distress")
            })
            .collect();
        let mut failures = after;
        let put_down = outcome.disposition == Disposition::Distress || outcome.handover.is_some();
        if !by_a_person && !put_down {
            failures.push(shown(
                said,
                "没有转人工，也未按情绪危急结束",
                "no person was sought, and it did not end as distress",
            ));
        }
        unless(failures)
    }
}
