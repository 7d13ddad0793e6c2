//! Whom nobody calls, whatever the case. A number stands in a body, never in a path or a query, which others log.

use axum::{Json, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use waihu_store::{Bar, Forbidden};
use waihu_types::{PhoneNumber, WallTime};

use crate::{
    Problem,
    extract::{Answer, Asked, Body, Who},
    page::{Page, Wanted, after, limit},
    state::{Here, now},
};

/// The longest reason [characters]: a few sentences.
const MAX_WHY: usize = 500;

pub(crate) fn reason(field: &str, text: &str) -> Result<String, Problem> {
    let text = text.trim();
    let odd = |c: char| c.is_control() && c != '\n';
    if text.is_empty() || text.chars().count() > MAX_WHY || text.contains(odd) {
        return Err(Problem::invalid(
            field,
            "from 1 to 500 characters that can be read are expected 应为 1 至 500 个可读字符",
        ));
    }
    Ok(text.to_owned())
}

/// An entry of the list. It shows no number: `/v1/do-not-call/lookup` tells what stands there of one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Entry {
    /// Its id.
    #[schema(minimum = 1)]
    id: i64,
    /// Why.
    reason: String,
    /// Who entered it.
    person: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: WallTime,
    /// That it was lifted; none where it holds.
    lifted: Option<Lifted>,
}

/// That an entry was lifted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Lifted {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: WallTime,
    /// By whom.
    pub(crate) person: String,
    /// Why.
    pub(crate) why: String,
}

impl From<Forbidden> for Entry {
    fn from(f: Forbidden) -> Self {
        let lifted = f.lifted.map(|(at, person, why)| Lifted { at, person, why });
        Self { id: f.id, reason: f.reason, person: f.person, at: f.at, lifted }
    }
}

/// A number that is not to be called.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Enter {
    /// The number, however it is written.
    #[schema(value_type = String, example = "+8613800138000")]
    number: PhoneNumber,
    /// Why.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// What was entered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Entered {
    /// The entry's id.
    #[schema(minimum = 1)]
    pub(crate) id: i64,
}

/// Enters a number: from this moment on no campaign dials it.
#[utoipa::path(post, path = "/v1/do-not-call", tag = "do_not_call", request_body = Enter,
    responses((status = 201, description = "It is entered", body = Entered)))]
pub(crate) async fn enter(
    shared: Here,
    who: Who,
    Body(it): Body<Enter>,
) -> Result<(StatusCode, Json<Entered>), Problem> {
    let reason = reason("reason", &it.reason)?;
    let id = shared.store().forbid(&it.number, &reason, who.person(), now()).await?;
    Ok((StatusCode::CREATED, Json(Entered { id })))
}

/// The list, in the order in which numbers were entered.
#[utoipa::path(get, path = "/v1/do-not-call", tag = "do_not_call", params(Wanted),
    responses((status = 200, description = "A page of entries", body = Page<Entry>)))]
pub(crate) async fn list(shared: Here, _: Who, Asked(wanted): Asked<Wanted>) -> Answer<Page<Entry>> {
    let (from, limit) = (after::<i64>(wanted.cursor.as_deref())?, limit(wanted.limit)?);
    let rows = shared.store().do_not_call_page(from.unwrap_or(0), limit + 1).await?;
    Page::of(rows, limit, |f| f.id, |f| Ok(f.into())).map(Json)
}

/// A number to be looked up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Number {
    /// The number, however it is written.
    #[schema(value_type = String, example = "+8613800138000")]
    number: PhoneNumber,
}

/// What stands of a number.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Found {
    /// Whether no campaign dials it.
    barred: bool,
    /// What bars it, in both languages: an entry, or how a call to it ended.
    by: Option<String>,
    /// Its entries, the oldest first, those that were lifted too.
    entries: Vec<Entry>,
}

/// Tells what stands of a number.
#[utoipa::path(post, path = "/v1/do-not-call/lookup", tag = "do_not_call", request_body = Number,
    responses((status = 200, description = "What stands of it", body = Found)))]
pub(crate) async fn lookup(shared: Here, _: Who, Body(it): Body<Number>) -> Answer<Found> {
    let bar = shared.store().barred(&it.number).await?;
    let entries = shared.store().forbidden(&it.number).await?.into_iter().map(Entry::from).collect();
    Ok(Json(Found { barred: bar.is_some(), by: bar.as_ref().map(Bar::to_string), entries }))
}

/// A number that may be called again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lift {
    /// The number, however it is written.
    #[schema(value_type = String, example = "+8613800138000")]
    number: PhoneNumber,
    /// Why.
    #[schema(min_length = 1, max_length = 500)]
    why: String,
}

/// What was lifted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LiftedNow {
    /// So many entries ended; 0 where only a call had barred it.
    ended: u64,
}

/// Allows a number to be called again: its entries end, and how calls to it ended until now bars it no longer.
#[utoipa::path(post, path = "/v1/do-not-call/lift", tag = "do_not_call", request_body = Lift,
    responses((status = 200, description = "It may be called", body = LiftedNow)))]
pub(crate) async fn lift(shared: Here, who: Who, Body(it): Body<Lift>) -> Answer<LiftedNow> {
    let why = reason("why", &it.why)?;
    let ended = shared.store().lift(&it.number, &why, who.person(), now()).await?;
    Ok(Json(LiftedNow { ended }))
}
