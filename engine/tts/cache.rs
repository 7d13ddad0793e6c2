//! Prompts that were spoken once, kept on disk and in memory by what made them.

use std::{
    collections::{HashMap, VecDeque},
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
};

use sha2::{Digest, Sha256};
use waihu_phonetics::FRONT_END_VERSION;

use crate::{Request, Tts, TtsError, VoiceInfo};

/// Raised when trimming, level, rests or the file's form change.
const PROCESSING_VERSION: u32 = 1;
/// The first bytes of an entry.
const MAGIC: &[u8; 8] = b"waihupc1";
/// Magic, rate, number of samples, SHA-256 of the samples.
const HEADER: usize = 8 + 4 + 4 + 32;
/// How much is held in memory [samples]: about an hour at 8 kHz, 58 MB.
const MAX_IN_MEMORY: usize = 8_000 * 3_600;
/// The longest entry that is read back [bytes]: ten minutes at 48 kHz.
const MAX_ENTRY: u64 = 60_000_000;

type Key = [u8; 32];

/// A folder of spoken prompts. File names are digests and carry no text.
pub struct PromptCache {
    dir: PathBuf,
    memory: HashMap<Key, Arc<[i16]>>,
    order: VecDeque<Key>,
    held: usize,
}

impl std::fmt::Debug for PromptCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PromptCache({} prompts in memory)", self.memory.len())
    }
}

impl PromptCache {
    /// Opens a folder, making it where it is not there.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, TtsError> {
        let dir = dir.into();
        fs::create_dir_all(&dir).map_err(|source| TtsError::Cache { path: dir.clone(), source })?;
        Ok(Self { dir, memory: HashMap::new(), order: VecDeque::new(), held: 0 })
    }

    /// The samples of a request at `rate` [Hz]: from memory, from disk, or spoken now and kept.
    ///
    /// An entry that is damaged is spoken again and replaced.
    ///
    /// # Errors
    /// As [`Tts::synthesize`]; and when the entry cannot be written.
    pub fn get_or_synthesize(
        &mut self,
        tts: &mut Tts,
        request: &Request<'_>,
        rate: u32,
    ) -> Result<Arc<[i16]>, TtsError> {
        let voice = tts.voice_for(request)?;
        let model = tts.fingerprint(&voice)?;
        let key = key(&voice, &model, request, rate);
        if let Some(samples) = self.memory.get(&key) {
            return Ok(Arc::clone(samples));
        }
        let path = self.path(&key);
        let samples: Arc<[i16]> = match read(&path, rate) {
            Some(samples) => samples.into(),
            None => {
                let made = tts.synthesize(request)?.to_rate(rate)?;
                write(&path, rate, &made).map_err(|source| TtsError::Cache { path: path.clone(), source })?;
                made.into()
            }
        };
        self.remember(key, &samples);
        Ok(samples)
    }

    fn path(&self, key: &Key) -> PathBuf {
        let name = hex::encode(key);
        self.dir.join(&name[..2]).join(format!("{name}.pcm"))
    }

    fn remember(&mut self, key: Key, samples: &Arc<[i16]>) {
        self.held += samples.len();
        self.order.push_back(key);
        self.memory.insert(key, Arc::clone(samples));
        while self.held > MAX_IN_MEMORY {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some(gone) = self.memory.remove(&oldest) {
                self.held -= gone.len();
            }
        }
    }
}

/// The digest of all that decides the samples.
fn key(voice: &VoiceInfo, model: &str, request: &Request<'_>, rate: u32) -> Key {
    let mut hash = Sha256::new();
    let mut field = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    field(&PROCESSING_VERSION.to_le_bytes());
    field(&FRONT_END_VERSION.to_le_bytes());
    field(voice.engine.to_string().as_bytes());
    field(voice.name.as_bytes());
    field(model.as_bytes());
    field(request.lang.code().as_bytes());
    field(&request.speed.to_le_bytes());
    field(&rate.to_le_bytes());
    field(request.text.as_bytes());
    hash.finalize().into()
}

/// An entry's samples; `None` where there is none, or it is damaged.
fn read(path: &Path, rate: u32) -> Option<Vec<i16>> {
    if fs::metadata(path).ok()?.len() > MAX_ENTRY {
        return None;
    }
    let bytes = fs::read(path).ok()?;
    let (header, body) = bytes.split_at_checked(HEADER)?;
    let number = |at: usize| Some(u32::from_le_bytes(header.get(at..at + 4)?.try_into().ok()?));
    let whole = header.starts_with(MAGIC)
        && number(8)? == rate
        && number(12)? as usize * 2 == body.len()
        && Sha256::digest(body)[..] == header[16..];
    whole.then(|| body.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect())
}

/// Writes an entry whole or not at all: to a file of its own, then renamed.
fn write(path: &Path, rate: u32, samples: &[i16]) -> std::io::Result<()> {
    static TURN: AtomicU64 = AtomicU64::new(0);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let body: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    let count = u32::try_from(samples.len()).map_err(|_| std::io::ErrorKind::FileTooLarge)?;
    let turn = TURN.fetch_add(1, Ordering::Relaxed);
    let part = path.with_extension(format!("{}-{turn}.part", std::process::id()));
    let done = fs::File::create(&part).and_then(|mut file| {
        file.write_all(MAGIC)?;
        file.write_all(&rate.to_le_bytes())?;
        file.write_all(&count.to_le_bytes())?;
        file.write_all(&Sha256::digest(&body))?;
        file.write_all(&body)?;
        file.sync_data()?;
        fs::rename(&part, path)
    });
    if done.is_err() {
        // What is left of a failed write is of no use to anyone.
        let _unwritten = fs::remove_file(&part);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Engine;
    use waihu_types::Lang;

    #[test]
    fn an_entry_is_read_back_as_written_and_damage_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("aa/x.pcm");
        write(&path, 8_000, &[1, -2, 300]).unwrap();
        assert_eq!(read(&path, 8_000), Some(vec![1, -2, 300]));
        assert_eq!(read(&path, 16_000), None, "another rate");
        let whole = fs::read(&path).unwrap();
        for n in 0..whole.len() {
            let mut bad = whole.clone();
            bad[n] ^= 1;
            fs::write(&path, &bad).unwrap();
            assert_eq!(read(&path, 8_000), None, "byte {n}");
            fs::write(&path, &whole[..n]).unwrap();
            assert_eq!(read(&path, 8_000), None, "cut at {n}");
        }
        assert_eq!(fs::read_dir(dir.path().join("aa")).unwrap().count(), 1, "no part is left");
    }

    #[test]
    fn the_key_hangs_on_everything_that_decides_the_sound() {
        let voice = |name: &str| VoiceInfo {
            name: name.to_owned(),
            engine: Engine::Kokoro,
            langs: vec![Lang::Zh],
            licence: String::new(),
        };
        let request = Request { lang: Lang::Zh, voice: None, text: "您好", speed: 1.0 };
        let base = key(&voice("a"), "1", &request, 8_000);
        assert_eq!(base, key(&voice("a"), "1", &request, 8_000));
        let others = [
            key(&voice("b"), "1", &request, 8_000),
            key(&voice("a"), "2", &request, 8_000),
            key(&voice("a"), "1", &request, 16_000),
            key(&voice("a"), "1", &Request { text: "你好", ..request }, 8_000),
            key(&voice("a"), "1", &Request { speed: 1.1, ..request }, 8_000),
            key(&voice("a"), "1", &Request { lang: Lang::En, ..request }, 8_000),
        ];
        assert!(others.iter().all(|k| *k != base));
    }
}
