//! What is removed when its days are over: looked for call by call, and each removal a transaction of its own that
//! asks once more whether the call is held. So a sweep that a crash ends is repeated, and ends the same.
//!
//! Deliberately absent: how many days (`compliance`), and files (`keeping`).

use sqlx::{AssertSqlSafe, FromRow};
use waihu_types::{AttemptId, Outcome, PhoneNumber, WallTime};

use crate::{
    Store, StoreError,
    holds::held,
    outcomes::{Filed, read},
    write::{Tx, placeholders},
};

/// After so long a sweep that has not ended is taken for dead, and begun anew [ms]: two at once do no harm.
const STALE_MS: i64 = 3_600_000;

/// What of a call has its days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its words, as they are searched.
    Words,
    /// What was told to others: events' content, texts of messages.
    Deliveries,
    /// What its outcome tells of a person.
    Outcome,
}

impl Part {
    /// Whether there is something left of it, for an attempt `a` with outcome `o`.
    fn is_left(self) -> &'static str {
        match self {
            Self::Words => "EXISTS (SELECT 1 FROM utterances AS u WHERE u.attempt = o.attempt)",
            Self::Deliveries => "o.emptied_at IS NULL",
            Self::Outcome => "o.stripped_at IS NULL",
        }
    }
}

/// How a call stands whose files may be removed.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct KeptCall {
    /// The attempt.
    pub attempt: String,
    /// When it ended [ms]; none where it is up.
    pub ended_at: Option<i64>,
    /// The profile that it was made under.
    pub profile: Option<String>,
    held: i64,
    erased: i64,
}

impl KeptCall {
    /// Whether it is held.
    pub fn is_held(&self) -> bool {
        self.held != 0
    }

    /// Whether whom it was with was erased.
    pub fn is_erased(&self) -> bool {
        self.erased != 0
    }
}

impl Store {
    /// Calls under a profile that ended before a moment, are not held, and of which a part is left; after an attempt,
    /// in the order of their ids, at most so many.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn due(
        &self,
        part: Part,
        profile: &str,
        (before, now): (WallTime, WallTime),
        after: &str,
        limit: u32,
    ) -> Result<Vec<AttemptId>, StoreError> {
        let sql = format!(
            "SELECT o.attempt FROM outcomes AS o JOIN attempts AS a ON a.attempt = o.attempt
             WHERE o.ended_at < $1 AND o.attempt > $3 AND {} AND NOT {}
               AND EXISTS (SELECT 1 FROM compliance_decisions AS d WHERE d.attempt = o.attempt AND d.profile = $4)
             ORDER BY o.attempt LIMIT $5",
            part.is_left(),
            held(&self.location, 2)
        );
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(before.unix_millis())
            .bind(now.unix_millis())
            .bind(after)
            .bind(profile)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.sql(e))?;
        rows.into_iter().map(|attempt| Ok(attempt.parse()?)).collect()
    }

    /// Removes a part of a call; false where it is held now.
    ///
    /// # Errors
    /// When it cannot be written: then nothing of it has gone.
    pub async fn remove(&self, part: Part, attempt: &AttemptId, now: WallTime) -> Result<bool, StoreError> {
        let row: Option<(String, String)> =
            sqlx::query_as("SELECT case_id, coalesce(debtor, case_id) FROM attempts WHERE attempt = $1")
                .bind(attempt.as_str())
                .fetch_optional(&self.pool)
                .await
                .map_err(|e| self.sql(e))?;
        let Some((case, debtor)) = row else { return Ok(false) };
        let mut tx = self.write_alone(&[format!("case:{case}"), format!("debtor:{debtor}")]).await?;
        let held = held(&self.location, 2);
        let sql = format!("SELECT count(*) FROM attempts AS a WHERE a.attempt = $1 AND {held}");
        let held: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(attempt.as_str())
            .bind(now.unix_millis())
            .fetch_one(&mut *tx)
            .await
            .map_err(|e| self.sql(e))?;
        if held > 0 {
            return Ok(false);
        }
        match part {
            Part::Words => self.put_words(&mut tx, attempt, &[]).await?,
            Part::Deliveries => self.empty_deliveries(&mut tx, attempt, now).await?,
            Part::Outcome => self.strip(&mut tx, attempt, now).await?,
        }
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(true)
    }

    /// Empties what events told of a call, and the texts of its messages. What is not sent yet keeps its text.
    pub(crate) async fn empty_deliveries(
        &self,
        tx: &mut Tx,
        attempt: &AttemptId,
        now: WallTime,
    ) -> Result<(), StoreError> {
        // Keys of a call's events begin with its id; what is between `:` and `;` is all of them.
        let statements = [
            "UPDATE events SET body = '{\"removed\":true}' WHERE kind = 'outcome' AND key > $1 || ':' AND key < $1 || ';'",
            "UPDATE messages SET text = '', callee = '000' WHERE attempt = $1 AND state NOT IN ('waiting', 'sending')",
        ];
        for statement in statements {
            let statement = sqlx::query(statement).bind(attempt.as_str());
            statement.execute(&mut **tx).await.map_err(|e| self.sql(e))?;
        }
        sqlx::query("UPDATE outcomes SET emptied_at = $2 WHERE attempt = $1")
            .bind(attempt.as_str())
            .bind(now.unix_millis())
            .execute(&mut **tx)
            .await
            .map(drop)
            .map_err(|e| self.sql(e))
    }

    /// Takes out of an outcome what it tells of a person, and out of its attempt and talks. Whom it forbids to call
    /// stays forbidden, by an entry of the do-not-call list.
    pub(crate) async fn strip(
        &self,
        tx: &mut Tx,
        attempt: &AttemptId,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let row: Option<(String, i64, i64, String)> = sqlx::query_as(
            "SELECT o.record, o.revision, o.recovered, a.callee FROM outcomes AS o
             JOIN attempts AS a ON a.attempt = o.attempt WHERE o.attempt = $1",
        )
        .bind(attempt.as_str())
        .fetch_optional(&mut **tx)
        .await
        .map_err(|e| self.sql(e))?;
        if let Some((record, revision, recovered, callee)) = row {
            let outcome = read(attempt.as_str(), &record)?;
            self.keep_the_wish(tx, &outcome, &callee.parse()?).await?;
            let filed = if recovered == 0 { Filed::Lived } else { Filed::Recovered };
            self.insert(tx, &stripped(outcome)?, filed, revision).await?;
        }
        let statements = [
            "UPDATE attempts SET callee = '000', subscriber = '-', debtor = NULL WHERE attempt = $1",
            "UPDATE talks SET notes = NULL, promise = NULL, debtor = NULL WHERE attempt = $1",
            // What a call was judged to be quotes it, and so does who reviewed it.
            "DELETE FROM review_acts WHERE review IN (SELECT id FROM reviews WHERE attempt = $1)",
            "DELETE FROM reviews WHERE attempt = $1",
            "DELETE FROM judged_checks WHERE attempt = $1",
            "DELETE FROM judgements WHERE attempt = $1",
        ];
        for statement in statements {
            let statement = sqlx::query(statement).bind(attempt.as_str());
            statement.execute(&mut **tx).await.map_err(|e| self.sql(e))?;
        }
        sqlx::query("UPDATE outcomes SET stripped_at = $2 WHERE attempt = $1")
            .bind(attempt.as_str())
            .bind(now.unix_millis())
            .execute(&mut **tx)
            .await
            .map(drop)
            .map_err(|e| self.sql(e))
    }

    /// Enters a number into the do-not-call list that only the outcome kept from being called.
    async fn keep_the_wish(
        &self,
        tx: &mut Tx,
        outcome: &Outcome,
        callee: &PhoneNumber,
    ) -> Result<(), StoreError> {
        let disposition = outcome.effective_disposition();
        if !waihu_campaign::bars_number(disposition) {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO do_not_call (subscriber, reason, person, at) SELECT $1, $2, 'waihu', $3
             WHERE NOT EXISTS (SELECT 1 FROM do_not_call WHERE subscriber = $1 AND lifted_at IS NULL)
               AND $3 > (SELECT coalesce(max(l.at), -1) FROM bars_lifted AS l WHERE l.subscriber = $1)",
        )
        .bind(callee.subscriber())
        .bind(format!("{} {}", disposition.label(), disposition.label_zh()))
        .bind(outcome.ended_at.unix_millis())
        .execute(&mut **tx)
        .await
        .map(drop)
        .map_err(|e| self.sql(e))
    }

    /// How calls stand, of which files are there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn kept_calls(
        &self,
        attempts: &[AttemptId],
        now: WallTime,
    ) -> Result<Vec<KeptCall>, StoreError> {
        if attempts.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT a.attempt AS attempt, o.ended_at AS ended_at,
                (SELECT min(d.profile) FROM compliance_decisions AS d WHERE d.attempt = a.attempt) AS profile,
                CASE WHEN {} THEN 1 ELSE 0 END AS held,
                CASE WHEN e.attempt IS NULL THEN 0 ELSE 1 END AS erased
             FROM attempts AS a LEFT JOIN outcomes AS o ON o.attempt = a.attempt
             LEFT JOIN erased_calls AS e ON e.attempt = a.attempt WHERE a.attempt IN {}",
            held(&self.location, 1),
            placeholders(2, 1, attempts.len())
        );
        let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(now.unix_millis());
        for attempt in attempts {
            query = query.bind(attempt.as_str());
        }
        query.fetch_all(&self.pool).await.map_err(|e| self.sql(e))
    }

    /// Calls whose files are to be removed wherever they lie, of erasures after one: each with its erasure.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn erased_since(&self, after: i64) -> Result<Vec<(i64, AttemptId)>, StoreError> {
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "SELECT erasure, attempt FROM erased_calls WHERE erasure > $1 ORDER BY erasure, attempt",
        )
        .bind(after)
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        rows.into_iter().map(|(erasure, attempt)| Ok((erasure, attempt.parse()?))).collect()
    }

    /// Takes the turn of a day's sweep, or goes on with it; false where it was done, or another is at it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn begin_sweep(&self, day: &str, now: WallTime) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "INSERT INTO sweeps (day, begun_at) VALUES ($1, $2)
             ON CONFLICT (day) DO UPDATE SET begun_at = excluded.begun_at
                WHERE sweeps.done_at IS NULL AND sweeps.begun_at < $3",
        )
        .bind(day)
        .bind(now.unix_millis())
        .bind(now.unix_millis().saturating_sub(STALE_MS));
        Ok(self.change(statement).await? > 0)
    }

    /// Ends a day's sweep, with what came of it as JSON.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn end_sweep(&self, day: &str, told: &str, now: WallTime) -> Result<(), StoreError> {
        let statement = sqlx::query("UPDATE sweeps SET done_at = $2, told = $3 WHERE day = $1")
            .bind(day)
            .bind(now.unix_millis())
            .bind(told);
        self.change(statement).await.map(drop)
    }
}

/// An outcome of which nobody can be told: that a call was made, when, how it ended, with which script and models, and
/// the hashes of the files that it left.
fn stripped(outcome: Outcome) -> Result<Outcome, StoreError> {
    let handover = outcome.handover.map(|handover| waihu_types::Handover { notes: None, ..handover });
    Ok(Outcome {
        callee: "000".parse()?,
        mood: None,
        promise: None,
        callback: None,
        follow_ups: Vec::new(),
        intents: Vec::new(),
        handover,
        ..outcome
    })
}
