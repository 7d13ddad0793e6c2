//! Answers that are given again to the same request, so that whoever heard none may ask once more.

use std::time::Duration;

use async_recursion::async_recursion as boxed;
use waihu_types::WallTime;

use crate::{Store, StoreError};

/// How long an answer is kept: whoever repeats does so within a day.
pub const ANSWERS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// After this a request without an answer is one whose process died: none takes longer than half of it.
const ABANDONED_MS: i64 = 60_000;

/// Stands for the status of a request that has no answer yet.
const UNANSWERED: i64 = 0;

/// What is known of a request that carries a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// Nothing: it is the caller's now, to be answered by [`Store::keep_answer`] or given up by
    /// [`Store::forget_request`].
    Nothing,
    /// It was answered so.
    Answered {
        /// The status.
        status: u16,
        /// What was said.
        body: String,
    },
    /// It is being answered.
    InFlight,
    /// The key was used for another request.
    Other,
}

/// A request with its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyedRequest<'a> {
    /// The name of the token that asks: keys of others are others.
    pub token: &'a str,
    /// The key.
    pub key: &'a str,
    /// The SHA-256 of what is asked.
    pub request: &'a str,
}

impl Store {
    /// Takes a request on, or tells what came of it before.
    ///
    /// # Errors
    /// When it cannot be read or written.
    #[boxed]
    pub async fn take_request(&self, it: KeyedRequest<'async_recursion>, now: WallTime) -> Result<Earlier, StoreError> {
        let now = now.unix_millis();
        let statement = sqlx::query(
            "INSERT INTO idempotency (token, key, request, status, body, at) VALUES ($1, $2, $3, 0, '', $4)
             ON CONFLICT (token, key) DO NOTHING",
        )
        .bind(it.token)
        .bind(it.key)
        .bind(it.request)
        .bind(now);
        let done = self.change(statement).await?;
        if done == 1 {
            return Ok(Earlier::Nothing);
        }
        let row: Option<(String, i64, String, i64)> =
            sqlx::query_as("SELECT request, status, body, at FROM idempotency WHERE token = $1 AND key = $2")
                .bind(it.token)
                .bind(it.key)
                .fetch_optional(&self.pool)
                .await
                .map_err(|e| self.sql(e))?;
        // Who took it a moment ago has given it up since: to be asked again.
        let Some((request, status, body, at)) = row else { return Ok(Earlier::InFlight) };
        let kept = i64::try_from(ANSWERS_KEPT.as_millis()).unwrap_or(i64::MAX);
        let life = if status == UNANSWERED { ABANDONED_MS } else { kept };
        if now.saturating_sub(at) < life {
            return Ok(match u16::try_from(status) {
                _ if request != it.request => Earlier::Other,
                Ok(status) if i64::from(status) != UNANSWERED => Earlier::Answered { status, body },
                _ => Earlier::InFlight,
            });
        }
        let statement = sqlx::query(
            "UPDATE idempotency SET request = $3, status = 0, body = '', at = $4
             WHERE token = $1 AND key = $2 AND at = $5",
        )
        .bind(it.token)
        .bind(it.key)
        .bind(it.request)
        .bind(now)
        .bind(at);
        let done = self.change(statement).await?;
        Ok(if done == 1 { Earlier::Nothing } else { Earlier::InFlight })
    }

    /// Keeps the answer to a request that was taken on.
    ///
    /// # Errors
    /// When it could not be written.
    #[boxed]
    pub async fn keep_answer(&self, it: KeyedRequest<'async_recursion>, status: u16, body: &str) -> Result<(), StoreError> {
        let statement =
            sqlx::query("UPDATE idempotency SET status = $3, body = $4 WHERE token = $1 AND key = $2")
                .bind(it.token)
                .bind(it.key)
                .bind(i64::from(status))
                .bind(body);
        self.change(statement).await.map(drop)
    }

    /// Gives a request up that could not be answered: the next try begins anew.
    ///
    /// # Errors
    /// When it could not be written.
    #[boxed]
    pub async fn forget_request(&self, it: KeyedRequest<'async_recursion>) -> Result<(), StoreError> {
        let statement = sqlx::query("DELETE FROM idempotency WHERE token = $1 AND key = $2 AND status = 0")
            .bind(it.token)
            .bind(it.key);
        self.change(statement).await.map(drop)
    }

    /// Forgets answers older than [`ANSWERS_KEPT`].
    ///
    /// # Errors
    /// When it could not be written.
    #[boxed]
    pub async fn forget_old_answers(&self, now: WallTime) -> Result<u64, StoreError> {
        let kept = i64::try_from(ANSWERS_KEPT.as_millis()).unwrap_or(i64::MAX);
        let statement =
            sqlx::query("DELETE FROM idempotency WHERE at < $1").bind(now.unix_millis().saturating_sub(kept));
        let done = self.change(statement).await?;
        Ok(done)
    }
}
