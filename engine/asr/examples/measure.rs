//! How well and how fast speech is recognized on this machine.
//!
//! `measure MODEL LANG LIST [KEY=VALUE …]`, with a list of WAV, tab, the words said in it. The files are one
//! channel at 8 kHz, 16 bits; what the telephone does to them is told by name (`waihu_corpus::conditions`).
//! `engine/tts/examples/speak.rs` speaks the lines of `said-*.txt` and `domain-*.txt` into such files.
//!
//! | key | values | without it |
//! |---|---|---|
//! | `on` | conditions, with commas between | `alaw` |
//! | `window` | `cut`, `full`, or AFTER:LEAST in ms | `cut` |
//! | `prompt` | `default`, `none`, or a text | `default` |
//! | `readings` | hypotheses wanted | 1 |
//! | `flash` | `on`, `off` | as in `AsrConfig` |
//! | `threads` | threads for one utterance | 1 |
//! | `only` | every n-th line | 1 |
//! | `show` | `wrong` prints the lines in which something is wrong, `all` all of them | |
//!
//! `measure score LANG LIST` scores another recognizer's lines (`benches/peers/faster_whisper.py`).
//!
//! For each condition: the character error rate (Mandarin) or word error rate (English), the lines wholly
//! right, the lines of which one hypothesis is right, and the core-seconds for utterances of about 1, 3 and
//! 6 s. Numbers count the same however they are written.
#![allow(clippy::print_stdout)]

use std::{collections::HashMap, path::Path};

use waihu_asr::{Asr, AsrConfig, Options, Window};
use waihu_audio::frame;
use waihu_corpus::{
    Condition, apply,
    edits::{Edits, edits},
    words::units,
};
use waihu_types::Lang;

type Failure = Box<dyn std::error::Error>;

struct Line {
    sound: Vec<i16>,
    words: Vec<String>,
    said: String,
}

struct Settings<'a> {
    options: Options<'a>,
    show: Option<&'a str>,
}

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [score, lang, list] = &args[..]
        && score == "score"
    {
        return another(lang.parse()?, Path::new(list));
    }
    let [model, lang, list, rest @ ..] = &args[..] else {
        return Err("measure MODEL LANG LIST [KEY=VALUE …]".into());
    };
    let keys: HashMap<&str, &str> =
        rest.iter().map(|a| a.split_once('=').ok_or(format!("{a} has no ="))).collect::<Result<_, _>>()?;
    let number = |key: &str, without: usize| keys.get(key).map_or(Ok(without), |v| v.parse());
    let lang: Lang = lang.parse()?;
    let mut config = AsrConfig { threads: number("threads", 1)?, ..AsrConfig::default() };
    if let Some(flash) = keys.get("flash") {
        config.flash_attention = *flash == "on";
    }
    let prompt = match keys.get("prompt") {
        None | Some(&"default") => None,
        Some(&"none") => Some(""),
        Some(text) => Some(*text),
    };
    let window = window(keys.get("window").unwrap_or(&"cut"))?;
    let options = Options { lang, prompt, window, readings: number("readings", 1)? };
    let settings = Settings { options, show: keys.get("show").copied() };
    let lines: Vec<Line> = read(Path::new(list), lang)?.into_iter().step_by(number("only", 1)?).collect();
    let mut asr = Asr::load(model, config)?;
    println!("{} utterances, {window:?}, {config:?}, {model}", lines.len());
    for name in keys.get("on").unwrap_or(&"alaw").split(',') {
        let condition = Condition::named(name).ok_or(format!("no condition {name}"))?;
        measure(&mut asr, name, &heard(&condition, &lines)?, &settings)?;
    }
    Ok(())
}

fn window(text: &str) -> Result<Window, Failure> {
    Ok(match text.split_once(':') {
        None if text == "cut" => Window::Cut,
        None if text == "full" => Window::Full,
        Some((after, least)) => Window::Room { after_ms: after.parse()?, least_ms: least.parse()? },
        None => return Err(format!("no window {text}").into()),
    })
}

/// Another recognizer's lines: said, heard, seconds, core-seconds, with tabs between.
fn another(lang: Lang, list: &Path) -> Result<(), Failure> {
    let mut score = Score::default();
    for line in std::fs::read_to_string(list)?.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [said, heard, seconds, took] = fields[..] else {
            return Err("said, heard, seconds and core-seconds are wanted".into());
        };
        let said = units(lang, said);
        score.add(&edits(&said, &units(lang, heard)), seconds.parse()?, took.parse()?);
    }
    score.print("as told");
    Ok(())
}

/// The lines as they come out of the line, at 16 kHz.
fn heard<'a>(condition: &Condition, lines: &'a [Line]) -> Result<Vec<(&'a Line, Vec<f32>)>, Failure> {
    let mut out = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        // Babble is made of three others.
        let others: Vec<&[i16]> =
            [7, 17, 29].iter().map(|step| &lines[(n + step) % lines.len()].sound[..]).collect();
        let sound = apply(condition, &line.sound, &others, n as u64);
        out.push((line, waihu_audio::resample(&frame::to_f32(&sound), 8_000, 16_000)?));
    }
    Ok(out)
}

fn measure(
    asr: &mut Asr,
    name: &str,
    lines: &[(&Line, Vec<f32>)],
    settings: &Settings<'_>,
) -> Result<(), Failure> {
    let options = &settings.options;
    // The first utterance pays for memory that later ones find there.
    if let Some((_, first)) = lines.first() {
        asr.transcribe(first, options)?;
    }
    let (mut score, mut among, mut readings) = (Score::default(), 0, 0);
    for (line, samples) in lines {
        let got = asr.transcribe(samples, options)?;
        let made = edits(&line.words, &units(options.lang, &got.text));
        if settings.show == Some("all") || settings.show.is_some() && made.errors() > 0 {
            let texts: Vec<&str> = got.alternatives.iter().map(|a| a.text.as_str()).collect();
            println!(
                "  {} | {texts:?} {:?} logprob {:.2} no speech {:.3}",
                line.said, got.rejected, got.avg_logprob, got.no_speech
            );
        }
        among += usize::from(got.alternatives.iter().any(|a| units(options.lang, &a.text) == line.words));
        readings += got.alternatives.len();
        score.add(&made, samples.len() as f64 / 16_000.0, got.took.as_secs_f64());
    }
    score.print(name);
    println!("  {among} lines right among {:.2} readings", readings as f64 / lines.len().max(1) as f64);
    Ok(())
}

/// What came of a set of lines.
#[derive(Default)]
struct Score {
    all: Edits,
    lines: usize,
    right: usize,
    /// Seconds and core-seconds of the short, the middle and the long lines.
    times: [Vec<(f64, f64)>; 3],
}

impl Score {
    fn add(&mut self, made: &Edits, seconds: f64, took: f64) {
        self.all.add(made);
        self.lines += 1;
        self.right += usize::from(made.errors() == 0);
        let length = [2.0, 4.5].iter().filter(|least| seconds >= **least).count();
        self.times[length].push((seconds, took));
    }

    fn print(mut self, name: &str) {
        println!(
            "{name}: {:.2} % of {} wrong ({} left out, {} put in), {} of {} lines right",
            100.0 * self.all.rate(),
            self.all.said,
            self.all.deletions,
            self.all.insertions,
            self.right,
            self.lines
        );
        for group in self.times.iter_mut().filter(|g| !g.is_empty()) {
            let mean = |f: fn(&(f64, f64)) -> f64| group.iter().map(f).sum::<f64>() / group.len() as f64;
            let (seconds, took) = (mean(|t| t.0), mean(|t| t.1));
            group.sort_by(|a, b| a.1.total_cmp(&b.1));
            let slow = group[group.len() * 95 / 100].1;
            println!("  {:2} of {seconds:.1} s: {took:.3} s each, 95 % within {slow:.3} s", group.len());
        }
    }
}

fn read(list: &Path, lang: Lang) -> Result<Vec<Line>, Failure> {
    let mut lines = Vec::new();
    for line in std::fs::read_to_string(list)?.lines() {
        let (wav, said) = line.split_once('\t').ok_or("a line of the list has no tab")?;
        let bytes = std::fs::read(wav).map_err(|e| format!("{wav}: {e}"))?;
        // The header of a plain WAV file is 44 bytes; 200 ms before and 300 ms after is what an
        // endpointer leaves.
        let sound = bytes.get(44..).unwrap_or_default().as_chunks().0.iter().map(|b| i16::from_le_bytes(*b));
        let sound = std::iter::repeat_n(0, 1_600).chain(sound).chain(std::iter::repeat_n(0, 2_400)).collect();
        lines.push(Line { sound, words: units(lang, said), said: said.to_owned() });
    }
    Ok(lines)
}
