//! Where a case stands in the queues of its campaigns, and how many are called before it.

use sqlx::{AssertSqlSafe, FromRow};
use waihu_types::{CampaignId, CaseId, WallTime};

use crate::{CampaignState, Store, StoreError, queue::FEW};

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

/// What is ready before a case of a campaign (`$1`) that is ready itself, by rank (`$2`) and id (`$3`). Those alike are
/// read in the order of an index, so that no more are read than are counted (`$5`).
const BEFORE_READY: &str = "SELECT case_id FROM queue WHERE campaign = $1 AND state = 'ready' AND rank > $2
    UNION ALL
    SELECT case_id FROM (SELECT case_id, rank FROM queue WHERE campaign = $1 AND state = 'ready' AND rank <= $2
                         ORDER BY rank DESC, case_id LIMIT $5) AS alike
    WHERE rank = $2 AND case_id < $3";

/// What is called before a case that waits and is due, but for what is due and of a higher rank: all that is ready and
/// of no lower rank, and of the same rank those that are due for longer (`$6`), in the order of an index too.
const BEFORE_DUE: &str = "SELECT case_id FROM queue WHERE campaign = $1 AND state = 'ready' AND rank >= $2
    UNION ALL
    SELECT case_id FROM (SELECT case_id, rank, due_at FROM queue
                         WHERE campaign = $1 AND state = 'waiting' AND rank <= $2
                         ORDER BY rank DESC, due_at, case_id LIMIT $5) AS alike
    WHERE rank = $2 AND (due_at < $6 OR due_at = $6 AND case_id < $3)";

/// How many there are of these and of those that are due (`$4`) and of a higher rank, which are made ready within
/// seconds. Each in the order of an index, as [`Store::sweep`] has it: where few are due each of them is looked at, and
/// where many are, the highest of all that wait.
fn counted(before: &str, few_are_due: bool) -> String {
    let higher = if few_are_due {
        format!(
            "SELECT case_id FROM (SELECT case_id, rank FROM queue
                                  WHERE campaign = $1 AND state = 'waiting' AND due_at <= $4
                                  ORDER BY due_at LIMIT {FEW}) AS due
             WHERE rank > $2"
        )
    } else {
        "SELECT case_id FROM queue WHERE campaign = $1 AND state = 'waiting' AND rank > $2 AND due_at + 0 <= $4"
            .to_owned()
    };
    format!("SELECT count(*) FROM ({before} UNION ALL {higher} LIMIT $5) AS ahead")
}

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
        let before = match QueueState::read(&row.state) {
            QueueState::Ready => BEFORE_READY,
            QueueState::Waiting if row.due_at <= now.unix_millis() => BEFORE_DUE,
            QueueState::Waiting | QueueState::Leased | QueueState::Done => return Ok(None),
        };
        let few_are_due = self.count_due(&row.campaign, now).await? < FEW;
        let mut count = sqlx::query_scalar(AssertSqlSafe(counted(before, few_are_due)))
            .bind(row.campaign.as_str())
            .bind(row.rank)
            .bind(case.as_str())
            .bind(now.unix_millis())
            .bind(i64::from(MOST_AHEAD) + 1);
        if before == BEFORE_DUE {
            count = count.bind(row.due_at);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A table's own order is that of the cases' ids: to look for a rank there is to look at all of them.
    #[tokio::test]
    async fn nothing_is_looked_for_but_in_the_order_of_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("queue.db")).await.unwrap();
        for (before, few_are_due) in
            [(BEFORE_READY, true), (BEFORE_READY, false), (BEFORE_DUE, true), (BEFORE_DUE, false)]
        {
            let sql = format!("EXPLAIN QUERY PLAN {}", counted(before, few_are_due));
            let mut plan = sqlx::query_as(AssertSqlSafe(sql))
                .bind("november")
                .bind(1_i64)
                .bind("C1")
                .bind(1_i64)
                .bind(9_i64);
            if before == BEFORE_DUE {
                plan = plan.bind(1_i64);
            }
            let steps: Vec<(i64, i64, i64, String)> = plan.fetch_all(&store.pool).await.unwrap();
            let steps: Vec<&str> = steps.iter().map(|(.., step)| step.as_str()).collect();
            let looked: Vec<&&str> = steps.iter().filter(|step| step.contains(" queue ")).collect();
            assert_eq!(looked.len(), 3, "{steps:?}");
            assert!(looked.iter().all(|step| step.contains("INDEX queue_")), "{steps:?}");
            assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:?}");
        }
    }
}
