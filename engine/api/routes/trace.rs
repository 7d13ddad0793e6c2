//! What passed over the wire for one call: of what this node still keeps.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;
use waihu_store::Placed;
use waihu_types::AttemptId;

use crate::{
    Problem,
    extract::{Answer, At, Who},
    ladder::LadderStep,
    openapi::Key,
    problem::Code,
    state::{Here, now},
};

/// The signalling of a call.
#[derive(Serialize, ToSchema)]
pub(crate) struct TraceRecord {
    /// Its messages, in their order.
    steps: Vec<LadderStep>,
}

/// The SIP exchange of a call, its personal parts masked, of the latest messages that the node which placed it keeps.
#[utoipa::path(get, path = "/v1/calls/{attempt}/trace", tag = "calls", params(("attempt" = Key, Path, description = "The attempt")),
    responses((status = 200, description = "The messages", body = TraceRecord)))]
pub(crate) async fn trace(shared: Here, _: Who, At(attempt): At<AttemptId>) -> Answer<TraceRecord> {
    let placed = shared.store().placed(&attempt, now()).await?;
    let placed = placed.ok_or_else(|| Problem::not_found("attempt 通话"))?;
    let ladder = shared.inner().state.ladder.as_ref();
    let steps = ladder.and_then(|ladder| ladder(attempt.as_str())).unwrap_or_default();
    if steps.is_empty() { Err(nothing(&placed)) } else { Ok(Json(TraceRecord { steps })) }
}

/// Why there is nothing, and what to do.
fn nothing(placed: &Placed) -> Problem {
    let told = match placed {
        Placed::Here => {
            "nothing is kept of its signalling any more: only the latest 10,000 messages are 信令已被更新的消息覆盖"
                .to_owned()
        }
        Placed::At { node } => {
            format!("it was placed by the node {node}: ask there 该通话由节点 {node} 拨出，请向该节点查询")
        }
        Placed::Gone => {
            "it was placed by another process, which has ended or answers nobody, and kept its signalling to itself 拨出该通话的进程已结束或不提供接口，信令未保留"
                .to_owned()
        }
    };
    Problem::new(Code::NotFound, told)
}
