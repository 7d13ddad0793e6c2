//! Recordings cut at every place, changed in every way, and those of others.

use super::*;
use crate::{recording_file::RecordingFile, wav};
use waihu_audio::frame::to_i16;

/// 9 ms, told of whole.
fn recording(path: &Path, rate_hz: u32, pairs: usize) -> Vec<i16> {
    let samples: Vec<i16> = (1..=2 * pairs as i16).collect();
    let mut file = RecordingFile::create(path, rate_hz).unwrap();
    file.add(0, &samples, &mut Vec::new()).unwrap();
    file.tell_lengths().unwrap();
    samples
}

fn sound(path: &Path) -> (u32, Vec<i16>) {
    let pcm = wav::read(path).unwrap();
    let [left, right] = [0, 1].map(|side| to_i16(&pcm.channels[side]));
    (pcm.rate, left.into_iter().zip(right).flat_map(|(l, r)| [l, r]).collect())
}

#[test]
fn cut_at_every_byte_it_is_whole_again_or_holds_no_sound() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    for rate_hz in [8_000, 16_000] {
        let samples = recording(&path, rate_hz, 72);
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 44 + 288);
        for size in 0..bytes.len() {
            fs::write(&path, &bytes[..size]).unwrap();
            let repaired = repair(&path).unwrap();
            let (pairs, tail) = (size.saturating_sub(44) / 4, size.saturating_sub(44) % 4);
            if pairs == 0 {
                assert_eq!((repaired, fs::read(&path).unwrap()), (Repaired::NoSound, bytes[..size].to_vec()));
                continue;
            }
            let duration_ms = pairs as u64 * 1_000 / u64::from(rate_hz);
            assert_eq!(repaired, Repaired::Mended { duration_ms, cut_bytes: tail as u8 }, "{size}");
            assert_eq!(sound(&path), (rate_hz, samples[..2 * pairs].to_vec()));
            assert_eq!(fs::metadata(&path).unwrap().len(), 44 + 4 * pairs as u64);
            assert_eq!(u64::from(hound::WavReader::open(&path).unwrap().duration()), pairs as u64);
            assert_eq!(repair(&path).unwrap(), Repaired::Whole { duration_ms }, "once is enough");
        }
    }
}

#[test]
fn lengths_that_lag_or_lead_are_set_right_and_no_sound_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    let samples = recording(&path, 8_000, 72);
    let bytes = fs::read(&path).unwrap();
    for (riff, told) in [(36, 0), (36, 288), (100, 64), (u32::MAX, u32::MAX), (324, 284), (0, 0), (324, 0)] {
        let mut wrong = bytes.clone();
        wrong[4..8].copy_from_slice(&u32::to_le_bytes(riff));
        wrong[40..44].copy_from_slice(&u32::to_le_bytes(told));
        fs::write(&path, &wrong).unwrap();
        let repaired = repair(&path).unwrap();
        if (riff, told) == (324, 0) {
            // As long as the first length tells, and with something behind the sound: not our doing.
            assert_eq!((repaired, fs::read(&path).unwrap()), (Repaired::Foreign, wrong));
            continue;
        }
        assert_eq!(repaired, Repaired::Mended { duration_ms: 9, cut_bytes: 0 });
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert_eq!(sound(&path), (8_000, samples.clone()));
    }
}

#[test]
fn what_is_not_ours_or_no_longer_known_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    recording(&path, 8_000, 72);
    let ours = fs::read(&path).unwrap();
    let with_tags = {
        let mut b = [&ours[..], b"LIST\x04\0\0\0INFO"].concat();
        b[4..8].copy_from_slice(&(ours.len() as u32 + 12 - 8).to_le_bytes());
        b
    };
    let mono = {
        wav::write_mono(&path, 8_000, &[1; 300]).unwrap();
        // Of which a part was lost.
        fs::read(&path).unwrap()[..500].to_vec()
    };
    let mut zeroed = ours.clone();
    zeroed[..44].fill(0);
    for (bytes, want) in [
        (with_tags, Repaired::Foreign),
        (mono, Repaired::Foreign),
        (b"ID3\x04 and so on".to_vec(), Repaired::Foreign),
        ([&[0x5A; 44], &ours[44..]].concat(), Repaired::Foreign),
        (zeroed, Repaired::HeaderLost),
        (vec![0; 20], Repaired::HeaderLost),
    ] {
        fs::write(&path, &bytes).unwrap();
        assert_eq!((repair(&path).unwrap(), fs::read(&path).unwrap()), (want, bytes));
    }
    assert_eq!(repair(&folder.path().join("none.wav")).unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_recording_that_goes_on_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    let mut file = RecordingFile::create(&path, 8_000).unwrap();
    file.add(0, &[1; 320], &mut Vec::new()).unwrap();
    let before = fs::read(&path).unwrap();
    assert_eq!((repair(&path).unwrap(), fs::read(&path).unwrap()), (Repaired::InUse, before));
    drop(file);
    assert_eq!(repair(&path).unwrap(), Repaired::Mended { duration_ms: 20, cut_bytes: 0 });
}

#[test]
fn a_sweep_mends_what_can_be_and_names_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    recording(&at("whole.wav"), 8_000, 72);
    let ours = fs::read(at("whole.wav")).unwrap();
    fs::write(at("cut.wav"), &ours[..101]).unwrap();
    fs::write(at("begun.wav"), &ours[..30]).unwrap();
    fs::write(at("lost.wav"), [0; 99]).unwrap();
    fs::write(at("other.wav"), "a text").unwrap();
    fs::write(at("words.jsonl"), &ours[..101]).unwrap();
    fs::create_dir(at("folder.wav")).unwrap();
    let going_on = RecordingFile::create(&at("held.wav"), 8_000).unwrap();

    let swept = repair_left(folder.path()).unwrap();
    assert_eq!((swept.whole, swept.foreign, swept.in_use, swept.is_partial), (1, 1, 1, false));
    assert_eq!(swept.mended, [at("cut.wav")]);
    assert_eq!(swept.no_sound, [at("begun.wav")]);
    assert_eq!(swept.header_lost, [at("lost.wav")]);
    assert!(swept.failed.is_empty());
    assert_eq!(fs::read(at("words.jsonl")).unwrap().len(), 101);
    assert_eq!(sound(&at("cut.wav")).1.len(), 28);
    drop(going_on);

    assert!(sweep(folder.path(), 5).unwrap().is_partial);
    assert!(!sweep(folder.path(), 6).unwrap().is_partial);
    assert_eq!(repair_left(&at("nowhere")).unwrap().whole, 0);
}
