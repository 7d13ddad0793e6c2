use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::{Engine, TtsError, VoiceInfo};

/// One Piper voice on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PiperModel {
    /// The voice's name.
    pub name: String,
    /// Its folder, with `model.onnx` and `model.onnx.json`.
    pub dir: PathBuf,
    /// Its licence, as the model's manifest says it.
    pub licence: String,
}

/// Where the models lie and how many threads they may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TtsPaths {
    /// The ONNX Runtime shared library.
    pub onnxruntime: PathBuf,
    /// Kokoro's folder: `model.onnx`, `vocab.json`, `voices/*.bin`.
    pub kokoro: PathBuf,
    /// Piper voices.
    pub piper: Vec<PiperModel>,
    /// Threads within one model run. One keeps calls from taking each other's cores.
    pub threads: usize,
}

impl TtsPaths {
    /// The layout that `waihu models pull` makes under `models`: `onnxruntime/`, `kokoro/`, and one folder
    /// `piper-NAME/` for each Piper voice.
    pub fn under(models: &Path) -> Self {
        let mut piper: Vec<PiperModel> = std::fs::read_dir(models)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|e| {
                let name = e.file_name().to_str()?.strip_prefix("piper-")?.to_owned();
                let licence = "see the model's manifest".to_owned();
                e.path().join("model.onnx").exists().then(|| PiperModel { name, dir: e.path(), licence })
            })
            .collect();
        piper.sort_by(|a, b| a.name.cmp(&b.name));
        Self {
            onnxruntime: models.join("onnxruntime/libonnxruntime.so"),
            kokoro: models.join("kokoro"),
            piper,
            threads: 1,
        }
    }

    pub(crate) fn piper(&self, name: &str) -> Option<&PiperModel> {
        self.piper.iter().find(|p| p.name == name)
    }

    /// The files that decide how a voice sounds.
    pub(crate) fn files_of(&self, voice: &VoiceInfo) -> Vec<PathBuf> {
        match voice.engine {
            Engine::Kokoro => vec![
                self.kokoro.join("model.onnx"),
                self.kokoro.join("vocab.json"),
                self.kokoro.join("voices").join(format!("{}.bin", voice.name)),
            ],
            Engine::Piper => self
                .piper(&voice.name)
                .map(|p| vec![p.dir.join("model.onnx"), p.dir.join("model.onnx.json")])
                .unwrap_or_default(),
        }
    }
}

/// How much is read at each of the three places of a file.
const SAMPLE: u64 = 64 * 1024;

/// A digest of files by their lengths and 64 KiB at their start, middle and end.
///
/// Enough to tell versions apart, and a hundredfold quicker than reading whole models at each start;
/// `waihu models verify` is there to find damage.
pub(crate) fn fingerprint(files: &[PathBuf]) -> Result<String, TtsError> {
    let mut hash = Sha256::new();
    for path in files {
        let fail = |source| TtsError::File { path: path.clone(), source };
        let mut file = File::open(path).map_err(fail)?;
        let length = file.metadata().map_err(fail)?.len();
        hash.update(length.to_le_bytes());
        for start in [0, length / 2, length.saturating_sub(SAMPLE)] {
            file.seek(SeekFrom::Start(start)).map_err(fail)?;
            let mut part = Vec::new();
            Read::by_ref(&mut file).take(SAMPLE).read_to_end(&mut part).map_err(fail)?;
            hash.update(&part);
        }
    }
    Ok(hex::encode(hash.finalize()))
}
