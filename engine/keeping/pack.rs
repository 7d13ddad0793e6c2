//! One zip with a manifest: each file's SHA-256, and a signature under them all.

use std::{
    collections::BTreeMap,
    io::{self, Read, Seek, Write},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use waihu_vault::Signer;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// What a manifest of this make begins with.
pub(crate) const FORMAT: &str = "waihu bundle 1";
/// The manifest's name.
pub(crate) const MANIFEST: &str = "manifest.json";
/// The name of the signature under it.
pub(crate) const SIGNATURE: &str = "signature.json";
/// What is copied at once [bytes].
const PIECE: usize = 128 << 10;

/// A file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filed {
    /// Its name in the zip.
    pub name: String,
    /// How long it is [bytes].
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
}

/// A file that belongs there and is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Its name, where it were there.
    pub name: String,
    /// Why it is not.
    pub why: String,
}

/// What stands in a bundle's manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The make: `waihu bundle 1`.
    pub format: String,
    /// What it is of: `call` or `debtor`.
    pub of: String,
    /// Which one.
    pub id: String,
    /// When it was made.
    pub made_at: String,
    /// Who asked for it.
    pub made_by: String,
    /// The program's version.
    pub waihu: String,
    /// Every file beside this one and its signature.
    pub files: Vec<Filed>,
    /// The SHA-256 that was filed of files when the call ended: what is here is as it was then, or it is not.
    pub filed: BTreeMap<String, String>,
    /// What belongs here and is not.
    pub missing: Vec<Missing>,
    /// Who signed it; none where nobody did.
    pub signer: Option<String>,
}

/// The signature under a manifest.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Signature {
    /// `Ed25519`.
    pub(crate) algorithm: String,
    /// The public half of the key, in hexadecimals.
    pub(crate) public_key: String,
    /// Over the manifest's bytes, in base64.
    pub(crate) signature: String,
}

/// A zip that is being written.
pub(crate) struct Pack<W: Write + Seek> {
    zip: ZipWriter<W>,
    pub(crate) files: Vec<Filed>,
    pub(crate) filed: BTreeMap<String, String>,
    pub(crate) missing: Vec<Missing>,
}

/// How a file is put into a zip.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pressed {
    /// Text, of which a tenth is left.
    Yes,
    /// Sound: pressing takes longer than it is worth.
    No,
}

impl<W: Write + Seek> Pack<W> {
    pub(crate) fn new(out: W) -> Self {
        let (files, filed, missing) = (Vec::new(), BTreeMap::new(), Vec::new());
        Self { zip: ZipWriter::new(out), files, filed, missing }
    }

    /// Puts a file in.
    pub(crate) fn add(&mut self, name: &str, content: &mut dyn Read, pressed: Pressed) -> io::Result<()> {
        let method = match pressed {
            Pressed::Yes => CompressionMethod::Deflated,
            Pressed::No => CompressionMethod::Stored,
        };
        // A recording of twelve hours has more than a zip's old lengths tell.
        let options =
            SimpleFileOptions::default().compression_method(method).large_file(pressed == Pressed::No);
        self.zip.start_file(name, options.unix_permissions(0o600)).map_err(io::Error::other)?;
        let (mut hash, mut bytes, mut piece) = (Sha256::new(), 0_u64, vec![0; PIECE]);
        loop {
            let read = content.read(&mut piece)?;
            if read == 0 {
                break;
            }
            hash.update(&piece[..read]);
            self.zip.write_all(&piece[..read])?;
            bytes = bytes.saturating_add(read as u64);
        }
        self.files.push(Filed { name: name.to_owned(), bytes, sha256: hex::encode(hash.finalize()) });
        Ok(())
    }

    pub(crate) fn json(&mut self, name: &str, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(value)?;
        self.add(name, &mut text.as_slice(), Pressed::Yes)
    }

    /// What is in it so far, for a page about it.
    pub(crate) fn told(&self) -> Told<'_> {
        Told { files: &self.files, filed: &self.filed, missing: &self.missing }
    }

    /// Writes manifest and signature, and ends the zip.
    pub(crate) fn finish(mut self, about: About<'_>) -> io::Result<(W, Manifest)> {
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            of: about.of.to_owned(),
            id: about.id.to_owned(),
            made_at: about.made_at,
            made_by: about.made_by.to_owned(),
            waihu: env!("CARGO_PKG_VERSION").to_owned(),
            files: std::mem::take(&mut self.files),
            filed: std::mem::take(&mut self.filed),
            missing: std::mem::take(&mut self.missing),
            signer: about.signer.map(Signer::public),
        };
        let text = serde_json::to_vec_pretty(&manifest)?;
        self.add(MANIFEST, &mut text.as_slice(), Pressed::Yes)?;
        if let Some(signer) = about.signer {
            let signature = Signature {
                algorithm: "Ed25519".to_owned(),
                public_key: signer.public(),
                signature: signer.sign(&text),
            };
            self.json(SIGNATURE, &signature)?;
        }
        Ok((self.zip.finish().map_err(io::Error::other)?, manifest))
    }
}

/// What is in a zip.
pub(crate) struct Told<'a> {
    pub(crate) files: &'a [Filed],
    pub(crate) filed: &'a BTreeMap<String, String>,
    pub(crate) missing: &'a [Missing],
}

/// What a manifest says beside its files.
pub(crate) struct About<'a> {
    pub(crate) of: &'a str,
    pub(crate) id: &'a str,
    pub(crate) made_at: String,
    pub(crate) made_by: &'a str,
    pub(crate) signer: Option<&'a Signer>,
}
