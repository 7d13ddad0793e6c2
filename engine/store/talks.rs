//! Which agent had which call, and what they put down of it: rows beside the outcome, and the outcome's next revision,
//! with another verdict on its case.

use sqlx::FromRow;
use waihu_campaign::{Past, Settings, Strategy};
use waihu_types::{
    AttemptId, CampaignId, Case, CaseId, DebtorId, Disposition, Handover, HandoverResult, Outcome, Promise,
    Redial, WallTime,
};

use crate::{
    Store, StoreError,
    attempts::number_lock,
    events::Happened,
    outcomes::{OnFile, read},
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

#[derive(FromRow)]
struct WrappedRow {
    agent: String,
    disposition: Option<String>,
    notes: Option<String>,
    promise: Option<String>,
}

impl WrappedRow {
    /// Puts what it tells over what others put down before.
    fn amend(self, outcome: &mut Outcome) -> Result<(), serde_json::Error> {
        let how: Option<Disposition> =
            self.disposition.map(|word| serde_json::from_value(word.into())).transpose()?;
        let promise: Option<Promise> = self.promise.map(|text| serde_json::from_str(&text)).transpose()?;
        // Who promises has said how it ended.
        let how = how.or(promise.as_ref().map(|_| Disposition::PromiseToPay));
        // What was filed for a dead process knows of no agent.
        let met = || Handover::of(self.agent, HandoverResult::Joined);
        let handover = outcome.handover.get_or_insert_with(met);
        handover.disposition = how.or(handover.disposition);
        handover.notes = self.notes.filter(|notes| !notes.is_empty()).or(handover.notes.take());
        outcome.promise = promise.or(outcome.promise.take());
        Ok(())
    }
}

/// What of an outcome decides what is done with its case next.
fn decides(outcome: &Outcome) -> (Disposition, Option<&Promise>) {
    (outcome.effective_disposition(), outcome.promise.as_ref())
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

    /// An outcome with what agents put down of its call; where several did, the last word stands. Where that is another
    /// end, the verdict on the case is another too: that of `before`, where the same was filed already.
    pub(crate) async fn wrapped(
        &self,
        tx: &mut Tx,
        outcome: Outcome,
        before: Option<&Outcome>,
    ) -> Result<Outcome, StoreError> {
        let rows: Vec<WrappedRow> = sqlx::query_as(
            "SELECT agent, disposition, notes, promise FROM talks WHERE attempt = $1 AND wrapped_at IS NOT NULL
             ORDER BY wrapped_at, agent",
        )
        .bind(outcome.attempt.as_str())
        .fetch_all(&mut **tx)
        .await
        .map_err(|e| self.sql(e))?;
        if rows.is_empty() {
            return Ok(outcome);
        }
        let mut amended = outcome.clone();
        if let Some(handover) = &mut amended.handover {
            (handover.disposition, handover.notes) = (None, None);
        }
        for row in rows {
            row.amend(&mut amended).map_err(|source| StoreError::Record {
                of: format!("a talk of {}", outcome.attempt),
                source,
            })?;
        }
        if decides(&amended) != decides(&outcome) {
            amended.redial = match before.filter(|before| decides(before) == decides(&amended)) {
                Some(before) => before.redial.clone(),
                None => self.verdict(tx, &amended).await?,
            };
        }
        Ok(amended)
    }

    /// The verdict on the case of a call, by how it ended: its campaign's strategy has it, or else the shipped ladder.
    async fn verdict(&self, tx: &mut Tx, outcome: &Outcome) -> Result<Redial, StoreError> {
        let json = |source| StoreError::Record { of: outcome.case.to_string(), source };
        let case: Option<String> = sqlx::query_scalar("SELECT record FROM cases WHERE case_id = $1")
            .bind(outcome.case.as_str())
            .fetch_optional(&mut **tx)
            .await
            .map_err(|e| self.sql(e))?;
        let case: Option<Case> = case.map(|text| serde_json::from_str(&text)).transpose().map_err(json)?;
        let zone = case.as_ref().map_or("UTC", |case| case.time_zone.as_str());
        let mut past = self.tried_before(tx, outcome, zone).await?;
        let this = Past::of(outcome, zone);
        past.push(this.clone());
        let by: Option<(String, String)> =
            sqlx::query_as("SELECT settings, strategy FROM campaigns WHERE campaign = $1")
                .bind(outcome.campaign.as_ref().map(CampaignId::as_str))
                .fetch_optional(&mut **tx)
                .await
                .map_err(|e| self.sql(e))?;
        // One that cannot be read is not dialled either.
        let by = by.and_then(|(settings, strategy)| {
            let settings: Settings = serde_json::from_str(&settings).ok()?;
            Some((settings, Strategy::parse("strategy", &strategy).ok()?))
        });
        Ok(match (&case, &by) {
            (Some(case), Some((settings, strategy))) => strategy.redial(settings, case, &past),
            // What closed the case, or was agreed, stands by itself.
            _ if this.closed.is_some() || this.callback_at.is_some() => outcome.redial.clone(),
            _ => {
                let attempts = u32::try_from(past.len()).unwrap_or(u32::MAX);
                waihu_campaign::redial(this.disposition, this.ended_at, attempts)
            }
        })
    }

    /// What was tried for a call's case in its campaign before it, in the order of time.
    async fn tried_before(
        &self,
        tx: &mut Tx,
        outcome: &Outcome,
        zone: &str,
    ) -> Result<Vec<Past>, StoreError> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT attempt, record FROM outcomes
             WHERE campaign = $1 AND case_id = $2 AND attempt <> $3 AND ended_at <= $4 ORDER BY ended_at, attempt",
        )
        .bind(outcome.campaign.as_ref().map(CampaignId::as_str))
        .bind(outcome.case.as_str())
        .bind(outcome.attempt.as_str())
        .bind(outcome.ended_at.unix_millis())
        .fetch_all(&mut **tx)
        .await
        .map_err(|e| self.sql(e))?;
        rows.iter().map(|(attempt, record)| Ok(Past::of(&read(attempt, record)?, zone))).collect()
    }

    /// Adds what agents put down of a call to its outcome, as the next revision, moves its case by it and tells others,
    /// all at once; who is about to call that number elsewhere waits for it. False where the outcome is not filed yet,
    /// which takes it in when it is.
    ///
    /// # Errors
    /// When it could not be read or written.
    pub async fn amend_outcome(&self, attempt: &AttemptId) -> Result<bool, StoreError> {
        let number = self.attempt(attempt).await?.map(|known| number_lock(&known.begun.callee));
        let Some(mut tx) = self.write_of_with(attempt, number).await? else { return Ok(true) };
        let Some(OnFile { outcome: before, filed, revision }) = self.on_file(&mut tx, attempt).await? else {
            return tx.commit().await.map(|()| false).map_err(|e| self.sql(e));
        };
        let outcome = self.wrapped(&mut tx, before.clone(), None).await?;
        if outcome != before {
            let revision = revision + 1;
            self.insert(&mut tx, &outcome, filed, revision).await?;
            if outcome.redial != before.redial {
                self.move_anew(&mut tx, &outcome).await?;
            }
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
