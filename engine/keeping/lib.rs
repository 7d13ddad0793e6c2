//! What is kept of calls: handed out so that it proves itself, and removed when its time is over.
//!
//! A bundle is one zip of one call, with hashes and a signature, that needs none of our stores to be verified; what is
//! kept of a person goes into one of the same make. A sweep removes what a profile's `[retention]` no longer keeps and
//! no hold does; an erasure removes what tells who a debtor is. The keys with which the store seals words come from here.
//!
//! Absent: keys (`vault`), how many days (`compliance`), rows (`store`), and who may do any of it (`api`, the program).

mod bundle;
mod call;
mod error;
mod pack;
mod page;
mod person;
mod sweep;
mod verify;
mod words;

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use waihu_store::Store;
use waihu_types::AttemptId;
use waihu_vault::{Signer, Vault};

pub use bundle::Bundled;
pub use error::KeepError;
pub use pack::{Filed, Manifest, Missing};
pub use person::{Accessed, KeptOf};
pub use sweep::{Kept, Mode, Swept};
pub use verify::{FileState, SignatureState, Verified, verify};
pub use words::{KeptWords, WordsKey, unlock_words};

/// What is kept, and what opens it.
#[derive(Clone, Debug)]
pub struct Archive {
    /// Rows.
    pub store: Arc<Store>,
    /// Files' keys.
    pub vault: Arc<Vault>,
    /// Who signs what is handed out; none where nobody does.
    pub signer: Option<Arc<Signer>>,
    /// Where recordings and transcripts lie.
    pub recordings: PathBuf,
}

/// A file without a name, in a folder: gone when it is closed, whatever becomes of us.
///
/// # Errors
/// When it cannot be made.
pub fn scratch(folder: &Path) -> io::Result<File> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    fs::create_dir_all(folder)?;
    let path =
        folder.join(format!(".scratch-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
    let file = private().read(true).create(true).truncate(true).open(&path)?;
    fs::remove_file(path)?;
    Ok(file)
}

/// A new file that nobody else may read; one that is there is not written over.
///
/// # Errors
/// When it cannot be made, or is there.
pub fn handed_out(path: &Path) -> io::Result<File> {
    private().read(true).create_new(true).open(path)
}

/// What is in a kept file is personal: its own user reads it alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

impl Archive {
    /// Where a call's recording lies, by its plain name.
    pub fn recording(&self, attempt: &AttemptId) -> PathBuf {
        self.recordings.join(format!("{attempt}.wav"))
    }

    /// Where its transcript lies, by its plain name.
    pub fn transcript(&self, attempt: &AttemptId) -> PathBuf {
        self.recordings.join(format!("{attempt}.jsonl"))
    }
}
