//! Whether a bundle is what was handed out: from the file alone.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use sha2::{Digest, Sha256};
use waihu_vault::check_signature;
use zip::ZipArchive;

use crate::{
    KeepError, Manifest,
    pack::{FORMAT, MANIFEST, SIGNATURE, Signature},
};

/// The longest manifest that is read [bytes]: of some ten thousand files.
const MAX_MANIFEST: u64 = 16 << 20;
/// The most files that are looked at: a person with a thousand calls has four thousand.
const MAX_FILES: usize = 100_000;

/// How a file of a bundle stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// It is what the manifest says, and what was filed when the call ended where that is known.
    Same,
    /// It is what the manifest says, and not what was filed: it had been altered before it was handed out.
    NotAsFiled,
    /// It is not what the manifest says.
    Altered,
    /// The manifest names it, and it is not there.
    Gone,
    /// It is there, and the manifest does not name it.
    Added,
}

/// How the signature stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureState {
    /// It fits; by this key.
    Good {
        /// The public half of the key.
        signer: String,
    },
    /// It does not fit.
    Bad,
    /// There is none, and the manifest says that nobody signed.
    None,
    /// The manifest names a signer, and there is no signature.
    Gone,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The manifest.
    pub manifest: Manifest,
    /// Each file, in the manifest's order.
    pub files: Vec<(String, FileState)>,
    /// The signature under the manifest.
    pub signature: SignatureState,
}

impl Verified {
    /// Whether nothing was altered since it was handed out, and nothing before.
    pub fn holds(&self) -> bool {
        self.files.iter().all(|(_, state)| *state == FileState::Same)
            && matches!(self.signature, SignatureState::Good { .. } | SignatureState::None)
    }
}

/// Looks at a bundle.
///
/// # Errors
/// When it cannot be read, or is none of ours.
pub fn verify(path: &Path) -> Result<Verified, KeepError> {
    let file = File::open(path).map_err(|source| KeepError::Io { path: path.to_owned(), source })?;
    let not = |told: &str| KeepError::NotABundle { path: path.to_owned(), told: told.to_owned() };
    let mut zip =
        ZipArchive::new(BufReader::with_capacity(1 << 17, file)).map_err(|e| not(&e.to_string()))?;
    if zip.len() > MAX_FILES {
        return Err(not("it has too many files"));
    }
    let Some(text) = small(&mut zip, MANIFEST) else { return Err(not("it has no manifest.json")) };
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|_| not("its manifest cannot be read"))?;
    if manifest.format != FORMAT {
        return Err(not("it is of another make"));
    }
    let signature = match (small(&mut zip, SIGNATURE), &manifest.signer) {
        (None, None) => SignatureState::None,
        (None, Some(_)) => SignatureState::Gone,
        (Some(signature), signer) => match serde_json::from_slice::<Signature>(&signature) {
            Ok(s)
                if signer.as_ref() == Some(&s.public_key)
                    && check_signature(&s.public_key, &text, &s.signature) =>
            {
                SignatureState::Good { signer: s.public_key }
            }
            _ => SignatureState::Bad,
        },
    };
    let mut files = Vec::new();
    for filed in &manifest.files {
        let state = match hash(&mut zip, &filed.name) {
            None => FileState::Gone,
            Some(found) if found != (filed.bytes, filed.sha256.clone()) => FileState::Altered,
            Some(_) => match manifest.filed.get(&filed.name) {
                Some(at_the_end) if *at_the_end != filed.sha256 => FileState::NotAsFiled,
                _ => FileState::Same,
            },
        };
        files.push((filed.name.clone(), state));
    }
    let known: BTreeSet<&str> =
        manifest.files.iter().map(|f| f.name.as_str()).chain([MANIFEST, SIGNATURE]).collect();
    let added: Vec<String> =
        names(&mut zip).into_iter().filter(|name| !known.contains(name.as_str())).collect();
    files.extend(added.into_iter().map(|name| (name, FileState::Added)));
    Ok(Verified { manifest, files, signature })
}

type Zip = ZipArchive<BufReader<File>>;

fn names(zip: &mut Zip) -> Vec<String> {
    (0..zip.len()).filter_map(|n| Some(zip.by_index_raw(n).ok()?.name().ok()?.into_owned())).collect()
}

/// A short file as a whole; none where it is not there or cannot be read.
fn small(zip: &mut Zip, name: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    zip.by_name(name).ok()?.take(MAX_MANIFEST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// How long a file is and its SHA-256; none where it is not there, nonsense where it cannot be read.
fn hash(zip: &mut Zip, name: &str) -> Option<(u64, String)> {
    let mut file = zip.by_name(name).ok()?;
    let (mut hash, mut bytes, mut piece) = (Sha256::new(), 0_u64, vec![0; 1 << 17]);
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Some((bytes, hex::encode(hash.finalize()))),
            Ok(read) => {
                hash.update(&piece[..read]);
                bytes = bytes.saturating_add(read as u64);
            }
            Err(_) => return Some((bytes, String::new())),
        }
    }
}
