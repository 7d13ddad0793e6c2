//! Rows of a Parquet file, one after the other.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::{Timestamp, tz::TimeZone};
use parquet::{
    basic::{LogicalType, TimeUnit},
    data_type::{AsBytes, Decimal},
    file::{
        reader::{ChunkReader, FileReader},
        serialized_reader::SerializedFileReader,
    },
    record::{Field, Row, reader::RowIter},
    schema::types::Type,
};
use serde_json::{Number, Value};

use crate::TabularError;

/// The rows of a file. Its memory is that of one group of rows.
#[allow(missing_debug_implementations)]
pub struct Rows {
    columns: Vec<String>,
    moments: Vec<Option<Moments>>,
    count: u64,
    rows: Option<RowIter<'static>>,
}

/// How a column of moments counts.
#[derive(Clone, Copy)]
struct Moments {
    /// How many are a second.
    a_second: i64,
    /// Whether they are of UTC; others are of a clock at some place.
    utc: bool,
}

/// Opens a file: a `File`, or `Bytes`.
///
/// # Errors
/// When it is no Parquet, or not whole.
pub fn read(source: impl ChunkReader + 'static) -> Result<Rows, TabularError> {
    guarded(|| {
        let file = SerializedFileReader::new(source).map_err(broken)?;
        let meta = file.metadata().file_metadata();
        let count = u64::try_from(meta.num_rows()).unwrap_or(0);
        let fields = meta.schema().get_fields();
        let columns = fields.iter().map(|field| field.name().to_owned()).collect();
        let moments = fields.iter().map(|field| moments(field)).collect();
        let rows = RowIter::from_file_into(Box::new(file));
        Ok(Rows { columns, moments, count, rows: Some(rows) })
    })
}

impl Rows {
    /// The names of the columns, in the order of the values.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How many rows the file says it has.
    pub fn total(&self) -> u64 {
        self.count
    }

    fn values(&self, row: Row) -> Vec<Value> {
        let fields = row.into_columns().into_iter().map(|(_, field)| field);
        fields.zip(&self.moments).map(|(field, moments)| value(field, *moments)).collect()
    }
}

impl Iterator for Rows {
    type Item = Result<Vec<Value>, TabularError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut rows = self.rows.take()?;
        // What is broken in its middle is read no further.
        let next = guarded(|| rows.next().transpose().map_err(broken)).transpose()?;
        Some(next.map(|row| {
            self.rows = Some(rows);
            self.values(row)
        }))
    }
}

/// The reader of Parquet checks less than a file from elsewhere may hold.
fn guarded<T>(read: impl FnOnce() -> Result<T, TabularError>) -> Result<T, TabularError> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(TabularError::Broken("odd".to_owned())))
}

fn broken(e: parquet::errors::ParquetError) -> TabularError {
    // Its text may quote what stood there.
    let kind = match e {
        parquet::errors::ParquetError::EOF(_) => "cut short 不完整",
        parquet::errors::ParquetError::NYI(_) => "a kind of Parquet that is not read 不支持的格式",
        _ => "broken 损坏",
    };
    TabularError::Broken(kind.to_owned())
}

fn moments(field: &Type) -> Option<Moments> {
    match field.get_basic_info().logical_type_ref() {
        Some(LogicalType::Timestamp(stamp)) => {
            let a_second = match stamp.unit {
                TimeUnit::MILLIS => 1_000,
                TimeUnit::MICROS => 1_000_000,
                TimeUnit::NANOS => 1_000_000_000,
            };
            Some(Moments { a_second, utc: stamp.is_adjusted_to_u_t_c })
        }
        _ => None,
    }
}

fn value(field: Field, moments: Option<Moments>) -> Value {
    match (field, moments) {
        (Field::Long(n) | Field::TimestampMillis(n) | Field::TimestampMicros(n), Some(of)) => moment(n, of),
        (field, _) => plain(field),
    }
}

fn plain(field: Field) -> Value {
    let real = |f: f64| Number::from_f64(f).map_or(Value::Null, Value::Number);
    let utc = |a_second| Moments { a_second, utc: true };
    match field {
        Field::Null => Value::Null,
        Field::Bool(b) => b.into(),
        Field::Byte(n) => n.into(),
        Field::Short(n) => n.into(),
        Field::Int(n) => n.into(),
        Field::Long(n) => n.into(),
        Field::UByte(n) => n.into(),
        Field::UShort(n) => n.into(),
        Field::UInt(n) => n.into(),
        Field::ULong(n) => n.into(),
        Field::Float16(f) => real(f64::from(f)),
        // The shortest digits that are this float, not those of the double that it becomes.
        Field::Float(f) => f.to_string().parse().ok().map_or(Value::Null, real),
        Field::Double(f) => real(f),
        Field::Decimal(d) => decimal(&d).map_or(Value::Null, Value::String),
        Field::Str(s) => s.into(),
        Field::Bytes(b) => match std::str::from_utf8(b.data()) {
            Ok(text) => text.into(),
            // As text it is garbled, and refused as that.
            Err(_) => String::from_utf8_lossy(b.data()).into(),
        },
        Field::Date(days) => jiff::civil::date(1970, 1, 1)
            .checked_add(jiff::Span::new().try_days(days).unwrap_or_default())
            .map_or(Value::Null, |day| day.to_string().into()),
        Field::TimeMillis(ms) => time(i64::from(ms) / 1_000),
        Field::TimeMicros(us) => time(us / 1_000_000),
        Field::TimestampMillis(n) => moment(n, utc(1_000)),
        Field::TimestampMicros(n) => moment(n, utc(1_000_000)),
        Field::Group(row) => {
            Value::Object(row.into_columns().into_iter().map(|(key, field)| (key, plain(field))).collect())
        }
        Field::ListInternal(list) => Value::Array(list.elements().iter().cloned().map(plain).collect()),
        Field::MapInternal(map) => {
            let key = |field: &Field| match plain(field.clone()) {
                Value::String(key) => key,
                other => other.to_string(),
            };
            Value::Object(map.entries().iter().map(|(k, v)| (key(k), plain(v.clone()))).collect())
        }
    }
}

fn time(s: i64) -> Value {
    format!("{:02}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60).into()
}

fn moment(n: i64, of: Moments) -> Value {
    let nanos = i128::from(n) * i128::from(1_000_000_000 / of.a_second);
    let Ok(at) = Timestamp::from_nanosecond(nanos) else { return Value::Null };
    if of.utc { at.to_string().into() } else { TimeZone::UTC.to_datetime(at).to_string().into() }
}

/// The digits of a decimal, all of them; none where it has more than 38.
fn decimal(d: &Decimal) -> Option<String> {
    let bytes = d.data().as_bytes();
    let negative = bytes.first().is_some_and(|b| b & 0x80 != 0);
    let mut whole = [if negative { 0xFF } else { 0 }; 16];
    let start = whole.len().checked_sub(bytes.len())?;
    whole[start..].copy_from_slice(bytes);
    let n = i128::from_be_bytes(whole);
    let scale = usize::try_from(d.scale()).ok()?;
    let digits = format!("{:0>width$}", n.unsigned_abs(), width = scale + 1);
    let (before, after) = digits.split_at(digits.len() - scale);
    let sign = if n < 0 { "-" } else { "" };
    Some(if after.is_empty() { format!("{sign}{before}") } else { format!("{sign}{before}.{after}") })
}
