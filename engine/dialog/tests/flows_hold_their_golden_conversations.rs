//! Every flow in `dialogs/` passes its check and every golden conversation, and leaves nothing untried.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use waihu_dialog::{Problem, Script};
use waihu_types::Lang;

/// The flows, each read and checked once: a check walks every path.
static FLOWS: LazyLock<Vec<Arc<Script>>> = LazyLock::new(|| {
    let shared: Vec<PathBuf> = folders(&dialogs().join("parts")).iter().flat_map(|p| tomls(p)).collect();
    let shared = [tomls(&dialogs()), shared].concat();
    let flows = folders(&dialogs()).into_iter().filter(|f| f.join("script.toml").exists());
    let (right, wrong): (Vec<_>, Vec<_>) = flows.map(|flow| load(&flow, &shared)).partition(Result::is_ok);
    let wrong: Vec<Problem> = wrong.into_iter().filter_map(Result::err).flatten().collect();
    assert!(wrong.is_empty(), "{}", lines(&wrong));
    right.into_iter().flatten().map(Arc::new).collect()
});

fn dialogs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dialogs")
}

/// What a folder has in it, in one order.
fn listed(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    listed(folder).into_iter().filter(|p| p.is_dir()).collect()
}

fn tomls(folder: &Path) -> Vec<PathBuf> {
    listed(folder).into_iter().filter(|p| p.extension().is_some_and(|e| e == "toml")).collect()
}

fn load(flow: &Path, shared: &[PathBuf]) -> Result<Script, Vec<Problem>> {
    let paths = tomls(flow).into_iter().chain(shared.iter().cloned());
    let files: Vec<(String, String)> =
        paths.map(|p| (p.display().to_string(), fs::read_to_string(&p).unwrap())).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
    Script::load(flow.file_name().unwrap().to_str().unwrap(), &files)
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_golden_conversation_comes_out_as_written() {
    let wrong: Vec<Problem> = FLOWS.iter().flat_map(Script::run_examples).collect();
    assert!(wrong.is_empty(), "{}", lines(&wrong));
}

/// What is a flow's own is tried by its conversations, and what it shares by those of any flow.
#[test]
fn every_state_and_rule_is_tried_in_each_language() {
    let mut all = Vec::new();
    for lang in Lang::ALL {
        let mut shared: BTreeMap<String, usize> = BTreeMap::new();
        for script in FLOWS.iter() {
            let mut untried = script.try_examples(lang).untried;
            // Come to by the clock or after thirty turns: tests/a_call_has_its_limits.rs.
            untried.retain(|p| !p.message.contains("end_time_is_up\""));
            let (of_parts, own): (Vec<_>, Vec<_>) = untried.iter().partition(|p| part_of(&p.file).is_some());
            all.extend(own.iter().map(ToString::to_string));
            of_parts.iter().for_each(|p| *shared.entry(p.to_string()).or_default() += 1);
        }
        for (problem, flows) in shared {
            let part = part_of(&problem).unwrap();
            let uses = |f: &&Arc<Script>| f.files().iter().any(|(name, _)| part_of(name) == Some(part));
            if flows == FLOWS.iter().filter(uses).count() {
                all.push(problem);
            }
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

/// The part that a file belongs to.
fn part_of(path: &str) -> Option<&str> {
    path.split_once("parts/")?.1.split('/').next()
}

#[test]
fn each_language_has_the_same_conversations_and_enough_of_them() {
    for script in FLOWS.iter() {
        let [zh, en] = [Lang::Zh, Lang::En].map(|lang| script.examples(lang).len());
        assert!(zh == en && zh >= 25, "{}: {zh} in Mandarin, {en} in English", script.name());
    }
}
