//! What happened, for others: one row an event, in the order in which they may be read.

use sqlx::FromRow;
use waihu_types::{AttemptId, CampaignId, CaseId, WallTime};

use crate::{Store, StoreError, open::Tx};

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its place: whoever has read up to here misses nothing below it.
    pub seq: i64,
    /// The same for a repeat, and for nothing else.
    pub key: String,
    /// `outcome`, `attempt`, `case`, `campaign`, `do_not_call` or `sms`.
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

impl Store {
    /// Writes an event with what it tells of. One that is there already is not written again.
    pub(crate) async fn tell(&self, tx: &mut Tx, happened: Happened<'_>) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO events (key, kind, at, campaign, case_id, attempt, body)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (key) DO NOTHING",
        )
        .bind(happened.key)
        .bind(happened.kind)
        .bind(happened.at.unix_millis())
        .bind(happened.campaign.map(CampaignId::as_str))
        .bind(happened.case.map(CaseId::as_str))
        .bind(happened.attempt.map(AttemptId::as_str))
        .bind(happened.body.to_string())
        .execute(&mut **tx)
        .await
        .map_err(|e| self.sql(e))
        .map(drop)
    }

    /// The events after a place, at most so many, in their order.
    ///
    /// # Errors
    /// When they cannot be read.
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
