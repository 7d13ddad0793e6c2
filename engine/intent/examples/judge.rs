//! How well a trained head does on files of `label<TAB>text` that it was not trained on.
//!
//! `judge ENCODER_DIR HEAD LANG [show] FILE…`: for each file the share understood (of
//! [`Classifier::classify`] without any expectation), the share of out-of-scope lines refused, and how often
//! danger to life is seen where it is and where it is not. A label may be several, joined with `+`: the first
//! is the one to act on, and all should be found. With `show`, each line taken for something else.
#![allow(clippy::print_stdout)]

use std::path::Path;

use waihu_intent::Classifier;
use waihu_nlu::{Decision, Said, mood};
use waihu_types::{Intent, Lang};

/// What the dialogs ask of an intent that nobody expected, and of one that is urgent.
const ACCEPT: f32 = 0.45;
const URGENT: f32 = 0.30;
/// A mood from here on is danger.
const DANGER: f32 = 0.5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [encoder, head, lang, files @ ..] = &args[..] else {
        return Err("judge ENCODER_DIR HEAD LANG [show] FILE…".into());
    };
    let lang: Lang = lang.parse()?;
    let show = files.iter().any(|f| f == "show");
    let classifier = Classifier::load(Path::new(encoder), Path::new(head))?;
    for file in files.iter().filter(|f| *f != "show") {
        let mut counts = Counts::default();
        for line in std::fs::read_to_string(file)?.lines().filter(|l| !l.starts_with('#')) {
            let Some((labels, text)) = line.split_once('\t') else { continue };
            let meant: Vec<Intent> = labels.split('+').map(str::parse).collect::<Result<_, _>>()?;
            let decision = classifier.classify(lang, text, &[])?;
            let right = counts.add(lang, text, &meant, &decision);
            if show && !right {
                let also: Vec<String> = decision.also.iter().map(|a| format!("{}:{:.2}", a.0, a.1)).collect();
                let (intent, sure) = (decision.intent, decision.confidence);
                println!("{labels}\t{text}\t{intent}\t{sure:.2}\t{}", also.join(" "));
            }
        }
        counts.print(file);
    }
    Ok(())
}

#[derive(Default)]
struct Counts {
    scope: usize,
    right: usize,
    one_of: usize,
    all: usize,
    accepted: usize,
    outside: usize,
    refused: usize,
    danger: usize,
    danger_seen: usize,
    danger_felt: usize,
    calm: usize,
    calm_seen: usize,
    calm_felt: usize,
}

impl Counts {
    /// Counts one line; whether it was understood.
    fn add(&mut self, lang: Lang, text: &str, meant: &[Intent], d: &Decision) -> bool {
        let urgent = matches!(d.intent, Intent::Distress | Intent::StopCalling);
        let taken = d.intent != Intent::OutOfScope && d.confidence >= if urgent { URGENT } else { ACCEPT };
        let seen = d.intent == Intent::Distress && taken;
        let said = Said { text, intent: d.intent, confidence: d.confidence, prosody: None };
        let felt = mood(lang, &[said]).distress >= DANGER;
        if meant.contains(&Intent::Distress) {
            self.danger += 1;
            self.danger_seen += usize::from(seen);
            self.danger_felt += usize::from(felt);
        } else {
            self.calm += 1;
            self.calm_seen += usize::from(seen);
            self.calm_felt += usize::from(felt);
        }
        if meant[0] == Intent::OutOfScope {
            self.outside += 1;
            self.refused += usize::from(!taken);
            return !taken;
        }
        let found = |i: &Intent| *i == d.intent || d.also.iter().any(|a| a.0 == *i);
        self.scope += 1;
        self.accepted += usize::from(taken);
        self.right += usize::from(d.intent == meant[0]);
        self.one_of += usize::from(meant.contains(&d.intent));
        self.all += usize::from(meant.iter().all(found));
        d.intent == meant[0] && meant.iter().all(found)
    }

    fn print(&self, file: &str) {
        let share = |part: usize, whole: usize| 100.0 * part as f64 / whole.max(1) as f64;
        println!("{file}");
        println!(
            "  right {}/{} ({:.1} %), accepted {:.1} %",
            self.right,
            self.scope,
            share(self.right, self.scope),
            share(self.accepted, self.scope)
        );
        if self.one_of != self.right || self.all != self.right {
            println!(
                "  one of its meanings {:.1} %, all of them {:.1} %",
                share(self.one_of, self.scope),
                share(self.all, self.scope)
            );
        }
        if self.outside > 0 {
            let refused = share(self.refused, self.outside);
            println!("  out of scope refused {}/{} ({refused:.1} %)", self.refused, self.outside);
        }
        println!(
            "  danger decided {}/{}, felt {}; falsely decided {}/{}, felt {}",
            self.danger_seen, self.danger, self.danger_felt, self.calm_seen, self.calm, self.calm_felt
        );
    }
}
