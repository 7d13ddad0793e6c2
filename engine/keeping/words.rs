//! Words of calls as they are searched, and what quotes them: the store seals them with keys that the vault wraps.
//!
//! One key is of all nodes that open files: it stands in the store, wrapped for whom files are sealed. A node that has
//! public halves alone seals with a key of its own, which it forgets when it ends; who opens files opens that too, seals
//! those words with the key of all, and then they are found.

use std::path::Path;

use waihu_store::{Keeper, Seal, SealingKey, SealingSecret, Store, StoreError};
use waihu_vault::{Vault, VaultError};

use crate::{Archive, KeepError};

/// Calls that are looked for at once.
const AT_ONCE: u32 = 200;

/// Where a wrapped key stands, in what is said of it.
const PLACE: &str = "the key of words in the database (数据库中文字的密钥)";

/// How words of calls stand in the store: those that are searched, and what quotes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptWords {
    /// What becomes of the key of all nodes here.
    pub key: WordsKey,
    /// Calls of which words stand in clear.
    pub in_clear: u64,
    /// Calls of which words are sealed.
    pub sealed: u64,
    /// Those of them that no key here opens.
    pub closed: u64,
}

/// How the key stands by which words are sealed and found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WordsKey {
    /// There is none.
    Missing,
    /// It is opened here.
    Opened,
    /// It is not, and why.
    Closed(String),
}

fn opens(vault: &Vault) -> bool {
    let own = vault.opens();
    vault.recipients().iter().any(|to| own.contains(to))
}

fn secret(vault: &Vault, key: &SealingKey) -> Result<SealingSecret, VaultError> {
    let bytes = vault.unwrap_key(Path::new(PLACE), &key.wrapped)?;
    SealingSecret::of(&bytes).ok_or_else(|| VaultError::Foreign { path: PLACE.into() })
}

async fn new_key(
    store: &Store,
    vault: &Vault,
    keeper: Keeper,
) -> Result<Option<(i64, SealingSecret)>, KeepError> {
    let secret = SealingSecret::new()?;
    let wrapped = vault.wrap_key(secret.bytes())?;
    let id = store.keep_sealing_key(keeper, &wrapped, &vault.recipients().join(" ")).await?;
    Ok(id.map(|id| (id, secret)))
}

/// Has a store seal the words of calls, where files are sealed, and open those that are. Called again it takes up keys
/// that came since.
///
/// # Errors
/// When the key of all nodes is opened by no key here though files are, or the store cannot be read or written.
pub async fn unlock_words(store: &Store, vault: &Vault) -> Result<(), KeepError> {
    if !vault.seals() {
        return Ok(());
    }
    if !opens(vault) {
        if !store.seals_words()
            && let Some((id, secret)) = new_key(store, vault, Keeper::Alone).await?
        {
            store.seal_with(Seal::new(Keeper::Alone, (id, &secret), []));
        }
        return Ok(());
    }
    let mut keys = store.sealing_keys().await?;
    if !keys.iter().any(SealingKey::is_shared) {
        // Where another node was first, that one's it is.
        new_key(store, vault, Keeper::All).await?;
        keys = store.sealing_keys().await?;
    }
    let (mut own, mut others) = (None, Vec::new());
    for key in &keys {
        match secret(vault, key) {
            Ok(secret) if key.is_shared() => own = Some((key.id, secret)),
            Ok(secret) => others.push((key.id, secret)),
            Err(e) if key.is_shared() => return Err(e.into()),
            // What it sealed is left as it is.
            Err(_) => {}
        }
    }
    // It was set aside this moment.
    let (id, secret) = own.ok_or(KeepError::Fell)?;
    store.seal_with(Seal::new(Keeper::All, (id, &secret), others));
    Ok(())
}

impl Archive {
    /// How words of calls stand. Nothing is changed, and no key is made.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn kept_words(&self) -> Result<KeptWords, KeepError> {
        let keys = self.store.sealing_keys().await?;
        let opened = |key: &SealingKey| secret(&self.vault, key);
        let key = match keys.iter().find(|key| key.is_shared()).map(opened) {
            None => WordsKey::Missing,
            Some(Ok(_)) => WordsKey::Opened,
            Some(Err(e)) => WordsKey::Closed(e.to_string()),
        };
        let mut kept = KeptWords { key, in_clear: 0, sealed: 0, closed: 0 };
        for (id, calls) in self.store.words_by_key().await? {
            let calls = u64::try_from(calls).unwrap_or_default();
            if id == 0 {
                kept.in_clear += calls;
                continue;
            }
            kept.sealed += calls;
            if !keys.iter().any(|key| key.id == id && opened(key).is_ok()) {
                kept.closed += calls;
            }
        }
        Ok(kept)
    }

    /// Wraps the keys of words for whom files are sealed now, where they are wrapped for others.
    ///
    /// # Errors
    /// When the key of all nodes is opened by no key here, or the store cannot be read or written.
    pub async fn rewrap_words(&self) -> Result<(), KeepError> {
        if !opens(&self.vault) {
            return Ok(());
        }
        let to = self.vault.recipients().join(" ");
        for key in self.store.sealing_keys().await? {
            if key.sealed_for == to {
                continue;
            }
            match secret(&self.vault, &key) {
                Ok(secret) => {
                    let wrapped = self.vault.wrap_key(secret.bytes())?;
                    self.store.rewrap(&key, &wrapped, &to).await?;
                }
                Err(e) if key.is_shared() => return Err(e.into()),
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Seals words that are in clear, or sealed with another key that is opened here, of so many calls at most; how many
    /// it did. Begun anew after a crash it ends the same.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn seal_earlier_words(&self, most: u64) -> Result<u64, KeepError> {
        let (mut after, mut done) = (String::new(), 0);
        while done < most {
            let due = self.store.words_to_seal(&after, AT_ONCE).await?;
            let Some(last) = due.last() else { break };
            after = last.to_string();
            for attempt in due {
                match self.store.seal_words(&attempt).await {
                    Ok(any) => done += u64::from(any),
                    Err(e @ StoreError::Sealed { .. }) => {
                        tracing::warn!(%attempt, error = %e, "the words of a call stay as they are");
                    }
                    Err(e) => return Err(e.into()),
                }
            }
        }
        if done > 0 {
            self.store.tidy_index().await?;
        }
        Ok(done)
    }
}
