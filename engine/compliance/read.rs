//! A reader of TOML that knows the line of each value and collects every fault of a file.
//!
//! Deliberately absent: what the keys mean.

use std::{collections::BTreeMap, fmt};

use toml::de::{DeTable, DeValue};

/// One fault of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file, as it was handed in.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what to write.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Why files make no profile: every fault of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(Fault::to_string).collect();
        f.write_str(&all.join("\n"))
    }
}

impl std::error::Error for Faults {}

/// A file with the faults found in it so far.
#[derive(Debug)]
pub struct File {
    path: String,
    /// Byte offsets at which the lines begin.
    lines: Vec<usize>,
    /// What was found.
    pub faults: Vec<Fault>,
}

/// A value with its byte offset.
#[derive(Debug)]
pub struct Value<'i> {
    /// Where it stands [bytes].
    pub at: usize,
    value: DeValue<'i>,
}

/// A table whose keys are taken one by one; [`Table::close`] names those that are left.
#[derive(Debug)]
pub struct Table<'i> {
    /// Where it stands [bytes].
    pub at: usize,
    entries: BTreeMap<String, Value<'i>>,
    asked: Vec<&'static str>,
}

impl File {
    /// A file by its path, for its faults, and its text, for their lines.
    pub fn new(path: &str, text: &str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
        Self { path: path.to_owned(), lines, faults: Vec::new() }
    }

    /// Notes a fault at a byte offset.
    pub fn fault(&mut self, at: usize, message: impl Into<String>) {
        let line = self.lines.partition_point(|start| *start <= at).max(1);
        self.faults.push(Fault { file: self.path.clone(), line, message: message.into() });
    }

    /// The whole file as a table; what is no TOML becomes a fault.
    pub fn table<'i>(&mut self, text: &'i str) -> Table<'i> {
        let (table, errors) = DeTable::parse_recoverable(text);
        for e in errors {
            let at = e.span().map_or(0, |s| s.start);
            self.fault(at, format!("not TOML 格式有误: {}", e.message()));
        }
        Table::new(0, table.into_inner())
    }
}

impl<'i> Table<'i> {
    fn new(at: usize, table: DeTable<'i>) -> Self {
        let entry = |(key, value): (toml::Spanned<_>, toml::Spanned<DeValue<'i>>)| {
            let at = key.span().start;
            let key: std::borrow::Cow<'_, str> = key.into_inner();
            (key.into_owned(), Value { at, value: value.into_inner() })
        };
        Self { at, entries: table.into_iter().map(entry).collect(), asked: Vec::new() }
    }

    /// Whether a key stands there.
    pub fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// The value of a key, whatever it is.
    pub fn take(&mut self, key: &'static str) -> Option<Value<'i>> {
        self.asked.push(key);
        self.entries.remove(key)
    }

    /// A text that must be there and say something.
    pub fn text(&mut self, key: &'static str, file: &mut File) -> Option<(usize, String)> {
        let Some(value) = self.take(key) else {
            file.fault(self.at, format!("{key} is missing: write {key} = \"…\" 缺少 {key}"));
            return None;
        };
        let (at, text) = (value.at, value.text(key, file)?);
        if text.trim().is_empty() {
            file.fault(at, format!("{key} is empty 不能为空"));
            return None;
        }
        Some((at, text))
    }

    /// A list of texts, or nothing.
    pub fn texts(&mut self, key: &'static str, file: &mut File) -> Option<Vec<(usize, String)>> {
        let value = self.take(key)?;
        let items = value.items(key, file);
        Some(items.into_iter().filter_map(|v| Some((v.at, v.text(key, file)?))).collect())
    }

    /// A whole number that must be there, within `range`.
    pub fn number(
        &mut self,
        key: &'static str,
        range: std::ops::RangeInclusive<u32>,
        file: &mut File,
    ) -> Option<u32> {
        let Some(value) = self.take(key) else {
            file.fault(self.at, format!("{key} is missing: write a whole number 缺少 {key}"));
            return None;
        };
        let n = match &value.value {
            DeValue::Integer(i) => i.to_string().replace('_', "").parse().ok(),
            _ => None,
        };
        let n = n.filter(|n| range.contains(n));
        if n.is_none() {
            let (first, last) = range.into_inner();
            file.fault(
                value.at,
                format!("{key}: a whole number from {first} to {last} is expected 应为整数"),
            );
        }
        n
    }

    /// A whole number within `range`, or what holds where the key is not there or wrong.
    pub fn number_or(
        &mut self,
        key: &'static str,
        range: std::ops::RangeInclusive<u32>,
        default: u32,
        file: &mut File,
    ) -> u32 {
        if self.has(key) {
            self.number(key, range, file).unwrap_or(default)
        } else {
            self.unasked(key, default)
        }
    }

    /// A whole number within `range`, or nothing where the key is not there or wrong.
    pub fn number_if(
        &mut self,
        key: &'static str,
        range: std::ops::RangeInclusive<u32>,
        file: &mut File,
    ) -> Option<u32> {
        if self.has(key) { self.number(key, range, file) } else { self.unasked(key, None) }
    }

    /// A text that says something, or nothing where the key is not there.
    pub fn text_if(&mut self, key: &'static str, file: &mut File) -> Option<(usize, String)> {
        if self.has(key) { self.text(key, file) } else { self.unasked(key, None) }
    }

    /// Remembers a key that may be left out, for [`Table::close`].
    fn unasked<T>(&mut self, key: &'static str, default: T) -> T {
        self.asked.push(key);
        default
    }

    /// Whether a switch is on; off where it is not there.
    pub fn switch(&mut self, key: &'static str, file: &mut File) -> bool {
        match self.take(key) {
            None => false,
            Some(Value { value: DeValue::Boolean(on), .. }) => on,
            Some(other) => {
                file.fault(other.at, format!("{key}: true or false is expected 应为 true 或 false"));
                false
            }
        }
    }

    /// A table, or nothing.
    pub fn one(&mut self, key: &'static str, file: &mut File) -> Option<Self> {
        self.take(key).and_then(|v| v.table(key, file))
    }

    /// An array of tables, or nothing.
    pub fn many(&mut self, key: &'static str, file: &mut File) -> Vec<Self> {
        let items = self.take(key).map(|v| v.items(key, file)).unwrap_or_default();
        items.into_iter().filter_map(|v| v.table(key, file)).collect()
    }

    /// Names every key that was not asked for.
    pub fn close(self, file: &mut File) {
        for (key, value) in &self.entries {
            file.fault(
                value.at,
                format!("unknown key {key:?}: use 未知的键，可用 {}", self.asked.join(", ")),
            );
        }
    }
}

impl<'i> Value<'i> {
    /// The value as a text.
    pub fn text(self, key: &str, file: &mut File) -> Option<String> {
        match self.value {
            DeValue::String(s) => Some(s.into_owned()),
            _ => {
                file.fault(self.at, format!("{key}: a text in quotes is expected 应为带引号的文字"));
                None
            }
        }
    }

    fn table(self, key: &str, file: &mut File) -> Option<Table<'i>> {
        match self.value {
            DeValue::Table(table) => Some(Table::new(self.at, table)),
            _ => {
                file.fault(self.at, format!("{key}: a table is expected, as [{key}] or [[{key}]] 应为表"));
                None
            }
        }
    }

    fn items(self, key: &str, file: &mut File) -> Vec<Self> {
        match self.value {
            DeValue::Array(items) => {
                items.into_iter().map(|v| Value { at: v.span().start, value: v.into_inner() }).collect()
            }
            _ => {
                file.fault(self.at, format!("{key}: a list in brackets is expected 应为列表"));
                Vec::new()
            }
        }
    }
}
