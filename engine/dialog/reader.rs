//! A reader of TOML tables that keeps every value's line and tells of keys nobody asked for.
//!
//! Serde stops at its first error; a person who writes a script wants all of them at once.
//! Deliberately absent: what the keys mean.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::problem::{Place, Problems, nearest};

/// One file's path and the places of its lines.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    path: Arc<str>,
    /// Byte offsets at which the lines begin.
    lines: Arc<[usize]>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
        Self { path: path.into(), lines: starts }
    }

    pub(crate) fn place(&self, offset: usize) -> Place {
        Place { file: self.path.clone(), line: self.lines.partition_point(|start| *start <= offset).max(1) }
    }
}

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Value<'i> {
    pub(crate) at: Place,
    source: Source,
    value: DeValue<'i>,
}

/// A value where a key takes more than one kind.
#[derive(Debug)]
pub(crate) enum Scalar {
    Bool(bool),
    Whole(u32),
    Word(String),
}

/// A table of which keys are taken one by one; [`Table::close`] names what is left.
#[derive(Debug)]
pub(crate) struct Table<'i> {
    pub(crate) at: Place,
    entries: BTreeMap<String, Value<'i>>,
    asked: RefCell<Vec<&'static str>>,
}

/// Reads a whole file; syntax errors become problems.
pub(crate) fn read<'i>(path: &str, text: &'i str, problems: &mut Problems) -> Table<'i> {
    let source = Source::new(path, text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for e in errors {
        let at = source.place(e.span().map_or(0, |s| s.start));
        problems.add(&at, format!("not TOML: {}", e.message()), "");
    }
    let at = source.place(0);
    Table::new(&source, at, table.into_inner())
}

impl<'i> Table<'i> {
    fn new(source: &Source, at: Place, table: DeTable<'i>) -> Self {
        let entries = table
            .into_iter()
            .map(|(key, value)| {
                let value = wrap(source, key.span().start, value);
                (key.into_inner().into_owned(), value)
            })
            .collect();
        Self { at, entries, asked: RefCell::default() }
    }

    /// Every key with its value, for tables whose keys are names.
    pub(crate) fn into_named(self) -> impl Iterator<Item = (String, Value<'i>)> {
        self.entries.into_iter()
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    pub(crate) fn take(&mut self, key: &'static str) -> Option<Value<'i>> {
        self.asked.borrow_mut().push(key);
        self.entries.remove(key)
    }

    pub(crate) fn need(&mut self, key: &'static str, problems: &mut Problems) -> Option<Value<'i>> {
        let value = self.take(key);
        if value.is_none() {
            problems.add(&self.at, format!("{key} is missing"), "");
        }
        value
    }

    pub(crate) fn string(&mut self, key: &'static str, problems: &mut Problems) -> Option<(String, Place)> {
        self.take(key).and_then(|v| v.string(key, problems))
    }

    pub(crate) fn strings(&mut self, key: &'static str, problems: &mut Problems) -> Vec<(String, Place)> {
        self.take(key).map(|v| v.strings(key, problems)).unwrap_or_default()
    }

    pub(crate) fn bool(&mut self, key: &'static str, problems: &mut Problems) -> Option<bool> {
        self.take(key).and_then(|v| match v.value {
            DeValue::Boolean(b) => Some(b),
            _ => v.wrong(key, "true or false", problems),
        })
    }

    /// A whole number within `range`.
    pub(crate) fn number(
        &mut self,
        key: &'static str,
        range: std::ops::RangeInclusive<u32>,
        problems: &mut Problems,
    ) -> Option<u32> {
        let v = self.take(key)?;
        let n = match &v.value {
            DeValue::Integer(i) => i.to_string().replace('_', "").parse::<u32>().ok(),
            _ => None,
        };
        match n {
            Some(n) if range.contains(&n) => Some(n),
            _ => v.wrong(key, &format!("a whole number from {} to {}", range.start(), range.end()), problems),
        }
    }

    /// A share between 0 and 1.
    pub(crate) fn share(&mut self, key: &'static str, problems: &mut Problems) -> Option<f32> {
        self.decimal(key, 0.0..=1.0, problems)
    }

    /// A number within `range`, whole or not.
    pub(crate) fn decimal(
        &mut self,
        key: &'static str,
        range: std::ops::RangeInclusive<f32>,
        problems: &mut Problems,
    ) -> Option<f32> {
        let v = self.take(key)?;
        let n = match &v.value {
            DeValue::Float(f) => f.as_str().parse::<f32>().ok(),
            DeValue::Integer(i) => i.to_string().parse::<f32>().ok(),
            _ => None,
        };
        match n {
            Some(n) if range.contains(&n) => Some(n),
            _ => v.wrong(key, &format!("a number from {:?} to {:?}", range.start(), range.end()), problems),
        }
    }

    pub(crate) fn table(&mut self, key: &'static str, problems: &mut Problems) -> Option<Self> {
        self.take(key).and_then(|v| v.table(key, problems))
    }

    /// An array of tables, or nothing.
    pub(crate) fn tables(&mut self, key: &'static str, problems: &mut Problems) -> Vec<Self> {
        let items = self.take(key).map(|v| v.items(key, problems)).unwrap_or_default();
        items.into_iter().filter_map(|v| v.table(key, problems)).collect()
    }

    /// All of it as plain values; days and times as text.
    pub(crate) fn into_plain(self) -> toml::Table {
        self.entries.into_iter().map(|(key, v)| (key, plain(v.value))).collect()
    }

    /// Names every key that was not asked for.
    pub(crate) fn close(self, problems: &mut Problems) {
        for (key, value) in &self.entries {
            let asked = self.asked.borrow();
            problems.add(&value.at, format!("unknown key {key:?}"), nearest(key, asked.iter().copied()));
        }
    }
}

fn plain(value: DeValue<'_>) -> toml::Value {
    match value {
        DeValue::String(s) => s.into_owned().into(),
        DeValue::Integer(i) => i.to_string().replace('_', "").parse::<i64>().unwrap_or(i64::MAX).into(),
        DeValue::Float(f) => f.as_str().parse::<f64>().unwrap_or(f64::NAN).into(),
        DeValue::Boolean(b) => b.into(),
        DeValue::Datetime(d) => d.to_string().into(),
        DeValue::Array(items) => items.into_iter().map(|v| plain(v.into_inner())).collect::<Vec<_>>().into(),
        DeValue::Table(table) => {
            let entries = table.into_iter();
            let entries = entries.map(|(k, v)| (k.into_inner().into_owned(), plain(v.into_inner())));
            toml::Value::Table(entries.collect())
        }
    }
}

fn wrap<'i>(source: &Source, offset: usize, value: Spanned<DeValue<'i>>) -> Value<'i> {
    Value { at: source.place(offset), source: source.clone(), value: value.into_inner() }
}

impl<'i> Value<'i> {
    fn wrong<T>(&self, key: &str, wanted: &str, problems: &mut Problems) -> Option<T> {
        problems.add(&self.at, format!("{key} must be {wanted}"), "");
        None
    }

    pub(crate) fn string(self, key: &str, problems: &mut Problems) -> Option<(String, Place)> {
        match self.value {
            DeValue::String(s) => Some((s.into_owned(), self.at)),
            _ => self.wrong(key, "text in quotes", problems),
        }
    }

    /// A date, an amount in quotes, or any other text, as it is written.
    pub(crate) fn written(self, key: &str, problems: &mut Problems) -> Option<(String, Place)> {
        match self.value {
            DeValue::String(s) => Some((s.into_owned(), self.at)),
            DeValue::Datetime(d) => Some((d.to_string(), self.at)),
            _ => self.wrong(key, "text in quotes or a date", problems),
        }
    }

    /// One text or an array of them.
    pub(crate) fn strings(self, key: &str, problems: &mut Problems) -> Vec<(String, Place)> {
        match self.value {
            DeValue::String(s) => vec![(s.into_owned(), self.at)],
            DeValue::Array(_) => {
                self.items(key, problems).into_iter().filter_map(|v| v.string(key, problems)).collect()
            }
            _ => {
                self.wrong::<()>(key, "text in quotes, or an array of it", problems);
                Vec::new()
            }
        }
    }

    /// The items of an array; a single value is an array of one.
    pub(crate) fn items_or_one(self) -> Vec<Self> {
        let source = self.source.clone();
        match self.value {
            DeValue::Array(items) => items.into_iter().map(|v| wrap(&source, v.span().start, v)).collect(),
            _ => vec![self],
        }
    }

    fn items(self, key: &str, problems: &mut Problems) -> Vec<Self> {
        if matches!(self.value, DeValue::Array(_)) {
            return self.items_or_one();
        }
        self.wrong::<()>(key, "an array", problems);
        Vec::new()
    }

    pub(crate) fn is_table(&self) -> bool {
        matches!(self.value, DeValue::Table(_))
    }

    /// A yes or no, a whole number or a word; none for what is none of these.
    pub(crate) fn scalar(&self) -> Option<Scalar> {
        match &self.value {
            DeValue::Boolean(b) => Some(Scalar::Bool(*b)),
            DeValue::Integer(i) => i.to_string().replace('_', "").parse().ok().map(Scalar::Whole),
            DeValue::String(s) => Some(Scalar::Word(s.to_string())),
            _ => None,
        }
    }

    pub(crate) fn is_string(&self) -> bool {
        matches!(self.value, DeValue::String(_))
    }

    pub(crate) fn table(self, key: &str, problems: &mut Problems) -> Option<Table<'i>> {
        match self.value {
            DeValue::Table(t) => Some(Table::new(&self.source, self.at, t)),
            _ => self.wrong(key, "a table", problems),
        }
    }
}
