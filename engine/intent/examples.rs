//! The examples that a head is trained on: files of `label<TAB>text`, one a line, `#` for comments.

use std::{collections::HashMap, path::Path};

use sha2::{Digest, Sha256};
use waihu_types::{Intent, Lang};

use crate::IntentError;

/// A longer line is no utterance of a callee but a mistake in the file. [characters]
const MAX_TEXT_CHARS: usize = 200;

/// One thing that a callee may say, and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// What the callee means.
    pub intent: Intent,
    /// The words, as a recognizer would write them.
    pub text: String,
    /// The line of the file, from 1.
    pub line: usize,
}

/// All examples of one file.
#[derive(Clone, Debug)]
pub struct ExampleSet {
    /// The language of every example.
    pub lang: Lang,
    /// The file's name, for messages.
    pub file: String,
    /// In the order of the file.
    pub examples: Vec<Example>,
    /// sha256 of the file, in hexadecimal.
    pub sha256: String,
}

/// Reads one file of examples. Every bad row is named by file and line, not only the first: an
/// unknown label, no text, a text that is there twice.
pub fn read_examples(lang: Lang, path: &Path) -> Result<ExampleSet, IntentError> {
    let text = std::fs::read(path).map_err(|source| IntentError::Read { path: path.to_owned(), source })?;
    parse(lang, &path.display().to_string(), &text)
}

fn parse(lang: Lang, file: &str, bytes: &[u8]) -> Result<ExampleSet, IntentError> {
    let mut examples = Vec::new();
    let mut bad = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (i, row) in bytes.split(|b| *b == b'\n').enumerate() {
        let line = i + 1;
        match parse_row(row) {
            Ok(None) => {}
            Ok(Some((intent, text))) => match seen.insert(normalize(&text), line) {
                Some(first) => bad.push(format!("{file}:{line}: the same words as line {first}")),
                None => examples.push(Example { intent, text, line }),
            },
            Err(reason) => bad.push(format!("{file}:{line}: {reason}")),
        }
    }
    if !bad.is_empty() {
        return Err(IntentError::BadRows(bad));
    }
    let sha256 = hex::encode(Sha256::digest(bytes));
    Ok(ExampleSet { lang, file: file.to_owned(), examples, sha256 })
}

fn parse_row(row: &[u8]) -> Result<Option<(Intent, String)>, String> {
    let row = std::str::from_utf8(row).map_err(|_| "not UTF-8")?.trim_end_matches('\r');
    if row.trim().is_empty() || row.starts_with('#') {
        return Ok(None);
    }
    let (label, text) = row.split_once('\t').ok_or("no tab between label and text")?;
    let intent = label.trim().parse::<Intent>().map_err(|e| e.to_string())?;
    if text.contains('\t') {
        return Err("a second tab".to_owned());
    }
    let text = text.trim();
    if normalize(text).is_empty() {
        return Err("no words".to_owned());
    }
    if text.chars().count() > MAX_TEXT_CHARS {
        return Err(format!("longer than {MAX_TEXT_CHARS} characters"));
    }
    Ok(Some((intent, text.to_owned())))
}

/// The form in which texts are trained on and classified: lower case, full-width letters and
/// digits made narrow, punctuation dropped (a recognizer's is a guess), one space between words.
pub fn normalize(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut space = false;
    let mut before: Option<char> = None;
    let mut chars = text.chars().map(narrow).peekable();
    while let Some(c) = chars.next() {
        let inside = |a: Option<char>, b: Option<&char>, f: fn(char) -> bool| {
            a.is_some_and(f) && b.is_some_and(|b| f(narrow(*b)))
        };
        let keep = c.is_alphanumeric()
            // don't, o'clock; 3.50 and 3,250
            || (c == '\'' && inside(before, chars.peek(), char::is_alphabetic))
            || (matches!(c, '.' | ',') && inside(before, chars.peek(), |c| c.is_ascii_digit()))
            || matches!(c, '%' | '$' | '¥');
        if keep {
            if space && !out.is_empty() {
                out.push(' ');
            }
            space = false;
            out.extend(c.to_lowercase());
        } else {
            space = true;
        }
        before = Some(c);
    }
    join_han(&out)
}

/// Full-width forms to ASCII, and the typographic apostrophe.
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{2019}' | '\u{2018}' => '\'',
        '\u{ffe5}' => '¥',
        c => c,
    }
}

/// Drops spaces that touch a Chinese character: they stood for punctuation.
fn join_han(text: &str) -> String {
    let han = |c: char| matches!(c, '\u{3400}'..='\u{9fff}');
    let chars: Vec<char> = text.chars().collect();
    chars
        .iter()
        .enumerate()
        .filter(|(i, c)| {
            let near = |j: Option<usize>| j.and_then(|j| chars.get(j)).is_some_and(|c| han(*c));
            **c != ' ' || !(near(i.checked_sub(1)) || near(Some(i + 1)))
        })
        .map(|(_, c)| *c)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_row_is_named_by_file_and_line() {
        let data = "# head\ngreeting\t喂\n\nhello\t喂喂\ngreeting 你好\ngreeting\t。。\ngreeting\t喂，\n";
        let Err(IntentError::BadRows(rows)) = parse(Lang::Zh, "zh.tsv", data.as_bytes()) else {
            panic!("bad rows passed");
        };
        assert_eq!(rows.len(), 4);
        assert!(rows[0].starts_with("zh.tsv:4: unknown intent"));
        assert!(rows[1].starts_with("zh.tsv:5: no tab"));
        assert!(rows[2].starts_with("zh.tsv:6: no words"));
        assert!(rows[3].starts_with("zh.tsv:7: the same words as line 2"));
    }

    #[test]
    fn comments_and_empty_lines_are_no_examples() {
        let set = parse(Lang::Zh, "zh.tsv", "# x\n\r\nwait\t等一下\r\n".as_bytes()).unwrap();
        assert_eq!(set.examples, [Example { intent: Intent::Wait, text: "等一下".into(), line: 3 }]);
        assert_eq!(set.sha256.len(), 64);
    }

    #[test]
    fn punctuation_and_width_do_not_matter() {
        assert_eq!(normalize("喂？ 你好，"), "喂你好");
        assert_eq!(normalize("Don’t call ME, ok?!"), "don't call me ok");
        assert_eq!(normalize("我先还５００，行吗"), "我先还500行吗");
        assert_eq!(normalize("$3,250.00 now."), "$3,250.00 now");
        assert_eq!(normalize("我没有 app 啊"), "我没有app啊");
        assert_eq!(normalize("……"), "");
    }
}
