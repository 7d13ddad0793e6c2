//! `waihu outcomes`: what is on file.

mod export;

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Args;
use waihu_campaign::fate::Fate;
use waihu_store::{Filter, Store};
use waihu_types::{AttemptId, CampaignId, CaseId, Outcome, Redial, WallTime};

use super::{
    dialog::now,
    listed::OnFile,
    written::{look, written},
};
use crate::{
    output::out,
    project::Project,
    table::Table,
    watch::{named, sounded},
};

pub(super) use export::moment;

#[derive(Debug, Args)]
pub(crate) struct OutcomesArgs {
    /// One JSON object a line, whole records (see engine/store/OUTCOME.md) 以 JSON 输出
    #[arg(long)]
    json: bool,
    /// Of one campaign 批次
    #[arg(long)]
    campaign: Option<CampaignId>,
    /// Of one case 案件
    #[arg(long)]
    case: Option<CaseId>,
    /// That of one attempt 通话
    #[arg(long, conflicts_with = "export")]
    attempt: Option<AttemptId>,
    #[command(flatten)]
    ground: OnFile,
    /// The newest so many 最近几条
    #[arg(long)]
    limit: Option<u32>,
    /// Write them into a file, .csv, .jsonl or .parquet, a row each with the columns of the view outcomes_v1;
    /// numbers and sums stand in it 导出（含个人信息）
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "limit"])]
    export: Option<PathBuf>,
    /// Of calls that ended from then on, as 2026-11-26 or 2026-11-26T08:00+08:00 起始时间
    #[arg(long, value_name = "TIME", requires = "export")]
    since: Option<String>,
    /// Those alone in which something was promised 仅含承诺
    #[arg(long, requires = "export")]
    promises: bool,
}

impl OutcomesArgs {
    /// What was asked for, as it is written down: by which flags, and with none of their values.
    fn act(&self) -> String {
        let flags = [
            ("--attempt", self.attempt.is_some()),
            ("--json", self.json),
            ("--campaign", self.campaign.is_some()),
            ("--case", self.case.is_some()),
            ("--limit", self.limit.is_some()),
            ("--export", self.export.is_some()),
            ("--since", self.since.is_some()),
            ("--promises", self.promises),
        ];
        look("outcomes", flags)
    }
}

pub(crate) fn run(project: &Project, args: OutcomesArgs) -> Result<ExitCode> {
    if let Some(file) = &args.export {
        return super::runtime()?.block_on(export::write(project, &args, file));
    }
    let act = args.act();
    let (campaign, case, attempt, limit) = (args.campaign, args.case, args.attempt, args.limit);
    let filter = Filter { campaign, case, attempt, limit, ..Filter::default() };
    let (outcomes, fates) = super::runtime()?.block_on(async {
        let Some(store) = args.ground.store(project).await? else {
            return Ok((Vec::new(), BTreeMap::new()));
        };
        store.judge_promises(now()).await?;
        let outcomes = written(&store, &act, store.outcomes(&filter)).await?;
        let fates = fates(&store, &outcomes).await?;
        store.close().await;
        anyhow::Ok((outcomes, fates))
    })?;
    if args.json {
        for outcome in &outcomes {
            out!("{}", serde_json::to_string(outcome)?)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new([
        "ended 结束",
        "case 案件",
        "number 号码",
        "outcome 结果",
        "promise 承诺",
        "talk 通话 s",
        "sound 音质",
        "SIP",
        "again 再呼",
    ]);
    for outcome in &outcomes {
        table.row(row(outcome, fates.get(&outcome.attempt).copied()));
    }
    out!("{table}\n{} outcomes 条记录", outcomes.len())?;
    Ok(ExitCode::SUCCESS)
}

/// What became of the promises of calls.
pub(super) async fn fates(store: &Store, outcomes: &[Outcome]) -> Result<BTreeMap<AttemptId, Fate>> {
    let promised: Vec<&AttemptId> =
        outcomes.iter().filter(|o| o.promise.is_some()).map(|o| &o.attempt).collect();
    Ok(store.fates(&promised).await?)
}

fn row(o: &Outcome, fate: Option<Fate>) -> [String; 9] {
    let fate = fate.map(|fate| format!(" {} {}", fate.label(), fate.label_zh())).unwrap_or_default();
    let promise = o
        .promise
        .as_ref()
        .map(|p| format!("{} {} {}{fate}", p.sum.amount(), p.sum.currency(), p.date))
        .unwrap_or_default();
    let talked = o.answered_at.map(|a| ((o.ended_at.unix_millis() - a.unix_millis()) / 1_000).to_string());
    let again = match &o.redial {
        Redial::No { rule } => format!("no 否 ({rule})"),
        Redial::Allowed { rule, not_before } => format!("{} ({rule})", local(*not_before)),
    };
    [
        local(o.ended_at),
        o.case.to_string(),
        o.callee.masked(),
        named(o.effective_disposition()),
        promise,
        talked.unwrap_or_default(),
        o.sound.as_ref().map(sounded).unwrap_or_default(),
        o.sip.as_ref().map(|s| s.code.to_string()).unwrap_or_default(),
        again,
    ]
}

/// A time as the viewer's clock shows it.
fn local(at: WallTime) -> String {
    at.timestamp().to_zoned_datetime(jiff::tz::TimeZone::system()).strftime("%m-%d %H:%M:%S").to_string()
}
