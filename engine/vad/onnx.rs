//! ONNX Runtime, loaded from a path.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::VadError;

/// Set once the library is there. Without it the first use of the runtime would look for a library
/// somewhere on the system and end the process when there is none.
static LOADED: AtomicBool = AtomicBool::new(false);

/// Loads ONNX Runtime from the shared library at `library`.
///
/// Harmless to call again and from other rooms: the first library that was loaded in the process
/// stays, whatever later calls name.
///
/// # Errors
/// [`VadError::Runtime`] when there is no such file, or it is no ONNX Runtime that fits.
pub fn init(library: &Path) -> Result<(), VadError> {
    let fail = |cause: String| VadError::Runtime { path: library.to_owned(), cause };
    // A relative path would be looked for beside the program first.
    let absolute = library.canonicalize().map_err(|e| fail(e.to_string()))?;
    // False only says that another room has made the environment already.
    let _first = ort::init_from(absolute).map_err(|e| fail(e.to_string()))?.commit();
    LOADED.store(true, Ordering::Release);
    Ok(())
}

pub(crate) fn loaded() -> Result<(), VadError> {
    if LOADED.load(Ordering::Acquire) { Ok(()) } else { Err(VadError::NotInitialised) }
}
