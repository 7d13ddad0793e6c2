//! What was said, against what a listener would have written down: `tests/data/*.tsv`.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Write as _;

use jiff::civil::Date;
use waihu_nlu::extract;
use waihu_types::Lang;

/// Checks every line `text<TAB>today<TAB>expected JSON` and reports all that differ.
fn check(lang: Lang, table: &str, at_least: usize) {
    let mut wrong = String::new();
    let mut cases = 0;
    for (n, line) in table.lines().enumerate().filter(|(_, l)| !l.is_empty() && !l.starts_with('#')) {
        let [text, today, want] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("line {}: not three columns", n + 1)
        };
        let today: Date = today.parse().unwrap_or_else(|e| panic!("line {}: {e}", n + 1));
        let want: serde_json::Value =
            serde_json::from_str(want).unwrap_or_else(|e| panic!("line {}: {e}", n + 1));
        let found = serde_json::to_value(extract(lang, text, today)).unwrap();
        cases += 1;
        if found != want {
            writeln!(wrong, "line {}: {text}\n    want  {want}\n    found {found}", n + 1).unwrap();
        }
    }
    assert!(cases >= at_least, "only {cases} cases");
    assert!(wrong.is_empty(), "{} of {cases} differ\n{wrong}", wrong.lines().count() / 3);
}

#[test]
fn mandarin_entities_are_what_a_listener_writes_down() {
    check(Lang::Zh, include_str!("data/zh.tsv"), 150);
}

#[test]
fn english_entities_are_what_a_listener_writes_down() {
    check(Lang::En, include_str!("data/en.tsv"), 150);
}
