//! `waihu campaign`: many cases, a bounded number at once.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use tokio::sync::{mpsc, watch};
use waihu_campaign::{CaseTable, RowProblem};
use waihu_compliance::Gate;
use waihu_dialler::{CampaignOrder, CampaignReport, Stop, run_campaign};
use waihu_store::{Denied, Store};
use waihu_trunk::TrunkConfig;
use waihu_types::{CampaignId, Case, GivenAuthority};

use crate::{
    commands::{authority, dialog::Wanted, signals::Signals},
    gate,
    output::{note, out},
    plant::{self, Ground},
    project::Project,
    voices::Voices,
    watch::{Watch, Words, named},
};

#[derive(Debug, Subcommand)]
pub(crate) enum CampaignCommand {
    /// Call every case of a file once, as far as it was not called in this campaign before 逐案拨打
    Run(CampaignArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CampaignArgs {
    /// The cases (see README for the columns). Rows that are wrong are named and left out 案件表
    #[arg(long, value_name = "FILE.csv")]
    cases: PathBuf,
    /// The flow: the newest version that is approved, or FLOW@SHA for that one. The campaign goes on with
    /// it to its end, whatever becomes of the files 话术（已审批的版本）
    #[arg(long, value_name = "FLOW[@SHA]", required_unless_present = "variant")]
    script: Option<String>,
    /// Several versions side by side, each with its share of the cases, as A=reminder@1f3c:50; given for each
    /// 话术方案及其案件份额，可多次给出
    #[arg(long, value_name = "NAME=FLOW@SHA:SHARE", conflicts_with = "script")]
    variant: Vec<Wanted>,
    /// What may be agreed where a case leaves it open: a TOML file with the keys of a case's `authority`. The
    /// campaign keeps it to its end; left out later, it goes on with it 批次授权文件（案件自身的授权优先）
    #[arg(long, value_name = "FILE.toml")]
    authority: Option<PathBuf>,
    /// The trunk in sip-config/ 线路
    #[arg(long, value_name = "NAME")]
    trunk: String,
    /// The campaign's id; the file's name when left out. A second run of the same id goes on where the
    /// first ended, and calls nobody twice 批次名
    #[arg(long)]
    id: Option<CampaignId>,
    /// Calls at once; the trunk's max_calls when left out, and never more 并发数
    #[arg(long)]
    max_at_once: Option<u32>,
    /// Print the words as they are spoken. They are personal data 显示对话内容（个人信息）
    #[arg(long)]
    words: bool,
}

pub(crate) fn run(project: &Project, command: CampaignCommand) -> Result<ExitCode> {
    let CampaignCommand::Run(args) = command;
    let trunk = TrunkConfig::read(&project.trunk(&args.trunk))?;
    let gate = gate::of(project, &args.trunk, &trunk)?;
    let id = match args.id {
        Some(id) => id,
        None => {
            let stem = args.cases.file_stem().unwrap_or_default().to_string_lossy();
            stem.parse().with_context(|| {
                format!("{stem:?} cannot be a campaign's id; name one with --id 请用 --id 指定批次名")
            })?
        }
    };
    let wanted = match args.script {
        Some(script) => vec![Wanted::script(&script)],
        None => args.variant,
    };
    let given = args.authority.as_deref().map(authority::read).transpose()?;
    let (scripts, cases, bad_rows) = super::runtime()?.block_on(async {
        let store = Store::open(project.store()).await?;
        let authority = super::dialog::authority(&store, &id, given).await?;
        // A file of which no row can be called begins no campaign.
        let (cases, bad_rows) = read_cases(project, &args.cases, &authority)?;
        let scripts = super::dialog::scripts(project, &store, &id, &wanted, authority).await?;
        anyhow::Ok((scripts, cases, bad_rows))
    })?;
    let order = CampaignOrder {
        id: id.clone(),
        cases,
        scripts,
        max_at_once: args.max_at_once.unwrap_or(u32::MAX).clamp(1, trunk.max_calls) as usize,
    };
    let words = if args.words { Words::Shown } else { Words::Hidden };
    let report = super::runtime()?.block_on(dial(project, trunk, gate, Ground::Real, order, words))?;
    // A reader who has gone changes nothing of whether it is done.
    let _ = summary(&id, &report, bad_rows).iter().try_for_each(|line| out!("{line}"));
    Ok(if is_done(&report, bad_rows) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs a campaign and shows it. The first signal to end dials no further and lets the calls that are
/// up come to their end, the second hangs them up.
pub(crate) async fn dial(
    project: &Project,
    trunk: TrunkConfig,
    gate: Gate,
    ground: Ground,
    order: CampaignOrder,
    words: Words,
) -> Result<CampaignReport> {
    note!("loading models 加载模型 …");
    let plant = plant::start(project, trunk, gate, ground).await?;
    // Until here there is nothing that a signal could spoil.
    let mut signals = Signals::catch()?;
    let sip = plant.sip.clone();
    let (observer, mut progress) = mpsc::unbounded_channel();
    let (stop, stopping) = watch::channel(Stop::No);
    let mut view = Watch::new(order.cases.len(), words);
    let mut campaign = tokio::spawn(run_campaign(plant, order, observer, stopping));
    let report = loop {
        tokio::select! {
            Some(progress) = progress.recv() => view.show(progress),
            ended = &mut campaign => break ended,
            () = signals.next() => {
                let (wish, told) = further(*stop.borrow());
                view.print(told);
                let _ = stop.send(wish);
            }
        }
    };
    while let Ok(progress) = progress.try_recv() {
        view.show(progress);
    }
    view.close();
    // A lost BYE is sent again as long as we are here.
    tokio::select! { () = sip.settled() => {}, () = signals.next() => {} }
    let report = report.context("the campaign's task failed 批次任务出错")??;
    Ok(report)
}

/// What another signal wishes, and how that is told.
fn further(wished: Stop) -> (Stop, &'static str) {
    match wished {
        Stop::No => (
            Stop::DialNoMore,
            "no further call is placed; those that are up come to their end; once more hangs up \
             不再拨出，通话中的会正常结束；再按一次则挂断",
        ),
        Stop::DialNoMore | Stop::HangUp => (Stop::HangUp, "hanging up 正在挂断"),
    }
}

/// The cases of a file, with `authority` where they leave theirs open, and how many rows are none; what is
/// wrong with those is told.
pub(crate) fn read_cases(
    project: &Project,
    path: &Path,
    authority: &GivenAuthority,
) -> Result<(Vec<Case>, usize)> {
    let shown = path.display();
    let mut table = case_table(project, path)?;
    authority::fill(&mut table, authority);
    table.notices.iter().chain(&table.problems).for_each(|p| note!("{shown}: {p}"));
    if table.cases.is_empty() {
        bail!("{shown}: no case in it can be called 没有可拨打的案件");
    }
    Ok((table.cases.into_iter().map(|(_, case)| case).collect(), table.problems.len()))
}

/// A file of cases, read. A row that names a voice which is not there is wrong as well.
pub(crate) fn case_table(project: &Project, path: &Path) -> Result<CaseTable> {
    let bytes =
        std::fs::read(path).with_context(|| format!("{}: cannot be read 无法读取", path.display()))?;
    let mut table = waihu_campaign::read_csv_bytes(&bytes);
    let voices = Voices::of(project);
    table.cases.retain(|(line, case)| {
        let fault = voices.in_case(case);
        table.problems.extend(fault.iter().map(|message| RowProblem {
            line: *line,
            column: Some("voice".to_owned()),
            message: message.clone(),
        }));
        fault.is_none()
    });
    table.problems.sort_by_key(|p| p.line);
    Ok(table)
}

/// Whether every row was a case that had its turn, now or before.
fn is_done(report: &CampaignReport, bad_rows: usize) -> bool {
    bad_rows == 0
        && report.stopped == 0
        && report.denied.is_empty()
        && report.not_placed.is_empty()
        && report.not_filed.is_empty()
}

/// The lines that close a campaign.
fn summary(id: &CampaignId, report: &CampaignReport, bad_rows: usize) -> Vec<String> {
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for outcome in &report.outcomes {
        *counts.entry(named(outcome.disposition)).or_default() += 1;
    }
    let mut lines = vec![format!("campaign 批次 {id}: {} called 已呼叫", report.outcomes.len())];
    lines.extend(counts.into_iter().map(|(name, count)| format!("  {count:>6} {name}")));
    for (count, what) in [
        (report.left_out, "left out: called before, or not yet due 略过：已呼叫过或未到再呼时间"),
        (report.barred.len(), "not called: their number asked for it, or is the wrong one 号码不再呼叫"),
        (report.not_placed.len(), "not placed 未能呼叫"),
        (report.not_filed.len(), "called, and not filed yet 已呼叫，结果未入库"),
        (report.stopped, "not called: the run was stopped; run it again to go on 因停止而未呼叫，可再次运行"),
        (bad_rows, "rows not called: wrong as named above 有误的行，未呼叫"),
    ] {
        if count > 0 {
            lines.push(format!("  {count:>6} {what}"));
        }
    }
    lines.extend(denied(report));
    lines.push(format!("see 查看: waihu outcomes --campaign {id}"));
    lines
}

/// Who might not be called now, by rule, and from when.
fn denied(report: &CampaignReport) -> Vec<String> {
    let mut by_rule = std::collections::BTreeMap::<&str, Vec<&Denied>>::new();
    for (_, denied) in &report.denied {
        by_rule.entry(&denied.rule).or_default().push(denied);
    }
    let of_rule = by_rule.into_iter().flat_map(|(rule, denied)| {
        let from = match denied.iter().filter_map(|d| d.next).min() {
            Some(next) => format!("from 最早 {next}"),
            None => "time alone does not help 等待无效".to_owned(),
        };
        let told = format!("  {:>6} may not be called now 现在不可呼叫: {rule}, {from}", denied.len());
        let first = denied.first().map(|d| format!("         {}\n         {}", d.zh, d.en));
        std::iter::once(told).chain(first)
    });
    of_rule.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_undone_is_told_and_fails() {
        let id = "november".parse().unwrap();
        let case = || vec![("C1".parse().unwrap(), "why".to_owned())];
        let done = CampaignReport { left_out: 3, barred: case(), ..CampaignReport::default() };
        assert!(is_done(&done, 0));
        assert!(!is_done(&done, 1));
        assert!(summary(&id, &done, 7).iter().any(|l| l.contains("7 rows not called")));
        for undone in [
            CampaignReport { stopped: 4, ..CampaignReport::default() },
            CampaignReport { not_placed: case(), ..CampaignReport::default() },
            CampaignReport { not_filed: case(), ..CampaignReport::default() },
        ] {
            assert!(!is_done(&undone, 0));
            assert_eq!(summary(&id, &undone, 0).len(), 3);
        }
    }

    #[test]
    fn who_may_not_be_called_now_is_told_by_rule_with_the_first_moment_and_is_not_done() {
        let denied = |rule: &str, next: Option<&str>| Denied {
            rule: rule.to_owned(),
            zh: "时段之外".to_owned(),
            en: "no calling hour".to_owned(),
            next: next.map(|at| at.parse().unwrap()),
        };
        let report = CampaignReport {
            denied: vec![
                ("C1".parse().unwrap(), denied("cn-hours", Some("2026-11-27T01:00:00Z"))),
                ("C2".parse().unwrap(), denied("cn-hours", Some("2026-11-27T00:00:00Z"))),
                ("C3".parse().unwrap(), denied("zone", None)),
            ],
            ..CampaignReport::default()
        };
        assert!(!is_done(&report, 0));
        let lines = summary(&"november".parse().unwrap(), &report, 0).join("\n");
        assert!(
            lines.contains("2 may not be called now 现在不可呼叫: cn-hours, from 最早 2026-11-27T00:00:00"),
            "{lines}"
        );
        assert!(lines.contains("时段之外") && lines.contains("zone, time alone does not help"), "{lines}");
    }

    #[test]
    fn the_second_signal_hangs_up() {
        let (first, _) = further(Stop::No);
        assert_eq!(
            (first, further(first).0, further(Stop::HangUp).0),
            (Stop::DialNoMore, Stop::HangUp, Stop::HangUp)
        );
    }
}
