//! `waihu decisions`: why calls about a case were allowed or denied, as it was kept when they were.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use jiff::civil::DateTime;
use serde_json::{Value, json};
use waihu_store::KeptDecision;
use waihu_types::CaseId;

use super::{
    listed::{OnFile, local},
    written::written,
};
use crate::{output::out, project::Project, table::Table};

#[derive(Debug, Args)]
pub(crate) struct DecisionsArgs {
    /// The case 案件
    case: CaseId,
    /// The newest so many 最近几条
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// One JSON object a line, with what it was decided from 以 JSON 输出（含依据）
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    ground: OnFile,
}

pub(crate) fn run(project: &Project, args: &DecisionsArgs) -> Result<ExitCode> {
    super::runtime()?.block_on(async {
        let Some(store) = args.ground.store(project).await? else { return Ok(ExitCode::SUCCESS) };
        let act = format!("decisions {}", args.case);
        let mut kept = written(&store, &act, store.decisions(&args.case)).await?;
        kept.drain(..kept.len().saturating_sub(args.limit));
        if args.json {
            return kept
                .iter()
                .try_for_each(|decision| out!("{}", told(decision)))
                .map(|()| ExitCode::SUCCESS);
        }
        let mut table = Table::new([
            "decided 判定",
            "there 被叫当地",
            "verdict 结论",
            "rules 规则",
            "from 最早可呼叫",
            "profile 规则文件",
            "attempt 通话",
        ]);
        for decision in &kept {
            table.row(row(decision));
        }
        out!("{table}\n{} decisions 条判定", kept.len())?;
        for (at, despite) in kept.iter().filter_map(|d| Some((d.at, d.despite.as_ref()?))) {
            out!("{} despite a denial 强行呼叫: {despite}", local(at))?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// A decision as the API has it.
fn told(d: &KeptDecision) -> Value {
    json!({
        "at": d.at, "campaign": d.campaign, "attempt": d.attempt, "profile": d.profile,
        "profile_sha256": d.profile_sha256, "verdict": d.verdict.label(), "rules": d.rules, "next": d.next,
        "evidence": d.evidence, "despite": d.despite,
    })
}

fn row(d: &KeptDecision) -> [String; 7] {
    [
        local(d.at),
        there(&d.evidence),
        format!("{} {}", d.verdict.label(), d.verdict.label_zh()),
        d.rules.join(" "),
        d.next.map(local).unwrap_or_default(),
        format!("{}@{}", d.profile, d.profile_sha256.get(..12).unwrap_or(&d.profile_sha256)),
        d.attempt.as_ref().map(ToString::to_string).unwrap_or_default(),
    ]
}

/// What the clock showed at the callee's place, as it was kept; nothing where the zone was not known.
fn there(evidence: &Value) -> String {
    let word = |key: &str| evidence.get(key).and_then(Value::as_str);
    let local = word("local").and_then(|local| local.parse::<DateTime>().ok());
    local
        .map(|local| format!("{} {}", local.strftime("%Y-%m-%d %H:%M"), word("zone").unwrap_or_default()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use waihu_store::Verdict;

    use super::*;

    #[test]
    fn a_decision_is_told_with_the_clock_of_the_callees_place() {
        let decision = KeptDecision {
            at: "2026-11-26T13:55:00Z".parse().unwrap(),
            campaign: None,
            attempt: None,
            profile: "cn".to_owned(),
            profile_sha256: "0123456789abcdef".to_owned(),
            verdict: Verdict::Denied,
            rules: vec!["cn-hours".to_owned(), "cn-calls".to_owned()],
            next: None,
            evidence: json!({"zone": "Asia/Shanghai", "local": "2026-11-26T21:55:00"}),
            despite: None,
        };
        let row = row(&decision);
        assert_eq!(row[1..4], ["2026-11-26 21:55 Asia/Shanghai", "denied 拒绝", "cn-hours cn-calls"]);
        assert_eq!(row[5], "cn@0123456789ab");
        assert_eq!(there(&json!({"zone": "Mars/Olympus", "local": null})), "");
        assert_eq!(told(&decision)["evidence"], decision.evidence);
    }
}
