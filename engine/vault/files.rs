//! The names that a file has, plain and sealed, and what is there of it.

use std::{
    fs::{self, File},
    io::{self, BufReader},
    path::{Path, PathBuf},
};

use crate::{
    Note, VaultError,
    age::{Header, HeaderFault},
};

/// What stands behind a sealed file's name.
pub(crate) const SEALED: &str = ".age";
/// What stands behind the name of one that is being made.
pub(crate) const PART: &str = ".age.part";
/// The tag of the line that says what is in the file.
pub(crate) const NOTE: &str = "waihu";

/// What is there of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is plain.
    Plain,
    /// It is sealed.
    Sealed(Note),
    /// It is not here.
    Missing,
}

pub(crate) fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// The name of a file once it is sealed.
pub fn sealed_name(path: &Path) -> PathBuf {
    with(path, SEALED)
}

/// What is there of a file, by its plain name. No key is needed.
///
/// # Errors
/// When it cannot be read, or what lies there is no sealed file.
pub fn standing(path: &Path) -> Result<Standing, VaultError> {
    if fs::exists(path).map_err(|e| VaultError::io(path, e))? {
        return Ok(Standing::Plain);
    }
    let sealed = sealed_name(path);
    match File::open(&sealed) {
        Ok(file) => note(&sealed, file).map(Standing::Sealed),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Standing::Missing),
        Err(e) => Err(VaultError::io(&sealed, e)),
    }
}

/// Removes all that is there of a file, by its plain name; whether anything was.
///
/// # Errors
/// When it cannot be removed.
pub fn remove(path: &Path) -> Result<bool, VaultError> {
    let mut any = false;
    for path in [path.to_owned(), with(path, SEALED), with(path, PART)] {
        match fs::remove_file(&path) {
            Ok(()) => any = true,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(VaultError::io(&path, e)),
        }
    }
    Ok(any)
}

/// What a sealed file says of itself in the clear. Whoever opens it finds out whether that was altered.
pub(crate) fn note(path: &Path, file: File) -> Result<Note, VaultError> {
    let header = Header::read(&mut BufReader::new(file)).map_err(|fault| fault.at(path))?;
    Ok(noted(&header))
}

pub(crate) fn noted(header: &Header) -> Note {
    let mut words = header.stanzas.iter().filter_map(|stanza| stanza.words.split_first());
    words.find(|(tag, _)| *tag == NOTE).map(|(_, words)| Note::read(words)).unwrap_or_default()
}

impl HeaderFault {
    pub(crate) fn at(self, path: &Path) -> VaultError {
        let path = path.to_owned();
        match self {
            Self::Foreign => VaultError::Foreign { path },
            Self::NoKey => VaultError::NoKey { path, recipients: String::new() },
            Self::Altered => VaultError::Altered { path, from: 0 },
            Self::Io(source) => VaultError::Io { path, source },
        }
    }
}
