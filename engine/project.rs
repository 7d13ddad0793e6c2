//! Where things lie in a checkout.

use std::path::{Path, PathBuf};

use anyhow::Result;
use waihu_models::Library;

/// A project's folder: manifests, scripts and trunks in it, fetched and made files in `.waihu/`.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    root: PathBuf,
}

impl Project {
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The fetched models.
    pub(crate) fn library(&self) -> Result<Library> {
        Ok(Library::open(&self.root.join("models"), &self.models())?)
    }

    /// Where model files lie.
    pub(crate) fn models(&self) -> PathBuf {
        self.root.join(".waihu/models")
    }

    /// The sentence encoder's folder.
    pub(crate) fn encoder(&self) -> Result<PathBuf> {
        let weights = self.library()?.path("use-multilingual", "weights.npz")?;
        Ok(weights.parent().map_or_else(|| self.models(), Path::to_owned))
    }

    /// The examples that intents are learnt from.
    pub(crate) fn intent_examples(&self) -> PathBuf {
        self.root.join("models/intents")
    }

    /// The trained head.
    pub(crate) fn intent_head(&self) -> PathBuf {
        self.models().join("intents/head.json")
    }
}
