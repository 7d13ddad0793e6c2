//! What a process that died left of a recording and a transcript.

use std::{fs, io, path::Path};

use crate::{
    Recording, Transcript,
    repair::{Repaired, repair, told_ms},
    seal::hash,
};

/// The recording of a process that died, made good where it was left unfinished; none where there is no
/// file, or no sound in it (then the file is removed: it tells nothing).
///
/// # Errors
/// When the file cannot be read.
pub fn recording_left(path: &Path) -> io::Result<Option<Recording>> {
    let repaired = match repair(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        // What cannot be mended can be listened to all the same.
        Err(e) if matches!(e.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => {
            Repaired::Whole { duration_ms: told_ms(path)? }
        }
        repaired => repaired?,
    };
    let died = "the process that wrote it had died";
    let (duration_ms, why) = match repaired {
        Repaired::NoSound | Repaired::Whole { duration_ms: 0 } | Repaired::Mended { duration_ms: 0, .. } => {
            fs::remove_file(path)?;
            return Ok(None);
        }
        Repaired::Whole { duration_ms } | Repaired::Mended { duration_ms, .. } => (duration_ms, died),
        Repaired::InUse => match told_ms(path)? {
            0 => return Ok(None),
            ms => (ms, "it was still being written"),
        },
        Repaired::HeaderLost => (0, "the process that wrote it had died, and the disk has lost its header"),
        Repaired::Foreign => (foreign_ms(path), "its header is not the recorder's; it was left as it is"),
    };
    Ok(Some(Recording {
        path: path.display().to_string(),
        sha256: hash(path)?,
        duration_ms,
        cut_short: Some(why.to_owned()),
        holes_ms: 0,
        paused_ms: 0,
    }))
}

/// As long as another program's header tells.
fn foreign_ms(path: &Path) -> u64 {
    let ms =
        |w: &hound::WavReader<_>| u64::from(w.duration()) * 1_000 / u64::from(w.spec().sample_rate.max(1));
    hound::WavReader::open(path).as_ref().map_or(0, ms)
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

    use super::*;
    use crate::recording_file::RecordingFile;

    #[test]
    fn what_was_on_the_disk_is_found_with_its_length_and_hash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        assert_eq!(recording_left(&path).unwrap(), None);
        for (rate_hz, ms) in [(8_000, 1_500), (16_000, 750)] {
            let mut file = RecordingFile::create(&path, rate_hz).unwrap();
            for _ in 0..3 {
                // Half a second of the telephone's. The lengths tell of two at most.
                file.add(0, &[7; 8_000], &mut Vec::new()).unwrap();
            }
            drop(file);
            let left = recording_left(&path).unwrap().unwrap();
            assert_eq!((left.duration_ms, left.cut_short.is_some()), (ms, true));
            assert_eq!(left.sha256, hex::encode(Sha256::digest(fs::read(&path).unwrap())));
        }
        // After a power cut the disk may hold less than the header says.
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(44 + 323).unwrap();
        assert_eq!(recording_left(&path).unwrap().unwrap().duration_ms, 5);
        assert_eq!(fs::metadata(&path).unwrap().len(), 44 + 320);
    }

    #[test]
    fn a_recording_without_sound_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        for make in [|p: &Path| drop(RecordingFile::create(p, 8_000)), |p: &Path| fs::write(p, "").unwrap()] {
            make(&path);
            assert_eq!(recording_left(&path).unwrap(), None);
            assert!(!path.exists());
        }
    }

    #[test]
    fn what_goes_on_is_neither_removed_nor_taken_for_finished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let mut file = RecordingFile::create(&path, 8_000).unwrap();
        assert_eq!(recording_left(&path).unwrap(), None);
        assert!(path.exists());
        file.add(0, &[7; 16_000], &mut Vec::new()).unwrap();
        let left = recording_left(&path).unwrap().unwrap();
        assert_eq!(
            (left.duration_ms, left.cut_short.as_deref()),
            (1_000, Some("it was still being written"))
        );
    }

    #[test]
    fn what_may_hold_sound_is_kept_though_nothing_is_known_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        fs::write(&path, [0; 400]).unwrap();
        let lost = recording_left(&path).unwrap().unwrap();
        assert!(lost.duration_ms == 0 && lost.cut_short.is_some_and(|c| c.contains("lost its header")));
        crate::wav::write_mono(&path, 8_000, &[1; 8_000]).unwrap();
        assert_eq!(recording_left(&path).unwrap().unwrap().duration_ms, 1_000);
        fs::write(&path, "no sound at all").unwrap();
        assert_eq!(recording_left(&path).unwrap().unwrap().duration_ms, 0);
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
