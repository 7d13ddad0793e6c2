//! The manual says what is so: links lead somewhere, both languages have the same pages and parts, and each command,
//! flag, key, route, file and word of the console that is named in it is there.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use common::waihu;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The manual's pages, by their path in docs/.
fn pages() -> BTreeMap<String, String> {
    let docs = root().join("docs");
    let mut found = BTreeMap::new();
    for folder in ["", "zh", "en"] {
        for entry in fs::read_dir(docs.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "md") {
                let name = path.strip_prefix(&docs).unwrap().to_string_lossy().replace('\\', "/");
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

/// What stands between two marks, each time.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(open) {
        rest = &rest[at + open.len()..];
        let Some(end) = rest.find(close) else { break };
        found.push(&rest[..end]);
        rest = &rest[end + close.len()..];
    }
    found
}

/// Text without its blocks of code, and the blocks with their kinds.
fn apart(text: &str) -> (String, Vec<(String, String)>) {
    let (mut prose, mut blocks) = (String::new(), Vec::new());
    for (number, part) in text.split("```").enumerate() {
        if number % 2 == 0 {
            prose.push_str(part);
        } else {
            let (kind, code) = part.split_once('\n').unwrap();
            blocks.push((kind.to_owned(), code.to_owned()));
        }
    }
    (prose, blocks)
}

/// Fails with all that is not so, page by page.
fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn links_lead_somewhere_and_every_page_is_in_the_summary() {
    let pages = pages();
    let mut wrong = Vec::new();
    for (name, text) in &pages {
        let folder = Path::new(name).parent().unwrap();
        for target in between(text, "](", ")") {
            let file = target.split('#').next().unwrap();
            if !target.contains("://") && !root().join("docs").join(folder).join(file).is_file() {
                wrong.push(format!("{name}: there is no {target}"));
            }
        }
        if name != "SUMMARY.md" && !pages["SUMMARY.md"].contains(&format!("({name})")) {
            wrong.push(format!("{name} is not in SUMMARY.md"));
        }
    }
    none(&wrong);
}

#[test]
fn both_languages_have_the_same_pages_and_parts() {
    let pages = pages();
    let parts = |text: &str| {
        let (prose, blocks) = apart(text);
        let headings = prose.lines().filter(|line| line.starts_with('#')).count();
        let pictures = prose.matches("![").count();
        (headings, pictures, blocks.iter().map(|(kind, _)| kind.clone()).collect::<Vec<_>>())
    };
    let of = |lang: &str| -> BTreeMap<String, _> {
        let folder = format!("{lang}/");
        let its = pages
            .iter()
            .filter_map(|(name, text)| Some((name.strip_prefix(&folder)?.to_owned(), parts(text))));
        its.collect()
    };
    assert!(!of("en").is_empty());
    assert_eq!(of("zh"), of("en"));
}

/// What the program says of commands, asked once each.
#[derive(Default)]
struct Helps(BTreeMap<String, String>);

impl Helps {
    fn of(&mut self, path: &[&str]) -> String {
        let ask = || {
            let told = waihu(&root()).args(path).arg("--help").output().unwrap();
            String::from_utf8_lossy(&told.stdout).into_owned()
        };
        self.0.entry(path.join(" ")).or_insert_with(ask).clone()
    }

    /// What is wrong with a command as it is written down.
    fn wrong(&mut self, command: &str) -> Option<String> {
        let words: Vec<&str> = command.split_whitespace().skip(1).collect();
        let mut path: Vec<&str> = Vec::new();
        let mut help = self.of(&path);
        for word in &words {
            let Some(commands) = help.split_once("\nCommands:\n").map(|(_, rest)| rest) else { break };
            let known = commands.lines().take_while(|line| !line.trim().is_empty());
            if !known.filter_map(|line| line.split_whitespace().next()).any(|known| known == *word) {
                return Some(format!("`{command}`: there is no `{word}`"));
            }
            path.push(word);
            help = self.of(&path);
        }
        let flags = words.iter().filter(|word| word.starts_with("--"));
        let unknown = flags.map(|flag| flag.split('=').next().unwrap()).find(|flag| !help.contains(flag))?;
        Some(format!("`{command}`: there is no {unknown}"))
    }
}

#[test]
fn commands_are_the_programs() {
    let mut helps = Helps::default();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (name, text) in pages() {
        let (prose, blocks) = apart(&text);
        let inline = between(&prose, "`", "`").into_iter().map(str::to_owned);
        let shell = blocks.iter().filter(|(kind, _)| kind == "sh").flat_map(|(_, code)| code.lines());
        for command in inline.chain(shell.map(str::to_owned)).filter(|code| code.starts_with("waihu ")) {
            seen += 1;
            let command = command.split(" #").next().unwrap().trim();
            wrong.extend(helps.wrong(command).map(|what| format!("{name}: {what}")));
        }
    }
    assert!(seen > 40, "only {seen} commands were found");
    // What the unit of systemd starts is one as well.
    let unit = read("packaging/waihu.service");
    let starts: Vec<&str> =
        unit.lines().filter_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/")).collect();
    assert_eq!(starts.len(), 1);
    wrong.extend(helps.wrong(starts[0]));
    none(&wrong);
}

#[test]
fn keys_are_those_of_the_examples() {
    let examples =
        ["waihu.example.toml", "sip-config/example.toml", "campaigns/example.toml"].map(read).join("\n");
    let plain = |line: &str| line.trim_start_matches(['#', ':', ' ']).to_owned();
    let known: BTreeSet<String> = examples
        .lines()
        .map(plain)
        .filter_map(|line| match line.split_once(" = ") {
            Some((key, _)) => Some(key.trim().to_owned()),
            None => line.starts_with('[').then_some(line),
        })
        .collect();
    let mut wrong = Vec::new();
    for (name, text) in pages() {
        for (_, code) in apart(&text).1.iter().filter(|(kind, _)| kind == "toml") {
            code.parse::<toml::Table>().unwrap();
            for line in code.lines().filter(|line| !line.trim().is_empty()) {
                let key = line.split_once(" = ").map_or(line, |(key, _)| key);
                if !known.contains(key) {
                    wrong.push(format!("{name}: no example has {key}"));
                }
            }
        }
    }
    none(&wrong);
}

#[test]
fn routes_and_files_are_there() {
    // The table there is held against the program by a test of its own.
    let routes = read("engine/api/README.md");
    let folders = [
        "engine/",
        "sip-config/",
        "strategies/",
        "campaigns/",
        "compliance/",
        "dialogs/",
        "console/",
        "packaging/",
        "tests/",
    ];
    let mut wrong = Vec::new();
    for (name, text) in pages() {
        for code in between(&apart(&text).0, "`", "`") {
            let method = code.split_once(" /").map(|(method, _)| method);
            if method.is_some_and(|method| ["GET", "POST", "PATCH", "DELETE"].contains(&method)) {
                let route = code.split('?').next().unwrap();
                if !routes.contains(&format!("| `{route}` |")) {
                    wrong.push(format!("{name}: there is no route {code}"));
                }
            } else if folders.iter().any(|folder| code.starts_with(folder))
                && !code.contains("NAME")
                && !root().join(code).exists()
            {
                wrong.push(format!("{name}: there is no file {code}"));
            }
        }
    }
    none(&wrong);
}

#[test]
fn words_of_the_console_stand_there() {
    let words =
        ["words", "words-kept", "words-told"].map(|file| read(&format!("console/src/{file}.ts"))).concat();
    let mut wrong = Vec::new();
    for (name, text) in pages().into_iter().filter(|(name, _)| name.contains('/')) {
        for word in between(&apart(&text).0, "**", "**") {
            if !words.contains(&format!("'{word}'")) && !words.contains(&format!("\"{word}\"")) {
                wrong.push(format!("{name}: the console does not say {word}"));
            }
        }
    }
    none(&wrong);
}
