//! `waihu report`: reports that are sent by themselves.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use waihu_types::WallTime;

use super::dialog::now;
use crate::{configuration::Configuration, output::out, project::Project, reports::Reports, table::Table};

#[derive(Debug, Subcommand)]
pub(crate) enum ReportCommand {
    /// List the reports that were made, and whether they were taken 列出已生成的报表
    List,
    /// List the reports that `waihu.toml` plans, and when each is made next 列出报表计划
    Plans,
    /// Show a report as it was made, as a table or as a page 查看已生成的报表
    Show(ShowArgs),
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

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Its name 报表名
    name: String,
    /// The first day of what it is about, as `waihu report list` shows it 周期首日
    period: String,
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
            ReportCommand::Plans => plans(&configuration)?,
            ReportCommand::Show(args) => {
                let found = store.report(&args.name, &args.period).await?;
                let found = found.with_context(|| {
                    format!("{} {}: there is no such report 没有该报表", args.name, args.period)
                })?;
                show(args.html.as_deref(), &found.html, &found.csv)?;
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
                show(args.html.as_deref(), &report.html(), &report.csv())?;
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// What is planned, in the order of the file.
fn plans(configuration: &Configuration) -> Result<()> {
    let mut table = Table::new(["report 报表", "every 周期", "next 下次", "campaigns 批次", "mail 邮件"]);
    let plans = &configuration.deliveries.reports;
    for plan in plans {
        table.row([
            plan.name.clone(),
            format!("{} {}:00 {}", plan.every.label(), plan.hour(), plan.zone()),
            plan.next(now().timestamp()).map(|at| at.to_string()).unwrap_or_default(),
            plan.campaigns.join(" "),
            plan.mailed_to().count().to_string(),
        ]);
    }
    out!("{table}\n{} plans 个计划", plans.len())
}

/// Writes a report's page, or prints its table.
fn show(page: Option<&Path>, html: &str, csv: &str) -> Result<()> {
    match page {
        Some(path) => std::fs::write(path, html)
            .with_context(|| format!("{}: cannot be written 无法写入", path.display())),
        None => out!("{}", csv.trim_start_matches('\u{feff}').trim_end()),
    }
}
