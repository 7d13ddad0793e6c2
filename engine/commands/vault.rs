//! `waihu vault`: keys, and how kept files stand.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use waihu_keeping::Archive;
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
    /// Seal what is plain, and what is sealed for others, for whom files are sealed now 用当前密钥重新封存
    Renew,
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
        VaultCommand::Renew => return renew(project),
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
    Ok(ExitCode::SUCCESS)
}

fn renew(project: &Project) -> Result<ExitCode> {
    super::runtime()?.block_on(async {
        let store = std::sync::Arc::new(open(project).await?);
        let archive = Configuration::of(project)?.archive(project, store)?;
        if !archive.vault.seals() {
            bail!("no [vault] in waihu.toml: there is nobody to seal files for 未配置 [vault]");
        }
        let (renewed, failed) = written(&archive.store, "vault renew", sealed_anew(&archive)).await?;
        out!("{renewed} files are sealed anew 个文件已重新封存, {failed} could not be 个失败")?;
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
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
            let (vault, path) = (std::sync::Arc::clone(&archive.vault), path.clone());
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
