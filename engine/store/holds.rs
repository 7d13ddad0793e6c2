//! Holds: what may not be removed, whatever a profile's days or a debtor's wish say.

use std::{fmt, str::FromStr};

use sqlx::FromRow;
use waihu_types::{AttemptId, CaseId, DebtorId, InvalidId, WallTime};

use crate::{Location, Store, StoreError, board::json_field};

/// What is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoldOn {
    /// One call.
    Call(AttemptId),
    /// All calls of a case.
    Case(CaseId),
    /// All calls of a debtor.
    Debtor(DebtorId),
}

impl HoldOn {
    /// The word in the store.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Call(_) => "call",
            Self::Case(_) => "case",
            Self::Debtor(_) => "debtor",
        }
    }

    /// Which one.
    pub fn subject(&self) -> &str {
        match self {
            Self::Call(attempt) => attempt.as_str(),
            Self::Case(case) => case.as_str(),
            Self::Debtor(debtor) => debtor.as_str(),
        }
    }

    /// From the words in the store.
    ///
    /// # Errors
    /// When the second is none.
    pub fn read(kind: &str, subject: &str) -> Result<Self, InvalidId> {
        Ok(match kind {
            "call" => Self::Call(subject.parse()?),
            "case" => Self::Case(subject.parse()?),
            // The table knows no fourth word.
            _ => Self::Debtor(subject.parse()?),
        })
    }
}

impl fmt::Display for HoldOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind(), self.subject())
    }
}

/// What no hold is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write call:ID, case:ID or debtor:ID 请写作 call:编号、case:编号或 debtor:编号")]
pub struct InvalidHold;

impl FromStr for HoldOn {
    type Err = InvalidHold;

    fn from_str(text: &str) -> Result<Self, InvalidHold> {
        let (kind, subject) = text.split_once(':').ok_or(InvalidHold)?;
        match kind {
            "call" | "case" | "debtor" => Self::read(kind, subject).map_err(|_| InvalidHold),
            _ => Err(InvalidHold),
        }
    }
}

/// A hold, standing or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredHold {
    /// Its id.
    pub id: i64,
    /// What is held.
    pub on: HoldOn,
    /// Why.
    pub why: String,
    /// Who placed it.
    pub person: String,
    /// When.
    pub at: WallTime,
    /// Until when; none until it is lifted.
    pub until: Option<WallTime>,
    /// When, by whom and why it was lifted.
    pub lifted: Option<(WallTime, String, String)>,
}

impl StoredHold {
    /// Whether it holds now.
    pub fn stands(&self, now: WallTime) -> bool {
        self.lifted.is_none() && self.until.is_none_or(|until| now < until)
    }
}

/// Whether an attempt `a` is held at a moment, which is bound under this number. A case that names no debtor is known by
/// its own id; where the attempt no longer tells whom it was to, the case does.
pub(crate) fn held(location: &Location, moment: u8) -> String {
    let named = json_field(location, "c.record", "debtor");
    format!(
        "EXISTS (SELECT 1 FROM holds AS h WHERE h.lifted_at IS NULL AND (h.until IS NULL OR h.until > ${moment})
            AND (h.kind = 'call' AND h.subject = a.attempt OR h.kind = 'case' AND h.subject = a.case_id
                OR h.kind = 'debtor' AND (h.subject = coalesce(a.debtor, a.case_id) OR a.debtor IS NULL AND EXISTS (
                    SELECT 1 FROM cases AS c WHERE c.case_id = a.case_id AND {named} = h.subject))))"
    )
}

/// Where a page of holds ends: whether its last one stood, and its id.
pub type HoldPlace = (bool, i64);

impl Store {
    /// Places a hold; its id. It holds from the commit on: a removal under way is waited for.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn place_hold(
        &self,
        on: &HoldOn,
        why: &str,
        person: &str,
        until: Option<WallTime>,
        now: WallTime,
    ) -> Result<i64, StoreError> {
        let thing = match on {
            HoldOn::Call(attempt) => self.case_of(attempt).await?.map(|case| format!("case:{case}")),
            HoldOn::Case(_) | HoldOn::Debtor(_) => Some(on.to_string()),
        };
        let mut tx = self.write_alone(thing.as_slice()).await?;
        let id = sqlx::query_scalar(
            "INSERT INTO holds (kind, subject, why, person, at, until) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        )
        .bind(on.kind())
        .bind(on.subject())
        .bind(why)
        .bind(person)
        .bind(now.unix_millis())
        .bind(until.map(WallTime::unix_millis))
        .fetch_one(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(id)
    }

    /// Lifts a hold; false where there is none, or it was lifted.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn lift_hold(
        &self,
        id: i64,
        why: &str,
        person: &str,
        now: WallTime,
    ) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "UPDATE holds SET lifted_at = $2, lifted_by = $3, lifted_why = $4 WHERE id = $1 AND lifted_at IS NULL",
        )
        .bind(id)
        .bind(now.unix_millis())
        .bind(person)
        .bind(why);
        Ok(self.change(statement).await? > 0)
    }

    /// Holds after one, the oldest first, at most so many; those that were lifted too.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn holds(&self, after: i64, limit: u32) -> Result<Vec<StoredHold>, StoreError> {
        let rows: Vec<HoldRow> = sqlx::query_as(
            "SELECT id, kind, subject, why, person, at, until, lifted_at, lifted_by, lifted_why FROM holds
             WHERE id > $1 ORDER BY id LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        rows.into_iter().map(HoldRow::hold).collect()
    }

    /// Holds after a place, at most so many: those that stand at a moment before all others, and the newest first. One
    /// that ends between two pages may be in both.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn holds_page(
        &self,
        after: Option<HoldPlace>,
        limit: u32,
        now: WallTime,
    ) -> Result<Vec<StoredHold>, StoreError> {
        let (stands, id) = after.map_or((2, 0), |(stands, id)| (i64::from(stands), id));
        let rows: Vec<HoldRow> = sqlx::query_as(
            "SELECT id, kind, subject, why, person, at, until, lifted_at, lifted_by, lifted_why FROM (
                 SELECT *, CASE WHEN lifted_at IS NULL AND (until IS NULL OR until > $1) THEN 1 ELSE 0 END AS stands
                 FROM holds) AS h
             WHERE stands < $2 OR stands = $2 AND id < $3 ORDER BY stands DESC, id DESC LIMIT $4",
        )
        .bind(now.unix_millis())
        .bind(stands)
        .bind(id)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        rows.into_iter().map(HoldRow::hold).collect()
    }
}

#[derive(FromRow)]
struct HoldRow {
    id: i64,
    kind: String,
    subject: String,
    why: String,
    person: String,
    at: i64,
    until: Option<i64>,
    lifted_at: Option<i64>,
    lifted_by: Option<String>,
    lifted_why: Option<String>,
}

impl HoldRow {
    fn hold(self) -> Result<StoredHold, StoreError> {
        let at = WallTime::from_unix_millis;
        Ok(StoredHold {
            id: self.id,
            on: HoldOn::read(&self.kind, &self.subject)?,
            why: self.why,
            person: self.person,
            at: at(self.at),
            until: self.until.map(at),
            lifted: self.lifted_at.map(|when| {
                (at(when), self.lifted_by.unwrap_or_default(), self.lifted_why.unwrap_or_default())
            }),
        })
    }
}
