//! Links the libraries that the bundled espeak-ng uses and its crate does not name.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // `rustc-link-lib` goes with the library to whatever links it; `rustc-link-arg` would not.
    println!("cargo:rustc-link-lib=dylib=sonic");
    // Its build takes libpcaudio up where the machine has it, though nothing here plays sound. Linked where it is not
    // used it is left out again (`--as-needed`). A header that is not there must not be named to cargo: it would build
    // this room, and all that stand on it, anew each time.
    let headers = ["/usr/include/pcaudiolib/audio.h", "/usr/local/include/pcaudiolib/audio.h"];
    for header in headers.into_iter().filter(|header| Path::new(header).exists()) {
        println!("cargo:rerun-if-changed={header}");
        println!("cargo:rustc-link-lib=dylib=pcaudio");
    }
}
