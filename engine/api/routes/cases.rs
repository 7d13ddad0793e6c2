//! Cases in, and what became of them with the lender.

use std::{collections::BTreeSet, sync::LazyLock};

use axum::{Json, http::StatusCode, response::IntoResponse};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use waihu_store::{Ahead, CaseState, QueuePlace, StoredCase};
use waihu_types::{CampaignId, Case, CaseId, WallTime};

use crate::{
    Problem,
    extract::{Answer, Asked, At, Body, IfMatch, Who, etag},
    mask,
    openapi::{CASE_SCHEMA, CaseKey, CaseTold, CasesShape, Key},
    page::{Page, Wanted, after, limit},
    problem::{Code, Fault},
    routes::{board::CaseColumn, campaigns},
    state::{Here, now},
};

/// The most cases of a batch: a transaction of them takes a tenth of a second.
const MOST_CASES: usize = 1_000;

/// The state of a case with the lender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CaseState)]
pub(crate) enum State {
    /// It may be called about.
    Open,
    /// It is paid: nobody is called about it.
    Paid,
    /// The lender has taken it back: nobody is called about it.
    Withdrawn,
}

impl From<CaseState> for State {
    fn from(state: CaseState) -> Self {
        match state {
            CaseState::Open => Self::Open,
            CaseState::Paid => Self::Paid,
            CaseState::Withdrawn => Self::Withdrawn,
        }
    }
}

impl From<State> for CaseState {
    fn from(state: State) -> Self {
        match state {
            State::Open => Self::Open,
            State::Paid => Self::Paid,
            State::Withdrawn => Self::Withdrawn,
        }
    }
}

/// A case as it stands here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CaseRecord {
    /// The case, as it was last told.
    case: CaseTold,
    /// Its state with the lender.
    state: State,
    /// 1, and one more with each change; its ETag.
    #[schema(minimum = 1)]
    revision: i64,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    changed_at: WallTime,
}

impl CaseRecord {
    fn of(stored: &StoredCase, who: &Who) -> Result<Self, Problem> {
        let StoredCase { state, revision, changed_at, .. } = *stored;
        Ok(Self { case: CaseTold(mask::case(&stored.case, who)?), state: state.into(), revision, changed_at })
    }
}

/// What an import came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Taken {
    /// Cases that were not here before.
    new: usize,
    /// Cases that were told otherwise before.
    changed: usize,
    /// Cases that were told so before: nothing was changed.
    same: usize,
}

/// How cases are handed over.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct How {
    /// `only`: it is told what is wrong with them, and none is taken.
    #[param(inline)]
    check: Option<Check>,
}

/// What is done with cases that are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Check {
    /// They are looked at.
    Only,
}

/// Takes cases over as they are told now: all of them, or none where one is wrong. The same case again changes
/// nothing; one that is paid or withdrawn stays so. With `check=only` none is taken, and the counts are nothing.
#[utoipa::path(post, path = "/v1/cases", tag = "cases", params(How), request_body = CasesShape,
    responses((status = 200, description = "All were taken, or could be", body = Taken)))]
pub(crate) async fn import(
    shared: Here,
    _: Who,
    Asked(how): Asked<How>,
    Body(told): Body<Value>,
) -> Answer<Taken> {
    let told = match told {
        Value::Array(cases) => cases,
        case => vec![case],
    };
    if told.is_empty() || told.len() > MOST_CASES {
        return Err(Problem::new(Code::Invalid, "from 1 to 1000 cases are expected 应为 1 至 1000 个案件"));
    }
    let (mut cases, mut errors, mut ids) = (Vec::with_capacity(told.len()), Vec::new(), BTreeSet::new());
    for (index, case) in told.into_iter().enumerate() {
        match read(case) {
            Ok(case) if ids.insert(case.id.clone()) => cases.push(case),
            Ok(_) => errors.push(Fault {
                index,
                field: Some("id".to_owned()),
                detail: "this id stands in the batch twice 编号重复".to_owned(),
            }),
            Err(wrong) => {
                errors.extend(wrong.into_iter().map(|(field, detail)| Fault { index, field, detail }));
            }
        }
    }
    if !errors.is_empty() {
        let detail =
            format!("{} of the cases are wrong, and none was taken 处案件有误，未导入", errors.len());
        return Err(Problem::new(Code::Invalid, detail).with(errors));
    }
    if how.check == Some(Check::Only) {
        return Ok(Json(Taken { new: 0, changed: 0, same: 0 }));
    }
    let taken = shared.store().import(&cases, now()).await?;
    Ok(Json(Taken { new: taken.new, changed: taken.changed, same: taken.same }))
}

/// The keys of a case: another one is a slip, and what it says would be lost.
static KEYS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let schema: Value = serde_json::from_str(CASE_SCHEMA).unwrap_or_default();
    schema["properties"].as_object().map(|keys| keys.keys().cloned().collect()).unwrap_or_default()
});

/// The columns that a file of cases may have, the ones that must be there first.
pub(crate) fn columns() -> Vec<CaseColumn> {
    let schema: Value = serde_json::from_str(CASE_SCHEMA).unwrap_or_default();
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let column = |(key, shape): (&String, &Value)| CaseColumn {
        key: key.clone(),
        told: shape["description"].as_str().unwrap_or_default().to_owned(),
        required: required.contains(&key.as_str()),
    };
    let mut columns: Vec<CaseColumn> =
        schema["properties"].as_object().into_iter().flatten().map(column).collect();
    // Those that must be there in the order in which the schema asks for them.
    columns.sort_by_key(|c| (!c.required, required.iter().position(|key| *key == c.key)));
    columns
}

/// A case that can be called about, or each field that is wrong and how.
fn read(value: Value) -> Result<Case, Vec<(Option<String>, String)>> {
    let Value::Object(fields) = value else {
        return Err(vec![(None, "an object is expected 应为对象".to_owned())]);
    };
    let unknown = fields.keys().filter(|key| !KEYS.contains(*key));
    let unknown: Vec<_> =
        unknown.map(|key| (Some(key.clone()), "a case has no such key 案件没有该字段".to_owned())).collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    waihu_campaign::read_object(fields)
        .map_err(|wrong| wrong.into_iter().map(|p| (p.column, p.message)).collect())
}

/// Cases, in the order of their ids.
#[utoipa::path(get, path = "/v1/cases", tag = "cases", params(Wanted),
    responses((status = 200, description = "A page of cases", body = Page<CaseRecord>)))]
pub(crate) async fn list(shared: Here, who: Who, Asked(wanted): Asked<Wanted>) -> Answer<Page<CaseRecord>> {
    let (from, limit) = (after::<CaseId>(wanted.cursor.as_deref())?, limit(wanted.limit)?);
    let rows = shared.store().cases_page(from.as_ref(), limit + 1).await?;
    Page::of(rows, limit, |c| c.case.id.clone(), |c| CaseRecord::of(&c, &who)).map(Json)
}

/// One case, with its revision as ETag.
#[utoipa::path(get, path = "/v1/cases/{case}", tag = "cases", params(("case" = CaseKey, Path, description = "Its id")),
    responses((status = 200, description = "The case", body = CaseRecord)))]
pub(crate) async fn one(shared: Here, who: Who, At(case): At<CaseId>) -> Result<impl IntoResponse, Problem> {
    let found = shared.store().case(&case).await?.ok_or_else(|| Problem::not_found("case 案件"))?;
    Ok((etag(found.revision), Json(CaseRecord::of(&found, &who)?)))
}

/// Where a case stands in a campaign's queue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlaceTold {
    /// The campaign.
    #[schema(value_type = Key)]
    campaign: CampaignId,
    /// Whether that is being dialled.
    campaign_state: campaigns::State,
    /// How it stands there: waiting, ready, leased, done.
    #[schema(value_type = String, example = "ready")]
    state: &'static str,
    /// Of the cases that are due, the highest is called first.
    rank: i64,
    /// From when it is due, where it waits.
    #[schema(value_type = String, format = DateTime)]
    due_at: WallTime,
    /// The callee's time zone, by its IANA name.
    time_zone: String,
    /// The rule that put it there.
    rule: String,
    /// How many cases that are due are called before it, 10,000 at most; none where it is not due itself.
    ahead: Option<u32>,
    /// Whether there are more than that before it.
    more: bool,
}

impl PlaceTold {
    fn of(place: QueuePlace, time_zone: &str) -> Self {
        let QueuePlace { campaign, campaign_state, state, rank, due_at, why, ahead } = place;
        let (ahead, more) = match ahead {
            None => (None, false),
            Some(Ahead::Exactly(n)) => (Some(n), false),
            Some(Ahead::MoreThan(n)) => (Some(n), true),
        };
        let (campaign_state, state) = (campaign_state.into(), state.label());
        let time_zone = time_zone.to_owned();
        Self { campaign, campaign_state, state, rank, due_at, time_zone, rule: why, ahead, more }
    }
}

/// Where a case stands in the queue of each of its campaigns, and how many are called before it.
#[utoipa::path(get, path = "/v1/cases/{case}/queue", tag = "cases", params(("case" = CaseKey, Path, description = "The case")),
    responses((status = 200, description = "Its places, by the campaigns' ids", body = Vec<PlaceTold>)))]
pub(crate) async fn queue(shared: Here, _: Who, At(case): At<CaseId>) -> Answer<Vec<PlaceTold>> {
    let stored = shared.store().case(&case).await?.ok_or_else(|| Problem::not_found("case 案件"))?;
    let places = shared.store().places(&case, now()).await?;
    let zone = stored.case.time_zone.as_str();
    Ok(Json(places.into_iter().map(|place| PlaceTold::of(place, zone)).collect()))
}

/// A change of a case's state.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    /// What it is now.
    state: State,
}

/// Says that a case is paid, withdrawn, or open again. Calls about one that is not open stop at once, those that
/// ring too.
#[utoipa::path(patch, path = "/v1/cases/{case}", tag = "cases", params(("case" = CaseKey, Path, description = "Its id")),
    request_body = Change, responses((status = 200, description = "The case as it stands now", body = CaseRecord)))]
pub(crate) async fn change(
    shared: Here,
    who: Who,
    At(case): At<CaseId>,
    expected: IfMatch,
    Body(change): Body<Change>,
) -> Result<impl IntoResponse, Problem> {
    let state = change.state.into();
    shared.store().set_case_state(&case, state, expected.expected(), now()).await?;
    one(shared, who, At(case)).await
}

/// Withdraws a case; it stays readable, with what came of it.
#[utoipa::path(delete, path = "/v1/cases/{case}", tag = "cases", params(("case" = CaseKey, Path, description = "Its id")),
    responses((status = 204, description = "It is withdrawn")))]
pub(crate) async fn withdraw(
    shared: Here,
    _: Who,
    At(case): At<CaseId>,
    expected: IfMatch,
) -> Result<StatusCode, Problem> {
    shared.store().set_case_state(&case, CaseState::Withdrawn, expected.expected(), now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
