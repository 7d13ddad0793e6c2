use std::path::PathBuf;

use waihu_store::StoreError;

/// Why events cannot be brought to a reader at all.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A secret's file cannot be read.
    #[error("{path}: the secret cannot be read 无法读取密钥: {source}")]
    SecretFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A secret's environment variable is not there.
    #[error("the environment variable {0} is not set, and holds a secret 环境变量未设置")]
    SecretEnv(String),
    /// A signing secret is none.
    #[error(
        "a signing secret is whsec_ and base64 of 24 to 64 bytes: make one with `echo whsec_$(openssl rand -base64 32)` 签名密钥格式有误"
    )]
    SigningKey,
    /// No HTTP client could be made.
    #[error("no HTTP client can be made 无法创建 HTTP 客户端: {0}")]
    Http(String),
    /// The gateway for text messages does not let us in.
    #[error("{0}")]
    TextGateway(String),
    /// The program was built without it.
    #[error("this waihu was built without {0}: build it with --features {0} 本程序未包含该功能")]
    NotBuilt(&'static str),
    /// No event has this number.
    #[error("there is no event {0} 没有该事件")]
    NoEvent(i64),
    /// The receiver would not take it this time either.
    #[error("event {seq} was not taken 未送达: {told}")]
    NotTaken {
        /// The event.
        seq: i64,
        /// What went wrong.
        told: String,
    },
}
