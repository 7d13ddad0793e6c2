//! `waihu debtor`: what is kept of a person, found, handed out or removed.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use waihu_keeping::{Archive, KeepError, KeptOf, handed_out};
use waihu_store::StoredCase;
use waihu_types::{CaseId, DebtorId};

use super::{
    dialog::{now, open},
    do_not_call::one,
    written::{ended, write_down},
};
use crate::{
    configuration::Configuration,
    output::{note, out},
    project::Project,
};

#[derive(Debug, Subcommand)]
pub(crate) enum DebtorCommand {
    /// Tell what is kept of a person: cases, calls, messages, holds. It is personal data 查找某人的留存信息（个人信息）
    Find(FindArgs),
    /// Write everything that is kept of a person into one zip that can be read 导出某债务人的全部个人信息
    Access(AccessArgs),
    /// Remove everything that tells who a person is; that calls were made, when and why they were allowed stays
    /// 删除某债务人的个人信息，仅保留通话时间和放行依据
    Erase(EraseArgs),
}

#[derive(Debug, Args)]
pub(crate) struct FindArgs {
    #[command(flatten)]
    sought: Sought,
    /// Who looks 查询人
    #[arg(long)]
    by: String,
    /// One JSON object a person 以 JSON 输出
    #[arg(long)]
    json: bool,
}

/// By what a person is sought: one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Sought {
    /// The lender's id of the person; of a case that names none, the case's 债务人编号
    debtor: Option<DebtorId>,
    /// The lender's id of a case of theirs 案件编号
    #[arg(long)]
    case: Option<CaseId>,
    /// A number that they were called at, or are to be; "-" reads it from standard input 号码
    #[arg(long)]
    number: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct AccessArgs {
    /// The lender's id of the person; of a case that names none, the case's 债务人编号
    debtor: DebtorId,
    /// The file to write; one that is there is not written over 输出文件
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Who asks for it 导出人
    #[arg(long)]
    by: String,
}

#[derive(Debug, Args)]
pub(crate) struct EraseArgs {
    /// The lender's id of the person; of a case that names none, the case's 债务人编号
    debtor: DebtorId,
    /// Why: the person's wish, and where it is on file 原因
    #[arg(long)]
    reason: String,
    /// Who does it 执行人
    #[arg(long)]
    by: String,
}

pub(crate) fn run(project: &Project, command: DebtorCommand) -> Result<ExitCode> {
    super::runtime()?.block_on(async {
        match command {
            DebtorCommand::Find(args) => find(project, &args).await,
            DebtorCommand::Access(args) => access(project, &args).await,
            DebtorCommand::Erase(args) => erase(project, &args).await,
        }
    })
}

/// Who it was about: in the audit, which nobody changes any more, by the SHA-256 alone.
fn digest(id: &str) -> String {
    hex::encode(Sha256::digest(id))
}

async fn find(project: &Project, args: &FindArgs) -> Result<ExitCode> {
    let archive = Configuration::of(project)?.archive(project, Arc::new(open(project).await?))?;
    // A number could be found again from its digest.
    let whose = match (&args.sought.debtor, &args.sought.case) {
        (Some(debtor), _) => digest(debtor.as_str()),
        (None, Some(case)) => digest(case.as_str()),
        (None, None) => String::new(),
    };
    let row = write_down(&archive.store, &args.by, "debtor find", &whose).await?;
    let done = kept(&archive, &args.sought).await;
    ended(&archive.store, row, &done).await?;
    let found = done?;
    for (debtor, kept) in &found {
        let held = kept.holds.iter().any(|hold| hold.stands(now()));
        let calls: Vec<String> = kept.calls.iter().map(ToString::to_string).collect();
        if args.json {
            let case = |stored: &StoredCase| {
                let case = &stored.case;
                json!({"case": case.id, "name": case.name, "creditor": case.creditor, "product": case.product,
                    "state": stored.state.label()})
            };
            let cases: Vec<Value> = kept.cases.iter().map(case).collect();
            let told = json!({"debtor": debtor, "cases": cases, "calls": calls, "messages": kept.messages,
                "held": held});
            out!("{told}")?;
            continue;
        }
        let (cases, messages) = (kept.cases.len(), kept.messages);
        out!(
            "debtor 债务人 {debtor}: {cases} cases 件案件, {} calls 通电话, {messages} messages 条短信{}",
            calls.len(),
            if held { "; held 封存中" } else { "" }
        )?;
        for stored in &kept.cases {
            let (case, state) = (&stored.case, stored.state);
            let (zh, en) = (state.label_zh(), state.label());
            out!("  {} {en} {zh}: {}, {} {}", case.id, case.name, case.creditor, case.product)?;
        }
        calls.iter().try_for_each(|call| out!("  {call}"))?;
    }
    if found.is_empty() && !args.json {
        out!("nothing is kept of such a person 没有留存该人的信息")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What is kept of whom is sought; of a number there may be several persons.
async fn kept(archive: &Archive, sought: &Sought) -> Result<Vec<(DebtorId, KeptOf)>> {
    let debtors = match (&sought.debtor, &sought.case, &sought.number) {
        (Some(debtor), ..) => vec![debtor.clone()],
        (None, Some(case), _) => archive.store.debtors_of_case(case).await?,
        (None, None, Some(number)) => archive.store.debtors_of_number(&one(number)?).await?,
        (None, None, None) => Vec::new(),
    };
    let mut found = Vec::new();
    for debtor in debtors {
        match archive.kept_of(&debtor).await {
            Ok(kept) => found.push((debtor, kept)),
            Err(KeepError::UnknownDebtor) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(found)
}

async fn access(project: &Project, args: &AccessArgs) -> Result<ExitCode> {
    let configuration = Configuration::of(project)?;
    let archive = configuration.archive(project, Arc::new(open(project).await?))?;
    configuration.unlock(&archive.store).await?;
    let row = write_down(&archive.store, &args.by, "debtor access", &digest(args.debtor.as_str())).await?;
    let file = handed_out(&args.out).with_context(|| {
        format!("{}: cannot be made, or is there already 无法创建或已存在", args.out.display())
    })?;
    let done = archive.access(&args.debtor, file, args.by.trim(), now()).await;
    ended(&archive.store, row, &done).await?;
    let given = match done {
        Ok(given) => given,
        Err(e) => {
            let _ = std::fs::remove_file(&args.out);
            return Err(e.into());
        }
    };
    for missing in &given.manifest.missing {
        note!("! {}: {}", missing.name, missing.why);
    }
    out!(
        "{}: {} cases 件案件, {} calls 通电话, {} files 个文件",
        args.out.display(),
        given.cases,
        given.calls,
        given.manifest.files.len()
    )?;
    Ok(ExitCode::SUCCESS)
}

async fn erase(project: &Project, args: &EraseArgs) -> Result<ExitCode> {
    let reason = args.reason.trim();
    if reason.is_empty() {
        bail!("--reason is empty: whoever looks later has to know 不能为空");
    }
    let archive = Configuration::of(project)?.archive(project, Arc::new(open(project).await?))?;
    let row = write_down(&archive.store, &args.by, "debtor erase", &digest(args.debtor.as_str())).await?;
    let done = archive.erase(&args.debtor, (reason, args.by.trim()), now()).await;
    ended(&archive.store, row, &done).await?;
    match done {
        Ok((cases, calls)) => {
            out!(
                "gone 已删除: {cases} cases 件案件, {calls} calls' files, words and particulars 通电话的文件、文字与个人信息"
            )?;
            note!(
                "kept 保留: that calls were made, when, how they ended and why they were allowed, under ids that lead to nobody; do-not-call entries, since they are the person's wish; the audit 通话时间、结果与放行依据（编号已替换）；禁呼登记；审计日志"
            );
            note!(
                "files on other nodes go within ten minutes where they serve. Calls of before no longer count against caps: do not bring the case in again 其他节点的文件将在十分钟内删除；此前的呼叫不再计入次数上限，请勿重新导入该案件"
            );
            Ok(ExitCode::SUCCESS)
        }
        Err(e @ KeepError::UnknownDebtor) => bail!("{e}: see the lender's id of the person 请核对债务人编号"),
        Err(e) => Err(e.into()),
    }
}
