//! Sealing: a plain file becomes a sealed one, or a sealed one is sealed for others.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Cursor, Read, Write},
    path::Path,
};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use sha2::{Digest, Sha256};

use crate::{
    Opened, Standing, VaultError,
    age::{self, Identity, Recipient, Stanza},
    files::{NOTE, PART, sealed_name, standing, with},
};

/// What is read and hashed at once [bytes]: a piece of a sealed file.
const PIECE: usize = 64 << 10;
/// The most that is read of a key that was wrapped [bytes].
const MOST_OF_A_KEY: usize = 64;

/// What a sealed file says of itself: in the clear, and proved when it is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// The SHA-256 of what is in it; empty where that was not known.
    pub sha256: String,
    /// How long the sound in it is [ms], where it is sound.
    pub duration_ms: Option<u64>,
    /// For whom it is sealed.
    pub recipients: Vec<String>,
}

impl Note {
    /// Its line in a file's header; who knows none of it passes over it, as the format asks for.
    fn stanza(&self) -> Stanza {
        let mut words = vec![NOTE.to_owned()];
        if !self.sha256.is_empty() {
            words.push(format!("sha256={}", self.sha256));
        }
        words.extend(self.duration_ms.map(|ms| format!("ms={ms}")));
        words.extend(self.recipients.iter().cloned());
        Stanza::told(words)
    }

    pub(crate) fn read(words: &[String]) -> Self {
        let mut note = Self::default();
        for word in words {
            if let Some(hash) = word.strip_prefix("sha256=") {
                hash.clone_into(&mut note.sha256);
            } else if let Some(ms) = word.strip_prefix("ms=") {
                note.duration_ms = ms.parse().ok();
            } else {
                note.recipients.push(word.to_owned());
            }
        }
        note
    }

    pub(crate) fn told(&self) -> String {
        if self.recipients.is_empty() { "somebody".to_owned() } else { self.recipients.join(", ") }
    }
}

/// Whom files are sealed for, and the keys that are here to open them.
pub struct Vault {
    to: Vec<Recipient>,
    keys: Vec<Identity>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault(for {}, {} keys)", self.to.len(), self.keys.len())
    }
}

/// A new key: a line for a file of keys, and its public half, for whom files are sealed.
///
/// # Errors
/// When the system gives no randomness.
pub fn new_key() -> Result<(String, String), VaultError> {
    let key = Identity::new().map_err(|_| VaultError::NoRandomness)?;
    let line = key.line().map_err(|_| VaultError::NoRandomness)?;
    Ok((line, key.public().to_string()))
}

impl Vault {
    /// One that seals nothing and has no key: files stay as they are.
    pub fn none() -> Self {
        Self { to: Vec::new(), keys: Vec::new() }
    }

    /// One that seals for these recipients and opens with these keys, a line each, what begins with `#` is passed
    /// over, `place` says where they stand; without a recipient it seals for the first key.
    ///
    /// # Errors
    /// When a line is no key, or a recipient none.
    pub fn new(seal_to: &[String], keys: Option<(&str, &str)>) -> Result<Self, VaultError> {
        let mut to = Vec::new();
        for text in seal_to {
            let read = text.trim().parse::<Recipient>();
            to.push(read.map_err(|_| VaultError::Recipient { text: text.clone() })?);
        }
        let mut own = Vec::new();
        if let Some((place, text)) = keys {
            let wrong =
                || VaultError::Key { place: place.to_owned(), expected: "AGE-SECRET-KEY-1…, a line each" };
            for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
            {
                own.push(line.parse::<Identity>().map_err(|_| wrong())?);
            }
            let first = own.first().ok_or_else(wrong)?;
            if to.is_empty() {
                to.push(first.public());
            }
        }
        Ok(Self { to, keys: own })
    }

    /// Whether files are sealed.
    pub fn seals(&self) -> bool {
        !self.to.is_empty()
    }

    /// For whom files are sealed.
    pub fn recipients(&self) -> Vec<String> {
        self.to.iter().map(ToString::to_string).collect()
    }

    /// Whose files can be opened.
    pub fn opens(&self) -> Vec<String> {
        self.keys.iter().map(|key| key.public().to_string()).collect()
    }

    pub(crate) fn keys(&self) -> &[Identity] {
        &self.keys
    }

    /// Seals a file that is whole, if files are sealed here; the plain one is gone when this returns, and the sealed
    /// one on the disk. Repeated after a crash it ends the same. Of `note` it takes what is known of the content; what
    /// is not it finds out.
    ///
    /// # Errors
    /// When it cannot be read or written: then the plain file is still there.
    pub fn seal(&self, path: &Path, note: Note) -> Result<(), VaultError> {
        if !self.seals() {
            return Ok(());
        }
        let mut source = File::open(path).map_err(|e| VaultError::io(path, e))?;
        // Who records holds the file until it is whole.
        if let Err(fs::TryLockError::WouldBlock) = source.try_lock() {
            return Err(VaultError::io(path, io::ErrorKind::ResourceBusy.into()));
        }
        let mut note = Note { recipients: self.recipients(), ..note };
        if note.sha256.is_empty() {
            note.sha256 = hash(&mut File::open(path).map_err(|e| VaultError::io(path, e))?)
                .map_err(|e| VaultError::io(path, e))?;
        }
        self.write(path, &mut source, &note)?;
        fs::remove_file(path).map_err(|e| VaultError::io(path, e))
    }

    /// Seals a file for those whom files are sealed for now: one that is plain, or one that was sealed for others;
    /// whether there was anything to do.
    ///
    /// # Errors
    /// When it cannot be opened, read or written: then it is as it was.
    pub fn renew(&self, path: &Path) -> Result<bool, VaultError> {
        if !self.seals() {
            return Ok(false);
        }
        match standing(path)? {
            Standing::Missing => Ok(false),
            Standing::Plain => self.seal(path, Note::default()).map(|()| true),
            Standing::Sealed(note) if note.recipients == self.recipients() => Ok(false),
            Standing::Sealed(note) => {
                let mut opened: Opened = self.open(path)?;
                self.write(path, &mut opened, &Note { recipients: self.recipients(), ..note })?;
                Ok(true)
            }
        }
    }

    /// A key of somebody else's, sealed as files are and written in base64: what it seals is opened by whoever opens
    /// files.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn wrap_key(&self, key: &[u8]) -> Result<String, VaultError> {
        let note = Note { recipients: self.recipients(), ..Note::default() };
        let (mut source, mut wrapped) = (key, Vec::new());
        age::seal(&self.to, note.stanza(), &mut source, &mut wrapped)
            .map_err(|_| VaultError::NoRandomness)?;
        Ok(BASE64.encode(wrapped))
    }

    /// The key that was wrapped; `place` says where it stands.
    ///
    /// # Errors
    /// When no key that is here opens it, it was altered, or it is none.
    pub fn unwrap_key(&self, place: &Path, wrapped: &str) -> Result<Vec<u8>, VaultError> {
        let foreign = || VaultError::Foreign { path: place.to_owned() };
        let wrapped = BASE64.decode(wrapped).map_err(|_| foreign())?;
        let mut from = self.unsealed(place, Cursor::new(wrapped))?;
        let mut key = [0; MOST_OF_A_KEY];
        let read = from.read(&mut key).map_err(|e| VaultError::io(place, e))?;
        key.get(..read).map(<[u8]>::to_vec).ok_or_else(foreign)
    }

    /// Writes the sealed file under another name first: whoever reads finds the whole of the one or of the other.
    fn write(&self, path: &Path, source: &mut dyn Read, note: &Note) -> Result<(), VaultError> {
        let part = with(path, PART);
        let failed = |e| VaultError::io(&part, e);
        let file = hold(&part).map_err(failed)?;
        let mut sealed = || -> io::Result<()> {
            let mut out = BufWriter::with_capacity(2 * PIECE, &file);
            age::seal(&self.to, note.stanza(), source, &mut out)?;
            out.flush()?;
            drop(out);
            file.sync_all()?;
            fs::rename(&part, sealed_name(path))?;
            sync_folder(path)
        };
        sealed().map_err(|e| {
            // Half a file is of no use, and may fill a full disk.
            let _ = fs::remove_file(&part);
            failed(e)
        })
    }
}

/// A new file for this process alone, readable by its own user.
fn hold(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
        return Err(io::ErrorKind::ResourceBusy.into());
    }
    file.set_len(0)?;
    Ok(file)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

pub(crate) fn hash(source: &mut dyn Read) -> io::Result<String> {
    let (mut hash, mut piece) = (Sha256::new(), vec![0; PIECE]);
    loop {
        match source.read(&mut piece)? {
            0 => return Ok(hex::encode(hash.finalize())),
            read => hash.update(&piece[..read]),
        }
    }
}
