//! `dialogs/schema/*.json`, by which editors help: they take every shipped file, refuse what the reader
//! refuses, and know every word of the closed lists.
//!
//! The validator here knows the keywords that these schemas use, and fails on any other. A crate for
//! it asks serde_json and hashbrown for features that nothing else wants, so that candle and all that
//! hangs on it would be built twice.
#![allow(clippy::unwrap_used, clippy::panic)]

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

/// What is wrong with a value under a schema; none when nothing is.
fn wrong(root: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    let schema = match schema.get("$ref").and_then(Value::as_str) {
        Some(named) => root.pointer(named.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    let size = |text: &str| Value::from(text.chars().count());
    let holds = |(keyword, wanted): (&String, &Value)| -> Result<(), String> {
        let number = |v: &Value| v.as_f64().unwrap();
        let fine = match (keyword.as_str(), value) {
            ("$schema" | "$defs" | "title" | "description" | "properties", _) => true,
            ("type", _) => match wanted.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_i64(),
                "number" => value.is_number(),
                other => panic!("type {other}"),
            },
            ("enum", _) => wanted.as_array().unwrap().contains(value),
            ("const", _) => wanted == value,
            ("minimum", Value::Number(_)) => number(value) >= number(wanted),
            ("maximum", Value::Number(_)) => number(value) <= number(wanted),
            ("minLength", Value::String(text)) => number(&size(text)) >= number(wanted),
            ("maxLength", Value::String(text)) => number(&size(text)) <= number(wanted),
            ("pattern", Value::String(text)) => match wanted.as_str().unwrap() {
                "\\S" => !text.trim().is_empty(),
                "^[0-9*#]$" => {
                    text.len() == 1 && text.contains(|c: char| c.is_ascii_digit() || "*#".contains(c))
                }
                other => panic!("pattern {other}"),
            },
            ("required", Value::Object(map)) => {
                wanted.as_array().unwrap().iter().all(|key| map.contains_key(key.as_str().unwrap()))
            }
            ("oneOf", _) => {
                let all = wanted.as_array().unwrap().iter();
                all.filter(|one| wrong(root, one, value, at).is_none()).count() == 1
            }
            ("items", Value::Array(items)) => {
                return items.iter().find_map(|item| wrong(root, wanted, item, at)).map_or(Ok(()), Err);
            }
            ("propertyNames", Value::Object(map)) => {
                map.keys().all(|key| wrong(root, wanted, &Value::from(key.as_str()), at).is_none())
            }
            ("additionalProperties", Value::Object(map)) => {
                let known = schema.get("properties").and_then(Value::as_object);
                let other = |key: &str| known.is_none_or(|k| !k.contains_key(key));
                let faults = map.iter().find_map(|(key, value)| match known.and_then(|k| k.get(key)) {
                    Some(schema) => wrong(root, schema, value, &format!("{at}.{key}")),
                    None if other(key) && wanted.is_object() => {
                        wrong(root, wanted, value, &format!("{at}.{key}"))
                    }
                    None => Some(format!("{at}: unknown key {key}")),
                });
                return faults.map_or(Ok(()), Err);
            }
            ("minimum" | "maximum" | "minLength" | "maxLength" | "pattern", _) => true,
            ("required" | "items" | "propertyNames" | "additionalProperties", _) => true,
            (other, _) => panic!("keyword {other}"),
        };
        if fine { Ok(()) } else { Err(format!("{at}: {value} against {keyword} {wanted}")) }
    };
    schema.as_object().unwrap().iter().find_map(|pair| holds(pair).err())
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
        let schema = schema(name);
        for (path, text, _) in files.iter().filter(|f| f.2 == name) {
            assert_eq!(wrong(&schema, &schema, &json(text), path), None);
        }
    }
}

#[test]
fn what_the_reader_refuses_is_refused() {
    let part = schema("part");
    for text in [
        "[limit]\nto = \"x\"",
        "[limits]\nmax_turns = 0\nto = \"x\"",
        "[[always]]\nto = \"x\"",
        "[[always]]\nintent = \"afirm\"\nto = \"x\"",
        "[[always]]\nintent = \"affirm\"\nwhen = [\"confirmd\"]",
        "[states.a]\nsay = \"x\"",
        "[states.a]\nend = \"dispute\"\nnext = \"b\"",
        "[states.a]\nend = \"handed_over\"",
        "[states.a]\nend = \"dispute\"\ndo = { sms = \"a\", note = \"b\" }",
        "[unreached]\nmail = \"a\"",
        "[digits]\nA = \"affirm\"",
        "[notices]\nprofiles = [\"uk\"]",
        "[voice.zh]\nspeed = 3",
        "[voice.fr]",
    ] {
        assert!(wrong(&part, &part, &json(text), "part").is_some(), "{text}");
    }
    assert_eq!(
        wrong(&part, &part, &json("[states.a]\nend = \"dispute\"\ndo = [{ note = \"b\" }]"), "part"),
        None
    );
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
