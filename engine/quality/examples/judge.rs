//! Judges calls of a file of JSON lines, `{"outcome": …, "case": …, "lines": […], "profile": "…"}`, and prints what fails.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;

use serde::Deserialize;
use waihu_dialog::Lexicon;
use waihu_quality::{Call, Decided, Line, Rules, judge};
use waihu_types::{Case, Lang, Outcome};

#[derive(Deserialize)]
struct Filed {
    outcome: Outcome,
    case: Option<Case>,
    lines: Option<Vec<Line>>,
    profile: String,
}

fn main() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let lexicon = |lang: Lang| {
        let path = format!("{root}/dialogs/lexicon.{lang}.toml");
        (lang, Lexicon::parse(&path, &std::fs::read_to_string(&path).unwrap(), lang).unwrap())
    };
    let rules = Rules::shipped(Lang::ALL.into_iter().map(lexicon).collect::<BTreeMap<_, _>>()).unwrap();
    let text = std::fs::read_to_string(std::env::args().nth(1).unwrap()).unwrap();
    for line in text.lines() {
        let filed: Filed = serde_json::from_str(line).unwrap();
        let Filed { outcome, case, lines, profile } = &filed;
        let decided = Some(Decided::Allowed);
        let call = Call { outcome, case: case.as_ref(), lines: lines.as_deref(), decided, profile };
        let judgement = judge(&call, &rules);
        println!(
            "{} {} {:?} passed {} {:?}",
            outcome.case,
            outcome.disposition.label(),
            judgement.score,
            judgement.passed,
            judgement.facts
        );
        for checked in &judgement.checks {
            println!("   {} {:?}", checked.id, checked.verdict);
            for evidence in
                checked.evidence.iter().filter(|_| checked.verdict == waihu_quality::Verdict::Fail)
            {
                println!(
                    "       line {:?} at {:?}: {} / {}",
                    evidence.line, evidence.at_ms, evidence.zh, evidence.en
                );
            }
        }
    }
}
