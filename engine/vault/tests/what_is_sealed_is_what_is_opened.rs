//! Files are sealed and opened: whole, in parts, by who has the key alone, and not at all where a byte was changed.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use waihu_vault::{Note, Standing, Vault, VaultError, new_key, remove, sealed_name, standing};

/// Three pieces and a bit, none like another.
fn sound(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn vault() -> (Vault, String) {
    let (key, recipient) = new_key().unwrap();
    (Vault::new(&[], Some(("test", &key))).unwrap(), recipient)
}

fn file(folder: &Path, content: &[u8]) -> PathBuf {
    let path = folder.join("a.wav");
    fs::write(&path, content).unwrap();
    path
}

fn all(vault: &Vault, path: &Path) -> Vec<u8> {
    let mut out = Vec::new();
    vault.open(path).unwrap().read_to_end(&mut out).unwrap();
    out
}

/// What reading gives out before it fails, and the failure.
fn read_on(vault: &Vault, path: &Path) -> (Vec<u8>, String) {
    let mut opened = match vault.open(path) {
        Ok(opened) => opened,
        Err(e) => return (Vec::new(), e.to_string()),
    };
    let mut out = Vec::new();
    let told = opened.read_to_end(&mut out).err().map_or(String::new(), |e| e.to_string());
    (out, told)
}

#[test]
fn what_comes_out_is_what_went_in_whatever_its_length() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, recipient) = vault();
    for length in [0, 1, 65_535, 65_536, 65_537, 200_000] {
        let content = sound(length);
        let path = file(folder.path(), &content);
        vault.seal(&path, Note { duration_ms: Some(7), ..Note::default() }).unwrap();
        assert!(!path.exists());
        assert_eq!(all(&vault, &path), content, "{length}");
        let Standing::Sealed(note) = standing(&path).unwrap() else { panic!() };
        assert_eq!((note.duration_ms, &note.recipients), (Some(7), &vec![recipient.clone()]));
        assert_eq!(note.sha256, vault.open(&path).unwrap().hash().unwrap());
        assert_eq!(vault.open(&path).unwrap().length(), length as u64);
    }
}

#[test]
fn parts_are_read_from_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, _) = vault();
    let content = sound(200_000);
    let path = file(folder.path(), &content);
    let mut plain = Vault::none().open(&path).unwrap();
    fs::copy(&path, folder.path().join("b.wav")).unwrap();
    let sealed = folder.path().join("b.wav");
    vault.seal(&sealed, Note::default()).unwrap();
    let mut opened = vault.open(&sealed).unwrap();
    for at in [0, 1, 65_535, 65_536, 70_000, 131_072, 199_999, 3, 200_000, 999_999, 65_000] {
        let mut parts = [vec![0; 1_000], vec![0; 1_000]];
        let mut read = [0, 0];
        for (n, from) in [&mut plain, &mut opened].into_iter().enumerate() {
            from.seek(SeekFrom::Start(at)).unwrap();
            while let more @ 1.. = from.read(&mut parts[n][read[n]..]).unwrap() {
                read[n] += more;
            }
        }
        assert_eq!((read[0], &parts[0]), (read[1], &parts[1]), "{at}");
    }
    assert!(opened.seek(SeekFrom::Current(-999_999)).is_err());
}

#[test]
fn nothing_is_given_out_from_the_piece_on_that_was_altered() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, _) = vault();
    let content = sound(200_000);
    let path = file(folder.path(), &content);
    vault.seal(&path, Note::default()).unwrap();
    let sealed = sealed_name(&path);
    let whole = fs::read(&sealed).unwrap();
    let begins = whole.len() - 200_000 - 4 * 16;
    // A byte in each piece, in the note, in the recipient's line and in the header's end.
    let line = whole.windows(5).position(|w| w == b"ms=7\n").unwrap_or(60);
    for (at, good) in [
        (begins + 5, 0),
        (begins + 65_552 + 5, 65_536),
        (begins + 2 * 65_552 + 5, 131_072),
        (whole.len() - 1, 0),
        (line, 0),
        (begins - 20, 0),
        (25, 0),
    ] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&sealed, &bytes).unwrap();
        let (given, told) = read_on(&vault, &path);
        assert!(given.len() <= good && given == content[..given.len()], "{at}: {} bytes", given.len());
        assert!(told.contains("altered") && told.contains("被改动"), "{at}: {told}");
        if good > 0 {
            assert!(told.contains(&format!("byte {good} ")), "{told}");
        }
    }
    // Cut off anywhere, it is known before a byte is given out.
    for length in [0, 30, 200, begins, begins + 1, begins + 16, begins + 65_552, whole.len() - 1] {
        fs::write(&sealed, &whole[..length]).unwrap();
        let (given, told) = read_on(&vault, &path);
        assert!(given.is_empty() && !told.is_empty(), "{length}: {} {told}", given.len());
    }
}

#[test]
fn who_has_another_key_or_none_is_told_which_one_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, recipient) = vault();
    let (other, _) = self::vault();
    let path = file(folder.path(), b"sound");
    vault.seal(&path, Note::default()).unwrap();
    // A node that only dials: it seals, and opens nothing.
    let dials = Vault::new(std::slice::from_ref(&recipient), None).unwrap();
    for closed in [&other, &dials, &Vault::none()] {
        let told = closed.open(&path).unwrap_err();
        assert!(matches!(told, VaultError::NoKey { .. }) && told.to_string().contains(&recipient), "{told}");
    }
    let second = folder.path().join("b.wav");
    fs::write(&second, "of the node").unwrap();
    dials.seal(&second, Note::default()).unwrap();
    assert_eq!(all(&vault, &second), b"of the node");
    assert!(matches!(vault.open(&folder.path().join("c.wav")), Err(VaultError::Missing { .. })));
}

#[test]
fn a_new_key_takes_new_files_and_the_old_ones_over() {
    let folder = tempfile::tempdir().unwrap();
    let (old_key, old) = new_key().unwrap();
    let (key, recipient) = new_key().unwrap();
    let path = file(folder.path(), b"sound");
    let sealed = folder.path().join("old.wav");
    fs::write(&sealed, "older sound").unwrap();
    Vault::new(&[old], None)
        .unwrap()
        .seal(&sealed, Note { duration_ms: Some(3), ..Note::default() })
        .unwrap();
    let both = Vault::new(&[], Some(("test", &format!("# new\n{key}\n\n# old\n{old_key}")))).unwrap();
    assert_eq!(both.recipients(), std::slice::from_ref(&recipient));
    assert!(both.renew(&path).unwrap() && both.renew(&sealed).unwrap());
    assert!(
        !both.renew(&path).unwrap() && !both.renew(&sealed).unwrap(),
        "the second time there is nothing to do"
    );
    let new_alone = Vault::new(&[], Some(("test", &key))).unwrap();
    assert_eq!(all(&new_alone, &path), b"sound");
    assert_eq!(all(&new_alone, &sealed), b"older sound");
    let Standing::Sealed(note) = standing(&sealed).unwrap() else { panic!() };
    assert_eq!((note.duration_ms, note.recipients), (Some(3), vec![recipient]));
}

#[test]
fn a_crash_while_sealing_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, _) = vault();
    let path = file(folder.path(), b"sound");
    // Before the sealed file had its name, and after that before the plain one was gone.
    fs::write(folder.path().join("a.wav.age.part"), "half").unwrap();
    fs::write(sealed_name(&path), "of an earlier try").unwrap();
    assert_eq!(standing(&path).unwrap(), Standing::Plain);
    assert_eq!(all(&vault, &path), b"sound");
    vault.seal(&path, Note::default()).unwrap();
    assert_eq!(all(&vault, &path), b"sound");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(remove(&path).unwrap() && !remove(&path).unwrap());
    assert_eq!(standing(&path).unwrap(), Standing::Missing);
    fs::write(sealed_name(&path), "no sealed file").unwrap();
    assert!(matches!(vault.open(&path), Err(VaultError::Foreign { .. })));
}

#[test]
fn without_a_vault_files_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), b"sound");
    let none = Vault::none();
    none.seal(&path, Note::default()).unwrap();
    assert!(!none.renew(&path).unwrap());
    assert_eq!((all(&none, &path), standing(&path).unwrap()), (b"sound".to_vec(), Standing::Plain));
    assert!(Vault::new(&["age1nobody".into()], None).is_err());
    let told = Vault::new(&[], Some(("file k", "AGE-SECRET-KEY-1WRONG"))).unwrap_err().to_string();
    assert!(told.contains("file k") && !told.contains("WRONG"), "{told}");
}

#[test]
fn a_key_that_was_wrapped_is_opened_by_whoever_opens_files() {
    let (own, recipient) = vault();
    let (other, _) = vault();
    let place = Path::new("the database");
    let wrapped = own.wrap_key(b"thirty-two bytes, or some others").unwrap();
    assert!(!wrapped.contains("thirty"));
    assert_eq!(own.unwrap_key(place, &wrapped).unwrap(), b"thirty-two bytes, or some others");
    assert_ne!(own.wrap_key(b"thirty-two bytes, or some others").unwrap(), wrapped);
    let told = other.unwrap_key(place, &wrapped).unwrap_err();
    assert!(matches!(told, VaultError::NoKey { .. }));
    assert!(told.to_string().contains("the database") && told.to_string().contains(&recipient), "{told}");
    // Who only seals wraps, and opens nothing.
    let sealer = Vault::new(&[recipient], None).unwrap();
    let theirs = sealer.wrap_key(b"a key").unwrap();
    assert_eq!(own.unwrap_key(place, &theirs).unwrap(), b"a key");
    assert!(matches!(sealer.unwrap_key(place, &theirs), Err(VaultError::NoKey { .. })));
    let cut = &wrapped[..wrapped.len() - 8];
    assert!(matches!(own.unwrap_key(place, cut), Err(VaultError::Altered { .. })));
    assert!(matches!(own.unwrap_key(place, "no base64?"), Err(VaultError::Foreign { .. })));
}
