//! `waihu debtor`: what is kept of a person, handed out or removed.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use sha2::{Digest, Sha256};
use waihu_keeping::{KeepError, handed_out};
use waihu_types::DebtorId;

use super::{
    dialog::{now, open},
    written::{ended, write_down},
};
use crate::{
    configuration::Configuration,
    output::{note, out},
    project::Project,
};

#[derive(Debug, Subcommand)]
pub(crate) enum DebtorCommand {
    /// Write everything that is kept of a person into one zip that can be read 导出某债务人的全部个人信息
    Access(AccessArgs),
    /// Remove everything that tells who a person is; that calls were made, when and why they were allowed stays
    /// 删除某债务人的个人信息，仅保留通话时间和放行依据
    Erase(EraseArgs),
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
            DebtorCommand::Access(args) => access(project, &args).await,
            DebtorCommand::Erase(args) => erase(project, &args).await,
        }
    })
}

/// Who it was about: in the audit, which nobody changes any more, by the SHA-256 alone.
fn digest(debtor: &DebtorId) -> String {
    hex::encode(Sha256::digest(debtor.as_str()))
}

async fn access(project: &Project, args: &AccessArgs) -> Result<ExitCode> {
    let archive = Configuration::of(project)?.archive(project, Arc::new(open(project).await?))?;
    let row = write_down(&archive.store, &args.by, "debtor access", &digest(&args.debtor)).await?;
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
    let row = write_down(&archive.store, &args.by, "debtor erase", &digest(&args.debtor)).await?;
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
