//! Links the libraries that the bundled espeak-ng uses and its crate does not name.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // `rustc-link-lib` goes with the library to whatever links it; `rustc-link-arg` would not.
    println!("cargo:rustc-link-lib=dylib=sonic");
    // Its build takes libpcaudio up where the machine has it, though nothing here plays sound.
    // Linked where it is not used it is left out again (`--as-needed`).
    let has_pcaudio = Path::new("/usr/include/pcaudiolib/audio.h").exists()
        || Path::new("/usr/local/include/pcaudiolib/audio.h").exists();
    println!("cargo:rerun-if-changed=/usr/include/pcaudiolib/audio.h");
    println!("cargo:rerun-if-changed=/usr/local/include/pcaudiolib/audio.h");
    if has_pcaudio {
        println!("cargo:rustc-link-lib=dylib=pcaudio");
    }
}
