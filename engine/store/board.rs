//! How it goes: the calls that are up, what came of those of late, and results by what tells them apart.
//!
//! Counted where the rows are, so that nobody reads a million outcomes to draw a bar.

use sqlx::{AssertSqlSafe, FromRow};
use waihu_types::{CampaignId, WallTime};

use crate::{Location, Store, StoreError};

/// A call that is up.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct LiveCall {
    /// The attempt.
    pub attempt: String,
    /// The campaign; none for a call placed by hand.
    pub campaign: Option<String>,
    /// The case.
    pub case_id: String,
    /// When it was dialled [ms since the Unix epoch].
    pub dialled_at: i64,
    /// When it was answered; none where it rings.
    pub answered_at: Option<i64>,
}

/// The calls that a node has on its trunk.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct NodeLoad {
    /// The node's id.
    pub node: String,
    /// Calls that ring or are up.
    pub calls: i64,
    /// Calls that were dialled of late, whatever has become of them.
    pub dialled: i64,
}

/// What came of a campaign's calls of late.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Tally {
    /// The campaign; none for calls placed by hand.
    pub campaign: Option<String>,
    /// Calls that ended.
    pub calls: i64,
    /// That were answered, by whatever.
    pub answered: i64,
    /// That a person answered.
    pub human: i64,
    /// In which the matter was settled one way or another: all that a person answered but those who hung up, said
    /// nothing or were not understood.
    pub completed: i64,
    /// In which a promise was made.
    pub promised: i64,
    /// In which an agent was wanted.
    pub wanted_agent: i64,
    /// In which one was, and none came.
    pub missed_agent: i64,
}

/// Calls that have all of these in common.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Cell {
    /// How they ended, as agents put it down where they did.
    pub disposition: String,
    /// What answered.
    pub answered_by: String,
    /// Whether the person was who was asked for.
    pub identity: String,
    /// The script's variant, or else its name.
    pub script: String,
    /// The kind of loan; empty where it is not known.
    pub kind: String,
    /// The grade of risk; empty where it is not known.
    pub grade: String,
    /// The hour in which they were dialled, from 0, by a clock so far from UTC as was asked.
    pub hour: i64,
    /// So many.
    pub calls: i64,
    /// So many with a promise.
    pub promises: i64,
    /// Of these promises, those that are due by now, and of which it is known what became of them.
    pub due: i64,
    /// Of those that are due, the kept ones.
    pub kept: i64,
    /// Of those that are due, the ones that were kept in part.
    pub kept_in_part: i64,
    /// All that was promised, in hundredths, whatever the currency.
    pub promised: i64,
    /// Between answer and end, together [ms].
    pub talk_ms: i64,
}

const TALLY: &str = "count(*) AS calls,
    CAST(coalesce(sum(CASE WHEN answered_at IS NULL THEN 0 ELSE 1 END), 0) AS BIGINT) AS answered,
    CAST(coalesce(sum(CASE WHEN answered_by = 'human' THEN 1 ELSE 0 END), 0) AS BIGINT) AS human,
    CAST(coalesce(sum(CASE WHEN answered_by = 'human' AND effective NOT IN ('hung_up', 'silence', 'not_understood',
        'engine_failed', 'unknown') THEN 1 ELSE 0 END), 0) AS BIGINT) AS completed,
    CAST(coalesce(sum(CASE WHEN promise_date IS NULL THEN 0 ELSE 1 END), 0) AS BIGINT) AS promised,
    CAST(coalesce(sum(CASE WHEN handover_result IS NULL THEN 0 ELSE 1 END), 0) AS BIGINT) AS wanted_agent,
    CAST(coalesce(sum(CASE WHEN handover_result IN ('no_answer', 'failed') THEN 1 ELSE 0 END), 0) AS BIGINT)
        AS missed_agent";

impl Store {
    /// Calls that are up, the newest first, at most so many.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn live_calls(&self, limit: u32) -> Result<Vec<LiveCall>, StoreError> {
        sqlx::query_as(
            "SELECT attempt, campaign, case_id, dialled_at, answered_at FROM attempts WHERE open = 1
             ORDER BY dialled_at DESC, attempt DESC LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))
    }

    /// What each node has on its trunk, and how many calls it has dialled from a moment on, of late: nodes without either
    /// are left out.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn node_loads(&self, since: WallTime) -> Result<Vec<NodeLoad>, StoreError> {
        sqlx::query_as(
            "SELECT node, CAST(sum(up) AS BIGINT) AS calls, CAST(sum(late) AS BIGINT) AS dialled
             FROM (SELECT owner AS node, 1 AS up, CASE WHEN dialled_at >= $1 THEN 1 ELSE 0 END AS late
                   FROM attempts WHERE open = 1
                   UNION ALL
                   SELECT a.owner AS node, 0 AS up, 1 AS late
                   FROM outcomes AS o JOIN attempts AS a ON a.attempt = o.attempt
                   WHERE o.ended_at >= $1 AND a.dialled_at >= $1 AND a.open = 0) AS each_call
             GROUP BY node ORDER BY node",
        )
        .bind(since.unix_millis())
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))
    }

    /// What came of each campaign's calls that ended from a moment on.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn tallies(&self, since: WallTime) -> Result<Vec<Tally>, StoreError> {
        let sql = format!(
            "SELECT campaign, {TALLY} FROM outcomes WHERE ended_at >= $1 GROUP BY campaign ORDER BY campaign"
        );
        sqlx::query_as(AssertSqlSafe(sql))
            .bind(since.unix_millis())
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.sql(e))
    }

    /// Results of a campaign's calls, or of all, that ended between two moments; hours by a clock that is so far
    /// ahead of UTC \[minutes\].
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn results(
        &self,
        campaign: Option<&CampaignId>,
        (since, until): (WallTime, WallTime),
        ahead_min: i32,
    ) -> Result<Vec<Cell>, StoreError> {
        let field = |column: &str, path: &str| json_field(&self.location, column, path);
        let cents = match self.location {
            Location::File(_) => "CAST(round(o.promise_amount * 100) AS BIGINT)",
            Location::Server { .. } => "CAST(o.promise_amount::numeric * 100 AS BIGINT)",
        };
        let sql = format!(
            "SELECT disposition, answered_by, identity, script, kind, grade, hour, count(*) AS calls,
                    CAST(sum(promise) AS BIGINT) AS promises, CAST(sum(due) AS BIGINT) AS due,
                    CAST(sum(kept) AS BIGINT) AS kept, CAST(sum(kept_in_part) AS BIGINT) AS kept_in_part,
                    CAST(sum(cents) AS BIGINT) AS promised,
                    CAST(sum(talk) AS BIGINT) AS talk_ms
             FROM (SELECT o.effective AS disposition, o.answered_by AS answered_by, o.identity AS identity,
                      coalesce({}, {}, '') AS script, coalesce({}, '') AS kind, coalesce({}, '') AS grade,
                      (o.dialled_at / 60000 + $4) / 60 % 24 AS hour,
                      CASE WHEN o.promise_date IS NULL THEN 0 ELSE 1 END AS promise,
                      coalesce(p.due, 0) AS due,
                      CASE WHEN p.due = 1 AND p.state = 'kept' THEN 1 ELSE 0 END AS kept,
                      CASE WHEN p.due = 1 AND p.state = 'kept_in_part' THEN 1 ELSE 0 END AS kept_in_part,
                      CASE WHEN o.promise_amount IS NULL THEN 0 ELSE {cents} END AS cents,
                      coalesce(o.ended_at - o.answered_at, 0) AS talk
                   FROM outcomes AS o LEFT JOIN cases AS c ON c.case_id = o.case_id
                      LEFT JOIN promises AS p ON p.attempt = o.attempt
                   WHERE ($1 IS NULL OR o.campaign = $1) AND o.ended_at >= $2 AND o.ended_at < $3) AS each_call
             GROUP BY disposition, answered_by, identity, script, kind, grade, hour",
            field("o.record", "script.variant"),
            field("o.record", "script.name"),
            field("c.record", "kind"),
            field("c.record", "risk_grade"),
        );
        sqlx::query_as(AssertSqlSafe(sql))
            .bind(campaign.map(CampaignId::as_str))
            .bind(since.unix_millis())
            .bind(until.unix_millis())
            .bind(i64::from(ahead_min))
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.sql(e))
    }
}

/// A field of a column that holds JSON, by its path with dots: each database reads it in its own words.
pub(crate) fn json_field(location: &Location, column: &str, path: &str) -> String {
    match location {
        Location::File(_) => format!("json_extract({column}, '$.{path}')"),
        Location::Server { .. } => format!("{column}::json #>> '{{{}}}'", path.replace('.', ",")),
    }
}
