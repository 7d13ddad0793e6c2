//! Whether the process, its database, its engine and its disk are there; and what is measured.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Problem,
    problem::Code,
    state::{Here, now},
};

/// The least free room for recordings [bytes]: some ten hours of calls.
const LEAST_FREE: u64 = 1 << 30;

/// Whether the process answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Alive {
    /// `ok`.
    #[schema(value_type = String, example = "ok")]
    status: &'static str,
}

/// Whether the process answers at all: for who restarts it where it does not.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "It does", body = Alive)))]
pub(crate) async fn healthz() -> Json<Alive> {
    Json(Alive { status: "ok" })
}

/// What of it is ready.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ready {
    /// Whether it takes work: all of the below, and not draining.
    ready: bool,
    /// Whether the database answers.
    database: bool,
    /// Whether the engine has beaten within the last 10 s.
    engine: bool,
    /// Whether the disk of recordings has 1 GiB left.
    disk: bool,
    /// Whether it places no further call, and lets those that are up finish.
    draining: bool,
}

/// Whether it takes work: for who sends it some, or waits for it to be empty.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, description = "It does", body = Ready), (status = 503, description = "It does not", body = Ready)))]
pub(crate) async fn readyz(shared: Here) -> Response {
    let state = &shared.inner().state;
    let database = state.store.ping().await.is_ok();
    let engine = state.pulse.is_there(now());
    let draining = state.pulse.is_draining();
    let disk = nix::sys::statvfs::statvfs(&state.disk)
        .is_ok_and(|d| d.blocks_available().saturating_mul(d.fragment_size()) >= LEAST_FREE);
    let ready = database && engine && disk && !draining;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Ready { ready, database, engine, disk, draining })).into_response()
}

/// What is measured, as Prometheus reads it.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, description = "Text exposition format 0.0.4", body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(shared: Here) -> Result<Response, Problem> {
    let Some(handle) = &shared.inner().state.metrics else {
        return Err(Problem::new(Code::NotFound, "nothing is measured here 未启用指标"));
    };
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((kind, handle.render()).into_response())
}
