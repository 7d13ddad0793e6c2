//! `waihu dialog`: flows tried, drawn, compared and approved, without calling anybody.

mod arena;
mod arena_plots;
mod fuzz;

use std::{process::ExitCode, sync::Arc};

use anyhow::{Result, bail};
use clap::Subcommand;
use waihu_dialog::Script;
use waihu_types::Lang;

use crate::project::Project;

#[derive(Debug, Subcommand)]
pub(crate) enum DialogCommand {
    /// Let simulated debtors talk with flows by the thousand 用模拟债务人大量试谈
    Arena(arena::ArenaArgs),
    /// Let random callees look for dead ends, loops and leaks in flows 用随机被叫找漏洞
    Fuzz(fuzz::FuzzArgs),
}

pub(crate) fn run(project: &Project, command: DialogCommand) -> Result<ExitCode> {
    match command {
        DialogCommand::Arena(args) => arena::run(project, &args),
        DialogCommand::Fuzz(args) => fuzz::run(project, &args),
    }
}

/// The flows named, or all of the project's.
fn flows(project: &Project, named: &[String]) -> Result<Vec<Arc<Script>>> {
    let names = if named.is_empty() { project.flows()? } else { named.to_vec() };
    if names.is_empty() {
        bail!("there is no flow in dialogs/ 没有话术");
    }
    names.iter().map(|name| project.flow(name)).collect()
}

/// The language named, or each.
fn langs(named: Option<Lang>) -> Vec<Lang> {
    named.map_or_else(|| Lang::ALL.to_vec(), |lang| vec![lang])
}

/// How many threads work: one a core.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
