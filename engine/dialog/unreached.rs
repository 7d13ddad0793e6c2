//! The text that is left where nobody was reached.
//!
//! The check holds that it says nothing of the debt. Deliberately absent: when it is left, which the campaign's
//! strategy says, and when it may leave (`compliance`).

use jiff::civil::Date;
use waihu_types::{Case, FollowUp, Lang};

use crate::{memory::Memory, parse::SMS, script::Script};

impl Script {
    /// The text for who was not reached, in its first wording for which the case has all values; none where the flow
    /// has no such text, or the case lacks something for each wording.
    pub fn unreached(&self, case: &Case, lang: Lang, today: Date) -> Option<FollowUp> {
        let line = self.unreached.as_ref()?;
        let memory = Memory::new(case, lang, today, self.promise);
        let mut wordings = self.wordings(lang, memory.kind(), line.prompt).iter();
        let text = wordings.find_map(|wording| memory.fill(wording))?;
        let template = self.prompt_name(line.prompt).trim_start_matches(SMS).to_owned();
        Some(FollowUp::Sms { template, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Date = jiff::civil::date(2026, 11, 26);

    fn script(more: &str) -> Script {
        let flow = format!(
            "start = \"a\"\nlimits = {{ to = \"a\" }}\nvoicemail = {{ to = \"b\" }}\n{more}\n\
             [states.a]\nsay = \"hello\"\nend = \"hung_up\"\n[states.b]\nsay = []\nend = \"voicemail\"\n"
        );
        let prompts = "hello = \"{name}\"\n[sms]\nback = [\"{creditor}: {reply_number}\", \"{creditor}\"]\n\
                       \"back@mortgage\" = \"{creditor}: {contact}\"\n";
        let files =
            [("script.toml", flow.as_str()), ("prompts.zh.toml", prompts), ("prompts.en.toml", prompts)];
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
    fn the_first_wording_that_the_case_has_all_of_is_left() {
        let with = script("[unreached]\nsms = \"back\"");
        for (more, left) in [
            (r#","reply_number":"95588""#, Some("安信银行: 95588")),
            ("", Some("安信银行")),
            (r#","kind":"mortgage","contact":"小李""#, Some("安信银行: 小李")),
            (r#","kind":"mortgage""#, None),
        ] {
            let text = left.map(|text| FollowUp::Sms { template: "back".into(), text: text.into() });
            let case = case(more);
            assert_eq!(with.unreached(&case, Lang::Zh, TODAY), text, "{more}");
            assert_eq!(with.fits(&case, Lang::Zh, TODAY), Ok(()), "it is called all the same");
        }
        assert_eq!(script("").unreached(&case(""), Lang::Zh, TODAY), None);
    }
}
