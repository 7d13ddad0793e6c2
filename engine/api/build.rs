//! Takes the built console in: each file of `console/dist` as it is and pressed, with the hash of its content.
//! Where it was not built the table is empty, and the server says how to build it.
#![allow(missing_docs, reason = "a program of its own")]

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

fn main() -> io::Result<()> {
    let home = |name: &str| std::env::var_os(name).map(PathBuf::from).unwrap_or_default();
    let dist = home("CARGO_MANIFEST_DIR").join("../../console/dist");
    // The folder is in the repository: with a path that is not there everything would be built anew each time.
    println!("cargo::rerun-if-changed={}", dist.display());
    println!("cargo::rerun-if-changed=build.rs");
    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        walk(&dist, &mut files)?;
        files.sort();
    }
    let out = home("OUT_DIR");
    let mut table = String::from("&[\n");
    for (number, file) in files.iter().enumerate() {
        let bytes = fs::read(file)?;
        let pressed = out.join(format!("{number}.gz"));
        let mut gz = GzEncoder::new(Vec::new(), Compression::best());
        gz.write_all(&bytes)?;
        fs::write(&pressed, gz.finish()?)?;
        let name = file.strip_prefix(&dist).unwrap_or(file).to_string_lossy().replace('\\', "/");
        let tag = hex::encode(&Sha256::digest(&bytes)[..12]);
        table += &format!(
            "File {{ name: {name:?}, tag: {tag:?}, plain: include_bytes!({:?}), pressed: include_bytes!({:?}) }},\n",
            file.canonicalize()?,
            pressed
        );
    }
    table.push(']');
    fs::write(out.join("console.rs"), table)
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, found)?;
        } else if path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.')) {
            found.push(path);
        }
    }
    Ok(())
}
