//! `waihu train`: from examples in the project to what the engine loads.

mod contact;

use std::{fs, path::Path, process::ExitCode};

use anyhow::{Context, Result};
use clap::Subcommand;
use sha2::{Digest, Sha256};
use waihu_intent::{TrainOptions, train_files};
use waihu_types::Lang;

use crate::{output::out, project::Project};

#[derive(Debug, Subcommand)]
pub(crate) enum TrainCommand {
    /// Learn intents from models/intents/*.tsv, and measure on models/intents/held-out* 训练意图
    Intents {
        /// Do nothing when the examples and the encoder are those of the last training 无变化则跳过
        #[arg(long)]
        if_stale: bool,
        /// Print the whole report as JSON 以 JSON 输出
        #[arg(long)]
        json: bool,
    },
    /// Learn who is likely to answer when, and to pay, from what came of calls 训练接通与还款概率模型
    Contact(contact::ContactArgs),
}

pub(crate) fn run(project: &Project, command: TrainCommand) -> Result<ExitCode> {
    let (if_stale, json) = match command {
        TrainCommand::Contact(args) => return contact::run(project, &args),
        TrainCommand::Intents { if_stale, json } => (if_stale, json),
    };
    let head = project.intent_head();
    let stamp_path = head.with_extension("inputs");
    let stamp = inputs_stamp(project)?;
    if if_stale && head.exists() && fs::read_to_string(&stamp_path).is_ok_and(|s| s == stamp) {
        out!("intents 意图: trained already on these examples 已训练过")?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(dir) = head.parent() {
        fs::create_dir_all(dir).with_context(|| format!("{}: cannot be made 无法创建", dir.display()))?;
    }
    let bar = indicatif::ProgressBar::no_length();
    let options = TrainOptions::default();
    let report =
        train_files(&project.encoder()?, &project.intent_examples(), &head, &options, &mut |step| {
            bar.set_length(step.total as u64);
            bar.set_position(step.done as u64);
            bar.set_message(step.lang.code());
        })?;
    bar.finish_and_clear();
    fs::write(&stamp_path, stamp)
        .with_context(|| format!("{}: cannot be written 无法写入", stamp_path.display()))?;
    if json {
        out!("{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        for lang in &report.languages {
            let held_out = lang.held_out.map_or_else(|| "none".to_owned(), |h| format!("{:.1} %", 100.0 * h));
            out!(
                "intents 意图 {}: {} examples 例句; right 正确率: cross-validation 交叉验证 {:.1} %, \
                 held-out lines 留出集 {held_out}",
                lang.lang,
                lang.examples,
                100.0 * lang.cross_validated,
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What the head depends on: the examples' bytes, the encoder's version and that of the features.
fn inputs_stamp(project: &Project) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(project.library()?.version_tag("use-multilingual")?);
    hash.update(waihu_intent::FEATURES_VERSION.to_le_bytes());
    let examples = project.intent_examples();
    let held_out = waihu_intent::HELD_OUT.map(|folder| examples.join(folder));
    for dir in std::iter::once(examples).chain(held_out) {
        for lang in Lang::ALL {
            hash_file(&mut hash, &dir.join(format!("{lang}.tsv")))?;
            hash_file(&mut hash, &dir.join(waihu_intent::heard_name(lang)))?;
        }
    }
    Ok(hex::encode(hash.finalize()))
}

fn hash_file(hash: &mut Sha256, path: &Path) -> Result<()> {
    if path.exists() {
        hash.update(fs::read(path).with_context(|| format!("{}: cannot be read 无法读取", path.display()))?);
    }
    hash.update([0]);
    Ok(())
}
