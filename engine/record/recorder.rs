//! What the rest of the engine has of the recorder: its handle, and one for each recording.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use waihu_audio::StereoChunk;
use waihu_types::Recording;

use crate::{
    header::RATES,
    pool::{MOST, Pool},
    writer::{self, Command},
};

/// The writer of recordings. Cloning gives another handle to the same threads; with the last handle
/// gone, and the last [`RecordingInProgress`], they end.
#[derive(Clone, Debug)]
pub struct Recorder {
    // Without a limit: two commands a call.
    commands: Sender<Command>,
    full: Sender<Box<StereoChunk>>,
    pool: Arc<Pool>,
}

/// Where the sound of a recording goes in: for whoever has the sound, once each tick.
///
/// The fields are all there is to it, so that a room that may not name this one can have a type of its own
/// with the same fields. The rules for whoever fills:
///
/// - When sound is there and no chunk is at hand, take one from `empty`, and
///   [`begin`](StereoChunk::begin) it with `recording` and the pairs of samples owed. If none is there,
///   owe this tick too, and try again with the next.
/// - Each tick, where `paused` is set [`push_paused`](StereoChunk::push_paused), else
///   [`push`](StereoChunk::push); when the chunk is full, send it into `full`. If there is no room
///   (which takes more chunks than there are), owe what it holds and what it owed, and begin it anew.
/// - At the end of the call [`end`](StereoChunk::end) the chunk and send it; if none is at hand, begin an
///   empty one for it. Then drop the tap, `paused` with it. Let no chunk fall: it would be missing.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("call.wav");
/// let recorder = waihu_record::Recorder::spawn()?;
/// let (tap, recording) = recorder.start(&path, 8_000);
/// let mut chunk = tap.empty.try_recv().unwrap();
/// chunk.begin(tap.recording, 0);
/// chunk.push(&[5; 160], &[6; 160]);
/// chunk.end();
/// tap.full.try_send(chunk).unwrap();
/// drop(tap);
/// assert_eq!(recording.finish().recv().unwrap().duration_ms, 20);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct StereoTap {
    /// Which recording, for [`StereoChunk::begin`].
    pub recording: u64,
    /// Samples a second and side: 8000 or 16000 \[Hz\].
    pub rate_hz: u32,
    /// Full chunks of all calls, to the recorder. Sending never blocks and wakes nobody: the recorder looks
    /// fifty times a second.
    pub full: Sender<Box<StereoChunk>>,
    /// Empty chunks of this rate, for all calls.
    pub empty: Receiver<Box<StereoChunk>>,
    /// Whether silence is to be recorded instead of the sound. Its holder is also the sign that sound may
    /// still come: it goes where the tap goes, and is dropped with it.
    pub paused: Arc<AtomicBool>,
}

impl Recorder {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn() -> io::Result<Self> {
        let (commands, received) = unbounded();
        // Room for each chunk that there can be.
        let (full, filled) = bounded(RATES.len() * MOST);
        let pool = Pool::spawn()?;
        writer::spawn(received, filled, Arc::clone(&pool))?;
        Ok(Self { commands, full, pool })
    }

    /// Begins a recording at `path`, in a folder that is made where it is missing, with 8000 or 16000
    /// samples a second: the tap tells which it became, for a rate between or beyond is taken as the
    /// nearer end. The file comes with the first sound. A file that cannot be written is told at the end, in [`Recording::cut_short`]: no call
    /// waits for a disk.
    pub fn start(&self, path: impl Into<PathBuf>, rate_hz: u32) -> (StereoTap, RecordingInProgress) {
        let rate_hz = if rate_hz > 8_000 { 16_000 } else { 8_000 };
        let recording = self.begin(path.into(), rate_hz);
        let tap = StereoTap {
            recording: recording.id,
            rate_hz,
            full: self.full.clone(),
            empty: self.pool.join(rate_hz),
            paused: Arc::clone(&recording.paused),
        };
        (tap, recording)
    }

    fn begin(&self, path: PathBuf, rate_hz: u32) -> RecordingInProgress {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let paused = Arc::new(AtomicBool::new(false));
        let begin = Command::Start { id, path: path.clone(), rate_hz, tap: Arc::downgrade(&paused) };
        // The thread outlives every handle; if a panic ended it, finish tells of it.
        let _ = self.commands.send(begin);
        RecordingInProgress { id, path, paused, commands: self.commands.clone(), finished: false }
    }
}

/// A recording that goes on. Dropped, it is finished without being told.
#[derive(Debug)]
pub struct RecordingInProgress {
    id: u64,
    path: PathBuf,
    paused: Arc<AtomicBool>,
    commands: Sender<Command>,
    finished: bool,
}

impl RecordingInProgress {
    /// Where it is written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// From the next tick on silence is recorded on both sides, for as long as the pause lasts: what is
    /// said now is not to be kept, a card's number for example. Times in the recording stay true.
    pub fn pause(&self) {
        self.paused.store(true, Ordering::Relaxed);
    }

    /// From the next tick on sound is recorded again.
    pub fn resume(&self) {
        self.paused.store(false, Ordering::Relaxed);
    }

    /// Ends the recording, after whoever has the sound was told to end: what is on its way is written. That
    /// is known by the chunk that is marked as the last, or by the tap's being gone; else, where a media
    /// thread stands still, after a second. The receiver gives the finished file, once, when it is safely
    /// on the disk. Without any sound there is no file, and its hash is empty.
    pub fn finish(mut self) -> Receiver<Recording> {
        self.finished = true;
        let (told, recording) = bounded(1);
        if self.commands.send(Command::Finish { id: self.id, told: Some(told.clone()) }).is_err() {
            let _ = told.send(Recording {
                path: self.path.display().to_string(),
                sha256: String::new(),
                duration_ms: 0,
                cut_short: Some("the recorder had ended".to_owned()),
                holes_ms: 0,
                paused_ms: 0,
            });
        }
        recording
    }
}

impl Drop for RecordingInProgress {
    fn drop(&mut self) {
        if !self.finished {
            let _ = self.commands.send(Command::Finish { id: self.id, told: None });
        }
    }
}

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
