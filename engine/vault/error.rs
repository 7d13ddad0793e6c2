use std::{io, path::PathBuf};

/// Why a file could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is no such file, neither plain nor sealed.
    #[error("{path}: there is no such file on this node, neither plain nor sealed 本节点没有该文件")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// No key that is here opens it.
    #[error(
        "{path} is sealed for {recipients}, and no key of that is here: name it in waihu.toml, [vault] key_file, key_env or key_command (old keys stay in the same file, a line each) 缺少可解封该文件的私钥"
    )]
    NoKey {
        /// The file.
        path: PathBuf,
        /// For whom it is sealed.
        recipients: String,
    },
    /// It is not as it was sealed.
    #[error(
        "{path} was altered or cut off after it was sealed: nothing from byte {from} of it on can be trusted 文件在封存后被改动或截断，自第 {from} 字节起不可信"
    )]
    Altered {
        /// The file.
        path: PathBuf,
        /// Where the piece begins that is not what was sealed, of what is in the file [bytes].
        from: u64,
    },
    /// It has another format.
    #[error("{path} is not a sealed file of ours (age-encryption.org/v1) 不是 age 格式的封存文件")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The public half of a key is none.
    #[error(
        "{text:?} is no recipient: `age1…` as `waihu vault new-key` prints it is expected 应为 age1… 公钥"
    )]
    Recipient {
        /// What stood there: a public half is no secret.
        text: String,
    },
    /// A key is none. What stood there is not repeated.
    #[error("{place}: no key stands there: {expected} is expected 该处没有可用的密钥")]
    Key {
        /// Where.
        place: String,
        /// What a key looks like.
        expected: &'static str,
    },
    /// A key could not be fetched.
    #[error("{place}: {told} 无法取得密钥")]
    Fetch {
        /// Where from.
        place: String,
        /// What went wrong.
        told: String,
    },
    /// A key could not be made.
    #[error("the system gives no randomness 系统无法提供随机数")]
    NoRandomness,
}

impl VaultError {
    pub(crate) fn io(path: &std::path::Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { path: path.to_owned() },
            _ => Self::Io { path: path.to_owned(), source },
        }
    }
}
