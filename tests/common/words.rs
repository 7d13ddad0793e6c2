//! What is said in files, written down again, and how much of it is right.
#![allow(dead_code)]

use std::{path::PathBuf, process::Command};

use serde_json::Value;

/// How many of the words have to be written down again. Whisper hears one or two of these otherwise than they
/// are spelt; of garbled sound, it hears none.
pub const WORDS_RIGHT: f32 = 0.8;

/// What is said in English in files, on one side of a recording, or in all of a file; by the program.
pub fn written_down(waihu: Command, files: &[PathBuf], side: &str) -> Vec<String> {
    written_down_in("en", waihu, files, side)
}

/// The same in another language.
pub fn written_down_in(lang: &str, mut waihu: Command, files: &[PathBuf], side: &str) -> Vec<String> {
    waihu.args(["transcribe", "--lang", lang, "--cut-window", "--json", "--side", side]).args(files);
    let done = waihu.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = String::from_utf8(done.stdout).unwrap();
    let words =
        |line: &str| serde_json::from_str::<Value>(line).unwrap()["text"].as_str().unwrap().to_owned();
    let texts: Vec<String> = text.lines().map(words).collect();
    assert_eq!(texts.len(), files.len(), "{text}");
    texts
}

/// The share of the words that are written down, in their order.
pub fn words_right(said: &str, written: &str) -> f32 {
    let said = words(said);
    in_order(&said, &words(written)) as f32 / said.len() as f32
}

/// The same in the best part of what is written, half as long again as what was said: of a long talk, some words
/// follow each other by chance.
pub fn words_right_at_once(said: &str, written: &str) -> f32 {
    let (said, written) = (words(said), words(written));
    let part = written.len().min(said.len() * 3 / 2).max(1);
    let best = written.windows(part).map(|part| in_order(&said, part)).max().unwrap_or(0);
    best as f32 / said.len() as f32
}

/// Words, without case and marks; a Chinese character is one.
fn words(text: &str) -> Vec<String> {
    let mut apart = String::new();
    for c in text.to_lowercase().chars() {
        match c {
            '\u{4E00}'..='\u{9FFF}' => apart.extend([' ', c, ' ']),
            c if c.is_alphanumeric() => apart.push(c),
            _ => apart.push(' '),
        }
    }
    apart.split_whitespace().map(str::to_owned).collect()
}

/// The longest common subsequence.
fn in_order(said: &[String], written: &[String]) -> usize {
    let mut row = vec![0_usize; written.len() + 1];
    for word in said {
        let mut before = 0;
        for (n, other) in written.iter().enumerate() {
            let above = row[n + 1];
            row[n + 1] = if word == other { before + 1 } else { above.max(row[n]) };
            before = above;
        }
    }
    row[written.len()]
}
