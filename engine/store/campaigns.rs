//! Campaigns: what is to be done with a set of cases, and whether it is being done.

use sqlx::FromRow;
use waihu_types::{CampaignId, WallTime};

use crate::{
    Store, StoreError,
    error::{Kind, kind},
    events::Happened,
    write::Tx,
};

/// What [`CampaignRow`] is read from.
macro_rules! campaign_columns {
    () => {
        "SELECT campaign, settings, strategy, state, revision, created_at, changed_at FROM campaigns"
    };
}

/// Whether a campaign is being dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CampaignState {
    /// It was never started.
    Created,
    /// It is dialled.
    Running,
    /// It is not dialled until it is started again.
    Paused,
    /// It is over: nothing starts it again.
    Stopped,
}

impl CampaignState {
    /// The word in the store.
    pub fn label(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        }
    }

    /// The same for readers of Mandarin.
    pub fn label_zh(self) -> &'static str {
        match self {
            Self::Created => "未开始",
            Self::Running => "进行中",
            Self::Paused => "已暂停",
            Self::Stopped => "已停止",
        }
    }

    pub(crate) fn read(word: &str) -> Self {
        match word {
            "created" => Self::Created,
            "running" => Self::Running,
            "paused" => Self::Paused,
            // The table knows no fifth word.
            _ => Self::Stopped,
        }
    }
}

/// A campaign as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredCampaign {
    /// Its id.
    pub id: CampaignId,
    /// What is to be done: `waihu_campaign`'s settings.
    pub settings: serde_json::Value,
    /// The content of its strategy's file.
    pub strategy: String,
    /// Whether it is being done.
    pub state: CampaignState,
    /// 1, and one more with each change.
    pub revision: i64,
    /// When it was created.
    pub created_at: WallTime,
    /// When it changed last.
    pub changed_at: WallTime,
}

impl Store {
    /// Creates a campaign. Of the flows that its strategy names it keeps the versions that are approved now.
    ///
    /// # Errors
    /// [`StoreError::CampaignExists`], or that it cannot be written.
    pub async fn create_campaign(
        &self,
        id: &CampaignId,
        settings: &serde_json::Value,
        strategy: &str,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let strategy = self.with_versions(&mut tx, strategy).await?;
        sqlx::query(
            "INSERT INTO campaigns (campaign, settings, strategy, state, revision, created_at, changed_at)
             VALUES ($1, $2, $3, 'created', 1, $4, $4)",
        )
        .bind(id.as_str())
        .bind(settings.to_string())
        .bind(strategy)
        .bind(now.unix_millis())
        .execute(&mut *tx)
        .await
        .map_err(|e| match kind(&e) {
            Kind::Unique => StoreError::CampaignExists(id.clone()),
            _ => self.sql(e),
        })?;
        tell_campaign(&mut tx, id, CampaignState::Created, 1, now);
        tx.commit().await.map_err(|e| self.sql(e))
    }

    /// Starts, pauses or stops a campaign; its revision then. What is so already stays as it is.
    ///
    /// # Errors
    /// [`StoreError::UnknownCampaign`], [`StoreError::Revised`] where `expected` names another revision,
    /// [`StoreError::CampaignStopped`], or that it cannot be written.
    pub async fn set_campaign_state(
        &self,
        id: &CampaignId,
        state: CampaignState,
        expected: Option<i64>,
        now: WallTime,
    ) -> Result<i64, StoreError> {
        let mut tx = self.write_alone(&[format!("campaign:{id}")]).await?;
        let (before, revision) = self.campaign_standing(&mut tx, id, expected).await?;
        if before == state {
            return tx.commit().await.map(|()| revision).map_err(|e| self.sql(e));
        }
        if before == CampaignState::Stopped {
            return Err(StoreError::CampaignStopped(id.clone()));
        }
        let revision = revision + 1;
        let done = sqlx::query(
            "UPDATE campaigns SET state = $2, revision = $3, changed_at = $4
             WHERE campaign = $1 AND revision = $3 - 1",
        )
        .bind(id.as_str())
        .bind(state.label())
        .bind(revision)
        .bind(now.unix_millis())
        .execute(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        if done.rows_affected() == 0 {
            return Err(StoreError::Revised { of: id.to_string(), revision });
        }
        tell_campaign(&mut tx, id, state, revision, now);
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(revision)
    }

    /// Puts other settings in place of a campaign's; its revision then. Of other days its queue is asked anew, from
    /// `asked_from` on: the cases that wait for the first day, and those that were left out after the last one. What a
    /// call's verdict has closed stays closed.
    ///
    /// # Errors
    /// As [`Store::set_campaign_state`].
    pub async fn change_campaign(
        &self,
        id: &CampaignId,
        (settings, asked_from): (&serde_json::Value, Option<WallTime>),
        expected: Option<i64>,
        now: WallTime,
    ) -> Result<i64, StoreError> {
        let mut tx = self.write_alone(&[format!("campaign:{id}"), format!("queue:{id}")]).await?;
        let (state, revision) = self.campaign_standing(&mut tx, id, expected).await?;
        if state == CampaignState::Stopped {
            return Err(StoreError::CampaignStopped(id.clone()));
        }
        let revision = revision + 1;
        sqlx::query("UPDATE campaigns SET settings = $2, revision = $3, changed_at = $4 WHERE campaign = $1")
            .bind(id.as_str())
            .bind(settings.to_string())
            .bind(revision)
            .bind(now.unix_millis())
            .execute(&mut *tx)
            .await
            .map_err(|e| self.sql(e))?;
        if let Some(from) = asked_from {
            self.ask_anew(&mut tx, id, from).await?;
        }
        tell_campaign(&mut tx, id, state, revision, now);
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(revision)
    }

    /// How a campaign stands, where it is in the revision that is expected.
    async fn campaign_standing(
        &self,
        tx: &mut Tx,
        id: &CampaignId,
        expected: Option<i64>,
    ) -> Result<(CampaignState, i64), StoreError> {
        let found: Option<(String, i64)> =
            sqlx::query_as("SELECT state, revision FROM campaigns WHERE campaign = $1")
                .bind(id.as_str())
                .fetch_optional(&mut **tx)
                .await
                .map_err(|e| self.sql(e))?;
        let (state, revision) = found.ok_or_else(|| StoreError::UnknownCampaign(id.clone()))?;
        if expected.is_some_and(|expected| expected != revision) {
            return Err(StoreError::Revised { of: id.to_string(), revision });
        }
        Ok((CampaignState::read(&state), revision))
    }

    /// A campaign; none where there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn campaign(&self, id: &CampaignId) -> Result<Option<StoredCampaign>, StoreError> {
        let row: Option<CampaignRow> = sqlx::query_as(concat!(campaign_columns!(), " WHERE campaign = $1"))
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| self.sql(e))?;
        row.map(CampaignRow::campaign).transpose()
    }

    /// Every campaign, the oldest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn campaigns(&self) -> Result<Vec<StoredCampaign>, StoreError> {
        let rows: Vec<CampaignRow> =
            sqlx::query_as(concat!(campaign_columns!(), " ORDER BY created_at, campaign"))
                .fetch_all(&self.pool)
                .await
                .map_err(|e| self.sql(e))?;
        rows.into_iter().map(CampaignRow::campaign).collect()
    }
}

fn tell_campaign(tx: &mut Tx, id: &CampaignId, state: CampaignState, revision: i64, now: WallTime) {
    let happened = Happened {
        key: format!("campaign:{id}:{revision}"),
        kind: "campaign",
        at: now,
        campaign: Some(id),
        case: None,
        attempt: None,
        body: serde_json::json!({ "state": state.label(), "revision": revision }),
    };
    tx.tell(happened);
}

#[derive(FromRow)]
struct CampaignRow {
    campaign: String,
    settings: String,
    strategy: String,
    state: String,
    revision: i64,
    created_at: i64,
    changed_at: i64,
}

impl CampaignRow {
    fn campaign(self) -> Result<StoredCampaign, StoreError> {
        Ok(StoredCampaign {
            settings: serde_json::from_str(&self.settings)
                .map_err(|e| StoreError::Record { of: self.campaign.clone(), source: e })?,
            id: self.campaign.parse()?,
            strategy: self.strategy,
            state: CampaignState::read(&self.state),
            revision: self.revision,
            created_at: WallTime::from_unix_millis(self.created_at),
            changed_at: WallTime::from_unix_millis(self.changed_at),
        })
    }
}
