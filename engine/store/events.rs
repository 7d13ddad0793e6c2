//! What happened, for others: one row an event, in the order in which they may be read.

use std::fmt;

use async_recursion::async_recursion as boxed;
use sqlx::{AnyConnection, AssertSqlSafe, Error as SqlError, FromRow};
use waihu_types::{AttemptId, CampaignId, CaseId, WallTime};

use crate::{
    Store, StoreError,
    write::{placeholders, slices},
};

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its place: whoever has read up to here misses nothing below it.
    pub seq: i64,
    /// The same for a repeat, and for nothing else.
    pub key: String,
    /// `outcome`, `attempt`, `case`, `campaign`, `do_not_call`, `sms` or `audit_head`.
    pub kind: String,
    /// When.
    pub at: WallTime,
    /// The campaign, where there is one.
    pub campaign: Option<CampaignId>,
    /// The case, where there is one.
    pub case: Option<CaseId>,
    /// The attempt, where there is one.
    pub attempt: Option<AttemptId>,
    /// What others are told; holds personal data where the kind is `outcome`.
    pub body: serde_json::Value,
}

/// An event that is about to be written.
pub(crate) struct Happened<'a> {
    pub(crate) key: String,
    pub(crate) kind: &'static str,
    pub(crate) at: WallTime,
    pub(crate) campaign: Option<&'a CampaignId>,
    pub(crate) case: Option<&'a CaseId>,
    pub(crate) attempt: Option<&'a AttemptId>,
    pub(crate) body: serde_json::Value,
}

/// The same, on its way to the commit.
pub(crate) struct Noted {
    key: String,
    kind: &'static str,
    at: i64,
    campaign: Option<String>,
    case: Option<String>,
    attempt: Option<String>,
    body: String,
}

impl From<Happened<'_>> for Noted {
    fn from(happened: Happened<'_>) -> Self {
        let Happened { key, kind, at, campaign, case, attempt, body } = happened;
        Self {
            key,
            kind,
            at: at.unix_millis(),
            campaign: campaign.map(CampaignId::to_string),
            case: case.map(CaseId::to_string),
            attempt: attempt.map(AttemptId::to_string),
            body: body.to_string(),
        }
    }
}

impl Noted {
    /// The same for a repeat, and for nothing else.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Debug for Noted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Noted({})", self.key)
    }
}

/// Writes events down, in their order. One that is there already is not written again.
pub(crate) async fn insert_events(on: &mut AnyConnection, events: &[Noted]) -> Result<(), SqlError> {
    for some in slices(events) {
        let sql = format!(
            "INSERT INTO events (key, kind, at, campaign, case_id, attempt, body)
             VALUES {} ON CONFLICT (key) DO NOTHING",
            placeholders(1, some.len(), 7)
        );
        let mut insert = sqlx::query(AssertSqlSafe(sql));
        for e in some {
            insert = insert.bind(&e.key).bind(e.kind).bind(e.at).bind(&e.campaign).bind(&e.case);
            insert = insert.bind(&e.attempt).bind(&e.body);
        }
        insert.execute(&mut *on).await?;
    }
    Ok(())
}

impl Store {
    /// The events after a place, at most so many, in their order.
    ///
    /// # Errors
    /// When they cannot be read.
    #[boxed]
    pub async fn events(&self, after: i64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let rows: Vec<EventRow> = sqlx::query_as(
            "SELECT seq, key, kind, at, campaign, case_id, attempt, body FROM events
             WHERE seq > $1 ORDER BY seq LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        rows.into_iter().map(EventRow::event).collect()
    }

    /// The place of the newest event; 0 where there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    #[boxed]
    pub async fn last_event(&self) -> Result<i64, StoreError> {
        sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM events")
            .fetch_one(&self.pool)
            .await
            .map_err(|e| self.sql(e))
    }
}

#[derive(FromRow)]
struct EventRow {
    seq: i64,
    key: String,
    kind: String,
    at: i64,
    campaign: Option<String>,
    case_id: Option<String>,
    attempt: Option<String>,
    body: String,
}

impl EventRow {
    fn event(self) -> Result<Event, StoreError> {
        Ok(Event {
            seq: self.seq,
            body: serde_json::from_str(&self.body)
                .map_err(|e| StoreError::Record { of: self.key.clone(), source: e })?,
            key: self.key,
            kind: self.kind,
            at: WallTime::from_unix_millis(self.at),
            campaign: self.campaign.as_deref().map(str::parse).transpose()?,
            case: self.case_id.as_deref().map(str::parse).transpose()?,
            attempt: self.attempt.as_deref().map(str::parse).transpose()?,
        })
    }
}
