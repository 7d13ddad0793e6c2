//! Reviews from the command line: the same turns as over HTTP.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use waihu_quality::{Act, Answer, Form, Opinion, Person, Review, Stage, Step};
use waihu_store::{ReviewFilter, Store, TurnTaken};

use super::Ground;
use crate::{commands::dialog::now, output::out, table::Table};

#[derive(Debug, Args)]
pub(crate) struct ReviewsArgs {
    /// open, done, first, second or third 状态
    #[arg(long, default_value = "open")]
    stage: String,
    /// Of one plan 方案
    #[arg(long)]
    plan: Option<String>,
    /// At most so many 条数
    #[arg(long, default_value_t = 50)]
    limit: u32,
    #[command(flatten)]
    pub(super) ground: Ground,
}

#[derive(Debug, Args)]
pub(crate) struct ReviewArgs {
    /// The review's number; its form is shown where nothing else is given 评审编号
    review: i64,
    /// Who reviews 评审人
    #[arg(long)]
    by: Option<String>,
    /// An answer, as courtesy=4; once for each question 评分
    #[arg(long = "answer", value_name = "QUESTION=SCORE")]
    answers: Vec<String>,
    /// Confirm what the first person wrote 确认
    #[arg(long, conflicts_with_all = ["answers", "disagree"])]
    confirm: bool,
    /// Disagree with it; --note says why 不同意
    #[arg(long, conflicts_with = "answers", requires = "note")]
    disagree: bool,
    /// What is to be known of it 备注
    #[arg(long, default_value = "")]
    note: String,
    #[command(flatten)]
    pub(super) ground: Ground,
}

pub(super) async fn list(store: &Store, args: &ReviewsArgs) -> Result<ExitCode> {
    let filter = ReviewFilter { stage: Some(args.stage.clone()), plan: args.plan.clone(), attempt: None };
    let rows = store.reviews(&filter, None, args.limit).await?;
    let mut table =
        Table::new(["review 编号", "plan 方案", "day 日期", "call 通话", "turn 轮次", "result 结论"]);
    for row in &rows {
        let result = match (&row.opinion, row.score) {
            (Some(opinion), Some(score)) => format!("{opinion} {score}"),
            (Some(opinion), None) => opinion.clone(),
            (None, _) => String::new(),
        };
        let turn = row.stage.clone().unwrap_or_else(|| "done 完成".to_owned());
        table.row([row.id.to_string(), row.plan.clone(), row.day.clone(), row.attempt.clone(), turn, result]);
    }
    out!("{table}\n{} reviews 条", rows.len())?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn take(store: &Store, args: &ReviewArgs) -> Result<ExitCode> {
    let found = store.review(args.review).await?;
    let (row, acts) = found.with_context(|| format!("there is no review {} 没有该评审", args.review))?;
    let form: Form = serde_json::from_str(&row.form).context("the form cannot be read 评审表无法读取")?;
    let acts = acts.iter().map(|act| serde_json::from_str(act)).collect::<Result<Vec<Act>, _>>();
    let acts = acts.context("a turn cannot be read 评审记录无法读取")?;
    let agents = serde_json::from_str(&row.agents).context("the agents cannot be read 坐席无法读取")?;
    let mut review = Review { four_eyes: row.four_eyes != 0, agents, acts };
    let Some(by) = &args.by else { return show(&row.attempt, &form, &review) };
    let step = match (args.confirm, args.disagree) {
        (false, false) => Step::Fill { answers: answers(&args.answers)?, note: args.note.clone() },
        (confirms, _) => Step::Look { confirms, note: args.note.clone() },
    };
    let person = Person { login: by.clone(), name: by.clone() };
    let act = review.take(&form, &person, step, now())?.clone();
    let result = review.result();
    let record = serde_json::to_string(&act)?;
    let taken = TurnTaken {
        stage: act.stage.label(),
        person: &act.login,
        record: &record,
        next: review.stage().map(Stage::label),
        score: result.and_then(|(score, _)| score),
        opinion: result.map(|(_, opinion)| if opinion == Opinion::Right { "right" } else { "wrong" }),
    };
    if !store.take_turn(args.review, &taken, now()).await? {
        bail!("somebody else was faster: look at it anew 已由他人处理");
    }
    out!("kept; next 已保存，下一步: {}", review.stage().map_or("none, it is done 已完成", Stage::label))?;
    Ok(ExitCode::SUCCESS)
}

fn answers(given: &[String]) -> Result<Vec<Answer>> {
    let answer = |text: &String| {
        let (question, score) = text.split_once('=').context("--answer QUESTION=SCORE is expected")?;
        let score =
            score.trim().parse().with_context(|| format!("--answer {text}: a whole number is expected"))?;
        anyhow::Ok(Answer { question: question.trim().to_owned(), score })
    };
    given.iter().map(answer).collect()
}

fn show(attempt: &str, form: &Form, review: &Review) -> Result<ExitCode> {
    out!("{attempt}: {} {}", form.en, form.zh)?;
    for question in &form.questions {
        let critical = if question.critical { " (critical 关键)" } else { "" };
        out!("  {} 0–{}: {} {}{critical}", question.id, question.most, question.en, question.zh)?;
    }
    for act in &review.acts {
        let score = act.score.map(|score| format!(" {score}/100")).unwrap_or_default();
        out!("  {} {}: {:?}{score} {}", act.stage.label(), act.name, act.opinion, act.note)?;
    }
    Ok(ExitCode::SUCCESS)
}
