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
        return copy(&mut BufReader::new(file), out).map_err(|e| broken(path, &e));
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
    copy(&mut entry, out).map_err(|e| broken(path, &e))
}

fn from_tar_gz(path: &Path, file: File, member: &str, out: &mut dyn Write) -> Result<u64, ModelsError> {
    let mut archive = tar::Archive::new(GzDecoder::new(BufReader::new(file)));
    for entry in archive.entries().map_err(|e| broken(path, &e))? {
        let mut entry = entry.map_err(|e| broken(path, &e))?;
        if entry.path_bytes().as_ref() == member.as_bytes() {
            return copy(&mut entry, out).map_err(|e| broken(path, &e));
        }
    }
    Err(no_member(path, member))
}

fn copy(from: &mut dyn Read, out: &mut dyn Write) -> io::Result<u64> {
    let copied = io::copy(&mut from.take(MEMBER_MAX_BYTES + 1), out)?;
    if copied > MEMBER_MAX_BYTES {
        return Err(io::Error::other("a member is larger than any model file"));
    }
    Ok(copied)
}

fn broken(path: &Path, problem: &dyn std::error::Error) -> ModelsError {
    ModelsError::Archive { path: path.to_owned(), problem: problem.to_string() }
}

fn no_member(path: &Path, member: &str) -> ModelsError {
    ModelsError::NoMember { path: path.to_owned(), member: member.to_owned() }
}
