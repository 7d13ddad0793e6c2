//! Whether a flow can be spoken about a case: what cannot be said rightly is not dialled.

use jiff::civil::Date;
use waihu_terms::{Authority, AuthorityProblem};
use waihu_types::{Case, Lang};

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
    /// Whether every prompt can be spoken in `lang` about `case`, on the day that is `today` at its place.
    ///
    /// # Errors
    /// The first thing that is in the way.
    pub fn fits(&self, case: &Case, lang: Lang, today: Date) -> Result<(), Unfit> {
        self.misfits(case, lang, today).into_iter().next().map_or(Ok(()), Err)
    }

    /// All that keeps the flow from being spoken in `lang` about `case`: of each thing that it lacks, the first
    /// prompt that speaks it.
    pub fn misfits(&self, case: &Case, lang: Lang, today: Date) -> Vec<Unfit> {
        let authority = Authority::new(&case.particulars.authority, case.due);
        let mut unfit: Vec<Unfit> = authority.err().map(Unfit::from).into_iter().collect();
        let memory = Memory::new(case, lang, today, self.promise);
        let mut lacking = Vec::new();
        // Where it lacks what that text says, none is left, and it is called all the same.
        let left = self.unreached.as_ref().map(|line| line.prompt);
        let prompts = self.prompts.names.iter().enumerate().filter(|(ix, _)| Some(*ix) != left);
        for (ix, prompt) in prompts {
            let wordings = self.wordings(lang, case.particulars.kind, ix);
            for value in wordings.iter().flat_map(|w| w.placeholders()) {
                if value.may_be_lacking() && !lacking.contains(&value) && memory.value(value).is_none() {
                    lacking.push(value);
                    unfit.push(Unfit::Lacks { prompt: prompt.to_string(), value });
                }
            }
        }
        unfit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Date = jiff::civil::date(2026, 11, 26);

    fn script(words: &str) -> Script {
        let script = r#"
            start = "a"
            limits = { to = "a" }
            voicemail = { to = "b" }
            [states.a]
            say = "hello"
            end = "hung_up"
            [states.b]
            say = []
            end = "voicemail"
            [states.c]
            private = true
            say = "matter"
            end = "no_commitment"
        "#;
        let prompts = format!("hello = \"{{name}}\"\nmatter = \"{words}\"");
        let files = [("script.toml", script), ("prompts.zh.toml", &prompts), ("prompts.en.toml", &prompts)];
        let mut problems = crate::problem::Problems::default();
        let script = crate::parse::script("test", &files, &mut problems);
        script.unwrap_or_else(|| panic!("{:?}", problems.0))
    }

    fn case(more: &str) -> Case {
        let json = format!(
            r#"{{"id":"C1","phone":"1001","name":"张伟","lang":"zh","creditor":"安信银行","product":"信用卡",
            "amount":"3250.00","currency":"CNY","due_date":"2026-11-15"{more}}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn a_flow_that_speaks_what_a_case_lacks_is_not_for_it() {
        let tail = script("尾号{account_tail}");
        let unfit = tail.fits(&case(""), Lang::Zh, TODAY).unwrap_err();
        assert!(
            unfit.to_string().contains("{account_tail}") && unfit.to_string().contains("matter"),
            "{unfit}"
        );
        assert_eq!(tail.fits(&case(r#","account_tail":"0421""#), Lang::Zh, TODAY), Ok(()));
        let two = script("{account_tail} {contact} {account_tail}");
        assert_eq!(two.misfits(&case(""), Lang::Zh, TODAY).len(), 2, "each lack once");
        assert_eq!(script("{amount}").fits(&case(""), Lang::Zh, TODAY), Ok(()));
        // Nothing is overdue before its day.
        let days = script("逾期{days_past_due}天");
        assert_eq!(days.fits(&case(""), Lang::Zh, TODAY), Ok(()));
        assert!(days.fits(&case(""), Lang::Zh, jiff::civil::date(2026, 11, 15)).is_err());
    }

    #[test]
    fn an_authority_that_is_none_is_not_dialled_with() {
        let case = case(r#","authority":{"max_parts":0}"#);
        let unfit = script("{amount}").fits(&case, Lang::Zh, TODAY).unwrap_err();
        assert!(unfit.to_string().starts_with("authority_max_parts: "), "{unfit}");
    }
}
