//! A file of JSON lines: for tools that read files, and to try things out.

use std::{io, path::PathBuf};

use tokio::{
    fs::{File, OpenOptions},
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
};
use waihu_store::Event;

use crate::{FileTarget, event, retry::Untaken, way::Report};

/// A step back in search of the last whole line [bytes].
const STEP: u64 = 64 * 1024;

pub(crate) struct FileWay {
    path: PathBuf,
    file: Option<File>,
}

impl FileWay {
    pub(crate) fn new(target: &FileTarget) -> Self {
        Self { path: target.path.clone(), file: None }
    }

    /// All of them or none, as far as is known: they are on the disk when this returns.
    pub(crate) async fn deliver(&mut self, events: &[&Event]) -> Report {
        match self.append(events).await {
            Ok(()) => Report { taken: (0..events.len()).collect(), untaken: Vec::new() },
            Err(e) => {
                // Where it was torn is looked for when it is opened again.
                self.file = None;
                Report::none(Untaken::later(format!("{}: {e}", self.path.display())))
            }
        }
    }

    async fn append(&mut self, events: &[&Event]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(open(&self.path).await?),
        };
        let mut lines = Vec::new();
        for event in events {
            lines.extend(event::body(event));
            lines.push(b'\n');
        }
        file.write_all(&lines).await?;
        file.flush().await?;
        file.sync_data().await
    }
}

/// Opens it at its end; a last line that was torn is cut off, since its event comes again.
async fn open(path: &PathBuf) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).read(true).write(true).truncate(false);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(path).await?;
    let mut end = file.metadata().await?.len();
    let whole = loop {
        let from = end.saturating_sub(STEP);
        let mut piece = vec![0; usize::try_from(end - from).unwrap_or(0)];
        file.seek(io::SeekFrom::Start(from)).await?;
        file.read_exact(&mut piece).await?;
        match piece.iter().rposition(|b| *b == b'\n') {
            Some(at) => break from + at as u64 + 1,
            None if from == 0 => break 0,
            None => end = from,
        }
    };
    file.set_len(whole).await?;
    file.seek(io::SeekFrom::Start(whole)).await?;
    Ok(file)
}
