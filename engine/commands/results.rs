//! `waihu results`: what came of calls, counted, and what they cost.

use std::{collections::BTreeMap, process::ExitCode};

use anyhow::Result;
use clap::Args;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;
use waihu_store::{Cell, Store};
use waihu_types::{CampaignId, WallTime};

use super::{dialog::now, listed::OnFile, outcomes::moment};
use crate::{configuration::Configuration, output::out, project::Project, rates, table::Table};

#[derive(Debug, Args)]
pub(crate) struct ResultsArgs {
    /// Of one campaign 批次
    #[arg(long)]
    campaign: Option<CampaignId>,
    /// Of calls that ended from then on, as 2026-11-26 or 2026-11-26T08:00+08:00 起始时间
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Of calls that ended before 截止时间
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// What the calls of each campaign cost 各批次成本
    #[arg(long)]
    costs: bool,
    /// One JSON object a line, with all that tells calls apart, and hours by this machine's clock 以 JSON 输出
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    ground: OnFile,
}

pub(crate) fn run(project: &Project, args: &ResultsArgs) -> Result<ExitCode> {
    super::runtime()?.block_on(async {
        let since = args.since.as_deref().map(moment).transpose()?;
        let until = args.until.as_deref().map(moment).transpose()?;
        let span = (
            since.unwrap_or(WallTime::from_unix_millis(0)),
            until.unwrap_or(WallTime::from_unix_millis(i64::MAX)),
        );
        let Some(store) = args.ground.store(project).await? else { return Ok(ExitCode::SUCCESS) };
        store.judge_promises(now()).await?;
        if args.costs {
            costs(project, &store, args, span).await?
        } else {
            counts(&store, args, span).await?
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn counts(store: &Store, args: &ResultsArgs, span: (WallTime, WallTime)) -> Result<()> {
    let ahead_min = TimeZone::system().to_offset(Timestamp::now()).seconds() / 60;
    let cells = store.results(args.campaign.as_ref(), span, ahead_min).await?;
    if args.json {
        return cells.iter().try_for_each(|c| {
            out!(
                "{}",
                json!({
                    "disposition": c.disposition, "answered_by": c.answered_by, "identity": c.identity,
                    "script": c.script, "kind": c.kind, "grade": c.grade, "hour": c.hour, "calls": c.calls,
                    "promises": c.promises, "promised": c.promised, "due": c.due, "kept": c.kept,
                    "kept_in_part": c.kept_in_part, "talk_ms": c.talk_ms,
                })
            )
        });
    }
    let mut table = Table::new([
        "outcome 结果",
        "calls 通话",
        "promises 承诺",
        "due 已到期",
        "kept 已兑现",
        "talk 通话时长 min",
    ]);
    let by_disposition = added_up(&cells);
    for (disposition, sum) in &by_disposition {
        table.row([
            (*disposition).to_owned(),
            sum.calls.to_string(),
            sum.promises.to_string(),
            sum.due.to_string(),
            sum.kept.to_string(),
            format!("{:.1}", sum.talk_ms as f64 / 60_000.0),
        ]);
    }
    let calls: i64 = by_disposition.values().map(|sum| sum.calls).sum();
    out!("{table}\n{calls} calls 通")
}

/// What calls that ended alike have together.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    calls: i64,
    promises: i64,
    due: i64,
    kept: i64,
    talk_ms: i64,
}

fn added_up(cells: &[Cell]) -> BTreeMap<&str, Sum> {
    let mut sums = BTreeMap::<&str, Sum>::new();
    for cell in cells {
        let sum = sums.entry(&cell.disposition).or_default();
        sum.calls += cell.calls;
        sum.promises += cell.promises;
        sum.due += cell.due;
        sum.kept += cell.kept;
        sum.talk_ms += cell.talk_ms;
    }
    sums
}

async fn costs(
    project: &Project,
    store: &Store,
    args: &ResultsArgs,
    span: (WallTime, WallTime),
) -> Result<()> {
    let prices = rates::of(project, &Configuration::of(project)?.cost);
    let costs = waihu_api::costs(store, &prices, args.campaign.as_ref(), span).await?;
    if args.json {
        for cost in &costs {
            out!("{}", serde_json::to_string(cost)?)?;
        }
        return Ok(());
    }
    let mut table = Table::new([
        "campaign 批次",
        "trunk 线路",
        "calls 通话",
        "answered 接通",
        "contacts 联系到本人",
        "promises 承诺",
        "carrier 线路费用",
        "agents 坐席费用",
        "by contact 每次联系",
        "by promise 每个承诺",
        "kept 已兑现",
        "by kept 每个兑现的承诺",
        "currency 货币",
    ]);
    for cost in &costs {
        table.row([
            cost.campaign.clone().unwrap_or_default(),
            cost.trunk.clone().unwrap_or_default(),
            cost.calls.to_string(),
            cost.answered.to_string(),
            cost.contacts.to_string(),
            cost.promises.to_string(),
            cost.calls_cost.clone(),
            cost.agents_cost.clone(),
            cost.per_contact.clone().unwrap_or_default(),
            cost.per_promise.clone().unwrap_or_default(),
            cost.kept.to_string(),
            cost.per_kept.clone().unwrap_or_default(),
            cost.currency.clone(),
        ]);
    }
    out!("{table}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_added_up_by_how_they_ended() {
        let cell = |disposition: &str, hour, calls, promises| Cell {
            disposition: disposition.to_owned(),
            answered_by: "human".to_owned(),
            identity: "confirmed".to_owned(),
            script: "reminder".to_owned(),
            kind: String::new(),
            grade: String::new(),
            hour,
            calls,
            promises,
            promised: 0,
            due: promises,
            kept: promises / 2,
            kept_in_part: 0,
            talk_ms: 1_000,
        };
        let cells =
            [cell("promise_to_pay", 9, 2, 2), cell("busy", 9, 3, 0), cell("promise_to_pay", 10, 1, 1)];
        let sums = added_up(&cells);
        assert_eq!(sums["promise_to_pay"], Sum { calls: 3, promises: 3, due: 3, kept: 1, talk_ms: 2_000 });
        assert_eq!(sums.values().map(|sum| sum.calls).sum::<i64>(), 6);
    }
}
