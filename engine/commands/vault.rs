//! `waihu vault`: keys, and how kept files and the words of calls in the database stand.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use waihu_keeping::{Archive, WordsKey, unlock_words};
use waihu_types::AttemptId;
use waihu_vault::{Standing, new_key, new_signing_key, standing};

use super::{
    dialog::{now, open},
    written::written,
};
use crate::{
    configuration::Configuration,
    output::{note, out},
    project::Project,
    table::Table,
};

/// Calls that the store is asked about at once.
const AT_ONCE: usize = 500;

#[derive(Debug, Subcommand)]
pub(crate) enum VaultCommand {
    /// Make a key that opens recordings and transcripts, and say how to set it up 新建加密密钥
    NewKey(KeyArgs),
    /// Make a key that signs bundles 新建签名密钥
    NewSigningKey(KeyArgs),
    /// Tell how kept files stand: plain, sealed and for whom, and whether a key here opens them 查看封存状态
    Status,
    /// Seal what is plain, and what is sealed for others, for whom files are sealed now: files, and words of calls in the
    /// database 用当前密钥重新封存文件与库中文字
    Renew(RenewArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RenewArgs {
    /// Seal words with a new key in the database: the one before is lost, or somebody else has it
    /// 数据库中的文字改用新密钥（旧密钥丢失或泄露时）
    #[arg(long)]
    new_words_key: bool,
}

#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// The file that it is written into, readable by you alone; of a file of keys that is there it becomes the first
    /// 密钥文件；已有文件时写为第一行，旧密钥保留
    file: PathBuf,
}

pub(crate) fn run(project: &Project, command: VaultCommand) -> Result<ExitCode> {
    match command {
        VaultCommand::NewKey(args) => {
            let (key, recipient) = new_key()?;
            let kept = || keep(&args.file, &format!("# {} {recipient}\n{key}\n", now()));
            made(project, &format!("vault new-key {recipient}"), kept)?;
            out!("the key is in {} 密钥已写入", args.file.display())?;
            out!("its public half 公钥: {recipient}")?;
            note!(
                "keep a copy elsewhere: without it nothing that it sealed is ever opened again. In waihu.toml:\n请另存备份：丢失后封存的文件无法再打开。写入 waihu.toml：\n[vault]\nkey_file = {:?}",
                args.file
            );
            note!("on a node that only dials 只负责拨打的节点: seal_to = [{recipient:?}]");
        }
        VaultCommand::NewSigningKey(args) => {
            let (key, public) = new_signing_key()?;
            let kept = || keep(&args.file, &format!("# {} {public}\n{key}\n", now()));
            made(project, &format!("vault new-signing-key {public}"), kept)?;
            out!("the key is in {} 密钥已写入", args.file.display())?;
            out!("its public half 公钥: {public}")?;
            note!(
                "publish the public half where those who get bundles find it. In waihu.toml:\n请公布公钥以便核验。写入 waihu.toml：\n[vault]\nsigning_key_file = {:?}",
                args.file
            );
        }
        VaultCommand::Status => return status(project),
        VaultCommand::Renew(args) => return renew(project, &args),
    }
    Ok(ExitCode::SUCCESS)
}

/// Keeps a new key, which is written down where the project has a store yet, by its public half.
fn made(project: &Project, act: &str, keep: impl FnOnce() -> Result<()>) -> Result<()> {
    super::runtime()?.block_on(async {
        match Configuration::of(project)?.existing_store().await? {
            Some(store) => written(&store, act, async { keep() }).await,
            None => keep(),
        }
    })
}

/// Writes a key before those that are in a file, so that the file is never half written.
fn keep(path: &Path, key: &str) -> Result<()> {
    let before = match fs::read_to_string(path) {
        Ok(before) => before,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(e) => return Err(e).with_context(|| format!("{}", path.display())),
    };
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let write = || -> std::io::Result<()> {
        let mut file = waihu_record::create_private(&part)?;
        file.write_all(key.as_bytes())?;
        file.write_all(before.as_bytes())?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    write().with_context(|| format!("{}: cannot be written 无法写入", path.display()))
}

/// The kept files of a project, by their plain names.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e).with_context(|| format!("{}", folder.display())),
    };
    let mut files = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        let plain = name.strip_suffix(".age").unwrap_or(&name);
        if plain.ends_with(".wav") || plain.ends_with(".jsonl") {
            files.push(folder.join(plain));
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn status(project: &Project) -> Result<ExitCode> {
    let configuration = Configuration::of(project)?;
    let vault = configuration.vault.open()?;
    match vault.recipients().as_slice() {
        [] => out!("files are kept plain: no [vault] in waihu.toml 未配置封存，文件为明文")?,
        to => out!("new files are sealed for 新文件封存给: {}", to.join(", "))?,
    }
    let opens = vault.opens();
    match opens.as_slice() {
        [] => out!("no key is here: nothing is opened on this node 本节点没有私钥")?,
        keys => out!("keys here open what is sealed for 本节点可解封: {}", keys.join(", "))?,
    }
    match configuration.vault.signer()? {
        Some(signer) => out!("bundles are signed by 证据包签名公钥: {}", signer.public())?,
        None => out!("bundles are not signed 证据包不签名")?,
    }
    let (mut counts, mut closed) = (BTreeMap::<String, u64>::new(), 0_u64);
    for path in files(&project.recordings())? {
        let kind = match standing(&path) {
            Ok(Standing::Plain) => "plain 明文".to_owned(),
            Ok(Standing::Sealed(note)) => {
                closed += u64::from(!opens.iter().any(|own| note.recipients.contains(own)));
                format!("sealed for 封存给 {}", note.recipients.join(", "))
            }
            Ok(Standing::Missing) => continue,
            Err(_) => "cannot be read 无法读取".to_owned(),
        };
        *counts.entry(kind).or_default() += 1;
    }
    let mut table = Table::new(["files 文件", "how 状态"]);
    for (kind, count) in counts {
        table.row([count.to_string(), kind]);
    }
    out!("{table}")?;
    if closed > 0 {
        out!("{closed} files are opened by no key that is here 个文件在本节点无法解封")?;
    }
    super::runtime()?.block_on(tell_words(project, &configuration))?;
    Ok(ExitCode::SUCCESS)
}

/// How the words in the database stand, where there is one yet.
async fn tell_words(project: &Project, configuration: &Configuration) -> Result<()> {
    let Some(store) = configuration.existing_store().await? else { return Ok(()) };
    let archive = configuration.archive(project, Arc::new(store))?;
    let kept = archive.kept_words().await?;
    match &kept.key {
        WordsKey::Missing => {}
        WordsKey::Opened => out!("the key of words in the database is opened here 数据库文字密钥可用")?,
        WordsKey::Closed(why) => out!("{why}")?,
    }
    out!(
        "words of calls in the database 库中文字: {} sealed 通话已封存, {} in clear 通话为明文, {} opened by no key that is here 通话在本节点无法解封",
        kept.sealed,
        kept.in_clear,
        kept.closed
    )
}

fn renew(project: &Project, args: &RenewArgs) -> Result<ExitCode> {
    super::runtime()?.block_on(async {
        let store = Arc::new(open(project).await?);
        let archive = Configuration::of(project)?.archive(project, store)?;
        if !archive.vault.seals() {
            bail!("no [vault] in waihu.toml: there is nobody to seal files for 未配置 [vault]");
        }
        if args.new_words_key && archive.vault.opens().is_empty() {
            bail!("no key is here: who opens nothing makes no key for all 本节点无私钥，不能更换文字密钥");
        }
        let act = if args.new_words_key { "vault renew --new-words-key" } else { "vault renew" };
        let anew = all_anew(&archive, args);
        let (renewed, failed, words) = written(&archive.store, act, anew).await?;
        out!("{renewed} files are sealed anew 个文件已重新封存, {failed} could not be 个失败")?;
        out!("words of {words} calls are sealed anew 通通话的文字已重新封存")?;
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// Seals files and words; how many files it did, how many it could not, and of how many calls the words.
async fn all_anew(archive: &Archive, args: &RenewArgs) -> Result<(u64, u64, u64)> {
    if archive.vault.opens().is_empty() {
        let (renewed, failed) = sealed_anew(archive).await?;
        return Ok((renewed, failed, 0));
    }
    if args.new_words_key {
        archive.store.set_sealing_key_aside().await?;
    }
    // What is wrong with their key is told before an hour of files.
    unlock_words(&archive.store, &archive.vault).await.context(
        "words stay as they are; where that key is lost, `waihu vault renew --new-words-key` begins with another 若该密钥已丢失，请用 --new-words-key",
    )?;
    archive.rewrap_words().await?;
    let (renewed, failed) = sealed_anew(archive).await?;
    let words = archive.seal_earlier_words(u64::MAX).await?;
    // Also after a crash in the midst of it.
    archive.store.tidy_index().await?;
    Ok((renewed, failed, words))
}

/// Seals all files for whom they are sealed now; how many it did, and how many it could not.
async fn sealed_anew(archive: &Archive) -> Result<(u64, u64)> {
    let files = files(&archive.recordings)?;
    let bar = ProgressBar::new(files.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len}") {
        bar.set_style(style);
    }
    let (mut renewed, mut failed) = (0_u64, 0_u64);
    for some in files.chunks(AT_ONCE) {
        let up = up(archive, some).await?;
        for path in some {
            bar.inc(1);
            if up.iter().any(|call| is_of(path, call)) {
                continue;
            }
            let (vault, path) = (Arc::clone(&archive.vault), path.clone());
            match tokio::task::spawn_blocking(move || vault.renew(&path)).await? {
                Ok(done) => renewed += u64::from(done),
                Err(e) => {
                    bar.suspend(|| note!("{e}"));
                    failed += 1;
                }
            }
        }
    }
    bar.finish_and_clear();
    Ok((renewed, failed))
}

/// Those of the files' calls that are up: their files grow, and stay as they are.
async fn up(archive: &Archive, files: &[PathBuf]) -> Result<Vec<AttemptId>> {
    let call = |path: &PathBuf| path.file_stem()?.to_str()?.parse::<AttemptId>().ok();
    let mut calls: Vec<AttemptId> = files.iter().filter_map(call).collect();
    calls.dedup();
    let rows = archive.store.kept_calls(&calls, now()).await?;
    let up = rows.into_iter().filter(|row| row.ended_at.is_none());
    Ok(up.filter_map(|row| row.attempt.parse().ok()).collect())
}

fn is_of(path: &Path, call: &AttemptId) -> bool {
    path.file_stem().is_some_and(|stem| stem == call.as_str())
}
