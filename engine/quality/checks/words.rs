//! What is never said, and whether the call was to be.

use super::{Found, Hearing, does_not_apply, fail, pass, shown, told, unless};
use crate::{Decided, Speaker, timeline::Said};

impl Hearing<'_> {
    /// No expression of the lexicon that scripts are held against, as far as it was heard.
    pub(super) fn words_of(&self, by: Speaker) -> Found {
        if self.timeline.by(by).next().is_none() {
            return does_not_apply();
        }
        let forbidden = |said: &Said<'_>| {
            let (word, why) = self.rules.forbidden(said.text, self.lang)?;
            Some(shown(said, format!("说到“{word}”：{why}"), format!("{word:?} was said: {why}")))
        };
        unless(self.timeline.by(by).filter_map(forbidden).collect())
    }

    /// The gate allowed the call, hours, counts and flags with it.
    pub(super) fn hours(&self) -> Found {
        match self.call.decided {
            None => does_not_apply(),
            Some(Decided::Allowed) => {
                pass(Some(told("呼叫时合规放行", "the rules allowed it when it was placed")))
            }
            Some(Decided::Despite) => {
                fail(told("合规不允许，由人放行", "the rules denied it, and somebody let it pass"))
            }
        }
    }
}
