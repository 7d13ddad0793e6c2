//! `waihu promises`: what was promised in calls, and when it is due.

use std::{process::ExitCode, str::FromStr};

use anyhow::{Context, Result};
use clap::Args;
use jiff::civil::Date;
use serde_json::json;
use waihu_campaign::fate::Fate;
use waihu_store::{Filter, Kept, PageFilter, Store};
use waihu_types::{AttemptId, Outcome, Promise};

use super::{
    dialog::now,
    listed::{Listed, local},
    written::{look, written},
};
use crate::{output::out, project::Project, table::Table};

/// Outcomes that are read at once.
const PAGE: u32 = 1_000;

#[derive(Debug, Args)]
pub(crate) struct PromisesArgs {
    /// With a payment on this day at the callee's place, or within these: 2026-12-01, 2026-12-01..2026-12-07,
    /// ..2026-12-07 应付日或区间（被叫当地）
    #[arg(long, value_name = "DAY[..DAY]")]
    due: Option<Due>,
    #[command(flatten)]
    listed: Listed,
}

/// Days, with the first and the last of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Due {
    first: Date,
    last: Date,
}

impl FromStr for Due {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let day = |text: &str, open: Date| match text.trim() {
            "" => Ok(open),
            text => text.parse::<Date>().map_err(|e| format!("{e}: write it as 2026-12-01 日期格式有误")),
        };
        let (first, last) = match text.split_once("..") {
            Some((first, last)) => (day(first, Date::MIN)?, day(last, Date::MAX)?),
            None => (day(text, Date::MIN)?, day(text, Date::MAX)?),
        };
        if last < first {
            return Err(format!("{last} is before {first} 结束日早于开始日"));
        }
        Ok(Self { first, last })
    }
}

impl Due {
    /// Whether a payment of a promise falls within.
    fn has(self, promise: &Promise) -> bool {
        let within = |day: Date| (self.first..=self.last).contains(&day);
        within(promise.date) || promise.parts.iter().any(|part| within(part.date))
    }
}

pub(crate) fn run(project: &Project, args: &PromisesArgs) -> Result<ExitCode> {
    super::runtime()?.block_on(async {
        let Some(store) = args.listed.ground.store(project).await? else { return Ok(ExitCode::SUCCESS) };
        store.judge_promises(now()).await?;
        let flags = args.listed.flags().into_iter().chain([("--due", args.due.is_some())]);
        let mut found = written(&store, &look("promises", flags), promised(&store, args)).await?;
        args.listed.cut(&mut found, |(outcome, _)| &outcome.attempt);
        let attempts: Vec<&AttemptId> = found.iter().map(|(outcome, _)| &outcome.attempt).collect();
        let fates = store.fates(&attempts).await?;
        let fate = |outcome: &Outcome| fates.get(&outcome.attempt).copied();
        if args.listed.json {
            for (outcome, promise) in &found {
                out!("{}", told(outcome, promise, fate(outcome)))?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        let mut table = Table::new([
            "ended 结束",
            "attempt 通话",
            "campaign 批次",
            "case 案件",
            "sum 金额",
            "due 应付日",
            "waived 减免",
            "by 方式",
            "state 状态",
        ]);
        found.iter().for_each(|(outcome, promise)| table.row(row(outcome, promise, fate(outcome))));
        out!("{table}\n{} promises 条承诺", found.len())?;
        Ok(ExitCode::SUCCESS)
    })
}

/// The promises that are asked for and one more, in the order in which their calls ended.
async fn promised(store: &Store, args: &PromisesArgs) -> Result<Vec<(Outcome, Promise)>> {
    let filter = PageFilter { kept: Kept::Promises, ..args.listed.filter()? };
    let mut after = match &args.listed.after {
        Some(id) => {
            let before = Filter { attempt: Some(id.clone()), ..Filter::default() };
            let before = store.outcomes(&before).await?.pop();
            let before = before
                .with_context(|| format!("{id}: there is no outcome of such an attempt 没有该通话的结果"))?;
            Some((before.ended_at, before.attempt))
        }
        None => None,
    };
    let (mut found, wanted) = (Vec::new(), usize::try_from(args.listed.limit).unwrap_or(usize::MAX) + 1);
    while found.len() < wanted {
        let rows = store.outcomes_page(&filter, after.as_ref(), PAGE).await?;
        let Some(last) = rows.last() else { break };
        after = Some((last.ended_at, last.attempt.clone()));
        let promised = rows.into_iter().filter_map(|outcome| {
            let promise = outcome.promise.clone()?;
            Some((outcome, promise))
        });
        found.extend(promised.filter(|(_, promise)| args.due.is_none_or(|due| due.has(promise))));
    }
    found.truncate(wanted);
    Ok(found)
}

/// A promise as the API has it.
fn told(outcome: &Outcome, promise: &Promise, fate: Option<Fate>) -> serde_json::Value {
    json!({
        "attempt": outcome.attempt, "campaign": outcome.campaign, "case": outcome.case,
        "ended_at": outcome.ended_at, "promise": promise, "state": fate.map(Fate::label),
    })
}

fn row(outcome: &Outcome, promise: &Promise, fate: Option<Fate>) -> [String; 9] {
    let days = match promise.parts.as_slice() {
        [] => promise.date.to_string(),
        parts => parts.iter().map(|part| part.date.to_string()).collect::<Vec<_>>().join(" "),
    };
    let waived = promise.discount.as_ref();
    [
        local(outcome.ended_at),
        outcome.attempt.to_string(),
        outcome.campaign.as_ref().map(ToString::to_string).unwrap_or_default(),
        outcome.case.to_string(),
        format!("{} {}", promise.sum.amount(), promise.sum.currency()),
        days,
        waived.map(|sum| format!("{} {}", sum.amount(), sum.currency())).unwrap_or_default(),
        promise.channel.map(|channel| channel.label().to_owned()).unwrap_or_default(),
        fate.map(|fate| format!("{} {}", fate.label(), fate.label_zh())).unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use waihu_types::{Currency, Money, PromisedPart};

    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_promise_is_due_on_the_day_of_any_of_its_payments() {
        let sum = Money::parse("100.00", Currency::CNY).unwrap();
        let part = |date: &str| PromisedPart { date: day(date), sum };
        let once = Promise::of(day("2026-12-01"), sum);
        let parts = vec![part("2026-12-01"), part("2027-01-01")];
        let twice = Promise { parts, ..once.clone() };
        for (due, of_once, of_twice) in [
            ("2026-12-01", true, true),
            ("2026-12-02", false, false),
            ("2026-12-02..2027-01-01", false, true),
            ("..2026-11-30", false, false),
            ("2027-01-01..", false, true),
            ("..", true, true),
        ] {
            let due: Due = due.parse().unwrap();
            assert_eq!((due.has(&once), due.has(&twice)), (of_once, of_twice), "{due:?}");
        }
        for wrong in ["soon", "2026-12-07..2026-12-01", "2026-12-01..x", "2026-13-01"] {
            assert!(wrong.parse::<Due>().is_err(), "{wrong}");
        }
    }
}
