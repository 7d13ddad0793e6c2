//! `waihu explain`: why each case may or may not be called, in plain words, and when next.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;
use jiff::{Timestamp, civil::DateTime};
use waihu_compliance::{Decision, Gate, Subject};
use waihu_store::Store;
use waihu_trunk::TrunkConfig;
use waihu_types::{CampaignId, Case, CaseId, Lang, WallTime};

use crate::{
    configuration::Configuration,
    gate,
    output::{note, out},
    project::Project,
};

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// One case; all of the file when left out 案件
    case: Option<CaseId>,
    /// The cases 案件表
    #[arg(long, value_name = "FILE.csv")]
    cases: PathBuf,
    /// Under the profile of a trunk in sip-config/ 线路
    #[arg(long, value_name = "NAME", required_unless_present = "profile")]
    trunk: Option<String>,
    /// Under a profile of compliance/ 合规规则
    #[arg(long, value_name = "NAME", conflicts_with = "trunk")]
    profile: Option<String>,
    /// The campaign whose verdicts count; the file's name when left out 批次名
    #[arg(long)]
    id: Option<CampaignId>,
    /// Not now but then: as "2026-11-26 21:55" by the clock at each callee's place, or with an offset,
    /// as 2026-11-26T21:55+08:00, one moment for all 指定时间：不带时区为被叫当地时间
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

/// When it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    At(Timestamp),
    /// When the clock at the callee's place shows it.
    There(DateTime),
}

impl Asked {
    fn read(text: &str) -> Result<Self> {
        let text = text.trim();
        let moment = text.parse().map(Self::At);
        moment.or_else(|_| text.parse().map(Self::There)).with_context(|| {
            format!("--at {text:?}: write it as \"2026-11-26 21:55\" or 2026-11-26T21:55+08:00 时间格式有误")
        })
    }
}

pub(crate) fn run(project: &Project, args: &ExplainArgs) -> Result<ExitCode> {
    let gate = match (&args.trunk, &args.profile) {
        (Some(name), _) => gate::of(project, name, &TrunkConfig::read(&project.trunk(name))?)?,
        (None, Some(id)) => Gate::new(gate::profile(project, id)?),
        (None, None) => bail!("name a trunk with --trunk or a profile with --profile 请指定线路或规则"),
    };
    let asked = match &args.at {
        Some(text) => Asked::read(text)?,
        None => Asked::At(Timestamp::now()),
    };
    let stem = || args.cases.file_stem().and_then(|s| s.to_str()).and_then(|s| s.parse().ok());
    let campaign: Option<CampaignId> = args.id.clone().or_else(stem);
    let table = super::campaign::case_table(project, &args.cases)?;
    let shown = args.cases.display();
    table.problems.iter().for_each(|p| note!("{shown}: {p}"));
    let wanted = |case: &Case| args.case.as_ref().is_none_or(|id| *id == case.id);
    let cases: Vec<Case> = table.cases.into_iter().map(|(_, case)| case).filter(wanted).collect();
    if cases.is_empty() {
        bail!("{shown}: there is no such case in it 没有该案件");
    }
    let profile = &gate.profile;
    out!("profile 规则: {} {} {}", profile.id(), profile.name(Lang::Zh), profile.name(Lang::En))?;
    let allowed = super::runtime()?.block_on(async {
        // Nothing is made where nobody was called yet.
        let store = Configuration::of(project)?.existing_store().await?;
        let mut allowed = 0;
        for case in &cases {
            let (lines, may) = explain(store.as_ref(), &gate, campaign.as_ref(), case, asked).await?;
            lines.iter().try_for_each(|line| out!("{line}"))?;
            allowed += usize::from(may);
        }
        if let Some(store) = store {
            store.close().await;
        }
        anyhow::Ok(allowed)
    })?;
    out!("{allowed} of {} may be called 可呼叫 {allowed} / {}", cases.len(), cases.len())?;
    Ok(ExitCode::SUCCESS)
}

/// What is to be said of a case, and whether it may be called.
async fn explain(
    store: Option<&Store>,
    gate: &Gate,
    campaign: Option<&CampaignId>,
    case: &Case,
    asked: Asked,
) -> Result<(Vec<String>, bool)> {
    let subject = Subject::new(&case.time_zone);
    let now = match asked {
        Asked::At(now) => now,
        Asked::There(local) => {
            subject.moment(local).context("the callee's clock never shows that 当地没有这一时刻")?
        }
    };
    let wall = WallTime::from_unix_millis(now.as_millisecond());
    let place = |at: Timestamp| match subject.local(at) {
        Some(local) => format!("{} {}", local.strftime("%Y-%m-%d %H:%M"), case.time_zone),
        None => at.to_string(),
    };
    let mut lines = vec![format!("{} ({}, {})", case.id, case.phone.masked(), place(now))];
    let mut history = Vec::new();
    let mut flags = 0;
    if let Some(store) = store {
        history = store.contacts(&case.phone, &case.id, gate, wall).await?;
        if let Some(by) = store.barred(&case.phone).await? {
            lines.push(format!("  ✗ 不再呼叫 not called again: {by}"));
            flags += 1;
        }
        let standing = match campaign {
            Some(campaign) => store.cases_done(campaign).await?.remove(&case.id),
            None => None,
        };
        if let Some(refusal) = standing.and_then(|standing| standing.refusal(wall)) {
            lines.push(format!("  ✗ 本批次 this campaign: {refusal}"));
            flags += 1;
        }
    }
    let denials = gate.profile.denials(&subject, &history, now);
    for denied in &denials {
        lines.push(format!("  ✗ {}", denied.explain(&subject, Lang::Zh)));
        lines.push(format!("    {}", denied.explain(&subject, Lang::En)));
    }
    let may = denials.is_empty() && flags == 0;
    if denials.is_empty() {
        let allowed = Decision::Allowed { checked: gate.profile.rules() };
        let (zh, en) = (allowed.explain(&subject, Lang::Zh), allowed.explain(&subject, Lang::En));
        lines.push(format!("  ✓ {zh}"));
        lines.push(format!("    {en}"));
    } else {
        lines.push(match gate.profile.next_allowed(&subject, &history, now) {
            Some(next) => format!("  → 最早可呼叫 the rules allow it from: {}", place(next)),
            None => "  → 等待无效：60 天内不可呼叫 not within 60 days: time alone does not help".to_owned(),
        });
    }
    Ok((lines, may))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_an_offset_is_the_callees() {
        let there = Asked::read("2026-11-26 21:55").unwrap();
        assert_eq!(there, Asked::There("2026-11-26T21:55:00".parse().unwrap()));
        let at = Asked::read("2026-11-26T21:55:00+08:00").unwrap();
        assert_eq!(at, Asked::At("2026-11-26T13:55:00Z".parse().unwrap()));
        assert!(Asked::read("tonight").is_err());
    }
}
