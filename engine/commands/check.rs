//! `waihu check`: scripts, trunks and cases, before any call.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Args;
use waihu_trunk::TrunkConfig;
use waihu_types::Lang;

use crate::project::Project;

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Flows by name; all of dialogs/ when none is given.
    scripts: Vec<String>,
    /// Check a file of cases too.
    #[arg(long, value_name = "FILE.csv")]
    cases: Option<PathBuf>,
    /// Check a trunk of sip-config/ too.
    #[arg(long, value_name = "NAME")]
    trunk: Option<String>,
}

pub(crate) fn run(project: &Project, args: &CheckArgs) -> Result<ExitCode> {
    let mut wrong = 0;
    let names = if args.scripts.is_empty() { project.flows()? } else { args.scripts.clone() };
    for name in &names {
        match project.check_flow(name)? {
            Ok(script) => {
                let count = |lang| script.examples(lang).len();
                println!(
                    "script {name}: right ({} states; golden conversations: zh {}, en {})",
                    script.state_count(),
                    count(Lang::Zh),
                    count(Lang::En),
                );
            }
            Err(problems) => {
                problems.iter().for_each(|p| println!("{p}"));
                println!("script {name}: {} things are wrong", problems.len());
                wrong += problems.len();
            }
        }
    }
    if let Some(path) = &args.cases {
        let bytes = std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
        let table = waihu_campaign::read_csv_bytes(&bytes);
        table.problems.iter().for_each(|p| println!("{}: {p}", path.display()));
        println!(
            "cases {}: {} can be called, {} things are wrong",
            path.display(),
            table.cases.len(),
            table.problems.len()
        );
        wrong += table.problems.len();
    }
    if let Some(name) = &args.trunk {
        match TrunkConfig::read(&project.trunk(name)) {
            Ok(trunk) => {
                println!("trunk {name}: right (proxy {}, {} agents)", trunk.proxy, trunk.agents.len())
            }
            Err(e) => {
                println!("{e}");
                wrong += 1;
            }
        }
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
