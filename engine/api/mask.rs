//! Personal data as it is shown: in clear to whose role may see it and who has said what for, and masked to all others.
//!
//! Of a record, numbers, names and what was written in free words are masked by their fields; of a call's words, what
//! `redact` finds in them. What is masked says so. Deliberately absent: who may read a record at all ([`crate::access`]),
//! and agents' desks: a case comes to them with its call, which is what for.

use axum::http::{HeaderMap, Uri};
use serde::Serialize;
use serde_json::Value;
use waihu_redact::Known;
use waihu_types::{AttemptId, Case, CaseId, Lang};

use crate::{
    Problem,
    extract::{Who, unwritable},
    problem::Code,
    state::Shared,
};

/// The header by which a request says what for.
pub(crate) const HEADER: &str = "X-Waihu-Purpose";
/// The same in a query: a browser's player and its downloads send no header of ours.
pub(crate) const QUERY: &str = "purpose";

/// What somebody looks at personal data in clear for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A complaint is looked into.
    Complaint,
    /// The debt, or what was said, is disputed.
    Dispute,
    /// The person asks what is kept of them.
    SubjectAccess,
    /// Somebody checks whether what is done is right.
    Audit,
    /// A call is judged, or reviewed.
    Quality,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Complaint, Self::Dispute, Self::SubjectAccess, Self::Audit, Self::Quality];

    /// The name as it is stated, and written down.
    pub fn label(self) -> &'static str {
        match self {
            Self::Complaint => "complaint",
            Self::Dispute => "dispute",
            Self::SubjectAccess => "subject_access",
            Self::Audit => "audit",
            Self::Quality => "quality",
        }
    }

    /// What a request states; the header goes before the query.
    pub(crate) fn stated(headers: &HeaderMap, uri: &Uri) -> Result<Option<Self>, Problem> {
        let pairs = || uri.query().into_iter().flat_map(|query| query.split('&'));
        let in_query = || pairs().filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == QUERY);
        let header = headers.get(HEADER).map(|header| header.to_str().unwrap_or_default());
        let Some(given) = header.or_else(|| in_query().map(|(_, given)| given)) else { return Ok(None) };
        let found = Self::ALL.into_iter().find(|purpose| purpose.label() == given);
        found.map(Some).ok_or_else(|| {
            let what = format!("one of {} is expected 用途须为其中之一", Self::labels());
            Problem::invalid(HEADER, what)
        })
    }

    /// Nothing was stated where nothing can be masked.
    pub(crate) fn missing() -> Problem {
        let what =
            format!("it cannot be masked: say what for, one of {} 无法脱敏，请说明用途", Self::labels());
        Problem::new(Code::PreconditionRequired, what).of(HEADER)
    }

    fn labels() -> String {
        Self::ALL.map(Self::label).join(", ")
    }
}

/// The fields of records that hold a telephone number: its last two digits stay.
const NUMBERS: [&str; 5] = ["phone", "callee", "number", "reply_number", "subscriber"];
/// The fields in which people and scripts write as they like: agents' notes, messages, what a callee said.
const WORDS: [&str; 3] = ["text", "words", "notes"];
/// The fields of a case that name somebody, or where somebody lives.
const NAMES: [&str; 4] = ["name", "contact", "represented_by", "collateral"];

/// A record as others read it: in clear, or masked and with `masked` beside what was.
pub(crate) fn record(value: &impl Serialize, who: &Who) -> Result<Value, Problem> {
    let mut value = serde_json::to_value(value).map_err(unwritable)?;
    if !who.sees_clear()
        && mask(&mut value)
        && let Value::Object(fields) = &mut value
    {
        fields.insert("masked".to_owned(), Value::Bool(true));
    }
    Ok(value)
}

/// A case as others read it: names are masked too.
pub(crate) fn case(case: &Case, who: &Who) -> Result<Value, Problem> {
    let mut value = record(case, who)?;
    if !who.sees_clear() {
        for key in NAMES {
            if let Some(Value::String(text)) = value.get_mut(key) {
                *text = name(text);
            }
        }
    }
    Ok(value)
}

/// What is left of a name: its first character.
pub(crate) fn name(name: &str) -> String {
    name.chars().take(1).chain(['…']).collect()
}

/// Masks what stands in a value, wherever it stands; whether there was any.
fn mask(value: &mut Value) -> bool {
    match value {
        // Each of them: what was found first does not end it.
        Value::Array(values) => values.iter_mut().fold(false, |any, value| mask(value) | any),
        Value::Object(fields) => fields.iter_mut().fold(false, |any, (key, value)| {
            let masked = match value {
                Value::String(text) if NUMBERS.contains(&key.as_str()) => {
                    let from = text.char_indices().rev().nth(1).map_or(0, |(at, _)| at);
                    *text = format!("…{}", &text[from..]);
                    true
                }
                Value::String(text) if WORDS.contains(&key.as_str()) => {
                    "…".clone_into(text);
                    true
                }
                value => mask(value),
            };
            masked | any
        }),
        _ => false,
    }
}

/// What hides a call's words from who does not see them in clear.
pub(crate) struct Veil {
    known: Known,
    /// The language of the call.
    pub(crate) lang: Lang,
}

impl Veil {
    /// Over what was said about a case; none for who sees it in clear.
    pub(crate) async fn over(
        shared: &Shared,
        who: &Who,
        (case, lang): (&CaseId, Lang),
    ) -> Result<Option<Self>, Problem> {
        if who.sees_clear() {
            return Ok(None);
        }
        let case = shared.store().case(case).await?;
        let known = case.map(|stored| Known::of(&stored.case)).unwrap_or_default();
        Ok(Some(Self { known, lang }))
    }

    /// Over what was said in a call, and is said of it.
    pub(crate) async fn over_call(
        shared: &Shared,
        who: &Who,
        attempt: &AttemptId,
    ) -> Result<Option<Self>, Problem> {
        match shared.store().attempt(attempt).await? {
            Some(attempt) => {
                let begun = attempt.begun;
                Self::over(shared, who, (&begun.case, begun.script.lang)).await
            }
            // Nobody knows whom it was about: numbers are known by themselves.
            None if who.sees_clear() => Ok(None),
            None => Ok(Some(Self { known: Known::default(), lang: Lang::Zh })),
        }
    }

    /// Lines in the call's language, each with when it began [ms] and by whom: numbers and names of persons give way to
    /// what they are, also where a number was said in several lines. None for a line that stays as it is.
    pub(crate) fn lines(&self, said: &[(u64, &str, &str)]) -> Vec<Option<String>> {
        let spans = waihu_redact::find_in_lines(said, self.lang, &self.known);
        let lines = said.iter().zip(spans);
        lines
            .map(|((.., text), spans)| {
                (!spans.is_empty()).then(|| waihu_redact::hide(text, &spans, self.lang))
            })
            .collect()
    }

    /// A text of its own.
    pub(crate) fn text(&self, text: &str, lang: Lang) -> String {
        waihu_redact::hide(text, &waihu_redact::find(text, lang, &self.known), lang)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_tells_of_persons_is_masked_wherever_it_stands() {
        let mut value = json!({"callee": "+8613800138000", "case": "C1", "numbers": [{"phone": "1"}],
            "deep": {"outcome": {"callee": "10086", "handover": {"notes": "张伟说周五还"}}}, "number": 7});
        assert!(mask(&mut value));
        assert_eq!(
            value,
            json!({"callee": "…00", "case": "C1", "numbers": [{"phone": "…1"}],
                "deep": {"outcome": {"callee": "…86", "handover": {"notes": "…"}}}, "number": 7})
        );
        let mut nobody = json!([{"state": "paid"}, null]);
        assert!(!mask(&mut nobody));
        assert_eq!((name("王芳"), name("Daniel Reed"), name("")), ("王…".into(), "D…".into(), "…".into()));
    }

    #[test]
    fn a_purpose_is_one_of_the_list_by_header_or_query() {
        let stated = |header: Option<&str>, uri: &str| {
            let mut headers = HeaderMap::new();
            if let Some(value) = header {
                headers.insert(HEADER, value.parse().unwrap());
            }
            Purpose::stated(&headers, &uri.parse().unwrap())
        };
        for purpose in Purpose::ALL {
            assert_eq!(stated(Some(purpose.label()), "/x").unwrap(), Some(purpose));
            let uri = format!("/x?a=b&purpose={}", purpose.label());
            assert_eq!(stated(None, &uri).unwrap(), Some(purpose));
        }
        assert_eq!(stated(Some("audit"), "/x?purpose=quality").unwrap(), Some(Purpose::Audit));
        assert_eq!(stated(None, "/x?purposes=quality").unwrap(), None);
        for (header, uri) in [(Some("curiosity"), "/x"), (Some(""), "/x"), (None, "/x?purpose=")] {
            assert_eq!(stated(header, uri).unwrap_err().status().as_u16(), 422, "{header:?} {uri}");
        }
    }
}
