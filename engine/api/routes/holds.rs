//! What may not be removed, whatever the days of a profile say.

use axum::{Json, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use waihu_store::{HoldOn, HoldPlace, StoredHold};
use waihu_types::WallTime;

use crate::{
    Problem,
    extract::{Answer, Asked, At, Body, Who},
    page::{Page, Wanted, after, limit},
    routes::do_not_call::{Entered, Lifted, reason},
    state::{Here, now},
};

/// What is held.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HeldKind {
    /// One call, by its attempt.
    Call,
    /// All calls of a case.
    Case,
    /// All calls of a debtor, by the lender's id of the person.
    Debtor,
}

impl HeldKind {
    fn word(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Case => "case",
            Self::Debtor => "debtor",
        }
    }
}

/// Something to be held.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    /// What.
    kind: HeldKind,
    /// Which one.
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]*$",
        example = "C-1001"
    )]
    id: String,
    /// Why.
    #[schema(min_length = 1, max_length = 500)]
    why: String,
    /// Until when; until it is lifted where left out.
    #[serde(default)]
    #[schema(nullable = false, value_type = Option<String>, format = DateTime)]
    until: Option<WallTime>,
}

/// A hold.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HoldEntry {
    /// Its id.
    #[schema(minimum = 1)]
    id: i64,
    /// What is held: `call`, `case` or `debtor`.
    #[schema(example = "case")]
    kind: &'static str,
    /// Which one.
    subject: String,
    /// Why.
    why: String,
    /// Who placed it.
    person: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: WallTime,
    /// Until when; none until it is lifted.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<WallTime>,
    /// Whether it holds now.
    stands: bool,
    /// That it was lifted; none where it was not.
    lifted: Option<Lifted>,
}

impl HoldEntry {
    pub(super) fn of(hold: StoredHold, now: WallTime) -> Self {
        Self {
            id: hold.id,
            kind: hold.on.kind(),
            subject: hold.on.subject().to_owned(),
            stands: hold.stands(now),
            why: hold.why,
            person: hold.person,
            at: hold.at,
            until: hold.until,
            lifted: hold.lifted.map(|(at, person, why)| Lifted { at, person, why }),
        }
    }
}

/// Places a hold: from this moment on nothing of it is removed, by no sweep and on nobody's wish.
#[utoipa::path(post, path = "/v1/holds", tag = "holds", request_body = Place,
    responses((status = 201, description = "It holds", body = Entered)))]
pub(crate) async fn place(
    shared: Here,
    who: Who,
    Body(it): Body<Place>,
) -> Result<(StatusCode, Json<Entered>), Problem> {
    let why = reason("why", &it.why)?;
    let on = HoldOn::read(it.kind.word(), &it.id).map_err(|e| Problem::invalid("id", e.to_string()))?;
    let now = now();
    if it.until.is_some_and(|until| until <= now) {
        return Err(Problem::invalid("until", "that is over: write a later moment 应晚于现在"));
    }
    let id = shared.store().place_hold(&on, &why, who.person(), it.until, now).await?;
    Ok((StatusCode::CREATED, Json(Entered { id })))
}

/// Holds: those that stand before those that were lifted or are over, and the newest first.
#[utoipa::path(get, path = "/v1/holds", tag = "holds", params(Wanted),
    responses((status = 200, description = "A page of holds", body = Page<HoldEntry>)))]
pub(crate) async fn list(shared: Here, _: Who, Asked(wanted): Asked<Wanted>) -> Answer<Page<HoldEntry>> {
    let (from, limit, now) = (after::<HoldPlace>(wanted.cursor.as_deref())?, limit(wanted.limit)?, now());
    let rows = shared.store().holds_page(from, limit + 1, now).await?;
    Page::of(rows, limit, |hold| (hold.stands(now), hold.id), |hold| Ok(HoldEntry::of(hold, now))).map(Json)
}

/// Why a hold is lifted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LiftHold {
    /// Why.
    #[schema(min_length = 1, max_length = 500)]
    why: String,
}

/// Lifts a hold: what it kept goes when its days are over.
#[utoipa::path(post, path = "/v1/holds/{hold}/lift", tag = "holds", request_body = LiftHold,
    params(("hold" = i64, Path, description = "The hold's id", minimum = 1)),
    responses((status = 204, description = "It holds no more")))]
pub(crate) async fn lift(
    shared: Here,
    who: Who,
    At(hold): At<i64>,
    Body(it): Body<LiftHold>,
) -> Result<StatusCode, Problem> {
    let why = reason("why", &it.why)?;
    if !shared.store().lift_hold(hold, &why, who.person(), now()).await? {
        return Err(Problem::not_found("hold that stands 有效的封存"));
    }
    Ok(StatusCode::NO_CONTENT)
}
