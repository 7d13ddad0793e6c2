//! Second factors: the secret that somebody's one-time codes are made of, since when a code is asked for, and the last
//! step of time whose code was taken.
//!
//! Codes are made and judged by `api`. Where words are sealed, so is the secret, by the key of all nodes; else it stands
//! in clear.

use std::fmt;

use sqlx::FromRow;
use waihu_types::WallTime;

use crate::{
    Login, Store, StoreError,
    seal::{At, opened},
};

/// What somebody's codes are made of. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecondFactor {
    /// The secret, as it was handed in.
    pub secret: String,
    /// Since when a code is asked for; none where no code of it was seen yet.
    pub since: Option<WallTime>,
    /// As it stands in the database: a code counts for the secret that it was judged by, and for no later one.
    stored: String,
}

impl fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecondFactor").field("since", &self.since).finish_non_exhaustive()
    }
}

#[derive(FromRow)]
struct FactorRow {
    second_factor: String,
    second_factor_key: i64,
    second_factor_at: Option<i64>,
}

/// Where a secret stands: it opens nowhere else, and no words open there.
fn place(login: &Login) -> At<'_> {
    At { attempt: login.as_str(), at_ms: 0, speaker: "second factor" }
}

/// The cipher speaks of words.
fn of_factor(e: StoreError) -> StoreError {
    match e {
        StoreError::Sealed { .. } => StoreError::FactorSealed,
        e => e,
    }
}

impl Store {
    /// Keeps a secret for somebody, which counts once a code of it was taken, and forgets one that did not come as far.
    /// False where there is nobody of that login, or they have a second factor.
    ///
    /// # Errors
    /// [`StoreError::FactorSealed`] where secrets are sealed by a key that is not here, or that it could not be written.
    pub async fn offer_second_factor(&self, login: &Login, secret: &str) -> Result<bool, StoreError> {
        let (key, stored) = match self.seal() {
            // A node's own key is gone with its process.
            Some(seal) if !seal.finds() => return Err(StoreError::FactorSealed),
            Some(seal) => (seal.id(), seal.sealed(place(login), secret)?),
            None => (0, secret.to_owned()),
        };
        let statement = sqlx::query(
            "UPDATE people SET second_factor = $2, second_factor_key = $3, second_factor_step = 0
             WHERE login = $1 AND second_factor_at IS NULL",
        )
        .bind(login.as_str())
        .bind(stored.as_str())
        .bind(key);
        Ok(self.change(statement).await? == 1)
    }

    /// Somebody's second factor, also one that does not count yet.
    ///
    /// # Errors
    /// [`StoreError::FactorSealed`] where no key here opens it, or that it cannot be read.
    pub async fn second_factor(&self, login: &Login) -> Result<Option<SecondFactor>, StoreError> {
        let row: Option<FactorRow> = sqlx::query_as(
            "SELECT second_factor, second_factor_key, second_factor_at FROM people
             WHERE login = $1 AND second_factor IS NOT NULL",
        )
        .bind(login.as_str())
        .fetch_optional(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        let Some(FactorRow { second_factor: stored, second_factor_key: key, second_factor_at }) = row else {
            return Ok(None);
        };
        let secret = opened(self.seal().as_deref(), key, place(login), &stored).map_err(of_factor)?;
        Ok(Some(SecondFactor { secret, since: second_factor_at.map(WallTime::from_unix_millis), stored }))
    }

    /// Takes the code of a step of time, of a second factor as it was read; from the first one on it is asked for. False
    /// where a code of that step or a later one was taken before, the secret is another by now, or the door is locked: of
    /// many codes that are tried at once no more are heard than of as many one after the other.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn take_code(
        &self,
        login: &Login,
        of: &SecondFactor,
        step: i64,
        now: WallTime,
    ) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "UPDATE people SET second_factor_step = $3, second_factor_at = COALESCE(second_factor_at, $4)
             WHERE login = $1 AND second_factor = $2 AND second_factor_step < $3
                 AND (second_factor_at IS NULL OR locked_until IS NULL OR locked_until <= $4)",
        )
        .bind(login.as_str())
        .bind(of.stored.as_str())
        .bind(step)
        .bind(now.unix_millis());
        Ok(self.change(statement).await? == 1)
    }

    /// Takes somebody's second factor away, and ends all their sessions but the one of a token's SHA-256, where one is to
    /// stay. False where they have none.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn remove_second_factor(
        &self,
        login: &Login,
        keep: Option<&str>,
        now: WallTime,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let done = sqlx::query(
            "UPDATE people SET second_factor = NULL, second_factor_key = 0, second_factor_at = NULL
             WHERE login = $1 AND second_factor_at IS NOT NULL",
        )
        .bind(login.as_str())
        .execute(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        self.end_sessions(&mut tx, login, keep, now).await?;
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(true)
    }
}
