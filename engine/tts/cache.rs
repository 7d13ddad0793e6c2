//! Prompts that were spoken once, kept on disk and in memory by what made them.
//!
//! They hold names and sums: nobody but the engine's own user reads them, and what was not used for
//! thirty days goes.

use std::{
    collections::{HashMap, VecDeque},
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use sha2::{Digest, Sha256};
use waihu_phonetics::FRONT_END_VERSION;

use crate::{Mark, Request, Spoken, Tts, TtsError, VoiceInfo};

/// Raised when trimming, level, rests or the file's form change.
const PROCESSING_VERSION: u32 = 2;
/// The first bytes of an entry.
const MAGIC: &[u8; 8] = b"waihupc2";
/// Magic, rate, number of samples, number of marks, SHA-256 of what follows: the samples, and of each mark
/// its time [ms] and its byte, four bytes each.
const HEADER: usize = 8 + 4 + 4 + 4 + 32;
/// A mark on disk [bytes].
const MARK: usize = 8;
/// How much is held in memory [samples]: about an hour at 8 kHz, 58 MB.
const MAX_IN_MEMORY: usize = 8_000 * 3_600;
/// The longest entry that is read back [bytes]: ten minutes at 48 kHz.
const MAX_ENTRY: u64 = 60_000_000;
/// An entry that was not read from disk for so long is removed: a campaign's cases are dialled for
/// days, and what is said to one person is of no use for another.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 3_600);
/// A part that is so old was left by a writer that died: an entry is written in seconds.
const LEFT_BEHIND: Duration = Duration::from_secs(3_600);

type Key = [u8; 32];

/// A folder of spoken prompts. File names are digests and carry no text.
pub struct PromptCache {
    dir: PathBuf,
    memory: HashMap<Key, Spoken>,
    order: VecDeque<Key>,
    held: usize,
}

impl std::fmt::Debug for PromptCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PromptCache({} prompts in memory)", self.memory.len())
    }
}

impl PromptCache {
    /// Opens a folder, making it where it is not there, and shutting it to other users. Removes what
    /// was not used for thirty days, and what dead writers left.
    ///
    /// # Errors
    /// When the folder cannot be made or shut.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, TtsError> {
        let dir = dir.into();
        make_private(&dir).map_err(|source| TtsError::Cache { path: dir.clone(), source })?;
        sweep(&dir, SystemTime::now());
        Ok(Self { dir, memory: HashMap::new(), order: VecDeque::new(), held: 0 })
    }

    /// A request at `rate` [Hz] with its marks: from memory, from disk, or spoken now and kept.
    ///
    /// An entry that is damaged is spoken again and replaced. One that cannot be written is held in
    /// memory alone: a full disk is no reason to say nothing.
    ///
    /// # Errors
    /// As [`Tts::synthesize`].
    pub fn get_or_synthesize(
        &mut self,
        tts: &mut Tts,
        request: &Request<'_>,
        rate: u32,
    ) -> Result<Spoken, TtsError> {
        let key = Self::key_of(tts, request, rate)?;
        self.get_or_make(key, rate, || tts.synthesize(request)?.spoken(rate))
    }

    /// A request that was spoken before; none where it must be spoken yet.
    ///
    /// # Errors
    /// When the voice is unknown or its files cannot be read.
    pub fn get(
        &mut self,
        tts: &mut Tts,
        request: &Request<'_>,
        rate: u32,
    ) -> Result<Option<Spoken>, TtsError> {
        let key = Self::key_of(tts, request, rate)?;
        Ok(self.held(&key, rate))
    }

    /// Keeps what was spoken by other means than [`Self::get_or_synthesize`], piece by piece.
    ///
    /// # Errors
    /// When the voice is unknown or its files cannot be read.
    pub fn keep(
        &mut self,
        tts: &mut Tts,
        request: &Request<'_>,
        rate: u32,
        spoken: &Spoken,
    ) -> Result<(), TtsError> {
        let key = Self::key_of(tts, request, rate)?;
        self.put(key, rate, spoken);
        Ok(())
    }

    /// How much an entry takes on disk [bytes].
    pub fn bytes_of(spoken: &Spoken) -> u64 {
        (HEADER + spoken.samples.len() * 2 + spoken.marks.len() * MARK) as u64
    }

    fn key_of(tts: &mut Tts, request: &Request<'_>, rate: u32) -> Result<Key, TtsError> {
        let voice = tts.voice_for(request)?;
        let model = tts.fingerprint(&voice)?;
        Ok(key(&voice, &model, request, rate))
    }

    fn held(&mut self, key: &Key, rate: u32) -> Option<Spoken> {
        if let Some(spoken) = self.memory.get(key) {
            return Some(spoken.clone());
        }
        let spoken = read(&self.path(key), rate)?;
        self.remember(*key, &spoken);
        Some(spoken)
    }

    fn get_or_make(
        &mut self,
        key: Key,
        rate: u32,
        make: impl FnOnce() -> Result<Spoken, TtsError>,
    ) -> Result<Spoken, TtsError> {
        if let Some(spoken) = self.held(&key, rate) {
            return Ok(spoken);
        }
        let made = make()?;
        self.put(key, rate, &made);
        Ok(made)
    }

    fn put(&mut self, key: Key, rate: u32, spoken: &Spoken) {
        let path = self.path(&key);
        if let Err(e) = write(&path, rate, spoken) {
            tracing::warn!(path = %path.display(), error = %e, "a prompt is held in memory alone");
        }
        self.remember(key, spoken);
    }

    fn path(&self, key: &Key) -> PathBuf {
        let name = hex::encode(key);
        self.dir.join(&name[..2]).join(format!("{name}.pcm"))
    }

    fn remember(&mut self, key: Key, spoken: &Spoken) {
        if let Some(before) = self.memory.insert(key, spoken.clone()) {
            self.held -= before.samples.len();
        } else {
            self.order.push_back(key);
        }
        self.held += spoken.samples.len();
        while self.held > MAX_IN_MEMORY {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some(gone) = self.memory.remove(&oldest) {
                self.held -= gone.samples.len();
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
    field(&request.style.speed.to_le_bytes());
    field(&request.style.pitch.to_le_bytes());
    field(&rate.to_le_bytes());
    field(request.text.as_bytes());
    hash.finalize().into()
}

/// Makes a folder that only the engine's own user can enter; also where it was there before.
fn make_private(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    #[cfg(unix)]
    fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

/// Removes entries that were not used and parts that were not finished. What cannot be looked at is
/// left as it is.
fn sweep(dir: &Path, now: SystemTime) {
    let within = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path());
    for path in within(dir).flat_map(|folder| within(&folder)) {
        let limit = match path.extension().and_then(|e| e.to_str()) {
            Some("pcm") => UNUSED,
            Some("part") => LEFT_BEHIND,
            _ => continue,
        };
        let used = fs::metadata(&path).and_then(|m| m.modified());
        if used.is_ok_and(|t| now.duration_since(t).is_ok_and(|age| age >= limit)) {
            let _gone_already = fs::remove_file(&path);
        }
    }
}

/// An entry; `None` where there is none, or it is damaged. One that is whole is marked as
/// used.
fn read(path: &Path, rate: u32) -> Option<Spoken> {
    if fs::metadata(path).ok()?.len() > MAX_ENTRY {
        return None;
    }
    let bytes = fs::read(path).ok()?;
    let (header, body) = bytes.split_at_checked(HEADER)?;
    let number = |at: usize| Some(u32::from_le_bytes(header.get(at..at + 4)?.try_into().ok()?));
    let whole = header.starts_with(MAGIC)
        && number(8)? == rate
        && number(12)? as usize * 2 + number(16)? as usize * MARK == body.len()
        && Sha256::digest(body)[..] == header[20..];
    if whole {
        // Where it cannot be marked it goes a little early.
        let _unmarked =
            File::options().write(true).open(path).and_then(|f| f.set_modified(SystemTime::now()));
    }
    if !whole {
        return None;
    }
    let (samples, marks) = body.split_at_checked(number(12)? as usize * 2)?;
    let word = |b: &[u8]| u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    Some(Spoken {
        samples: samples.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect(),
        marks: marks
            .chunks_exact(MARK)
            .map(|m| Mark { at_ms: word(&m[..4]), byte: word(&m[4..]) as usize })
            .collect(),
    })
}

/// Writes an entry whole or not at all: to a file of its own, then renamed.
fn write(path: &Path, rate: u32, spoken: &Spoken) -> io::Result<()> {
    static TURN: AtomicU64 = AtomicU64::new(0);
    if let Some(folder) = path.parent() {
        make_private(folder)?;
    }
    let small = |n: usize| u32::try_from(n).map_err(|_| io::ErrorKind::FileTooLarge);
    let mut body: Vec<u8> = spoken.samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    for mark in spoken.marks.iter() {
        body.extend(mark.at_ms.to_le_bytes());
        body.extend(small(mark.byte)?.to_le_bytes());
    }
    let (samples, marks) = (small(spoken.samples.len())?, small(spoken.marks.len())?);
    let turn = TURN.fetch_add(1, Ordering::Relaxed);
    let part = path.with_extension(format!("{}-{turn}.part", std::process::id()));
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let done = options.open(&part).and_then(|mut file| {
        file.write_all(MAGIC)?;
        file.write_all(&rate.to_le_bytes())?;
        file.write_all(&samples.to_le_bytes())?;
        file.write_all(&marks.to_le_bytes())?;
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
    use crate::{Engine, VoiceStyle};
    use waihu_types::Lang;

    fn spoken(samples: &[i16]) -> Spoken {
        let marks = [Mark { at_ms: 0, byte: 0 }, Mark { at_ms: 70_000, byte: 300 }];
        Spoken { samples: samples.into(), marks: marks.into() }
    }

    #[test]
    fn an_entry_is_read_back_as_written_and_damage_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("aa/x.pcm");
        write(&path, 8_000, &spoken(&[1, -2, 300])).unwrap();
        assert_eq!(read(&path, 8_000), Some(spoken(&[1, -2, 300])));
        assert_eq!(fs::metadata(&path).unwrap().len(), PromptCache::bytes_of(&spoken(&[1, -2, 300])));
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
    fn a_prompt_that_cannot_be_kept_on_disk_is_spoken_once_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let mut cache = PromptCache::open(dir.path()).unwrap();
        // No folder can be made here, as on a full disk.
        fs::write(dir.path().join("aa"), []).unwrap();
        let mut times = 0;
        for _ in 0..2 {
            let make = || {
                times += 1;
                Ok(spoken(&[7; 9]))
            };
            assert_eq!(cache.get_or_make([0xAA; 32], 8_000, make).unwrap(), spoken(&[7; 9]));
        }
        assert_eq!(times, 1);
    }

    #[test]
    fn what_is_not_used_goes_and_what_is_used_stays() {
        let dir = tempfile::tempdir().unwrap();
        let entry = |name: &str, age: Duration| {
            let path = dir.path().join(name);
            write(&path, 8_000, &spoken(&[1, 2])).unwrap();
            File::options().write(true).open(&path).unwrap().set_modified(SystemTime::now() - age).unwrap();
            path
        };
        let hour = Duration::from_secs(3_600);
        let day = 24 * hour;
        let (old, used) = (entry("aa/old.pcm", 31 * day), entry("aa/used.pcm", 31 * day));
        let (left, part) = (entry("ab/left.1-2.part", 2 * hour), entry("ab/new.1-2.part", hour / 2));
        let fresh = entry("ab/fresh.pcm", 29 * day);
        assert!(read(&used, 8_000).is_some());
        PromptCache::open(dir.path()).unwrap();
        assert_eq!([old, used, left, part, fresh].map(|p| p.exists()), [false, true, false, true, true]);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_the_names_and_sums_in_prompts() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("prompts");
        fs::create_dir(&root).unwrap();
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
        let mut cache = PromptCache::open(&root).unwrap();
        cache.get_or_make([0xAA; 32], 8_000, || Ok(spoken(&[1]))).unwrap();
        let file = cache.path(&[0xAA; 32]);
        for (path, mode) in [(&root, 0o700), (&root.join("aa"), 0o700), (&file, 0o600)] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
        }
    }

    #[test]
    fn the_key_hangs_on_everything_that_decides_the_sound() {
        let voice = |name: &str| VoiceInfo {
            name: name.to_owned(),
            engine: Engine::Kokoro,
            langs: vec![Lang::Zh],
            licence: String::new(),
        };
        let style = VoiceStyle::default();
        let (fast, high) = (VoiceStyle::new(None, 1.1), VoiceStyle { pitch: 1.0, ..style.clone() });
        let request = Request { lang: Lang::Zh, text: "您好", style: &style };
        let base = key(&voice("a"), "1", &request, 8_000);
        assert_eq!(base, key(&voice("a"), "1", &request, 8_000));
        let others = [
            key(&voice("b"), "1", &request, 8_000),
            key(&voice("a"), "2", &request, 8_000),
            key(&voice("a"), "1", &request, 16_000),
            key(&voice("a"), "1", &Request { text: "你好", ..request }, 8_000),
            key(&voice("a"), "1", &Request { style: &fast, ..request }, 8_000),
            key(&voice("a"), "1", &Request { style: &high, ..request }, 8_000),
            key(&voice("a"), "1", &Request { lang: Lang::En, ..request }, 8_000),
        ];
        assert!(others.iter().all(|k| *k != base));
    }
}
