//! How long an hour's call takes: sealed, handed out as a bundle, verified. Run from a warm disk.
//! `cargo run --release -p waihu-keeping --example hour`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{collections::BTreeMap, fs, sync::Arc, time::Instant};

use sha2::{Digest, Sha256};
use waihu_compliance::Gate;
use waihu_keeping::{Archive, handed_out, verify};
use waihu_store::{NewAttempt, Passage, Store};
use waihu_types::{
    AnsweredBy, AttemptId, Disposition, Identity, Lang, OUTCOME_VERSION, Outcome, Recording, Redial,
    ScriptVersion, Transcript, WallTime,
};
use waihu_vault::{Note, Signer, Vault, new_key, new_signing_key};

/// An hour of both sides, 16 bits, 8 kHz [bytes].
const HOUR: usize = 3_600 * 8_000 * 4;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let recordings = folder.path().join("recordings");
    fs::create_dir_all(&recordings).unwrap();
    let archive = Archive {
        store: Arc::new(Store::open(folder.path().join("waihu.sqlite")).await.unwrap()),
        vault: Arc::new(Vault::new(&[], Some(("here", &new_key().unwrap().0))).unwrap()),
        signer: Some(Arc::new(Signer::new("here", &new_signing_key().unwrap().0).unwrap())),
        recordings,
    };
    let attempt: AttemptId = "hour".parse().unwrap();
    // Noise: nothing is won by pressing it.
    let mut state = 1_u64;
    let sound: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    })
    .take(HOUR)
    .collect();
    let line = "{\"at_ms\":1000,\"speaker\":\"callee\",\"text\":\"我周五还，发了工资就还。\",\"intent\":\"promise_to_pay\"}\n";
    let words = line.repeat(1_200);
    fs::write(archive.recording(&attempt), &sound).unwrap();
    fs::write(archive.transcript(&attempt), &words).unwrap();
    file(&archive, &attempt, &sound, words.as_bytes()).await;
    let begun = Instant::now();
    archive.vault.seal(&archive.recording(&attempt), Note::default()).unwrap();
    archive.vault.seal(&archive.transcript(&attempt), Note::default()).unwrap();
    println!("sealed, hashed before: {:.2} s", begun.elapsed().as_secs_f64());
    let path = folder.path().join("hour.zip");
    let begun = Instant::now();
    let now = WallTime::from_unix_millis(1_795_772_096_000);
    archive.bundle(&attempt, handed_out(&path).unwrap(), "Li", now).await.unwrap();
    let took = begun.elapsed().as_secs_f64();
    println!("bundle of {:.0} MB: {took:.2} s", fs::metadata(&path).unwrap().len() as f64 / 1e6);
    let begun = Instant::now();
    assert!(verify(&path).unwrap().holds());
    println!("verified: {:.2} s", begun.elapsed().as_secs_f64());
}

async fn file(archive: &Archive, attempt: &AttemptId, sound: &[u8], words: &[u8]) {
    let script = ScriptVersion {
        name: "reminder".into(),
        lang: Lang::Zh,
        sha256: "ab".repeat(32),
        variant: None,
        draft: false,
    };
    let at = |s: i64| WallTime::from_unix_millis(1_795_772_096_000 + s * 1_000);
    let new = NewAttempt {
        attempt: attempt.clone(),
        campaign: None,
        case: "C-1".parse().unwrap(),
        callee: "13800138000".parse().unwrap(),
        script: script.clone(),
        models: BTreeMap::new(),
        dialled_at: at(0),
        own_number: true,
    };
    archive.store.begin_attempt(&new, &Passage::new(Gate::laboratory(), "Asia/Shanghai")).await.unwrap();
    let sha256 = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
    let outcome = Outcome {
        version: OUTCOME_VERSION,
        recording: Some(Recording {
            path: archive.recording(attempt).display().to_string(),
            sha256: sha256(sound),
            duration_ms: 3_600_000,
            cut_short: None,
            holes_ms: 0,
            paused_ms: 0,
        }),
        transcript: Some(Transcript {
            path: archive.transcript(attempt).display().to_string(),
            sha256: sha256(words),
        }),
        attempt: new.attempt,
        campaign: None,
        case: new.case,
        callee: new.callee,
        dialled_at: at(0),
        answered_at: Some(at(1)),
        ended_at: at(3_601),
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
