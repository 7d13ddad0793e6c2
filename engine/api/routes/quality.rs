//! What calls were judged to be, how often each check held, and what calls cost.

use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use waihu_quality::{Check, Judgement};
use waihu_store::{CheckShare, JudgedFilter, StoredJudgement};
use waihu_types::{AttemptId, CampaignId, Lang, WallTime};

use crate::{
    Problem,
    extract::{Answer, Asked, At, Who},
    mask::Veil,
    openapi::Key,
    page::{Page, after, limit},
    state::Here,
};

/// A check, and what came of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckTold {
    /// Its name.
    #[schema(example = "identity")]
    id: String,
    /// What it asks for, in Mandarin.
    zh: String,
    /// The same in English.
    en: String,
    /// `pass`, `fail` or `does_not_apply`.
    verdict: String,
    /// What it weighs.
    weight: u32,
    /// Whether its failure is the call's.
    critical: bool,
    /// What that rests on; no word of the callee's is in it.
    evidence: Vec<EvidenceTold>,
}

/// What a verdict rests on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EvidenceTold {
    /// The line of the transcript, from 1; none where no line shows it.
    line: Option<u32>,
    /// The moment, from the beginning of the recording [ms].
    at_ms: Option<u64>,
    /// What is there to see, in Mandarin.
    zh: String,
    /// The same in English.
    en: String,
}

/// What a call was judged to be.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JudgementTold {
    /// The attempt.
    #[schema(value_type = Key)]
    attempt: String,
    /// The campaign; none for a call placed by hand.
    #[schema(value_type = Option<Key>)]
    campaign: Option<String>,
    /// The script's name.
    script: String,
    /// The agent who had the call; none where it was the bot's alone.
    agent: Option<String>,
    /// How it ended.
    disposition: String,
    /// When it was over.
    #[schema(value_type = String, format = DateTime)]
    ended_at: WallTime,
    /// When it was judged.
    #[schema(value_type = String, format = DateTime)]
    judged_at: WallTime,
    /// The revision of the outcome that was judged.
    #[schema(minimum = 1)]
    revision: i64,
    /// The share of the weights that hold, of those that apply [percent]; none where none does.
    score: Option<i64>,
    /// Whether it is right.
    passed: bool,
    /// Whether a failure is critical.
    critical: bool,
    /// The checks that fail, by name.
    failing: Vec<String>,
}

impl JudgementTold {
    fn of(row: StoredJudgement, judged: &Judgement) -> Self {
        let time = WallTime::from_unix_millis;
        Self {
            failing: judged.failures().map(|checked| checked.id.clone()).collect(),
            attempt: row.attempt,
            campaign: row.campaign,
            script: row.script,
            agent: row.agent,
            disposition: row.disposition,
            ended_at: time(row.ended_at),
            judged_at: time(row.judged_at),
            revision: row.revision,
            score: row.score,
            passed: row.passed != 0,
            critical: row.critical != 0,
        }
    }
}

/// What a call was judged to be, with every check.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JudgedWhole {
    /// What it came to.
    #[serde(flatten)]
    judgement: JudgementTold,
    /// Every check, the gravest first.
    checks: Vec<CheckTold>,
    /// Our share of the talk [percent]; none where nobody spoke. Reckoned from the words where times are not known.
    our_share: Option<u8>,
    /// The longest that the callee waited for a reply [ms].
    longest_wait_ms: u64,
    /// How often the callee spoke over a line of ours.
    overlaps: u32,
    /// The SHA-256 of the rules that it was held against.
    rules: String,
    /// Whether what tells of persons is masked: who asks may not see it in clear, or has not said what for.
    masked: bool,
}

fn read(row: &StoredJudgement) -> Result<Judgement, Problem> {
    serde_json::from_str(&row.record).map_err(|_| {
        tracing::error!(attempt = %row.attempt, "a judgement cannot be read");
        Problem::new(crate::problem::Code::Internal, "a judgement cannot be read 质检结果无法读取")
    })
}

/// A check with its evidence, which cites what was said.
fn told(checked: waihu_quality::Checked, veil: Option<&Veil>) -> CheckTold {
    let check = checked.id.parse::<Check>().ok();
    let title = |lang| check.map(|check| check.title(lang).to_owned()).unwrap_or_default();
    let cited = |text: String, lang| match veil {
        Some(veil) => veil.text(&text, lang),
        None => text,
    };
    let evidence = checked.evidence.into_iter().map(|e| EvidenceTold {
        line: e.line,
        at_ms: e.at_ms,
        zh: cited(e.zh, Lang::Zh),
        en: cited(e.en, Lang::En),
    });
    CheckTold {
        zh: title(Lang::Zh),
        en: title(Lang::En),
        verdict: checked.verdict.label().to_owned(),
        weight: checked.weight,
        critical: checked.critical,
        evidence: evidence.collect(),
        id: checked.id,
    }
}

/// What a call was judged to be, with its evidence; masked, that cites as the transcript shows it.
#[utoipa::path(get, path = "/v1/calls/{attempt}/quality", tag = "quality",
    params(("attempt" = Key, Path, description = "The attempt")),
    responses((status = 200, description = "The judgement", body = JudgedWhole)))]
pub(crate) async fn of_call(shared: Here, who: Who, At(attempt): At<AttemptId>) -> Answer<JudgedWhole> {
    let row = shared.store().judgement(&attempt).await?;
    let row = row.ok_or_else(|| Problem::not_found("judgement 质检结果"))?;
    let judged = read(&row)?;
    let veil = Veil::over_call(&shared, &who, &attempt).await?;
    Ok(Json(JudgedWhole {
        judgement: JudgementTold::of(row, &judged),
        our_share: judged.facts.our_share,
        longest_wait_ms: judged.facts.longest_wait_ms,
        overlaps: judged.facts.overlaps,
        rules: judged.rules,
        checks: judged.checks.into_iter().map(|checked| told(checked, veil.as_ref())).collect(),
        masked: veil.is_some(),
    }))
}

/// Which judgements are wanted; all where nothing is set.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Of one campaign.
    #[param(value_type = Option<Key>)]
    campaign: Option<CampaignId>,
    /// Of one script.
    script: Option<String>,
    /// Of calls that an agent had.
    agent: Option<String>,
    /// In which this check fails.
    #[param(max_length = 64, example = "identity")]
    failing: Option<String>,
    /// That are right, or not.
    passed: Option<bool>,
    /// With a critical failure, or without.
    critical: Option<bool>,
    /// With this score or less [percent].
    #[param(minimum = 0, maximum = 100)]
    most: Option<u8>,
    /// Of calls that ended at this moment or later (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<WallTime>,
    /// Of calls that ended before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<WallTime>,
    /// Where the page before ended: its `next`. Left out for the first page.
    #[param(max_length = 512)]
    cursor: Option<String>,
    /// How many rows, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

impl Which {
    fn filter(&self) -> Result<JudgedFilter, Problem> {
        if self.failing.as_ref().is_some_and(|check| check.parse::<Check>().is_err()) {
            let known: Vec<&str> = Check::ALL.iter().map(|check| check.label()).collect();
            return Err(Problem::invalid(
                "failing",
                format!("one of {} is expected 检查项有误", known.join(", ")),
            ));
        }
        if self.most.is_some_and(|most| most > 100) {
            return Err(Problem::invalid("most", "0 to 100 is expected 应为 0 至 100"));
        }
        Ok(JudgedFilter {
            campaign: self.campaign.clone(),
            script: self.script.clone(),
            agent: self.agent.clone(),
            failing: self.failing.clone(),
            passed: self.passed,
            critical: self.critical,
            most: self.most,
            since: self.since,
            until: self.until,
        })
    }
}

/// What calls were judged to be, the newest first.
#[utoipa::path(get, path = "/v1/quality", tag = "quality", params(Which),
    responses((status = 200, description = "A page of judgements", body = Page<JudgementTold>)))]
pub(crate) async fn list(shared: Here, _: Who, Asked(which): Asked<Which>) -> Answer<Page<JudgementTold>> {
    let (from, limit) = (after::<(WallTime, AttemptId)>(which.cursor.as_deref())?, limit(which.limit)?);
    let rows = shared.store().judgements(&which.filter()?, from.as_ref(), limit + 1).await?;
    let place = |row: &StoredJudgement| (WallTime::from_unix_millis(row.ended_at), row.attempt.clone());
    Page::of(rows, limit, place, |row| {
        let judged = read(&row)?;
        Ok(JudgementTold::of(row, &judged))
    })
    .map(Json)
}

/// How often a check held.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Held {
    /// The check.
    id: String,
    /// What it asks for, in Mandarin.
    zh: String,
    /// The same in English.
    en: String,
    /// Calls in which it held.
    passed: i64,
    /// In which it did not.
    failed: i64,
    /// In which there was nothing to hold it against.
    not_applied: i64,
    /// The share in which it held, of those that it applied to, from 0 to 1; none where it applied to none.
    share: Option<f64>,
}

impl From<CheckShare> for Held {
    fn from(share: CheckShare) -> Self {
        let check = share.check_id.parse::<Check>().ok();
        let title = |lang| check.map(|check| check.title(lang).to_owned()).unwrap_or_default();
        let applied = share.passed + share.failed;
        // Counts of rows are far below what a f64 holds exactly.
        let of = |n: i64| n as f64;
        Self {
            zh: title(Lang::Zh),
            en: title(Lang::En),
            share: (applied > 0).then(|| of(share.passed) / of(applied)),
            passed: share.passed,
            failed: share.failed,
            not_applied: share.not_applied,
            id: share.check_id,
        }
    }
}

/// How often each check held.
#[utoipa::path(get, path = "/v1/quality/checks", tag = "quality", params(Which),
    responses((status = 200, description = "By check", body = Vec<Held>)))]
pub(crate) async fn checks(shared: Here, _: Who, Asked(which): Asked<Which>) -> Answer<Vec<Held>> {
    // All are told at once: what is said of a page has to hold, and means nothing.
    after::<(WallTime, AttemptId)>(which.cursor.as_deref())?;
    limit(which.limit)?;
    let mut shares: Vec<Held> =
        shared.store().check_shares(&which.filter()?).await?.into_iter().map(Held::from).collect();
    // The gravest first, as everywhere.
    shares.sort_by_key(|held| Check::ALL.iter().position(|check| check.label() == held.id));
    Ok(Json(shares))
}

/// Which costs are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OfWhich {
    /// Of one campaign; of all where left out.
    #[param(value_type = Option<Key>)]
    campaign: Option<CampaignId>,
    /// Of calls that ended at this moment or later (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<WallTime>,
    /// Of calls that ended before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<WallTime>,
}

/// What the calls of a campaign cost. Sums are exact decimals as text, rounded to hundredths at their end.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Cost {
    /// The campaign; none for calls placed by hand.
    #[schema(value_type = Option<Key>)]
    pub campaign: Option<String>,
    /// The trunk whose rates were taken; none where the campaign's is not known or has none: then calls cost nothing here.
    pub trunk: Option<String>,
    /// The currency of the sums.
    #[schema(example = "CNY")]
    pub currency: String,
    /// Calls that ended.
    pub calls: i64,
    /// That were answered.
    pub answered: i64,
    /// In which the person who owes was spoken with.
    pub contacts: i64,
    /// With a promise.
    pub promises: i64,
    /// With a promise that is due by now, and was kept.
    pub kept: i64,
    /// What the carrier charges.
    #[schema(example = "12.30")]
    pub calls_cost: String,
    /// What agents' time costs.
    #[schema(example = "40.00")]
    pub agents_cost: String,
    /// Both by contact; none where there was none.
    pub per_contact: Option<String>,
    /// Both by promise; none where there was none.
    pub per_promise: Option<String>,
    /// Both by promise kept; none where there was none.
    pub per_kept: Option<String>,
}

/// What calls cost: the carrier's rates (`[rates]` of the trunk's file) and agents' time (`[agents]` of waihu.toml).
#[utoipa::path(get, path = "/v1/results/costs", tag = "board", params(OfWhich),
    responses((status = 200, description = "By campaign", body = Vec<Cost>)))]
pub(crate) async fn costs(shared: Here, _: Who, Asked(which): Asked<OfWhich>) -> Answer<Vec<Cost>> {
    let since = which.since.unwrap_or(WallTime::from_unix_millis(0));
    let until = which.until.unwrap_or(WallTime::from_unix_millis(i64::MAX));
    let prices = (shared.inner().state.prices)();
    Ok(Json(crate::costs::costs(shared.store(), &prices, which.campaign.as_ref(), (since, until)).await?))
}

/// A record's text as JSON; null where it is none.
pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
