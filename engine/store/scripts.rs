//! Versions of flows: their content, who drafted and who approved them, and what a campaign goes by.
//!
//! Rows are added and never changed. A version is its SHA-256; whether its content is a right script is not
//! known here.

use std::{collections::BTreeMap, str::FromStr};

use async_recursion::async_recursion as boxed;
use sqlx::{AnyConnection, FromRow};
use waihu_campaign::Strategy;
use waihu_types::{CampaignId, GivenAuthority, WallTime};

use crate::{ScriptRefusal, Store, StoreError};

/// What was done with a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptDeed {
    /// Its content was stored, as a draft.
    Submitted,
    /// A second person found it good to dial with.
    Approved,
    /// Somebody took that back.
    Withdrawn,
}

impl ScriptDeed {
    /// The word in the table.
    pub fn label(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Approved => "approved",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl FromStr for ScriptDeed {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        [Self::Submitted, Self::Approved, Self::Withdrawn].into_iter().find(|d| d.label() == word).ok_or(())
    }
}

/// Who did what, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptAct {
    /// What.
    pub deed: ScriptDeed,
    /// Who, by the name that was given.
    pub by: String,
    /// When.
    pub at: WallTime,
}

/// A version of a flow that is on file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredScript {
    /// The flow's name.
    pub flow: String,
    /// The version.
    pub sha256: String,
    /// What was done with it, the first first.
    pub acts: Vec<ScriptAct>,
}

impl StoredScript {
    /// Who submitted it, and when.
    pub fn submitted(&self) -> Option<&ScriptAct> {
        self.acts.iter().find(|a| a.deed == ScriptDeed::Submitted)
    }

    /// Who approved it, and when; none while nobody has, and once that was withdrawn.
    pub fn approved(&self) -> Option<&ScriptAct> {
        self.acts.iter().rfind(|a| a.deed != ScriptDeed::Submitted).filter(|a| a.deed == ScriptDeed::Approved)
    }

    /// The name for `--script`, with as much of the hash as people type.
    pub fn label(&self) -> String {
        format!("{}@{}", self.flow, self.sha256.get(..12).unwrap_or(&self.sha256))
    }
}

/// A script that a campaign goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The variant of an experiment; none where there is one script for all.
    pub variant: Option<String>,
    /// The flow.
    pub flow: String,
    /// The version.
    pub sha256: String,
    /// Its share of the cases, against the shares of the others.
    pub share: u32,
}

/// What a campaign was begun with, and goes on with to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Begun {
    /// Its scripts; none where it was never begun.
    pub scripts: Vec<Pin>,
    /// What may be agreed where a case leaves it open.
    pub authority: GivenAuthority,
}

#[derive(FromRow)]
struct ActRow {
    flow: String,
    sha256: String,
    act: String,
    person: String,
    at: i64,
}

impl Store {
    /// Stores a version as a draft; whoever submits the same content again changes nothing. What stands
    /// is returned.
    ///
    /// # Errors
    /// When `by` is no name, or it could not be written.
    #[boxed]
    pub async fn submit_script(
        &self,
        flow: &str,
        sha256: &str,
        files: &[(String, String)],
        by: &str,
        at: WallTime,
    ) -> Result<StoredScript, StoreError> {
        let by = named(flow, sha256, by)?;
        let files = serde_json::to_string(files)
            .map_err(|source| StoreError::Record { of: format!("{flow}@{sha256}"), source })?;
        let mut tx = self.write_alone(&[format!("script:{flow}")]).await?;
        let new = sqlx::query(
            "INSERT INTO script_versions (flow, sha256, files) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(flow)
        .bind(sha256)
        .bind(files)
        .execute(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        if new.rows_affected() > 0 {
            self.act(&mut tx, (flow, sha256), ScriptDeed::Submitted, by, at).await?;
        }
        tx.commit().await.map_err(|e| self.sql(e))?;
        self.find_script(flow, sha256).await
    }

    /// Approves a version.
    ///
    /// # Errors
    /// [`StoreError::ScriptRefused`] for whoever submitted it, and where it is approved already; that it is
    /// not on file, or could not be written.
    #[boxed]
    pub async fn approve_script(
        &self,
        flow: &str,
        sha256: &str,
        by: &str,
        at: WallTime,
    ) -> Result<StoredScript, StoreError> {
        let refused = |found: &StoredScript, by: &str| {
            let submitted = |a: &ScriptAct| a.deed == ScriptDeed::Submitted && same_person(&a.by, by);
            if found.acts.iter().any(submitted) {
                return Some(ScriptRefusal::SamePerson);
            }
            found.approved().map(|before| ScriptRefusal::AlreadyApproved { by: before.by.clone() })
        };
        self.judge((flow, sha256), ScriptDeed::Approved, by, at, refused).await
    }

    /// Takes an approval back; campaigns that go by the version dial no further with it.
    ///
    /// # Errors
    /// [`StoreError::ScriptRefused`] where it is not approved; that it is not on file, or could not be
    /// written.
    #[boxed]
    pub async fn withdraw_script(
        &self,
        flow: &str,
        sha256: &str,
        by: &str,
        at: WallTime,
    ) -> Result<StoredScript, StoreError> {
        let refused =
            |found: &StoredScript, _: &str| found.approved().is_none().then_some(ScriptRefusal::NotApproved);
        self.judge((flow, sha256), ScriptDeed::Withdrawn, by, at, refused).await
    }

    /// Does `deed` with a version that is on file, unless it is `refused`.
    async fn judge(
        &self,
        (flow, sha256): (&str, &str),
        deed: ScriptDeed,
        by: &str,
        at: WallTime,
        refused: impl FnOnce(&StoredScript, &str) -> Option<ScriptRefusal>,
    ) -> Result<StoredScript, StoreError> {
        let by = named(flow, sha256, by)?;
        let mut tx = self.write_alone(&[format!("script:{flow}")]).await?;
        let found = self.version_in(&mut tx, flow, sha256).await?;
        if let Some(why) = refused(&found, by) {
            return Err(StoreError::ScriptRefused { script: found.label(), why });
        }
        self.act(&mut tx, (flow, sha256), deed, by, at).await?;
        tx.commit().await.map_err(|e| self.sql(e))?;
        self.find_script(flow, sha256).await
    }

    /// The versions on file, of one flow or of all, in the order in which they were submitted.
    ///
    /// # Errors
    /// When they cannot be read.
    #[boxed]
    pub async fn scripts(&self, flow: Option<&str>) -> Result<Vec<StoredScript>, StoreError> {
        let mut on = self.pool.acquire().await.map_err(|e| self.sql(e))?;
        self.scripts_in(&mut on, flow).await
    }

    /// The version of a flow that was approved last, of those that are approved.
    ///
    /// # Errors
    /// When they cannot be read.
    #[boxed]
    pub async fn newest_approved(&self, flow: &str) -> Result<Option<StoredScript>, StoreError> {
        let mut on = self.pool.acquire().await.map_err(|e| self.sql(e))?;
        self.newest_in(&mut on, flow).await
    }

    async fn newest_in(
        &self,
        on: &mut AnyConnection,
        flow: &str,
    ) -> Result<Option<StoredScript>, StoreError> {
        let versions = self.scripts_in(on, Some(flow)).await?;
        let approved = versions.into_iter().filter_map(|version| Some((version.approved()?.at, version)));
        Ok(approved.max_by_key(|(at, _)| *at).map(|(_, version)| version))
    }

    /// A strategy with the versions that it goes by from here on: the newest approved one of each flow that it
    /// names. One of which none is approved yet is looked for when a case needs it.
    pub(crate) async fn with_versions(
        &self,
        on: &mut AnyConnection,
        strategy: &str,
    ) -> Result<String, StoreError> {
        let mut versions = BTreeMap::new();
        for flow in Strategy::flows(strategy) {
            if let Some(newest) = self.newest_in(on, &flow).await? {
                versions.insert(flow, newest.sha256);
            }
        }
        Ok(Strategy::with_versions(strategy, &versions))
    }

    /// The version of a flow whose hash begins so.
    ///
    /// # Errors
    /// [`StoreError::UnknownScript`] where there is none, or more than one; that they cannot be read.
    #[boxed]
    pub async fn find_script(&self, flow: &str, sha256: &str) -> Result<StoredScript, StoreError> {
        let mut found = self.scripts(Some(flow)).await?;
        found.retain(|s| s.sha256.starts_with(sha256));
        match (found.pop(), found.is_empty()) {
            (Some(one), true) => Ok(one),
            _ => Err(unknown(flow, sha256)),
        }
    }

    /// The files of a version, by name.
    ///
    /// # Errors
    /// That it is not on file, or cannot be read.
    #[boxed]
    pub async fn script_files(&self, flow: &str, sha256: &str) -> Result<Vec<(String, String)>, StoreError> {
        let files: Option<String> =
            sqlx::query_scalar("SELECT files FROM script_versions WHERE flow = $1 AND sha256 = $2")
                .bind(flow)
                .bind(sha256)
                .fetch_optional(&self.pool)
                .await
                .map_err(|e| self.sql(e))?;
        let files = files.ok_or_else(|| unknown(flow, sha256))?;
        serde_json::from_str(&files)
            .map_err(|source| StoreError::Record { of: format!("{flow}@{sha256}"), source })
    }

    /// What a campaign was begun with; nothing where it never was.
    ///
    /// # Errors
    /// When it cannot be read.
    #[boxed]
    pub async fn begun(&self, campaign: &CampaignId) -> Result<Begun, StoreError> {
        let mut on = self.pool.acquire().await.map_err(|e| self.sql(e))?;
        self.begun_in(&mut on, campaign).await
    }

    /// Begins a campaign with these, unless it was begun already; what stands is returned.
    ///
    /// # Errors
    /// [`StoreError::ScriptRefused`] for a version that is not approved; that it could not be written.
    #[boxed]
    pub async fn begin(
        &self,
        campaign: &CampaignId,
        with: &Begun,
        at: WallTime,
    ) -> Result<Begun, StoreError> {
        let scripts = with.scripts.iter().map(|pin| format!("script:{}", pin.flow));
        let things: Vec<String> = scripts.chain([format!("campaign:{campaign}")]).collect();
        let mut tx = self.write_alone(&things).await?;
        let stands = self.begun_in(&mut tx, campaign).await?;
        if !stands.scripts.is_empty() {
            return tx.commit().await.map(|()| stands).map_err(|e| self.sql(e));
        }
        for pin in &with.scripts {
            let script = self.version_in(&mut tx, &pin.flow, &pin.sha256).await?;
            if script.approved().is_none() {
                return Err(StoreError::ScriptRefused {
                    script: script.label(),
                    why: ScriptRefusal::NotApproved,
                });
            }
            sqlx::query(
                "INSERT INTO campaign_scripts (campaign, variant, flow, sha256, share, pinned_at)
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(campaign.as_str())
            .bind(pin.variant.as_deref().unwrap_or_default())
            .bind(&pin.flow)
            .bind(&pin.sha256)
            .bind(i64::from(pin.share))
            .bind(at.unix_millis())
            .execute(&mut *tx)
            .await
            .map_err(|e| self.sql(e))?;
        }
        if with.authority != GivenAuthority::default() {
            let authority =
                serde_json::to_string(&with.authority).map_err(|source| of_campaign(campaign, source))?;
            sqlx::query(
                "INSERT INTO campaign_authority (campaign, authority, pinned_at) VALUES ($1, $2, $3)",
            )
            .bind(campaign.as_str())
            .bind(authority)
            .bind(at.unix_millis())
            .execute(&mut *tx)
            .await
            .map_err(|e| self.sql(e))?;
        }
        let stands = self.begun_in(&mut tx, campaign).await?;
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(stands)
    }

    async fn begun_in(&self, on: &mut AnyConnection, campaign: &CampaignId) -> Result<Begun, StoreError> {
        let rows: Vec<(String, String, String, i64)> = sqlx::query_as(
            "SELECT variant, flow, sha256, share FROM campaign_scripts WHERE campaign = $1 ORDER BY variant",
        )
        .bind(campaign.as_str())
        .fetch_all(&mut *on)
        .await
        .map_err(|e| self.sql(e))?;
        let pin = |(variant, flow, sha256, share): (String, String, String, i64)| Pin {
            variant: Some(variant).filter(|v| !v.is_empty()),
            flow,
            sha256,
            share: u32::try_from(share).unwrap_or(u32::MAX),
        };
        let authority: Option<String> =
            sqlx::query_scalar("SELECT authority FROM campaign_authority WHERE campaign = $1")
                .bind(campaign.as_str())
                .fetch_optional(&mut *on)
                .await
                .map_err(|e| self.sql(e))?;
        let authority = authority.map(|json| serde_json::from_str(&json)).transpose();
        Ok(Begun {
            scripts: rows.into_iter().map(pin).collect(),
            authority: authority.map_err(|source| of_campaign(campaign, source))?.unwrap_or_default(),
        })
    }

    async fn version_in(
        &self,
        on: &mut AnyConnection,
        flow: &str,
        sha256: &str,
    ) -> Result<StoredScript, StoreError> {
        let all = self.scripts_in(on, Some(flow)).await?;
        all.into_iter().find(|s| s.sha256 == sha256).ok_or_else(|| unknown(flow, sha256))
    }

    async fn scripts_in(
        &self,
        on: &mut AnyConnection,
        flow: Option<&str>,
    ) -> Result<Vec<StoredScript>, StoreError> {
        let rows: Vec<ActRow> = sqlx::query_as(
            "SELECT flow, sha256, act, person, at FROM script_acts WHERE $1 IS NULL OR flow = $1 ORDER BY id",
        )
        .bind(flow)
        .fetch_all(&mut *on)
        .await
        .map_err(|e| self.sql(e))?;
        let mut scripts: Vec<StoredScript> = Vec::new();
        for ActRow { flow, sha256, act, person, at } in rows {
            let Ok(deed) = act.parse() else { continue };
            let act = ScriptAct { deed, by: person, at: WallTime::from_unix_millis(at) };
            match scripts.iter_mut().find(|s| s.flow == flow && s.sha256 == sha256) {
                Some(script) => script.acts.push(act),
                None => scripts.push(StoredScript { flow, sha256, acts: vec![act] }),
            }
        }
        Ok(scripts)
    }

    async fn act(
        &self,
        on: &mut AnyConnection,
        (flow, sha256): (&str, &str),
        deed: ScriptDeed,
        by: &str,
        at: WallTime,
    ) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO script_acts (flow, sha256, act, person, at) VALUES ($1, $2, $3, $4, $5)")
            .bind(flow)
            .bind(sha256)
            .bind(deed.label())
            .bind(by)
            .bind(at.unix_millis())
            .execute(&mut *on)
            .await
            .map_err(|e| self.sql(e))?;
        Ok(())
    }
}

fn of_campaign(campaign: &CampaignId, source: serde_json::Error) -> StoreError {
    StoreError::Record { of: campaign.to_string(), source }
}

fn unknown(flow: &str, sha256: &str) -> StoreError {
    StoreError::UnknownScript { flow: flow.to_owned(), sha256: sha256.to_owned() }
}

fn named<'b>(flow: &str, sha256: &str, by: &'b str) -> Result<&'b str, StoreError> {
    let by = by.trim();
    if by.is_empty() {
        let script = format!("{flow}@{}", sha256.get(..12).unwrap_or(sha256));
        return Err(StoreError::ScriptRefused { script, why: ScriptRefusal::Nobody });
    }
    Ok(by)
}

/// Whether two names are one person's, however they are spaced and capitalized.
fn same_person(a: &str, b: &str) -> bool {
    let plain = |name: &str| name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    plain(a) == plain(b)
}
