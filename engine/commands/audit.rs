//! `waihu audit`: what persons did, and whether the record of it is whole.

use std::{cell::Cell, process::ExitCode};

use anyhow::Result;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use waihu_types::WallTime;

use super::{dialog::open, listed::local};
use crate::{
    output::{note, out},
    project::Project,
    table::Table,
};

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Show what was changed and looked at, the newest last 查看审计日志
    List(ListArgs),
    /// Walk the chain of all rows, and name the first that does not fit; ends with 1 where one does not 校验审计日志
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// The newest so many 最近几条
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// One JSON object a line 以 JSON 输出
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// A head that was told earlier (by an event `audit_head`, or by this command): that it is still in the chain
    /// 早先得到的链头哈希
    #[arg(long, value_name = "SHA256")]
    head: Option<String>,
}

pub(crate) fn run(project: &Project, command: AuditCommand) -> Result<ExitCode> {
    super::runtime()?.block_on(async {
        match command {
            AuditCommand::List(args) => list(project, &args).await,
            AuditCommand::Verify(args) => verify(project, &args).await,
        }
    })
}

async fn list(project: &Project, args: &ListArgs) -> Result<ExitCode> {
    let mut rows = open(project).await?.audit_before(None, args.limit).await?;
    rows.reverse();
    if args.json {
        for r in &rows {
            out!(
                "{}",
                serde_json::json!({"number": r.seq, "at": WallTime::from_unix_millis(r.at), "person": r.person,
                    "token": r.token, "act": r.act, "request": r.request, "status": r.status, "hash": r.hash})
            )?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut table =
        Table::new(["row 行", "when 时间", "person 人员", "by 令牌或会话", "act 操作", "ended 结果"]);
    for r in &rows {
        table.row([
            r.seq.map(|seq| seq.to_string()).unwrap_or_default(),
            local(WallTime::from_unix_millis(r.at)),
            r.person.clone(),
            r.token.clone(),
            r.act.clone(),
            r.status.map_or_else(|| "not known 未知".to_owned(), |status| status.to_string()),
        ]);
    }
    out!("{table}\n{} rows 条", rows.len())?;
    Ok(ExitCode::SUCCESS)
}

async fn verify(project: &Project, args: &VerifyArgs) -> Result<ExitCode> {
    let store = open(project).await?;
    let bar = ProgressBar::new(store.audit_head().await?.seq.unsigned_abs());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} rows 行") {
        bar.set_style(style);
    }
    let sought = args.head.as_deref().map(|head| head.trim().to_ascii_lowercase());
    let found = Cell::new(None);
    let (head, broken) = store
        .walk_audit(|head| {
            bar.set_position(head.seq.unsigned_abs());
            if sought.as_deref() == Some(head.hash.as_str()) {
                found.set(Some(head.seq));
            }
        })
        .await?;
    bar.finish_and_clear();
    if let Some(broken) = broken {
        out!("✗ {broken}")?;
        note!("{} rows before it fit 之前 {} 行无误", head.seq, head.seq);
        return Ok(ExitCode::FAILURE);
    }
    match (sought, found.get()) {
        (Some(_), Some(seq)) => out!("✓ the head of before is row {seq} 早先的链头为第 {seq} 行")?,
        (Some(_), None) => {
            out!(
                "✗ the head of before is not in the chain: rows were taken off its end, or all of it was written anew 早先的链头不在链中：末尾被截断或整链被重写"
            )?;
            return Ok(ExitCode::FAILURE);
        }
        (None, _) => {}
    }
    out!("✓ {} rows, each fits 行均无误\nhead 链头 {}", head.seq, head.hash)?;
    Ok(ExitCode::SUCCESS)
}
