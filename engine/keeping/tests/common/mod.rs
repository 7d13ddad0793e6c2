//! An archive in a folder of its own, and calls that are over in it.
#![allow(clippy::unwrap_used, dead_code, missing_docs)]

use std::{collections::BTreeMap, fs, path::PathBuf, sync::Arc};

use sha2::{Digest, Sha256};
use tempfile::TempDir;
use waihu_compliance::Gate;
use waihu_keeping::Archive;
use waihu_store::{NewAttempt, Passage, Store};
use waihu_types::{
    AnsweredBy, AttemptId, Disposition, Identity, Lang, OUTCOME_VERSION, Outcome, Recording, Redial,
    ScriptVersion, Transcript, WallTime,
};
use waihu_vault::{Signer, Vault, new_key, new_signing_key};

/// So many days after calls were made.
pub fn at(days: i64) -> WallTime {
    WallTime::from_unix_millis(1_795_772_096_000 + days * 86_400_000)
}

pub fn key(id: &str) -> AttemptId {
    id.parse().unwrap()
}

pub fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A store, a vault, a signer, and a folder of recordings.
pub async fn archive() -> (TempDir, Archive) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("waihu.sqlite")).await.unwrap();
    let (line, _) = new_key().unwrap();
    let (signing, _) = new_signing_key().unwrap();
    let recordings = folder.path().join("recordings");
    fs::create_dir_all(&recordings).unwrap();
    let archive = Archive {
        store: Arc::new(store),
        vault: Arc::new(Vault::new(&[], Some(("test", &line))).unwrap()),
        signer: Some(Arc::new(Signer::new("test", &signing).unwrap())),
        recordings,
    };
    (folder, archive)
}

/// A call that is over, with its files, plain as yet.
pub async fn a_call(archive: &Archive, id: &str, (sound, duration_ms): (&[u8], u64), words: &str) {
    let script = ScriptVersion {
        name: "reminder".into(),
        lang: Lang::Zh,
        sha256: "ab".repeat(32),
        variant: None,
        draft: false,
    };
    let new = NewAttempt {
        attempt: key(id),
        campaign: None,
        case: id.parse().unwrap(),
        callee: "13800138000".parse().unwrap(),
        script: script.clone(),
        models: BTreeMap::new(),
        dialled_at: at(0),
        own_number: true,
    };
    archive.store.begin_attempt(&new, &Passage::new(Gate::laboratory(), "Asia/Shanghai")).await.unwrap();
    fs::write(archive.recording(&new.attempt), sound).unwrap();
    fs::write(archive.transcript(&new.attempt), words).unwrap();
    let path = |path: PathBuf| path.display().to_string();
    let outcome = Outcome {
        version: OUTCOME_VERSION,
        recording: Some(Recording {
            path: path(archive.recording(&new.attempt)),
            sha256: hash(sound),
            duration_ms,
            cut_short: None,
            holes_ms: 0,
            paused_ms: 0,
        }),
        transcript: Some(Transcript {
            path: path(archive.transcript(&new.attempt)),
            sha256: hash(words.as_bytes()),
        }),
        attempt: new.attempt,
        campaign: None,
        case: new.case,
        callee: new.callee,
        dialled_at: at(0),
        answered_at: Some(at(0)),
        ended_at: at(0),
        answered_by: AnsweredBy::Human,
        announcement: None,
        told: None,
        mood: None,
        identity: Identity::Confirmed,
        debt_disclosed: true,
        disposition: Disposition::NoCommitment,
        promise: None,
        callback: None,
        follow_ups: Vec::new(),
        intents: Vec::new(),
        handover: None,
        script,
        models: BTreeMap::new(),
        sound: None,
        sip: None,
        ended_by: None,
        fault: None,
        redial: Redial::No { rule: "attempts_used_up".into() },
    };
    archive.store.close_attempt(&outcome).await.unwrap();
}
