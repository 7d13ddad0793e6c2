//! What is wrong with a flow's files, in words for the person who writes them.

use std::fmt;

/// One thing wrong in one file of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The path as it was handed in.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it; empty when the message says it already.
    pub help: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)?;
        if !self.help.is_empty() {
            write!(f, "\n    help: {}", self.help)?;
        }
        Ok(())
    }
}

/// A place in one of the files: what a later check names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: std::sync::Arc<str>,
    pub(crate) line: usize,
}

/// The problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    pub(crate) fn add(&mut self, at: &Place, message: impl Into<String>, help: impl Into<String>) {
        self.0.push(Problem {
            file: at.file.to_string(),
            line: at.line,
            message: message.into(),
            help: help.into(),
        });
    }

    /// What is wrong with a file that has no lines.
    pub(crate) fn add_to_file(&mut self, path: &str, message: impl Into<String>, help: impl Into<String>) {
        self.add(&Place { file: path.into(), line: 1 }, message, help);
    }
}

impl Problems {
    /// Adds one, unless its place has one that begins with `what`: another path is the same mistake.
    pub(crate) fn add_once(&mut self, at: &Place, what: &str, message: String, help: &str) {
        let same = |p: &Problem| p.line == at.line && *p.file == *at.file && p.message.starts_with(what);
        if !self.0.iter().any(same) {
            self.add(at, message, help);
        }
    }
}

/// The nearest of `known` to a misspelt `word`, as a help text; a list of all when none is near.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    /// A list longer than this helps nobody.
    const MAX_LISTED: usize = 24;
    let known: Vec<&str> = known.into_iter().collect();
    let best = known.iter().map(|k| (distance(word, k), *k)).min();
    match best {
        Some((d, k)) if d <= word.chars().count().max(3) / 3 => format!("did you mean {k:?}?"),
        _ if known.len() <= MAX_LISTED && !known.is_empty() => format!("use one of: {}", known.join(", ")),
        _ => String::new(),
    }
}

/// The Levenshtein distance [edits].
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelling_finds_its_word() {
        assert_eq!(
            nearest("promis_to_pay", ["promise_to_pay", "refuse_to_pay"]),
            "did you mean \"promise_to_pay\"?"
        );
        assert_eq!(nearest("zzzz", ["a", "b"]), "use one of: a, b");
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
