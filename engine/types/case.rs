use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{CaseId, Lang, Money, PhoneNumber};

/// One overdue case as the lender hands it over: whom to call, about what, in which language.
///
/// `Debug` shows the id only: the rest is personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The lender's id of the case.
    pub id: CaseId,
    /// The number to dial.
    pub phone: PhoneNumber,
    /// The debtor's name, as it is spoken (`张伟`, `Daniel Reed`).
    pub name: String,
    /// How the debtor is addressed after the name: `先生`, `女士`, `Mr`, `Ms`; empty when unknown.
    #[serde(default)]
    pub title: String,
    /// The language to begin in.
    pub lang: Lang,
    /// Whom the call is for: the lender's name, as it is spoken.
    pub creditor: String,
    /// The product in the debtor's words: `信用卡`, `personal loan`.
    pub product: String,
    /// What is overdue.
    #[serde(flatten)]
    pub due: Money,
    /// The day on which it was due, at the callee's place.
    pub due_date: jiff::civil::Date,
    /// The callee's time zone, by its IANA name.
    #[serde(default = "default_zone")]
    pub time_zone: String,
}

fn default_zone() -> String {
    "Asia/Shanghai".to_owned()
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Case({})", self.id)
    }
}

/// What is wrong with a case that could be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaseProblem {
    /// A field that is spoken is empty.
    #[error("{0} is empty: it is spoken in the call 不能为空")]
    Empty(&'static str),
    /// A field that is spoken is longer than anyone would say.
    #[error("{field} has {chars} characters, {MAX_SPOKEN_CHARS} at most: it is spoken in the call 过长")]
    TooLong {
        /// The field.
        field: &'static str,
        /// Its length [characters].
        chars: usize,
    },
    /// The time zone is not in the bundled table.
    #[error("unknown time_zone {0:?}: use an IANA name, as Asia/Shanghai 时区无效")]
    TimeZone(String),
    /// Nothing is owed.
    #[error("amount is zero: there is nothing to call about 金额为零")]
    NothingDue,
}

/// The longest spoken field [characters]: a company's full name fits.
const MAX_SPOKEN_CHARS: usize = 80;

impl Case {
    /// Checks what the types alone do not hold.
    ///
    /// # Errors
    /// The first problem found.
    pub fn check(&self) -> Result<(), CaseProblem> {
        for (field, text) in [("name", &self.name), ("creditor", &self.creditor), ("product", &self.product)]
        {
            if text.trim().is_empty() {
                return Err(CaseProblem::Empty(field));
            }
            let chars = text.chars().count();
            if chars > MAX_SPOKEN_CHARS {
                return Err(CaseProblem::TooLong { field, chars });
            }
        }
        if self.due.amount().is_zero() {
            return Err(CaseProblem::NothingDue);
        }
        if jiff::tz::TimeZone::get(&self.time_zone).is_err() {
            return Err(CaseProblem::TimeZone(self.time_zone.clone()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"id":"C1","phone":"1001","name":"张伟","title":"先生","lang":"zh","creditor":"安信银行",
        "product":"信用卡","amount":"3250.00","currency":"CNY","due_date":"2026-11-15"}"#;

    #[test]
    fn a_case_reads_from_json_and_checks() {
        let case: Case = serde_json::from_str(JSON).unwrap();
        assert_eq!(case.check(), Ok(()));
        assert_eq!(case.time_zone, "Asia/Shanghai");
        assert_eq!(format!("{case:?}"), "Case(C1)");
    }

    #[test]
    fn what_cannot_be_spoken_or_dialled_is_named() {
        let case: Case = serde_json::from_str(JSON).unwrap();
        let with = |f: fn(&mut Case)| {
            let mut c = case.clone();
            f(&mut c);
            c.check()
        };
        assert_eq!(with(|c| c.name = " ".into()), Err(CaseProblem::Empty("name")));
        assert_eq!(with(|c| c.time_zone = "Mars".into()), Err(CaseProblem::TimeZone("Mars".into())));
        assert!(serde_json::from_str::<Case>(&JSON.replace("1001", "call me")).is_err());
    }
}
