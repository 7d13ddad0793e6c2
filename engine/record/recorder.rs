//! The one thread that writes every recording.
//!
//! The media thread drops frames into a queue a call; here they are fetched ten times a second and
//! written a second at a time. A disk that stalls for less than the queue is long costs nothing; a
//! disk that fails ends that recording, whose frames are then fetched and thrown away, so that
//! the media thread never notices. A finished file is hashed, and waited for until it is on the
//! disk, in a second thread: a long call's end must not make holes in the others.

use std::{
    collections::HashMap,
    fs::File,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use sha2::{Digest, Sha256};
use waihu_audio::StereoFrame;
use waihu_types::Recording;

use crate::recording_file::RecordingFile;

/// Frames that wait for the disk: 3 s, 100 kB a call. Longer stalls show as silence.
const QUEUE: usize = 150;
/// How often frames are fetched: thirty times before a queue is full.
const ROUND: Duration = Duration::from_millis(100);

enum Command {
    Start { id: u64, path: PathBuf, frames: Receiver<StereoFrame> },
    Finish { id: u64, told: Option<Sender<Recording>> },
}

/// The writer of recordings. Cloning gives another handle to the same thread; with the last handle
/// gone, and the last [`RecordingInProgress`], it ends.
#[derive(Clone, Debug)]
pub struct Recorder {
    // Without a limit: two commands a call.
    commands: Sender<Command>,
}

impl Recorder {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn() -> io::Result<Self> {
        let (commands, received) = unbounded();
        // Without a limit: one a call, and each is but a path and an open file.
        let (ended, to_seal) = unbounded::<Ended>();
        std::thread::Builder::new()
            .name("recorder-seal".to_owned())
            .spawn(move || to_seal.into_iter().for_each(Ended::seal))?;
        std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || Writer { recordings: HashMap::new(), ended }.run(&received))?;
        Ok(Self { commands })
    }

    /// Begins a recording at `path`, in a folder that is made where it is missing. Frames go into
    /// the sender, 20 ms each. A file that cannot be written is told at the end, in
    /// [`Recording::cut_short`]: no call waits for a disk.
    pub fn start(&self, path: impl Into<PathBuf>) -> (Sender<StereoFrame>, RecordingInProgress) {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let id = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let (sender, frames) = bounded(QUEUE);
        let path = path.into();
        // The thread outlives every handle; if a panic ended it, finish tells of it.
        let _ = self.commands.send(Command::Start { id, path: path.clone(), frames });
        (sender, RecordingInProgress { id, path, commands: self.commands.clone(), finished: false })
    }
}

/// A recording that goes on. Dropped, it is finished without being told.
#[derive(Debug)]
pub struct RecordingInProgress {
    id: u64,
    path: PathBuf,
    commands: Sender<Command>,
    finished: bool,
}

impl RecordingInProgress {
    /// Where it is written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ends the recording: what was sent until now is written, what comes later is not. The
    /// receiver gives the finished file, once, when it is safely on the disk.
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

struct Open {
    path: PathBuf,
    frames: Receiver<StereoFrame>,
    /// Gone when it could not be created.
    file: Option<RecordingFile>,
    cut_short: Option<String>,
}

struct Writer {
    recordings: HashMap<u64, Open>,
    ended: Sender<Ended>,
}

impl Writer {
    fn run(mut self, commands: &Receiver<Command>) {
        let mut next = std::time::Instant::now() + ROUND;
        loop {
            match commands.recv_deadline(next) {
                Ok(Command::Start { id, path, frames }) => {
                    self.recordings.insert(id, Open::begin(path, frames));
                }
                Ok(Command::Finish { id, told }) => {
                    if let Some(recording) = self.recordings.remove(&id) {
                        // Were the other thread gone, whoever waits would see the sender gone too.
                        let _ = self.ended.send(recording.end(told));
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if std::time::Instant::now() >= next {
                self.recordings.values_mut().for_each(Open::fetch);
                next = std::time::Instant::now() + ROUND;
            }
        }
        for recording in self.recordings.into_values() {
            let _ = self.ended.send(recording.end(None));
        }
    }
}

impl Open {
    fn begin(path: PathBuf, frames: Receiver<StereoFrame>) -> Self {
        let (file, cut_short) = match RecordingFile::create(&path) {
            Ok(file) => (Some(file), None),
            Err(e) => (None, Some(format!("the recording could not be created: {}", in_words(&e)))),
        };
        Self { path, frames, file, cut_short }
    }

    /// Takes what waits, at most one queue full.
    fn fetch(&mut self) {
        for _ in 0..QUEUE {
            let Ok(frame) = self.frames.try_recv() else { return };
            self.with_file(|f| f.add(&frame));
        }
    }

    fn with_file(&mut self, what: impl FnOnce(&mut RecordingFile) -> io::Result<()>) {
        let Some(file) = &mut self.file else { return };
        if self.cut_short.is_some() {
            return;
        }
        if let Err(e) = what(file) {
            let seconds = file.duration_ms() as f64 / 1_000.0;
            self.cut_short = Some(format!("the recording ends after {seconds:.1} s: {}", in_words(&e)));
        }
    }

    fn end(mut self, told: Option<Sender<Recording>>) -> Ended {
        self.fetch();
        self.with_file(RecordingFile::flush);
        Ended { path: self.path, file: self.file, cut_short: self.cut_short, told }
    }
}

/// A recording to which nothing is added any more.
struct Ended {
    path: PathBuf,
    file: Option<RecordingFile>,
    cut_short: Option<String>,
    told: Option<Sender<Recording>>,
}

impl Ended {
    fn seal(mut self) {
        let duration_ms = self.file.as_ref().map_or(0, RecordingFile::duration_ms);
        let sealed = self.file.take().map(|f| f.sync().and_then(|()| hash(&self.path)));
        let sha256 = match sealed {
            Some(Ok(hash)) => hash,
            None => String::new(),
            Some(Err(e)) => {
                let told = || format!("the recording could not be brought to the disk: {}", in_words(&e));
                self.cut_short.get_or_insert_with(told);
                String::new()
            }
        };
        let path = self.path.display().to_string();
        if let Some(told) = self.told {
            // Nobody may be waiting for it any more; the file is there all the same.
            let _ =
                told.send(Recording { path, sha256, duration_ms, cut_short: self.cut_short, holes_ms: 0 });
        }
    }
}

/// Over the finished file and not while it grows, because its beginning is written last.
pub(crate) fn hash(path: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    io::copy(&mut File::open(path)?, &mut HashWriter(&mut hash))?;
    Ok(hex::encode(hash.finalize()))
}

struct HashWriter<'a>(&'a mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn in_words(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        io::ErrorKind::QuotaExceeded => "the disk quota is used up".to_owned(),
        io::ErrorKind::FileTooLarge => "the file is as long as a WAV can be".to_owned(),
        io::ErrorKind::PermissionDenied => "the folder may not be written to".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "the disk is read-only".to_owned(),
        _ => e.to_string(),
    }
}

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
