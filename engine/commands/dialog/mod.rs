//! `waihu dialog`: flows tried, drawn, compared and approved, without calling anybody.

mod arena;
mod arena_plots;
mod chat;
mod diff;
mod fuzz;
mod graph;
mod pinned;
mod results;
mod session;
mod source;
mod spoken;
mod talk;
mod test;
mod versions;

use std::{process::ExitCode, sync::Arc};

use anyhow::{Result, bail};
use clap::Subcommand;
use waihu_dialog::Script;
use waihu_types::Lang;

use crate::project::Project;

pub(crate) use chat::read_case;
pub(crate) use pinned::{Wanted, approved, authority, begun, script, scripts};
pub(crate) use source::{open, open_either, right};
pub(crate) use versions::now;

#[derive(Debug, Subcommand)]
pub(crate) enum DialogCommand {
    /// Run the golden conversations, and tell what of the flow none of them comes to 运行标准对话并统计覆盖
    Test(test::TestArgs),
    /// Draw a flow: an SVG of its states and what leads from one to another 画出话术流程图
    Graph(graph::GraphArgs),
    /// Talk with a flow by typing: the real script, the real understanding 打字与话术对话
    Chat(chat::ChatArgs),
    /// Talk with a flow by WAV files, or by a SIP telephone 用 WAV 或 SIP 话机与话术对话
    Talk(talk::TalkArgs),
    /// Let simulated debtors talk with flows by the thousand 用模拟债务人大量试谈
    Arena(arena::ArenaArgs),
    /// Let random callees look for dead ends, loops and leaks in flows 用随机被叫找漏洞
    Fuzz(fuzz::FuzzArgs),
    /// Show what changed between two versions, word by word 比较两个版本
    Diff(diff::DiffArgs),
    /// Store what lies in dialogs/ as a draft, for a second person to approve 提交话术待审批
    Submit(versions::SubmitArgs),
    /// Approve a draft that another person submitted: from then on it can be dialled with 审批话术
    Approve(versions::ApproveArgs),
    /// Take an approval back: nothing is dialled with that version any more 撤回审批
    Withdraw(versions::ApproveArgs),
    /// List stored versions: who submitted and who approved them, and when 列出已入库的版本
    Versions(versions::VersionsArgs),
    /// What a campaign's variants came to, with intervals 各话术方案的结果与置信区间
    Results(results::ResultsArgs),
}

pub(crate) fn run(project: &Project, command: DialogCommand) -> Result<ExitCode> {
    match command {
        DialogCommand::Test(args) => test::run(project, &args),
        DialogCommand::Graph(args) => graph::run(project, &args),
        DialogCommand::Chat(args) => chat::run(project, &args),
        DialogCommand::Talk(args) => talk::run(project, args),
        DialogCommand::Arena(args) => arena::run(project, &args),
        DialogCommand::Fuzz(args) => fuzz::run(project, &args),
        DialogCommand::Diff(args) => diff::run(project, &args),
        DialogCommand::Submit(args) => versions::submit(project, &args),
        DialogCommand::Approve(args) => versions::approve(project, &args),
        DialogCommand::Withdraw(args) => versions::withdraw(project, &args),
        DialogCommand::Versions(args) => versions::versions(project, &args),
        DialogCommand::Results(args) => results::run(project, &args),
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
