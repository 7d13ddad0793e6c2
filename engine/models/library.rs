//! The manifests and the store side by side: what there is, what is missing, what is damaged.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    Clients, Job, ModelsError, hash,
    manifest::{FileEntry, Manifest},
    pull::Progress,
};

/// Every known model, and the folder where their files lie.
#[derive(Clone, Debug)]
pub struct Library {
    pub(crate) manifests: Vec<Manifest>,
    pub(crate) store: PathBuf,
    pub(crate) downloads: PathBuf,
    pub(crate) clients: Clients,
}

/// One model as `waihu models list` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The model's name.
    pub name: String,
    /// What it is for.
    pub job: Job,
    /// ISO 639-1 codes; empty when the language does not matter.
    pub languages: Vec<String>,
    /// Its version.
    pub version: String,
    /// SPDX identifier of its licence.
    pub licence: String,
    /// What to know beyond the identifier; may be empty.
    pub licence_notes: String,
    /// Sample rate, in Hz, where there is one.
    pub rate: Option<u32>,
    /// Size of all files, in bytes.
    pub bytes: u64,
    /// Its files, judged by size alone.
    pub files: Vec<FileStatus>,
}

impl Status {
    /// Whether every file is there with its right size.
    pub fn is_complete(&self) -> bool {
        self.files.iter().all(|f| f.state == FileState::Sound)
    }
}

/// One file of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStatus {
    /// Path below the model's folder.
    pub file: String,
    /// Size by the manifest, in bytes.
    pub bytes: u64,
    /// How it stands.
    pub state: FileState,
}

/// How a file stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// There, and right as far as was looked (size, or size and hash).
    Sound,
    /// Not there.
    Missing,
    /// There with another size.
    WrongSize {
        /// Bytes on disk.
        actual: u64,
    },
    /// There with the right size and other content.
    Corrupt {
        /// SHA-256 by the manifest.
        expected: String,
        /// SHA-256 on disk.
        actual: String,
    },
}

/// One file after a full check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// The model.
    pub model: String,
    /// Path below the model's folder.
    pub file: String,
    /// Where it lies, or should.
    pub path: PathBuf,
    /// How it stands, by size and hash.
    pub state: FileState,
}

impl std::fmt::Display for FileReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.path.display();
        let repair = format!("`waihu models pull {}` replaces it", self.model);
        match &self.state {
            FileState::Sound => write!(f, "{path}: sound 完好"),
            FileState::Missing => {
                write!(f, "{path}: missing 缺失; `waihu models pull {}` fetches it", self.model)
            }
            FileState::WrongSize { actual } => {
                write!(f, "{path}: {actual} bytes, wrong size 大小不符; {repair}")
            }
            FileState::Corrupt { expected, actual } => {
                write!(f, "{path}: damaged 已损坏 (sha256 {actual}, expected {expected}); {repair}")
            }
        }
    }
}

impl Library {
    /// Reads every `*.toml` directly in `manifests`; the files lie below `store`, packages on their way
    /// in the folder `downloads` beside it. Neither need exist yet.
    ///
    /// # Errors
    /// A manifest that cannot be read or does not hold together, or no manifest at all.
    pub fn open(manifests: &Path, store: &Path) -> Result<Self, ModelsError> {
        let entries = match fs::read_dir(manifests) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(ModelsError::NoManifests { folder: manifests.to_owned() });
            }
            Err(source) => {
                return Err(ModelsError::Io {
                    what: "read the folder of manifests",
                    path: manifests.to_owned(),
                    source,
                });
            }
        };
        let mut paths: Vec<PathBuf> = entries
            .flatten()
            .map(|e| e.path())
            .filter(|p| p.extension().is_some_and(|e| e == "toml") && p.is_file())
            .collect();
        paths.sort();
        let mut names = BTreeSet::new();
        let mut found = Vec::new();
        for path in paths {
            let manifest = Manifest::read(&path, std::env::consts::ARCH)?;
            if !names.insert(manifest.name.clone()) {
                return Err(ModelsError::DuplicateName { path, name: manifest.name });
            }
            found.push(manifest);
        }
        if found.is_empty() {
            return Err(ModelsError::NoManifests { folder: manifests.to_owned() });
        }
        Ok(Self {
            manifests: found,
            store: store.to_owned(),
            downloads: store.with_file_name("downloads"),
            clients: Clients::default(),
        })
    }

    /// The same library with other programs to fetch with.
    pub fn with_clients(self, clients: Clients) -> Self {
        Self { clients, ..self }
    }

    /// The manifests, by name.
    pub fn manifests(&self) -> &[Manifest] {
        &self.manifests
    }

    /// Every model with its files, judged by size (no file is read).
    pub fn list(&self) -> Vec<Status> {
        self.manifests
            .iter()
            .map(|m| Status {
                name: m.name.clone(),
                job: m.job,
                languages: m.languages.clone(),
                version: m.version.clone(),
                licence: m.licence.clone(),
                licence_notes: m.licence_notes.clone(),
                rate: m.rate,
                bytes: m.files.iter().map(|f| f.bytes).sum(),
                files: m
                    .files
                    .iter()
                    .map(|f| FileStatus {
                        file: f.path.clone(),
                        bytes: f.bytes,
                        state: state_by_size(&self.place(m, f), f.bytes),
                    })
                    .collect(),
            })
            .collect()
    }

    /// Every file, judged by size and SHA-256.
    ///
    /// # Errors
    /// [`ModelsError::Io`] when a file is there and cannot be read.
    pub fn verify(&self, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Vec<FileReport>, ModelsError> {
        let mut reports = Vec::new();
        for manifest in &self.manifests {
            for file in &manifest.files {
                reports.push(FileReport {
                    model: manifest.name.clone(),
                    file: file.path.clone(),
                    path: self.place(manifest, file),
                    state: self.state_by_hash(manifest, file, progress)?,
                });
            }
        }
        Ok(reports)
    }

    /// Where a file lies, after a quick check that it is there with the right size.
    ///
    /// # Errors
    /// [`ModelsError::Missing`] and [`ModelsError::WrongSize`] say what to run;
    /// [`ModelsError::UnknownModel`] and [`ModelsError::UnknownFile`] mean a name that no manifest has.
    pub fn path(&self, model: &str, file: &str) -> Result<PathBuf, ModelsError> {
        let manifest = self.manifest(model)?;
        let entry = manifest
            .files
            .iter()
            .find(|f| f.path == file)
            .ok_or_else(|| ModelsError::UnknownFile { model: model.to_owned(), file: file.to_owned() })?;
        let path = self.place(manifest, entry);
        let model = model.to_owned();
        match state_by_size(&path, entry.bytes) {
            FileState::Missing => Err(ModelsError::Missing { model, path }),
            FileState::WrongSize { actual } => {
                Err(ModelsError::WrongSize { model, path, expected: entry.bytes, actual })
            }
            FileState::Sound | FileState::Corrupt { .. } => Ok(path),
        }
    }

    /// `name@version`, as it goes into outcomes.
    ///
    /// # Errors
    /// [`ModelsError::UnknownModel`].
    pub fn version_tag(&self, model: &str) -> Result<String, ModelsError> {
        Ok(self.manifest(model)?.tag())
    }

    /// The manifest called `model`.
    ///
    /// # Errors
    /// [`ModelsError::UnknownModel`].
    pub fn manifest(&self, model: &str) -> Result<&Manifest, ModelsError> {
        self.manifests.iter().find(|m| m.name == model).ok_or_else(|| ModelsError::UnknownModel {
            name: model.to_owned(),
            known: self.manifests.iter().map(|m| m.name.clone()).collect(),
        })
    }

    /// Where a file belongs, there or not.
    pub(crate) fn place(&self, manifest: &Manifest, file: &FileEntry) -> PathBuf {
        self.store.join(&manifest.name).join(&file.path)
    }

    /// How a file stands by size, and by hash where the size is right.
    pub(crate) fn state_by_hash(
        &self,
        manifest: &Manifest,
        file: &FileEntry,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<FileState, ModelsError> {
        let path = self.place(manifest, file);
        let state = state_by_size(&path, file.bytes);
        if state != FileState::Sound {
            return Ok(state);
        }
        let mut report = |done| {
            progress(Progress::Checking { model: &manifest.name, file: &file.path, done, total: file.bytes });
        };
        let actual = hash::of_file(&path, &mut report).map_err(|source| ModelsError::Io {
            what: "read",
            path: path.clone(),
            source,
        })?;
        if actual == file.sha256 {
            Ok(FileState::Sound)
        } else {
            Ok(FileState::Corrupt { expected: file.sha256.clone(), actual })
        }
    }
}

fn state_by_size(path: &Path, bytes: u64) -> FileState {
    match fs::metadata(path) {
        Ok(m) if m.is_file() && m.len() == bytes => FileState::Sound,
        Ok(m) => FileState::WrongSize { actual: m.len() },
        Err(_) => FileState::Missing,
    }
}
