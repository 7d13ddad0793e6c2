//! `waihu search`: calls that are looked for, by how they ended and by what was said.

use std::{
    io::{BufRead, stdin},
    process::ExitCode,
};

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};
use waihu_store::{Hit, Sought};
use waihu_types::{CampaignId, CaseId, Disposition, WallTime};

use super::{
    listed::{OnFile, local},
    outcomes::moment,
    written::{look, written},
};
use crate::{configuration::Configuration, output::out, project::Project, table::Table};

#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    /// Words that were said: phrases, with spaces between them; "-" reads them from standard input, so that they stand
    /// in no shell's history. All calls where left out 说过的话
    words: Option<String>,
    /// Said by callee, bot or agent 说话人
    #[arg(long, requires = "words", value_parser = ["callee", "bot", "agent"])]
    speaker: Option<String>,
    /// Of one campaign 批次
    #[arg(long)]
    campaign: Option<CampaignId>,
    /// Of one case 案件
    #[arg(long)]
    case: Option<CaseId>,
    /// That ended so, as promise_to_pay 结果
    #[arg(long, value_parser = disposition)]
    disposition: Option<Disposition>,
    /// That ended from then on, as 2026-11-26 or 2026-11-26T08:00+08:00 起始时间
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// That ended before 截止时间
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// The newest so many 最近几条
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// One JSON object a line 以 JSON 输出
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    ground: OnFile,
}

fn disposition(word: &str) -> Result<Disposition, String> {
    let found = Disposition::ALL.into_iter().find(|disposition| disposition.label() == word);
    found.ok_or_else(|| {
        let known: Vec<&str> = Disposition::ALL.iter().map(|disposition| disposition.label()).collect();
        format!("one of {} is expected 结果有误", known.join(", "))
    })
}

impl SearchArgs {
    fn act(&self) -> String {
        look(
            "search",
            [
                ("WORDS", self.words.is_some()),
                ("--speaker", self.speaker.is_some()),
                ("--campaign", self.campaign.is_some()),
                ("--case", self.case.is_some()),
                ("--disposition", self.disposition.is_some()),
                ("--since", self.since.is_some()),
                ("--until", self.until.is_some()),
                ("--json", self.json),
            ],
        )
    }

    fn sought(&self) -> Result<Sought> {
        let words = match self.words.as_deref() {
            Some("-") => {
                let mut line = String::new();
                stdin().lock().read_line(&mut line)?;
                Some(line)
            }
            words => words.map(str::to_owned),
        };
        Ok(Sought {
            words: words.map(|words| words.trim().to_owned()).filter(|words| !words.is_empty()),
            speaker: self.speaker.clone(),
            campaign: self.campaign.clone(),
            case: self.case.clone(),
            disposition: self.disposition,
            since: self.since.as_deref().map(moment).transpose()?,
            until: self.until.as_deref().map(moment).transpose()?,
        })
    }
}

pub(crate) fn run(project: &Project, args: &SearchArgs) -> Result<ExitCode> {
    super::runtime()?.block_on(async {
        let sought = args.sought()?;
        let Some(store) = args.ground.store(project).await? else { return Ok(ExitCode::SUCCESS) };
        Configuration::of(project)?.unlock(&store).await?;
        let hits = written(&store, &args.act(), store.search(&sought, None, args.limit)).await?;
        if args.json {
            return hits.iter().try_for_each(|hit| out!("{}", told(hit))).map(|()| ExitCode::SUCCESS);
        }
        let mut table = Table::new(["ended 结束", "attempt 通话", "case 案件", "outcome 结果", "said 说话"]);
        hits.iter().for_each(|hit| table.row(row(hit)));
        out!("{table}\n{} finds 条", hits.len())?;
        Ok(ExitCode::SUCCESS)
    })
}

/// A find as the API has it.
fn told(hit: &Hit) -> Value {
    let at = WallTime::from_unix_millis;
    let said =
        hit.text.as_ref().map(|text| json!({"at_ms": hit.at_ms, "speaker": hit.speaker, "text": text}));
    json!({
        "attempt": hit.attempt, "campaign": hit.campaign, "case": hit.case_id, "disposition": hit.disposition,
        "answered_by": hit.answered_by, "dialled_at": at(hit.dialled_at), "answered_at": hit.answered_at.map(at),
        "ended_at": at(hit.ended_at), "said": said,
    })
}

fn row(hit: &Hit) -> [String; 5] {
    let said = hit.text.as_ref().map(|text| {
        let s = hit.at_ms.unwrap_or_default() / 1_000;
        format!("{:02}:{:02} {}: {text}", s / 60, s % 60, hit.speaker.as_deref().unwrap_or_default())
    });
    [
        local(WallTime::from_unix_millis(hit.ended_at)),
        hit.attempt.clone(),
        hit.case_id.clone(),
        hit.disposition.clone(),
        said.unwrap_or_default(),
    ]
}
