//! What was dialled, what came of it, what was promised, and why it was allowed.

use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use waihu_campaign::fate::Fate;
use waihu_store::{After, Attempt, FiledOutcome, Filter, Kept, PageFilter};
use waihu_types::{AttemptId, CampaignId, CaseId, Disposition, Outcome, WallTime};

use crate::{
    Problem,
    extract::{Answer, Asked, At, Who},
    mask::record,
    openapi::{CaseKey, Key, OutcomeRecord, PromiseRecord},
    page::{Page, after, limit},
    state::Here,
};

/// Which attempts or outcomes are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Of one campaign.
    #[param(value_type = Option<Key>)]
    campaign: Option<CampaignId>,
    /// Of one case.
    #[param(value_type = Option<CaseKey>)]
    case: Option<CaseId>,
    /// From this moment on (RFC 3339): attempts that were dialled, outcomes that ended.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-27T00:00:00Z")]
    since: Option<WallTime>,
    /// Where the page before ended: its `next`. Left out for the first page.
    #[param(max_length = 512)]
    cursor: Option<String>,
    /// How many rows, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

impl Which {
    fn filter(&self, kept: Kept) -> PageFilter {
        PageFilter {
            campaign: self.campaign.clone(),
            case: self.case.clone(),
            disposition: None,
            since: self.since,
            kept,
        }
    }
}

/// An attempt: a call that was, or is being, dialled.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AttemptRecord {
    /// Its id; names the outcome too.
    #[schema(value_type = Key)]
    attempt: AttemptId,
    /// The campaign; none for a call placed by hand.
    #[schema(value_type = Option<Key>)]
    campaign: Option<CampaignId>,
    /// The case.
    #[schema(value_type = CaseKey)]
    case: CaseId,
    /// The number dialled; its last two digits where it is masked.
    #[schema(example = "…78")]
    callee: String,
    /// When the INVITE was to leave.
    #[schema(value_type = String, format = DateTime)]
    dialled_at: WallTime,
    /// When it was answered; none where it was not.
    #[schema(value_type = Option<String>, format = DateTime)]
    answered_at: Option<WallTime>,
    /// Whether it is under way.
    open: bool,
    /// Whether what tells of persons is masked: who asks may not see it in clear, or has not said what for.
    masked: bool,
}

impl AttemptRecord {
    fn of(attempt: Attempt, who: &Who) -> Self {
        let Attempt { begun, answered_at, open } = attempt;
        let masked = !who.sees_clear();
        let callee = if masked { begun.callee.masked() } else { begun.callee.as_str().to_owned() };
        let dialled_at = begun.dialled_at;
        Self {
            attempt: begun.attempt,
            campaign: begun.campaign,
            case: begun.case,
            callee,
            dialled_at,
            answered_at,
            open,
            masked,
        }
    }
}

/// Attempts, in the order in which they were dialled.
#[utoipa::path(get, path = "/v1/attempts", tag = "outcomes", params(Which),
    responses((status = 200, description = "A page of attempts", body = Page<AttemptRecord>)))]
pub(crate) async fn attempts(
    shared: Here,
    who: Who,
    Asked(which): Asked<Which>,
) -> Answer<Page<AttemptRecord>> {
    let (from, limit) = (after::<After>(which.cursor.as_deref())?, limit(which.limit)?);
    let rows = shared.store().attempts_page(&which.filter(Kept::All), from.as_ref(), limit + 1).await?;
    let place = |a: &Attempt| (a.begun.dialled_at, a.begun.attempt.clone());
    Page::of(rows, limit, place, |a| Ok(AttemptRecord::of(a, &who))).map(Json)
}

/// One attempt.
#[utoipa::path(get, path = "/v1/attempts/{attempt}", tag = "outcomes", params(("attempt" = Key, Path, description = "Its id")),
    responses((status = 200, description = "The attempt", body = AttemptRecord)))]
pub(crate) async fn attempt(shared: Here, who: Who, At(attempt): At<AttemptId>) -> Answer<AttemptRecord> {
    let found = shared.store().attempt(&attempt).await?.ok_or_else(|| Problem::not_found("attempt 通话"))?;
    Ok(Json(AttemptRecord::of(found, &who)))
}

/// How it ended, of outcomes that are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhichOutcomes {
    /// Of one campaign.
    #[param(value_type = Option<Key>)]
    campaign: Option<CampaignId>,
    /// Of one case.
    #[param(value_type = Option<CaseKey>)]
    case: Option<CaseId>,
    /// Those that ended so, as an agent put it down where one did; a word of the record's `disposition`.
    #[param(value_type = Option<String>, example = "promise_to_pay")]
    disposition: Option<Disposition>,
    /// That ended at this moment or later (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-27T00:00:00Z")]
    since: Option<WallTime>,
    /// Where the page before ended: its `next`. Left out for the first page.
    #[param(max_length = 512)]
    cursor: Option<String>,
    /// How many rows, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// Outcomes, in the order in which their calls ended. An outcome may be filed late, with an earlier end: who wants
/// each of them once follows `/v1/events`.
#[utoipa::path(get, path = "/v1/outcomes", tag = "outcomes", params(WhichOutcomes),
    responses((status = 200, description = "A page of outcomes", body = Page<OutcomeRecord>)))]
pub(crate) async fn outcomes(
    shared: Here,
    who: Who,
    Asked(which): Asked<WhichOutcomes>,
) -> Answer<Page<OutcomeRecord>> {
    let (from, limit) = (after::<After>(which.cursor.as_deref())?, limit(which.limit)?);
    let filter = PageFilter {
        campaign: which.campaign,
        case: which.case,
        disposition: which.disposition,
        since: which.since,
        kept: Kept::All,
    };
    let rows = shared.store().outcomes_page(&filter, from.as_ref(), limit + 1).await?;
    Page::of(rows, limit, place, |o| record(&o, &who).map(OutcomeRecord)).map(Json)
}

fn place(outcome: &Outcome) -> After {
    (outcome.ended_at, outcome.attempt.clone())
}

/// The outcome of one attempt.
#[utoipa::path(get, path = "/v1/outcomes/{attempt}", tag = "outcomes", params(("attempt" = Key, Path, description = "The attempt")),
    responses((status = 200, description = "The outcome", body = OutcomeRecord)))]
pub(crate) async fn outcome(shared: Here, who: Who, At(attempt): At<AttemptId>) -> Answer<OutcomeRecord> {
    let filter = Filter { attempt: Some(attempt), ..Filter::default() };
    let found = shared.store().outcomes(&filter).await?.pop();
    let found = found.ok_or_else(|| Problem::not_found("outcome 结果"))?;
    Ok(Json(OutcomeRecord(record(&found, &who)?)))
}

/// A promise to pay, and the call in which it was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Promised {
    /// The attempt in which it was made.
    #[schema(value_type = Key)]
    attempt: AttemptId,
    /// The campaign; none for a call placed by hand.
    #[schema(value_type = Option<Key>)]
    campaign: Option<CampaignId>,
    /// The case.
    #[schema(value_type = CaseKey)]
    case: CaseId,
    /// When the call ended.
    #[schema(value_type = String, format = DateTime)]
    ended_at: WallTime,
    /// What was promised, as in the outcome.
    promise: PromiseRecord,
    /// What became of it, as it was looked at last: `open`, `kept`, `kept_in_part`, `broken`, `replaced` by a later one,
    /// `unknown`; none for promises of before this was kept.
    #[schema(value_type = Option<String>)]
    state: Option<&'static str>,
}

impl Promised {
    pub(super) fn of(filed: FiledOutcome, who: &Who) -> Result<Self, Problem> {
        let FiledOutcome { outcome: o, fate, .. } = filed;
        let promise = PromiseRecord(record(&o.promise, who)?);
        let state = fate.map(Fate::label);
        let (attempt, campaign, case, ended_at) = (o.attempt, o.campaign, o.case, o.ended_at);
        Ok(Self { attempt, campaign, case, ended_at, promise, state })
    }
}

/// Promises to pay, in the order in which their calls ended.
#[utoipa::path(get, path = "/v1/promises", tag = "outcomes", params(Which),
    responses((status = 200, description = "A page of promises", body = Page<Promised>)))]
pub(crate) async fn promises(shared: Here, who: Who, Asked(which): Asked<Which>) -> Answer<Page<Promised>> {
    let (from, limit) = (after::<After>(which.cursor.as_deref())?, limit(which.limit)?);
    let rows = shared.store().filed_page(&which.filter(Kept::Promises), from.as_ref(), limit + 1).await?;
    Page::of(rows, limit, |filed| place(&filed.outcome), |filed| Promised::of(filed, &who)).map(Json)
}

/// What was promised in one call, and what became of it.
#[utoipa::path(get, path = "/v1/promises/{attempt}", tag = "outcomes", params(("attempt" = Key, Path, description = "The attempt")),
    responses((status = 200, description = "The promise", body = Promised)))]
pub(crate) async fn promise(shared: Here, who: Who, At(attempt): At<AttemptId>) -> Answer<Promised> {
    let found = shared.store().promised(&[&attempt]).await?.pop();
    let found = found.ok_or_else(|| Problem::not_found("promise 承诺"))?;
    Promised::of(found, &who).map(Json)
}

/// What compliance decided about a call, and from what.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Decided {
    /// The clock that it was decided by.
    #[schema(value_type = String, format = DateTime)]
    at: WallTime,
    /// The campaign; none for a call placed by hand.
    #[schema(value_type = Option<Key>)]
    campaign: Option<CampaignId>,
    /// The attempt that began with it; none where nobody was called.
    #[schema(value_type = Option<Key>)]
    attempt: Option<AttemptId>,
    /// The profile.
    profile: String,
    /// The SHA-256 of the profile's files.
    profile_sha256: String,
    /// What was decided: allowed, denied, or denied and somebody answered for calling all the same.
    #[schema(value_type = String, example = "allowed")]
    verdict: &'static str,
    /// The ids of the rules that were asked; where it was denied, of those that denied it.
    rules: Vec<String>,
    /// The first moment at which it would be allowed, where it was denied and there is one.
    #[schema(value_type = Option<String>, format = DateTime)]
    next: Option<WallTime>,
    /// What it was decided from.
    #[schema(value_type = Object)]
    evidence: Value,
    /// Who let it pass that was denied, and why.
    despite: Option<String>,
}

/// Why each call about a case was allowed or denied, in the order in which it was asked; at most the newest 1,000.
#[utoipa::path(get, path = "/v1/cases/{case}/decisions", tag = "cases", params(("case" = CaseKey, Path, description = "The case")),
    responses((status = 200, description = "The decisions", body = Vec<Decided>)))]
pub(crate) async fn decisions(shared: Here, who: Who, At(case): At<CaseId>) -> Answer<Vec<Decided>> {
    let mut kept = shared.store().decisions(&case).await?;
    kept.drain(..kept.len().saturating_sub(MOST_DECISIONS));
    let decided = kept.into_iter().map(|d| {
        let evidence = record(&d.evidence, &who)?;
        let verdict = d.verdict.label();
        let (at, campaign, attempt, next) = (d.at, d.campaign, d.attempt, d.next);
        let (profile, profile_sha256, rules, despite) = (d.profile, d.profile_sha256, d.rules, d.despite);
        Ok(Decided {
            at,
            campaign,
            attempt,
            profile,
            profile_sha256,
            verdict,
            rules,
            next,
            evidence,
            despite,
        })
    });
    decided.collect::<Result<Vec<_>, Problem>>().map(Json)
}

/// Beyond it nobody reads: two years of being asked once a day.
const MOST_DECISIONS: usize = 1_000;
