//! `waihu corpus hear`: what the recognizer makes of a set of intents, as lines to train on.
//!
//! A classifier that has only read well-written lines is lost where a recognizer writes homophones. So the
//! lines that train are spoken by the voices that train, put through the telephone's conditions, and what is heard
//! of them, wrongly but not absurdly, becomes lines of its own. What was heard so far lies in `heard.tsv` of the
//! set's folder, so that a run that was broken off goes on.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::Args;
use waihu_asr::{Asr, AsrConfig, Options};
use waihu_corpus::{edits::edits, words::units};
use waihu_intent::{HELD_OUT, heard_name, normalize};
use waihu_types::{Intent, Lang};

use super::bar;
use crate::{
    commands::eval::manifest,
    output::{note, out},
    project::Project,
};

/// Whisper's rate [Hz].
const RATE: u32 = 16_000;

/// Beyond this share of wrong characters or words a reading has lost what was meant.
const ABSURD: f64 = 0.67;
/// The same for danger to life, which calls a person in: what hardly sounds like it must not be taken for it.
const ABSURD_OF_DANGER: f64 = 0.34;

#[derive(Debug, Args)]
pub(crate) struct HearArgs {
    /// The set's folder, of `waihu corpus make intents --voices train` 训练语音目录
    dir: PathBuf,
    /// The language to hear; its lines go to models/intents/heard-LANG.tsv 语言
    #[arg(long)]
    lang: Lang,
}

pub(super) fn run(project: &Project, args: &HearArgs) -> Result<ExitCode> {
    let rows = manifest::read(&args.dir.join("manifest.tsv"))?.rows;
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|r| r.cells)
        .filter(|c| c.get(1).is_some_and(|l| *l == args.lang.code()))
        .collect();
    let kept = args.dir.join("heard.tsv");
    hear_all(project, args, &rows, &kept)?;
    let written = write(project, args.lang, &kept)?;
    out!("{}: {written} lines 行", project.intent_examples().join(heard_name(args.lang)).display())?;
    Ok(ExitCode::SUCCESS)
}

/// Hears what has not been heard yet: `file, label, said, reading, …`, a line each.
fn hear_all(project: &Project, args: &HearArgs, rows: &[Vec<String>], kept: &Path) -> Result<()> {
    let fail = || format!("{}: cannot be written 无法写入", kept.display());
    let before = fs::read_to_string(kept).unwrap_or_default();
    let done: HashSet<&str> = before.lines().filter_map(|l| l.split('\t').next()).collect();
    let mut file = OpenOptions::new().create(true).append(true).open(kept).with_context(fail)?;
    let mut asr = Asr::load(project.recognizer()?, AsrConfig::default())?;
    let options = Options { lang: args.lang, ..Options::default() };
    let bar = bar(rows.len(), "heard 识别");
    for row in rows {
        bar.inc(1);
        let [name, _, label, said, ..] = &row[..] else { continue };
        if done.contains(name.as_str()) {
            continue;
        }
        let heard = manifest::sound(&args.dir, name, RATE)
            .and_then(|samples| asr.transcribe(&samples, &options).map_err(|e| format!("{name}: {e}")));
        let heard = match heard {
            Ok(heard) => heard,
            Err(e) => {
                bar.suspend(|| note!("{e}"));
                continue;
            }
        };
        let mut line = format!("{name}\t{label}\t{said}");
        for reading in &heard.alternatives {
            line.push('\t');
            line.push_str(&reading.text.replace(['\t', '\n'], " "));
        }
        writeln!(file, "{line}").with_context(fail)?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// Writes the lines that are worth training on; gives their number.
fn write(project: &Project, lang: Lang, kept: &Path) -> Result<usize> {
    let examples = project.intent_examples();
    let taken = labels(&examples.join(format!("{lang}.tsv")))?;
    let mut judged = HashSet::new();
    for folder in HELD_OUT {
        let path = examples.join(folder).join(format!("{lang}.tsv"));
        if path.exists() {
            judged.extend(labels(&path)?.into_keys());
        }
    }
    let all =
        fs::read_to_string(kept).with_context(|| format!("{}: cannot be read 无法读取", kept.display()))?;
    // What is heard of two meanings alike tells neither: it is marked by no label.
    let mut worth: BTreeMap<String, Option<String>> = BTreeMap::new();
    for row in all.lines() {
        let cells: Vec<&str> = row.split('\t').collect();
        let [_, label, said, readings @ ..] = &cells[..] else { continue };
        let wanted = units(lang, said);
        let absurd = if *label == Intent::Distress.label() { ABSURD_OF_DANGER } else { ABSURD };
        for reading in readings {
            let text = normalize(reading);
            let far = edits(&wanted, &units(lang, reading)).rate();
            if far > 0.0 && far <= absurd && !taken.contains_key(&text) && !judged.contains(&text) {
                let label = Some((*label).to_owned());
                let other = worth.entry(text).or_insert_with(|| label.clone());
                if *other != label {
                    *other = None;
                }
            }
        }
    }
    let mut lines: Vec<(String, String)> =
        worth.into_iter().filter_map(|(text, label)| Some((label?, text))).collect();
    lines.sort();
    let mut list =
        "# What the recognizer made of lines of this language's examples, spoken by voices that train:\n\
                    # `waihu corpus make intents --voices train`, `waihu corpus hear`. label<TAB>text\n"
            .to_owned();
    for (label, text) in &lines {
        list.push_str(&format!("{label}\t{text}\n"));
    }
    let path = examples.join(heard_name(lang));
    fs::write(&path, list).with_context(|| format!("{}: cannot be written 无法写入", path.display()))?;
    Ok(lines.len())
}

/// The label of each normalized text of a file.
fn labels(path: &Path) -> Result<HashMap<String, String>> {
    let rows = manifest::read(path)?.rows.into_iter();
    let pair = |row: manifest::Row| match &row.cells[..] {
        [label, text] => Some((normalize(text), label.clone())),
        _ => None,
    };
    Ok(rows.filter_map(pair).collect())
}
