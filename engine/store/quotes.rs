//! What quotes calls: the evidence of judgements, the notes of reviews, the texts of messages. Where words of calls are
//! sealed (`seal`), so are these, with the same key, and by the same sweep.
//!
//! Judgements and reviews are records of somebody else's making (`quality`). The words alone are taken out of them, and
//! stand sealed beside the rest: so a list needs no key, and an older program reads what is left. A text that may still
//! be sent stays in clear, since whoever is there has to send it: a node that opens nothing, and an older program too.

use serde_json::Value;
use waihu_types::AttemptId;

use crate::{
    Store, StoreError,
    seal::{At, Seal, opened, sealed},
    write::Tx,
};

/// Under these names a judgement has words: what is there to see, in both languages.
pub(crate) const EVIDENCE: [&str; 2] = ["zh", "en"];
/// And under this one who did something in a review.
pub(crate) const NOTE: [&str; 1] = ["note"];

/// Which messages have a text, and are sent no more.
macro_rules! sent_no_more {
    () => {
        "text <> '' AND state IN ('sent', 'delivered', 'failed', 'refused')"
    };
}

/// The calls that have words, each with a key by which some are sealed; 0 for those in clear.
pub(crate) const KEYED: [&str; 4] = [
    "SELECT s.attempt AS attempt, s.sealed AS sealed FROM searchable AS s
     WHERE EXISTS (SELECT 1 FROM utterances AS u WHERE u.attempt = s.attempt)",
    "SELECT attempt, CASE WHEN sealed_at = judged_at THEN sealed ELSE 0 END AS sealed FROM judgements",
    "SELECT r.attempt AS attempt, a.sealed AS sealed FROM review_acts AS a JOIN reviews AS r ON r.id = a.review",
    concat!("SELECT attempt, sealed FROM messages WHERE ", sent_no_more!()),
];

/// A record and its words, as a row holds them.
pub(crate) struct Apart {
    /// By which key the words are sealed; 0 where they stand in the record.
    pub(crate) key: i64,
    /// Without its words, where they are sealed.
    pub(crate) record: String,
    /// The words, sealed; empty where there are none.
    pub(crate) words: String,
}

impl Apart {
    /// A record whose words stand under these names, as it is to be kept.
    pub(crate) fn of(
        record: &str,
        names: &[&str],
        at: At<'_>,
        seal: Option<&Seal>,
    ) -> Result<Self, StoreError> {
        let Some(seal) = seal else {
            return Ok(Self { key: 0, record: record.to_owned(), words: String::new() });
        };
        let (mut value, mut words) = (parsed(record, at)?, Vec::new());
        each(&mut value, names, &mut |text: &mut String| words.push(std::mem::take(text)));
        let words = match words.iter().all(String::is_empty) {
            true => String::new(),
            false => seal.sealed(at, &Value::from(words).to_string())?,
        };
        Ok(Self { key: seal.id(), record: value.to_string(), words })
    }

    /// The record with its words.
    pub(crate) fn whole(self, names: &[&str], at: At<'_>, seal: Option<&Seal>) -> Result<String, StoreError> {
        if self.key == 0 || self.words.is_empty() {
            return Ok(self.record);
        }
        let words = opened(seal, self.key, at, &self.words)?;
        let words: Vec<String> = serde_json::from_str(&words).map_err(|_| sealed(at))?;
        let (mut value, mut words) = (parsed(&self.record, at)?, words.into_iter());
        each(&mut value, names, &mut |text: &mut String| *text = words.next().unwrap_or_default());
        Ok(value.to_string())
    }
}

fn parsed(record: &str, at: At<'_>) -> Result<Value, StoreError> {
    serde_json::from_str(record).map_err(|source| StoreError::Record { of: at.attempt.to_owned(), source })
}

/// Goes to each text that stands under one of these names, always in the same order.
fn each(value: &mut Value, names: &[&str], visit: &mut dyn FnMut(&mut String)) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if names.contains(&name.as_str()) => visit(text),
                    value => each(value, names, visit),
                }
            }
        }
        Value::Array(values) => {
            for value in values {
                each(value, names, visit);
            }
        }
        _ => {}
    }
}

/// Where the evidence of a judgement stands.
pub(crate) fn of_judgement(attempt: &str, judged_at: i64) -> At<'_> {
    At { attempt, at_ms: judged_at, speaker: "judgement" }
}

/// What stands in place of a speaker for an act of a review.
pub(crate) fn of_review(review: i64, stage: &str) -> String {
    format!("review {review} {stage}")
}

impl Store {
    /// Seals what quotes a call and is in clear, or sealed with another key that is here; whether there was any.
    pub(crate) async fn seal_quotes(
        &self,
        tx: &mut Tx,
        seal: &Seal,
        attempt: &AttemptId,
    ) -> Result<bool, StoreError> {
        let attempt = attempt.as_str();
        // In the order in which an erasure takes them.
        let sent = self.seal_texts(tx, seal, attempt).await?;
        let noted = self.seal_notes(tx, seal, attempt).await?;
        let judged = self.seal_evidence(tx, seal, attempt).await?;
        Ok(sent || noted || judged)
    }

    async fn seal_evidence(&self, tx: &mut Tx, seal: &Seal, attempt: &str) -> Result<bool, StoreError> {
        let row: Option<(i64, i64, String, String)> = sqlx::query_as(
            "SELECT judged_at, CASE WHEN sealed_at = judged_at THEN sealed ELSE 0 END, record, words
             FROM judgements WHERE attempt = $1",
        )
        .bind(attempt)
        .fetch_optional(&mut **tx)
        .await
        .map_err(|e| self.sql(e))?;
        let Some((judged_at, key, before, words)) = row.filter(|row| seal.renews(row.1)) else {
            return Ok(false);
        };
        let at = of_judgement(attempt, judged_at);
        let whole = Apart { key, record: before.clone(), words }.whole(&EVIDENCE, at, Some(seal))?;
        let kept = Apart::of(&whole, &EVIDENCE, at, Some(seal))?;
        // Who judges it anew meanwhile has said how theirs is kept.
        sqlx::query(
            "UPDATE judgements SET record = $4, words = $5, sealed = $6, sealed_at = judged_at
             WHERE attempt = $1 AND judged_at = $2 AND record = $3",
        )
        .bind(attempt)
        .bind(judged_at)
        .bind(before)
        .bind(kept.record)
        .bind(kept.words)
        .bind(kept.key)
        .execute(&mut **tx)
        .await
        .map_err(|e| self.sql(e))?;
        Ok(true)
    }

    async fn seal_notes(&self, tx: &mut Tx, seal: &Seal, attempt: &str) -> Result<bool, StoreError> {
        let rows: Vec<(i64, String, i64, i64, String, String)> = sqlx::query_as(
            "SELECT a.review, a.stage, a.at, a.sealed, a.record, a.words
             FROM reviews AS r JOIN review_acts AS a ON a.review = r.id WHERE r.attempt = $1",
        )
        .bind(attempt)
        .fetch_all(&mut **tx)
        .await
        .map_err(|e| self.sql(e))?;
        let mut any = false;
        for (review, stage, at_ms, key, record, words) in rows {
            if !seal.renews(key) {
                continue;
            }
            let speaker = of_review(review, &stage);
            let at = At { attempt, at_ms, speaker: &speaker };
            let whole = Apart { key, record, words }.whole(&NOTE, at, Some(seal))?;
            let kept = Apart::of(&whole, &NOTE, at, Some(seal))?;
            sqlx::query(
                "UPDATE review_acts SET record = $3, words = $4, sealed = $5
                 WHERE review = $1 AND stage = $2 AND sealed = $6",
            )
            .bind(review)
            .bind(stage)
            .bind(kept.record)
            .bind(kept.words)
            .bind(kept.key)
            .bind(key)
            .execute(&mut **tx)
            .await
            .map_err(|e| self.sql(e))?;
            any = true;
        }
        Ok(any)
    }

    async fn seal_texts(&self, tx: &mut Tx, seal: &Seal, attempt: &str) -> Result<bool, StoreError> {
        let rows: Vec<(String, i64, i64, String)> = sqlx::query_as(concat!(
            "SELECT message, made_at, sealed, text FROM messages WHERE attempt = $1 AND ",
            sent_no_more!()
        ))
        .bind(attempt)
        .fetch_all(&mut **tx)
        .await
        .map_err(|e| self.sql(e))?;
        let mut any = false;
        for (message, made_at, key, text) in rows {
            if seal.renews(key) {
                let at = At { attempt, at_ms: made_at, speaker: &message };
                let clear = opened(Some(seal), key, at, &text)?;
                self.put_text(tx, seal, at, (text.as_str(), clear.as_str())).await?;
                any = true;
            }
        }
        Ok(any)
    }

    /// Seals the text of a message in whose write it was told that it is sent no more, where words are sealed.
    pub(crate) async fn seal_text(&self, tx: &mut Tx, message: &str) -> Result<(), StoreError> {
        let Some(seal) = self.seal() else { return Ok(()) };
        let row: Option<(String, i64, String)> = sqlx::query_as(concat!(
            "SELECT attempt, made_at, text FROM messages WHERE message = $1 AND sealed = 0 AND ",
            sent_no_more!()
        ))
        .bind(message)
        .fetch_optional(&mut **tx)
        .await
        .map_err(|e| self.sql(e))?;
        let Some((attempt, made_at, text)) = row else { return Ok(()) };
        let at = At { attempt: &attempt, at_ms: made_at, speaker: message };
        self.put_text(tx, &seal, at, (text.as_str(), text.as_str())).await
    }

    /// Puts a text in the place of what stands there, sealed; nothing where that was emptied meanwhile.
    async fn put_text(
        &self,
        tx: &mut Tx,
        seal: &Seal,
        at: At<'_>,
        (stands, clear): (&str, &str),
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE messages SET text = $3, sealed = $4 WHERE message = $1 AND text = $2")
            .bind(at.speaker)
            .bind(stands)
            .bind(seal.sealed(at, clear)?)
            .bind(seal.id())
            .execute(&mut **tx)
            .await
            .map(drop)
            .map_err(|e| self.sql(e))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Keeper, SealingSecret};

    const RECORD: &str = r#"{"checks":[{"id":"a","evidence":[{"en":"said \"x\"","line":1,"zh":"说了"},{"en":"","line":null,"zh":"二"}]}],"zh":3}"#;

    fn seal() -> Seal {
        Seal::new(Keeper::All, (1, &SealingSecret::of(&[7; 32]).unwrap()), [])
    }

    #[test]
    fn the_words_of_a_record_are_taken_out_and_put_back_and_nothing_else_is() {
        let (at, seal) = (of_judgement("C1", 9), seal());
        let kept = Apart::of(RECORD, &EVIDENCE, at, Some(&seal)).unwrap();
        let left: Value = serde_json::from_str(&kept.record).unwrap();
        let none = |line: Value| json!({"en": "", "line": line, "zh": ""});
        let checks = json!([{"id": "a", "evidence": [none(json!(1)), none(Value::Null)]}]);
        assert_eq!(left, json!({"checks": checks, "zh": 3}));
        assert!(kept.key == 1 && !kept.words.is_empty());
        let whole: Value = serde_json::from_str(&kept.whole(&EVIDENCE, at, Some(&seal)).unwrap()).unwrap();
        assert_eq!(whole, serde_json::from_str::<Value>(RECORD).unwrap());
    }

    #[test]
    fn a_record_without_words_and_one_without_a_key_are_kept_as_they_are() {
        let (at, seal) = (of_judgement("C1", 9), seal());
        for (record, seal) in [("{}", Some(&seal)), (RECORD, None)] {
            let kept = Apart::of(record, &EVIDENCE, at, seal).unwrap();
            assert_eq!((kept.record.as_str(), kept.words.as_str()), (record, ""));
            assert_eq!(kept.whole(&EVIDENCE, at, None).unwrap(), record);
        }
        assert!(matches!(Apart::of("no record", &EVIDENCE, at, Some(&seal)), Err(StoreError::Record { .. })));
    }

    #[test]
    fn words_are_put_back_nowhere_but_where_they_were() {
        let seal = seal();
        let kept = Apart::of(RECORD, &EVIDENCE, of_judgement("C1", 9), Some(&seal)).unwrap();
        let moved = kept.whole(&EVIDENCE, of_judgement("C1", 10), Some(&seal));
        assert!(matches!(moved, Err(StoreError::Sealed { attempt }) if attempt == "C1"));
    }
}
