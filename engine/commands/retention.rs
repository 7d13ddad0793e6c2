//! `waihu retention`: what has had its days.

use std::{process::ExitCode, sync::Arc};

use anyhow::Result;
use clap::{Args, Subcommand};
use waihu_keeping::Mode;

use super::{
    dialog::{now, open},
    written::{ended, write_down},
};
use crate::{
    configuration::Configuration,
    daily,
    output::{note, out},
    project::Project,
};

#[derive(Debug, Subcommand)]
pub(crate) enum RetentionCommand {
    /// Remove what profiles' [retention] no longer keeps and no hold does; `waihu serve` does so once a day
    /// 按保存期限清理，waihu serve 每日自动执行
    Sweep(SweepArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SweepArgs {
    /// Count what would go, and remove nothing 只统计，不删除
    #[arg(long)]
    dry_run: bool,
    /// Who has it done 执行人
    #[arg(long, required_unless_present = "dry_run")]
    by: Option<String>,
}

pub(crate) fn run(project: &Project, command: &RetentionCommand) -> Result<ExitCode> {
    let RetentionCommand::Sweep(args) = command;
    super::runtime()?.block_on(sweep(project, args))
}

async fn sweep(project: &Project, args: &SweepArgs) -> Result<ExitCode> {
    let archive = Configuration::of(project)?.archive(project, Arc::new(open(project).await?))?;
    let kept = daily::kept(project)?;
    if kept.values().all(|retention| retention.keeps_all()) {
        note!("no profile in compliance/ has [retention]: everything is kept 所有规则均未设保存期限");
    }
    let mode = if args.dry_run { Mode::Look } else { Mode::Remove };
    let row = match mode {
        Mode::Look => None,
        Mode::Remove => {
            let by = args.by.as_deref().unwrap_or_default();
            Some(write_down(&archive.store, by, "retention sweep", "").await?)
        }
    };
    let done = async {
        let mut swept = archive.sweep_files(&kept, now(), mode).await?;
        swept.add(archive.sweep_rows(&kept, now(), mode).await?);
        anyhow::Ok(swept)
    }
    .await;
    if let Some(row) = row {
        ended(&archive.store, row, &done).await?;
    }
    let swept = done?;
    match mode {
        Mode::Look => out!("would go 将被删除:\n{swept}")?,
        Mode::Remove => out!("gone 已删除:\n{swept}")?,
    }
    Ok(if swept.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
