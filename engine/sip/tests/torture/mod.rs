//! The messages that RFC 4475 publishes to try parsers with. They are not ours, so they lie beside the project, in
//! `../shared/conformance/rfc4475`, or where `WAIHU_RFC4475` says.
#![allow(dead_code, clippy::unwrap_used)]

use std::{
    env, fs,
    io::{self, Write as _},
    path::PathBuf,
};

/// Where they are; said, where they are not.
pub fn folder() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/rfc4475");
    let folder = env::var_os("WAIHU_RFC4475").map_or_else(beside, PathBuf::from);
    if !folder.is_dir() {
        // Past the tests' capture: it is to be seen where all pass.
        let _ = writeln!(
            io::stderr(),
            "{}: RFC 4475's messages are not there, and are not tried 没有 RFC 4475 的报文",
            folder.display()
        );
        return None;
    }
    Some(folder)
}

/// One by its name in the RFC; none where there are none.
pub fn message(name: &str) -> Option<Vec<u8>> {
    Some(fs::read(folder()?.join(format!("{name}.dat"))).unwrap())
}

/// All 49; none where there are none.
pub fn all() -> Vec<Vec<u8>> {
    let Some(folder) = folder() else { return Vec::new() };
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let messages: Vec<_> = paths.filter(|path| path.extension().is_some_and(|e| e == "dat")).collect();
    assert_eq!(messages.len(), 49);
    messages.into_iter().map(|path| fs::read(path).unwrap()).collect()
}
