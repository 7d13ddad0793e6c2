//! What dead processes left, brought to the store at the next start.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use waihu_store::{Filter, Remains, Store, StoreError, spool_file, spool_part};
use waihu_types::{AttemptId, Outcome};

use crate::{error::DialError, legs, plant::Plant};

/// Makes good the recordings that dead processes left, and closes the attempts that they left open, with what
/// lies of them in the folder of recordings, and returns how many; a spooled outcome is removed once the store
/// has it, and so is what was left of one half written.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn recover(store: &Store, recordings: &Path) -> Result<usize, StoreError> {
    repair(recordings).await;
    let closed = store.recover(legs::wall_now(), |attempt| remains(recordings, attempt)).await?;
    let (whole, halves) = spooled(recordings);
    for path in whole {
        let Some(outcome) = read(&path) else { continue };
        // Without an outcome in the store its process lives, and files it itself.
        if !is_filed(store, &outcome.attempt).await? {
            continue;
        }
        match store.close_attempt(&outcome).await {
            // What stands there is this outcome with its files, or one that came after it.
            Ok(()) | Err(StoreError::AlreadyClosed(_)) => {
                if let Err(e) = fs::remove_file(&path) {
                    tracing::warn!(attempt = %outcome.attempt, error = %e, "a filed outcome stays in the spool");
                }
            }
            // What was erased meanwhile goes here, too.
            Err(StoreError::Mismatch { .. }) if store.is_erased(&outcome.attempt).await? => {
                let _ = fs::remove_file(&path);
            }
            Err(StoreError::Mismatch { .. }) => {
                tracing::warn!(attempt = %outcome.attempt, "a spooled outcome names another call than its attempt");
            }
            Err(e) => return Err(e),
        }
    }
    for attempt in halves {
        // As above: its process may be at it.
        if !is_filed(store, &attempt).await? {
            continue;
        }
        if let Err(e) = fs::remove_file(spool_part(recordings, &attempt)) {
            tracing::warn!(%attempt, error = %e, "half an outcome stays in the spool");
        }
    }
    Ok(closed.len())
}

async fn is_filed(store: &Store, attempt: &AttemptId) -> Result<bool, StoreError> {
    let filter = Filter { attempt: Some(attempt.clone()), ..Filter::default() };
    Ok(!store.outcomes(&filter).await?.is_empty())
}

/// What other nodes left; and what this one could not file, where there is such: looked for while it works.
/// `mine` are the attempts of this process that are under way.
///
/// # Errors
/// When the store cannot be read or written.
pub(crate) async fn mend(plant: &Plant, mine: &[AttemptId], unfiled: bool) -> Result<(), StoreError> {
    let recordings = &plant.recordings;
    let (now, remains) = (legs::wall_now(), |attempt: &AttemptId| remains(recordings, attempt));
    let closed = plant.store.recover(now, remains).await?;
    if !closed.is_empty() {
        tracing::warn!(closed = closed.len(), "calls of a node that had died are filed now");
    }
    let forgotten = plant.store.close_forgotten(now, mine, remains).await?;
    if !forgotten.is_empty() {
        tracing::warn!(closed = forgotten.len(), "calls that nobody here carries on are filed now");
    }
    // A folder of a million recordings is not looked through for nothing.
    for path in if unfiled { spooled(recordings).0 } else { Vec::new() } {
        let Some(outcome) = read(&path).filter(|outcome| !mine.contains(&outcome.attempt)) else { continue };
        match plant.store.close_attempt(&outcome).await {
            Ok(()) | Err(StoreError::AlreadyClosed(_)) => {
                tracing::warn!(attempt = %outcome.attempt, "an outcome that could not be filed is filed now");
                let _ = fs::remove_file(&path);
            }
            // Of another store's project, or of a node that files it itself.
            Err(StoreError::UnknownAttempt(_) | StoreError::Mismatch { .. }) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// A recording that was cut off is whole again before it is hashed. What cannot be mended costs no outcome.
async fn repair(recordings: &Path) {
    let folder = recordings.to_owned();
    let swept = tokio::task::spawn_blocking(move || waihu_record::repair_left(&folder)).await;
    match swept.unwrap_or_else(|e| Err(io::Error::other(e))) {
        Ok(swept) => {
            for (path, error) in &swept.failed {
                tracing::warn!(path = %path.display(), %error, "a recording could not be mended");
            }
            if !swept.mended.is_empty() || !swept.header_lost.is_empty() {
                let (mended, header_lost) = (swept.mended.len(), swept.header_lost.len());
                tracing::warn!(mended, header_lost, "recordings of a process that had died were mended");
            }
        }
        Err(error) => tracing::warn!(%error, "the recordings could not be looked through"),
    }
}

/// The recorder has this long to seal the recording of a call that fell.
const SEALED_WITHIN: Duration = Duration::from_secs(2);

/// Files what is known of a call that a fault of ours ended.
///
/// # Errors
/// [`DialError::Fell`] where it fell before it was dialled, or when the store cannot be written.
pub(crate) async fn close_fallen(plant: &Plant, attempt: &AttemptId) -> Result<Outcome, DialError> {
    tokio::time::sleep(SEALED_WITHIN).await;
    let remains = remains(&plant.recordings, attempt);
    let filed = plant.store.close_fallen(attempt, legs::wall_now(), remains).await?;
    // The store has it: what stands in the spool is no longer needed.
    let _ = fs::remove_file(spool_file(&plant.recordings, attempt));
    filed.ok_or(DialError::Fell)
}

fn remains(recordings: &Path, attempt: &AttemptId) -> Remains {
    let file = |extension: &str| recordings.join(format!("{attempt}.{extension}"));
    // A file that cannot be read costs the file, never the outcome.
    let told =
        |e: &io::Error| tracing::warn!(%attempt, error = %e, "a file of a dead process cannot be read");
    Remains {
        // What was written to its end and not named yet is an outcome, too.
        outcome: [spool_file, spool_part].iter().find_map(|path| read(&path(recordings, attempt))),
        recording: waihu_record::recording_left(&file("wav")).inspect_err(told).unwrap_or_default(),
        transcript: waihu_record::transcript_left(&file("jsonl")).inspect_err(told).unwrap_or_default(),
    }
}

/// A spooled outcome; none where there is no such file, or another thing is in it.
fn read(path: &Path) -> Option<Outcome> {
    let bytes = fs::read(path).ok()?;
    serde_json::from_slice(&bytes)
        .inspect_err(|_| tracing::warn!(path = %path.display(), "a spooled outcome cannot be read"))
        .ok()
}

/// The outcomes in the spool, and of which attempts there are some that were not written to their end.
fn spooled(recordings: &Path) -> (Vec<PathBuf>, Vec<AttemptId>) {
    let (mut whole, mut halves) = (Vec::new(), Vec::new());
    // Without the folder nothing was ever recorded.
    let Ok(listed) = fs::read_dir(recordings) else { return (whole, halves) };
    for entry in listed.filter_map(Result::ok) {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".outcome.json") {
            whole.push(entry.path());
        } else if let Some(attempt) = name.strip_suffix(".outcome.json.part") {
            halves.extend(attempt.parse::<AttemptId>().ok());
        }
    }
    (whole, halves)
}

#[cfg(test)]
mod tests {
    use waihu_compliance::Gate;
    use waihu_store::{NewAttempt, Passage};
    use waihu_types::{Disposition, FaultOwner, Lang, Redial, ScriptVersion, WallTime};

    use super::*;

    fn free() -> Passage {
        Passage::new(Gate::laboratory(), "Asia/Shanghai")
    }

    fn attempt(id: &str) -> NewAttempt {
        NewAttempt {
            attempt: id.parse().unwrap(),
            campaign: Some("november".parse().unwrap()),
            case: format!("case-{id}").parse().unwrap(),
            callee: format!("100{}", &id[1..]).parse().unwrap(),
            script: ScriptVersion {
                name: "reminder".into(),
                lang: Lang::Zh,
                sha256: "ab".repeat(32),
                variant: None,
                draft: false,
            },
            models: Default::default(),
            dialled_at: WallTime::from_unix_millis(1_795_772_096_000),
            own_number: true,
        }
    }

    async fn filed(store: &Store, id: &str) -> Vec<Outcome> {
        store.outcomes(&Filter { attempt: id.parse().ok(), ..Filter::default() }).await.unwrap()
    }

    fn outcome(id: &str) -> Outcome {
        let of = attempt(id);
        Outcome {
            version: waihu_types::OUTCOME_VERSION,
            attempt: of.attempt,
            campaign: of.campaign,
            case: of.case,
            callee: of.callee,
            dialled_at: of.dialled_at,
            answered_at: None,
            ended_at: of.dialled_at,
            answered_by: waihu_types::AnsweredBy::Nobody,
            announcement: None,
            told: None,
            mood: None,
            identity: waihu_types::Identity::Unconfirmed,
            debt_disclosed: false,
            disposition: Disposition::Busy,
            promise: None,
            callback: None,
            follow_ups: Vec::new(),
            intents: Vec::new(),
            handover: None,
            script: of.script,
            models: of.models,
            recording: None,
            transcript: None,
            sound: None,
            sip: None,
            ended_by: None,
            fault: Some(FaultOwner::Callee),
            redial: Redial::No { rule: "attempts_used_up".to_owned() },
        }
    }

    /// The header of a recording that was never sealed: 16 bits, two channels, 8 kHz, no length.
    fn cut_off() -> Vec<u8> {
        let numbers = [8_000_u32, 32_000].map(u32::to_le_bytes).concat();
        let fmt = [&b"fmt "[..], &16_u32.to_le_bytes(), &[1, 0, 2, 0], &numbers, &[4, 0, 16, 0]].concat();
        [&b"RIFF"[..], &36_u32.to_le_bytes(), b"WAVE", &fmt, b"data", &0_u32.to_le_bytes()].concat()
    }

    #[tokio::test]
    async fn what_dead_processes_left_is_filed_and_their_spool_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let (db, recordings) = (folder.path().join("outcomes.db"), folder.path().join("recordings"));
        let spool = |id: &str| spool_file(&recordings, &id.parse().unwrap());
        let part = |id: &str| spool_part(&recordings, &id.parse().unwrap());
        let dead = Store::open(&db).await.unwrap();
        let alive = Store::open(&db).await.unwrap();
        for id in ["a1", "a2", "a4"] {
            dead.begin_attempt(&attempt(id), &free()).await.unwrap();
        }
        alive.begin_attempt(&attempt("a3"), &free()).await.unwrap();
        drop(dead);
        fs::create_dir_all(&recordings).unwrap();
        // Cut off while it was written: its header says nothing yet of what is there.
        fs::write(recordings.join("a1.wav"), [&cut_off()[..], &[1; 4 * 8_000 + 1]].concat()).unwrap();
        fs::write(recordings.join("a1.jsonl"), "{}\n").unwrap();
        fs::write(spool("a1"), "{\"half").unwrap();
        for id in ["a2", "a3"] {
            fs::write(spool(id), serde_json::to_vec(&outcome(id)).unwrap()).unwrap();
        }
        for id in ["a1", "a2", "a3"] {
            fs::write(part(id), "{\"half").unwrap();
        }
        // Written to its end, and its process died before it named it.
        fs::write(part("a4"), serde_json::to_vec(&outcome("a4")).unwrap()).unwrap();

        let store = Store::open(&db).await.unwrap();
        assert_eq!(recover(&store, &recordings).await.unwrap(), 3);
        let cut = &filed(&store, "a1").await[0];
        assert_eq!(cut.disposition, Disposition::Unknown);
        assert_eq!((cut.recording.is_some(), cut.transcript.is_some()), (true, true));
        let mended = waihu_record::wav::read(recordings.join("a1.wav")).unwrap();
        assert_eq!((mended.channels.len(), mended.channels[0].len()), (2, 8_000));
        assert_eq!(filed(&store, "a2").await, [outcome("a2")]);
        assert!(!spool("a2").exists());
        assert_eq!(filed(&store, "a4").await, [outcome("a4")]);
        assert_eq!(["a1", "a2", "a3", "a4"].map(|id| part(id).exists()), [false, false, true, false]);
        // The third is another process's, which will file it.
        assert_eq!(filed(&store, "a3").await, []);
        assert!(spool("a3").exists());

        // That process filed it, and died before it emptied the spool.
        alive.close_attempt(&outcome("a3")).await.unwrap();
        assert_eq!(recover(&store, &recordings).await.unwrap(), 0);
        assert!(!spool("a3").exists() && !part("a3").exists());
        assert_eq!(filed(&store, "a3").await, [outcome("a3")]);
    }
}
