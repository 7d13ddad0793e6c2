//! Outcomes: one an attempt, written once.

use std::time::Duration;

use jiff::{civil::Date, tz::TimeZone};
use serde::Serialize;
use sqlx::{AssertSqlSafe, FromRow};
use waihu_compliance::Answers;
use waihu_types::{AttemptId, CampaignId, CaseId, Disposition, Outcome, WallTime};

use crate::{
    Attempt, Store, StoreError,
    attempts::{AttemptRow, attempt_columns, redial_columns},
    board::json_field,
    events::Happened,
    write::Tx,
};

/// Which outcomes are wanted; everything where nothing is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those of a campaign.
    pub campaign: Option<CampaignId>,
    /// Those of a case.
    pub case: Option<CaseId>,
    /// That of an attempt.
    pub attempt: Option<AttemptId>,
    /// Those that ended so, as an agent put it down where one did.
    pub disposition: Option<Disposition>,
    /// At most the newest so many.
    pub limit: Option<u32>,
}

/// Who files an outcome.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filed {
    /// The process that ran the call.
    Lived,
    /// Another one, for a process that died.
    Recovered,
}

/// An outcome as it stands on file.
pub(crate) struct OnFile {
    pub(crate) outcome: Outcome,
    pub(crate) filed: Filed,
    pub(crate) revision: i64,
}

/// What people answered on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub struct AnsweredDay {
    /// The day [days since the Unix epoch, UTC].
    pub day: i64,
    /// Calls that a person answered.
    pub answered: i64,
    /// Of these, those in which an agent was wanted and not there in time.
    pub abandoned: i64,
}

impl AnsweredDay {
    /// The same as rules and pacing take it.
    pub fn counts(&self) -> (Date, Answers) {
        let day = WallTime::from_unix_millis(self.day.saturating_mul(86_400_000)).timestamp();
        let count = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
        let counts = Answers { answered: count(self.answered), abandoned: count(self.abandoned) };
        (TimeZone::UTC.to_datetime(day).date(), counts)
    }
}

impl Store {
    /// Files the outcome of an attempt and closes it; on the disk when this returns. The same
    /// outcome again changes nothing. One that was filed by [`Store::recover`] gives way to the
    /// real one of a process that was only thought dead.
    ///
    /// # Errors
    /// [`StoreError::UnknownAttempt`], [`StoreError::Mismatch`], [`StoreError::AlreadyClosed`] for a
    /// different outcome, or that it could not be written.
    pub async fn close_attempt(&self, outcome: &Outcome) -> Result<(), StoreError> {
        self.file(outcome, Filed::Lived).await.map(drop)
    }

    /// Files an outcome; false where the attempt was closed already and nothing changed.
    pub(crate) async fn file(&self, outcome: &Outcome, filed: Filed) -> Result<bool, StoreError> {
        let mut tx = self.write_alone(&[format!("case:{}", outcome.case)]).await?;
        let attempt: Attempt =
            sqlx::query_as::<_, AttemptRow>(concat!(attempt_columns!(), " WHERE attempt = $1"))
                .bind(outcome.attempt.as_str())
                .fetch_optional(&mut *tx)
                .await
                .map_err(|e| self.sql(e))?
                .ok_or_else(|| StoreError::UnknownAttempt(outcome.attempt.clone()))?
                .try_into()?;
        same_call(&attempt, outcome)?;
        let before = self.on_file(&mut tx, &outcome.attempt).await?;
        // Only where agents had it there is something that they put down. Of a dead process's call nobody knows.
        let wrapped = match (&outcome.handover, filed) {
            (None, Filed::Lived) => None,
            _ => {
                let lived = before.as_ref().filter(|before| before.filed == Filed::Lived);
                let lived = lived.map(|before| &before.outcome);
                Some(self.wrapped(&mut tx, outcome.clone(), lived).await?)
            }
        };
        let outcome = wrapped.as_ref().unwrap_or(outcome);
        match &before {
            // Whose node died after all, answered since it was filed as unanswered, is filed once more.
            Some(OnFile { filed: Filed::Recovered, .. }) if filed == Filed::Recovered && attempt.open => {}
            Some(_) if filed == Filed::Recovered => {
                return tx.commit().await.map(|()| false).map_err(|e| self.sql(e));
            }
            // What it is the same as may not be on the disk yet.
            Some(before) if before.outcome == *outcome => {
                return tx.commit().await.map(|()| false).map_err(|e| self.sql(e));
            }
            Some(OnFile { filed: Filed::Lived, .. }) => {
                return Err(StoreError::AlreadyClosed(outcome.attempt.clone()));
            }
            _ => {}
        }
        let revision = before.map_or(1, |before| before.revision + 1);
        self.insert(&mut tx, outcome, filed, revision).await?;
        sqlx::query(
            "UPDATE attempts SET open = 0, answered_at = coalesce(answered_at, $2) WHERE attempt = $1",
        )
        .bind(outcome.attempt.as_str())
        .bind(outcome.answered_at.map(|t| t.unix_millis()))
        .execute(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        if let Some(campaign) = &outcome.campaign {
            self.move_on(&mut tx, campaign, &outcome.case, &outcome.redial).await?;
        }
        let happened = Happened {
            key: format!("{}:{revision}", outcome.attempt),
            kind: "outcome",
            at: outcome.ended_at,
            campaign: outcome.campaign.as_ref(),
            case: Some(&outcome.case),
            attempt: Some(&outcome.attempt),
            body: serde_json::json!({ "outcome": outcome, "revision": revision }),
        };
        tx.tell(happened);
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(true)
    }

    /// The outcome of an attempt as it stands; none where none was filed.
    pub(crate) async fn on_file(
        &self,
        tx: &mut Tx,
        attempt: &AttemptId,
    ) -> Result<Option<OnFile>, StoreError> {
        let row: Option<(String, i64, i64)> =
            sqlx::query_as("SELECT record, recovered, revision FROM outcomes WHERE attempt = $1")
                .bind(attempt.as_str())
                .fetch_optional(&mut **tx)
                .await
                .map_err(|e| self.sql(e))?;
        let Some((record, recovered, revision)) = row else { return Ok(None) };
        let filed = if recovered == 0 { Filed::Lived } else { Filed::Recovered };
        Ok(Some(OnFile { outcome: read(attempt.as_str(), &record)?, filed, revision }))
    }

    pub(crate) async fn insert(
        &self,
        tx: &mut Tx,
        o: &Outcome,
        filed: Filed,
        revision: i64,
    ) -> Result<(), StoreError> {
        let json = |e| StoreError::Record { of: o.attempt.to_string(), source: e };
        let (verdict, rule, not_before) = redial_columns(&o.redial);
        sqlx::query(
            "INSERT INTO outcomes (attempt, version, campaign, case_id, disposition, answered_by,
                identity, dialled_at, answered_at, ended_at, promise_date, promise_amount, promise_currency,
                handover_result, sip_code, fault, redial_verdict, redial_rule, redial_not_before, recovered,
                record, revision)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
                $20, $21, $22)
             ON CONFLICT (attempt) DO UPDATE SET version = excluded.version, campaign = excluded.campaign, case_id = excluded.case_id,
                disposition = excluded.disposition, answered_by = excluded.answered_by, identity =
                excluded.identity, dialled_at = excluded.dialled_at, answered_at = excluded.answered_at,
                ended_at = excluded.ended_at, promise_date = excluded.promise_date, promise_amount =
                excluded.promise_amount, promise_currency = excluded.promise_currency, handover_result =
                excluded.handover_result, sip_code = excluded.sip_code, fault = excluded.fault,
                redial_verdict = excluded.redial_verdict, redial_rule = excluded.redial_rule,
                redial_not_before = excluded.redial_not_before, recovered = excluded.recovered, record =
                excluded.record, revision = excluded.revision",
        )
        .bind(o.attempt.as_str())
        .bind(i64::from(o.version))
        .bind(o.campaign.as_ref().map(CampaignId::as_str))
        .bind(o.case.as_str())
        .bind(o.disposition.label())
        .bind(label(&o.answered_by).map_err(json)?)
        .bind(label(&o.identity).map_err(json)?)
        .bind(o.dialled_at.unix_millis())
        .bind(o.answered_at.map(|t| t.unix_millis()))
        .bind(o.ended_at.unix_millis())
        .bind(o.promise.as_ref().map(|p| p.date.to_string()))
        .bind(o.promise.as_ref().map(|p| format!("{:.2}", p.sum.amount())))
        .bind(o.promise.as_ref().map(|p| p.sum.currency().code().to_owned()))
        .bind(o.handover.as_ref().map(|h| label(&h.result)).transpose().map_err(json)?)
        .bind(o.sip.as_ref().map(|s| i64::from(s.code)))
        .bind(o.fault.as_ref().map(label).transpose().map_err(json)?)
        .bind(verdict)
        .bind(rule)
        .bind(not_before)
        .bind(i64::from(filed == Filed::Recovered))
        .bind(serde_json::to_string(o).map_err(json)?)
        .bind(revision)
        .execute(&mut **tx)
        .await
        .map_err(|e| self.sql(e))?;
        Ok(())
    }

    /// How many people answered a campaign's calls that ended from then on, by the days of UTC, and how many of them
    /// were abandoned: counted where the rows are, as [`Outcome::is_abandoned`] has it.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn answers_by_day(
        &self,
        campaign: &CampaignId,
        since: WallTime,
        within: Duration,
    ) -> Result<Vec<AnsweredDay>, StoreError> {
        let waited = json_field(&self.location, "record", "handover.waited_ms");
        let sql = format!(
            "SELECT ended_at / 86400000 AS day, count(*) AS answered,
                    CAST(sum(CASE WHEN handover_result IS NULL THEN 0
                                  WHEN handover_result = 'joined' AND CAST({waited} AS BIGINT) <= $3 THEN 0
                                  ELSE 1 END) AS BIGINT) AS abandoned
             FROM outcomes WHERE campaign = $1 AND ended_at >= $2 AND answered_by = 'human'
             GROUP BY ended_at / 86400000 ORDER BY 1"
        );
        sqlx::query_as(AssertSqlSafe(sql))
            .bind(campaign.as_str())
            .bind(since.unix_millis())
            .bind(i64::try_from(within.as_millis()).unwrap_or(i64::MAX))
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.sql(e))
    }

    /// The outcomes that a filter lets through, oldest first.
    ///
    /// # Errors
    /// When one cannot be read.
    pub async fn outcomes(&self, filter: &Filter) -> Result<Vec<Outcome>, StoreError> {
        let wanted = [
            ("campaign", filter.campaign.as_ref().map(CampaignId::as_str)),
            ("case_id", filter.case.as_ref().map(CaseId::as_str)),
            ("attempt", filter.attempt.as_ref().map(AttemptId::as_str)),
            ("effective", filter.disposition.map(Disposition::label)),
        ];
        let wanted: Vec<(&str, &str)> =
            wanted.into_iter().filter_map(|(column, value)| Some((column, value?))).collect();
        let conditions: String =
            wanted.iter().zip(2..).map(|((column, _), n)| format!(" AND {column} = ${n}")).collect();
        let sql = format!(
            "SELECT attempt, record FROM (
                SELECT attempt, record, ended_at FROM outcomes WHERE 1 = 1{conditions}
                ORDER BY ended_at DESC, attempt DESC LIMIT $1) AS newest
             ORDER BY ended_at, attempt"
        );
        let mut rows = sqlx::query_as(AssertSqlSafe(sql)).bind(filter.limit.map_or(i64::MAX, i64::from));
        for (_, value) in wanted {
            rows = rows.bind(value);
        }
        let rows: Vec<(String, String)> = rows.fetch_all(&self.pool).await.map_err(|e| self.sql(e))?;
        rows.iter().map(|(attempt, record)| read(attempt, record)).collect()
    }

    /// The latest outcomes of a case, in whatever campaign, the latest first.
    ///
    /// # Errors
    /// When one cannot be read.
    pub async fn latest_of_case(&self, case: &CaseId, most: u32) -> Result<Vec<Outcome>, StoreError> {
        // By the attempts, which are found by their case.
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT o.attempt, o.record FROM attempts AS a JOIN outcomes AS o ON o.attempt = a.attempt
             WHERE a.case_id = $1 ORDER BY o.ended_at DESC, o.attempt DESC LIMIT $2",
        )
        .bind(case.as_str())
        .bind(i64::from(most))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        rows.iter().map(|(attempt, record)| read(attempt, record)).collect()
    }
}

pub(crate) fn read(attempt: &str, record: &str) -> Result<Outcome, StoreError> {
    serde_json::from_str(record).map_err(|e| StoreError::Record { of: attempt.to_owned(), source: e })
}

/// The word that a unit variant is written as.
fn label(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_value(value).and_then(serde_json::from_value)
}

pub(crate) fn same_call(attempt: &Attempt, outcome: &Outcome) -> Result<(), StoreError> {
    let begun = &attempt.begun;
    let field = if begun.campaign != outcome.campaign {
        "campaign"
    } else if begun.case != outcome.case {
        "case"
    } else if begun.callee != outcome.callee {
        "callee"
    } else {
        return Ok(());
    };
    Err(StoreError::Mismatch { attempt: outcome.attempt.clone(), field })
}
