//! Rows into a Parquet file, in groups.

use std::{io::Write, sync::Arc};

use parquet::{
    basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical},
    column::writer::ColumnWriter,
    data_type::ByteArray,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::{Type, TypePtr},
};
use serde_json::Value;

use crate::TabularError;

/// How many rows are written together: a few MB, which is what readers fetch at once.
const GROUP: usize = 20_000;
/// The most digits of a decimal that 64 bits hold.
const DIGITS: i32 = 18;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Whole numbers.
    Whole,
    /// Numbers.
    Number,
    /// Sums of money: decimals with two places, from text.
    Sum,
    /// True or false.
    Flag,
    /// Days, from `2026-11-15`.
    Day,
    /// Moments, from RFC 3339 \[ms, UTC\].
    Moment,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds; any value may be absent.
    pub kind: Kind,
}

impl Column {
    /// A column.
    pub fn new(name: &str, kind: Kind) -> Self {
        Self { name: name.to_owned(), kind }
    }

    fn schema(&self) -> parquet::errors::Result<TypePtr> {
        let (physical, logical) = match self.kind {
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Whole => (Physical::INT64, None),
            Kind::Number => (Physical::DOUBLE, None),
            Kind::Sum => (Physical::INT64, Some(LogicalType::decimal(2, DIGITS))),
            Kind::Flag => (Physical::BOOLEAN, None),
            Kind::Day => (Physical::INT32, Some(LogicalType::Date)),
            Kind::Moment => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS))),
        };
        let column = Type::primitive_type_builder(&self.name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical);
        let column =
            if self.kind == Kind::Sum { column.with_precision(DIGITS).with_scale(2) } else { column };
        Ok(Arc::new(column.build()?))
    }

    fn fault(&self) -> TabularError {
        TabularError::Value { column: self.name.clone(), kind: self.kind }
    }

    /// Puts the values of a group into its writer.
    fn write(&self, values: &[Value], to: &mut ColumnWriter<'_>) -> Result<(), TabularError> {
        let defined: Vec<i16> = values.iter().map(|v| i16::from(!v.is_null())).collect();
        let there = || values.iter().filter(|v| !v.is_null());
        let levels = Some(defined.as_slice());
        let fault = || self.fault();
        let whole = |read: &dyn Fn(&Value) -> Option<i64>| -> Result<Vec<i64>, TabularError> {
            there().map(|v| read(v).ok_or_else(fault)).collect()
        };
        let written = match to {
            ColumnWriter::ByteArrayColumnWriter(w) => {
                let texts = there().map(|v| v.as_str().map(ByteArray::from).ok_or_else(fault));
                w.write_batch(&texts.collect::<Result<Vec<_>, _>>()?, levels, None)
            }
            ColumnWriter::BoolColumnWriter(w) => {
                let flags = there().map(|v| v.as_bool().ok_or_else(fault));
                w.write_batch(&flags.collect::<Result<Vec<_>, _>>()?, levels, None)
            }
            ColumnWriter::DoubleColumnWriter(w) => {
                let numbers = there().map(|v| v.as_f64().ok_or_else(fault));
                w.write_batch(&numbers.collect::<Result<Vec<_>, _>>()?, levels, None)
            }
            ColumnWriter::Int32ColumnWriter(w) => {
                let days = there().map(|v| day(v).ok_or_else(fault));
                w.write_batch(&days.collect::<Result<Vec<_>, _>>()?, levels, None)
            }
            ColumnWriter::Int64ColumnWriter(w) => {
                let numbers = match self.kind {
                    Kind::Sum => whole(&hundredths),
                    Kind::Moment => {
                        whole(&|v| Some(v.as_str()?.parse::<jiff::Timestamp>().ok()?.as_millisecond()))
                    }
                    _ => whole(&Value::as_i64),
                };
                w.write_batch(&numbers?, levels, None)
            }
            // No kind is stored so.
            _ => return Err(fault()),
        };
        written.map(drop).map_err(TabularError::Write)
    }
}

fn day(value: &Value) -> Option<i32> {
    let day: jiff::civil::Date = value.as_str()?.parse().ok()?;
    Some(day.since(jiff::civil::date(1970, 1, 1)).ok()?.get_days())
}

/// `3250.00` as 325000.
fn hundredths(value: &Value) -> Option<i64> {
    let text = value.as_str()?;
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, places) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if places.len() > 2 || whole.is_empty() || !all_digits(whole) || !all_digits(places) {
        return None;
    }
    let n: i64 = format!("{whole}{places:0<2}").parse().ok()?;
    Some(if negative { -n } else { n })
}

/// Writes a file, row by row.
#[allow(missing_debug_implementations)]
pub struct Writer<W: Write + Send> {
    columns: Vec<Column>,
    /// The values of the group that is being gathered, by column.
    group: Vec<Vec<Value>>,
    file: SerializedFileWriter<W>,
}

impl<W: Write + Send> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(to: W, columns: &[Column]) -> Result<Self, TabularError> {
        let begun = || {
            let fields: parquet::errors::Result<Vec<TypePtr>> = columns.iter().map(Column::schema).collect();
            let schema = Type::group_type_builder("waihu").with_fields(fields?).build()?;
            let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
            SerializedFileWriter::new(to, Arc::new(schema), Arc::new(properties))
        };
        let file = begun().map_err(TabularError::Write)?;
        Ok(Self { columns: columns.to_vec(), group: vec![Vec::new(); columns.len()], file })
    }

    /// Takes a row, a value a column; what is missing at its end is absent.
    ///
    /// # Errors
    /// When a value is not of its column's kind, or the file cannot be written.
    pub fn push(&mut self, row: Vec<Value>) -> Result<(), TabularError> {
        let mut values = row.into_iter();
        for column in &mut self.group {
            column.push(values.next().unwrap_or_default());
        }
        if self.group.first().is_some_and(|column| column.len() >= GROUP) { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), TabularError> {
        let mut group = self.file.next_row_group().map_err(TabularError::Write)?;
        for (column, values) in self.columns.iter().zip(&mut self.group) {
            let Some(mut writer) = group.next_column().map_err(TabularError::Write)? else { break };
            column.write(values, writer.untyped())?;
            writer.close().map_err(TabularError::Write)?;
            values.clear();
        }
        group.close().map(drop).map_err(TabularError::Write)
    }

    /// Ends the file, and gives back what it was written to.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn close(mut self) -> Result<W, TabularError> {
        if self.group.first().is_some_and(|column| !column.is_empty()) {
            self.flush()?;
        }
        self.file.into_inner().map_err(TabularError::Write)
    }
}
