//! `waihu campaign`: a set of cases, and who is called about it.

mod change;
mod create;
mod dial;
mod manage;
mod report;
mod run;
mod simulate;

use std::{path::Path, process::ExitCode};

use anyhow::{Result, bail};
use clap::Subcommand;
use waihu_types::{Case, GivenAuthority};

use crate::{commands::authority, output::note, project::Project};

pub(crate) use create::{Made, place, scripts_of, strategy, with_model};
pub(crate) use dial::{Dial, dial, further, node};
pub(crate) use report::Report;

#[derive(Debug, Subcommand)]
pub(crate) enum CampaignCommand {
    /// Call the cases of a file, each as often as is due now, and end. Run again it goes on where it ended
    /// 逐案拨打，拨完即止
    Run(run::RunArgs),
    /// Create a campaign from its settings; `waihu serve` dials it once it is started 新建批次
    Create(create::CreateArgs),
    /// Put further cases into a campaign 向批次添加案件
    Add(create::AddArgs),
    /// Change a campaign's days and pace, also while it is dialled 更改批次的日期与速度
    Change(change::ChangeArgs),
    /// Start a campaign, or go on with a paused one 启动或恢复批次
    #[command(alias = "resume")]
    Start(manage::OfCampaign),
    /// Call nobody new until it is started again; calls that are up go on 暂停批次
    Pause(manage::OfCampaign),
    /// End a campaign for good; calls that are up go on 停止批次（不可恢复）
    Stop(manage::OfCampaign),
    /// Tell how campaigns stand 查看批次
    #[command(alias = "list")]
    Status(manage::StatusArgs),
    /// Show one campaign with its settings, strategy and revision, as JSON 查看批次的设置、策略与修订号
    Show(manage::OfCampaign),
    /// Simulate a day of several campaigns in virtual time; nobody is called 模拟一天的外呼（不拨号）
    Simulate(simulate::SimulateArgs),
}

pub(crate) fn run(project: &Project, command: CampaignCommand) -> Result<ExitCode> {
    use waihu_store::CampaignState::{Paused, Running, Stopped};
    match command {
        CampaignCommand::Run(args) => run::run(project, args),
        CampaignCommand::Create(args) => create::create(project, &args),
        CampaignCommand::Add(args) => create::add(project, &args),
        CampaignCommand::Change(args) => change::change(project, &args),
        CampaignCommand::Start(of) => manage::turn(project, &of, Running),
        CampaignCommand::Pause(of) => manage::turn(project, &of, Paused),
        CampaignCommand::Stop(of) => manage::turn(project, &of, Stopped),
        CampaignCommand::Show(of) => change::show(project, &of),
        CampaignCommand::Status(args) => manage::status(project, &args),
        CampaignCommand::Simulate(args) => simulate::run(project, &args),
    }
}

/// The cases of a file, and how many rows are none; what is wrong with those is told. `authority` is the
/// campaign's: a case that contradicts itself with it is wrong, and it is not written into the case.
pub(crate) fn read_cases(
    project: &Project,
    path: &Path,
    authority: &GivenAuthority,
) -> Result<(Vec<Case>, usize)> {
    let shown = path.display();
    let mut table = super::cases::table(project, path)?;
    let as_told = table.cases.clone();
    authority::fill(&mut table, authority);
    table.notices.iter().chain(&table.problems).for_each(|p| note!("{shown}: {p}"));
    if table.cases.is_empty() {
        bail!("{shown}: no case in it can be called 没有可拨打的案件");
    }
    let right: std::collections::BTreeSet<u64> = table.cases.iter().map(|(line, _)| *line).collect();
    let cases = as_told.into_iter().filter(|(line, _)| right.contains(line)).map(|(_, case)| case);
    Ok((cases.collect(), table.problems.len()))
}
