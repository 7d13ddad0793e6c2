//! Training from the repository's examples, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use waihu_intent::{
    Classifier, Encoder, ExampleSet, HELD_OUT, Head, IntentError, TrainOptions, TrainingData, read_examples,
    train, train_files,
};
use waihu_nlu::{Said, mood};
use waihu_types::{Intent, Lang};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn encoder_dir() -> PathBuf {
    root().join(".waihu/models/use-multilingual")
}

fn encoder() -> Encoder {
    Encoder::load(&encoder_dir()).expect("fetch the models first: waihu models pull")
}

fn examples(lang: Lang, held_out: &str) -> ExampleSet {
    let path = root().join("models/intents").join(held_out).join(format!("{}.tsv", lang.code()));
    read_examples(lang, &path).unwrap()
}

/// The first few examples of each label: quick to train on.
fn few(lang: Lang) -> TrainingData {
    let mut set = examples(lang, "");
    let mut seen = std::collections::HashMap::new();
    set.examples.retain(|e| {
        let n = seen.entry(e.intent).or_insert(0);
        *n += 1;
        *n <= 6
    });
    TrainingData { examples: set, heard: None, held_out: Vec::new() }
}

fn quick() -> TrainOptions {
    TrainOptions { max_iterations: 60, folds: 2, ..TrainOptions::default() }
}

#[test]
fn held_out_words_are_understood() {
    let data: Vec<TrainingData> = Lang::ALL
        .into_iter()
        .map(|lang| TrainingData {
            examples: examples(lang, ""),
            heard: None,
            held_out: HELD_OUT.map(|folder| examples(lang, folder)).to_vec(),
        })
        .collect();
    let encoder = encoder();
    let mut steps = Vec::new();
    let (head, report) = train(&data, &encoder, &quick(), &mut |s| steps.push(s)).unwrap();
    for l in &report.languages {
        let held_out = l.held_out.unwrap();
        assert!(held_out > 0.90, "{}: {held_out}", l.lang);
        assert_eq!(l.labels.len(), Intent::ALL.len());
        let last = steps.iter().rfind(|s| s.lang == l.lang).unwrap();
        assert_eq!(last.done, last.total);
        for label in &l.labels {
            assert!(label.examples >= 40, "{} has {} examples", label.intent, label.examples);
        }
    }
    let classifier = Classifier::new(encoder, head).unwrap();
    let p = classifier.scores(Lang::Zh, "我下个星期二还").unwrap();
    assert_eq!(p.len(), Intent::ALL.len());
    assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-3);
    let said = |lang, text: &str| classifier.classify(lang, text, &[]).unwrap().intent;
    assert_eq!(said(Lang::Zh, "我下个星期二还"), Intent::PromiseToPay);
    assert_eq!(said(Lang::Zh, "您打错电话了吧。"), Intent::WrongNumber);
    assert_eq!(said(Lang::En, "you have got the wrong number"), Intent::WrongNumber);
    let silent = classifier.scores(Lang::Zh, "……").unwrap();
    assert!(silent.iter().all(|p| *p == silent[0]));
    several_guesses_and_meanings(&classifier);
    for lang in Lang::ALL {
        what_is_denied_and_who_despairs(&classifier, lang);
    }
}

fn several_guesses_and_meanings(classifier: &Classifier) {
    let heard = [("我先换五百", -0.5), ("我先还五百", -0.3), ("我先环五百", -0.9)];
    let d = classifier.decide(Lang::Zh, &heard, &[], None).unwrap();
    assert_eq!(d.intent, Intent::PartialPayment);
    let alone = classifier.decide(Lang::Zh, &heard[1..2], &[], None).unwrap();
    assert_eq!(alone, classifier.classify(Lang::Zh, "我先还五百", &[]).unwrap());
    let d = classifier.classify(Lang::En, "Yes, it's me, but I already paid.", &[]).unwrap();
    assert_eq!((d.intent, d.also[0].0), (Intent::AlreadyPaid, Intent::Affirm));
    let d = classifier.classify(Lang::Zh, "我失业了，能不能分期", &[]).unwrap();
    let both = [Intent::Hardship, Intent::RequestInstallments];
    assert!(both.contains(&d.intent) && both.contains(&d.also[0].0) && d.intent != d.also[0].0);
    let nothing = classifier.decide(Lang::Zh, &[], &[], None).unwrap();
    assert_eq!((nothing.intent, nothing.confidence), (Intent::OutOfScope, 0.0));
}

/// On the lists of `held-out-2`: what is denied is not asked for, and danger to life is not missed.
fn what_is_denied_and_who_despairs(classifier: &Classifier, lang: Lang) {
    let list = |name: &str| {
        let path = root().join("models/intents/held-out-2").join(format!("{}{name}.tsv", lang.code()));
        read_examples(lang, &path).unwrap().examples
    };
    let decided = |text: &str| classifier.classify(lang, text, &[]).unwrap();
    let denied = list(".negation");
    let right = denied.iter().filter(|e| decided(&e.text).intent == e.intent).count();
    assert!(right * 100 >= denied.len() * 85, "{lang}: {right} of {}", denied.len());
    let in_danger = |text: &str| {
        let d = decided(text);
        let said = Said { text, intent: d.intent, confidence: d.confidence, prosody: None };
        (d.intent == Intent::Distress && d.confidence >= 0.3) || mood(lang, &[said]).distress >= 0.5
    };
    let despair = list(".distress");
    let seen = despair.iter().filter(|e| in_danger(&e.text)).count();
    assert!(seen * 100 >= despair.len() * 90, "{lang}: {seen} of {}", despair.len());
    let calm = || list("").into_iter().chain(list(".negation")).filter(|e| e.intent != Intent::Distress);
    let alarms = calm().filter(|e| in_danger(&e.text)).count();
    assert!(alarms * 100 <= calm().count() * 3, "{lang}: {alarms} false alarms");
}

#[test]
fn the_same_examples_give_the_same_head() {
    let dir = tempfile::tempdir().unwrap();
    let encoder = encoder();
    let files = ["a", "b"].map(|n| dir.path().join("deep").join(n));
    for f in &files {
        train(&[few(Lang::Zh)], &encoder, &quick(), &mut |_| ()).unwrap().0.save(f).unwrap();
    }
    assert_eq!(fs::read(&files[0]).unwrap(), fs::read(&files[1]).unwrap());
}

#[test]
fn a_head_that_does_not_fit_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let encoder = encoder();
    let good = dir.path().join("head.json");
    let (head, _) = train(&[few(Lang::Zh)], &encoder, &quick(), &mut |_| ()).unwrap();
    head.save(&good).unwrap();
    let text = fs::read_to_string(&good).unwrap();
    let load = |changed: String| {
        let path = dir.path().join("changed.json");
        fs::write(&path, changed).unwrap();
        Classifier::load(&encoder_dir(), &path).err().map(|e| e.to_string()).unwrap_or_default()
    };
    assert_eq!(load(text.clone()), "");
    let other = load(text.replace(encoder.version(), "use-multilingual-0"));
    assert!(other.contains("trained on encoder use-multilingual-0"), "{other}");
    for stale in [text.replace("\"features\":1,", "\"features\":2,"), text.replace("\"features\":1,", "")] {
        let stale = load(stale);
        assert!(stale.contains("made for features") && stale.contains("train it again"), "{stale}");
    }
    let labels = load(text.replace("\"greeting\"", "\"salute\""));
    assert!(labels.contains("greeting here, salute in the head"), "{labels}");
    let cut = load(text[..text.len() / 2].to_owned());
    assert!(cut.contains("changed.json is not a trained intent head"), "{cut}");
    let weights = load(text.replacen("\"weights\":[", "\"weights\":[0.5,", 1));
    assert!(weights.contains("do not fit"), "{weights}");
    let missing = Head::load(&dir.path().join("none.json")).err().unwrap();
    assert!(missing.to_string().contains("none.json"));
    let classifier = Classifier::load(&encoder_dir(), &good).unwrap();
    let untrained = classifier.classify(Lang::En, "hello", &[]).err().unwrap();
    assert!(matches!(untrained, IntentError::UntrainedLanguage(Lang::En)));
}

#[test]
fn bad_examples_are_refused_before_training() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("head.json");
    let run = || train_files(&encoder_dir(), dir.path(), &out, &quick(), &mut |_| ()).err().unwrap();
    assert!(matches!(run(), IntentError::NoLanguages(_)));
    fs::write(dir.path().join("zh.tsv"), "greeting\t喂\n").unwrap();
    assert!(run().to_string().contains("acknowledge"));
    fs::write(dir.path().join("zh.tsv"), "greeting\t喂\nhullo\t你好\n").unwrap();
    fs::write(dir.path().join("en.tsv"), "greeting hello\n").unwrap();
    let both = run().to_string();
    assert!(both.contains("zh.tsv:2") && both.contains("en.tsv:1"), "{both}");
    assert!(!out.exists());
}

#[test]
fn an_example_is_never_measured_on_itself() {
    let mut data = few(Lang::Zh);
    let mut held_out = data.examples.clone();
    held_out.examples.truncate(1);
    held_out.file = "held-out/zh.tsv".to_owned();
    data.held_out = vec![held_out];
    let refused = train(&[data], &encoder(), &quick(), &mut |_| ()).err().unwrap();
    assert!(refused.to_string().contains("held out, but trained on"), "{refused}");
}
