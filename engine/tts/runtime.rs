//! ONNX Runtime, loaded from a path, and sessions on it.

use std::path::Path;

use ort::session::Session;

use crate::{TtsError, TtsPaths};

/// A session for a model file, with the threads that the paths allow.
pub(crate) fn session(paths: &TtsPaths, model: &Path) -> Result<Session, TtsError> {
    init(&paths.onnxruntime)?;
    if let Err(source) = std::fs::metadata(model) {
        return Err(TtsError::File { path: model.to_owned(), source });
    }
    let build = || -> Result<Session, String> {
        Session::builder()
            .map_err(|e| e.to_string())?
            .with_intra_threads(paths.threads.max(1))
            .map_err(|e| e.to_string())?
            .with_inter_threads(1)
            .map_err(|e| e.to_string())?
            .commit_from_file(model)
            .map_err(|e| e.to_string())
    };
    build().map_err(|what| TtsError::Damaged { path: model.to_owned(), what })
}

/// Loads the library once; later calls, also from other rooms, find it loaded.
fn init(library: &Path) -> Result<(), TtsError> {
    let fail = |cause: String| TtsError::Runtime { path: library.to_owned(), cause };
    if !library.exists() {
        return Err(fail("there is no such file".to_owned()));
    }
    // False only says that the environment is already there.
    let _already = ort::init_from(library).map_err(|e| fail(e.to_string()))?.commit();
    Ok(())
}
