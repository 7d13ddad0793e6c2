//! Strategies: those of the project's files, and those that people saved here. A saved one stands before a file of its
//! name; campaigns keep a copy, so that nothing changes under one that runs.

use std::collections::BTreeMap;

use axum::{Json, http::StatusCode, response::IntoResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use waihu_campaign::Strategy;
use waihu_store::Store;
use waihu_types::WallTime;

use crate::{
    Problem,
    extract::{Answer, At, Body, IfMatch, Who, etag},
    problem::Fault,
    state::{Here, Shared, StrategyFile, StrategyOf, now},
};

/// The longest strategy \[bytes\]: a thousand lines.
const MOST_BYTES: usize = 64 << 10;

/// A strategy.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StrategyHead {
    /// Its name, as settings have it.
    name: String,
    /// Its version; 0 where it is a file of the project.
    revision: i64,
    /// Who saved it; none where it is a file.
    saved_by: Option<String>,
    /// When.
    #[schema(value_type = Option<String>, format = DateTime)]
    saved_at: Option<WallTime>,
}

/// A strategy with what stands in it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StrategyRecord {
    /// What it is.
    #[serde(flatten)]
    head: StrategyHead,
    /// TOML, as in `strategies/example.toml`.
    content: String,
}

/// A strategy to be saved.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewContent {
    /// TOML, as in `strategies/example.toml`.
    #[schema(max_length = 65536)]
    content: String,
}

fn of_file(name: String) -> StrategyHead {
    StrategyHead { name, revision: 0, saved_by: None, saved_at: None }
}

fn of_saved(stored: &waihu_store::StoredStrategy) -> StrategyHead {
    StrategyHead {
        name: stored.name.clone(),
        revision: stored.revision,
        saved_by: Some(stored.saved_by.clone()),
        saved_at: Some(stored.saved_at),
    }
}

/// All strategies, in the order of their names.
#[utoipa::path(get, path = "/v1/strategies", tag = "campaigns",
    responses((status = 200, description = "The strategies", body = Vec<StrategyHead>)))]
pub(crate) async fn list(shared: Here, _: Who) -> Answer<Vec<StrategyHead>> {
    let files = (shared.inner().state.choices)().strategies;
    let mut all: BTreeMap<String, StrategyHead> =
        files.into_iter().chain(["default".to_owned()]).map(|name| (name.clone(), of_file(name))).collect();
    for saved in shared.store().strategies().await? {
        all.insert(saved.name.clone(), of_saved(&saved));
    }
    Ok(Json(all.into_values().collect()))
}

/// A strategy as it stands.
#[utoipa::path(get, path = "/v1/strategies/{name}", tag = "campaigns",
    params(("name" = String, Path, description = "Its name", pattern = "^[a-z0-9][a-z0-9_-]{0,63}$")),
    responses((status = 200, description = "The strategy", body = StrategyRecord,
        headers(("ETag" = String, description = "Its version")))))]
pub(crate) async fn read(shared: Here, _: Who, At(name): At<String>) -> Result<impl IntoResponse, Problem> {
    named(&name)?;
    let found = match shared.store().strategy(&name).await? {
        Some(saved) => StrategyRecord { head: of_saved(&saved), content: saved.content },
        None => {
            let content = (shared.inner().state.strategy)(StrategyOf::File(&name));
            let content = content.map_err(|_| Problem::not_found("strategy 策略"))?;
            StrategyRecord { head: of_file(name), content }
        }
    };
    Ok((etag(found.head.revision), Json(found)))
}

/// Saves a strategy as its next version, for campaigns that are made from here on. `If-Match` names the version that
/// was read: 0 where none was saved before.
#[utoipa::path(put, path = "/v1/strategies/{name}", tag = "campaigns", request_body = NewContent,
    params(("name" = String, Path, description = "Its name", pattern = "^[a-z0-9][a-z0-9_-]{0,63}$")),
    responses((status = 200, description = "It was saved", body = StrategyRecord,
        headers(("ETag" = String, description = "Its version")))))]
pub(crate) async fn save(
    shared: Here,
    who: Who,
    At(name): At<String>,
    expected: IfMatch,
    Body(new): Body<NewContent>,
) -> Result<impl IntoResponse, Problem> {
    let saved = (name.as_str(), new.content.as_str());
    let by = (expected.expected(), who.person());
    let revision = save_strategy(shared.store(), &shared.inner().state.strategy, saved, by, now()).await?;
    let head =
        StrategyHead { name, revision, saved_by: Some(who.person().to_owned()), saved_at: Some(now()) };
    Ok((StatusCode::OK, etag(revision), Json(StrategyRecord { head, content: new.content })))
}

/// Saves a strategy (its name and what stands in it) as its next version, of the version that is expected where one is,
/// by a person; its version then. `read` looks for a model that it names.
///
/// # Errors
/// What does not hold, that it was saved meanwhile, or that it cannot be written.
pub async fn save_strategy(
    store: &Store,
    read: &StrategyFile,
    (name, content): (&str, &str),
    (expected, by): (Option<i64>, &str),
    now: WallTime,
) -> Result<i64, Problem> {
    named(name)?;
    if content.len() > MOST_BYTES {
        return Err(Problem::invalid("content", "it has 64 KiB at most 策略内容过长"));
    }
    holds(content).map_err(|problem| problem.of("content"))?;
    // A model that it names is looked for now, not when a campaign is made.
    read(StrategyOf::Text(content)).map_err(|said| Problem::invalid("content", said))?;
    Ok(store.save_strategy(name, content, expected, by, now).await?)
}

/// The content of a strategy that settings name, with its model inside: the newest that was saved, or else the file.
pub(super) async fn content(shared: &Shared, name: &str) -> Result<String, Problem> {
    let saved = shared.store().strategy(name).await?;
    let of = saved.as_ref().map_or(StrategyOf::File(name), |saved| StrategyOf::Text(&saved.content));
    (shared.inner().state.strategy)(of).map_err(|said| Problem::invalid("settings.strategy", said))
}

/// Whether a strategy holds: every fault with its place.
pub(super) fn holds(content: &str) -> Result<(), Problem> {
    let Err(faults) = Strategy::parse("strategy", content) else { return Ok(()) };
    let fault = |(index, fault): (usize, waihu_compliance::Fault)| Fault {
        index,
        field: None,
        detail: fault.to_string(),
    };
    Err(Problem::invalid("strategy", "the strategy does not hold 策略有误")
        .with(faults.0.into_iter().enumerate().map(fault).collect()))
}

/// A name is that of a file, and leads nowhere else.
fn named(name: &str) -> Result<(), Problem> {
    let fits = (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
        && name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    if fits { Ok(()) } else { Err(Problem::not_found("strategy 策略")) }
}
