//! How much of what is somebody's is found, and how much else is taken for it, on the set in `set.txt`.
//! `cargo test -p waihu-redact --test found_and_left -- --nocapture` prints the figures that stand in README.md.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;

use waihu_redact::{Kind, Known, Span, find};
use waihu_types::Lang;

/// A line of the set: its language, its text, and what in it is to be found.
fn line(line: &str) -> (Lang, String, Vec<Span>) {
    let (lang, marked) = line.split_once('|').unwrap();
    let (mut text, mut spans, mut rest) = (String::new(), Vec::new(), marked);
    while let Some((before, after)) = rest.split_once('{') {
        let (kind, after) = after.split_once(':').unwrap();
        let (inside, after) = after.split_once('}').unwrap();
        text.push_str(before);
        let from = text.len();
        text.push_str(inside);
        let kind = Kind::ALL.into_iter().find(|k| k.label() == kind).unwrap();
        spans.push(Span { from, to: text.len(), kind });
        rest = after;
    }
    text.push_str(rest);
    (if lang == "zh" { Lang::Zh } else { Lang::En }, text, spans)
}

#[derive(Default)]
struct Counted {
    wanted: u32,
    found: u32,
    /// Found as what they are.
    named: u32,
}

/// What came out of a set.
struct Figures {
    recall: f64,
    precision: f64,
}

fn figures(name: &str, set: &str) -> Figures {
    let mut known = Known::default();
    known.name("张伟", Lang::Zh);
    known.name("Daniel Reed", Lang::En);
    let mut by_kind: BTreeMap<Kind, Counted> = BTreeMap::new();
    let (mut right, mut wrong, mut lines, mut plain) = (0, 0, 0, 0);
    for marked in set.lines().filter(|l| !l.starts_with('#')) {
        let (lang, text, wanted) = line(marked);
        let found = find(&text, lang, &known);
        lines += 1;
        plain += u32::from(wanted.is_empty());
        for want in &wanted {
            let counted = by_kind.entry(want.kind).or_default();
            counted.wanted += 1;
            let whole = found.iter().find(|f| f.from <= want.from && want.to <= f.to);
            counted.found += u32::from(whole.is_some());
            counted.named += u32::from(whole.is_some_and(|f| f.kind == want.kind));
            if whole.is_none() {
                println!("missed: {marked} (found {found:?})");
            }
        }
        for have in &found {
            if wanted.iter().any(|w| w.from < have.to && have.from < w.to) {
                right += 1;
            } else {
                wrong += 1;
                println!("taken for a {}: {:?} in {text}", have.kind.label(), &text[have.from..have.to]);
            }
        }
    }
    let sum = |of: fn(&Counted) -> u32| by_kind.values().map(of).sum::<u32>();
    let (wanted, found, named) = (sum(|c| c.wanted), sum(|c| c.found), sum(|c| c.named));
    println!("{name}: {lines} lines, {plain} of them with nothing to find");
    for (kind, c) in &by_kind {
        println!("{:10} {:3} {:3} found, {:3} as what they are", kind.label(), c.wanted, c.found, c.named);
    }
    let recall = f64::from(found) / f64::from(wanted);
    let precision = f64::from(right) / f64::from(right + wrong);
    let all = right + wrong;
    println!(
        "recall {recall:.3} ({found} of {wanted}, {named} as what they are), precision {precision:.3} ({right} of {all})"
    );
    Figures { recall, precision }
}

#[test]
fn what_is_somebodys_is_found_and_sums_and_days_stay() {
    let of = figures("set.txt", include_str!("set.txt"));
    assert!(of.recall >= 0.98 && of.precision >= 0.98);
}

#[test]
fn on_lines_that_the_rules_were_not_made_for_it_is_nearly_as_good() {
    let of = figures("unseen.txt", include_str!("unseen.txt"));
    assert!(of.recall >= 0.80 && of.precision >= 0.90);
}
