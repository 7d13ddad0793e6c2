//! Who is alive: locks of the operating system on small files beside the store.
//!
//! The kernel lets go of a lock when its process dies, however it dies, so there is no heartbeat, no
//! lease to wait out and no process id to be mistaken. A lock lies in `<store>.locks/`: one file a
//! campaign that was ever run, and one a process that has attempts open.

use std::{
    fs::{self, File, TryLockError},
    io::{Read, Write},
    path::{Path, PathBuf},
};

use waihu_types::CampaignId;

use crate::{Store, StoreError};

/// The right to run a campaign, held until it is dropped.
#[derive(Debug)]
pub struct Claim {
    campaign: CampaignId,
    /// Holds the lock.
    _file: File,
}

impl Claim {
    /// The campaign.
    pub fn campaign(&self) -> &CampaignId {
        &self.campaign
    }
}

/// One process's (or rather one open store's) mark on its attempts.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) id: String,
    path: PathBuf,
    /// Holds the lock.
    _file: File,
}

impl Drop for Owner {
    fn drop(&mut self) {
        // Only tidiness: a file left behind is found unlocked and removed by the next recovery.
        let _ = fs::remove_file(&self.path);
    }
}

impl Store {
    /// Takes the right to run a campaign. A second process, or a second store in this one, is
    /// refused until the [`Claim`] is dropped or its process has ended.
    ///
    /// # Errors
    /// [`StoreError::CampaignTaken`], or that the lock file cannot be made.
    pub fn claim(&self, campaign: &CampaignId) -> Result<Claim, StoreError> {
        let path = self.lock_folder()?.join(format!("campaign-{campaign}"));
        let io = |e| StoreError::io(&path, e);
        let mut file = open_lock(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0).map_err(io)?;
                writeln!(file, "{}", std::process::id()).map_err(io)?;
                Ok(Claim { campaign: campaign.clone(), _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                Err(StoreError::CampaignTaken { campaign: campaign.clone(), pid })
            }
            Err(TryLockError::Error(e)) => Err(io(e)),
        }
    }

    /// The mark of this store on its attempts, made and locked on first use.
    pub(crate) fn owner_id(&self) -> Result<String, StoreError> {
        // A poisoned lock only means that a panic came between: the mark itself is whole.
        let mut owner = self.owner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(owner) = owner.as_ref() {
            return Ok(owner.id.clone());
        }
        let id = uuid::Uuid::now_v7().to_string();
        let path = self.owner_path(&id)?;
        let file = open_lock(&path).map_err(|e| StoreError::io(&path, e))?;
        file.lock().map_err(|e| StoreError::io(&path, e))?;
        *owner = Some(Owner { id: id.clone(), path, _file: file });
        Ok(id)
    }

    /// Whether the store that marked attempts with `owner` is still open somewhere.
    pub(crate) fn is_alive(&self, owner: &str) -> Result<bool, StoreError> {
        let path = self.owner_path(owner)?;
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(StoreError::io(&path, e)),
        };
        match file.try_lock() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(e)) => Err(StoreError::io(&path, e)),
        }
    }

    /// Removes the lock file of a store that is gone.
    pub(crate) fn forget(&self, owner: &str) {
        if let Ok(path) = self.owner_path(owner) {
            // Only tidiness: the name is never used again.
            let _ = fs::remove_file(path);
        }
    }

    fn owner_path(&self, owner: &str) -> Result<PathBuf, StoreError> {
        Ok(self.lock_folder()?.join(format!("process-{owner}")))
    }

    fn lock_folder(&self) -> Result<PathBuf, StoreError> {
        let mut name = self.path.clone().into_os_string();
        name.push(".locks");
        let folder = PathBuf::from(name);
        fs::create_dir_all(&folder).map_err(|e| StoreError::io(&folder, e))?;
        Ok(folder)
    }
}

fn open_lock(path: &Path) -> std::io::Result<File> {
    fs::OpenOptions::new().create(true).read(true).write(true).truncate(false).open(path)
}
