//! ONNX Runtime, loaded from a path.

use std::{
    ffi::CStr,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use ort::session::Session;

use crate::VadError;

/// Set once the library is there. Without it the first use of the runtime would look for a library
/// somewhere on the system and end the process when there is none.
static LOADED: AtomicBool = AtomicBool::new(false);

/// Loads ONNX Runtime from the shared library at `library`.
///
/// Harmless to call again and beside other rooms: the first library that was loaded in the process
/// stays, whatever later calls name. Call it before any other room touches the runtime: only here is a
/// missing or damaged library an error; `ort` 2.0.0-rc.12 by itself waits for ever on one.
///
/// # Errors
/// [`VadError::Runtime`] when there is no such file, or it is no ONNX Runtime that fits.
pub fn init(library: &Path) -> Result<(), VadError> {
    if LOADED.load(Ordering::Acquire) {
        return Ok(());
    }
    let fail = |cause: String| VadError::Runtime { path: library.to_owned(), cause };
    // A relative path would be looked for beside the program first.
    let absolute = library.canonicalize().map_err(|e| fail(e.to_string()))?;
    #[cfg(all(target_os = "linux", target_pointer_width = "64", target_endian = "little"))]
    whole(&absolute).map_err(|e| fail(e.to_string()))?;
    probe(&absolute).map_err(fail)?;
    // False only says that another room has made the environment already.
    let _first = ort::init_from(absolute).map_err(|e| fail(e.to_string()))?.commit();
    LOADED.store(true, Ordering::Release);
    Ok(())
}

pub(crate) fn loaded() -> Result<(), VadError> {
    if LOADED.load(Ordering::Acquire) { Ok(()) } else { Err(VadError::NotInitialised) }
}

/// A network on one thread. Silero's work is a tenth of a millisecond, and handing out parts of it would
/// cost more than doing it; Smart Turn's is some tens, and while it runs the other core has calls to carry.
///
/// Quantized sums are kept whole: x86 processors without VNNI add the products of bytes in 16 bits, and where such a sum
/// overflows the runtime would cut it. Smart Turn then told other turns: 0.67 for a probability of 0.01.
pub(crate) fn session(network: &[u8]) -> Result<Session, String> {
    Session::builder()
        .map_err(|e| e.to_string())?
        .with_intra_threads(1)
        .map_err(|e| e.to_string())?
        .with_inter_threads(1)
        .map_err(|e| e.to_string())?
        .with_precise_qmm()
        .map_err(|e| e.to_string())?
        .commit_from_memory(network)
        .map_err(|e| e.to_string())
}

/// Whether an ELF file reaches to its last part, the table of sections: the loader maps a library into
/// memory without looking, and where the file has been cut off the process ends with a bus error.
#[cfg(all(target_os = "linux", target_pointer_width = "64", target_endian = "little"))]
fn whole(library: &Path) -> std::io::Result<()> {
    use std::io::{Error, Read};

    let mut file = std::fs::File::open(library)?;
    let mut header = [0; 64];
    file.read_exact(&mut header).map_err(|_| Error::other("it is no library"))?;
    if !header.starts_with(b"\x7fELF") {
        return Err(Error::other("it is no library"));
    }
    let u16_at = |i: usize| u64::from(u16::from_le_bytes([header[i], header[i + 1]]));
    let table = (0..8).rev().fold(0, |n, i| n << 8 | u64::from(header[0x28 + i]));
    let end = table.saturating_add(u16_at(0x3a) * u16_at(0x3c));
    if file.metadata()?.len() < end { Err(Error::other("it has been cut off")) } else { Ok(()) }
}

/// Tries what `ort` is about to do. Where its loading fails it makes an error object, for which it needs
/// the library, whose lock it holds: it would never come back.
#[allow(unsafe_code)]
fn probe(library: &Path) -> Result<(), String> {
    // SAFETY: loading runs the library's initialisers. It is the file that was named as ONNX Runtime, and
    // the next step loads it in the same way.
    let library = unsafe { libloading::Library::new(library) }.map_err(|e| e.to_string())?;
    // SAFETY: the type is that of the only symbol in the runtime's C interface, and a library that has
    // the symbol keeps to that interface.
    let version = unsafe {
        let base = library
            .get::<unsafe extern "C" fn() -> *const ort::sys::OrtApiBase>(b"OrtGetApiBase")
            .map_err(|_| "it is no ONNX Runtime".to_owned())?;
        let base = base().as_ref().ok_or("it gives no interface")?;
        CStr::from_ptr((base.GetVersionString)()).to_string_lossy().into_owned()
    };
    // It stays: unloading would run its finalisers, only to load it again.
    std::mem::forget(library);
    let minor: Option<u32> = version.split('.').nth(1).and_then(|minor| minor.parse().ok());
    let needed = ort::MINOR_VERSION;
    if minor.is_none_or(|minor| minor < needed) {
        return Err(format!("it is version {version}, and 1.{needed} or later is needed"));
    }
    Ok(())
}
