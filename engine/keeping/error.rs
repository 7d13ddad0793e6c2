use std::{io, path::PathBuf};

use waihu_store::StoreError;
use waihu_types::AttemptId;
use waihu_vault::VaultError;

/// Why something could not be handed out or removed.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The store failed, or refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file could not be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// There is no such call, or it is up.
    #[error("there is no call {0} that is over 没有该已结束的通话")]
    UnknownCall(AttemptId),
    /// Nothing is kept of a person.
    #[error("nothing is kept of that debtor 没有该债务人的记录")]
    UnknownDebtor,
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A bundle could not be put together.
    #[error("the bundle could not be written 无法写出证据包: {0}")]
    Write(#[from] io::Error),
    /// It is no bundle of ours.
    #[error("{path} is no bundle of waihu: {told} 不是 waihu 的证据包")]
    NotABundle {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        told: String,
    },
    /// A thread of ours fell.
    #[error("a fault of ours; the log says more 内部故障")]
    Fell,
}
