//! The queue: where each case stands in each of its campaigns, and who is calling it.
//!
//! A row is `waiting` until its moment, `ready` until it is its turn, `leased` by the node that calls it, `done`
//! when its campaign has no more to do with it. What an attempt comes to moves it (`Store::file`).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sqlx::{AssertSqlSafe, FromRow};
use waihu_campaign::{Settings, Strategy};
use waihu_types::{CampaignId, Case, CaseId, Outcome, Redial, WallTime};

use crate::{
    CaseState, Location, Store, StoreError, StoredCase,
    attempts::redial_columns,
    cases::CaseRow,
    write::{Tx, placeholders, slices},
};

/// As many as are sorted in some milliseconds.
pub(crate) const FEW: i64 = 10_000;

/// Where a case is to stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The case.
    pub case: CaseId,
    /// Of the cases that are ready, the highest is called first.
    pub rank: i64,
    /// From when it is ready.
    pub due_at: WallTime,
    /// The rule that put it there.
    pub why: String,
}

impl Placement {
    /// Where a case stands that was never called in a campaign; none where the strategy does not call it.
    pub fn first(strategy: &Strategy, settings: &Settings, case: &Case, now: WallTime) -> Option<Self> {
        match strategy.place(settings, case, &[], now) {
            waihu_campaign::Placement::Call(next) => {
                Some(Self { case: case.id.clone(), rank: next.rank, due_at: next.due_at, why: next.why })
            }
            waihu_campaign::Placement::Never { .. } => None,
        }
    }
}

/// A case that this node is to call.
#[derive(Clone, Debug, PartialEq)]
pub struct Picked {
    /// The case.
    pub stored: StoredCase,
    /// Its rank.
    pub rank: i64,
    /// The rule that made it due.
    pub why: String,
}

/// How many cases of a campaign stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not due yet.
    pub waiting: u64,
    /// To be called.
    pub ready: u64,
    /// Being called.
    pub leased: u64,
    /// Over.
    pub done: u64,
    /// The first moment at which one of those that wait is due.
    pub next_due: Option<WallTime>,
}

impl Store {
    /// Puts cases into a campaign's queue. One that is in it already only takes its new rank, where it waits or
    /// is ready: its moment hangs on what was tried. How many are new or have a rank.
    ///
    /// # Errors
    /// [`StoreError::UnknownCampaign`] and [`StoreError::UnknownCase`], or that it cannot be written; then none is.
    pub async fn enqueue(&self, campaign: &CampaignId, placements: &[Placement]) -> Result<u64, StoreError> {
        let mut tx = self.write_alone(&[format!("queue:{campaign}")]).await?;
        let known: Option<String> = sqlx::query_scalar("SELECT state FROM campaigns WHERE campaign = $1")
            .bind(campaign.as_str())
            .fetch_optional(&mut *tx)
            .await
            .map_err(|e| self.sql(e))?;
        if known.is_none() {
            return Err(StoreError::UnknownCampaign(campaign.clone()));
        }
        // Of one that is there twice the last counts.
        let last: BTreeMap<&str, &Placement> = placements.iter().map(|p| (p.case.as_str(), p)).collect();
        let last: Vec<&Placement> = last.into_values().collect();
        let mut placed = 0;
        for some in slices(&last) {
            self.known(&mut tx, some).await?;
            let sql = format!(
                "INSERT INTO queue (campaign, case_id, state, rank, due_at, why, node)
                 SELECT $1, c.case_id, CASE WHEN c.state = 'open' THEN 'waiting' ELSE 'done' END, column2,
                    column3, CASE WHEN c.state = 'open' THEN column4 ELSE c.state END, NULL
                 FROM (VALUES {}) AS told JOIN cases AS c ON c.case_id = column1 WHERE true
                 ON CONFLICT (campaign, case_id) DO UPDATE SET rank = excluded.rank
                    WHERE queue.state IN ('waiting', 'ready')",
                placeholders(2, some.len(), 4)
            );
            let mut upsert = sqlx::query(AssertSqlSafe(sql)).bind(campaign.as_str());
            for p in some {
                upsert = upsert.bind(p.case.as_str()).bind(p.rank).bind(p.due_at.unix_millis()).bind(&p.why);
            }
            placed += upsert.execute(&mut *tx).await.map_err(|e| self.sql(e))?.rows_affected();
        }
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(placed)
    }

    /// Refuses what names a case that is not there.
    async fn known(&self, tx: &mut Tx, placements: &[&Placement]) -> Result<(), StoreError> {
        let sql = format!(
            "SELECT column1 FROM (VALUES {}) AS told
             WHERE NOT EXISTS (SELECT 1 FROM cases AS c WHERE c.case_id = column1) LIMIT 1",
            placeholders(1, placements.len(), 1)
        );
        let mut stranger = sqlx::query_scalar(AssertSqlSafe(sql));
        for placement in placements {
            stranger = stranger.bind(placement.case.as_str());
        }
        let stranger: Option<String> = stranger.fetch_optional(&mut **tx).await.map_err(|e| self.sql(e))?;
        stranger.map_or(Ok(()), |id| Err(StoreError::UnknownCase(id.parse()?)))
    }

    /// Makes cases of a campaign ready whose moment has come, those of the highest rank, at most so many; how many
    /// were.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub async fn sweep(&self, campaign: &CampaignId, now: WallTime, limit: u32) -> Result<u64, StoreError> {
        // Chosen before the write, which looks again whether each waits and is due: who else writes does not wait.
        let due = self.highest_due(campaign, now, limit).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let mut tx = self.write_alone(&[format!("queue:{campaign}")]).await?;
        let mut swept = 0;
        for some in slices(&due) {
            let sql = format!(
                "UPDATE queue SET state = 'ready' FROM (VALUES {}) AS due
                 WHERE campaign = $1 AND case_id = column1 AND coalesce(state, '') = 'waiting' AND due_at + 0 <= $2",
                placeholders(3, some.len(), 1)
            );
            let mut update = sqlx::query(AssertSqlSafe(sql)).bind(campaign.as_str()).bind(now.unix_millis());
            for case in some {
                update = update.bind(case);
            }
            swept += update.execute(&mut *tx).await.map_err(|e| self.sql(e))?.rows_affected();
        }
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(swept)
    }

    /// How many cases of a campaign wait and are due, counted up to [`FEW`].
    pub(crate) async fn count_due(&self, campaign: &str, now: WallTime) -> Result<i64, StoreError> {
        sqlx::query_scalar(
            "SELECT count(*) FROM (SELECT case_id FROM queue WHERE campaign = $1 AND state = 'waiting' AND due_at <= $2
                                   ORDER BY due_at LIMIT $3) AS due",
        )
        .bind(campaign)
        .bind(now.unix_millis())
        .bind(FEW)
        .fetch_one(&self.pool)
        .await
        .map_err(|e| self.sql(e))
    }

    /// The waiting cases of the highest rank that are due; of the same rank those that are due longest.
    async fn highest_due(
        &self,
        campaign: &CampaignId,
        now: WallTime,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let due = self.count_due(campaign.as_str(), now).await?;
        if due == 0 {
            return Ok(Vec::new());
        }
        // Each in the order of an index: few that are due are sorted by their rank, and where many are, the highest
        // of all that wait are looked at until enough of them are due (`+ 0` keeps the other index out of it).
        let of = if due < FEW {
            format!(
                "(SELECT case_id, rank, due_at FROM queue
                  WHERE campaign = $1 AND state = 'waiting' AND due_at <= $2 ORDER BY due_at LIMIT {FEW}) AS due"
            )
        } else {
            "queue WHERE campaign = $1 AND state = 'waiting' AND due_at + 0 <= $2".to_owned()
        };
        let sql = format!("SELECT case_id FROM {of} ORDER BY rank DESC, due_at, case_id LIMIT $3");
        sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(campaign.as_str())
            .bind(now.unix_millis())
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.sql(e))
    }

    /// Takes the next cases of a campaign that are ready, at most so many: no other node takes them as long as
    /// this one lives. Their attempts, or [`Store::put_back`], give them up; what neither did, [`Store::release_but`].
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn pick(&self, campaign: &CampaignId, limit: u32) -> Result<Vec<Picked>, StoreError> {
        let node = self.owner_id()?;
        // Nodes take side by side: each passes over what another is taking. Who fills the queue waits for them.
        let mut tx = self.write_beside(&[format!("queue:{campaign}")]).await?;
        let passing = match self.location {
            Location::File(_) => "",
            Location::Server { .. } => " FOR UPDATE SKIP LOCKED",
        };
        // What is chosen first, in the order of an index, is found by its key after that (`coalesce` keeps the
        // index of what is ready out of it, in which there is no order of cases): an UPDATE over a subquery
        // whose LIMIT is not known yet may be planned as one over the whole queue.
        let next = format!(
            "SELECT case_id FROM queue WHERE campaign = $1 AND state = 'ready'
             ORDER BY rank DESC, case_id LIMIT $2{passing}"
        );
        let next: Vec<String> = sqlx::query_scalar(AssertSqlSafe(next))
            .bind(campaign.as_str())
            .bind(i64::from(limit))
            .fetch_all(&mut *tx)
            .await
            .map_err(|e| self.sql(e))?;
        let mut picked = Vec::with_capacity(next.len());
        for some in slices(&next) {
            let rows = self.take(&mut tx, campaign, &node, some).await?;
            let told = format!(
                "SELECT case_id, record, state, revision, changed_at FROM cases WHERE case_id IN {}",
                placeholders(1, 1, some.len())
            );
            let mut told = sqlx::query_as(AssertSqlSafe(told));
            for case in some {
                told = told.bind(case);
            }
            let told: Vec<CaseRow> = told.fetch_all(&mut *tx).await.map_err(|e| self.sql(e))?;
            let mut told: HashMap<String, CaseRow> =
                told.into_iter().map(|row| (row.case_id.clone(), row)).collect();
            for row in rows {
                if let Some(case) = told.remove(&row.case_id) {
                    picked.push(Picked { stored: case.case()?, rank: row.rank, why: row.why });
                }
            }
        }
        tx.commit().await.map_err(|e| self.sql(e))?;
        // What RETURNING gives has no order.
        picked.sort_by(|a, b| b.rank.cmp(&a.rank).then_with(|| a.stored.case.id.cmp(&b.stored.case.id)));
        Ok(picked)
    }

    /// Makes ready again what this process has taken and does not hold: where the answer to a taking was lost with a
    /// server, or a case could not be put back. `held` is what it is about to call or is calling; nothing is picked
    /// meanwhile. Whose call was begun stays, until that is closed. How many there were.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub async fn release_but(&self, held: &BTreeSet<(CampaignId, CaseId)>) -> Result<u64, StoreError> {
        let node = self.owner_id()?;
        let taken: Vec<(String, String)> =
            sqlx::query_as("SELECT campaign, case_id FROM queue WHERE state = 'leased' AND node = $1")
                .bind(&node)
                .fetch_all(&self.pool)
                .await
                .map_err(|e| self.sql(e))?;
        let held: HashSet<(&str, &str)> = held.iter().map(|(c, case)| (c.as_str(), case.as_str())).collect();
        let left: Vec<_> =
            taken.iter().filter(|(c, case)| !held.contains(&(c.as_str(), case.as_str()))).collect();
        if left.is_empty() {
            return Ok(0);
        }
        let mut tx = self.write().await?;
        let mut released = 0;
        for (campaign, case) in left {
            let update = sqlx::query(
                "UPDATE queue SET state = 'ready', node = NULL
                 WHERE campaign = $1 AND case_id = $2 AND node = $3 AND state = 'leased' AND NOT EXISTS (
                    SELECT 1 FROM attempts AS a WHERE a.campaign = $1 AND a.case_id = $2 AND a.open = 1)",
            );
            let done = update.bind(campaign).bind(case).bind(&node).execute(&mut *tx).await;
            released += done.map_err(|e| self.sql(e))?.rows_affected();
        }
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(released)
    }

    /// Leases cases that are ready still.
    async fn take(
        &self,
        tx: &mut Tx,
        campaign: &CampaignId,
        node: &str,
        cases: &[String],
    ) -> Result<Vec<PickedRow>, StoreError> {
        let sql = format!(
            "UPDATE queue SET state = 'leased', node = $2 FROM (VALUES {}) AS next
             WHERE campaign = $1 AND case_id = column1 AND coalesce(state, '') = 'ready'
             RETURNING case_id, rank, why",
            placeholders(3, cases.len(), 1)
        );
        let mut update = sqlx::query_as(AssertSqlSafe(sql)).bind(campaign.as_str()).bind(node);
        for case in cases {
            update = update.bind(case);
        }
        update.fetch_all(&mut **tx).await.map_err(|e| self.sql(e))
    }

    /// Gives a case up that was picked and not dialled: it waits until `due_at`, or is done where there is none.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn put_back(
        &self,
        campaign: &CampaignId,
        case: &CaseId,
        due_at: Option<WallTime>,
        why: &str,
    ) -> Result<(), StoreError> {
        let node = self.owner_id()?;
        let mut tx = self.write().await?;
        sqlx::query(
            "UPDATE queue SET node = NULL, state = $4, due_at = coalesce($5, due_at), why = $6
             WHERE campaign = $1 AND case_id = $2 AND node = $3",
        )
        .bind(campaign.as_str())
        .bind(case.as_str())
        .bind(node)
        .bind(if due_at.is_some() { "waiting" } else { "done" })
        .bind(due_at.map(WallTime::unix_millis))
        .bind(why)
        .execute(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        tx.commit().await.map_err(|e| self.sql(e))
    }

    /// Lets the engine ask again, from a moment on, about the cases whose place hung on a campaign's days: the
    /// strategy says where they stand now.
    pub(crate) async fn ask_anew(
        &self,
        tx: &mut Tx,
        campaign: &CampaignId,
        from: WallTime,
    ) -> Result<(), StoreError> {
        for statement in [
            "UPDATE queue SET due_at = $2
             WHERE campaign = $1 AND state = 'waiting' AND why LIKE '%campaign_from%'",
            "UPDATE queue SET state = 'waiting', due_at = $2
             WHERE campaign = $1 AND state = 'done' AND why = 'campaign_over'
               AND EXISTS (SELECT 1 FROM cases AS c WHERE c.case_id = queue.case_id AND c.state = 'open')
               AND NOT EXISTS (SELECT 1 FROM outcomes AS o WHERE o.campaign = $1 AND o.case_id = queue.case_id
                               AND o.redial_rule = 'campaign_over')",
        ] {
            sqlx::query(statement)
                .bind(campaign.as_str())
                .bind(from.unix_millis())
                .execute(&mut **tx)
                .await
                .map_err(|e| self.sql(e))?;
        }
        Ok(())
    }

    /// How many cases of a campaign stand where.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn campaign_counts(&self, campaign: &CampaignId) -> Result<Counts, StoreError> {
        let rows: Vec<(String, i64, Option<i64>)> = sqlx::query_as(
            "SELECT state, count(*), min(CASE WHEN state = 'waiting' THEN due_at ELSE NULL END)
             FROM queue WHERE campaign = $1 GROUP BY state",
        )
        .bind(campaign.as_str())
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        let mut counts = Counts::default();
        for (state, count, due) in rows {
            let count = u64::try_from(count).unwrap_or(0);
            match state.as_str() {
                "waiting" => {
                    (counts.waiting, counts.next_due) = (count, due.map(WallTime::from_unix_millis));
                }
                "ready" => counts.ready = count,
                "leased" => counts.leased = count,
                _ => counts.done = count,
            }
        }
        Ok(counts)
    }

    /// The campaigns in which a case is still to be called, by their ids.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn waits_in(&self, case: &CaseId) -> Result<Vec<CampaignId>, StoreError> {
        let ids: Vec<String> = sqlx::query_scalar(
            "SELECT campaign FROM queue WHERE case_id = $1 AND state <> 'done' ORDER BY campaign",
        )
        .bind(case.as_str())
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        ids.iter().map(|id| Ok(id.parse()?)).collect()
    }

    /// How many cases of a campaign are ready, counted up to `most`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn ready(&self, campaign: &CampaignId, most: u32) -> Result<u32, StoreError> {
        let n: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM (SELECT case_id FROM queue WHERE campaign = $1 AND state = 'ready' LIMIT $2) AS r",
        )
        .bind(campaign.as_str())
        .bind(i64::from(most))
        .fetch_one(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        Ok(u32::try_from(n).unwrap_or(u32::MAX))
    }

    /// Whether a case of a stored campaign may be dialled by this node: what stands in the queue.
    pub(crate) async fn queued(
        &self,
        tx: &mut Tx,
        campaign: &CampaignId,
        case: &CaseId,
        (node, seen): (&str, Option<i64>),
    ) -> Result<Option<crate::Refusal>, StoreError> {
        use crate::{CampaignState, Refusal};
        let row: Option<QueuedRow> = sqlx::query_as(
            "SELECT p.state AS campaign, q.node AS node, c.state AS stands, c.revision AS revision FROM campaigns AS p
             LEFT JOIN queue AS q ON q.campaign = p.campaign AND q.case_id = $2
             LEFT JOIN cases AS c ON c.case_id = $2
             WHERE p.campaign = $1",
        )
        .bind(campaign.as_str())
        .bind(case.as_str())
        .fetch_optional(&mut **tx)
        .await
        .map_err(|e| self.sql(e))?;
        // A campaign that has no row is dialled without a queue.
        let Some(QueuedRow { campaign, node: by, stands, revision }) = row else { return Ok(None) };
        let state = CampaignState::read(&campaign);
        let stands = stands.as_deref().map_or(CaseState::Withdrawn, CaseState::read);
        Ok(match (state, stands) {
            (CampaignState::Running, CaseState::Open) if by.as_deref() == Some(node) => {
                (seen.is_some() && seen != revision).then_some(Refusal::CaseChanged)
            }
            (CampaignState::Running, CaseState::Open) => Some(Refusal::NotLeased),
            (CampaignState::Running, settled) => Some(Refusal::CaseSettled(settled)),
            (other, _) => Some(Refusal::NotRunning(other)),
        })
    }

    /// Moves a case by the verdict of an attempt that is over. Where another attempt for it is under way, or the
    /// case was settled meanwhile, it stays where it is.
    pub(crate) async fn move_on(
        &self,
        tx: &mut Tx,
        campaign: &CampaignId,
        case: &CaseId,
        redial: &Redial,
    ) -> Result<(), StoreError> {
        let (_, rule, not_before) = redial_columns(redial);
        // Of a case that was settled while it was called, only the lease ends.
        sqlx::query(
            "UPDATE queue SET node = NULL,
                state = CASE WHEN c.state = 'open' THEN $3 ELSE 'done' END,
                due_at = CASE WHEN c.state = 'open' THEN coalesce($4, due_at) ELSE due_at END,
                why = CASE WHEN c.state = 'open' THEN $5 ELSE c.state END
             FROM cases AS c
             WHERE campaign = $1 AND queue.case_id = $2 AND c.case_id = $2
               AND (c.state = 'open' OR queue.state = 'leased')
               AND NOT EXISTS (SELECT 1 FROM attempts AS a
                               WHERE a.campaign = $1 AND a.case_id = $2 AND a.open = 1)",
        )
        .bind(campaign.as_str())
        .bind(case.as_str())
        .bind(if not_before.is_some() { "waiting" } else { "done" })
        .bind(not_before)
        .bind(rule)
        .execute(&mut **tx)
        .await
        .map_err(|e| self.sql(e))
        .map(drop)
    }

    /// Moves a case by a verdict that was changed after its call was over. Where it was settled meanwhile, was taken
    /// again or is called again, it stays where it is: what is next for it hangs on that.
    pub(crate) async fn move_anew(&self, tx: &mut Tx, outcome: &Outcome) -> Result<(), StoreError> {
        let Some(campaign) = &outcome.campaign else { return Ok(()) };
        let (_, rule, not_before) = redial_columns(&outcome.redial);
        sqlx::query(
            "UPDATE queue SET state = $3, due_at = coalesce($4, due_at), why = $5
             WHERE campaign = $1 AND case_id = $2 AND state <> 'leased'
               AND EXISTS (SELECT 1 FROM cases AS c WHERE c.case_id = $2 AND c.state = 'open')
               AND NOT EXISTS (SELECT 1 FROM attempts AS a WHERE a.campaign = $1 AND a.case_id = $2
                               AND (a.open = 1 OR a.attempt <> $6 AND a.dialled_at > $7))",
        )
        .bind(campaign.as_str())
        .bind(outcome.case.as_str())
        .bind(if not_before.is_some() { "waiting" } else { "done" })
        .bind(not_before)
        .bind(rule)
        .bind(outcome.attempt.as_str())
        .bind(outcome.dialled_at.unix_millis())
        .execute(&mut **tx)
        .await
        .map_err(|e| self.sql(e))
        .map(drop)
    }

    /// Takes a case that is open no longer out of every campaign, or back into those that had it taken out.
    pub(crate) async fn requeue(
        &self,
        tx: &mut Tx,
        case: &CaseId,
        state: CaseState,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let sql = match state {
            CaseState::Open => {
                "UPDATE queue SET state = 'waiting', due_at = $3, why = 'reopened'
                 WHERE case_id = $1 AND state = 'done' AND why IN ('paid', 'withdrawn', 'settled') AND $2 = 'open'"
            }
            CaseState::Paid | CaseState::Withdrawn => {
                "UPDATE queue SET state = 'done', why = $2
                 WHERE case_id = $1 AND state IN ('waiting', 'ready') AND $3 IS NOT NULL"
            }
        };
        sqlx::query(sql)
            .bind(case.as_str())
            .bind(state.label())
            .bind(now.unix_millis())
            .execute(&mut **tx)
            .await
            .map_err(|e| self.sql(e))
            .map(drop)
    }

    /// The nodes that have cases of the queue.
    pub(crate) async fn lessees(&self) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar("SELECT DISTINCT node FROM queue WHERE state = 'leased'")
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.sql(e))
    }

    /// Makes ready again what a dead node had taken and not dialled.
    pub(crate) async fn release(&self, node: &str) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let released = sqlx::query(
            "UPDATE queue SET state = 'ready', node = NULL WHERE node = $1 AND state = 'leased'
               AND NOT EXISTS (SELECT 1 FROM attempts AS a
                               WHERE a.campaign = queue.campaign AND a.case_id = queue.case_id AND a.open = 1)",
        )
        .bind(node)
        .execute(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?
        .rows_affected();
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(released)
    }
}

/// How a case stands that is about to be called.
#[derive(FromRow)]
struct QueuedRow {
    campaign: String,
    node: Option<String>,
    stands: Option<String>,
    revision: Option<i64>,
}

#[derive(FromRow)]
struct PickedRow {
    case_id: String,
    rank: i64,
    why: String,
}
