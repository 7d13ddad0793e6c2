//! `waihu campaign`: many cases, a bounded number at once.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use tokio::sync::{mpsc, watch};
use waihu_dialler::{CampaignOrder, CampaignReport, Stop, run_campaign};
use waihu_trunk::TrunkConfig;
use waihu_types::{CampaignId, Case};

use crate::{
    plant,
    project::Project,
    watch::{Watch, Words},
};

#[derive(Debug, Subcommand)]
pub(crate) enum CampaignCommand {
    /// Call every case of a file once, as far as it was not called in this campaign before.
    Run(CampaignArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CampaignArgs {
    /// The cases (see README for the columns). Rows that are wrong are named and left out.
    #[arg(long, value_name = "FILE.csv")]
    cases: PathBuf,
    /// The flow in dialogs/.
    #[arg(long)]
    script: String,
    /// The trunk in sip-config/.
    #[arg(long, value_name = "NAME")]
    trunk: String,
    /// The campaign's id; the file's name when left out. A second run of the same id goes on where the
    /// first ended, and calls nobody twice.
    #[arg(long)]
    id: Option<CampaignId>,
    /// Calls at once; the trunk's max_calls when left out, and never more.
    #[arg(long)]
    max_at_once: Option<u32>,
    /// Print the words as they are spoken. They are personal data.
    #[arg(long)]
    words: bool,
}

pub(crate) fn run(project: &Project, command: CampaignCommand) -> Result<ExitCode> {
    let CampaignCommand::Run(args) = command;
    let cases = read_cases(&args.cases)?;
    let trunk = TrunkConfig::read(&project.trunk(&args.trunk))?;
    let id = match args.id {
        Some(id) => id,
        None => {
            let stem = args.cases.file_stem().unwrap_or_default().to_string_lossy();
            stem.parse().with_context(|| format!("{stem:?} cannot be a campaign's id; name one with --id"))?
        }
    };
    let order = CampaignOrder {
        id: id.clone(),
        cases,
        script: project.flow(&args.script)?,
        max_at_once: args.max_at_once.unwrap_or(u32::MAX).clamp(1, trunk.max_calls) as usize,
    };
    let words = if args.words { Words::Shown } else { Words::Hidden };
    let report = super::runtime()?.block_on(dial(project, trunk, order, words))?;
    summarize(&id, &report);
    Ok(if report.not_placed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs a campaign and shows it; Ctrl-C dials no further and lets the calls that are up end.
pub(crate) async fn dial(
    project: &Project,
    trunk: TrunkConfig,
    order: CampaignOrder,
    words: Words,
) -> Result<CampaignReport> {
    eprintln!("loading models 加载模型 …");
    let plant = plant::start(project, trunk).await?;
    let sip = plant.sip.clone();
    let (observer, mut progress) = mpsc::unbounded_channel();
    let (stop, stopping) = watch::channel(Stop::No);
    let mut view = Watch::new(order.cases.len(), words);
    let mut campaign = tokio::spawn(run_campaign(plant, order, observer, stopping));
    let mut stops = 0;
    let report = loop {
        tokio::select! {
            Some(progress) = progress.recv() => view.show(progress),
            ended = &mut campaign => break ended,
            pressed = tokio::signal::ctrl_c(), if stops == 0 => if pressed.is_ok() {
                stops += 1;
                view.print("no further call is placed; those that are up come to their end 不再拨出，通话中的会正常结束");
                let _ = stop.send(Stop::DialNoMore);
            },
        }
    };
    while let Ok(progress) = progress.try_recv() {
        view.show(progress);
    }
    view.close();
    // A lost BYE is sent again as long as we are here.
    sip.settled().await;
    let report = report.context("the campaign's task failed")??;
    Ok(report)
}

/// The cases of a file; what is wrong with others is told.
pub(crate) fn read_cases(path: &PathBuf) -> Result<Vec<Case>> {
    let bytes = std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let table = waihu_campaign::read_csv_bytes(&bytes);
    table.problems.iter().for_each(|p| eprintln!("{}: {p}", path.display()));
    if table.cases.is_empty() {
        bail!("{}: no case in it can be called", path.display());
    }
    Ok(table.cases.into_iter().map(|(_, case)| case).collect())
}

fn summarize(id: &CampaignId, report: &CampaignReport) {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for outcome in &report.outcomes {
        *counts.entry(outcome.disposition.label()).or_default() += 1;
    }
    println!(
        "campaign {id}: {} called 已呼叫, {} left out 略过 (called before, or not yet due), {} not placed 未能呼叫",
        report.outcomes.len(),
        report.left_out,
        report.not_placed.len()
    );
    if report.recovered > 0 {
        println!("  {} attempts of a process that had died were closed as unknown", report.recovered);
    }
    for (label, count) in counts {
        println!("  {label:22} {count}");
    }
    println!("see `waihu outcomes --campaign {id}`");
}
