//! Calls that people look at: drawn once a day, reviewed in turns.
//!
//! Whose turn it is, and who may take it, is for `quality` to say; here a turn is taken once, whoever is faster. Where
//! words of calls are sealed, so are the notes (`quotes`).

use sqlx::FromRow;
use waihu_types::{AttemptId, WallTime};

use crate::{
    Store, StoreError,
    quotes::{Apart, NOTE, of_review},
    seal::At,
};

/// A review to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReview {
    /// The call.
    pub attempt: AttemptId,
    /// The form, as JSON.
    pub form: String,
    /// Whether a second person has to confirm.
    pub four_eyes: bool,
    /// Who had the call, by all names.
    pub agents: Vec<String>,
}

/// A review on file.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct StoredReview {
    /// Its id.
    pub id: i64,
    /// The plan that drew it.
    pub plan: String,
    /// The day that was drawn.
    pub day: String,
    /// The call.
    pub attempt: String,
    /// The form, as JSON.
    pub form: String,
    /// 1 where a second person has to confirm.
    pub four_eyes: i64,
    /// Who had the call, as JSON.
    pub agents: String,
    /// Whose turn it is: `first`, `second`, `third`; none where it is done.
    pub stage: Option<String>,
    /// What stands at its end [percent].
    pub score: Option<i64>,
    /// What stands at its end: `right` or `wrong`.
    pub opinion: Option<String>,
    /// When it was drawn [ms since the Unix epoch].
    pub drawn_at: i64,
    /// When it was changed last.
    pub changed_at: i64,
}

/// Which reviews are wanted; all where nothing is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReviewFilter {
    /// Those at this stage; `done` for those that are over, `open` for the others.
    pub stage: Option<String>,
    /// Those of a plan.
    pub plan: Option<String>,
    /// Those of a call.
    pub attempt: Option<AttemptId>,
}

/// A turn that was taken, and what comes after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnTaken<'a> {
    /// Which: `first`, `second` or `third`.
    pub stage: &'a str,
    /// Who took it.
    pub person: &'a str,
    /// What they did, as JSON.
    pub record: &'a str,
    /// Whose turn is next; none where it is done.
    pub next: Option<&'a str>,
    /// What stands at its end.
    pub score: Option<u8>,
    /// What stands at its end.
    pub opinion: Option<&'a str>,
}

macro_rules! columns {
    () => {
        "SELECT id, plan, day, attempt, form, four_eyes, agents, stage, score, opinion, drawn_at, changed_at
         FROM reviews"
    };
}

impl Store {
    /// Keeps what a plan has drawn of a day. False where that day was drawn already, by whichever node: nothing was
    /// changed then.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn keep_draw(
        &self,
        plan: &str,
        day: &str,
        drawn: &[NewReview],
        now: WallTime,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write_alone(&[format!("draw:{plan}")]).await?;
        let first = sqlx::query(
            "INSERT INTO draws (plan, day, drawn_at, calls) VALUES ($1, $2, $3, $4) ON CONFLICT (plan, day) DO NOTHING",
        )
        .bind(plan)
        .bind(day)
        .bind(now.unix_millis())
        .bind(i64::try_from(drawn.len()).unwrap_or(i64::MAX))
        .execute(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?
        .rows_affected();
        for review in drawn.iter().filter(|_| first == 1) {
            sqlx::query(
                "INSERT INTO reviews (plan, day, attempt, form, four_eyes, agents, stage, drawn_at, changed_at)
                 VALUES ($1, $2, $3, $4, $5, $6, 'first', $7, $7) ON CONFLICT (plan, attempt) DO NOTHING",
            )
            .bind(plan)
            .bind(day)
            .bind(review.attempt.as_str())
            .bind(review.form.as_str())
            .bind(i64::from(review.four_eyes))
            .bind(serde_json::to_string(&review.agents).unwrap_or_else(|_| "[]".to_owned()))
            .bind(now.unix_millis())
            .execute(&mut *tx)
            .await
            .map_err(|e| self.sql(e))?;
        }
        tx.commit().await.map(|()| first == 1).map_err(|e| self.sql(e))
    }

    /// Whether a plan has drawn a day.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn is_drawn(&self, plan: &str, day: &str) -> Result<bool, StoreError> {
        let row: Option<i64> = sqlx::query_scalar("SELECT calls FROM draws WHERE plan = $1 AND day = $2")
            .bind(plan)
            .bind(day)
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| self.sql(e))?;
        Ok(row.is_some())
    }

    /// Reviews before an id, the newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn reviews(
        &self,
        filter: &ReviewFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<StoredReview>, StoreError> {
        sqlx::query_as(concat!(
            columns!(),
            " WHERE ($1 IS NULL OR $1 = 'done' AND stage IS NULL OR $1 = 'open' AND stage IS NOT NULL OR stage = $1)
                AND ($2 IS NULL OR plan = $2) AND ($3 IS NULL OR attempt = $3) AND id < $4
              ORDER BY id DESC LIMIT $5"
        ))
        .bind(filter.stage.as_deref())
        .bind(filter.plan.as_deref())
        .bind(filter.attempt.as_ref().map(AttemptId::as_str))
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))
    }

    /// A review, with what was done in it, each as JSON in its order.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] where no key here opens its notes, or that it cannot be read.
    pub async fn review(&self, id: i64) -> Result<Option<(StoredReview, Vec<String>)>, StoreError> {
        let review: Option<StoredReview> = sqlx::query_as(concat!(columns!(), " WHERE id = $1"))
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| self.sql(e))?;
        let Some(review) = review else { return Ok(None) };
        let rows: Vec<(String, i64, i64, String, String)> = sqlx::query_as(
            "SELECT stage, at, sealed, record, words FROM review_acts WHERE review = $1 ORDER BY at, stage",
        )
        .bind(id)
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        let (seal, mut acts) = (self.seal(), Vec::with_capacity(rows.len()));
        for (stage, at_ms, key, record, words) in rows {
            let speaker = of_review(id, &stage);
            let at = At { attempt: &review.attempt, at_ms, speaker: &speaker };
            acts.push(Apart { key, record, words }.whole(&NOTE, at, seal.as_deref())?);
        }
        Ok(Some((review, acts)))
    }

    /// Takes a turn of a review. False where somebody else was faster: nothing was changed then.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn take_turn(&self, id: i64, turn: &TurnTaken<'_>, now: WallTime) -> Result<bool, StoreError> {
        let mut tx = self.write_alone(&[format!("review:{id}")]).await?;
        let mine: Option<String> = sqlx::query_scalar(
            "UPDATE reviews SET stage = $3, score = $4, opinion = $5, changed_at = $6 WHERE id = $1 AND stage = $2
             RETURNING attempt",
        )
        .bind(id)
        .bind(turn.stage)
        .bind(turn.next)
        .bind(turn.score.map(i64::from))
        .bind(turn.opinion)
        .bind(now.unix_millis())
        .fetch_optional(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        if let Some(attempt) = &mine {
            let speaker = of_review(id, turn.stage);
            let at = At { attempt, at_ms: now.unix_millis(), speaker: &speaker };
            let Apart { key, record, words } = Apart::of(turn.record, &NOTE, at, self.seal().as_deref())?;
            sqlx::query(
                "INSERT INTO review_acts (review, stage, person, at, record, sealed, words)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(id)
            .bind(turn.stage)
            .bind(turn.person)
            .bind(now.unix_millis())
            .bind(record)
            .bind(key)
            .bind(words)
            .execute(&mut *tx)
            .await
            .map_err(|e| self.sql(e))?;
        }
        tx.commit().await.map(|()| mine.is_some()).map_err(|e| self.sql(e))
    }
}
