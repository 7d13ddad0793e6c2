//! What persons did here, and whether the record of it still holds.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;
use waihu_store::AuditRow;
use waihu_types::WallTime;

use crate::{
    extract::{Answer, Asked, Who},
    page::{Page, Wanted, after, limit},
    state::Here,
};

/// What somebody did, or looked at.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Done {
    /// Its place in the log.
    #[schema(minimum = 1)]
    id: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: WallTime,
    /// By which token or session.
    token: String,
    /// Whose that is.
    person: String,
    /// The method and the path; of a look the keys that it was asked by too, and how many rows were shown.
    #[schema(example = "POST /v1/campaigns/november/start")]
    act: String,
    /// The SHA-256 of what was handed in; empty where nothing was.
    request: String,
    /// The status of the answer; none where the process died before it.
    status: Option<i64>,
    /// Its number in the chain; none where an older waihu wrote it, until the next start.
    number: Option<i64>,
    /// Its hash, of which the next row's is made.
    hash: Option<String>,
}

impl From<AuditRow> for Done {
    fn from(row: AuditRow) -> Self {
        let AuditRow { id, at, token, person, act, request, status, seq, hash } = row;
        let at = WallTime::from_unix_millis(at);
        Self { id, at, token, person, act, request, status, number: seq, hash }
    }
}

/// What persons changed and looked at, the newest first.
#[utoipa::path(get, path = "/v1/audit", tag = "audit", params(Wanted),
    responses((status = 200, description = "A page of the log", body = Page<Done>)))]
pub(crate) async fn audit(shared: Here, _: Who, Asked(wanted): Asked<Wanted>) -> Answer<Page<Done>> {
    let (before, limit) = (after::<i64>(wanted.cursor.as_deref())?, limit(wanted.limit)?);
    let rows = shared.store().audit_before(before, limit + 1).await?;
    Page::of(rows, limit, |row| row.id, |row| Ok(row.into())).map(Json)
}

/// Whether the audit holds: each row carries the hash of the one before.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Chain {
    /// Whether every row fits.
    whole: bool,
    /// The last row that fits; 0 where there is none.
    #[schema(minimum = 0)]
    rows: i64,
    /// Its hash. Whoever kept one of before finds by `waihu audit verify --head` whether that is still in it.
    head: String,
    /// The first row that does not fit, and how; none where all do.
    fault: Option<String>,
}

/// Walks the audit from its first row to its last. A long one is walked by `waihu audit verify`, which has no 30 s to
/// be done in.
#[utoipa::path(get, path = "/v1/audit/check", tag = "audit",
    responses((status = 200, description = "What was found", body = Chain)))]
pub(crate) async fn check(shared: Here, _: Who) -> Answer<Chain> {
    let (head, broken) = shared.store().walk_audit(|_| {}).await?;
    let fault = broken.map(|broken| broken.to_string());
    Ok(Json(Chain { whole: fault.is_none(), rows: head.seq, head: head.hash, fault }))
}
