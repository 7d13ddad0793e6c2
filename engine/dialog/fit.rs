//! Whether a flow can be spoken about a case: what cannot be said rightly is not dialled.

use waihu_terms::{Authority, AuthorityProblem};
use waihu_types::Case;

use crate::{memory::Memory, script::Script, template::Placeholder};

/// Why a flow is not for a case. No word of the case is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A prompt speaks what the case lacks.
    #[error(
        "prompt {prompt:?} speaks {value}, which the case has not: fill in its column, or use another flow 案件缺少该项"
    )]
    Lacks {
        /// The prompt.
        prompt: String,
        /// What it speaks.
        value: Placeholder,
    },
    /// The case's authority is none.
    #[error("authority_{field}: {0}", field = .0.field())]
    Authority(#[from] AuthorityProblem),
}

impl Script {
    /// Whether every prompt can be spoken about `case`, on the day that is `today` at its place.
    ///
    /// # Errors
    /// The first thing that is in the way.
    pub fn fits(&self, case: &Case, today: jiff::civil::Date) -> Result<(), Unfit> {
        Authority::new(&case.particulars.authority, case.due)?;
        let memory = Memory::new(case, case.lang, today, self.promise);
        for (ix, prompt) in self.prompts.names.iter().enumerate() {
            let wordings = self.wordings(case.lang, case.particulars.kind, ix);
            let mut spoken = wordings.iter().flat_map(|w| w.placeholders());
            if let Some(value) = spoken.find(|p| p.may_be_lacking() && memory.value(*p).is_none()) {
                return Err(Unfit::Lacks { prompt: prompt.to_string(), value });
            }
        }
        Ok(())
    }
}
