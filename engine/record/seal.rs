//! The end of a recording: on the disk, and hashed.

use std::{fs::File, io, path::Path, path::PathBuf};

use crossbeam_channel::{Receiver, Sender};
use sha2::{Digest, Sha256};
use waihu_types::Recording;

use crate::recording_file::RecordingFile;

/// Threads that seal. They wait for the disk most of the time, and a file system brings what several wait
/// for to the disk in one go.
const SEALERS: usize = 4;

/// Starts the threads. They end when nothing can come any more.
///
/// # Errors
/// When the system gives no thread.
pub(crate) fn spawn(ended: &Receiver<Ended>) -> io::Result<()> {
    for _ in 0..SEALERS {
        let ended = ended.clone();
        let seal = move || ended.into_iter().for_each(Ended::seal);
        std::thread::Builder::new().name("recorder-seal".to_owned()).spawn(seal)?;
    }
    Ok(())
}

/// A recording to which nothing is added any more.
pub(crate) struct Ended {
    pub(crate) path: PathBuf,
    pub(crate) file: Option<RecordingFile>,
    pub(crate) cut_short: Option<String>,
    pub(crate) holes_ms: u64,
    pub(crate) paused_ms: u64,
    pub(crate) told: Option<Sender<Recording>>,
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
            let (cut_short, holes_ms, paused_ms) = (self.cut_short, self.holes_ms, self.paused_ms);
            // Nobody may be waiting for it any more; the file is there all the same.
            let _ = told.send(Recording { path, sha256, duration_ms, cut_short, holes_ms, paused_ms });
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

pub(crate) fn in_words(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        io::ErrorKind::QuotaExceeded => "the disk quota is used up".to_owned(),
        io::ErrorKind::FileTooLarge => "the file is as long as a WAV can be".to_owned(),
        io::ErrorKind::PermissionDenied => "the folder may not be written to".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "the disk is read-only".to_owned(),
        io::ErrorKind::ResourceBusy => "something else is being recorded there".to_owned(),
        io::ErrorKind::NotFound => "it is no longer there".to_owned(),
        _ => e.to_string(),
    }
}
