//! What a process that died left of a recording and a transcript.

use std::{fs, io, path::Path};

use crate::{Recording, Transcript, recorder::hash, recording_file::sound_ms};

/// The recording of a process that died; none where there is no file, or not a frame in it (then the
/// file is removed: it tells nothing).
///
/// # Errors
/// When the file cannot be read.
pub fn recording_left(path: &Path) -> io::Result<Option<Recording>> {
    let duration_ms = match sound_ms(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        ms => ms?,
    };
    if duration_ms == 0 {
        fs::remove_file(path)?;
        return Ok(None);
    }
    Ok(Some(Recording {
        path: path.display().to_string(),
        sha256: hash(path)?,
        duration_ms,
        cut_short: Some("the process that wrote it had died".to_owned()),
        holes_ms: 0,
    }))
}

/// The transcript of a process that died; none where there is no file.
///
/// # Errors
/// When the file cannot be read.
pub fn transcript_left(path: &Path) -> io::Result<Option<Transcript>> {
    match hash(path) {
        Ok(sha256) => Ok(Some(Transcript { path: path.display().to_string(), sha256 })),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};
    use waihu_audio::StereoFrame;

    use super::*;
    use crate::recording_file::RecordingFile;

    #[test]
    fn what_was_on_the_disk_is_found_with_its_length_and_hash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        assert_eq!(recording_left(&path).unwrap(), None);
        let mut file = RecordingFile::create(&path).unwrap();
        // 1.1 s, of which the dead process had written one.
        for _ in 0..55 {
            file.add(&StereoFrame { left: [7; 160], right: [-7; 160] }).unwrap();
        }
        let left = recording_left(&path).unwrap().unwrap();
        assert_eq!((left.duration_ms, left.cut_short.is_some()), (1_000, true));
        assert_eq!(left.sha256, hex::encode(Sha256::digest(fs::read(&path).unwrap())));
        // After a power cut the disk may hold less than the header says.
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(44 + 320).unwrap();
        assert_eq!(recording_left(&path).unwrap().unwrap().duration_ms, 10);
    }

    #[test]
    fn a_recording_without_a_frame_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        for make in [|p: &Path| drop(RecordingFile::create(p)), |p: &Path| fs::write(p, "").unwrap()] {
            make(&path);
            assert_eq!(recording_left(&path).unwrap(), None);
            assert!(!path.exists());
        }
    }

    #[test]
    fn a_transcript_is_found_with_its_hash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        assert_eq!(transcript_left(&path).unwrap(), None);
        fs::write(&path, "{}\n").unwrap();
        let left = transcript_left(&path).unwrap().unwrap();
        assert_eq!(left.sha256, hex::encode(Sha256::digest("{}\n")));
    }
}
