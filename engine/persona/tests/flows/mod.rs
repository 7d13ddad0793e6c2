//! The shipped flows, as they lie in `dialogs/`.
#![allow(dead_code, clippy::panic, clippy::unwrap_used)]

pub mod promise;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use waihu_dialog::Script;
use waihu_persona::Scene;
use waihu_types::Lang;

fn dialogs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dialogs")
}

/// The flows that there are, by name.
pub fn names() -> Vec<String> {
    let folders = fs::read_dir(dialogs()).unwrap().map(|e| e.unwrap().path());
    let mut names: Vec<String> = folders
        .filter(|f| f.join("script.toml").exists())
        .map(|f| f.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn toml(folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "toml") {
            files.push((path.display().to_string(), fs::read_to_string(path).unwrap()));
        }
    }
}

/// What a flow consists of: its own files, those of the parts, and what may never be said.
pub fn files(name: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    toml(&dialogs().join(name), &mut files);
    toml(&dialogs(), &mut files);
    for part in fs::read_dir(dialogs().join("parts")).unwrap() {
        toml(&part.unwrap().path(), &mut files);
    }
    files
}

/// Reads and checks a flow.
pub fn load(name: &str, files: &[(String, String)]) -> Arc<Script> {
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
    match Script::load(name, &files) {
        Ok(script) => Arc::new(script),
        Err(problems) => panic!("{}", problems.iter().map(|p| format!("{p}\n")).collect::<String>()),
    }
}

/// A flow by its name, read and checked.
pub fn flow(name: &str) -> Arc<Script> {
    load(name, &files(name))
}

/// The case of a flow's golden conversations.
pub fn scene(script: &Script, lang: Lang) -> Scene {
    let (case, today) = script.examples(lang)[0].case();
    Scene { case: case.clone(), today }
}
