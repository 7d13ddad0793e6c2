//! The house stands: arrows between rooms, purity of the pure ones, file lengths.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Which rooms each room may name. What is not listed is refused.
const ARROWS: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("sip", &["types"]),
    ("rtp", &["types"]),
    ("audio", &[]),
    ("turn", &["types"]),
    ("answer", &["types", "audio"]),
    ("corpus", &["types", "audio"]),
    ("phonetics", &["types"]),
    ("nlu", &["types"]),
    ("terms", &["types", "compliance"]),
    ("dialog", &["types", "nlu", "terms"]),
    ("persona", &["types", "nlu", "dialog"]),
    ("compliance", &["types"]),
    ("campaign", &["types", "terms", "compliance"]),
    ("agents", &["types"]),
    ("quality", &["types", "dialog"]),
    ("redact", &["types"]),
    ("call", &["types", "nlu", "dialog", "sip", "answer", "agents"]),
    ("models", &[]),
    ("trunk", &["types", "sip"]),
    ("codec", &["types", "audio"]),
    ("srtp", &["types"]),
    ("media", &["types", "rtp", "audio", "codec", "srtp"]),
    ("load", &["types", "rtp", "audio", "codec", "srtp"]),
    ("vad", &["audio"]),
    ("spotter", &["types", "audio"]),
    ("asr", &["types", "audio"]),
    ("tts", &["types", "audio", "phonetics", "vad"]),
    ("intent", &["types", "nlu"]),
    ("speech", &["types", "nlu", "audio", "turn", "answer", "spotter", "asr", "tts", "vad", "intent"]),
    ("record", &["types", "audio"]),
    ("vault", &[]),
    ("keeping", &["types", "compliance", "store", "vault"]),
    ("store", &["types", "campaign", "compliance"]),
    ("tabular", &["types"]),
    ("deliver", &["types", "compliance", "store"]),
    (
        "api",
        &[
            "types",
            "agents",
            "campaign",
            "compliance",
            "quality",
            "redact",
            "store",
            "tabular",
            "vault",
            "keeping",
        ],
    ),
    (
        "dialler",
        &[
            "types",
            "agents",
            "call",
            "dialog",
            "campaign",
            "terms",
            "compliance",
            "sip",
            "trunk",
            "srtp",
            "media",
            "speech",
            "record",
            "quality",
            "vault",
            "store",
        ],
    ),
    ("simulator", &["types", "sip", "trunk", "srtp", "media", "audio", "tts"]),
];

const PURE: &[&str] = &[
    "types",
    "sip",
    "rtp",
    "audio",
    "phonetics",
    "nlu",
    "turn",
    "answer",
    "corpus",
    "terms",
    "dialog",
    "persona",
    "compliance",
    "campaign",
    "agents",
    "quality",
    "redact",
    "call",
];

/// Crates that a pure room's manifest must not name.
const EFFECTS: &[&str] = &[
    "tokio",
    "sqlx",
    "socket2",
    "crossbeam-channel",
    "tracing",
    "whisper-rs",
    "ort",
    "piper-rs",
    "candle-core",
    "hound",
    "rand",
];

/// What pure code must not say: clocks, sockets, files, threads, the environment, printing.
const IMPURE_WORDS: &[&str] = &[
    "std::time::Instant",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "ZonedDateTime::now",
    "std::net::UdpSocket",
    "UdpSocket::bind",
    "std::fs",
    "std::thread",
    "std::env",
    "println!",
    "tokio",
];

const MAX_LINES: usize = 800;
const MAX_HUB_LINES: usize = 500;
const HUBS: &[&str] = &["engine/call/machine.rs", "engine/dialler/actor.rs"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rooms() -> Vec<String> {
    let mut rooms: Vec<String> = fs::read_dir(root().join("engine"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.join("Cargo.toml").exists())
        .map(|p| p.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    rooms.sort();
    rooms
}

/// The names under `[dependencies]` (and target or build dependencies, not dev-dependencies).
fn dependencies(room: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("engine").join(room).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    ["dependencies", "build-dependencies"]
        .iter()
        .filter_map(|section| manifest.get(*section)?.as_table())
        .flat_map(|t| t.keys().cloned())
        .collect()
}

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    if !dir.exists() {
        return;
    }
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn rooms_name_only_the_rooms_they_may() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    for room in rooms() {
        let Some(may) = allowed.get(room.as_str()) else {
            wrong.push(format!("{room}: not in the plan of the house"));
            continue;
        };
        for dependency in dependencies(&room) {
            if let Some(other) = dependency.strip_prefix("waihu-")
                && !may.contains(&other)
            {
                wrong.push(format!("{room} -> {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that the house does not have: {wrong:#?}");
}

#[test]
fn pure_rooms_name_no_effect() {
    let mut wrong = Vec::new();
    for room in PURE {
        for dependency in dependencies(room) {
            if EFFECTS.contains(&dependency.as_str()) {
                wrong.push(format!("{room}/Cargo.toml names {dependency}"));
            }
        }
        let dir = root().join("engine").join(room);
        let mut files = Vec::new();
        rust_files(&dir, &mut files);
        for file in files {
            let inside = file.strip_prefix(&dir).unwrap();
            let aside = ["tests", "benches", "examples", "fuzz"];
            if aside.iter().any(|a| inside.starts_with(a)) || inside.ends_with("tests.rs") {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            for (number, line) in code.lines().enumerate() {
                let line = line.split("//").next().unwrap_or_default();
                for word in IMPURE_WORDS.iter().filter(|w| line.contains(**w)) {
                    wrong.push(format!("{}:{}: {word}", file.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "effects in pure rooms: {wrong:#?}");
}

#[test]
fn no_file_is_too_long_to_read() {
    let mut files = Vec::new();
    for dir in ["engine", "tests", "benches"] {
        rust_files(&root().join(dir), &mut files);
    }
    assert!(files.len() > 30, "only {} Rust files were found", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let name = file.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        let limit = if HUBS.contains(&name.as_str()) { MAX_HUB_LINES } else { MAX_LINES };
        if lines > limit {
            wrong.push(format!("{name}: {lines} lines, {limit} at most"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What is measured is told where it is described, and the other way round.
#[test]
fn every_series_is_in_the_table_and_counted() {
    let mut files = Vec::new();
    rust_files(&root().join("engine"), &mut files);
    let names = |text: &str| -> BTreeSet<String> {
        let quoted = text.split('"').filter(|word| word.starts_with("waihu_"));
        let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
        quoted.filter(|word| word.chars().all(is_name)).map(str::to_owned).collect()
    };
    // A room's name stands as the target of a trace.
    let rooms: BTreeSet<String> = rooms().iter().map(|room| format!("waihu_{room}")).collect();
    let (mut told, mut counted) = (BTreeSet::new(), BTreeSet::new());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let (table, code) = code
            .split_once("const SERIES")
            .map_or(("", code), |(_, rest)| rest.split_once("\n};").unwrap_or((rest, "")));
        told.extend(names(table));
        if ["gauge!(", "counter!(", "histogram!("].iter().any(|word| code.contains(word)) {
            counted.extend(names(code));
        }
    }
    assert_eq!(told, &counted - &rooms);
}

#[test]
fn every_room_says_what_it_is() {
    for room in rooms() {
        let lib = root().join("engine").join(&room).join("lib.rs");
        let text = fs::read_to_string(&lib).unwrap();
        assert!(text.starts_with("//! ") && !text.starts_with("//! stub"), "{}: no //! page", lib.display());
    }
}
