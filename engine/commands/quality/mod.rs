//! `waihu quality`: what calls were judged to be, and the calls that people look at.

mod review;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use waihu_dialler::Judging;
use waihu_quality::{Check, Judgement};
use waihu_store::{JudgedFilter, Store, StoredJudgement};
use waihu_types::{AttemptId, CampaignId, Lang, WallTime};

use super::dialog::{now, open_either};
use crate::{
    configuration::Configuration,
    output::{note, out},
    project::Project,
    table::Table,
};

#[derive(Debug, Subcommand)]
pub(crate) enum QualityCommand {
    /// List calls with what they were judged to be, the newest first 列出质检结果
    List(ListArgs),
    /// Show every check of a call, with its evidence 查看一通电话的检查项与依据
    Show(ShowArgs),
    /// Judge the calls that were not judged yet; with --all, all of them anew by the rules as they are now 评分
    Run(RunArgs),
    /// Tell how often each check held 各检查项通过率
    Checks(ListArgs),
    /// Draw the calls of yesterday for people to look at, where nobody did yet 抽检
    Draw(Ground),
    /// List the calls that people look at 列出待复核通话
    Reviews(review::ReviewsArgs),
    /// Fill the form of a review, or confirm it 填写或复核评审表
    Review(review::ReviewArgs),
}

#[derive(Debug, Args)]
pub(crate) struct Ground {
    /// Of the practice ground 演练场
    #[arg(long)]
    practice: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Of one campaign 批次
    #[arg(long)]
    campaign: Option<CampaignId>,
    /// In which this check fails 不通过的检查项
    #[arg(long, value_name = "CHECK")]
    failing: Option<String>,
    /// Those alone that are not right 仅不合格
    #[arg(long)]
    wrong: bool,
    /// At most so many 条数
    #[arg(long, default_value_t = 50)]
    limit: u32,
    #[command(flatten)]
    ground: Ground,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The attempt 通话编号
    attempt: AttemptId,
    /// As JSON 以 JSON 输出
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    ground: Ground,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Judge all calls anew 全部重新评分
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    ground: Ground,
}

pub(crate) fn run(project: &Project, command: QualityCommand) -> Result<ExitCode> {
    super::runtime()?.block_on(async {
        match command {
            QualityCommand::List(args) => list(&store(project, &args.ground).await?, &args).await,
            QualityCommand::Checks(args) => checks(&store(project, &args.ground).await?, &args).await,
            QualityCommand::Show(args) => show(&unlocked(project, &args.ground).await?, &args).await,
            QualityCommand::Run(args) => {
                judge(project, &unlocked(project, &args.ground).await?, args.all).await
            }
            QualityCommand::Draw(ground) => {
                let drawn =
                    waihu_dialler::draw(&store(project, &ground).await?, &project.sampling()?, now()).await?;
                out!("{drawn} calls are drawn 已抽取 {drawn} 通")?;
                Ok(ExitCode::SUCCESS)
            }
            QualityCommand::Reviews(args) => review::list(&store(project, &args.ground).await?, &args).await,
            QualityCommand::Review(args) => {
                review::take(&unlocked(project, &args.ground).await?, &args).await
            }
        }
    })
}

async fn store(project: &Project, ground: &Ground) -> Result<Store> {
    open_either(project, ground.practice).await
}

/// The same, which opens what is sealed, and seals what it keeps.
async fn unlocked(project: &Project, ground: &Ground) -> Result<Store> {
    let store = store(project, ground).await?;
    Configuration::of(project)?.unlock(&store).await?;
    Ok(store)
}

impl ListArgs {
    fn filter(&self) -> Result<JudgedFilter> {
        if self.failing.as_ref().is_some_and(|check| check.parse::<Check>().is_err()) {
            let known: Vec<&str> = Check::ALL.iter().map(|check| check.label()).collect();
            bail!("--failing: one of {} is expected 检查项有误", known.join(", "));
        }
        Ok(JudgedFilter {
            campaign: self.campaign.clone(),
            failing: self.failing.clone(),
            passed: self.wrong.then_some(false),
            ..JudgedFilter::default()
        })
    }
}

fn read(row: &StoredJudgement) -> Result<Judgement> {
    serde_json::from_str(&row.record)
        .with_context(|| format!("the judgement of {} cannot be read 质检结果无法读取", row.attempt))
}

async fn list(store: &Store, args: &ListArgs) -> Result<ExitCode> {
    let rows = store.judgements(&args.filter()?, None, args.limit).await?;
    let mut table = Table::new([
        "ended 结束",
        "call 通话",
        "script 话术",
        "outcome 结果",
        "score 得分",
        "right 合格",
        "failing 不通过",
    ]);
    for row in &rows {
        let judged = read(row)?;
        let failing: Vec<&str> = judged.failures().map(|checked| checked.id.as_str()).collect();
        table.row([
            WallTime::from_unix_millis(row.ended_at).to_string(),
            row.attempt.clone(),
            row.script.clone(),
            row.disposition.clone(),
            row.score.map_or_else(|| "–".to_owned(), |score| score.to_string()),
            if row.passed != 0 { "✓".to_owned() } else { "✗".to_owned() },
            failing.join(", "),
        ]);
    }
    out!("{table}\n{} calls 通", rows.len())?;
    Ok(ExitCode::SUCCESS)
}

async fn checks(store: &Store, args: &ListArgs) -> Result<ExitCode> {
    let mut table =
        Table::new(["check 检查项", "held 通过", "failed 不通过", "did not apply 不适用", "what 内容"]);
    let shares = store.check_shares(&args.filter()?).await?;
    for check in Check::ALL {
        let Some(share) = shares.iter().find(|share| share.check_id == check.label()) else { continue };
        table.row([
            check.label().to_owned(),
            share.passed.to_string(),
            share.failed.to_string(),
            share.not_applied.to_string(),
            format!("{} {}", check.title(Lang::En), check.title(Lang::Zh)),
        ]);
    }
    out!("{table}")?;
    Ok(ExitCode::SUCCESS)
}

async fn show(store: &Store, args: &ShowArgs) -> Result<ExitCode> {
    let Some(row) = store.judgement(&args.attempt).await? else {
        bail!(
            "{}: not judged yet: `waihu quality run` does 尚未评分，请运行 waihu quality run",
            args.attempt
        );
    };
    if args.json {
        out!("{}", row.record)?;
        return Ok(ExitCode::SUCCESS);
    }
    let judged = read(&row)?;
    let score = row.score.map_or_else(|| "–".to_owned(), |score| score.to_string());
    let right = if judged.passed { "✓ right 合格" } else { "✗ wrong 不合格" };
    out!("{} {} {score}/100 {right}", row.attempt, row.disposition)?;
    for checked in &judged.checks {
        let title = checked.id.parse::<Check>().map(|check| (check.title(Lang::En), check.title(Lang::Zh)));
        let (en, zh) = title.unwrap_or_default();
        let mark = match checked.verdict {
            waihu_quality::Verdict::Pass => "✓",
            waihu_quality::Verdict::Fail => "✗",
            waihu_quality::Verdict::DoesNotApply => "·",
        };
        out!("{mark} {:14} {en} {zh}", checked.id)?;
        for evidence in &checked.evidence {
            let line = evidence.line.map(|line| format!("line 第 {line} 行, ")).unwrap_or_default();
            let at = evidence.at_ms.map(|ms| format!("{:.1} s: ", ms as f64 / 1_000.0)).unwrap_or_default();
            out!("    {line}{at}{} {}", evidence.en, evidence.zh)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn judge(project: &Project, store: &Store, all: bool) -> Result<ExitCode> {
    let (rules, recordings) = (project.quality_rules()?, project.recordings());
    let vault = Configuration::of(project)?.vault.open()?;
    let judging = Judging { store, recordings: &recordings, vault: &vault, rules: &rules };
    let mut judged = judging.rest().await?;
    if all {
        let mut before: Option<(WallTime, AttemptId)> = None;
        loop {
            let rows = store.judgements(&JudgedFilter::default(), before.as_ref(), 200).await?;
            let Some(last) = rows.last() else { break };
            before = Some((WallTime::from_unix_millis(last.ended_at), last.attempt.parse()?));
            for row in rows.iter().filter(|row| !row.record.contains(rules.sha256())) {
                judged += u64::from(judging.one(&row.attempt.parse()?).await?.is_some());
            }
        }
    }
    note!("{judged} calls are judged 已评分 {judged} 通");
    Ok(ExitCode::SUCCESS)
}
