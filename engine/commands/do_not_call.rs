//! `waihu do-not-call`: numbers that nobody calls, whatever the case.

use std::{
    io::{BufRead, stdin},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use waihu_store::Store;
use waihu_types::PhoneNumber;

use super::{
    dialog::{now, open},
    written::written_by,
};
use crate::{
    output::{note, out},
    project::Project,
};

#[derive(Debug, Subcommand)]
pub(crate) enum DoNotCallCommand {
    /// Enter numbers: no campaign calls them from then on 登记禁呼号码
    Add(AddArgs),
    /// Allow a number to be called again, whether it was entered or a call to it had barred it 解除禁呼
    Lift(LiftArgs),
    /// Tell what forbids a number, and what did 查询号码
    Check(OfNumber),
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

pub(crate) fn run(project: &Project, command: &DoNotCallCommand) -> Result<ExitCode> {
    super::runtime()?.block_on(async {
        let store = open(project).await?;
        match command {
            DoNotCallCommand::Add(args) => add(&store, args).await,
            DoNotCallCommand::Lift(args) => lift(&store, args).await,
            DoNotCallCommand::Check(of) => check(&store, &one(&of.number)?).await,
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

/// A number as it was given, or from standard input.
fn one(text: &str) -> Result<PhoneNumber> {
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
