//! A campaign that is being dialled, with what it is dialled by.

use std::{collections::HashMap, sync::Arc};

use waihu_campaign::{Mode, Next, PacingSettings, Past, ScriptName, Settings, Strategy, variant_of};
use waihu_compliance::Profile;
use waihu_store::{Filter, StoredCampaign, StoredCase};
use waihu_types::{CampaignId, Case, WallTime};

use super::{AFTER_FAULT, EngineOrder, Variant, Wanted};
use crate::{
    error::DialError,
    plant::{Order, Plan, Plant},
};

/// How often other nodes' answered calls are counted [ms]: a minute is short beside a window of days.
const COUNTED_EVERY_MS: i64 = 60_000;

/// A running campaign.
pub(super) struct Active {
    stored: StoredCampaign,
    /// Cases that are ready, as they were counted last and as were picked since.
    pub(super) ready: u32,
    /// When its answered calls were last counted in the store.
    counted_at: Option<WallTime>,
    /// What it is dialled by, or when it was last found that it cannot be; why was told.
    by: Result<By, WallTime>,
}

struct By {
    plan: Arc<Plan>,
    variants: Vec<Variant>,
    /// Those that the strategy names.
    named: HashMap<ScriptName, Variant>,
}

impl Active {
    /// Reads what a campaign is dialled by; none where it is another trunk's.
    pub(super) async fn load(
        stored: StoredCampaign,
        order: &EngineOrder,
        profile: &Profile,
    ) -> Result<Option<Self>, String> {
        let mut settings: Settings = serde_json::from_value(stored.settings.clone())
            .map_err(|e| format!("its settings cannot be read 设置无法读取: {e}"))?;
        if settings.trunk != order.trunk {
            return Ok(None);
        }
        settings.pacing = settings.pacing.held_to(profile);
        let strategy = Strategy::parse("strategy", &stored.strategy).map_err(|e| e.to_string())?;
        let variants = (order.scripts)(&stored, Wanted::Begun).await?;
        if variants.is_empty() {
            return Err("it has no script 没有话术".to_owned());
        }
        let plan = Arc::new(Plan { settings, strategy });
        Ok(Some(Self {
            stored,
            ready: 0,
            counted_at: None,
            by: Ok(By { plan, variants, named: HashMap::new() }),
        }))
    }

    /// One that cannot be dialled until something of it changes, or what was in the way has gone.
    pub(super) fn faulty(stored: StoredCampaign, now: WallTime) -> Self {
        Self { stored, ready: 0, counted_at: None, by: Err(now) }
    }

    pub(super) fn is_sound(&self) -> bool {
        self.by.is_ok()
    }

    /// Whether nothing of the campaign has changed; one that cannot be dialled is tried again after a while.
    pub(super) fn is_of(&self, stored: &StoredCampaign, now: WallTime) -> bool {
        let stands = self.by.as_ref().err().is_none_or(|since| now < since.plus(AFTER_FAULT));
        self.stored.revision == stored.revision && stands
    }

    pub(super) fn id(&self) -> &CampaignId {
        &self.stored.id
    }

    pub(super) fn plan(&self) -> Option<Arc<Plan>> {
        self.by.as_ref().ok().map(|by| Arc::clone(&by.plan))
    }

    /// From when on the store's outcomes are to be counted again; none where they were lately. First all of the
    /// window, then the day that it is and the one before: what ended about midnight may be filed late.
    pub(super) fn counts_from(&mut self, now: WallTime, window_days: u16) -> Option<WallTime> {
        let from = match self.counted_at {
            None => u64::from(window_days),
            Some(at) if now.unix_millis().saturating_sub(at.unix_millis()) >= COUNTED_EVERY_MS => 1,
            Some(_) => return None,
        };
        self.counted_at = Some(now);
        let day_ms = 86_400_000;
        let midnight = now.unix_millis().div_euclid(day_ms) * day_ms;
        Some(WallTime::from_unix_millis(midnight.saturating_sub_unsigned(from * 86_400_000)))
    }

    /// Whether agents look at its cases before their calls.
    pub(super) fn previews(&self) -> bool {
        self.pacing().is_some_and(|pacing| pacing.mode == Mode::Preview)
    }

    /// Whether its calls are paced by agents.
    pub(super) fn wants_agents(&self) -> bool {
        self.pacing().is_some_and(|pacing| pacing.mode != Mode::Agentless)
    }

    /// How fast it is dialled; none where it is not.
    pub(super) fn pacing(&self) -> Option<&PacingSettings> {
        self.by.as_ref().ok().map(|by| &by.plan.settings.pacing)
    }

    /// What was tried for a case in it.
    pub(super) async fn past(&self, plant: &Plant, case: &Case) -> Result<Vec<Past>, DialError> {
        let filter =
            Filter { campaign: Some(self.id().clone()), case: Some(case.id.clone()), ..Filter::default() };
        let outcomes = plant.store.outcomes(&filter).await?;
        Ok(outcomes.iter().map(|outcome| Past::of(outcome, &case.time_zone)).collect())
    }

    /// The call to place.
    pub(super) async fn order(
        &mut self,
        stored: StoredCase,
        next: &Next,
        past: Vec<Past>,
        order: &EngineOrder,
    ) -> Result<Order, String> {
        let none = || "the campaign has no script for it 批次没有话术".to_owned();
        let StoredCase { mut case, revision, .. } = stored;
        let Ok(by) = &mut self.by else { return Err(none()) };
        let variant = match &next.script {
            Some(name) => match by.named.get(name) {
                Some(variant) => variant.clone(),
                None => {
                    let given = (order.scripts)(&self.stored, Wanted::Named(name.clone())).await?;
                    let variant = given.into_iter().next().ok_or_else(none)?;
                    by.named.entry(name.clone()).or_insert(variant).clone()
                }
            },
            None => {
                let shares: Vec<u32> = by.variants.iter().map(|variant| variant.share).collect();
                let drawn = variant_of(&self.stored.id, &case.id, &shares);
                drawn.and_then(|at| by.variants.get(at)).ok_or_else(none)?.clone()
            }
        };
        // What the campaign allows, where the case leaves it open.
        let own = std::mem::take(&mut case.particulars.authority);
        case.particulars.authority = own.or(&by.plan.settings.authority);
        Ok(Order {
            attempt: Order::new_attempt_id(),
            campaign: Some(self.stored.id.clone()),
            lang: case.lang,
            case,
            revision: Some(revision),
            script: variant.script,
            recorded: variant.recorded,
            variant: variant.name,
            draft: false,
            number: next.number.clone(),
            target: None,
            caller_id: next.caller_id.clone(),
            plan: Some(Arc::clone(&by.plan)),
            past,
            history: Vec::new(),
            ahead: None,
        })
    }
}
