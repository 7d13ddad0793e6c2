//! `waihu report`: reports that are sent by themselves.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use waihu_types::WallTime;

use super::dialog::now;
use crate::{configuration::Configuration, output::out, project::Project, reports::Reports, table::Table};

#[derive(Debug, Subcommand)]
pub(crate) enum ReportCommand {
    /// List the reports that were made, and whether they were taken 列出已生成的报表
    List,
    /// Show what a report of `waihu.toml` would be now, as a table or as a page; nothing is sent or kept 预览
    Preview(PreviewArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PreviewArgs {
    /// Its name 报表名
    name: String,
    /// Write the page into a file, in place of printing the table 写出网页
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

pub(crate) fn run(project: &Project, command: &ReportCommand) -> Result<ExitCode> {
    super::runtime()?.block_on(async {
        let configuration = Configuration::of(project)?;
        let store = configuration.open_store().await?;
        match command {
            ReportCommand::List => {
                let mut table = Table::new([
                    "report 报表",
                    "period 周期",
                    "made 生成",
                    "state 状态",
                    "tries 次数",
                    "what went wrong 原因",
                ]);
                let reports = store.reports(100).await?;
                for report in &reports {
                    table.row([
                        report.report.clone(),
                        report.period.clone(),
                        WallTime::from_unix_millis(report.made_at).to_string(),
                        report.state.clone(),
                        report.tries.to_string(),
                        report.told.clone(),
                    ]);
                }
                out!("{table}\n{} reports 份", reports.len())?;
            }
            ReportCommand::Preview(args) => {
                let plans = configuration.deliveries.reports.clone();
                let plan = plans.iter().find(|plan| plan.name == args.name);
                let plan = plan.with_context(|| {
                    format!("waihu.toml has no [[report]] of the name {} 没有该报表", args.name)
                })?;
                let period = plan.due(now().timestamp()).context("its zone has no such day 时区无此日期")?;
                let (project, cost) = (project.clone(), configuration.cost.clone());
                let reports = Reports { project, plans: Vec::new(), mail: None, cost };
                let report = reports.made(&store, plan, period).await?;
                match &args.html {
                    Some(path) => std::fs::write(path, report.html())
                        .with_context(|| format!("{}: cannot be written 无法写入", path.display()))?,
                    None => out!("{}", report.csv().trim_start_matches('\u{feff}').trim_end())?,
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}
