//! What became of promises: looked at again whenever their case has changed, and when a day of theirs is over.
//!
//! The database marks them (`look_at`), so that no program has to know which. How it is judged is `campaign`'s.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, FromRow};
use waihu_campaign::fate::{Fate, Promised, Told, fall, judge};
use waihu_types::{AttemptId, CaseId, Promise, PromiseState, WallTime};

use crate::{
    CaseState, Store, StoreError,
    board::json_field,
    outcomes::read,
    pages::{FiledOutcome, FiledRow, filed},
    write::{Tx, placeholders, slices},
};

/// Cases whose promises are looked at in one write: others wait no longer than for some calls.
const AT_ONCE: i64 = 32;

/// A promise as it stands on file.
#[derive(FromRow)]
struct OnFile {
    attempt: String,
    case_id: String,
    state: String,
    record: String,
    ended_at: i64,
    time_zone: Option<String>,
}

/// What the lender told of a case about which something had been promised. `Debug` hides it: it is personal data.
#[derive(Clone, PartialEq, Eq, FromRow)]
pub struct CaseChange {
    case_id: String,
    /// When \[ms since the Unix epoch\].
    pub at: i64,
    /// How the case stands from then on.
    pub state: String,
    /// What was due before; none where it was in another currency, or is not known.
    pub due_before: Option<String>,
    /// What is due; none where it is not known.
    pub due: Option<String>,
    /// What the lender says of the last promise, where it says anything.
    pub promise: Option<String>,
    /// The day of that promise.
    pub promise_date: Option<String>,
}

impl std::fmt::Debug for CaseChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CaseChange({} …)", self.state)
    }
}

impl CaseChange {
    fn told(&self) -> Told {
        let state = CaseState::read(&self.state);
        let word = |word: &str| word.parse::<PromiseState>().ok();
        let said = self.promise.as_deref().and_then(word);
        Told {
            at: WallTime::from_unix_millis(self.at),
            paid: state == CaseState::Paid,
            withdrawn: state == CaseState::Withdrawn,
            fell: fall(self.due_before.as_deref(), self.due.as_deref()),
            word: said.zip(self.promise_date.as_deref().and_then(|day| day.parse().ok())),
        }
    }
}

impl Store {
    /// Looks at the promises that may stand otherwise by now; of how many something else became. While another node
    /// imports cases, or is at this itself, they are left to a later look.
    ///
    /// # Errors
    /// When they cannot be read or written.
    pub async fn judge_promises(&self, now: WallTime) -> Result<usize, StoreError> {
        let mut changed = 0;
        loop {
            let found: Vec<String> = sqlx::query_scalar(
                "SELECT case_id FROM promises WHERE look_at <= $1 ORDER BY look_at LIMIT $2",
            )
            .bind(now.unix_millis())
            .bind(AT_ONCE)
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.sql(e))?;
            let cases: Vec<String> = found.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
            if cases.is_empty() {
                return Ok(changed);
            }
            let things: Vec<String> = cases.iter().map(|case| format!("case:{case}")).collect();
            let mut tx = self.write_alone(&things).await?;
            // What an import changes as well. Whoever waits here has all that this node writes of its calls wait.
            if !self.take_alone(&mut tx, "import").await? {
                return Ok(changed);
            }
            changed += self.judge_cases(&mut tx, &cases, now).await?;
            tx.commit().await.map_err(|e| self.sql(e))?;
        }
    }

    async fn judge_cases(&self, tx: &mut Tx, cases: &[String], now: WallTime) -> Result<usize, StoreError> {
        let these = placeholders(1, 1, cases.len());
        let zone = json_field(&self.location, "c.record", "time_zone");
        let promises = format!(
            "SELECT p.attempt AS attempt, p.case_id AS case_id, p.state AS state, o.record AS record,
                    o.ended_at AS ended_at, {zone} AS time_zone
             FROM promises AS p JOIN outcomes AS o ON o.attempt = p.attempt
             LEFT JOIN cases AS c ON c.case_id = p.case_id
             WHERE p.case_id IN {these} ORDER BY p.case_id, o.ended_at, p.attempt"
        );
        let mut promises = sqlx::query_as(AssertSqlSafe(promises));
        let changes = format!(
            "SELECT case_id, at, state, due_before, due, promise, promise_date FROM case_changes
             WHERE case_id IN {these} ORDER BY case_id, revision"
        );
        let mut changes = sqlx::query_as(AssertSqlSafe(changes));
        for case in cases {
            (promises, changes) = (promises.bind(case.as_str()), changes.bind(case.as_str()));
        }
        let promises: Vec<OnFile> = promises.fetch_all(&mut **tx).await.map_err(|e| self.sql(e))?;
        let changes: Vec<CaseChange> = changes.fetch_all(&mut **tx).await.map_err(|e| self.sql(e))?;
        let mut told: BTreeMap<&str, Vec<Told>> = BTreeMap::new();
        for change in &changes {
            told.entry(&change.case_id).or_default().push(change.told());
        }
        let mut changed = 0;
        for (n, on_file) in promises.iter().enumerate() {
            let next = promises.get(n + 1).filter(|next| next.case_id == on_file.case_id);
            let promise = read(&on_file.attempt, &on_file.record)?.promise;
            let told = told.get(on_file.case_id.as_str()).map(Vec::as_slice).unwrap_or_default();
            changed += usize::from(self.judge_one(tx, on_file, (promise, next), told, now).await?);
        }
        Ok(changed)
    }

    /// Writes down how a promise stands; whether that is something else than before.
    async fn judge_one(
        &self,
        tx: &mut Tx,
        on_file: &OnFile,
        (promise, next): (Option<Promise>, Option<&OnFile>),
        told: &[Told],
        now: WallTime,
    ) -> Result<bool, StoreError> {
        let at = WallTime::from_unix_millis;
        let judged = promise.map(|promise| {
            let promised = Promised {
                promise: &promise,
                at: at(on_file.ended_at),
                next: next.map(|next| at(next.ended_at)),
                // Of a case that is not here.
                zone: on_file.time_zone.as_deref().unwrap_or("Asia/Shanghai"),
            };
            judge(&promised, on_file.time_zone.as_ref().map(|_| told), now)
        });
        let fate = judged.map_or(Fate::Unknown, |judged| judged.fate);
        sqlx::query("UPDATE promises SET state = $2, due_at = $3, due = $4, look_at = $5 WHERE attempt = $1")
            .bind(on_file.attempt.as_str())
            .bind(fate.label())
            .bind(judged.map(|judged| judged.due_at.unix_millis()))
            .bind(i64::from(judged.is_some_and(|judged| judged.is_due)))
            .bind(judged.and_then(|judged| judged.look_at).map(WallTime::unix_millis))
            .execute(&mut **tx)
            .await
            .map_err(|e| self.sql(e))?;
        Ok(on_file.state != fate.label())
    }

    /// What the lender told of a case from its first promise on, in its order.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn case_changes(&self, case: &CaseId) -> Result<Vec<CaseChange>, StoreError> {
        sqlx::query_as(
            "SELECT case_id, at, state, due_before, due, promise, promise_date FROM case_changes
             WHERE case_id = $1 ORDER BY revision",
        )
        .bind(case.as_str())
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))
    }

    /// What became of the promises of calls, as it was looked at last; a call without one is left out, and so is one
    /// of before this was kept.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn fates(&self, attempts: &[&AttemptId]) -> Result<BTreeMap<AttemptId, Fate>, StoreError> {
        let mut fates = BTreeMap::new();
        for some in slices(attempts) {
            let these = placeholders(1, 1, some.len());
            let sql = format!("SELECT attempt, state FROM promises WHERE attempt IN {these}");
            let mut query = sqlx::query_as(AssertSqlSafe(sql));
            for attempt in some {
                query = query.bind(attempt.as_str());
            }
            let rows: Vec<(String, String)> = query.fetch_all(&self.pool).await.map_err(|e| self.sql(e))?;
            for (attempt, state) in rows {
                if let Some(fate) = Fate::of_label(&state) {
                    fates.insert(attempt.parse()?, fate);
                }
            }
        }
        Ok(fates)
    }

    /// The outcomes of those of these calls in which something was promised, in the order in which the calls ended.
    ///
    /// # Errors
    /// When one cannot be read.
    pub async fn promised(&self, attempts: &[&AttemptId]) -> Result<Vec<FiledOutcome>, StoreError> {
        let mut promised = Vec::new();
        for some in slices(attempts) {
            let these = placeholders(1, 1, some.len());
            let sql = format!(
                "SELECT o.attempt, o.record, o.recovered, p.state FROM outcomes AS o
                 LEFT JOIN promises AS p ON p.attempt = o.attempt
                 WHERE o.attempt IN {these} AND o.promise_date IS NOT NULL"
            );
            let mut query = sqlx::query_as(AssertSqlSafe(sql));
            for attempt in some {
                query = query.bind(attempt.as_str());
            }
            let rows: Vec<FiledRow> = query.fetch_all(&self.pool).await.map_err(|e| self.sql(e))?;
            for row in &rows {
                promised.push(filed(row)?);
            }
        }
        let end = |filed: &FiledOutcome| (filed.outcome.ended_at, filed.outcome.attempt.clone());
        promised.sort_by_key(end);
        Ok(promised)
    }
}
