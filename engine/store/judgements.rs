//! What filed calls were judged to be, and which of them were drawn for people to look at.
//!
//! A judgement is a record of whoever judges (`quality`); here stand beside it the columns by which it is found. Where
//! words of calls are sealed, so are those of its evidence (`quotes`).

use std::mem;

use sqlx::FromRow;
use waihu_types::{AttemptId, CampaignId, WallTime};

use crate::{
    Store, StoreError, Verdict,
    quotes::{Apart, EVIDENCE, of_judgement},
};

/// A judgement to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJudgement<'a> {
    /// The attempt.
    pub attempt: &'a AttemptId,
    /// The revision of the outcome that was judged.
    pub revision: i64,
    /// The agent who had the call; none where it was the bot's alone.
    pub agent: Option<&'a str>,
    /// How much distress was heard \[percent\].
    pub distress: u8,
    /// Whether a person was on the line.
    pub person: bool,
    /// The score \[percent\]; none where no check applies.
    pub score: Option<u8>,
    /// Whether it is right.
    pub passed: bool,
    /// Whether a failure is critical.
    pub critical: bool,
    /// Each check and its verdict, `pass`, `fail` or `does_not_apply`.
    pub checks: &'a [(&'a str, &'a str)],
    /// The record, as JSON.
    pub record: &'a str,
}

/// A judgement on file.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct StoredJudgement {
    /// The attempt.
    pub attempt: String,
    /// The revision of the outcome that was judged.
    pub revision: i64,
    /// When it was judged [ms since the Unix epoch].
    pub judged_at: i64,
    /// When the call was over.
    pub ended_at: i64,
    /// The campaign; none for a call placed by hand.
    pub campaign: Option<String>,
    /// The script's name.
    pub script: String,
    /// The agent who had the call.
    pub agent: Option<String>,
    /// How it ended.
    pub disposition: String,
    /// How much distress was heard [percent].
    pub distress: i64,
    /// 1 where a person was on the line.
    pub person: i64,
    /// The score [percent].
    pub score: Option<i64>,
    /// 1 where it is right.
    pub passed: i64,
    /// 1 where a failure is critical.
    pub critical: i64,
    /// The record, as JSON; in a list without the words of its evidence, where they are sealed.
    pub record: String,
    /// By which key the words of its evidence are sealed.
    sealed: i64,
    words: String,
}

/// Which judgements are wanted; all where nothing is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JudgedFilter {
    /// Those of a campaign.
    pub campaign: Option<CampaignId>,
    /// Those of a script.
    pub script: Option<String>,
    /// Those of calls that an agent had.
    pub agent: Option<String>,
    /// Those in which this check fails.
    pub failing: Option<String>,
    /// Those that are right, or not.
    pub passed: Option<bool>,
    /// Those with a critical failure, or without.
    pub critical: Option<bool>,
    /// Those with this score or less.
    pub most: Option<u8>,
    /// Of calls that ended at this moment or later.
    pub since: Option<WallTime>,
    /// Of calls that ended before this moment.
    pub until: Option<WallTime>,
}

/// How often a check held.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct CheckShare {
    /// The check.
    pub check_id: String,
    /// Calls in which it held.
    pub passed: i64,
    /// In which it did not.
    pub failed: i64,
    /// In which there was nothing to hold it against.
    pub not_applied: i64,
}

macro_rules! columns {
    () => {
        "SELECT j.attempt AS attempt, j.revision AS revision, j.judged_at AS judged_at, j.ended_at AS ended_at,
                j.campaign AS campaign, j.script AS script, j.agent AS agent, j.disposition AS disposition,
                j.distress AS distress, j.person AS person, j.score AS score, j.passed AS passed,
                j.critical AS critical, j.record AS record,
                CASE WHEN j.sealed_at = j.judged_at THEN j.sealed ELSE 0 END AS sealed, j.words AS words
         FROM judgements AS j"
    };
}

/// What [`JudgedFilter`] asks, from $1 on.
macro_rules! filter {
    () => {
        " WHERE ($1 IS NULL OR j.campaign = $1) AND ($2 IS NULL OR j.script = $2) AND ($3 IS NULL OR j.agent = $3)
            AND ($4 IS NULL OR EXISTS (SELECT 1 FROM judged_checks AS c
                 WHERE c.attempt = j.attempt AND c.check_id = $4 AND c.verdict = 'fail'))
            AND ($5 < 0 OR j.passed = $5) AND ($6 < 0 OR j.critical = $6) AND ($7 > 100 OR j.score <= $7)
            AND j.ended_at >= $8 AND j.ended_at < $9"
    };
}

macro_rules! bind_filter {
    ($query:expr, $filter:expr) => {
        $query
            .bind($filter.campaign.as_ref().map(CampaignId::as_str))
            .bind($filter.script.as_deref())
            .bind($filter.agent.as_deref())
            .bind($filter.failing.as_deref())
            .bind($filter.passed.map_or(-1_i64, i64::from))
            .bind($filter.critical.map_or(-1_i64, i64::from))
            .bind($filter.most.map_or(101_i64, i64::from))
            .bind($filter.since.map_or(i64::MIN, WallTime::unix_millis))
            .bind($filter.until.map_or(i64::MAX, WallTime::unix_millis))
    };
}

impl Store {
    /// Keeps a judgement in place of the one before. False where a later revision was judged already, or the attempt
    /// has no outcome: nothing was changed then.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn keep_judgement(&self, it: &NewJudgement<'_>, now: WallTime) -> Result<bool, StoreError> {
        let Some(mut tx) = self.write_of(it.attempt).await? else { return Ok(false) };
        let (seal, at) = (self.seal(), of_judgement(it.attempt.as_str(), now.unix_millis()));
        let Apart { key, record, words } = Apart::of(it.record, &EVIDENCE, at, seal.as_deref())?;
        let script = crate::board::json_field(&self.location, "o.record", "script.name");
        let sql = format!(
            "INSERT INTO judgements (attempt, revision, judged_at, ended_at, campaign, script, agent, disposition,
                distress, person, score, passed, critical, record, sealed, sealed_at, words)
             SELECT o.attempt, $2, $3, o.ended_at, o.campaign, coalesce({script}, ''), $4, o.effective,
                    $5, $6, $7, $8, $9, $10, $11, $3, $12
             FROM outcomes AS o WHERE o.attempt = $1
             ON CONFLICT (attempt) DO UPDATE SET revision = excluded.revision, judged_at = excluded.judged_at,
                ended_at = excluded.ended_at, campaign = excluded.campaign, script = excluded.script,
                agent = excluded.agent, disposition = excluded.disposition, distress = excluded.distress,
                person = excluded.person, score = excluded.score, passed = excluded.passed,
                critical = excluded.critical, record = excluded.record, sealed = excluded.sealed,
                sealed_at = excluded.sealed_at, words = excluded.words
             WHERE judgements.revision <= excluded.revision"
        );
        let kept = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(it.attempt.as_str())
            .bind(it.revision)
            .bind(now.unix_millis())
            .bind(it.agent)
            .bind(i64::from(it.distress))
            .bind(i64::from(it.person))
            .bind(it.score.map(i64::from))
            .bind(i64::from(it.passed))
            .bind(i64::from(it.critical))
            .bind(record)
            .bind(key)
            .bind(words)
            .execute(&mut *tx)
            .await
            .map_err(|e| self.sql(e))?
            .rows_affected();
        if kept == 1 {
            sqlx::query("DELETE FROM judged_checks WHERE attempt = $1")
                .bind(it.attempt.as_str())
                .execute(&mut *tx)
                .await
                .map_err(|e| self.sql(e))?;
            for (check, verdict) in it.checks {
                sqlx::query("INSERT INTO judged_checks (attempt, check_id, verdict) VALUES ($1, $2, $3)")
                    .bind(it.attempt.as_str())
                    .bind(*check)
                    .bind(*verdict)
                    .execute(&mut *tx)
                    .await
                    .map_err(|e| self.sql(e))?;
            }
        }
        tx.commit().await.map(|()| kept == 1).map_err(|e| self.sql(e))
    }

    /// The judgement of an attempt.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] where no key here opens its words, or that it cannot be read.
    pub async fn judgement(&self, attempt: &AttemptId) -> Result<Option<StoredJudgement>, StoreError> {
        let row: Option<StoredJudgement> = sqlx::query_as(concat!(columns!(), " WHERE j.attempt = $1"))
            .bind(attempt.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| self.sql(e))?;
        let Some(mut row) = row else { return Ok(None) };
        let kept =
            Apart { key: row.sealed, record: mem::take(&mut row.record), words: mem::take(&mut row.words) };
        let at = of_judgement(attempt.as_str(), row.judged_at);
        row.record = kept.whole(&EVIDENCE, at, self.seal().as_deref())?;
        Ok(Some(row))
    }

    /// The score of an attempt [percent]; none where it was not judged, or no check applied.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn score_of(&self, attempt: &AttemptId) -> Result<Option<i64>, StoreError> {
        let score: Option<Option<i64>> =
            sqlx::query_scalar("SELECT score FROM judgements WHERE attempt = $1")
                .bind(attempt.as_str())
                .fetch_optional(&self.pool)
                .await
                .map_err(|e| self.sql(e))?;
        Ok(score.flatten())
    }

    /// Judgements before a place (the end of a call and its attempt), the newest first. No key is needed for it: what is
    /// sealed of their evidence is left out.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn judgements(
        &self,
        filter: &JudgedFilter,
        before: Option<&(WallTime, AttemptId)>,
        limit: u32,
    ) -> Result<Vec<StoredJudgement>, StoreError> {
        let query = sqlx::query_as(concat!(
            columns!(),
            filter!(),
            " AND (j.ended_at < $10 OR j.ended_at = $10 AND j.attempt < $11)
              ORDER BY j.ended_at DESC, j.attempt DESC LIMIT $12"
        ));
        bind_filter!(query, filter)
            .bind(before.map_or(i64::MAX, |(at, _)| at.unix_millis()))
            .bind(before.map_or("", |(_, attempt)| attempt.as_str()))
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.sql(e))
    }

    /// How often each check held, by its name.
    ///
    /// # Errors
    /// When they cannot be counted.
    pub async fn check_shares(&self, filter: &JudgedFilter) -> Result<Vec<CheckShare>, StoreError> {
        let query = sqlx::query_as(concat!(
            "SELECT k.check_id AS check_id,
                    CAST(sum(CASE WHEN k.verdict = 'pass' THEN 1 ELSE 0 END) AS BIGINT) AS passed,
                    CAST(sum(CASE WHEN k.verdict = 'fail' THEN 1 ELSE 0 END) AS BIGINT) AS failed,
                    CAST(sum(CASE WHEN k.verdict = 'does_not_apply' THEN 1 ELSE 0 END) AS BIGINT) AS not_applied
             FROM judgements AS j JOIN judged_checks AS k ON k.attempt = j.attempt",
            filter!(),
            " GROUP BY k.check_id ORDER BY k.check_id"
        ));
        bind_filter!(query, filter).fetch_all(&self.pool).await.map_err(|e| self.sql(e))
    }

    /// Outcomes that were not judged yet, or in an earlier revision, after an attempt in the order of their ids.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn unjudged(&self, after: &str, limit: u32) -> Result<Vec<AttemptId>, StoreError> {
        let rows: Vec<String> = sqlx::query_scalar(
            "SELECT o.attempt FROM outcomes AS o LEFT JOIN judgements AS j ON j.attempt = o.attempt
             WHERE (j.attempt IS NULL OR j.revision < o.revision) AND o.attempt > $1 ORDER BY o.attempt LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        rows.into_iter().map(|attempt| Ok(attempt.parse()?)).collect()
    }

    /// The revision of an attempt's outcome; none where there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn outcome_revision(&self, attempt: &AttemptId) -> Result<Option<i64>, StoreError> {
        sqlx::query_scalar("SELECT revision FROM outcomes WHERE attempt = $1")
            .bind(attempt.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| self.sql(e))
    }

    /// Under which profile an attempt began, and whether it was allowed; none where that was not kept.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn decision_of(&self, attempt: &AttemptId) -> Result<Option<(String, Verdict)>, StoreError> {
        let row: Option<(String, String)> =
            sqlx::query_as("SELECT profile, verdict FROM compliance_decisions WHERE attempt = $1")
                .bind(attempt.as_str())
                .fetch_optional(&self.pool)
                .await
                .map_err(|e| self.sql(e))?;
        // A decision with an attempt is no denial.
        let verdict = |word: &str| if word == "despite" { Verdict::Despite } else { Verdict::Allowed };
        Ok(row.map(|(profile, word)| (profile, verdict(&word))))
    }

    /// The agents who had a call, by all names that they are known by here.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn agents_of(&self, attempt: &AttemptId) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String, Option<String>)> = sqlx::query_as(
            "SELECT t.agent, p.name FROM talks AS t LEFT JOIN people AS p ON p.login = t.agent
             WHERE t.attempt = $1 ORDER BY t.joined_at",
        )
        .bind(attempt.as_str())
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        Ok(rows.into_iter().flat_map(|(agent, name)| [Some(agent), name]).flatten().collect())
    }
}
