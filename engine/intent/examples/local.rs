//! What local examples are worth, and what they spoil.
//!
//! `local ENCODER_DIR HEAD LANG STATES.tsv [show] UNRELATED.tsv…`. `STATES.tsv` has `state, role, intent, text`: of each
//! state the examples, other words for them (`near`) and what else is said there (`far`). Told is how many lines
//! are understood without the examples and with them; and of the lines of the other files (`label, text`), read
//! with each state's examples, how many are taken for something else than without: `dragged` where that is wrong
//! and was right, `helped` where it is right and was wrong.
#![allow(clippy::print_stdout)]

use std::{collections::BTreeMap, path::Path};

use waihu_intent::{Classifier, Local};
use waihu_types::{Intent, Lang};

#[derive(Default)]
struct State {
    examples: Vec<(Intent, String)>,
    near: Vec<(Intent, String)>,
    far: Vec<(Intent, String)>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [encoder, head, lang, states, rest @ ..] = &args[..] else {
        return Err("local ENCODER_DIR HEAD LANG STATES.tsv [show] UNRELATED.tsv…".into());
    };
    let lang: Lang = lang.parse()?;
    let show = rest.iter().any(|f| f == "show");
    let classifier = Classifier::load(Path::new(encoder), Path::new(head))?;
    let states = read(&std::fs::read_to_string(states)?)?;
    let decide = |text: &str, local: Option<&Local>| -> Result<Intent, waihu_intent::IntentError> {
        Ok(classifier.decide(lang, &[(text, 0.0)], &[], local)?.intent)
    };
    let (mut near, mut far) = ([0, 0, 0], [0, 0, 0]);
    for (name, state) in &states {
        let local = classifier.local(&state.examples)?;
        for (lines, sums) in [(&state.near, &mut near), (&state.far, &mut far)] {
            for (meant, text) in lines {
                let (without, with) = (decide(text, None)?, decide(text, Some(&local))?);
                sums[0] += 1;
                sums[1] += usize::from(without == *meant);
                sums[2] += usize::from(with == *meant);
                if show && (with != *meant || with != without) {
                    println!("{name}\t{text}\t{meant}: {without} -> {with}");
                }
            }
        }
    }
    println!("other words for an example: {} of {} right without, {} with", near[1], near[0], near[2]);
    println!("what else is said there: {} of {} right without, {} with", far[1], far[0], far[2]);
    let (mut read, mut changed, mut dragged, mut helped) = (0, 0, 0, 0);
    for file in rest.iter().filter(|f| *f != "show") {
        for line in std::fs::read_to_string(file)?.lines().filter(|l| !l.starts_with('#')) {
            let Some((labels, text)) = line.split_once('\t') else { continue };
            let meant: Vec<Intent> = labels.split('+').map(str::parse).collect::<Result<_, _>>()?;
            let without = decide(text, None)?;
            for (name, state) in &states {
                let with = decide(text, Some(&*classifier.local(&state.examples)?))?;
                read += 1;
                changed += usize::from(with != without);
                dragged += usize::from(meant.contains(&without) && !meant.contains(&with));
                helped += usize::from(!meant.contains(&without) && meant.contains(&with));
                if show && with != without {
                    println!("{name}\t{text}\t{labels}: {without} -> {with}");
                }
            }
        }
    }
    println!(
        "unrelated lines: {read} read, {changed} taken otherwise, {dragged} dragged in, {helped} helped"
    );
    Ok(())
}

fn read(text: &str) -> Result<BTreeMap<String, State>, Box<dyn std::error::Error>> {
    let mut states = BTreeMap::<String, State>::new();
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [state, role, intent, text] = cells[..] else {
            return Err(format!("{line}: state, role, intent and text are wanted").into());
        };
        let state = states.entry(state.to_owned()).or_default();
        let lines = match role {
            "example" => &mut state.examples,
            "near" => &mut state.near,
            "far" => &mut state.far,
            other => return Err(format!("{other}: example, near or far is wanted").into()),
        };
        lines.push((intent.parse()?, text.to_owned()));
    }
    Ok(states)
}
