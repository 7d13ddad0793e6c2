//! Whom nobody calls, whatever the case: what calls themselves forbade, and what a person entered.

use std::fmt;

use sqlx::FromRow;
use waihu_types::{Disposition, PhoneNumber, WallTime};

use crate::{Store, StoreError, attempts::number_lock, events::Happened, outcomes::read, write::Tx};

/// What [`ForbiddenRow`] is read from.
macro_rules! entry_columns {
    () => {
        "SELECT id, reason, person, at, lifted_at, lifted_by, lifted_why FROM do_not_call"
    };
}

/// What forbids a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bar {
    /// A call to it ended so ([`waihu_campaign::bars_number`]).
    Call(Disposition),
    /// A person entered it, for this reason.
    Person(String),
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(by) => {
                write!(
                    f,
                    "an earlier call to its number ended as {} 以往通话结果为{}",
                    by.label(),
                    by.label_zh()
                )
            }
            Self::Person(reason) => {
                write!(f, "its number is on the do-not-call list: {reason} 该号码在禁呼名单")
            }
        }
    }
}

/// An entry of the do-not-call list; no number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forbidden {
    /// Its id.
    pub id: i64,
    /// Why.
    pub reason: String,
    /// Who entered it.
    pub person: String,
    /// When.
    pub at: WallTime,
    /// When, by whom and why it was lifted.
    pub lifted: Option<(WallTime, String, String)>,
}

impl Store {
    /// What forbids a number in every campaign, where anything does, however the number was written there
    /// ([`PhoneNumber::subscriber`]): how a call to it ended, in another campaign or by hand, or a person's entry.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn barred(&self, number: &PhoneNumber) -> Result<Option<Bar>, StoreError> {
        let mut on = self.pool.acquire().await.map_err(|e| self.sql(e))?;
        self.bar(&mut on, number).await
    }

    pub(crate) async fn bar(
        &self,
        on: &mut sqlx::AnyConnection,
        number: &PhoneNumber,
    ) -> Result<Option<Bar>, StoreError> {
        if self.practice {
            return Ok(None);
        }
        let entered: Option<String> = sqlx::query_scalar(
            "SELECT reason FROM do_not_call WHERE subscriber = $1 AND lifted_at IS NULL ORDER BY id LIMIT 1",
        )
        .bind(number.subscriber())
        .fetch_optional(&mut *on)
        .await
        .map_err(|e| self.sql(e))?;
        if let Some(reason) = entered {
            return Ok(Some(Bar::Person(reason)));
        }
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT o.attempt, o.record FROM attempts AS a JOIN outcomes AS o ON o.attempt = a.attempt
             WHERE a.subscriber = $1 AND o.ended_at >
                (SELECT coalesce(max(l.at), -1) FROM bars_lifted AS l WHERE l.subscriber = $1)",
        )
        .bind(number.subscriber())
        .fetch_all(&mut *on)
        .await
        .map_err(|e| self.sql(e))?;
        for (attempt, record) in &rows {
            let disposition = read(attempt, record)?.effective_disposition();
            if waihu_campaign::bars_number(disposition) {
                return Ok(Some(Bar::Call(disposition)));
            }
        }
        Ok(None)
    }

    /// Enters a number into the do-not-call list; the entry's id. It holds from the commit on: whoever is about to call
    /// it is waited for.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn forbid(
        &self,
        number: &PhoneNumber,
        reason: &str,
        person: &str,
        now: WallTime,
    ) -> Result<i64, StoreError> {
        let mut tx = self.write_alone(&[number_lock(number)]).await?;
        let id = self.enter(&mut tx, number, (reason, person), now).await?;
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(id)
    }

    /// As [`Self::forbid`], but for an entry of the same person's for the same reason that stands: whoever is told
    /// twice enters once. The entry's id, where it is a new one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn forbid_once(
        &self,
        number: &PhoneNumber,
        reason: &str,
        person: &str,
        now: WallTime,
    ) -> Result<Option<i64>, StoreError> {
        let mut tx = self.write_alone(&[number_lock(number)]).await?;
        let standing: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM do_not_call
             WHERE subscriber = $1 AND reason = $2 AND person = $3 AND lifted_at IS NULL",
        )
        .bind(number.subscriber())
        .bind(reason)
        .bind(person)
        .fetch_one(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        let id = match standing {
            0 => Some(self.enter(&mut tx, number, (reason, person), now).await?),
            _ => None,
        };
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(id)
    }

    async fn enter(
        &self,
        tx: &mut Tx,
        number: &PhoneNumber,
        (reason, person): (&str, &str),
        now: WallTime,
    ) -> Result<i64, StoreError> {
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO do_not_call (subscriber, reason, person, at) VALUES ($1, $2, $3, $4) RETURNING id",
        )
        .bind(number.subscriber())
        .bind(reason)
        .bind(person)
        .bind(now.unix_millis())
        .fetch_one(&mut **tx)
        .await
        .map_err(|e| self.sql(e))?;
        tx.tell(told(format!("do_not_call:{id}:entered"), Some(id), "entered", now));
        Ok(id)
    }

    /// Allows a number to be called again: its entries in the do-not-call list end, and how calls to it ended
    /// until now bars it no longer. How many entries ended.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn lift(
        &self,
        number: &PhoneNumber,
        why: &str,
        person: &str,
        now: WallTime,
    ) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let ended = sqlx::query(
            "UPDATE do_not_call SET lifted_at = $2, lifted_by = $3, lifted_why = $4
             WHERE subscriber = $1 AND lifted_at IS NULL",
        )
        .bind(number.subscriber())
        .bind(now.unix_millis())
        .bind(person)
        .bind(why)
        .execute(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?
        .rows_affected();
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO bars_lifted (subscriber, person, why, at) VALUES ($1, $2, $3, $4) RETURNING id",
        )
        .bind(number.subscriber())
        .bind(person)
        .bind(why)
        .bind(now.unix_millis())
        .fetch_one(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        tx.tell(told(format!("do_not_call:lifted:{id}"), None, "lifted", now));
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(ended)
    }

    /// What stands in the do-not-call list of a number, the oldest entry first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn forbidden(&self, number: &PhoneNumber) -> Result<Vec<Forbidden>, StoreError> {
        let rows: Vec<ForbiddenRow> =
            sqlx::query_as(concat!(entry_columns!(), " WHERE subscriber = $1 ORDER BY id"))
                .bind(number.subscriber())
                .fetch_all(&self.pool)
                .await
                .map_err(|e| self.sql(e))?;
        Ok(rows.into_iter().map(ForbiddenRow::entry).collect())
    }

    /// The do-not-call list after an entry, at most so many.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn do_not_call_page(&self, after: i64, limit: u32) -> Result<Vec<Forbidden>, StoreError> {
        let rows: Vec<ForbiddenRow> =
            sqlx::query_as(concat!(entry_columns!(), " WHERE id > $1 ORDER BY id LIMIT $2"))
                .bind(after)
                .bind(i64::from(limit))
                .fetch_all(&self.pool)
                .await
                .map_err(|e| self.sql(e))?;
        Ok(rows.into_iter().map(ForbiddenRow::entry).collect())
    }
}

fn told(key: String, id: Option<i64>, state: &str, at: WallTime) -> Happened<'static> {
    let body = serde_json::json!({ "id": id, "state": state });
    Happened { key, kind: "do_not_call", at, campaign: None, case: None, attempt: None, body }
}

#[derive(FromRow)]
struct ForbiddenRow {
    id: i64,
    reason: String,
    person: String,
    at: i64,
    lifted_at: Option<i64>,
    lifted_by: Option<String>,
    lifted_why: Option<String>,
}

impl ForbiddenRow {
    fn entry(self) -> Forbidden {
        let at = WallTime::from_unix_millis;
        Forbidden {
            id: self.id,
            reason: self.reason,
            person: self.person,
            at: at(self.at),
            lifted: self.lifted_at.map(|when| {
                (at(when), self.lifted_by.unwrap_or_default(), self.lifted_why.unwrap_or_default())
            }),
        }
    }
}
