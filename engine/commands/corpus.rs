//! `waihu corpus`: sets of speech, spoken by the project's voices, to train on or to judge by.
//!
//! What is in a set is the corpus room's plan; here it is spoken, put together and written. A set that was
//! broken off goes on where it stopped: words spoken once lie in `.spoken/`, and a file is there whole or not
//! at all.

mod hear;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use sha2::{Digest, Sha256};
use waihu_audio::frame::{RATE_8K, to_i16};
use waihu_corpus::{
    Purpose, Random,
    plan::{Item, Meant, Plan, Said, Set},
    scene::{Heard, Take, compose},
    voices::purpose,
};
use waihu_record::wav;
use waihu_tts::{Request, Tts, VoiceStyle};
use waihu_types::{Intent, Lang};

use crate::{
    commands::eval::manifest,
    output::{note, out},
    project::Project,
};

/// Other utterances that a babble is made of.
const BABBLE_OF: usize = 6;

#[derive(Debug, Subcommand)]
pub(crate) enum CorpusCommand {
    /// Speak a set into a folder: WAVs and manifest.tsv, the same for the same seed 合成评测或训练集
    Make(MakeArgs),
    /// Hear a set of intents, and keep what was misheard as lines to train on 识别训练语音，误识句用于训练
    Hear(hear::HearArgs),
}

#[derive(Debug, Args)]
pub(crate) struct MakeArgs {
    /// What the set is for 类别
    #[arg(value_enum)]
    set: SetName,
    /// The folder to write 输出目录
    dir: PathBuf,
    /// What random choices follow from 随机种子
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many files, in both languages together 文件数
    #[arg(long, default_value_t = 120, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    lines: u32,
    /// Lines and voices that judge, or those that train: never the same 评测或训练用的语句与音色
    #[arg(long, value_enum, default_value_t = Voices::Judge)]
    voices: Voices,
    /// One language alone 仅一种语言
    #[arg(long)]
    lang: Option<Lang>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SetName {
    /// What is said 识别
    Speech,
    /// What is meant 意图
    Intents,
    /// When a turn is over 话轮
    Turns,
    /// Who answers 谁接的电话
    Answers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Voices {
    Judge,
    Train,
}

impl SetName {
    fn set(self) -> Set {
        match self {
            Self::Speech => Set::Speech,
            Self::Intents => Set::Intents,
            Self::Turns => Set::Turns,
            Self::Answers => Set::Answers,
        }
    }

    fn columns(self) -> &'static str {
        match self {
            Self::Speech => "file\tlang\ttext\tcondition",
            Self::Intents => "file\tlang\tlabel\ttext\tcondition",
            Self::Turns => "file\tlang\ttext\tquestion\tlabel\tcondition\tended_at_ms",
            Self::Answers => "file\tlang\tlabel\tannouncement\tanswered_at_ms\tcondition",
        }
    }
}

pub(crate) fn run(project: &Project, command: CorpusCommand) -> Result<ExitCode> {
    match command {
        CorpusCommand::Make(args) => make(project, &args),
        CorpusCommand::Hear(args) => hear::run(project, &args),
    }
}

fn make(project: &Project, args: &MakeArgs) -> Result<ExitCode> {
    let mut tts = Tts::load(project.voices()?)?;
    let wanted = match args.voices {
        Voices::Judge => Purpose::Judge,
        Voices::Train => Purpose::Train,
    };
    let mut voices = voices(&tts, wanted);
    voices.retain(|lang, _| args.lang.is_none_or(|only| only == *lang));
    let meant = if args.set == SetName::Intents { meant(project, wanted)? } else { Vec::new() };
    let plan = Plan {
        set: args.set.set(),
        purpose: wanted,
        count: args.lines as usize,
        seed: args.seed,
        voices: &voices,
        meant: &meant,
    };
    let items = plan.items();
    ensure!(!items.is_empty(), "no voice speaks these lines: run `waihu models pull` 没有可用音色");
    claim(&args.dir, &items)?;
    let begun = Instant::now();
    let failed = speak_all(&mut tts, &args.dir, &items)?;
    let (files, seconds) = write_all(args, &items, &failed)?;
    out!(
        "{}: {files} files 文件, {seconds:.0} s of sound 声音, in {:.0} s",
        args.dir.display(),
        begun.elapsed().as_secs_f64()
    )?;
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The voices of a purpose, by language.
fn voices(tts: &Tts, wanted: Purpose) -> BTreeMap<Lang, Vec<String>> {
    let mut out: BTreeMap<Lang, Vec<String>> = BTreeMap::new();
    for voice in tts.voices() {
        for lang in voice.langs {
            if purpose(lang, &voice.name) == wanted {
                out.entry(lang).or_default().push(voice.name.clone());
            }
        }
    }
    out
}

/// Lines with what they mean: those that are only measured, or those that are trained on.
fn meant(project: &Project, wanted: Purpose) -> Result<Vec<Meant>> {
    let folder = match wanted {
        Purpose::Judge => project.intent_examples().join("held-out-2"),
        Purpose::Train => project.intent_examples(),
    };
    let mut out = Vec::new();
    for lang in Lang::ALL {
        let rows = manifest::read(&folder.join(format!("{lang}.tsv")))?;
        for row in rows.rows {
            match &row.cells[..] {
                [label, text] if label.parse::<Intent>().is_ok() => {
                    out.push(Meant { lang, label: label.clone(), text: text.clone() });
                }
                _ => note!("{}: not label, tab, text; left out 格式不符，已略过", row.place),
            }
        }
    }
    Ok(out)
}

/// Marks the folder as this plan's, so that what is in it already may be kept.
fn claim(dir: &Path, items: &[Item]) -> Result<()> {
    let stamp = hex::encode(Sha256::digest(format!("{items:?}")));
    let path = dir.join(".plan");
    fs::create_dir_all(dir).with_context(|| format!("{}: cannot be made 无法创建", dir.display()))?;
    match fs::read_to_string(&path) {
        Ok(other) if other == stamp => return Ok(()),
        Ok(_) => bail!("{}: another set is in it; name another folder 目录中已有另一套数据", dir.display()),
        Err(_) => {}
    }
    let strange = dir.join("manifest.tsv").exists();
    ensure!(!strange, "{}: holds a manifest.tsv of someone else's 目录中已有他人的清单", dir.display());
    fs::write(&path, stamp).with_context(|| format!("{}: cannot be written 无法写入", path.display()))
}

fn bar(length: usize, message: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(length as u64).with_message(message);
    // The template is a constant of ours; were it wrong, the plain style would do.
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} {msg} {eta}") {
        bar.set_style(style);
    }
    bar
}

/// Where words that were spoken are kept.
fn spoken_path(dir: &Path, lang: Lang, said: &Said) -> PathBuf {
    let key = Sha256::digest(format!("{lang}\n{}\n{}\n{}", said.voice, said.speed, said.text));
    dir.join(".spoken").join(format!("{}.wav", &hex::encode(key)[..24]))
}

/// Speaks what is not spoken yet; gives the names of what could not be.
fn speak_all(tts: &mut Tts, dir: &Path, items: &[Item]) -> Result<Vec<String>> {
    let bar = bar(items.len(), "spoken 合成");
    let mut failed = Vec::new();
    for item in items {
        bar.inc(1);
        let Some(said) = &item.said else { continue };
        let path = spoken_path(dir, item.lang, said);
        if path.exists() {
            continue;
        }
        match speak(tts, item.lang, said) {
            Ok(samples) => write(&path, &samples)?,
            // One line that no voice takes does not keep the others from being spoken.
            Err(e) => {
                bar.suspend(|| note!("{} ({}): {e:#}", item.name, said.text));
                failed.push(item.name.clone());
            }
        }
    }
    bar.finish_and_clear();
    Ok(failed)
}

fn speak(tts: &mut Tts, lang: Lang, said: &Said) -> Result<Vec<i16>> {
    let comma = match lang {
        Lang::Zh => "，",
        Lang::En => ", ",
    };
    // Who rests for thought does not let the voice fall: as before a comma.
    let mut text = String::new();
    for part in said.text.split('|') {
        if !text.is_empty() && !text.trim_end().ends_with(['，', ',']) {
            text.push_str(comma);
        }
        text.push_str(part);
    }
    let style = VoiceStyle::new(Some(&said.voice), said.speed);
    let speech = tts.synthesize(&Request { lang, text: &text, style: &style })?;
    Ok(speech.to_rate(RATE_8K)?)
}

/// Written beside and moved into place, so that a file is whole wherever it is.
fn write(path: &Path, samples: &[i16]) -> Result<()> {
    let part = path.with_extension("part");
    wav::write_mono(&part, RATE_8K, samples)?;
    fs::rename(&part, path).with_context(|| format!("{}: cannot be written 无法写入", path.display()))
}

/// Puts the files together and writes the manifest; gives their number and length [s].
fn write_all(args: &MakeArgs, items: &[Item], failed: &[String]) -> Result<(usize, f64)> {
    let items: Vec<&Item> = items.iter().filter(|i| !failed.contains(&i.name)).collect();
    let bar = bar(items.len(), "heard 加入线路条件");
    let mut list = format!("{}\n", args.set.columns());
    let mut samples_in_all = 0;
    for (n, item) in items.iter().enumerate() {
        let heard = heard(&args.dir, &items, n, args.seed)?;
        let file = format!("{}.wav", item.name);
        let path = args.dir.join(&file);
        if !path.exists() {
            write(&path, &heard.samples)?;
        }
        samples_in_all += heard.samples.len();
        let mut cells = item.cells.clone();
        if args.set == SetName::Answers {
            let at = heard.answered_at_ms.map_or_else(|| "-".to_owned(), |ms| ms.to_string());
            cells.insert(cells.len().saturating_sub(1), at);
        }
        cells.extend(heard.ended_at_ms.map(|ms| ms.to_string()));
        list.push_str(&format!("{file}\t{}\n", cells.join("\t")));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let path = args.dir.join("manifest.tsv");
    fs::write(&path, list).with_context(|| format!("{}: cannot be written 无法写入", path.display()))?;
    Ok((items.len(), samples_in_all as f64 / f64::from(RATE_8K)))
}

/// What the line hears of the item at `n`. Babble is made of the words of those after it.
fn heard(dir: &Path, items: &[&Item], n: usize, seed: u64) -> Result<Heard> {
    let item = items[n];
    let spoken = |of: &Item| -> Result<Vec<i16>> {
        let Some(said) = &of.said else { return Ok(Vec::new()) };
        Ok(to_i16(&wav::read(spoken_path(dir, of.lang, said))?.mono()))
    };
    let voice = |of: &Item| of.said.as_ref().map(|s| s.text.clone());
    let mut others = Vec::new();
    for other in items[n + 1..].iter().chain(&items[..n]) {
        if others.len() >= BABBLE_OF {
            break;
        }
        if other.said.is_some() && voice(other) != voice(item) {
            others.push(spoken(other)?);
        }
    }
    let others: Vec<&[i16]> = others.iter().map(Vec::as_slice).collect();
    let words = spoken(item)?;
    let take = Take {
        scene: item.scene,
        lang: item.lang,
        text: item.said.as_ref().map_or("", |s| &s.text),
        spoken: &words,
        condition: item.condition.1,
        others: &others,
    };
    Ok(compose(&take, Random::named(seed, &item.name).next_u64()))
}
