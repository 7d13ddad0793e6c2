//! Everything that is kept of one call, and how it goes into a zip.

use std::io::{self, Seek, Write};

use serde_json::{Value, json};
use waihu_store::{KeptDecision, StoreError};
use waihu_types::{AttemptId, CaseId, Outcome};
use waihu_vault::VaultError;

use crate::{
    Archive, KeepError, Missing,
    pack::{Pack, Pressed},
};

/// The longest transcript that is taken in [bytes]: a day of talk.
const MAX_TRANSCRIPT: u64 = 16 << 20;

/// What is told of a file that is not what was sealed.
const ALTERED: &str = "altered since it was sealed 封存后被改动";

/// A call's rows.
pub(crate) struct Call {
    pub(crate) attempt: AttemptId,
    pub(crate) case: CaseId,
    /// The outcome that stands.
    pub(crate) outcome: Outcome,
    /// All that were filed, the oldest first, with their numbers.
    pub(crate) revisions: Vec<(i64, Outcome)>,
    /// Why it was allowed.
    pub(crate) decisions: Vec<KeptDecision>,
    /// The files of its script, by their paths; none where no store has them.
    pub(crate) script: Vec<(String, String)>,
    /// Who submitted and approved the script.
    pub(crate) acts: Vec<Value>,
}

/// A decision as others read it.
pub(crate) fn decision(d: &KeptDecision) -> Value {
    json!({
        "at": d.at, "campaign": d.campaign, "attempt": d.attempt, "profile": d.profile,
        "profile_sha256": d.profile_sha256, "verdict": d.verdict.label(), "rules": d.rules, "next": d.next,
        "evidence": d.evidence, "despite": d.despite,
    })
}

impl Archive {
    /// What rows tell of a call that is over.
    pub(crate) async fn gather(&self, attempt: &AttemptId) -> Result<Call, KeepError> {
        let unknown = || KeepError::UnknownCall(attempt.clone());
        let begun = self.store.attempt(attempt).await?.ok_or_else(unknown)?.begun;
        let revisions = self.store.revisions(attempt).await?;
        let (_, outcome) = revisions.last().cloned().ok_or_else(unknown)?;
        let mut decisions = self.store.decisions(&begun.case).await?;
        decisions.retain(|decision| decision.attempt.as_ref() == Some(attempt));
        let (name, sha256) = (&outcome.script.name, &outcome.script.sha256);
        let script = match self.store.script_files(name, sha256).await {
            // A call by hand may have gone by a draft that nobody submitted.
            Err(StoreError::UnknownScript { .. }) => Vec::new(),
            files => files?,
        };
        let stored = self.store.scripts(Some(name)).await?.into_iter().find(|s| s.sha256 == *sha256);
        let acts = stored.map(|s| s.acts).unwrap_or_default();
        let acts = acts.iter().map(|a| json!({"at": a.at, "deed": a.deed.label(), "by": a.by})).collect();
        Ok(Call { attempt: attempt.clone(), case: begun.case, outcome, revisions, decisions, script, acts })
    }

    /// Puts a call's files into a folder of a zip; the transcript's text comes back. What is not there or was altered
    /// is told in the manifest; without the key nothing is handed out.
    pub(crate) fn put_files<W: Write + Seek>(
        &self,
        pack: &mut Pack<W>,
        call: &Call,
        folder: &str,
    ) -> Result<Option<String>, KeepError> {
        let recording = call.outcome.recording.as_ref().map(|r| r.sha256.as_str());
        let transcript = call.outcome.transcript.as_ref().map(|t| t.sha256.as_str());
        if let Some(sha256) = recording {
            let name = format!("{folder}recording.wav");
            file_hash(pack, &name, sha256);
            let opened = self.vault.open(&self.recording(&call.attempt));
            if let Some(mut opened) = there(pack, &name, opened)? {
                // What was altered is found before any of it is in the zip, which takes nothing back.
                let whole = if opened.is_sealed() { opened.hash().map(drop) } else { Ok(()) };
                match whole.and_then(|()| opened.rewind()) {
                    Err(e) if e.kind() == io::ErrorKind::InvalidData => {
                        pack.missing.push(Missing { name, why: ALTERED.to_owned() });
                    }
                    Err(e) => return Err(e.into()),
                    Ok(()) => pack.add(&name, &mut opened, Pressed::No)?,
                }
            }
        }
        let mut words = None;
        if let Some(sha256) = transcript {
            let name = format!("{folder}transcript.jsonl");
            file_hash(pack, &name, sha256);
            let opened = self.vault.open(&self.transcript(&call.attempt));
            if let Some(mut opened) = there(pack, &name, opened)? {
                match opened.text(MAX_TRANSCRIPT) {
                    Ok(text) => {
                        pack.add(&name, &mut text.as_bytes(), Pressed::Yes)?;
                        words = Some(text);
                    }
                    Err(e) if e.kind() == io::ErrorKind::InvalidData => {
                        pack.missing.push(Missing { name, why: ALTERED.to_owned() });
                    }
                    Err(e) => return Err(e.into()),
                }
            }
        }
        let revisions: Vec<Value> =
            call.revisions.iter().map(|(n, outcome)| json!({"revision": n, "outcome": outcome})).collect();
        pack.json(
            &format!("{folder}outcome.json"),
            &json!({"attempt": call.attempt, "revisions": revisions}),
        )?;
        let decisions: Vec<Value> = call.decisions.iter().map(decision).collect();
        pack.json(&format!("{folder}decisions.json"), &json!({"case": call.case, "decisions": decisions}))?;
        Ok(words)
    }

    /// Puts the script that a call went by into a zip.
    pub(crate) fn put_script<W: Write + Seek>(&self, pack: &mut Pack<W>, call: &Call) -> io::Result<()> {
        let script = &call.outcome.script;
        pack.json(
            "script.json",
            &json!({"script": script, "models": call.outcome.models, "acts": call.acts}),
        )?;
        for (n, (path, text)) in call.script.iter().enumerate() {
            // Paths of a disk stay where they are: their last parts tell which file it was.
            let end: Vec<&str> = path.rsplit(['/', '\\']).take(2).filter(|part| *part != "..").collect();
            let end: Vec<&str> = end.into_iter().rev().collect();
            pack.add(&format!("script/{n:02}-{}", end.join("-")), &mut text.as_bytes(), Pressed::Yes)?;
        }
        if call.script.is_empty() {
            let why = "no stored version has this hash 未存有该版本".to_owned();
            pack.missing.push(Missing { name: "script/".to_owned(), why });
        }
        Ok(())
    }
}

/// What was filed of a file, where its hash was known.
fn file_hash<W: Write + Seek>(pack: &mut Pack<W>, name: &str, sha256: &str) {
    if !sha256.is_empty() {
        pack.filed.insert(name.to_owned(), sha256.to_owned());
    }
}

/// What is in a file; none where it is gone or was altered, which the manifest then tells.
fn there<W: Write + Seek, T>(
    pack: &mut Pack<W>,
    name: &str,
    opened: Result<T, VaultError>,
) -> Result<Option<T>, KeepError> {
    match opened {
        Ok(opened) => Ok(Some(opened)),
        Err(e @ (VaultError::Missing { .. } | VaultError::Altered { .. } | VaultError::Foreign { .. })) => {
            let why = match e {
                VaultError::Missing { .. } => {
                    "not on this node: removed, or on another 本节点没有：已删除或在其他节点"
                }
                _ => ALTERED,
            };
            pack.missing.push(Missing { name: name.to_owned(), why: why.to_owned() });
            Ok(None)
        }
        Err(e) => Err(e.into()),
    }
}
