//! How an outcome reaches the disk, whatever the disk does.
//!
//! An outcome is written beside its recording as soon as it is known (the spool), since sealing and
//! hashing a recording may take a while; then it is filed in the store, and the spool's file removed.
//! What a dead process spooled is filed at the next start. On a full disk the reserve is given up first, and nobody
//! new is called.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use nix::sys::statvfs::statvfs;
use tokio::{
    sync::{Semaphore, oneshot},
    time::timeout,
};
use waihu_media::Stats;
use waihu_record::{Recording, RecordingInProgress, TranscriptWriter};
use waihu_store::{StoreError, spool_file, spool_part};
use waihu_types::{AttemptId, Outcome, Transcript, WallTime};
use waihu_vault::Note;

use crate::{error::DialError, plant::Plant, searched::keep_words};

/// How often a write to the store is tried, a second apart: whoever holds its lock or fills the disk has
/// half a minute to mend it.
const TRIES: u32 = 30;

/// Calls whose files are sealed at once: where many end together, cores are left for those that are up.
static SEALING: Semaphore = Semaphore::const_new(2);

/// How long a slot's counts are waited for: the media thread gives them within a tick.
const CLOSED_WAIT: Duration = Duration::from_secs(1);

/// Room for some hundred outcomes and for the store's log of changes [bytes].
const RESERVE_BYTES: usize = 1 << 20;

/// With less than this on either disk nobody new is called [bytes]: of the calls that are up each writes 2 MiB of
/// sound a minute, and the store some more.
const LEAST_FREE_BYTES: u64 = 16 << 20;

/// The name of the file that keeps the room.
const RESERVE: &str = ".reserve";

/// Room kept on the disks of the recordings and of the store, so that outcomes can be filed when the
/// disk is full.
pub struct Reserve(Vec<PathBuf>);

impl Reserve {
    /// Lays a file of 1 MiB into each folder.
    ///
    /// # Errors
    /// When there is no room even now: then no call should be placed.
    pub fn lay(folders: &[&Path]) -> io::Result<Self> {
        for folder in folders {
            fs::create_dir_all(folder)?;
            lay(&folder.join(RESERVE))?;
        }
        Ok(Self(folders.iter().map(|folder| folder.join(RESERVE)).collect()))
    }

    /// Whether there is room for further calls on either disk. What was given up is laid again where there is.
    pub(crate) fn has_room(&self) -> bool {
        let is_full = |file: &Path| {
            let disk = statvfs(file.parent().unwrap_or(Path::new(".")));
            // A disk that does not tell is not taken for full.
            disk.is_ok_and(|d| d.blocks_available().saturating_mul(d.fragment_size()) < LEAST_FREE_BYTES)
        };
        self.0.iter().all(|file| !is_full(file) && (file.exists() || lay(file).is_ok()))
    }

    /// Gives the room up.
    fn give_up(&self) {
        for file in &self.0 {
            if fs::remove_file(file).is_ok() {
                tracing::error!("the disk is full: the reserve kept for outcomes is given up");
            }
        }
    }
}

/// Written, not only sized: a sparse file keeps no room.
fn lay(file: &Path) -> io::Result<()> {
    fs::write(file, vec![0u8; RESERVE_BYTES])
}

/// Writes the outcome beside its recording; on the disk when this returns.
fn spool(plant: &Plant, outcome: &Outcome) -> io::Result<()> {
    let path = spool_file(&plant.recordings, &outcome.attempt);
    let part = spool_part(&plant.recordings, &outcome.attempt);
    let write = || {
        let mut file = waihu_record::create_private(&part)?;
        file.write_all(&serde_json::to_vec(outcome)?)?;
        file.sync_all()?;
        fs::rename(&part, &path)?;
        fs::File::open(&plant.recordings)?.sync_all()
    };
    let done = match write() {
        Err(e) if e.kind() == io::ErrorKind::StorageFull => {
            plant.reserve.give_up();
            write()
        }
        done => done,
    };
    if done.is_err() {
        // Half an outcome tells nothing, and takes room.
        let _ = fs::remove_file(&part);
    }
    done
}

/// Keeps the outcome in the spool; whether it could be kept. The disk is waited for elsewhere: other calls
/// go on.
pub(crate) async fn keep(plant: &Arc<Plant>, outcome: &Outcome) -> bool {
    let (plant, own) = (Arc::clone(plant), outcome.clone());
    let kept = tokio::task::spawn_blocking(move || spool(&plant, &own)).await;
    let kept = kept.unwrap_or_else(|e| Err(io::Error::other(e)));
    if let Err(e) = &kept {
        tracing::warn!(attempt = %outcome.attempt, error = %e, "the outcome could not be spooled");
    }
    kept.is_ok()
}

/// Files an outcome. Where the store cannot take it, it stays in the spool for the next start.
///
/// # Errors
/// [`DialError::NotFiled`], which says where the outcome is.
pub(crate) async fn file(plant: &Arc<Plant>, outcome: &Outcome) -> Result<(), DialError> {
    let filed = persistently(plant, || plant.store.close_attempt(outcome)).await;
    let Err(source) = filed else {
        let _ = fs::remove_file(spool_file(&plant.recordings, &outcome.attempt));
        if let Some(transcript) = &outcome.transcript {
            keep_words(&plant.store, &plant.vault, &plant.recordings, &outcome.attempt, &transcript.path)
                .await;
        }
        seal(plant, outcome).await;
        return Ok(());
    };
    let path = keep(plant, outcome).await.then(|| spool_file(&plant.recordings, &outcome.attempt));
    Err(DialError::NotFiled { outcome: Box::new(outcome.clone()), path, source: Box::new(source) })
}

/// Seals the files of a call, after its words were taken in: a node that only seals could not read them again. What
/// cannot be sealed stays plain, is told, and is tried again once a day.
async fn seal(plant: &Arc<Plant>, outcome: &Outcome) {
    if !plant.vault.seals() {
        return;
    }
    let recording = outcome.recording.as_ref().map(|recording| {
        let duration_ms = Some(recording.duration_ms);
        (recording.path.clone(), Note { sha256: recording.sha256.clone(), duration_ms, ..Note::default() })
    });
    let transcript = outcome.transcript.as_ref().map(|transcript| {
        (transcript.path.clone(), Note { sha256: transcript.sha256.clone(), ..Note::default() })
    });
    // Held by who waits for the disk, and never closed.
    let _turn = SEALING.acquire().await;
    for (path, note) in recording.into_iter().chain(transcript) {
        let vault = Arc::clone(&plant.vault);
        let sealed = tokio::task::spawn_blocking(move || vault.seal(Path::new(&path), note)).await;
        if let Ok(Err(e)) = sealed {
            tracing::error!(attempt = %outcome.attempt, error = %e, "a file of a call could not be sealed yet");
        }
    }
}

/// Notes in the store that the callee's side has answered.
pub(crate) async fn mark_answered(plant: &Plant, attempt: &AttemptId, at: WallTime) {
    // The call goes on without the mark: its outcome will carry the time all the same.
    if let Err(e) = persistently(plant, || plant.store.mark_answered(attempt, at)).await {
        tracing::error!(%attempt, error = %e, "the answer was not marked in the store");
    }
}

/// Closes what was written of a call, as far as it was: a full disk costs files, never the outcome.
/// `closed` gives the counts of the slot that was recorded, which come back too.
pub(crate) async fn close_files(
    attempt: &AttemptId,
    (recording, transcript): (Option<RecordingInProgress>, Option<TranscriptWriter>),
    closed: &mut oneshot::Receiver<Stats>,
) -> (Option<Recording>, Option<Transcript>, Stats) {
    let recording = recording.map(RecordingInProgress::finish);
    // Both wait for the disk.
    let finished = tokio::task::spawn_blocking(move || {
        (recording.and_then(|r| r.recv().ok()), transcript.map(TranscriptWriter::finish))
    });
    let (recording, transcript) = finished.await.unwrap_or_default();
    let stats = timeout(CLOSED_WAIT, closed).await.ok().and_then(Result::ok).unwrap_or_default();
    if stats.received == 0 && stats.discarded > 0 {
        let discarded = stats.discarded;
        tracing::warn!(%attempt, discarded, "packets came, but none from where the far end said it is: not heard");
    }
    let recording = recording.and_then(|r| recorded(attempt, r, &stats));
    let transcript = transcript.and_then(|t| {
        t.inspect_err(|e| tracing::error!(%attempt, error = %e, "the transcript was not closed")).ok()
    });
    (recording, transcript, stats)
}

/// A recording with all that is wrong with it; none where it holds nothing.
fn recorded(attempt: &AttemptId, mut recording: Recording, stats: &Stats) -> Option<Recording> {
    // The recorder counts what it filled up, the media thread what it could not hand on: the same holes as a
    // rule, seen from both sides.
    recording.holes_ms = recording.holes_ms.max(stats.unrecorded * 20);
    let (holes_ms, unheard_ms) = (recording.holes_ms, stats.unheard * 20);
    if holes_ms > 0 || unheard_ms > 0 {
        tracing::warn!(%attempt, holes_ms, unheard_ms, "sound was lost: this machine is too slow for its calls");
    }
    if let Some(why) = &recording.cut_short {
        tracing::warn!(%attempt, %why, "a recording lacks its end");
    }
    let empty = recording.duration_ms == 0 && recording.cut_short.is_none();
    // Of a call that nobody answered: the recorder makes no file then, and one without a sample tells nothing.
    if empty
        && let Err(e) = fs::remove_file(&recording.path)
        && e.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%attempt, error = %e, "an empty recording was left behind");
    }
    (!empty).then_some(recording)
}

/// Tries a write again while the disk is full or another program holds the store.
async fn persistently<F: Future<Output = Result<(), StoreError>>>(
    plant: &Plant,
    write: impl Fn() -> F,
) -> Result<(), StoreError> {
    let mut tries = 1;
    loop {
        match write().await {
            Err(StoreError::DiskFull { .. }) if tries < TRIES => plant.reserve.give_up(),
            Err(StoreError::Locked { .. } | StoreError::ReadOnly { .. } | StoreError::Unreachable { .. })
                if tries < TRIES => {}
            done => return done,
        }
        tries += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::Order;

    #[test]
    fn a_reserve_that_was_given_up_is_laid_again_where_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
        let reserve = Reserve::lay(&[&one, &other]).unwrap();
        assert!(reserve.has_room());
        reserve.give_up();
        assert!(!one.join(RESERVE).exists() && !other.join(RESERVE).exists());
        assert!(reserve.has_room());
        assert_eq!(fs::metadata(other.join(RESERVE)).unwrap().len(), RESERVE_BYTES as u64);
        // Where it cannot be laid there is no room.
        reserve.give_up();
        fs::remove_dir(&other).unwrap();
        assert!(!reserve.has_room());
    }

    #[test]
    fn a_recording_tells_of_its_holes() {
        let whole = Recording {
            path: "a.wav".to_owned(),
            sha256: String::new(),
            duration_ms: 4_000,
            cut_short: None,
            holes_ms: 0,
            paused_ms: 0,
        };
        for (unrecorded, filled_ms, holes_ms) in [(0, 0, 0), (5, 0, 100), (5, 500, 500), (50, 500, 1_000)] {
            let stats = Stats { unrecorded, unheard: 9, ..Stats::default() };
            let own = Recording { holes_ms: filled_ms, ..whole.clone() };
            let told = recorded(&Order::new_attempt_id(), own, &stats);
            assert_eq!(told, Some(Recording { holes_ms, ..whole.clone() }));
        }
    }
}
