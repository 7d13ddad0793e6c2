//! A case as keys and values: a line of JSON, or a row from elsewhere. Nested values become the cells of the
//! columns that rows have for them, and are read as those.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use waihu_types::Case;

use crate::{
    cases::{Found, RowProblem},
    columns::{COLUMNS, Column, Columns, Field, NUMBERS, OF_NUMBER, shown, unknown},
    row,
};

/// The most unknown keys that are named: whoever has more sends something else.
const MAX_NAMED: usize = 50;

/// Keys that only objects have.
const NESTED: [&str; 2] = ["numbers", "authority"];

/// Whether a key holds further ones.
pub(crate) fn is_nested(key: &str) -> bool {
    NESTED.iter().any(|nested| nested.eq_ignore_ascii_case(key))
}

/// Every column, and which keys have been named as unknown.
#[derive(Debug)]
pub(crate) struct Keys {
    columns: Columns,
    named: HashSet<String>,
}

impl Default for Keys {
    fn default() -> Self {
        Self { columns: Columns::all(), named: HashSet::new() }
    }
}

impl Keys {
    /// Of rows whose columns are known: none of them is named again.
    pub(crate) fn told(columns: &[String]) -> Self {
        Self { named: columns.iter().cloned().collect(), ..Self::default() }
    }
}

/// An object's keys with their values, in their order, each as often as it stands there.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::with_capacity(16);
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        d.deserialize_map(Reader)
    }
}

/// Reads one line of JSON.
pub(crate) fn line(
    line: u64,
    text: &str,
    keys: &mut Keys,
    to: &mut dyn FnMut(Found),
) -> Result<Case, Vec<RowProblem>> {
    let Pairs(pairs) = serde_json::from_str(text).map_err(|e| {
        let what = if e.is_data() { "no object" } else { "not JSON" };
        let at = e.column();
        vec![RowProblem::row(
            line,
            format!("{what} (at character {at} 第 {at} 个字符): one whole object a line is expected 每行应为一个完整的 JSON 对象"),
        )]
    })?;
    let pairs = pairs.iter().map(|(key, value)| (key.as_str(), value.clone()));
    read(line, pairs, keys, Column::key, to)
}

/// Reads one case; `name` is what its columns are called where it comes from.
pub(crate) fn read<'k>(
    line: u64,
    pairs: impl Iterator<Item = (&'k str, Value)>,
    keys: &mut Keys,
    name: fn(Column) -> String,
    to: &mut dyn FnMut(Found),
) -> Result<Case, Vec<RowProblem>> {
    let mut cells = Cells {
        line,
        cells: vec![Cow::Borrowed(""); COLUMNS],
        set: [false; COLUMNS],
        faults: Vec::new(),
        name,
    };
    for (at, (key, value)) in pairs.enumerate() {
        let lower;
        let key = if key.bytes().any(|b| b.is_ascii_uppercase()) {
            lower = key.to_ascii_lowercase();
            &lower
        } else {
            key
        };
        let known = match key {
            "numbers" => cells.numbers(value),
            "authority" => cells.authority(value),
            _ => match Column::named(key) {
                Some(column) => cells.put(column, value),
                None => false,
            },
        };
        if !known && keys.named.len() < MAX_NAMED && !keys.named.contains(key) {
            keys.named.insert(key.to_owned());
            to(Found::Notice(unknown(line, &shown(key, at))));
        }
    }
    let Cells { cells, faults, .. } = cells;
    let read = row::read(line, &keys.columns, &cells, name);
    if faults.is_empty() {
        return read;
    }
    // What could not be put into a cell says more than the empty cell.
    let more = read.err().unwrap_or_default();
    let more = more.into_iter().filter(|p| faults.iter().all(|f| f.column != p.column));
    let more: Vec<RowProblem> = more.collect();
    Err(faults.into_iter().chain(more).collect())
}

/// The cells of a row that is made of an object.
struct Cells {
    line: u64,
    cells: Vec<Cow<'static, str>>,
    set: [bool; COLUMNS],
    faults: Vec<RowProblem>,
    name: fn(Column) -> String,
}

impl Cells {
    fn fault(&mut self, column: impl Into<String>, message: &str) {
        self.faults.push(RowProblem::column(self.line, column, message));
    }

    /// Puts a value into its cell; true, since it is known.
    fn put(&mut self, column: Column, value: Value) -> bool {
        let name = self.name;
        if std::mem::replace(&mut self.set[column.index()], true) {
            self.fault(name(column), "stands twice in the object: leave one of them 键重复，请只保留一个");
            return true;
        }
        let cell = match value {
            Value::Array(items) if column == Field::Contacts.into() => contacts(items),
            Value::Array(items) if column == Field::Discounts.into() => {
                let steps: Option<Vec<String>> = items.into_iter().map(text).collect();
                steps.map(|steps| steps.join(" "))
            }
            value => text(value),
        };
        match cell {
            Some(cell) => self.cells[column.index()] = Cow::Owned(cell),
            None if column == Field::Contacts.into() => self.fault(
                name(column),
                "a list is expected, each with at, reached and where it is known number 应为列表，每项含 at、reached、number",
            ),
            None => self.fault(name(column), "a single value is expected 应为单个值"),
        }
        true
    }

    fn numbers(&mut self, value: Value) -> bool {
        let items = match value {
            Value::Null => return true,
            Value::Array(items) => items,
            _ => {
                self.fault(
                    "numbers",
                    "a list is expected, each with phone, kind, whose, consent, time_zone 应为列表",
                );
                return true;
            }
        };
        if items.len() > NUMBERS {
            self.fault("numbers", "up to 8 further numbers are expected 号码过多");
        }
        for (n, item) in items.into_iter().take(NUMBERS).enumerate() {
            let Value::Object(item) = item else {
                self.fault(
                    format!("numbers[{n}]"),
                    "an object is expected, as {\"phone\": \"13900000001\"} 应为对象",
                );
                continue;
            };
            if !item.contains_key("phone") {
                self.fault(format!("numbers[{n}].phone"), "is missing: write the number 缺少号码");
            }
            for (key, value) in item {
                let part = if key == "phone" {
                    Some(0)
                } else {
                    OF_NUMBER.iter().position(|p| *p == key && !key.is_empty())
                };
                match part {
                    Some(part) => {
                        self.put(Column::of_number(n, part), value);
                    }
                    None => self.fault(
                        format!("numbers[{n}]"),
                        "has a key that is not known: phone, kind, whose, consent and time_zone are 有未知的键",
                    ),
                }
            }
        }
        true
    }

    fn authority(&mut self, value: Value) -> bool {
        let fields = match value {
            Value::Null => return true,
            Value::Object(fields) => fields,
            _ => {
                self.fault("authority", "an object is expected, as {\"max_parts\": 3} 应为对象");
                return true;
            }
        };
        for (key, value) in fields {
            match Column::named(&format!("authority_{key}")) {
                Some(column) => {
                    self.put(column, value);
                }
                None => self.fault("authority", "has a key that is not known: least_part, max_parts, max_delay_days, max_delay_broken_days, max_span_days, discounts and approver are 有未知的键"),
            }
        }
        true
    }
}

/// A single value as the text of a cell.
fn text(value: Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(b) => Some(b.to_string()),
        Value::String(s) => Some(s),
        // A whole number that came as a float (a column with gaps) is the whole number.
        Value::Number(n) => Some(match n.as_f64() {
            Some(f) if n.is_f64() && f.fract() == 0.0 && f.abs() < 9e15 => format!("{f:.0}"),
            _ => n.to_string(),
        }),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// Earlier calls as rows have them.
fn contacts(items: Vec<Value>) -> Option<String> {
    let items = items.into_iter().map(|item| {
        let Value::Object(mut item) = item else { return None };
        let mut of = |key: &str| text(item.remove(key).unwrap_or_default());
        let (at, reached, number) = (of("at")?, of("reached")?, of("number")?);
        let is_one = |part: &String| !part.contains(';');
        let whole = item.is_empty() && is_one(&at) && is_one(&reached) && is_one(&number);
        whole.then(|| format!("{at} {reached} {number}"))
    });
    let items: Option<Vec<String>> = items.collect();
    items.map(|items| items.join(";"))
}
