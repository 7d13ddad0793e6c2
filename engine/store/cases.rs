//! The lender's cases, as they were last told.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, FromRow};
use waihu_types::{Case, CaseId, WallTime};

use crate::{
    Store, StoreError,
    events::Happened,
    write::{Tx, placeholders, slices},
};

/// How a case stands with the lender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CaseState {
    /// It is to be called about.
    Open,
    /// It was paid.
    Paid,
    /// The lender took it back.
    Withdrawn,
}

impl CaseState {
    /// The word in the store.
    pub fn label(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The same for readers of Mandarin.
    pub fn label_zh(self) -> &'static str {
        match self {
            Self::Open => "待催",
            Self::Paid => "已还",
            Self::Withdrawn => "已撤回",
        }
    }

    pub(crate) fn read(word: &str) -> Self {
        match word {
            "paid" => Self::Paid,
            "withdrawn" => Self::Withdrawn,
            // The table knows no fourth word.
            _ => Self::Open,
        }
    }
}

/// A case with how it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredCase {
    /// The case.
    pub case: Case,
    /// How it stands.
    pub state: CaseState,
    /// 1, and one more with each change.
    pub revision: i64,
    /// When it changed last.
    pub changed_at: WallTime,
}

/// What an import came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Cases that were not there before.
    pub new: usize,
    /// Cases of which something is another now.
    pub changed: usize,
    /// Cases that were there just so.
    pub same: usize,
}

impl std::ops::AddAssign for Imported {
    fn add_assign(&mut self, other: Self) {
        self.new += other.new;
        self.changed += other.changed;
        self.same += other.same;
    }
}

impl Store {
    /// Takes cases over as they are told now, all of them or none. The same case again changes nothing; one
    /// that was paid or withdrawn stays so. Of one that is there twice the last counts. All else that wants to
    /// write waits meanwhile: some thousands at a time.
    ///
    /// # Errors
    /// When they cannot be written.
    pub async fn import(&self, cases: &[Case], now: WallTime) -> Result<Imported, StoreError> {
        let mut last: BTreeMap<&str, &Case> = BTreeMap::new();
        last.extend(cases.iter().map(|case| (case.id.as_str(), case)));
        let rows: Vec<(&str, String)> = last
            .into_iter()
            .map(|(id, case)| Ok((id, serde_json::to_string(case)?)))
            .collect::<Result<_, serde_json::Error>>()
            .map_err(|e| StoreError::Record { of: "a case".to_owned(), source: e })?;
        let mut tx = self.write_alone(&["import".to_owned()]).await?;
        let mut imported = Imported { same: cases.len(), ..Imported::default() };
        for some in slices(&rows) {
            let sql = format!(
                "INSERT INTO cases (case_id, record, sha256, state, revision, changed_at)
                 SELECT column1, column2, column3, 'open', 1, $1 FROM (VALUES {}) AS told WHERE true
                 ON CONFLICT (case_id) DO UPDATE SET record = excluded.record, sha256 = excluded.sha256,
                    revision = cases.revision + 1, changed_at = excluded.changed_at
                    WHERE cases.sha256 <> excluded.sha256
                 RETURNING case_id, revision, state",
                placeholders(2, some.len(), 3)
            );
            let mut upsert = sqlx::query_as(AssertSqlSafe(sql)).bind(now.unix_millis());
            for (id, record) in some {
                upsert = upsert.bind(*id).bind(record).bind(hex::encode(Sha256::digest(record)));
            }
            let done: Vec<(String, i64, String)> =
                upsert.fetch_all(&mut *tx).await.map_err(|e| self.sql(e))?;
            for (id, revision, state) in done {
                imported.same -= 1;
                if revision == 1 {
                    imported.new += 1;
                } else {
                    imported.changed += 1;
                    tell_case(&mut tx, &id.parse()?, CaseState::read(&state), revision, now);
                }
            }
        }
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(imported)
    }

    /// Says how a case stands. One that is not open is called no more, in no campaign, from the commit on; the
    /// engines stop those that ring.
    ///
    /// # Errors
    /// [`StoreError::UnknownCase`], [`StoreError::Revised`] where `expected` names another revision, or that
    /// it cannot be written.
    pub async fn set_case_state(
        &self,
        case: &CaseId,
        state: CaseState,
        expected: Option<i64>,
        now: WallTime,
    ) -> Result<i64, StoreError> {
        let mut tx = self.write_alone(&[format!("case:{case}")]).await?;
        let found: Option<(String, i64)> =
            sqlx::query_as("SELECT state, revision FROM cases WHERE case_id = $1")
                .bind(case.as_str())
                .fetch_optional(&mut *tx)
                .await
                .map_err(|e| self.sql(e))?;
        let (before, revision) = found.ok_or_else(|| StoreError::UnknownCase(case.clone()))?;
        if expected.is_some_and(|expected| expected != revision) {
            return Err(StoreError::Revised { of: case.to_string(), revision });
        }
        if before == state.label() {
            return tx.commit().await.map(|()| revision).map_err(|e| self.sql(e));
        }
        let revision = revision + 1;
        let done = sqlx::query(
            "UPDATE cases SET state = $2, revision = $3, changed_at = $4 WHERE case_id = $1 AND revision = $3 - 1",
        )
        .bind(case.as_str())
        .bind(state.label())
        .bind(revision)
        .bind(now.unix_millis())
        .execute(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        if done.rows_affected() == 0 {
            return Err(StoreError::Revised { of: case.to_string(), revision });
        }
        self.requeue(&mut tx, case, state, now).await?;
        tell_case(&mut tx, case, state, revision, now);
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(revision)
    }

    /// A case; none where there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn case(&self, case: &CaseId) -> Result<Option<StoredCase>, StoreError> {
        let row: Option<CaseRow> = sqlx::query_as(
            "SELECT case_id, record, state, revision, changed_at FROM cases WHERE case_id = $1",
        )
        .bind(case.as_str())
        .fetch_optional(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        row.map(CaseRow::case).transpose()
    }

    /// Cases in the order of their ids, after one, at most so many.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn cases_page(
        &self,
        after: Option<&CaseId>,
        limit: u32,
    ) -> Result<Vec<StoredCase>, StoreError> {
        let rows: Vec<CaseRow> = sqlx::query_as(
            "SELECT case_id, record, state, revision, changed_at FROM cases
             WHERE case_id > $1 ORDER BY case_id LIMIT $2",
        )
        // No id is empty.
        .bind(after.map_or("", CaseId::as_str))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        rows.into_iter().map(CaseRow::case).collect()
    }
}

fn tell_case(tx: &mut Tx, case: &CaseId, state: CaseState, revision: i64, now: WallTime) {
    let happened = Happened {
        key: format!("case:{case}:{revision}"),
        kind: "case",
        at: now,
        campaign: None,
        case: Some(case),
        attempt: None,
        body: serde_json::json!({ "state": state.label(), "revision": revision }),
    };
    tx.tell(happened);
}

#[derive(FromRow)]
pub(crate) struct CaseRow {
    pub(crate) case_id: String,
    record: String,
    state: String,
    revision: i64,
    changed_at: i64,
}

impl CaseRow {
    pub(crate) fn case(self) -> Result<StoredCase, StoreError> {
        Ok(StoredCase {
            case: serde_json::from_str(&self.record)
                .map_err(|e| StoreError::Record { of: self.case_id, source: e })?,
            state: CaseState::read(&self.state),
            revision: self.revision,
            changed_at: WallTime::from_unix_millis(self.changed_at),
        })
    }
}
