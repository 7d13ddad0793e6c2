//! Campaigns: made, filled, started, paused, stopped. Each is a row: the engines see it within a second.

use std::collections::BTreeSet;

use axum::{
    Json,
    http::{HeaderName, StatusCode, header},
    response::IntoResponse,
};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use waihu_campaign::{Settings, Strategy};
use waihu_store::{Begun, CampaignState, CaseState, Pin, Placement, Store, StoredCampaign};
use waihu_types::{CampaignId, Case, CaseId, ProductKind, WallTime};

use crate::{
    Problem,
    extract::{Answer, Asked, At, Body, IfMatch, Who, etag, shaped},
    mask::record,
    openapi::{CaseKey, Key, SettingsShape},
    page::{Page, Wanted, after, limit},
    problem::{Code, Fault},
    routes::strategies,
    state::{Here, Shared, now},
};

/// Whether a campaign is being dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CampaignState)]
pub(crate) enum State {
    /// It was never started.
    Created,
    /// It is dialled.
    Running,
    /// It is not dialled until it is resumed.
    Paused,
    /// It is over, for good.
    Stopped,
}

impl From<CampaignState> for State {
    fn from(state: CampaignState) -> Self {
        match state {
            CampaignState::Created => Self::Created,
            CampaignState::Running => Self::Running,
            CampaignState::Paused => Self::Paused,
            CampaignState::Stopped => Self::Stopped,
        }
    }
}

/// A campaign.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CampaignRecord {
    /// Its id.
    #[schema(value_type = Key)]
    id: CampaignId,
    /// What it is to do.
    settings: SettingsShape,
    /// Its strategy's file, as it was when the campaign was made.
    strategy: String,
    /// Whether it is being dialled.
    state: State,
    /// 1, and one more with each change; its ETag.
    #[schema(minimum = 1)]
    revision: i64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: WallTime,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    changed_at: WallTime,
}

impl CampaignRecord {
    fn of(c: StoredCampaign, who: &Who) -> Result<Self, Problem> {
        Ok(Self {
            settings: SettingsShape(record(&c.settings, who)?),
            id: c.id,
            strategy: c.strategy,
            state: c.state.into(),
            revision: c.revision,
            created_at: c.created_at,
            changed_at: c.changed_at,
        })
    }
}

/// A campaign to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCampaign {
    /// Its id.
    #[schema(value_type = Key)]
    id: CampaignId,
    /// What it is to do, as in `campaigns/example.toml`.
    #[schema(value_type = SettingsShape)]
    settings: Value,
    /// The content of a strategy; left out for the one that the settings name.
    #[serde(default)]
    #[schema(nullable = false, max_length = 65536)]
    strategy: Option<String>,
}

/// The longest strategy \[bytes\]: a thousand lines.
const MAX_STRATEGY: usize = 64 << 10;

/// Makes a campaign. It is dialled when it is started, and only with a script that was approved.
#[utoipa::path(post, path = "/v1/campaigns", tag = "campaigns", request_body = NewCampaign,
    responses((status = 201, description = "It was made", body = CampaignRecord,
        headers(("Location" = String, description = "Where it is"), ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn create(
    shared: Here,
    who: Who,
    Body(new): Body<NewCampaign>,
) -> Result<impl IntoResponse, Problem> {
    let settings: Settings = shaped(new.settings).map_err(|e| e.within("settings"))?;
    held(&settings)?;
    let strategy = match new.strategy {
        Some(text) if text.len() > MAX_STRATEGY => {
            return Err(Problem::invalid("strategy", "it has 64 KiB at most 策略内容过长"));
        }
        Some(text) => text,
        None => strategies::content(&shared, &settings.strategy).await?,
    };
    strategies::holds(&strategy)?;
    if shared.store().campaign(&new.id).await?.is_some() {
        return Err(waihu_store::StoreError::CampaignExists(new.id).into());
    }
    let begun = Begun { scripts: pins(&shared, &settings).await?, authority: settings.authority.clone() };
    shared.store().begin(&new.id, &begun, now()).await?;
    shared.store().create_campaign(&new.id, &kept(&settings)?, &strategy, now()).await?;
    let at: [(HeaderName, String); 1] = [(header::LOCATION, format!("/v1/campaigns/{}", new.id))];
    Ok((StatusCode::CREATED, at, one(shared, who, At(new.id)).await?))
}

/// Whether settings hold, by themselves.
fn held(settings: &Settings) -> Result<(), Problem> {
    let faults = settings.check();
    if faults.is_empty() {
        return Ok(());
    }
    let fault = |(index, f): (usize, waihu_campaign::SettingsFault)| Fault {
        index,
        field: Some(format!("settings.{}", f.field)),
        detail: f.message,
    };
    Err(Problem::new(Code::Invalid, "the settings do not hold 批次设置有误")
        .of("settings")
        .with(faults.into_iter().enumerate().map(fault).collect()))
}

/// Settings as they are kept: with what was left to its default.
fn kept(settings: &Settings) -> Result<Value, Problem> {
    serde_json::to_value(settings)
        .map_err(|_| Problem::new(Code::Internal, "the settings cannot be written 设置无法保存"))
}

/// The versions that a campaign's settings name, each approved; of a flow without a version the newest that is.
async fn pins(shared: &Shared, settings: &Settings) -> Result<Vec<Pin>, Problem> {
    let one = settings.script.iter().map(|script| (None, 1, script));
    let several = settings.variants.iter().map(|v| (Some(v.name.clone()), v.share, &v.script));
    let mut pins = Vec::new();
    for (variant, share, script) in one.chain(several) {
        let found = match &script.sha256 {
            Some(sha256) => shared.store().find_script(&script.flow, sha256).await?,
            None => {
                let newest = shared.store().newest_approved(&script.flow).await?;
                newest.ok_or_else(|| {
                    Problem::new(
                        Code::Conflict,
                        format!("no version of {} is approved 话术未经审批", script.flow),
                    )
                    .of("settings.script")
                })?
            }
        };
        pins.push(Pin { variant, flow: found.flow, sha256: found.sha256, share });
    }
    Ok(pins)
}

/// Campaigns, in the order of their ids.
#[utoipa::path(get, path = "/v1/campaigns", tag = "campaigns", params(Wanted),
    responses((status = 200, description = "A page of campaigns", body = Page<CampaignRecord>)))]
pub(crate) async fn list(
    shared: Here,
    who: Who,
    Asked(wanted): Asked<Wanted>,
) -> Answer<Page<CampaignRecord>> {
    let (from, limit) = (after::<CampaignId>(wanted.cursor.as_deref())?, limit(wanted.limit)?);
    let mut rows = shared.store().campaigns().await?;
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    rows.retain(|c| from.as_ref().is_none_or(|from| c.id > *from));
    Page::of(rows, limit, |c| c.id.clone(), |c| CampaignRecord::of(c, &who)).map(Json)
}

/// One campaign, with its revision as ETag.
#[utoipa::path(get, path = "/v1/campaigns/{campaign}", tag = "campaigns", params(("campaign" = Key, Path, description = "Its id")),
    responses((status = 200, description = "The campaign", body = CampaignRecord)))]
pub(crate) async fn one(
    shared: Here,
    who: Who,
    At(campaign): At<CampaignId>,
) -> Result<impl IntoResponse, Problem> {
    let found =
        shared.store().campaign(&campaign).await?.ok_or_else(|| Problem::not_found("campaign 批次"))?;
    Ok((etag(found.revision), Json(CampaignRecord::of(found, &who)?)))
}

/// What of a campaign is to change, as a merge patch (RFC 7396): what is left out stays, null takes it away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignChange {
    /// The first day of calls, at the callee's place; null for at once.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = Date)]
    from: Option<Value>,
    /// The last day; null for no end.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = Date)]
    until: Option<Value>,
    /// Keys of the settings' `pacing`. The mode is changed while nothing is dialled.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Object>)]
    pacing: Option<Value>,
}

/// What is there, null as well.
fn given<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

impl CampaignChange {
    /// The settings with what changes.
    fn of(self, mut settings: Value) -> Value {
        let change = [("from", self.from), ("until", self.until), ("pacing", self.pacing)];
        let change = change.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        merge(&mut settings, Value::Object(change.collect()));
        settings
    }
}

/// RFC 7396, 2.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    for (key, value) in patch {
        match value {
            Value::Null => drop(target.as_object_mut().and_then(|fields| fields.remove(&key))),
            value => merge(&mut target[key], value),
        }
    }
}

/// So long before it begins in UTC a day begins where it does first: at UTC+14 \[ms\].
const EARLIEST_DAY_MS: i64 = 14 * 3_600_000;

/// Changes a campaign's days and pace, also while it runs: engines see it within a second. Of other days its queue is
/// asked anew: cases that waited for the first day, and those that were left out after the last one. What a call's
/// verdict has closed stays closed.
#[utoipa::path(patch, path = "/v1/campaigns/{campaign}", tag = "campaigns", request_body = CampaignChange,
    params(("campaign" = Key, Path, description = "Its id")),
    responses((status = 200, description = "It is so", body = CampaignRecord, headers(("ETag" = String, description = "Its revision"))),
        (status = 409, description = "It was stopped, or the mode is to change while it runs", body = crate::problem::Details)))]
pub(crate) async fn change(
    shared: Here,
    who: Who,
    expected: IfMatch,
    At(campaign): At<CampaignId>,
    Body(it): Body<CampaignChange>,
) -> Result<impl IntoResponse, Problem> {
    change_campaign(shared.store(), &campaign, it, expected.expected(), now()).await?;
    one(shared, who, At(campaign)).await
}

/// Changes a campaign's days and pace, of the revision that is expected where one is; its revision then.
///
/// # Errors
/// What does not hold, that it was stopped or changed meanwhile, that its mode is to change while it runs, or that it
/// cannot be written.
pub async fn change_campaign(
    store: &Store,
    campaign: &CampaignId,
    change: CampaignChange,
    expected: Option<i64>,
    now: WallTime,
) -> Result<i64, Problem> {
    let found = store.campaign(campaign).await?.ok_or_else(|| Problem::not_found("campaign 批次"))?;
    let read = |settings: Value| shaped::<Settings>(settings).map_err(|e| e.within("settings"));
    let before = read(found.settings.clone())?;
    let settings = read(change.of(found.settings))?;
    held(&settings)?;
    if settings.pacing.mode != before.pacing.mode && found.state == CampaignState::Running {
        let what = "its pacing mode is changed while it is paused: pause it first 请先暂停，再更改拨号方式";
        return Err(Problem::new(Code::Conflict, what).of("settings.pacing.mode"));
    }
    let asked_from = ((settings.from, settings.until) != (before.from, before.until)).then(|| {
        let first = settings.from.and_then(|day| day.at(0, 0, 0, 0).in_tz("UTC").ok());
        let first = first.map(|first| first.timestamp().as_millisecond().saturating_sub(EARLIEST_DAY_MS));
        first.map_or(now, |first| WallTime::from_unix_millis(first).max(now))
    });
    // Of the revision that was read, so that nothing of another's change is taken back.
    let revision = expected.unwrap_or(found.revision);
    Ok(store.change_campaign(campaign, (&kept(&settings)?, asked_from), Some(revision), now).await?)
}

/// How many cases of a campaign stand where.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Counted {
    /// Not due yet.
    waiting: u64,
    /// To be called.
    ready: u64,
    /// Being called.
    leased: u64,
    /// Over.
    done: u64,
    /// The first moment at which one of those that wait is due.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_due: Option<WallTime>,
}

/// How many cases of a campaign wait, are ready, are being called, are done.
#[utoipa::path(get, path = "/v1/campaigns/{campaign}/counts", tag = "campaigns", params(("campaign" = Key, Path, description = "Its id")),
    responses((status = 200, description = "The counts", body = Counted)))]
pub(crate) async fn counts(shared: Here, _: Who, At(campaign): At<CampaignId>) -> Answer<Counted> {
    shared.store().campaign(&campaign).await?.ok_or_else(|| Problem::not_found("campaign 批次"))?;
    let c = shared.store().campaign_counts(&campaign).await?;
    let (waiting, ready, leased, done, next_due) = (c.waiting, c.ready, c.leased, c.done, c.next_due);
    Ok(Json(Counted { waiting, ready, leased, done, next_due }))
}

/// Which cases come into a campaign: those named, or those that a filter lets through.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Enqueue {
    /// These, up to 1,000.
    #[serde(default)]
    #[schema(nullable = false, value_type = Option<Vec<CaseKey>>, min_items = 1, max_items = 1000)]
    cases: Option<Vec<CaseId>>,
    /// All open ones that it lets through, 10,000 looked at in a request.
    #[serde(default)]
    #[schema(nullable = false)]
    filter: Option<CaseFilter>,
    /// Where the request before ended: its `next`.
    #[serde(default)]
    #[schema(nullable = false, max_length = 512)]
    cursor: Option<String>,
    /// Not before this; where left out, as the strategy has it.
    #[serde(default)]
    #[schema(nullable = false, value_type = Option<String>, format = DateTime)]
    due_at: Option<WallTime>,
}

/// Which open cases come into a campaign; all where nothing is set.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CaseFilter {
    /// Of these kinds of loan; any where empty.
    #[schema(value_type = Vec<String>, max_items = 10, example = json!(["card"]))]
    pub kinds: Vec<ProductKind>,
    /// Of these grades of risk; any where empty.
    #[schema(max_items = 100)]
    pub risk_grades: Vec<String>,
    /// Overdue for so many days at least.
    #[schema(nullable = false)]
    pub min_days_past_due: Option<u32>,
    /// Overdue for so many days at most.
    #[schema(nullable = false)]
    pub max_days_past_due: Option<u32>,
}

impl CaseFilter {
    /// Whether a case is one of them, on the day that it is where its telephone rings.
    pub fn lets_through(&self, case: &Case, now: WallTime) -> bool {
        let grade = case.dossier.risk_grade.as_deref().unwrap_or_default();
        let today = now
            .date_in(&case.time_zone)
            .unwrap_or_else(|_| now.timestamp().to_zoned_datetime(TimeZone::UTC).date());
        let days = case.days_past_due(today);
        (self.kinds.is_empty() || self.kinds.contains(&case.particulars.kind))
            && (self.risk_grades.is_empty() || self.risk_grades.iter().any(|g| g == grade))
            && self.min_days_past_due.is_none_or(|least| days >= least)
            && self.max_days_past_due.is_none_or(|most| days <= most)
    }
}

/// What came into the queue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Enqueued {
    /// So many stand in the queue as the strategy has it; those that it does not call are not among them, and those
    /// that are being called, or done with, stay where they are.
    placed: u64,
    /// Where to go on: hand it in as `cursor`. None where all were looked at.
    next: Option<String>,
}

/// The most cases that one request looks at: a second's work.
const MOST_LOOKED_AT: usize = 10_000;
/// The most cases that are named, and that are read and placed at once.
const MOST_NAMED: u32 = 1_000;

/// Brings cases into a campaign's queue.
#[utoipa::path(post, path = "/v1/campaigns/{campaign}/cases", tag = "campaigns", params(("campaign" = Key, Path, description = "Its id")),
    request_body = Enqueue, responses((status = 200, description = "They are in the queue", body = Enqueued)))]
pub(crate) async fn enqueue(
    shared: Here,
    _: Who,
    At(campaign): At<CampaignId>,
    Body(it): Body<Enqueue>,
) -> Answer<Enqueued> {
    let found =
        shared.store().campaign(&campaign).await?.ok_or_else(|| Problem::not_found("campaign 批次"))?;
    let now = now();
    let unread = || {
        Problem::new(
            Code::Conflict,
            "the campaign's settings or strategy cannot be read 该批次的设置或策略无法读取",
        )
    };
    let settings: Settings = serde_json::from_value(found.settings).map_err(|_| unread())?;
    let strategy = Strategy::parse("strategy", &found.strategy).map_err(|_| unread())?;
    let place = |case: &Case| {
        let first = Placement::first(&strategy, &settings, case, now)?;
        let due_at = it.due_at.map_or(first.due_at, |asked| asked.max(first.due_at));
        Some(Placement { due_at, ..first })
    };
    match (&it.cases, &it.filter) {
        (Some(cases), None) => {
            let most = usize::try_from(MOST_NAMED).unwrap_or(usize::MAX);
            let named: BTreeSet<&CaseId> = cases.iter().collect();
            if cases.is_empty() || cases.len() > most {
                return Err(Problem::invalid(
                    "cases",
                    "from 1 to 1000 ids are expected 应为 1 至 1000 个编号",
                ));
            }
            let mut placements = Vec::with_capacity(named.len());
            for id in named {
                let stored = shared.store().case(id).await?;
                let stored = stored
                    .ok_or_else(|| Problem::invalid("cases", format!("there is no case {id} 没有该案件")))?;
                placements.extend(place(&stored.case));
            }
            let placed = shared.store().enqueue(&campaign, &placements).await?;
            Ok(Json(Enqueued { placed, next: None }))
        }
        (None, Some(filter)) => {
            let mut from = after::<CaseId>(it.cursor.as_deref())?;
            let (mut placed, mut looked_at) = (0, 0);
            loop {
                let rows = shared.store().cases_page(from.as_ref(), MOST_NAMED).await?;
                let Some(last) = rows.last() else { return Ok(Json(Enqueued { placed, next: None })) };
                from = Some(last.case.id.clone());
                looked_at += rows.len();
                let open = rows.iter().filter(|r| r.state == CaseState::Open);
                let wanted = open.filter(|r| filter.lets_through(&r.case, now));
                let placements: Vec<Placement> = wanted.filter_map(|r| place(&r.case)).collect();
                placed += shared.store().enqueue(&campaign, &placements).await?;
                if looked_at >= MOST_LOOKED_AT {
                    let next = from.as_ref().map(crate::page::cursor).transpose()?;
                    return Ok(Json(Enqueued { placed, next }));
                }
            }
        }
        _ => Err(Problem::invalid(
            "cases",
            "either `cases` or `filter` is expected 请提供 cases 或 filter 之一",
        )),
    }
}

/// Sets a campaign's state, and tells how it stands.
async fn set(
    shared: Here,
    who: Who,
    campaign: CampaignId,
    state: CampaignState,
    expected: Option<IfMatch>,
) -> Result<impl IntoResponse, Problem> {
    let expected = expected.and_then(IfMatch::expected);
    shared.store().set_campaign_state(&campaign, state, expected, now()).await?;
    one(shared, who, At(campaign)).await
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident $path:literal $state:ident $said:literal;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(post, path = $path, tag = "campaigns",
            params(("campaign" = Key, Path, description = "Its id")),
            responses((status = 200, description = $said, body = CampaignRecord)))]
        pub(crate) async fn $name(
            shared: Here,
            who: Who,
            At(campaign): At<CampaignId>,
            expected: Option<IfMatch>,
        ) -> Result<impl IntoResponse, Problem> {
            set(shared, who, campaign, CampaignState::$state, expected).await
        }
    )*};
}

actions! {
    /// Starts a campaign: it is dialled from now on, within the hours that compliance allows.
    start "/v1/campaigns/{campaign}/start" Running "It runs";
    /// Resumes a campaign that was paused.
    resume "/v1/campaigns/{campaign}/resume" Running "It runs";
    /// Pauses a campaign: no further call is placed, those that are up finish.
    pause "/v1/campaigns/{campaign}/pause" Paused "It is paused";
    /// Stops a campaign for good.
    stop "/v1/campaigns/{campaign}/stop" Stopped "It is stopped";
}
