//! `waihu doctor`: whether this machine and this project are fit to call.

mod keeping;
mod machine;
mod setup;

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::{configuration::Configuration, output::out, project::Project};

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Ask these trunks' carriers with OPTIONS whether they are there 用 OPTIONS 探测线路
    #[arg(long, value_name = "NAME")]
    trunk: Vec<String>,
    /// Take models by their sizes, and do not read them through 只核对模型文件大小
    #[arg(long)]
    quick: bool,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// Well.
    Well,
    /// Well for now, or not to be told from here.
    Mind,
    /// It keeps waihu from working.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
struct Finding {
    mark: Mark,
    /// What, in both languages.
    what: &'static str,
    /// How it stands.
    told: String,
    /// What to do, in both languages; empty where nothing is.
    todo: String,
}

impl Finding {
    fn well(what: &'static str, told: impl Into<String>) -> Self {
        Self { mark: Mark::Well, what, told: told.into(), todo: String::new() }
    }

    fn mind(what: &'static str, told: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { mark: Mark::Mind, what, told: told.into(), todo: todo.into() }
    }

    fn bad(what: &'static str, told: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { mark: Mark::Bad, what, told: told.into(), todo: todo.into() }
    }

    fn print(&self) -> Result<()> {
        let sign = match self.mark {
            Mark::Well => '✓',
            Mark::Mind => '!',
            Mark::Bad => '✗',
        };
        out!("{sign} {}: {}", self.what, self.told)?;
        self.todo.lines().try_for_each(|line| out!("    → {line}"))
    }
}

pub(crate) fn run(project: &Project, args: &DoctorArgs) -> Result<ExitCode> {
    let mut seen: Vec<Mark> = Vec::new();
    let mut tell = |found: Vec<Finding>| -> Result<()> {
        seen.extend(found.iter().map(|f| f.mark));
        found.iter().try_for_each(Finding::print)
    };
    tell(machine::all(project))?;
    tell(setup::models(project, args.quick))?;
    tell(setup::calendar(project))?;
    match Configuration::of(project) {
        Ok(configuration) => {
            tell(vec![Finding::well("configuration 配置", setup::told(project, &configuration))])?;
            tell(setup::agents(project).into_iter().collect())?;
            tell(setup::trunks(project, &args.trunk))?;
            let runtime = super::runtime()?;
            tell(runtime.block_on(setup::database(&configuration)))?;
            tell(runtime.block_on(setup::texts(project, &configuration)))?;
            tell(vec![setup::listening(&configuration)])?;
            tell(keeping::all(project, &configuration))?;
            let words = runtime.block_on(keeping::words(project, &configuration));
            tell(words.into_iter().collect())?;
        }
        Err(e) => {
            tell(vec![Finding::bad(
                "configuration 配置",
                format!("{e:#}"),
                "mend waihu.toml; waihu.example.toml explains each key\n请修正 waihu.toml，各键说明见 waihu.example.toml",
            )])?;
            tell(setup::trunks(project, &args.trunk))?;
        }
    }
    let count = |mark| seen.iter().filter(|m| **m == mark).count();
    let (bad, mind) = (count(Mark::Bad), count(Mark::Mind));
    out!("{} looked at 项已检查: {bad} to mend 项须处理, {mind} to mind 项请留意", seen.len())?;
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
