//! What is kept of calls proves itself, and goes when its time is over.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read, Write},
    path::Path,
    sync::Arc,
};

use common::{archive, at, hash, key};
use waihu_compliance::Retention;
use waihu_keeping::{Archive, FileState, KeepError, Kept, Mode, SignatureState, handed_out, scratch, verify};
use waihu_store::{HoldOn, NewJudgement, NewReview, StoreError, TurnTaken, spool_file, spool_part};
use waihu_vault::{Note, Standing, Vault, sealed_name, standing};

const SOUND: &[u8] = b"RIFF and so on: a sound";
const WORDS: &str = "{\"at_ms\":900,\"speaker\":\"callee\",\"text\":\"<b>我周五还</b>\"}\n";

/// A call that is over, with its files, plain as yet.
async fn a_call(archive: &Archive, id: &str) {
    common::a_call(archive, id, (SOUND, 1_000), WORDS).await;
}

async fn bundled(archive: &Archive, id: &str, path: &Path) -> Result<(), KeepError> {
    let _ = fs::remove_file(path);
    archive.bundle(&key(id), handed_out(path).unwrap(), "Li", at(1)).await.map(drop)
}

fn members(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut zip = zip::ZipArchive::new(File::open(path).unwrap()).unwrap();
    let mut members = BTreeMap::new();
    for n in 0..zip.len() {
        let mut file = zip.by_index(n).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        members.insert(file.name().unwrap().into_owned(), bytes);
    }
    members
}

fn written(path: &Path, members: &BTreeMap<String, Vec<u8>>) {
    let mut zip = zip::ZipWriter::new(File::create(path).unwrap());
    for (name, bytes) in members {
        zip.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

#[tokio::test]
async fn a_bundle_tells_of_every_byte_that_was_changed() {
    let (folder, archive) = archive().await;
    a_call(&archive, "one").await;
    let path = folder.path().join("one.zip");
    for sealed in [false, true] {
        if sealed {
            archive.vault.seal(&archive.recording(&key("one")), Note::default()).unwrap();
            archive.vault.seal(&archive.transcript(&key("one")), Note::default()).unwrap();
        }
        bundled(&archive, "one", &path).await.unwrap();
        let found = verify(&path).unwrap();
        assert!(found.holds(), "{:?}", found.files);
        let signer = archive.signer.as_ref().unwrap().public();
        assert_eq!(found.signature, SignatureState::Good { signer });
        let members = members(&path);
        assert_eq!(
            (members["recording.wav"].as_slice(), members["transcript.jsonl"].as_slice()),
            (SOUND, WORDS.as_bytes())
        );
        let page = String::from_utf8(members["index.html"].clone()).unwrap();
        assert!(
            page.contains("&lt;b&gt;我周五还")
                && page.contains("src=\"recording.wav\"")
                && !page.contains("http")
        );
        assert!(String::from_utf8_lossy(&members["decisions.json"]).contains("laboratory"));
        assert!(found.manifest.missing.iter().all(|missing| missing.name == "script/"));
    }
    let whole = members(&path);
    let state = |name: &str| {
        let found = verify(&path).unwrap();
        assert!(!found.holds());
        found.files.into_iter().find(|(n, _)| n == name).map(|(_, state)| state)
    };
    for name in whole.keys().filter(|name| !["manifest.json", "signature.json"].contains(&name.as_str())) {
        let mut other = whole.clone();
        other.get_mut(name).unwrap()[3] ^= 1;
        written(&path, &other);
        assert_eq!(state(name), Some(FileState::Altered), "{name}");
        other.remove(name);
        written(&path, &other);
        assert_eq!(state(name), Some(FileState::Gone), "{name}");
    }
    let mut other = whole.clone();
    other.insert("more.txt".into(), b"more".to_vec());
    written(&path, &other);
    assert_eq!(state("more.txt"), Some(FileState::Added));
    // A manifest that goes with the change has not our signature.
    let mut other = whole.clone();
    other.get_mut("recording.wav").unwrap()[3] ^= 1;
    let changed = hash(&other["recording.wav"]);
    let manifest = String::from_utf8(whole["manifest.json"].clone()).unwrap();
    other.insert("manifest.json".into(), manifest.replace(&hash(SOUND), &changed).into_bytes());
    written(&path, &other);
    assert_eq!(verify(&path).unwrap().signature, SignatureState::Bad);
    other.remove("signature.json");
    written(&path, &other);
    assert_eq!(verify(&path).unwrap().signature, SignatureState::Gone);
    for nonsense in [&b""[..], b"PK no zip", &fs::read(&path).unwrap()[..100]] {
        fs::write(&path, nonsense).unwrap();
        assert!(matches!(verify(&path), Err(KeepError::NotABundle { .. })));
    }
}

#[tokio::test]
async fn what_was_altered_before_or_is_gone_is_told() {
    let (folder, mut archive) = archive().await;
    a_call(&archive, "one").await;
    let path = folder.path().join("one.zip");
    // Plain, and another sound by now.
    fs::write(archive.recording(&key("one")), b"another sound").unwrap();
    archive.signer = None;
    bundled(&archive, "one", &path).await.unwrap();
    let found = verify(&path).unwrap();
    assert!(found.files.contains(&("recording.wav".into(), FileState::NotAsFiled)) && !found.holds());
    assert_eq!(found.signature, SignatureState::None);
    // Sealed, and a byte of the second piece is another one.
    let long = vec![7; 200_000];
    fs::write(archive.recording(&key("one")), &long).unwrap();
    archive.vault.seal(&archive.recording(&key("one")), Note::default()).unwrap();
    let sealed = sealed_name(&archive.recording(&key("one")));
    let mut bytes = fs::read(&sealed).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&sealed, bytes).unwrap();
    fs::remove_file(archive.transcript(&key("one"))).unwrap();
    bundled(&archive, "one", &path).await.unwrap();
    let found = verify(&path).unwrap();
    let missing: Vec<&str> = found.manifest.missing.iter().map(|missing| missing.name.as_str()).collect();
    assert_eq!(missing, ["recording.wav", "transcript.jsonl", "script/"]);
    assert!(found.manifest.missing[0].why.contains("altered"), "{:?}", found.manifest.missing);
    assert!(fs::metadata(&path).unwrap().len() < 20_000, "nothing of what was altered is in it");
    // Without the key nothing is handed out.
    archive.vault = Arc::new(Vault::none());
    assert!(matches!(bundled(&archive, "one", &path).await, Err(KeepError::Vault(_))));
    assert!(matches!(bundled(&archive, "two", &path).await, Err(KeepError::UnknownCall(_))));
    assert!(handed_out(&path).is_err(), "what is there is not written over");
    assert_eq!(scratch(folder.path()).unwrap().metadata().unwrap().len(), 0);
}

fn kept(retention: Retention) -> Kept {
    Kept::from([("laboratory".to_owned(), retention)])
}

#[tokio::test]
async fn files_go_when_their_days_are_over_and_no_hold_keeps_them() {
    let (_folder, archive) = archive().await;
    for id in ["one", "two"] {
        a_call(&archive, id).await;
    }
    // Of another store, or none: it is left alone.
    fs::write(archive.recordings.join("stranger.wav"), SOUND).unwrap();
    let days = kept(Retention { recordings: Some(10), transcripts: Some(20), ..Retention::default() });
    archive.store.place_hold(&HoldOn::Call(key("two")), "court", "Li", None, at(0)).await.unwrap();
    let look = archive.sweep_files(&days, at(11), Mode::Look).await.unwrap();
    assert_eq!((look.recordings, look.transcripts, look.held, look.sealed), (1, 0, 1, 0));
    assert_eq!(standing(&archive.recording(&key("one"))).unwrap(), Standing::Plain);
    // What is not gone is sealed.
    let early = archive.sweep_files(&days, at(9), Mode::Remove).await.unwrap();
    assert_eq!((early.recordings, early.sealed), (0, 4));
    let swept = archive.sweep_files(&days, at(11), Mode::Remove).await.unwrap();
    assert_eq!((swept.recordings, swept.transcripts, swept.sealed), (1, 0, 0));
    assert_eq!(standing(&archive.recording(&key("one"))).unwrap(), Standing::Missing);
    assert!(matches!(standing(&archive.recording(&key("two"))).unwrap(), Standing::Sealed(_)));
    assert!(archive.recordings.join("stranger.wav").exists());
    // Without its profile nothing goes, and that is told.
    let unknown = archive.sweep_files(&Kept::new(), at(999), Mode::Remove).await.unwrap();
    assert_eq!((unknown.transcripts, unknown.unknown_profiles.len()), (0, 1));
    let rows = kept(Retention { outcomes: Some(94), ..Retention::default() });
    assert_eq!(archive.sweep_rows(&rows, at(93), Mode::Remove).await.unwrap().outcomes, 0);
    assert_eq!(archive.sweep_rows(&rows, at(95), Mode::Look).await.unwrap().outcomes, 1, "the other is held");
    for gone in [1, 0] {
        assert_eq!(archive.sweep_rows(&rows, at(95), Mode::Remove).await.unwrap().outcomes, gone);
    }
}

#[tokio::test]
async fn a_person_gets_all_of_it_and_then_it_is_gone() {
    let (folder, archive) = archive().await;
    for id in ["one", "two"] {
        a_call(&archive, id).await;
    }
    let out = |name: &str| handed_out(&folder.path().join(name)).unwrap();
    let judged = NewJudgement {
        attempt: &key("one"),
        revision: 1,
        agent: None,
        distress: 0,
        person: true,
        score: Some(80),
        passed: false,
        critical: false,
        checks: &[("disclosure", "fail")],
        record: r#"{"why":"no word of who calls"}"#,
    };
    assert!(archive.store.keep_judgement(&judged, at(1)).await.unwrap());
    let drawn =
        NewReview { attempt: key("one"), form: "{}".into(), four_eyes: true, agents: vec!["li".into()] };
    assert!(archive.store.keep_draw("weekly", "2026-11-27", &[drawn], at(1)).await.unwrap());
    let turn = TurnTaken {
        stage: "first",
        person: "chen",
        record: r#"{"note":"as it was judged"}"#,
        next: Some("second"),
        score: Some(75),
        opinion: None,
    };
    assert!(archive.store.take_turn(1, &turn, at(1)).await.unwrap());
    // A case that names no debtor stands for its own.
    let one = "one".parse().unwrap();
    let given = archive.access(&one, out("one.zip"), "Li", at(1)).await.unwrap();
    assert_eq!(given.calls, 1);
    assert!(verify(&folder.path().join("one.zip")).unwrap().holds());
    let files = members(&folder.path().join("one.zip"));
    assert_eq!(files["calls/one/recording.wav"], SOUND);
    assert!(files.contains_key("cases.json") && files.contains_key("promises.json"));
    assert!(files.contains_key("who-looked.json"));
    for (file, told) in [("judgements.json", "no word of who calls"), ("reviews.json", "as it was judged")] {
        let text = String::from_utf8_lossy(&files[file]);
        assert!(text.contains(told) && text.contains("\"one\""), "{file}: {text}");
    }
    let hold = archive
        .store
        .place_hold(&HoldOn::Case("one".parse().unwrap()), "court", "Li", None, at(1))
        .await
        .unwrap();
    let erase = async || archive.erase(&one, ("a letter", "Li"), at(2)).await;
    assert!(matches!(erase().await, Err(KeepError::Store(StoreError::Held))));
    assert!(archive.recording(&key("one")).exists());
    archive.store.lift_hold(hold, "over", "Li", at(1)).await.unwrap();
    // What a process that died left of its spool, whole and half, goes with it.
    let spool = [spool_file, spool_part].map(|path| path(&archive.recordings, &key("one")));
    spool.iter().for_each(|path| fs::write(path, "{\"half").unwrap());
    assert_eq!(erase().await.unwrap(), (1, 1));
    assert_eq!(standing(&archive.recording(&key("one"))).unwrap(), Standing::Missing);
    assert!(spool.iter().all(|path| !path.exists()));
    // A file that another node had, or a crash left, goes as well.
    fs::write(archive.transcript(&key("one")), WORDS).unwrap();
    fs::write(&spool[1], "{\"half").unwrap();
    assert_eq!(archive.remove_erased(0).await.unwrap(), 1);
    assert!(!archive.transcript(&key("one")).exists() && !spool[1].exists());
    fs::write(archive.transcript(&key("one")), WORDS).unwrap();
    archive.sweep_files(&Kept::new(), at(2), Mode::Remove).await.unwrap();
    assert!(!archive.transcript(&key("one")).exists());
    assert_eq!(erase().await.unwrap(), (0, 1), "once more is no fault");
    assert!(matches!(archive.access(&one, out("no.zip"), "Li", at(3)).await, Err(KeepError::UnknownDebtor)));
    assert_ne!(standing(&archive.recording(&key("two"))).unwrap(), Standing::Missing, "another's stays");
}
