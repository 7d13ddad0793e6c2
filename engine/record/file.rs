//! How files with personal data come to be.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::Path,
};

/// Creates a file, or empties the one that is there, in a folder that is made where it is missing.
/// A new file can be read by nobody but the engine's own user: voices and words are personal.
///
/// # Errors
/// What the system says.
pub fn create(path: &Path) -> io::Result<File> {
    make_folder_of(path)?;
    private().truncate(true).open(path)
}

/// As [`create`], and holds the file, so that no repair takes it for a dead process's.
///
/// # Errors
/// [`io::ErrorKind::ResourceBusy`] when someone else holds it, and what the system says.
pub(crate) fn create_held(path: &Path) -> io::Result<File> {
    make_folder_of(path)?;
    let file = private().open(path)?;
    hold(&file)?;
    if file.metadata()?.len() > 0 {
        file.set_len(0)?;
    }
    Ok(file)
}

/// Holds an open file until it is closed, be it by a `kill -9`.
///
/// # Errors
/// [`io::ErrorKind::ResourceBusy`] when someone else holds it.
pub(crate) fn hold(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::ResourceBusy.into()),
        // Some network disks know no locks: better unheld than unrecorded.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

pub(crate) fn make_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => fs::create_dir_all(folder),
        _ => Ok(()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn nobody_else_reads_what_was_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("day/a.wav");
        for file in [create(&path).unwrap(), create_held(&path.with_extension("b")).unwrap()] {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0);
        }
    }

    #[test]
    fn a_held_file_is_held_until_it_is_closed_and_then_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let held = create_held(&path).unwrap();
        fs::write(&path, "sound").unwrap();
        assert_eq!(create_held(&path).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        assert_eq!(fs::read(&path).unwrap(), b"sound");
        drop(held);
        create_held(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
    }
}
