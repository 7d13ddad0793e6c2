//! The one thread that writes every recording.
//!
//! It looks fifty times a second for full chunks, and writes each to its file at once. It is never woken
//! by a chunk: waking it would cost the media thread a call of the system. A disk that stalls for less than the
//! pool lasts costs nothing; a disk that fails ends that recording, whose chunks are then given back as
//! they are, so that the media threads never notice. A finished file is hashed, and waited for until it is
//! on the disk, in other threads: a long call's end must not make holes in the others.

use std::{
    collections::HashMap,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering, fence},
    },
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use waihu_audio::StereoChunk;
use waihu_types::Recording;

use crate::{
    header::{BLOCK, ms_of},
    pool::Pool,
    recording_file::RecordingFile,
    seal::{self, Ended, in_words},
};

/// How often full chunks are fetched: a twenty-fifth of the time in which one is filled.
pub(crate) const ROUND: Duration = Duration::from_millis(20);
/// So long a recording that is to end waits for its last chunk. A media thread sends it within a tick; one
/// that does not in fifty stands still.
const LAST_WITHIN: Duration = Duration::from_secs(1);

pub(crate) enum Command {
    Start {
        id: u64,
        path: PathBuf,
        rate_hz: u32,
        /// Alive while sound may come.
        tap: Weak<AtomicBool>,
    },
    Finish {
        id: u64,
        told: Option<Sender<Recording>>,
    },
}

/// Starts the writer and those who seal what it has written. They end when all handles are gone.
///
/// # Errors
/// When the system gives no thread.
pub(crate) fn spawn(
    commands: Receiver<Command>,
    full: Receiver<Box<StereoChunk>>,
    pool: Arc<Pool>,
) -> io::Result<()> {
    // Without a limit: one a call, and each is but a path and an open file.
    let (ended, to_seal) = unbounded::<Ended>();
    seal::spawn(&to_seal)?;
    let writer = Writer {
        pool,
        commands,
        full,
        ended,
        recordings: HashMap::new(),
        ending: Vec::new(),
        bytes: Vec::new(),
    };
    std::thread::Builder::new().name("recorder".to_owned()).spawn(move || writer.run())?;
    Ok(())
}

struct Writer {
    pool: Arc<Pool>,
    commands: Receiver<Command>,
    full: Receiver<Box<StereoChunk>>,
    ended: Sender<Ended>,
    recordings: HashMap<u64, Open>,
    /// Those of them that wait for their last chunk.
    ending: Vec<Ending>,
    /// A chunk as it stands in a file.
    bytes: Vec<u8>,
}

/// A recording that has been finished, and waits for what is on its way.
struct Ending {
    id: u64,
    by: Instant,
    told: Option<Sender<Recording>>,
    /// Its tap was gone before the queue was emptied: nothing can follow.
    tap_gone: bool,
}

impl Writer {
    fn run(mut self) {
        let mut next = Instant::now() + ROUND;
        loop {
            // Without recordings there is nothing to look for.
            let command = match self.recordings.is_empty() {
                true => self.commands.recv().map_err(Into::into),
                false => self.commands.recv_deadline(next),
            };
            match command {
                Ok(command) => self.obey(command),
                Err(RecvTimeoutError::Timeout) => {}
                // Each recording was finished before its handle went.
                Err(RecvTimeoutError::Disconnected) if self.recordings.is_empty() => return,
                Err(RecvTimeoutError::Disconnected) => {
                    std::thread::sleep(next.saturating_duration_since(Instant::now()));
                }
            }
            let now = Instant::now();
            if now >= next {
                self.round(now);
                next = Instant::now() + ROUND;
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Start { id, path, rate_hz, tap } => {
                self.recordings.insert(id, Open::begin(path, rate_hz, tap));
            }
            Command::Finish { id, told } => {
                self.ending.push(Ending { id, by: Instant::now() + LAST_WITHIN, told, tap_gone: false });
            }
        }
    }

    fn round(&mut self, now: Instant) {
        for ending in &mut self.ending {
            let tap = self.recordings.get(&ending.id).map(|r| &r.tap);
            ending.tap_gone = tap.is_none_or(|t| t.strong_count() == 0);
        }
        // Whoever saw a tap gone sees what was sent before it went.
        fence(Ordering::Acquire);
        for _ in 0..self.full.len() {
            let Ok(chunk) = self.full.try_recv() else { break };
            self.write(chunk);
        }
        let mut n = 0;
        while let Some(ending) = self.ending.get(n) {
            let is_over = self.recordings.get(&ending.id).is_none_or(|r| r.last_seen);
            // What was sent in time is written now, however long that took.
            if is_over || ending.tap_gone || ending.by <= now {
                let ending = self.ending.swap_remove(n);
                self.end(ending);
            } else {
                n += 1;
            }
        }
    }

    fn write(&mut self, chunk: Box<StereoChunk>) {
        if !self.recordings.contains_key(&chunk.recording()) {
            // It can have overtaken the command that begins its recording.
            while let Ok(command) = self.commands.try_recv() {
                self.obey(command);
            }
        }
        if let Some(recording) = self.recordings.get_mut(&chunk.recording()) {
            recording.take(&chunk, &mut self.bytes);
        }
        self.pool.give_back(chunk);
    }

    fn end(&mut self, ending: Ending) {
        let Some(recording) = self.recordings.remove(&ending.id) else { return };
        // Its slot sent sound and then fell without its last: with the chunk that it was filling.
        let lost = usize::from(recording.chunk_came && !recording.last_seen);
        self.pool.leave(recording.rate_hz, lost);
        // Were the other threads gone, whoever waits would see the sender gone too.
        let _ = self.ended.send(recording.end(ending.told));
    }
}

/// A recording that goes on.
struct Open {
    path: PathBuf,
    rate_hz: u32,
    tap: Weak<AtomicBool>,
    /// None before there is sound, and when it could not be created.
    file: Option<RecordingFile>,
    cut_short: Option<String>,
    chunk_came: bool,
    last_seen: bool,
    /// Owed silence that was written [pairs of samples].
    owed: u64,
    /// Silence of a pause that was written [pairs of samples].
    paused: u64,
}

impl Open {
    fn begin(path: PathBuf, rate_hz: u32, tap: Weak<AtomicBool>) -> Self {
        Self {
            path,
            rate_hz,
            tap,
            file: None,
            cut_short: None,
            chunk_came: false,
            last_seen: false,
            owed: 0,
            paused: 0,
        }
    }

    /// Not before there is sound: a call that nobody answers costs no file. ext4 passes over the places of
    /// files that were removed in the last half minute one by one, so that creating takes a millisecond where
    /// there are thousands of them.
    fn create(&mut self) {
        match RecordingFile::create(&self.path, self.rate_hz) {
            Ok(file) => self.file = Some(file),
            Err(e) => self.cut_short = Some(format!("the recording could not be created: {}", in_words(&e))),
        }
    }

    fn take(&mut self, chunk: &StereoChunk, bytes: &mut Vec<u8>) {
        self.chunk_came = true;
        self.last_seen |= chunk.is_last();
        if self.file.is_none() && self.cut_short.is_none() && (chunk.owed() > 0 || !chunk.is_empty()) {
            self.create();
        }
        self.with_file(|f| f.add(chunk.owed(), chunk.samples(), bytes));
        if self.cut_short.is_none() {
            self.owed = self.owed.saturating_add(chunk.owed());
            self.paused += u64::from(chunk.paused());
        }
    }

    fn with_file(&mut self, what: impl FnOnce(&mut RecordingFile) -> io::Result<()>) {
        let Some(file) = &mut self.file else { return };
        if self.cut_short.is_some() {
            return;
        }
        // A fault over one call's sound costs that recording alone.
        let done = catch_unwind(AssertUnwindSafe(|| what(file)))
            .unwrap_or_else(|_| Err(io::Error::other("a fault of the recorder")));
        if let Err(e) = done {
            let seconds = file.duration_ms() as f64 / 1_000.0;
            self.cut_short = Some(format!("the recording ends after {seconds:.1} s: {}", in_words(&e)));
        }
    }

    fn end(mut self, told: Option<Sender<Recording>>) -> Ended {
        self.with_file(RecordingFile::tell_lengths);
        let [holes_ms, paused_ms] =
            [self.owed, self.paused].map(|pairs| ms_of(self.rate_hz, pairs.saturating_mul(BLOCK.into())));
        Ended { path: self.path, file: self.file, cut_short: self.cut_short, holes_ms, paused_ms, told }
    }
}
