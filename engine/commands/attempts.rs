//! `waihu attempts`: what was dialled, also what is not over yet.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;
use waihu_store::{Attempt, Store};
use waihu_types::AttemptId;

use super::{
    listed::{Listed, local},
    written::{look, written},
};
use crate::{output::out, project::Project, table::Table};

#[derive(Debug, Args)]
pub(crate) struct AttemptsArgs {
    /// This one alone 仅此通话
    #[arg(long)]
    attempt: Option<AttemptId>,
    #[command(flatten)]
    listed: Listed,
}

pub(crate) fn run(project: &Project, args: &AttemptsArgs) -> Result<ExitCode> {
    super::runtime()?.block_on(async {
        let Some(store) = args.listed.ground.store(project).await? else { return Ok(ExitCode::SUCCESS) };
        let flags = args.listed.flags().into_iter().chain([("--attempt", args.attempt.is_some())]);
        let mut attempts = written(&store, &look("attempts", flags), found(&store, args)).await?;
        args.listed.cut(&mut attempts, |attempt| &attempt.begun.attempt);
        if args.listed.json {
            return attempts
                .iter()
                .try_for_each(|attempt| out!("{}", told(attempt)))
                .map(|()| ExitCode::SUCCESS);
        }
        let mut table = Table::new([
            "dialled 拨出",
            "attempt 通话",
            "campaign 批次",
            "case 案件",
            "number 号码",
            "answered 接听",
            "stands 状态",
        ]);
        attempts.iter().for_each(|attempt| table.row(row(attempt)));
        out!("{table}\n{} attempts 次拨打", attempts.len())?;
        Ok(ExitCode::SUCCESS)
    })
}

/// The one that is named, or the page that is asked for and one more.
async fn found(store: &Store, args: &AttemptsArgs) -> Result<Vec<Attempt>> {
    if let Some(id) = &args.attempt {
        return Ok(vec![one(store, id).await?]);
    }
    let after = match &args.listed.after {
        Some(id) => Some((one(store, id).await?.begun.dialled_at, id.clone())),
        None => None,
    };
    Ok(store.attempts_page(&args.listed.filter()?, after.as_ref(), args.listed.limit + 1).await?)
}

async fn one(store: &Store, id: &AttemptId) -> Result<Attempt> {
    let found = store.attempt(id).await?;
    found.with_context(|| format!("{id}: there is no such attempt in the store 库中没有该通话"))
}

/// An attempt as the API has it.
fn told(attempt: &Attempt) -> serde_json::Value {
    let begun = &attempt.begun;
    json!({
        "attempt": begun.attempt, "campaign": begun.campaign, "case": begun.case, "callee": begun.callee.as_str(),
        "dialled_at": begun.dialled_at, "answered_at": attempt.answered_at, "open": attempt.open,
    })
}

fn row(attempt: &Attempt) -> [String; 7] {
    let begun = &attempt.begun;
    let stands = if attempt.open { "under way 进行中" } else { "over 已结束" };
    [
        local(begun.dialled_at),
        begun.attempt.to_string(),
        begun.campaign.as_ref().map(ToString::to_string).unwrap_or_default(),
        begun.case.to_string(),
        begun.callee.masked(),
        attempt.answered_at.map(local).unwrap_or_default(),
        stands.to_owned(),
    ]
}
