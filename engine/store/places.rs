//! Where a case stands in the queues of its campaigns, and how many are called before it.

use sqlx::FromRow;
use waihu_types::{CampaignId, CaseId, WallTime};

use crate::{CampaignState, Store, StoreError};

/// The most that are counted: who is told of more waits long in any case.
const MOST_AHEAD: u32 = 10_000;

/// How a case stands in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueueState {
    /// It waits for its moment, or to be made ready.
    Waiting,
    /// It is to be called.
    Ready,
    /// It is being called.
    Leased,
    /// Its campaign has no more to do with it.
    Done,
}

impl QueueState {
    /// The word in the store.
    pub fn label(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Ready => "ready",
            Self::Leased => "leased",
            Self::Done => "done",
        }
    }

    fn read(word: &str) -> Self {
        match word {
            "waiting" => Self::Waiting,
            "ready" => Self::Ready,
            "leased" => Self::Leased,
            // The table knows no fifth word.
            _ => Self::Done,
        }
    }
}

/// How many cases are called before another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// So many.
    Exactly(u32),
    /// More than so many: no more are counted.
    MoreThan(u32),
}

/// Where a case stands in a campaign's queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuePlace {
    /// The campaign.
    pub campaign: CampaignId,
    /// Whether that is being dialled.
    pub campaign_state: CampaignState,
    /// How it stands there.
    pub state: QueueState,
    /// Of the cases that are due, the highest is called first.
    pub rank: i64,
    /// From when it is due, where it waits.
    pub due_at: WallTime,
    /// The rule that put it there.
    pub why: String,
    /// How many cases that are due are called before it; none where it is not due itself.
    pub ahead: Option<Ahead>,
}

/// What is ready before a case of a campaign (`$1`) that is ready itself, by rank (`$2`) and id (`$3`); and what is due
/// (`$4`) and of a higher rank, which is made ready within seconds. Each part is a stretch of an index; the parameters
/// are numbered alike in both statements.
const BEFORE_READY: &str = "SELECT count(*) FROM (
        SELECT case_id FROM queue WHERE campaign = $1 AND state = 'ready' AND rank > $2
        UNION ALL
        SELECT case_id FROM queue WHERE campaign = $1 AND state = 'ready' AND rank = $2 AND case_id < $3
        UNION ALL
        SELECT case_id FROM queue WHERE campaign = $1 AND state = 'waiting' AND rank > $2 AND due_at <= $4
        LIMIT $5) AS ahead";

/// What is called before a case that waits and is due: all that is ready and of no lower rank, and what is due and made
/// ready before it: of the same rank, those that are due for longer (`$6`).
const BEFORE_DUE: &str = "SELECT count(*) FROM (
        SELECT case_id FROM queue WHERE campaign = $1 AND state = 'ready' AND rank >= $2
        UNION ALL
        SELECT case_id FROM queue WHERE campaign = $1 AND state = 'waiting' AND rank > $2 AND due_at <= $4
        UNION ALL
        SELECT case_id FROM queue WHERE campaign = $1 AND state = 'waiting' AND rank = $2 AND due_at < $6
        UNION ALL
        SELECT case_id FROM queue
        WHERE campaign = $1 AND state = 'waiting' AND rank = $2 AND due_at = $6 AND case_id < $3
        LIMIT $5) AS ahead";

impl Store {
    /// Where a case stands in each campaign that it is in, by the campaigns' ids: in the order in which cases are
    /// taken ([`Store::sweep`], [`Store::pick`]). What the gate denies a case when its turn has come is not known here.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn places(&self, case: &CaseId, now: WallTime) -> Result<Vec<QueuePlace>, StoreError> {
        let rows: Vec<PlaceRow> = sqlx::query_as(
            "SELECT q.campaign AS campaign, p.state AS campaign_state, q.state AS state, q.rank AS rank,
                    q.due_at AS due_at, q.why AS why
             FROM queue AS q JOIN campaigns AS p ON p.campaign = q.campaign
             WHERE q.case_id = $1 ORDER BY q.campaign",
        )
        .bind(case.as_str())
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        let mut places = Vec::with_capacity(rows.len());
        for row in rows {
            let ahead = self.ahead(case, &row, now).await?;
            places.push(QueuePlace {
                campaign: row.campaign.parse()?,
                campaign_state: CampaignState::read(&row.campaign_state),
                state: QueueState::read(&row.state),
                rank: row.rank,
                due_at: WallTime::from_unix_millis(row.due_at),
                why: row.why,
                ahead,
            });
        }
        Ok(places)
    }

    async fn ahead(&self, case: &CaseId, row: &PlaceRow, now: WallTime) -> Result<Option<Ahead>, StoreError> {
        let of = |sql: &'static str| {
            sqlx::query_scalar(sql)
                .bind(row.campaign.as_str())
                .bind(row.rank)
                .bind(case.as_str())
                .bind(now.unix_millis())
                .bind(i64::from(MOST_AHEAD) + 1)
        };
        let count = match QueueState::read(&row.state) {
            QueueState::Ready => of(BEFORE_READY),
            QueueState::Waiting if row.due_at <= now.unix_millis() => of(BEFORE_DUE).bind(row.due_at),
            QueueState::Waiting | QueueState::Leased | QueueState::Done => return Ok(None),
        };
        let ahead: i64 = count.fetch_one(&self.pool).await.map_err(|e| self.sql(e))?;
        Ok(Some(match u32::try_from(ahead) {
            Ok(ahead) if ahead <= MOST_AHEAD => Ahead::Exactly(ahead),
            _ => Ahead::MoreThan(MOST_AHEAD),
        }))
    }
}

#[derive(FromRow)]
struct PlaceRow {
    campaign: String,
    campaign_state: String,
    state: String,
    rank: i64,
    due_at: i64,
    why: String,
}
