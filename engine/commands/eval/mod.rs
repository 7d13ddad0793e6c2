//! `waihu eval`: how well the models do, on the project's sets and on folders of anybody's.
//!
//! Each kind reads a folder's `manifest.tsv`, judges every row that can be judged, names those that cannot,
//! and gives its figures as a table, as JSON and as a page with plots.

mod answers;
mod figures;
mod intents;
mod listening;
pub(crate) mod manifest;
pub(crate) mod page;
mod plots;
mod speech;
mod talk;
mod turns;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use nix::sys::resource::{UsageWho, getrusage};
use serde::Serialize;

use crate::{
    output::{note, out},
    project::Project,
};
use manifest::BadRow;
use page::Page;
pub(super) use page::escape;

/// The day that callees speak of, where a day matters.
const TODAY: jiff::civil::Date = jiff::civil::date(2026, 11, 24);

/// Bad rows that are shown; all of them are in the JSON.
const BAD_SHOWN: usize = 20;

#[derive(Debug, Subcommand)]
pub(crate) enum EvalCommand {
    /// What is said: error rates and cost of the recognizer 识别：错误率与开销
    Speech(speech::SpeechArgs),
    /// What is meant: the classifier's mistakes and how true its confidence is 意图：混淆与置信度
    Intents(intents::IntentsArgs),
    /// When a callee has finished: cut-offs, delays, and what stops the bot 话轮：抢话与延迟
    Turns(turns::TurnsArgs),
    /// Who answered: people, boxes, announcements 谁接的电话
    Answers(answers::AnswersArgs),
}

/// What every kind of judging is told.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The folder, with manifest.tsv in it 数据目录
    dir: PathBuf,
    /// All figures and mistakes as one JSON object 以 JSON 输出
    #[arg(long)]
    json: bool,
    /// Write a page with plots and mistakes 输出网页报告
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// What was found out about a folder.
trait Report: Serialize {
    /// The figures as text.
    fn text(&self) -> String;
    /// The figures, plots and mistakes as a page.
    fn fill(&self, page: &mut Page);
    /// The rows that could not be judged.
    fn bad_rows(&self) -> &[BadRow];
}

pub(crate) fn run(project: &Project, command: EvalCommand) -> Result<ExitCode> {
    match command {
        EvalCommand::Speech(args) => tell(&args.common, &speech::judge(project, &args)?),
        EvalCommand::Intents(args) => tell(&args.common, &intents::judge(project, &args)?),
        EvalCommand::Turns(args) => tell(&args.common, &turns::judge(project, &args)?),
        EvalCommand::Answers(args) => tell(&args.common, &answers::judge(project, &args)?),
    }
}

/// Prints a report and writes its page. Rows that could not be judged make it a failure, as they would go
/// unseen otherwise.
fn tell(common: &Common, report: &impl Report) -> Result<ExitCode> {
    for row in report.bad_rows().iter().take(BAD_SHOWN) {
        note!("{}: {}", row.place, row.problem);
    }
    let hidden = report.bad_rows().len().saturating_sub(BAD_SHOWN);
    if hidden > 0 {
        note!("and {hidden} more rows that cannot be judged; --json has them 另有 {hidden} 行无法评测");
    }
    if common.json {
        out!("{}", serde_json::to_string_pretty(report)?)?;
    } else {
        out!("{}", report.text())?;
    }
    if let Some(path) = &common.html {
        let mut page = Page::new(&common.dir, path);
        report.fill(&mut page);
        page.bad_rows(report.bad_rows());
        page.write(path).with_context(|| format!("{}: cannot be written 无法写入", path.display()))?;
        note!("page 报告: {}", path.display());
    }
    Ok(if report.bad_rows().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A bar over rows, or talks.
pub(crate) fn bar(length: usize, message: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(length as u64).with_message(message);
    // The template is a constant of ours; were it wrong, the plain style would do.
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} {msg} {eta}") {
        bar.set_style(style);
    }
    bar
}

/// Time that this process has had cores so far [s]: others on the machine do not count.
fn core_seconds() -> f64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(0.0, |usage| {
        let seconds = |t: nix::sys::time::TimeVal| t.tv_sec() as f64 + t.tv_usec() as f64 / 1e6;
        seconds(usage.user_time()) + seconds(usage.system_time())
    })
}

/// The folder's list.
fn list(dir: &Path) -> PathBuf {
    dir.join("manifest.tsv")
}
