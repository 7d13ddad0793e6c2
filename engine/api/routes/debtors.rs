//! What is kept of a person: looked up, handed out as one file, removed. Whose it is stands in a body, never in a path or
//! a query, which others log, and in the audit by its SHA-256 alone.

use std::io;

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use waihu_keeping::{KeepError, KeptOf};
use waihu_store::{Act, StoredCase};
use waihu_types::{AttemptId, CaseId, DebtorId, PhoneNumber};

use crate::{
    Problem,
    extract::{Answer, Body, Who},
    kept::{Part, sent},
    mask,
    problem::Code,
    routes::{
        calls::{ended, fell, unopened},
        do_not_call::reason,
        holds::HoldEntry,
        outcomes::Promised,
    },
    state::{Here, Shared, now},
};

/// By what a person is sought: one of these.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FindDebtor {
    /// The lender's id of the person; of a case that names none, the case's.
    #[serde(default)]
    #[schema(nullable = false, value_type = Option<String>, min_length = 1, max_length = 64,
        pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]*$", example = "D-7")]
    debtor: Option<DebtorId>,
    /// The lender's id of a case of theirs.
    #[serde(default)]
    #[schema(nullable = false, value_type = Option<String>, min_length = 1, max_length = 64,
        pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]*$")]
    case: Option<CaseId>,
    /// A number that they were called at, or are to be, however it is written.
    #[serde(default)]
    #[schema(nullable = false, value_type = Option<String>)]
    number: Option<PhoneNumber>,
}

/// A case of a person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CaseOf {
    /// The lender's id of it.
    case: String,
    /// Whose it is, as it is spoken; its first character where it is masked.
    name: String,
    /// Whom the calls are for.
    creditor: String,
    /// The product.
    product: String,
    /// `open`, `paid` or `withdrawn`.
    state: &'static str,
    /// The time zone of their place, by its IANA name.
    time_zone: String,
}

impl CaseOf {
    fn of(stored: StoredCase, who: &Who) -> Self {
        let case = stored.case;
        let name = if who.sees_clear() { case.name } else { mask::name(&case.name) };
        let (creditor, product, time_zone) = (case.creditor, case.product, case.time_zone);
        Self { case: case.id.to_string(), name, creditor, product, state: stored.state.label(), time_zone }
    }
}

/// A person, and what is kept of them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DebtorKept {
    /// The lender's id of the person, or of their one case.
    debtor: String,
    /// Cases, as they were told last; those that were removed since are not among them.
    cases: Vec<CaseOf>,
    /// Calls by their attempts, the oldest first.
    calls: Vec<String>,
    /// What was promised in these calls, and what became of it, in the order in which they ended.
    promises: Vec<Promised>,
    /// How many text messages.
    messages: usize,
    /// Holds on the person, a case or a call, those that were lifted too.
    holds: Vec<HoldEntry>,
    /// Whether a hold keeps it now: it is not erased then.
    held: bool,
    /// Whether what tells of persons is masked: who asks may not see it in clear, or has not said what for.
    masked: bool,
}

impl DebtorKept {
    async fn of(shared: &Shared, debtor: &DebtorId, kept: KeptOf, who: &Who) -> Result<Self, Problem> {
        let calls: Vec<&AttemptId> = kept.calls.iter().collect();
        let promised = shared.store().promised(&calls).await?;
        let now = now();
        Ok(Self {
            debtor: debtor.to_string(),
            cases: kept.cases.into_iter().map(|stored| CaseOf::of(stored, who)).collect(),
            calls: calls.into_iter().map(AttemptId::to_string).collect(),
            promises: promised.into_iter().map(|filed| Promised::of(filed, who)).collect::<Result<_, _>>()?,
            messages: kept.messages,
            held: kept.holds.iter().any(|hold| hold.stands(now)),
            holds: kept.holds.into_iter().map(|hold| HoldEntry::of(hold, now)).collect(),
            masked: !who.sees_clear(),
        })
    }
}

/// Whom a search found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DebtorsFound {
    /// Persons; of a number there may be several, and none where nothing is kept.
    items: Vec<DebtorKept>,
}

/// Tells what is kept of a person, who is sought by one of three.
#[utoipa::path(post, path = "/v1/debtors/find", tag = "debtors", request_body = FindDebtor,
    responses((status = 200, description = "What is kept", body = DebtorsFound)))]
pub(crate) async fn find(shared: Here, who: Who, Body(it): Body<FindDebtor>) -> Answer<DebtorsFound> {
    let store = shared.store();
    let debtors = match (it.debtor, it.case, it.number) {
        (Some(debtor), None, None) => vec![debtor],
        (None, Some(case), None) => store.debtors_of_case(&case).await?,
        (None, None, Some(number)) => store.debtors_of_number(&number).await?,
        _ => {
            let one = "one of `debtor`, `case` and `number` is expected 三者择一";
            return Err(Problem::invalid("debtor", one));
        }
    };
    let mut items = Vec::new();
    for debtor in debtors {
        match shared.inner().state.archive.kept_of(&debtor).await {
            Ok(kept) => items.push(DebtorKept::of(&shared, &debtor, kept, &who).await?),
            Err(KeepError::UnknownDebtor) => {}
            Err(e) => return Err(problem(e)),
        }
    }
    Ok(Json(DebtorsFound { items }))
}

/// Whose access it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessDebtor {
    /// The lender's id of the person, as it was found.
    #[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]*$")]
    debtor: DebtorId,
}

/// Everything that is kept of a person, as one zip that can be read: cases, calls with sound and words, messages, who
/// looked at them, what keeps them.
#[utoipa::path(post, path = "/v1/debtors/access", tag = "debtors", request_body = AccessDebtor,
    responses((status = 200, description = "The zip", content_type = "application/zip"),
        (status = 409, description = "No key here opens its files", body = crate::problem::Details)))]
pub(crate) async fn access(
    shared: Here,
    who: Who,
    Body(it): Body<AccessDebtor>,
) -> Result<Response, Problem> {
    let row = written_down(&shared, &who, "debtor access", &it.debtor).await?;
    let made = handed_out(&shared, &who, &it.debtor).await;
    ended(&shared, row, made.as_ref().map_or_else(Problem::status, |_| StatusCode::OK).as_u16()).await;
    let (body, length) = made?;
    let told = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"person.zip\"".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((told, body).into_response())
}

/// The zip, which has no name on the disk and is gone when it was sent.
async fn handed_out(
    shared: &Shared,
    who: &Who,
    debtor: &DebtorId,
) -> Result<(axum::body::Body, u64), Problem> {
    let archive = &shared.inner().state.archive;
    let failed = |e: io::Error| {
        tracing::error!(error = %e, "a person's file cannot be written");
        Problem::new(Code::Unavailable, "no room for the file 磁盘无法写入文件")
    };
    let out = waihu_keeping::scratch(&archive.recordings).map_err(failed)?;
    let given = archive.access(debtor, out, who.person(), now()).await.map_err(problem)?;
    let length = given.file.metadata().map_err(failed)?.len();
    Ok((sent(given.file, Part { first: 0, end: length }).await.map_err(failed)?, length))
}

/// Whose traces are to be removed, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EraseDebtor {
    /// The lender's id of the person, as it was found.
    #[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]*$")]
    debtor: DebtorId,
    /// The same once more, as somebody has typed it: there is no way back.
    #[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]*$")]
    confirm: DebtorId,
    /// Why: the person's wish, and where it is on file.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// What was removed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DebtorErased {
    /// Cases.
    cases: usize,
    /// Calls, of which that they were made, when and why they were allowed stays.
    calls: usize,
}

/// Removes everything that tells who a person is. That calls were made, when, how they ended and why they were allowed
/// stays, under ids that lead to nobody; so do do-not-call entries, which are the person's own wish, and the audit.
/// Files on other nodes go within ten minutes.
#[utoipa::path(post, path = "/v1/debtors/erase", tag = "debtors", request_body = EraseDebtor,
    responses((status = 200, description = "It is gone", body = DebtorErased),
        (status = 409, description = "A hold keeps it, or a call is up", body = crate::problem::Details)))]
pub(crate) async fn erase(shared: Here, who: Who, Body(it): Body<EraseDebtor>) -> Answer<DebtorErased> {
    let reason = reason("reason", &it.reason)?;
    if it.confirm != it.debtor {
        return Err(Problem::invalid(
            "confirm",
            "it is not the same id: type it once more 两次输入的编号不一致",
        ));
    }
    let row = written_down(&shared, &who, "debtor erase", &it.debtor).await?;
    let erased = shared.inner().state.archive.erase(&it.debtor, (&reason, who.person()), now()).await;
    let erased = erased.map_err(problem);
    ended(&shared, row, erased.as_ref().map_or_else(Problem::status, |_| StatusCode::OK).as_u16()).await;
    let (cases, calls) = erased?;
    Ok(Json(DebtorErased { cases, calls }))
}

/// Writes down who does what about whom, before it is done.
async fn written_down(shared: &Shared, who: &Who, act: &str, debtor: &DebtorId) -> Result<i64, Problem> {
    let whose = hex::encode(Sha256::digest(debtor.as_str()));
    let act = Act { token: &who.token, person: who.person(), act, request: &whose };
    Ok(shared.store().write_down(act, now()).await?)
}

fn problem(e: KeepError) -> Problem {
    match e {
        KeepError::Store(e) => e.into(),
        KeepError::Vault(e) => unopened(&e, "a file of the person"),
        KeepError::UnknownDebtor => Problem::not_found("debtor 债务人记录"),
        e => {
            tracing::error!(error = %e, "what is kept of a person cannot be handed out or removed");
            fell()
        }
    }
}
