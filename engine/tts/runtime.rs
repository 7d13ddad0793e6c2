//! ONNX Runtime, loaded from a path, and sessions on it.

use std::path::Path;

use ort::session::{Session, builder::SessionBuilder};

use crate::{TtsError, TtsPaths};

/// A voice's session, and whether it also tells how long each token lasts.
pub(crate) struct Voicing {
    pub(crate) session: Session,
    /// Whether the tensor that was asked for is the last output.
    pub(crate) tells_durations: bool,
}

/// A session for a model file, with the threads that the paths allow, which also gives the inner tensor
/// `durations` as its last output, if the model has one of that name.
pub(crate) fn session(paths: &TtsPaths, model: &Path, durations: &str) -> Result<Voicing, TtsError> {
    init(&paths.onnxruntime)?;
    let file = |source| TtsError::File { path: model.to_owned(), source };
    let mut bytes = std::fs::read(model).map_err(file)?;
    bytes.extend(one_more_output(durations));
    let damaged = |what: String| TtsError::Damaged { path: model.to_owned(), what };
    let mut builder = builder(paths.threads).map_err(damaged)?;
    if let Ok(session) = builder.commit_from_memory(&bytes) {
        return Ok(Voicing { session, tells_durations: true });
    }
    drop(bytes);
    let session = builder.commit_from_file(model).map_err(|e| damaged(e.to_string()))?;
    Ok(Voicing { session, tells_durations: false })
}

fn builder(threads: usize) -> Result<SessionBuilder, String> {
    Session::builder()
        .map_err(|e| e.to_string())?
        .with_intra_threads(threads.max(1))
        .map_err(|e| e.to_string())?
        .with_inter_threads(1)
        .map_err(|e| e.to_string())
}

/// The bytes that, put after an ONNX file, make an inner tensor an output too.
///
/// An ONNX file is a protocol buffer, and of those a later part is merged into the earlier
/// (protobuf.dev, "Last One Wins"): `ModelProto.graph` is field 7, `GraphProto.output` field 12, which is
/// repeated, and `ValueInfoProto.name` field 1.
fn one_more_output(name: &str) -> Vec<u8> {
    let field = |number: u8, body: &[u8]| {
        // The names are far shorter than the 127 bytes that one byte of length can say.
        let mut out = vec![number << 3 | 2, body.len().min(127) as u8];
        out.extend(&body[..body.len().min(127)]);
        out
    };
    field(7, &field(12, &field(1, name.as_bytes())))
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
