//! `dialogs/schema/*.json`, by which editors help: they take every shipped file, refuse what the reader
//! refuses, and know every word of the closed lists.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use serde_json::Value;
use waihu_dialog::{Condition, Notice, Profile, Slot};
use waihu_types::Intent;

fn dialogs() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dialogs")
}

fn schema(name: &str) -> Value {
    let text = fs::read_to_string(dialogs().join(format!("schema/{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// A TOML text as an editor hands it to a schema.
fn json(text: &str) -> Value {
    serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap()
}

/// Every file of flows and parts, with the name of its schema.
fn files() -> Vec<(String, String, &'static str)> {
    let parts = fs::read_dir(dialogs().join("parts")).unwrap();
    let folders = fs::read_dir(dialogs()).unwrap().chain(parts).map(|e| e.unwrap().path());
    let paths = folders.flat_map(|p| {
        if p.is_dir() { fs::read_dir(p).unwrap().map(|e| e.unwrap().path()).collect() } else { vec![p] }
    });
    let schema_of = |name: &str| match name.split('.').next() {
        Some("script") => Some("script"),
        Some("part") => Some("part"),
        Some("prompts") => Some("prompts"),
        Some("lexicon") => Some("lexicon"),
        _ => None,
    };
    let toml = paths.filter(|p| p.extension().is_some_and(|e| e == "toml"));
    toml.filter_map(|p| {
        let schema = schema_of(p.file_name()?.to_str()?)?;
        Some((p.display().to_string(), fs::read_to_string(&p).unwrap(), schema))
    })
    .collect()
}

#[test]
fn every_shipped_file_is_taken() {
    let files = files();
    assert!(files.iter().filter(|f| f.2 == "script").count() >= 1 && files.len() > 12);
    for name in ["script", "part", "prompts", "lexicon"] {
        let schema = jsonschema::validator_for(&schema(name)).unwrap();
        for (path, text, _) in files.iter().filter(|f| f.2 == name) {
            let wrong: Vec<String> = schema
                .iter_errors(&json(text))
                .map(|e| format!("{path}: {} {e}", e.instance_path()))
                .collect();
            assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        }
    }
}

#[test]
fn what_the_reader_refuses_is_refused() {
    let part = jsonschema::validator_for(&schema("part")).unwrap();
    for wrong in [
        "[limit]\nto = \"x\"",
        "[limits]\nmax_turns = 0\nto = \"x\"",
        "[[always]]\nto = \"x\"",
        "[[always]]\nintent = \"afirm\"\nto = \"x\"",
        "[[always]]\nintent = \"affirm\"\nwhen = [\"confirmd\"]",
        "[states.a]\nsay = \"x\"",
        "[states.a]\nend = \"dispute\"\nnext = \"b\"",
        "[states.a]\nend = \"handed_over\"",
        "[states.a]\nend = \"dispute\"\ndo = { sms = \"a\", note = \"b\" }",
        "[digits]\nA = \"affirm\"",
        "[notices]\nprofiles = [\"uk\"]",
    ] {
        assert!(!part.is_valid(&json(wrong)), "{wrong}");
    }
    assert!(part.is_valid(&json("[states.a]\nend = \"dispute\"\ndo = [{ note = \"b\" }]")));
}

#[test]
fn the_closed_lists_are_whole() {
    let (script, prompts) = (schema("script"), schema("prompts"));
    let listed = |schema: &Value, path: &str| -> Vec<String> {
        let mut words: Vec<String> = serde_json::from_value(schema.pointer(path).unwrap().clone()).unwrap();
        words.sort();
        words
    };
    let sorted = |words: Vec<&str>| {
        let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        words.sort();
        words
    };
    let intents = sorted(Intent::ALL.iter().map(|i| i.label()).collect());
    assert_eq!(listed(&script, "/$defs/intent/enum"), intents);
    assert_eq!(listed(&prompts, "/$defs/intent/enum"), intents);
    let conditions = Condition::WORDS.iter().map(|w| w.0).collect();
    assert_eq!(listed(&script, "/$defs/condition/enum"), sorted(conditions));
    assert_eq!(listed(&script, "/$defs/slot/enum"), sorted(Slot::WORDS.iter().map(|w| w.0).collect()));
    let profiles = "/properties/notices/properties/profiles/oneOf/0/enum";
    assert_eq!(listed(&script, profiles), sorted(Profile::WORDS.iter().map(|w| w.0).collect()));
    for (word, _) in Notice::WORDS {
        assert!(script.pointer(&format!("/properties/notices/properties/{word}")).is_some(), "{word}");
    }
    // A part knows what a script knows.
    assert_eq!(schema("part")["$defs"], script["$defs"]);
}
