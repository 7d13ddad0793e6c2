//! What the practice ground expects of each case, and whether an outcome is that.

use std::collections::BTreeMap;

use waihu_types::{CaseId, Disposition, HandoverResult, Outcome};

/// The shipped cases, as a file of cases (CSV).
pub const CASES: &str = include_str!("practice/cases.csv");

/// The shipped expectations (CSV).
pub const EXPECTED: &str = include_str!("practice/expected.csv");

/// The shipped personas (TOML).
pub const PERSONAS: &str = include_str!("personas.toml");

/// What a case is to come out as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The disposition.
    pub disposition: Disposition,
    /// Whether a promise is to be in the outcome.
    pub promise: bool,
    /// How the handover is to go, where one is to be.
    pub handover: Option<HandoverResult>,
}

/// A line of expectations that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the expectations: {expected} is expected")]
pub struct InvalidExpectation {
    /// The line, 1 for the first.
    pub line: usize,
    /// What should stand there.
    pub expected: &'static str,
}

/// Reads expectations: `case,disposition,promise,handover` with a header row, no quotes.
///
/// # Errors
/// The first line that is wrong.
pub fn read_expected(text: &str) -> Result<BTreeMap<CaseId, Expectation>, InvalidExpectation> {
    let mut all = BTreeMap::new();
    for (n, content) in text.lines().enumerate() {
        let wrong = |expected| InvalidExpectation { line: n + 1, expected };
        let cells: Vec<&str> = content.trim().split(',').collect();
        let [case, disposition, promise, handover] = cells[..] else {
            return Err(wrong("case,disposition,promise,handover"));
        };
        if n == 0 {
            if cells != ["case", "disposition", "promise", "handover"] {
                return Err(wrong("the header case,disposition,promise,handover"));
            }
            continue;
        }
        let word = |text: &str| serde_json::Value::from(text);
        let expectation = Expectation {
            disposition: serde_json::from_value(word(disposition)).map_err(|_| wrong("a disposition"))?,
            promise: match promise {
                "yes" => true,
                "no" => false,
                _ => return Err(wrong("promise yes or no")),
            },
            handover: match handover {
                "" => None,
                how => Some(
                    serde_json::from_value(word(how))
                        .map_err(|_| wrong("handover joined, no_answer, failed or nothing"))?,
                ),
            },
        };
        let case = case.parse().map_err(|_| wrong("a case id"))?;
        if all.insert(case, expectation).is_some() {
            return Err(wrong("each case once"));
        }
    }
    Ok(all)
}

impl Expectation {
    /// What an outcome shows of this.
    pub fn shown_by(outcome: &Outcome) -> Self {
        Self {
            disposition: outcome.disposition,
            promise: outcome.promise.is_some(),
            handover: outcome.handover.as_ref().map(|h| h.result),
        }
    }
}

impl std::fmt::Display for Expectation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.disposition.label())?;
        if self.promise && self.disposition != Disposition::PromiseToPay {
            f.write_str(" with a promise")?;
        }
        if !self.promise && self.disposition == Disposition::PromiseToPay {
            f.write_str(" without a promise")?;
        }
        match self.handover {
            None => Ok(()),
            Some(HandoverResult::Joined) => f.write_str(", agent joined"),
            Some(HandoverResult::NoAnswer) => f.write_str(", agent did not answer"),
            Some(HandoverResult::Failed) => f.write_str(", agent not reached"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_expectation_is_named_by_line() {
        let head = "case,disposition,promise,handover\n";
        assert_eq!(read_expected(&format!("{head}a,busy,no,\n")).unwrap().len(), 1);
        for bad in [
            "a,bussy,no,",
            "a,busy,maybe,",
            "a,busy,no,lost",
            "a b,busy,no,",
            "a,busy",
            "",
            "b,busy,no,\nb,busy,no,",
        ] {
            let e = read_expected(&format!("{head}a,busy,no,\n{bad}\n")).unwrap_err();
            assert!(e.line >= 3, "{bad}: {e}");
        }
        assert_eq!(read_expected("a,busy,no,\n").unwrap_err().line, 1);
    }

    #[test]
    fn an_expectation_reads_as_a_person_would_say_it() {
        let e = |disposition, promise, handover| Expectation { disposition, promise, handover }.to_string();
        assert_eq!(e(Disposition::PromiseToPay, true, None), "promise_to_pay");
        assert_eq!(e(Disposition::PromiseToPay, false, None), "promise_to_pay without a promise");
        assert_eq!(
            e(Disposition::HandedOver, false, Some(HandoverResult::Joined)),
            "handed_over, agent joined"
        );
    }
}
