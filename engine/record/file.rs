//! How files with personal data come to be.

use std::{
    fs::{self, File, OpenOptions},
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
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
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
        let file = create(&path).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0);
    }
}
