//! How well and how fast speech is recognized on this machine.
//!
//! `measure MODEL LANG LIST [THREADS] [show] [cut] [prompt=TEXT]`, with a list of WAV, tab, the words said in it. The files are one
//! channel at 8 kHz, 16 bits; they pass through A-law before they are recognized, as on a telephone.
//! `engine/tts/examples/speak.rs` speaks the lines of `said-zh.txt` and `said-en.txt` into such files.
//!
//! For both windows, with and without flash attention, with and without the prompt: the character error
//! rate (Mandarin) or the word error rate (English), and the seconds for utterances of about 1, 3 and 6 s.
//! `cut` leaves the full window out, `prompt=` tries one more prompt. Figures are turned into words first: who writes 500 for 五百 made no error. `show` prints the lines in
//! which something is wrong.
#![allow(clippy::print_stdout)]

use std::path::Path;

use waihu_asr::{Asr, AsrConfig, Options, Window};
use waihu_audio::{frame, g711::Law};
use waihu_types::Lang;

type Failure = Box<dyn std::error::Error>;

struct Line {
    samples: Vec<f32>,
    words: Vec<String>,
    said: String,
}

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [model, lang, list, rest @ ..] = &args[..] else {
        return Err("measure MODEL LANG LIST [THREADS] [show] [cut] [prompt=TEXT]".into());
    };
    let lang: Lang = lang.parse()?;
    let show = rest.iter().any(|a| a == "show");
    let threads = rest.iter().find_map(|a| a.parse().ok()).unwrap_or(1);
    let windows: &[Window] =
        if rest.iter().any(|a| a == "cut") { &[Window::Cut] } else { &[Window::Cut, Window::Full] };
    let own = rest.iter().find_map(|a| a.strip_prefix("prompt="));
    let lines = read(Path::new(list), lang)?;
    println!("{} utterances, {threads} thread(s), {model}", lines.len());
    for flash_attention in [false, true] {
        let mut asr = Asr::load(model, AsrConfig { threads, flash_attention })?;
        for &window in windows {
            for prompt in [None, Some(""), own].into_iter().take(if own.is_some() { 3 } else { 2 }) {
                let options = Options { lang, prompt, window };
                let flash = if flash_attention { "flash" } else { "plain" };
                let prompt = match prompt {
                    None => "prompt",
                    Some("") => "no prompt",
                    Some(_) => "own prompt",
                };
                println!("{window:?} window, {flash}, {prompt}");
                measure(&mut asr, &lines, &options, show)?;
            }
        }
    }
    Ok(())
}

fn measure(asr: &mut Asr, lines: &[Line], options: &Options<'_>, show: bool) -> Result<(), Failure> {
    // The first utterance pays for memory that later ones find there.
    if let Some(first) = lines.first() {
        asr.transcribe(&first.samples, options)?;
    }
    let (mut errors, mut words, mut whole) = (0, 0, 0);
    let mut times: [Vec<(f64, f64)>; 3] = Default::default();
    for line in lines {
        let begun = cpu_seconds()?;
        let heard = asr.transcribe(&line.samples, options)?;
        let took = cpu_seconds()? - begun;
        let wrong = distance(&line.words, &split(&heard.text, options.lang));
        if wrong > 0 && show {
            println!("  {} | {} {:?}", line.said, heard.text, heard.rejected);
        }
        errors += wrong;
        words += line.words.len();
        whole += usize::from(wrong == 0);
        let seconds = line.samples.len() as f64 / 16_000.0;
        times[if seconds < 2.0 {
            0
        } else if seconds < 4.5 {
            1
        } else {
            2
        }]
        .push((seconds, took));
    }
    let rate = 100.0 * errors as f64 / words.max(1) as f64;
    println!("  {rate:.1} % of {words} wrong, {whole} of {} lines wholly right", lines.len());
    for group in &mut times {
        if group.is_empty() {
            continue;
        }
        let mean = |f: fn(&(f64, f64)) -> f64| group.iter().map(f).sum::<f64>() / group.len() as f64;
        let (seconds, took) = (mean(|t| t.0), mean(|t| t.1));
        group.sort_by(|a, b| a.1.total_cmp(&b.1));
        let slow = group[group.len() * 95 / 100].1;
        println!("  {:2} of {seconds:.1} s: {took:.2} s each, 95 % within {slow:.2} s", group.len());
    }
    Ok(())
}

/// Time that this thread has had a core [s], so that others on the machine do not count (Linux). With more
/// threads than one it is this one's share.
fn cpu_seconds() -> Result<f64, Failure> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: f64 = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanoseconds / 1e9)
}

fn read(list: &Path, lang: Lang) -> Result<Vec<Line>, Failure> {
    let mut lines = Vec::new();
    for line in std::fs::read_to_string(list)?.lines() {
        let (wav, said) = line.split_once('\t').ok_or("a line of the list has no tab")?;
        let bytes = std::fs::read(wav).map_err(|e| format!("{wav}: {e}"))?;
        // The header of a plain WAV file is 44 bytes; 200 ms before and 300 ms after is what an
        // endpointer leaves.
        let sound = bytes.get(44..).unwrap_or_default().as_chunks().0.iter().map(|b| i16::from_le_bytes(*b));
        let padded = std::iter::repeat_n(0, 1_600).chain(sound).chain(std::iter::repeat_n(0, 2_400));
        let heard: Vec<i16> = padded.map(|s| Law::A.decode(Law::A.encode(s))).collect();
        let samples = waihu_audio::resample(&frame::to_f32(&heard), 8_000, 16_000)?;
        lines.push(Line { samples, words: split(said, lang), said: said.to_owned() });
    }
    Ok(lines)
}

/// What counts as one: a character of Mandarin, a word of English.
fn split(text: &str, lang: Lang) -> Vec<String> {
    match lang {
        Lang::Zh => {
            let spoken = waihu_phonetics::mandarin::spoken_form(text).to_lowercase();
            spoken.chars().filter(|c| c.is_alphanumeric()).map(String::from).collect()
        }
        Lang::En => {
            let spoken = waihu_phonetics::english::spoken_form(text).to_lowercase().replace('\'', "");
            spoken.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(String::from).collect()
        }
    }
}

/// Words put in, left out and exchanged.
fn distance(said: &[String], heard: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (i, word) in said.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in heard.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (above + 1).min(row[j] + 1).min(diagonal + usize::from(word != other));
            diagonal = above;
        }
    }
    row[heard.len()]
}
