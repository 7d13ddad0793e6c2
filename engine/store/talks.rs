//! Which agent had which call, and what they put down of it: rows beside the outcome, and the outcome's next revision.

use sqlx::FromRow;
use waihu_types::{AttemptId, CaseId, DebtorId, Disposition, Outcome, Promise, WallTime};

use crate::{
    Store, StoreError,
    events::Happened,
    outcomes::{Filed, read},
    write::Tx,
};

/// What an agent put down of a call.
#[derive(Clone, PartialEq, Eq)]
pub struct WrapUp {
    /// Which call.
    pub attempt: AttemptId,
    /// Who: as at the switchboard.
    pub agent: String,
    /// What came of it, as they see it.
    pub disposition: Option<Disposition>,
    /// What is to be known of it; empty where nothing is.
    pub notes: String,
    /// What was promised.
    pub promise: Option<Promise>,
}

impl std::fmt::Debug for WrapUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WrapUp({})", self.attempt)
    }
}

impl WrapUp {
    fn amend(&self, outcome: &mut Outcome) {
        if let Some(handover) = &mut outcome.handover {
            handover.disposition = self.disposition;
            handover.notes = Some(self.notes.clone()).filter(|notes| !notes.is_empty());
        }
        if let Some(promise) = &self.promise {
            outcome.promise = Some(promise.clone());
        }
    }
}

#[derive(FromRow)]
struct WrappedRow {
    agent: String,
    disposition: Option<String>,
    notes: Option<String>,
    promise: Option<String>,
}

impl Store {
    /// An agent has a call from here on.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn begin_talk(
        &self,
        (attempt, agent): (&AttemptId, &str),
        (case, debtor): (&CaseId, Option<&DebtorId>),
        at: WallTime,
    ) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO talks (attempt, agent, case_id, debtor, joined_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (attempt, agent) DO UPDATE SET ended_at = NULL",
        )
        .bind(attempt.as_str())
        .bind(agent)
        .bind(case.as_str())
        .bind(debtor.map(DebtorId::as_str))
        .bind(at.unix_millis());
        self.change(statement).await.map(drop)
    }

    /// An agent has a call no longer.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn end_talk(&self, attempt: &AttemptId, agent: &str, at: WallTime) -> Result<(), StoreError> {
        let statement = sqlx::query("UPDATE talks SET ended_at = $3 WHERE attempt = $1 AND agent = $2")
            .bind(attempt.as_str())
            .bind(agent)
            .bind(at.unix_millis());
        self.change(statement).await.map(drop)
    }

    /// Who spoke last with the debtor of a case, of whatever case that was; none where nobody did.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn last_agent(
        &self,
        case: &CaseId,
        debtor: Option<&DebtorId>,
    ) -> Result<Option<String>, StoreError> {
        sqlx::query_scalar(
            "SELECT agent FROM talks WHERE case_id = $1 OR debtor = $2 ORDER BY joined_at DESC LIMIT 1",
        )
        .bind(case.as_str())
        .bind(debtor.map(DebtorId::as_str))
        .fetch_optional(&self.pool)
        .await
        .map_err(|e| self.sql(e))
    }

    /// Keeps what an agent put down of a call that they had; the last time stands. False where they had none such.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn wrap_up(&self, it: &WrapUp, now: WallTime) -> Result<bool, StoreError> {
        let promise = it.promise.as_ref().and_then(|p| serde_json::to_string(p).ok());
        let Some(mut tx) = self.write_of(&it.attempt).await? else { return Ok(false) };
        let statement = sqlx::query(
            "UPDATE talks SET disposition = $3, notes = $4, promise = $5, wrapped_at = $6
             WHERE attempt = $1 AND agent = $2",
        )
        .bind(it.attempt.as_str())
        .bind(it.agent.as_str())
        .bind(it.disposition.map(Disposition::label))
        .bind(it.notes.as_str())
        .bind(promise)
        .bind(now.unix_millis());
        let kept = statement.execute(&mut *tx).await.map_err(|e| self.sql(e))?.rows_affected();
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(kept == 1)
    }

    /// An outcome that is about to be filed, with what agents put down of the call while it went on.
    pub(crate) async fn wrapped(&self, tx: &mut Tx, mut outcome: Outcome) -> Result<Outcome, StoreError> {
        let rows: Vec<WrappedRow> = sqlx::query_as(
            "SELECT agent, disposition, notes, promise FROM talks WHERE attempt = $1 AND wrapped_at IS NOT NULL
             ORDER BY wrapped_at, agent",
        )
        .bind(outcome.attempt.as_str())
        .fetch_all(&mut **tx)
        .await
        .map_err(|e| self.sql(e))?;
        let json = |source| StoreError::Record { of: format!("a talk of {}", outcome.attempt), source };
        let mut wrap_ups = Vec::with_capacity(rows.len());
        for WrappedRow { agent, disposition, notes, promise } in rows {
            wrap_ups.push(WrapUp {
                attempt: outcome.attempt.clone(),
                agent,
                disposition: disposition
                    .map(|word| serde_json::from_value(word.into()))
                    .transpose()
                    .map_err(json)?,
                notes: notes.unwrap_or_default(),
                promise: promise.map(|text| serde_json::from_str(&text)).transpose().map_err(json)?,
            });
        }
        for wrap_up in &wrap_ups {
            wrap_up.amend(&mut outcome);
        }
        Ok(outcome)
    }

    /// Adds what an agent put down to the outcome of the call, as its next revision, and tells others. False where the
    /// outcome is not filed yet, which takes it in when it is.
    ///
    /// # Errors
    /// When it could not be read or written.
    pub async fn amend_outcome(&self, it: &WrapUp) -> Result<bool, StoreError> {
        let Some(mut tx) = self.write_of(&it.attempt).await? else { return Ok(true) };
        let before: Option<(String, i64)> =
            sqlx::query_as("SELECT record, revision FROM outcomes WHERE attempt = $1")
                .bind(it.attempt.as_str())
                .fetch_optional(&mut *tx)
                .await
                .map_err(|e| self.sql(e))?;
        let Some((record, revision)) = before else {
            return tx.commit().await.map(|()| false).map_err(|e| self.sql(e));
        };
        let before = read(it.attempt.as_str(), &record)?;
        let mut outcome = before.clone();
        it.amend(&mut outcome);
        if outcome != before {
            let revision = revision + 1;
            self.insert(&mut tx, &outcome, Filed::Lived, revision).await?;
            tx.tell(Happened {
                key: format!("{}:{revision}", outcome.attempt),
                kind: "outcome",
                at: outcome.ended_at,
                campaign: outcome.campaign.as_ref(),
                case: Some(&outcome.case),
                attempt: Some(&outcome.attempt),
                body: serde_json::json!({ "outcome": outcome, "revision": revision }),
            });
        }
        tx.commit().await.map(|()| true).map_err(|e| self.sql(e))
    }
}
