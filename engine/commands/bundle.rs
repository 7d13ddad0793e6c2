//! `waihu bundle`: one call as one file that proves itself, and whether such a file still does.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use waihu_keeping::{FileState, SignatureState, handed_out, verify};
use waihu_types::AttemptId;

use super::{
    dialog::{now, open_either},
    written::{ended, write_down},
};
use crate::{
    configuration::Configuration,
    output::{note, out},
    project::Project,
};

#[derive(Debug, Subcommand)]
pub(crate) enum BundleCommand {
    /// Write all that is kept of a call into one zip: sound, words, outcome, why it was allowed, script, hashes,
    /// signature. It is personal, and who asked is written down 导出一通电话的证据包（含个人信息，会记入审计）
    Export(ExportArgs),
    /// Tell of each file of a bundle whether it is what was handed out, and whether the signature fits; ends with 1
    /// where not. Needs nothing but the file 核验证据包
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The attempt 通话编号
    attempt: AttemptId,
    /// The file to write; ATTEMPT.zip where left out. One that is there is not written over 输出文件
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Who asks for it 导出人
    #[arg(long)]
    by: String,
    /// Of the practice ground 演练场的通话
    #[arg(long)]
    practice: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The bundle 证据包
    file: PathBuf,
    /// The public half of the key that it has to be signed by, as its owner published it 应有的签名公钥
    #[arg(long, value_name = "KEY")]
    signer: Option<String>,
}

pub(crate) fn run(project: &Project, command: BundleCommand) -> Result<ExitCode> {
    match command {
        BundleCommand::Export(args) => super::runtime()?.block_on(export(project, args)),
        BundleCommand::Verify(args) => look(&args),
    }
}

async fn export(project: &Project, args: ExportArgs) -> Result<ExitCode> {
    let store = open_either(project, args.practice).await?;
    let archive = Configuration::of(project)?.archive(project, Arc::new(store))?;
    let path = args.out.unwrap_or_else(|| PathBuf::from(format!("{}.zip", args.attempt)));
    let act = format!("bundle export {}", args.attempt);
    let row = write_down(&archive.store, &args.by, &act, "").await?;
    let done = match handed_out(&path) {
        Ok(file) => {
            let done = archive.bundle(&args.attempt, file, args.by.trim(), now()).await;
            if done.is_err() {
                // Half a bundle is of no use.
                let _ = std::fs::remove_file(&path);
            }
            done.map_err(anyhow::Error::from)
        }
        Err(e) => Err(e).with_context(|| {
            format!("{}: cannot be made, or is there already 无法创建或已存在", path.display())
        }),
    };
    ended(&archive.store, row, &done).await?;
    let bundled = done?;
    for missing in &bundled.manifest.missing {
        note!("! {}: {}", missing.name, missing.why);
    }
    match &bundled.manifest.signer {
        Some(signer) => out!("signed by 签名公钥 {signer}")?,
        None => note!("it is not signed: no signing key in waihu.toml, [vault] 未签名：未配置签名密钥"),
    }
    out!("{}: {} files 个文件", path.display(), bundled.manifest.files.len())?;
    Ok(ExitCode::SUCCESS)
}

fn look(args: &VerifyArgs) -> Result<ExitCode> {
    let found = verify(&args.file)?;
    for (name, state) in &found.files {
        let (sign, told) = match state {
            FileState::Same => ('✓', "as it was handed out 未改动"),
            FileState::NotAsFiled => (
                '✗',
                "not what was filed when the call ended: altered before it was handed out 与归档时不一致",
            ),
            FileState::Altered => ('✗', "altered 已被改动"),
            FileState::Gone => ('✗', "missing 缺失"),
            FileState::Added => ('✗', "was not handed out with it 不属于该证据包"),
        };
        out!("{sign} {name}: {told}")?;
    }
    for missing in &found.manifest.missing {
        out!("! {}: was not there when it was handed out 导出时缺少: {}", missing.name, missing.why)?;
    }
    let (signed, told) = match &found.signature {
        SignatureState::Good { signer } => match args.signer.as_deref().map(str::trim) {
            Some(wanted) if !wanted.eq_ignore_ascii_case(signer) => {
                (false, format!("✗ signed by another key 签名公钥不符: {signer}"))
            }
            Some(_) => (true, format!("✓ signed by the key that was named 签名有效: {signer}")),
            None => (
                true,
                format!(
                    "✓ signed by 签名有效: {signer}\n  compare the key with what its owner published 请与出具方公布的公钥核对"
                ),
            ),
        },
        SignatureState::Bad => (false, "✗ the signature does not fit 签名无效".to_owned()),
        SignatureState::Gone => (false, "✗ the signature was taken away 签名已被移除".to_owned()),
        SignatureState::None => (
            args.signer.is_none(),
            "! not signed: it shows whether its files fit together, not whose they are 未签名，不能证明出处"
                .to_owned(),
        ),
    };
    out!("{told}")?;
    let m = &found.manifest;
    out!("{} {}, made 制作 {} by {}", m.of, m.id, m.made_at, m.made_by)?;
    Ok(if found.holds() && signed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
