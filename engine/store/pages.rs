//! Attempts and outcomes a page at a time: after a place, so that rows which come in between move nothing.

use waihu_campaign::fate::Fate;
use waihu_types::{AttemptId, CampaignId, CaseId, Disposition, Outcome, WallTime};

use crate::{
    Attempt, Store, StoreError,
    attempts::{AttemptRow, attempt_columns},
    outcomes::read,
};

/// Where a page begins: after the attempt of this time and id.
pub type After = (WallTime, AttemptId);

/// Which outcomes a page holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kept {
    /// All.
    #[default]
    All,
    /// Those with a promise to pay.
    Promises,
}

/// Which rows a page holds; all where nothing is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageFilter {
    /// Those of a campaign.
    pub campaign: Option<CampaignId>,
    /// Those of a case.
    pub case: Option<CaseId>,
    /// Outcomes that ended so, as an agent put it down where one did.
    pub disposition: Option<Disposition>,
    /// From this moment on: attempts that were dialled, outcomes that ended.
    pub since: Option<WallTime>,
    /// Which outcomes.
    pub kept: Kept,
}

/// An outcome, with how it came here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiledOutcome {
    /// The outcome.
    pub outcome: Outcome,
    /// Whether it was filed for a process that had died.
    pub recovered: bool,
    /// What became of its promise, as it was looked at last; none where there is none, or it is of before this was kept.
    pub fate: Option<Fate>,
}

/// An outcome as it stands in rows: attempt, record, whether it was recovered, and the state of its promise.
pub(crate) type FiledRow = (String, String, i64, Option<String>);

/// The same as what it stands for.
pub(crate) fn filed((attempt, record, recovered, state): &FiledRow) -> Result<FiledOutcome, StoreError> {
    let fate = state.as_deref().and_then(Fate::of_label);
    Ok(FiledOutcome { outcome: read(attempt, record)?, recovered: *recovered != 0, fate })
}

impl Store {
    /// At most `limit` outcomes after a place, in the order in which their calls ended.
    ///
    /// # Errors
    /// When one cannot be read.
    pub async fn outcomes_page(
        &self,
        filter: &PageFilter,
        after: Option<&After>,
        limit: u32,
    ) -> Result<Vec<Outcome>, StoreError> {
        let filed = self.filed_page(filter, after, limit).await?;
        Ok(filed.into_iter().map(|filed| filed.outcome).collect())
    }

    /// The same, with how they came here.
    ///
    /// # Errors
    /// When one cannot be read.
    pub async fn filed_page(
        &self,
        filter: &PageFilter,
        after: Option<&After>,
        limit: u32,
    ) -> Result<Vec<FiledOutcome>, StoreError> {
        let rows: Vec<FiledRow> = sqlx::query_as(
            "SELECT o.attempt, o.record, o.recovered, p.state FROM outcomes AS o
             LEFT JOIN promises AS p ON p.attempt = o.attempt
             WHERE ($1 IS NULL OR o.campaign = $1) AND ($2 IS NULL OR o.case_id = $2)
               AND ($3 IS NULL OR o.effective = $3) AND o.ended_at >= $4
               AND ($5 = 0 OR o.promise_date IS NOT NULL)
               AND (o.ended_at > $6 OR o.ended_at = $6 AND o.attempt > $7)
             ORDER BY o.ended_at, o.attempt LIMIT $8",
        )
        .bind(filter.campaign.as_ref().map(CampaignId::as_str))
        .bind(filter.case.as_ref().map(CaseId::as_str))
        .bind(filter.disposition.map(Disposition::label))
        .bind(filter.since.map_or(i64::MIN, WallTime::unix_millis))
        .bind(i64::from(filter.kept == Kept::Promises))
        .bind(after.map_or(i64::MIN, |(at, _)| at.unix_millis()))
        .bind(after.map_or("", |(_, attempt)| attempt.as_str()))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        rows.iter().map(filed).collect()
    }

    /// At most `limit` attempts after a place, in the order in which they were dialled.
    ///
    /// # Errors
    /// When one cannot be read.
    pub async fn attempts_page(
        &self,
        filter: &PageFilter,
        after: Option<&After>,
        limit: u32,
    ) -> Result<Vec<Attempt>, StoreError> {
        let rows: Vec<AttemptRow> = sqlx::query_as(concat!(
            attempt_columns!(),
            "
             WHERE ($1 IS NULL OR campaign = $1) AND ($2 IS NULL OR case_id = $2) AND dialled_at >= $3
               AND (dialled_at > $4 OR dialled_at = $4 AND attempt > $5)
             ORDER BY dialled_at, attempt LIMIT $6"
        ))
        .bind(filter.campaign.as_ref().map(CampaignId::as_str))
        .bind(filter.case.as_ref().map(CaseId::as_str))
        .bind(filter.since.map_or(i64::MIN, WallTime::unix_millis))
        .bind(after.map_or(i64::MIN, |(at, _)| at.unix_millis()))
        .bind(after.map_or("", |(_, attempt)| attempt.as_str()))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        rows.into_iter().map(Attempt::try_from).collect()
    }

    /// One attempt.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn attempt(&self, attempt: &AttemptId) -> Result<Option<Attempt>, StoreError> {
        let row: Option<AttemptRow> = sqlx::query_as(concat!(attempt_columns!(), " WHERE attempt = $1"))
            .bind(attempt.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| self.sql(e))?;
        row.map(Attempt::try_from).transpose()
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.pool).await.map_err(|e| self.sql(e)).map(drop)
    }
}
