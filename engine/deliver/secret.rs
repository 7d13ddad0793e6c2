//! Secrets by reference: a file or an environment variable, read anew whenever they are needed.

use std::{fmt, path::PathBuf};

use crate::DeliverError;

/// Where a secret stands; the secret itself is in no configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// In a file that only waihu may read.
    File(PathBuf),
    /// In an environment variable.
    Env(String),
}

/// A secret's text; never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SecretText(pub(crate) String);

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText")
    }
}

impl Secret {
    /// From two keys of a configuration, of which one at most is given.
    pub(crate) fn of(
        key: &'static str,
        file: Option<PathBuf>,
        env: Option<String>,
    ) -> Result<Option<Self>, String> {
        match (file, env) {
            (Some(_), Some(_)) => Err(format!("{key}_file or {key}_env, not both 二者取一")),
            (Some(file), None) => Ok(Some(Self::File(file))),
            (None, Some(name)) if name.is_empty() => Err(format!("{key}_env is empty 不能为空")),
            (None, Some(name)) => Ok(Some(Self::Env(name))),
            (None, None) => Ok(None),
        }
    }

    /// Reads it, without the line's end.
    pub(crate) fn read(&self) -> Result<SecretText, DeliverError> {
        let text = match self {
            Self::File(path) => std::fs::read_to_string(path)
                .map_err(|source| DeliverError::SecretFile { path: path.clone(), source })?,
            Self::Env(name) => std::env::var(name).map_err(|_| DeliverError::SecretEnv(name.clone()))?,
        };
        Ok(SecretText(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}
