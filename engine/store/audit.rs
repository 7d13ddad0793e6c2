//! What persons changed over HTTP: a row before it is done, and how it ended.
//!
//! What it was about in full stands where it was changed; here stands who did what, when, by which token.

use sqlx::FromRow;
use waihu_types::WallTime;

use crate::{Store, StoreError};

/// What somebody is about to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Act<'a> {
    /// The token that asks.
    pub token: &'a str,
    /// Whose it is.
    pub person: &'a str,
    /// The method and the path, which hold no number.
    pub act: &'a str,
    /// The SHA-256 of what was handed in; empty where nothing was.
    pub request: &'a str,
}

/// What somebody changed.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct AuditRow {
    /// Its place.
    pub id: i64,
    /// When [ms since the Unix epoch].
    pub at: i64,
    /// The token.
    pub token: String,
    /// The person.
    pub person: String,
    /// The method and the path.
    pub act: String,
    /// The SHA-256 of what was handed in.
    pub request: String,
    /// The status of the answer; none where the process died before it.
    pub status: Option<i64>,
}

impl Store {
    /// Writes down what is about to be done; its place.
    ///
    /// # Errors
    /// When it cannot be written: then it must not be done.
    pub async fn write_down(&self, act: Act<'_>, now: WallTime) -> Result<i64, StoreError> {
        let mut tx = self.write().await?;
        let id = sqlx::query_scalar(
            "INSERT INTO audit (at, token, person, act, request) VALUES ($1, $2, $3, $4, $5) RETURNING id",
        )
        .bind(now.unix_millis())
        .bind(act.token)
        .bind(act.person)
        .bind(act.act)
        .bind(act.request)
        .fetch_one(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(id)
    }

    /// Writes down how it ended.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn write_down_end(&self, id: i64, status: u16) -> Result<(), StoreError> {
        let statement =
            sqlx::query("UPDATE audit SET status = $2 WHERE id = $1").bind(id).bind(i64::from(status));
        self.change(statement).await.map(drop)
    }

    /// What was written down after a place, at most so many.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn audit(&self, after: i64, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        sqlx::query_as(
            "SELECT id, at, token, person, act, request, status FROM audit WHERE id > $1 ORDER BY id LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))
    }

    /// What was written down before a place, the newest first; from the newest on where there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn audit_before(&self, before: Option<i64>, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        sqlx::query_as(
            "SELECT id, at, token, person, act, request, status FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2",
        )
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))
    }
}
