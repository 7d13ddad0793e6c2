//! The words of a call: one JSON object a line, in the file as soon as it is written.

use std::{
    fmt,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use waihu_types::{Intent, Transcript};

use crate::file;

/// Who said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The person called.
    Callee,
    /// The machine.
    Bot,
    /// The person who took over.
    Agent,
    /// Nobody: what happened ("the callee hung up").
    System,
}

/// One utterance, or one thing that happened.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TranscriptLine {
    /// When it began, from the beginning of the recording [ms].
    pub at_ms: u64,
    /// Who said it.
    pub speaker: Speaker,
    /// The words.
    pub text: String,
    /// What was understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// How sure the understanding is, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
    /// The amounts, days and numbers in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entities: Option<serde_json::Value>,
}

impl fmt::Debug for TranscriptLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The words and what is in them are personal.
        write!(f, "TranscriptLine({} ms, {:?})", self.at_ms, self.speaker)
    }
}

/// Writes one transcript.
#[derive(Debug)]
pub struct TranscriptWriter {
    path: PathBuf,
    file: File,
    /// Of the whole lines in the file.
    length: u64,
    hash: Sha256,
}

impl TranscriptWriter {
    /// Begins a new file, in a folder that is made where it is missing. A file of that name is
    /// overwritten.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let file = file::create(&path)?;
        Ok(Self { path, file, length: 0, hash: Sha256::new() })
    }

    /// Where it is written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line. A line that does not fit on the disk leaves no trace in the file, and the next
    /// may be tried.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn line(&mut self, line: &TranscriptLine) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        if let Err(e) = self.file.write_all(&bytes) {
            // Half a line would make the whole file unreadable for a strict reader.
            let _ = self.file.set_len(self.length);
            let _ = io::Seek::seek(&mut self.file, io::SeekFrom::Start(self.length));
            return Err(e);
        }
        self.length += bytes.len() as u64;
        self.hash.update(&bytes);
        Ok(())
    }

    /// Ends the file, and waits until it is on the disk: an outcome that names it must not outlive
    /// it, even where the power is cut.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn finish(self) -> io::Result<Transcript> {
        self.file.sync_data()?;
        Ok(Transcript { path: self.path.display().to_string(), sha256: hex::encode(self.hash.finalize()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> TranscriptLine {
        TranscriptLine {
            at_ms: 1_240,
            speaker: Speaker::Callee,
            text: text.into(),
            intent: Some(Intent::PromiseToPay),
            confidence: Some(0.75),
            entities: Some(serde_json::json!({"date": "2026-11-27"})),
        }
    }

    #[test]
    fn each_line_is_in_the_file_at_once_and_the_hash_is_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calls/1.jsonl");
        let mut w = TranscriptWriter::create(&path).unwrap();
        w.line(&line("我周五还")).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "{\"at_ms\":1240,\"speaker\":\"callee\",\"text\":\"我周五还\",\"intent\":\"promise_to_pay\",\
             \"confidence\":0.75,\"entities\":{\"date\":\"2026-11-27\"}}\n"
        );
        assert_eq!(serde_json::from_str::<TranscriptLine>(&text).unwrap(), line("我周五还"));
        w.line(&line("two\nlines")).unwrap();
        let done = w.finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.iter().filter(|b| **b == b'\n').count(), 2);
        assert_eq!(done.sha256, hex::encode(Sha256::digest(&bytes)));
        assert_eq!(done.path, path.display().to_string());
    }

    #[test]
    fn a_full_disk_is_told() {
        let mut w = TranscriptWriter::create("/dev/full").unwrap();
        assert_eq!(w.line(&line("x")).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(TranscriptWriter::create("/proc/no/t.jsonl").is_err());
    }

    #[test]
    fn the_words_are_not_in_a_debug_print() {
        assert_eq!(format!("{:?}", line("secret")), "TranscriptLine(1240 ms, Callee)");
    }
}
