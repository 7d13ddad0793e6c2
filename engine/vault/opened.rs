//! Reading: the one way to what is in a kept file, plain or sealed.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use crate::{
    Vault, VaultError,
    age::{AlteredAt, Header, HeaderFault, Unsealed},
    files::{noted, sealed_name},
    seal::hash,
};

/// What is in a kept file. A piece that is not what was sealed is never given out: reading fails there, with a
/// [`VaultError::Altered`] inside an [`io::Error`] of kind `InvalidData`.
pub struct Opened {
    from: From,
    path: PathBuf,
    at: u64,
    length: u64,
}

enum From {
    Plain(File),
    Sealed(Box<Unsealed<BufReader<File>>>),
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opened({} of {} bytes)", self.at, self.length)
    }
}

impl Vault {
    /// Opens a file by its plain name, whether it is plain or sealed.
    ///
    /// # Errors
    /// When it is not there, no key that is here opens it, or its beginning or end was altered.
    pub fn open(&self, path: &Path) -> Result<Opened, VaultError> {
        match File::open(path) {
            Ok(file) => {
                let length = file.metadata().map_err(|e| VaultError::io(path, e))?.len();
                return Ok(Opened { from: From::Plain(file), path: path.to_owned(), at: 0, length });
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(VaultError::io(path, e)),
        }
        let sealed = sealed_name(path);
        let file = File::open(&sealed).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => VaultError::Missing { path: path.to_owned() },
            _ => VaultError::io(&sealed, e),
        })?;
        self.unseal(&sealed, file)
    }

    /// Opens a sealed file under whatever name it has: one that was copied elsewhere.
    ///
    /// # Errors
    /// As [`Vault::open`], and when it is no sealed file.
    pub fn open_sealed(&self, path: &Path) -> Result<Opened, VaultError> {
        self.unseal(path, File::open(path).map_err(|e| VaultError::io(path, e))?)
    }

    fn unseal(&self, path: &Path, file: File) -> Result<Opened, VaultError> {
        let opened = self.unsealed(path, BufReader::new(file))?;
        let length = opened.length();
        Ok(Opened { from: From::Sealed(Box::new(opened)), path: path.to_owned(), at: 0, length })
    }

    /// What is sealed in `from`, which `path` names.
    pub(crate) fn unsealed<R: BufRead + Seek>(
        &self,
        path: &Path,
        mut from: R,
    ) -> Result<Unsealed<R>, VaultError> {
        let header = Header::read(&mut from).map_err(|fault| fault.at(path))?;
        let note = noted(&header);
        Unsealed::open(&header, from, self.keys()).map_err(|fault| match fault {
            // Where the key is here and does not fit, the line for it was altered.
            HeaderFault::NoKey if self.opens().iter().any(|own| note.recipients.contains(own)) => {
                HeaderFault::Altered.at(path)
            }
            HeaderFault::NoKey => VaultError::NoKey { path: path.to_owned(), recipients: note.told() },
            fault => fault.at(path),
        })
    }
}

impl Opened {
    /// How much is in it [bytes].
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Whether it was sealed, so that what is read is what was sealed.
    pub fn is_sealed(&self) -> bool {
        matches!(self.from, From::Sealed(_))
    }

    /// The SHA-256 of all of it, from where it stands.
    ///
    /// # Errors
    /// As reading.
    pub fn hash(&mut self) -> io::Result<String> {
        hash(self)
    }

    /// The rest of it as text, at most so much; what is no UTF-8 is marked as such.
    ///
    /// # Errors
    /// As reading.
    pub fn text(&mut self, most: u64) -> io::Result<String> {
        let mut bytes = Vec::new();
        self.take(most).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Read for Opened {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.from {
            From::Plain(file) => file.read(into),
            From::Sealed(unsealed) => unsealed.read(into).map_err(|e| {
                match e.get_ref().and_then(|e| e.downcast_ref::<AlteredAt>()) {
                    Some(AlteredAt(from)) => {
                        let told = VaultError::Altered { path: self.path.clone(), from: *from };
                        io::Error::new(io::ErrorKind::InvalidData, told)
                    }
                    None => e,
                }
            }),
        }?;
        self.at = self.at.saturating_add(read as u64);
        Ok(read)
    }
}

impl Seek for Opened {
    /// To somewhere within it; beyond its end is its end.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let beyond = || io::Error::from(io::ErrorKind::InvalidInput);
        let to = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::Current(by) => self.at.checked_add_signed(by).ok_or_else(beyond)?,
            SeekFrom::End(by) => self.length.checked_add_signed(by).ok_or_else(beyond)?,
        };
        let to = to.min(self.length);
        match &mut self.from {
            From::Plain(file) => file.seek(SeekFrom::Start(to))?,
            From::Sealed(unsealed) => unsealed.seek_to(to),
        };
        self.at = to;
        Ok(to)
    }
}
