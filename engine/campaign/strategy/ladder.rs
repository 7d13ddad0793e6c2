//! The retry ladder: how long after which end of an attempt the next one makes sense, and at which number.

use std::time::Duration;

use waihu_types::Disposition;

/// What follows one kind of end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The rule's name, as it stands in outcomes.
    pub id: String,
    /// How long to wait after the first such end of a case, the second, and so on; the last one holds for all
    /// further ones. They never fall. None where there is no further call.
    pub waits: Vec<Duration>,
    /// Whether the next call comes in another part of the day.
    pub other_part: bool,
    /// What becomes of the number.
    pub number: NumberRule,
}

/// What becomes of the number that was called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NumberRule {
    /// The whole case waits: somebody was spoken with, or another number would end the same way.
    #[default]
    Case,
    /// This number waits; another one of the debtor may be called before.
    Number,
    /// It is never called again for the case; another one of the debtor may be.
    Drop,
}

impl NumberRule {
    pub(super) const WORDS: &[(&str, Self)] =
        &[("case", Self::Case), ("number", Self::Number), ("drop", Self::Drop)];
}

impl Step {
    /// The wait after the `nth` such end, from 1; none where there is no further call.
    pub fn wait(&self, nth: usize) -> Option<Duration> {
        self.waits.get(nth.saturating_sub(1)).or(self.waits.last()).copied()
    }
}

/// What follows each kind of end.
#[derive(Clone, Debug, Default)]
pub struct Ladder(Vec<(Disposition, Step)>);

impl Ladder {
    /// What follows `disposition`; nothing where the ladder does not say.
    pub fn step(&self, disposition: Disposition) -> Option<&Step> {
        self.0.iter().find(|(of, _)| *of == disposition).map(|(_, step)| step)
    }

    /// Sets what follows; false where it was set before.
    pub(super) fn set(&mut self, disposition: Disposition, step: Step) -> bool {
        let is_new = self.step(disposition).is_none();
        if is_new {
            self.0.push((disposition, step));
        }
        is_new
    }

    /// Takes from `other` what is not said here.
    pub(super) fn fill(&mut self, other: &Self) {
        for (disposition, step) in &other.0 {
            self.set(*disposition, step.clone());
        }
    }
}
