//! `waihu do-not-call`: numbers that nobody calls, whatever the case.

use std::{
    io::{BufRead, stdin},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use waihu_store::Store;
use waihu_types::PhoneNumber;

use super::{
    dialog::{now, open},
    listed::local,
    written::{look, written, written_by},
};
use crate::{
    output::{note, out},
    project::Project,
    table::Table,
};

#[derive(Debug, Subcommand)]
pub(crate) enum DoNotCallCommand {
    /// Enter numbers: no campaign calls them from then on 登记禁呼号码
    Add(AddArgs),
    /// Allow a number to be called again, whether it was entered or a call to it had barred it 解除禁呼
    Lift(LiftArgs),
    /// Tell what forbids a number, and what did 查询号码
    Check(OfNumber),
    /// List what was entered, in that order, and without the numbers 列出登记（不含号码）
    List(ListArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The numbers; "-" reads them from standard input, one a line, so that none stands in a shell's history
    /// 号码；"-" 表示从标准输入读取，每行一个
    #[arg(required = true)]
    numbers: Vec<String>,
    /// Why: a letter, a register, a court 原因
    #[arg(long)]
    reason: String,
    /// Who enters them 登记人
    #[arg(long)]
    by: String,
}

#[derive(Debug, Args)]
pub(crate) struct LiftArgs {
    /// The number; "-" reads it from standard input 号码
    number: String,
    /// Why 原因
    #[arg(long)]
    why: String,
    /// Who answers for it 责任人
    #[arg(long)]
    by: String,
}

#[derive(Debug, Args)]
pub(crate) struct OfNumber {
    /// The number; "-" reads it from standard input 号码
    number: String,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// After the entry of this id on 从此编号之后
    #[arg(long, value_name = "ID", default_value_t = 0)]
    after: i64,
    /// At most so many 最多几条
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// One JSON object a line 以 JSON 输出
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(project: &Project, command: &DoNotCallCommand) -> Result<ExitCode> {
    super::runtime()?.block_on(async {
        let store = open(project).await?;
        match command {
            DoNotCallCommand::Add(args) => add(&store, args).await,
            DoNotCallCommand::Lift(args) => lift(&store, args).await,
            DoNotCallCommand::Check(of) => check(&store, &one(&of.number)?).await,
            DoNotCallCommand::List(args) => list(&store, args).await,
        }
    })
}

async fn add(store: &Store, args: &AddArgs) -> Result<ExitCode> {
    let lines: Vec<String> = match &args.numbers[..] {
        [dash] if dash == "-" => stdin().lock().lines().collect::<Result<_, _>>()?,
        numbers => numbers.to_vec(),
    };
    let (reason, by) = (told(&args.reason, "--reason")?, told(&args.by, "--by")?);
    let forbidden = async {
        let (mut entered, mut wrong) = (0, 0);
        for (n, line) in lines.iter().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            match line.trim().parse::<PhoneNumber>() {
                Ok(number) => {
                    store.forbid(&number, reason, by, now()).await?;
                    entered += 1;
                }
                // The number itself is not repeated: it may be one all the same.
                Err(e) => {
                    note!("line 行 {}: {e}", n + 1);
                    wrong += 1;
                }
            }
        }
        anyhow::Ok((entered, wrong))
    };
    let act = format!("do-not-call add: {} numbers", lines.len());
    let (entered, wrong): (u64, u64) = written_by(store, by, &act, forbidden).await?;
    out!("{entered} numbers are entered 已登记禁呼号码 {entered} 个")?;
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn lift(store: &Store, args: &LiftArgs) -> Result<ExitCode> {
    let number = one(&args.number)?;
    let (why, by) = (told(&args.why, "--why")?, told(&args.by, "--by")?);
    let ended = written_by(store, by, "do-not-call lift", store.lift(&number, why, by, now())).await?;
    out!("{}: may be called again; {ended} entries ended 已解除，{ended} 条登记失效", number.masked())?;
    Ok(ExitCode::SUCCESS)
}

async fn check(store: &Store, number: &PhoneNumber) -> Result<ExitCode> {
    match store.barred(number).await? {
        Some(bar) => out!("✗ {}: {bar}", number.masked())?,
        None => out!("✓ {}: nothing forbids it 没有禁呼登记", number.masked())?,
    }
    for entry in store.forbidden(number).await? {
        let lifted = entry
            .lifted
            .map_or(String::new(), |(at, by, why)| format!("; lifted 解除 {at} by 责任人 {by}: {why}"));
        out!("  {} by 登记人 {}: {}{lifted}", entry.at, entry.person, entry.reason)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(store: &Store, args: &ListArgs) -> Result<ExitCode> {
    let act = look("do-not-call list", [("--after", args.after > 0), ("--json", args.json)]);
    let entries = written(store, &act, store.do_not_call_page(args.after, args.limit)).await?;
    if args.json {
        for entry in &entries {
            let lifted = entry.lifted.as_ref();
            let lifted = lifted.map(|(at, person, why)| json!({"at": at, "person": person, "why": why}));
            out!(
                "{}",
                json!({"id": entry.id, "reason": entry.reason, "person": entry.person, "at": entry.at, "lifted": lifted})
            )?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(["entry 编号", "entered 登记", "by 登记人", "reason 原因", "lifted 解除"]);
    for entry in &entries {
        let lifted = entry.lifted.as_ref();
        table.row([
            entry.id.to_string(),
            local(entry.at),
            entry.person.clone(),
            entry.reason.clone(),
            lifted.map(|(at, person, why)| format!("{} {person}: {why}", local(*at))).unwrap_or_default(),
        ]);
    }
    out!("{table}\n{} entries 条登记", entries.len())?;
    Ok(ExitCode::SUCCESS)
}

/// A number as it was given, or from standard input.
pub(super) fn one(text: &str) -> Result<PhoneNumber> {
    let mut line = text.to_owned();
    if text == "-" {
        line.clear();
        stdin().lock().read_line(&mut line)?;
    }
    line.trim().parse().context("that is no telephone number 号码有误")
}

fn told<'a>(text: &'a str, flag: &str) -> Result<&'a str> {
    match text.trim() {
        "" => bail!("{flag} is empty: whoever looks later has to know 不能为空"),
        text => Ok(text),
    }
}
