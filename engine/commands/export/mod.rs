//! `waihu export`: calls for others, without what tells of whom they are.

mod anonymous;
mod redacted;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use waihu_record::TranscriptLine;
use waihu_types::{AttemptId, CampaignId, Outcome};
use waihu_vault::Vault;

use super::{dialog::open_either, written::written};
use crate::project::Project;

#[derive(Debug, Subcommand)]
pub(crate) enum ExportCommand {
    /// Outcomes and transcripts without persons, a JSON object a line: pseudonyms by a key, days moved, sums in bands
    /// 匿名导出
    Anonymous(AnonymousArgs),
    /// One call with its numbers and names hidden: in its transcript by what they are, in its sound by silence
    /// 导出脱敏的通话
    Redacted(RedactedArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AnonymousArgs {
    /// The file to write; it must not be there 输出文件
    file: PathBuf,
    /// The key of pseudonyms; made where it is not there. Who has it can find persons again: keep it as the data itself
    /// 假名密钥文件
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Of one campaign 批次
    #[arg(long)]
    campaign: Option<CampaignId>,
    /// Without what was said 不含对话
    #[arg(long)]
    no_words: bool,
    /// Of the practice ground 演练场
    #[arg(long)]
    practice: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RedactedArgs {
    /// The attempt 通话编号
    attempt: AttemptId,
    /// The folder to write into 输出目录
    folder: PathBuf,
    /// Of the practice ground 演练场
    #[arg(long)]
    practice: bool,
}

pub(crate) fn run(project: &Project, command: &ExportCommand) -> Result<ExitCode> {
    super::runtime()?.block_on(async {
        match command {
            ExportCommand::Anonymous(args) => {
                let store = open_either(project, args.practice).await?;
                let act = match &args.campaign {
                    None => "export anonymous".to_owned(),
                    Some(id) => format!("export anonymous --campaign {id}"),
                };
                written(&store, &act, anonymous::write(project, &store, args)).await
            }
            ExportCommand::Redacted(args) => {
                let store = open_either(project, args.practice).await?;
                let act = format!("export redacted {}", args.attempt);
                written(&store, &act, redacted::write(project, &store, args)).await
            }
        }
    })
}

/// The lines of a call's transcript; none where it left none, or its file is not here.
fn lines(project: &Project, vault: &Vault, outcome: &Outcome) -> Result<Option<Vec<TranscriptLine>>> {
    let Some(transcript) = &outcome.transcript else { return Ok(None) };
    let Some(name) = std::path::Path::new(&transcript.path).file_name() else { return Ok(None) };
    let path = project.recordings().join(name);
    match waihu_dialler::transcript(vault, &path) {
        Ok(lines) => Ok(Some(lines)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).with_context(|| format!("{}: cannot be read 无法读取", path.display())),
    }
}
