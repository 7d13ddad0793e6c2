//! Alone in its process, because the runtime is loaded once for all.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::Path;

use waihu_vad::{Silero, VadError, onnx};

#[test]
fn without_the_runtime_there_is_an_error_and_no_panic() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let models = manifest.join("../../.waihu/models");
    let early = Silero::load(&models.join("silero-vad/silero_vad.onnx"));
    assert!(matches!(early, Err(VadError::NotInitialised)));
    let whole = std::fs::read(models.join("onnxruntime/libonnxruntime.so")).unwrap();
    let cut = std::env::temp_dir().join(format!("waihu-vad-cut-{}.so", std::process::id()));
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    // Nothing, a text, half a library, and a library of something else.
    let other = Path::new("/lib/x86_64-linux-gnu/libm.so.6");
    for wrong in [&manifest.join("no-such-file.so"), &manifest.join("Cargo.toml"), &cut, other] {
        let error = onnx::init(wrong).unwrap_err();
        assert!(matches!(error, VadError::Runtime { .. }), "{error}");
        assert!(error.to_string().contains(wrong.to_str().unwrap()), "{error}");
    }
    std::fs::remove_file(cut).unwrap();
}
