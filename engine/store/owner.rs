//! Marks on what a process has open, and the right to run a campaign.
//!
//! On a file both are locks of the operating system: the kernel lets go of one when its process dies, however
//! it dies, so there is no lease to wait out and no process id to be mistaken. A lock lies in
//! `<store>.locks/`: one file a campaign that was ever run, and one a process that has attempts open. On a
//! server a mark is a node's, which lives as long as its lease ([`Store::join`]), and a campaign's right is a
//! lock of a connection of its own.

use std::{
    fs::{self, File, TryLockError},
    io::{Read, Write},
    path::{Path, PathBuf},
    sync::{MutexGuard, PoisonError},
};

use async_recursion::async_recursion as boxed;
use sqlx::AnyConnection;
use waihu_types::CampaignId;

use crate::{Location, Store, StoreError};

/// The right to run a campaign, held until it is dropped.
#[derive(Debug)]
pub struct Claim {
    campaign: CampaignId,
    _held: Held,
}

/// What lets go of a right when it is dropped.
#[derive(Debug)]
enum Held {
    File { _locked: File },
    Session { _open: AnyConnection },
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
    /// What it is called, once it has joined.
    pub(crate) name: Option<String>,
    /// On a file, what tells that it lives.
    lock: Option<(PathBuf, File)>,
}

impl Owner {
    /// The mark of a node that lives by its lease.
    pub(crate) fn leased() -> Self {
        Self { id: uuid::Uuid::now_v7().to_string(), name: None, lock: None }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Some((path, _)) = &self.lock {
            // Only tidiness: a file left behind is found unlocked and removed by the next recovery.
            let _ = fs::remove_file(path);
        }
    }
}

impl Store {
    /// Takes the right to run a campaign. A second process, or a second store in this one, is
    /// refused until the [`Claim`] is dropped or its process has ended.
    ///
    /// # Errors
    /// [`StoreError::CampaignTaken`], or that it cannot be asked for.
    #[boxed]
    pub async fn claim(&self, campaign: &CampaignId) -> Result<Claim, StoreError> {
        let held = match &self.location {
            Location::File(file) => {
                claim_file(&lock_folder(file)?.join(format!("campaign-{campaign}")), campaign)?
            }
            Location::Server { .. } => self.claim_session(campaign).await?,
        };
        Ok(Claim { campaign: campaign.clone(), _held: held })
    }

    async fn claim_session(&self, campaign: &CampaignId) -> Result<Held, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(|e| self.sql(e))?;
        let got: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtextextended($1, 0))")
            .bind(format!("run:{campaign}"))
            .fetch_one(&mut *connection)
            .await
            .map_err(|e| self.sql(e))?;
        if got {
            Ok(Held::Session { _open: connection.detach() })
        } else {
            Err(StoreError::CampaignTaken { campaign: campaign.clone(), pid: None })
        }
    }

    /// The mark, held still. A poisoned lock only means that a panic came between: the mark itself is whole.
    pub(crate) fn owner(&self) -> MutexGuard<'_, Option<Owner>> {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The mark of this store on its attempts: of the node that it joined as; on a file without that too, made
    /// and locked on first use.
    pub(crate) fn owner_id(&self) -> Result<String, StoreError> {
        let mut owner = self.owner();
        if let Some(owner) = owner.as_ref() {
            return Ok(owner.id.clone());
        }
        let Location::File(file) = &self.location else { return Err(StoreError::NoLease) };
        let id = uuid::Uuid::now_v7().to_string();
        let path = owner_path(file, &id)?;
        let locked = open_lock(&path).map_err(|e| StoreError::io(&path, e))?;
        locked.lock().map_err(|e| StoreError::io(&path, e))?;
        *owner = Some(Owner { id: id.clone(), name: None, lock: Some((path, locked)) });
        Ok(id)
    }
}

/// Whether the store that marked attempts with `owner` is still open somewhere.
pub(crate) fn holds_lock(store: &Path, owner: &str) -> Result<bool, StoreError> {
    let path = owner_path(store, owner)?;
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
pub(crate) fn remove_lock(store: &Path, owner: &str) {
    if let Ok(path) = owner_path(store, owner) {
        // Only tidiness: the name is never used again.
        let _ = fs::remove_file(path);
    }
}

fn claim_file(path: &Path, campaign: &CampaignId) -> Result<Held, StoreError> {
    let io = |e| StoreError::io(path, e);
    let mut file = open_lock(path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0).map_err(io)?;
            writeln!(file, "{}", std::process::id()).map_err(io)?;
            Ok(Held::File { _locked: file })
        }
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            Err(StoreError::CampaignTaken { campaign: campaign.clone(), pid })
        }
        Err(TryLockError::Error(e)) => Err(io(e)),
    }
}

fn owner_path(store: &Path, owner: &str) -> Result<PathBuf, StoreError> {
    Ok(lock_folder(store)?.join(format!("process-{owner}")))
}

fn lock_folder(store: &Path) -> Result<PathBuf, StoreError> {
    let mut name = store.to_owned().into_os_string();
    name.push(".locks");
    let folder = PathBuf::from(name);
    fs::create_dir_all(&folder).map_err(|e| StoreError::io(&folder, e))?;
    Ok(folder)
}

fn open_lock(path: &Path) -> std::io::Result<File> {
    fs::OpenOptions::new().create(true).read(true).write(true).truncate(false).open(path)
}
