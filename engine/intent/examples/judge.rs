//! How well a trained head does on files of `label<TAB>text` that it was not trained on.
//!
//! `judge ENCODER_DIR HEAD LANG [show] FILE…`: for each file the share understood (top-1 of
//! [`Classifier::decide`] without any expectation), the share of out-of-scope lines refused, and the
//! share of the others accepted; with `show`, each line taken for something else.
#![allow(clippy::print_stdout)]

use std::path::Path;

use waihu_intent::{Classifier, read_examples};
use waihu_types::{Intent, Lang};

/// What the dialogs ask of an intent that nobody expected, and of one that is urgent.
const ACCEPT: f32 = 0.45;
const URGENT: f32 = 0.30;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [encoder, head, lang, files @ ..] = &args[..] else {
        return Err("judge ENCODER_DIR HEAD LANG [show] FILE…".into());
    };
    let lang: Lang = lang.parse()?;
    let show = files.iter().any(|f| f == "show");
    let classifier = Classifier::load(Path::new(encoder), Path::new(head))?;
    for file in files.iter().filter(|f| *f != "show") {
        let set = read_examples(lang, Path::new(file))?;
        let (mut scope, mut right, mut accepted, mut outside, mut refused) = (0, 0, 0, 0, 0);
        for e in &set.examples {
            let d = classifier.classify(lang, &e.text, &[])?;
            let bar = if matches!(d.intent, Intent::Distress | Intent::StopCalling) { URGENT } else { ACCEPT };
            let taken = d.intent != Intent::OutOfScope && d.confidence >= bar;
            if e.intent == Intent::OutOfScope {
                outside += 1;
                refused += usize::from(!taken);
            } else {
                scope += 1;
                accepted += usize::from(taken);
                right += usize::from(d.intent == e.intent);
            }
            let wrong = if e.intent == Intent::OutOfScope { taken } else { d.intent != e.intent };
            if show && wrong {
                println!("{}\t{}\t{}\t{:.2}", e.intent, e.text, d.intent, d.confidence);
            }
        }
        let share = |part: usize, whole: usize| 100.0 * part as f64 / whole.max(1) as f64;
        println!(
            "{file}: right {right}/{scope} ({:.1} %), accepted {:.1} %, out of scope refused {refused}/{outside} ({:.1} %)",
            share(right, scope),
            share(accepted, scope),
            share(refused, outside),
        );
    }
    Ok(())
}
