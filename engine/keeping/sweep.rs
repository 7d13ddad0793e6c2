//! What is removed when its days are over, sealed where it was left plain, or erased on a person's wish.
//!
//! Files are each node's own to remove; rows are removed by whoever has the day's turn. Each step can be repeated: who
//! was killed in the middle of it begins anew, and ends the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
};

use serde::Serialize;
use waihu_compliance::Retention;
use waihu_store::{KeptCall, Part, spool_file, spool_part};
use waihu_types::{AttemptId, DebtorId, WallTime};
use waihu_vault::{Note, Standing, VaultError, standing};

use crate::{Archive, KeepError};

/// Calls that the store is asked about at once.
const AT_ONCE: usize = 500;

/// The ends of a call's files' names.
const ENDS: [&str; 4] = [".wav", ".wav.age", ".jsonl", ".jsonl.age"];

/// Whether things are removed, or only counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing changes.
    Look,
    /// They are removed.
    Remove,
}

/// For how long each profile keeps what its calls left; what is under a profile that is not here is kept.
pub type Kept = BTreeMap<String, Retention>;

/// What a sweep removed, or would.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Recordings.
    pub recordings: u64,
    /// Transcripts.
    pub transcripts: u64,
    /// Calls whose words are searched no more.
    pub words: u64,
    /// Calls whose events and messages were emptied.
    pub deliveries: u64,
    /// Outcomes that tell of nobody any more.
    pub outcomes: u64,
    /// Files whose days are over and that a hold keeps.
    pub held: u64,
    /// Plain files that were sealed.
    pub sealed: u64,
    /// What could not be removed or sealed; the log says why.
    pub failed: u64,
    /// Profiles of calls that are not in `compliance/` any more: what they left is kept.
    pub unknown_profiles: BTreeSet<String>,
}

impl fmt::Display for Swept {
    /// Lines for people, each with what it counts; what there is none of is left out, but for what goes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { recordings, transcripts, words, deliveries, outcomes, .. } = self;
        writeln!(f, "  {recordings} recordings 录音, {transcripts} transcripts 文本 (on this node 本节点)")?;
        writeln!(
            f,
            "  {words} calls' searched words 检索文字, {deliveries} calls' events and messages 事件与短信"
        )?;
        write!(f, "  {outcomes} outcomes' personal parts 结果中的个人信息")?;
        for (count, what) in [
            (self.held, "files have had their days and are held 个文件已到期但被封存"),
            (self.sealed, "plain files were sealed 个明文文件已封存"),
            (self.failed, "files could not be removed or sealed; the log says why 个文件处理失败"),
        ] {
            if count > 0 {
                write!(f, "\n{count} {what}")?;
            }
        }
        if !self.unknown_profiles.is_empty() {
            let names: Vec<&str> = self.unknown_profiles.iter().map(String::as_str).collect();
            let names = names.join(", ");
            write!(
                f,
                "\nkept, since their profiles are not in compliance/ 规则文件不存在，予以保留: {names}"
            )?;
        }
        Ok(())
    }
}

impl Swept {
    /// Adds what another part of the sweep did.
    pub fn add(&mut self, other: Self) {
        let Self {
            recordings,
            transcripts,
            words,
            deliveries,
            outcomes,
            held,
            sealed,
            failed,
            unknown_profiles,
        } = other;
        self.recordings += recordings;
        self.transcripts += transcripts;
        self.words += words;
        self.deliveries += deliveries;
        self.outcomes += outcomes;
        self.held += held;
        self.sealed += sealed;
        self.failed += failed;
        self.unknown_profiles.extend(unknown_profiles);
    }
}

/// The moment before which what ended has had its days.
fn before(now: WallTime, days: u32) -> WallTime {
    let ms = i64::from(days) * 86_400_000;
    WallTime::from_unix_millis(now.unix_millis().saturating_sub(ms))
}

fn is_over(ended_at: i64, days: Option<u32>, now: WallTime) -> bool {
    days.is_some_and(|days| WallTime::from_unix_millis(ended_at) < before(now, days))
}

impl Archive {
    /// Goes through the files of this node's disk: removes those whose days are over and that no hold keeps, and
    /// those of erased debtors; seals those that were left plain by a call that is over.
    ///
    /// # Errors
    /// When the folder or the store cannot be read. A file that cannot be removed is counted, and told in the log.
    pub async fn sweep_files(&self, kept: &Kept, now: WallTime, mode: Mode) -> Result<Swept, KeepError> {
        let folder = self.recordings.clone();
        let calls =
            tokio::task::spawn_blocking(move || listed(&folder)).await.map_err(|_| KeepError::Fell)??;
        let mut swept = Swept::default();
        for some in calls.chunks(AT_ONCE) {
            for call in self.store.kept_calls(some, now).await? {
                let (archive, kept) = (self.clone(), kept.clone());
                let done =
                    tokio::task::spawn_blocking(move || archive.sweep_call(&call, &kept, now, mode)).await;
                swept.add(done.map_err(|_| KeepError::Fell)?);
            }
        }
        Ok(swept)
    }

    fn sweep_call(&self, call: &KeptCall, kept: &Kept, now: WallTime, mode: Mode) -> Swept {
        let mut swept = Swept::default();
        let (Ok(attempt), Some(ended_at)) = (call.attempt.parse::<AttemptId>(), call.ended_at) else {
            return swept;
        };
        let retention = call.profile.as_ref().and_then(|profile| kept.get(profile)).copied();
        if let (None, Some(profile)) = (retention, &call.profile) {
            swept.unknown_profiles.insert(profile.clone());
        }
        let retention = retention.unwrap_or_default();
        let files = [
            (self.recording(&attempt), is_over(ended_at, retention.recordings, now)),
            (self.transcript(&attempt), is_over(ended_at, retention.transcripts, now)),
        ];
        for (n, (path, over)) in files.into_iter().enumerate() {
            let what = match standing(&path) {
                Ok(Standing::Missing) => continue,
                what => what,
            };
            if over && call.is_held() {
                swept.held += 1;
            }
            let goes = call.is_erased() || over && !call.is_held();
            let done = match (goes, mode, what) {
                (true, Mode::Look, _) => Ok(true),
                (true, Mode::Remove, _) => waihu_vault::remove(&path),
                (false, Mode::Remove, Ok(Standing::Plain)) if self.vault.seals() => {
                    self.vault.seal(&path, Note::default()).map(|()| {
                        swept.sealed += 1;
                        false
                    })
                }
                _ => Ok(false),
            };
            match done {
                Ok(true) if n == 0 => swept.recordings += 1,
                Ok(true) => swept.transcripts += 1,
                Ok(false) => {}
                Err(e) => {
                    tracing::warn!(attempt = %attempt, error = %e, "a kept file could not be removed or sealed");
                    swept.failed += 1;
                }
            }
        }
        swept
    }

    /// Goes through the rows: removes those whose days are over and that no hold keeps.
    ///
    /// # Errors
    /// When the store cannot be read or written: what was removed until then is.
    pub async fn sweep_rows(&self, kept: &Kept, now: WallTime, mode: Mode) -> Result<Swept, KeepError> {
        let mut swept = Swept::default();
        for (profile, retention) in kept {
            for (part, days, count) in [
                (Part::Words, retention.words, &mut swept.words),
                (Part::Deliveries, retention.deliveries, &mut swept.deliveries),
                (Part::Outcome, retention.outcomes, &mut swept.outcomes),
            ] {
                let Some(days) = days else { continue };
                let mut after = String::new();
                loop {
                    let moments = (before(now, days), now);
                    let due = self.store.due(part, profile, moments, &after, AT_ONCE as u32).await?;
                    let Some(last) = due.last() else { break };
                    after = last.to_string();
                    for attempt in &due {
                        let gone = match mode {
                            Mode::Look => true,
                            Mode::Remove => self.store.remove(part, attempt, now).await?,
                        };
                        *count += u64::from(gone);
                    }
                }
            }
        }
        Ok(swept)
    }

    /// Removes what tells who a debtor is: rows at once, then the files that lie here. Who asks for it is to be
    /// written down before. How many cases and calls.
    ///
    /// # Errors
    /// Under a hold, while a call is up, where nothing is kept, or that it cannot be written. Where files alone could
    /// not be removed they are by the next sweep.
    pub async fn erase(
        &self,
        debtor: &DebtorId,
        (why, person): (&str, &str),
        now: WallTime,
    ) -> Result<(usize, usize), KeepError> {
        let erased = self.store.erase(debtor, (why, person), now).await?;
        if erased.cases == 0 && erased.calls.is_empty() {
            return Err(KeepError::UnknownDebtor);
        }
        let done = (erased.cases, erased.calls.len());
        self.remove_files(erased.calls).await?;
        Ok(done)
    }

    /// Removes the files that lie here of calls whose debtors were erased after an erasure; the newest one.
    ///
    /// # Errors
    /// When the store cannot be read, or a file not be removed.
    pub async fn remove_erased(&self, after: i64) -> Result<i64, KeepError> {
        let erased = self.store.erased_since(after).await?;
        let newest = erased.iter().map(|(erasure, _)| *erasure).max().unwrap_or(after);
        self.remove_files(erased.into_iter().map(|(_, attempt)| attempt).collect()).await?;
        Ok(newest)
    }

    async fn remove_files(&self, calls: Vec<AttemptId>) -> Result<(), KeepError> {
        let archive = self.clone();
        let removing = tokio::task::spawn_blocking(move || {
            for attempt in calls {
                waihu_vault::remove(&archive.recording(&attempt))?;
                waihu_vault::remove(&archive.transcript(&attempt))?;
                waihu_vault::remove(&spool_file(&archive.recordings, &attempt))?;
                waihu_vault::remove(&spool_part(&archive.recordings, &attempt))?;
            }
            Ok::<_, VaultError>(())
        });
        Ok(removing.await.map_err(|_| KeepError::Fell)??)
    }
}

/// The calls that have files in a folder.
fn listed(folder: &std::path::Path) -> Result<Vec<AttemptId>, KeepError> {
    let failed = |source| KeepError::Io { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // Without the folder nothing was ever recorded.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(failed(e)),
    };
    let mut calls = BTreeSet::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        let name = name.to_string_lossy();
        let call = ENDS.iter().find_map(|end| name.strip_suffix(end)).and_then(|call| call.parse().ok());
        calls.extend(call);
    }
    Ok(calls.into_iter().collect())
}
