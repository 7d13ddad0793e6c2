//! Rows out: CSV, JSON lines or Parquet, by the file's name.

use std::{
    fs,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use waihu_campaign::{case_cells, case_columns, csv_row};
use waihu_store::Store;
use waihu_tabular::{Column, Kind, Writer};

use super::BATCH;
use crate::output::out;

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Csv,
    JsonLines,
    Parquet,
}

impl Form {
    /// By the end of its name.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
        Ok(match end.to_ascii_lowercase().as_str() {
            "csv" | "txt" => Self::Csv,
            "jsonl" | "ndjson" | "json" => Self::JsonLines,
            "parquet" => Self::Parquet,
            _ => bail!(
                "{}: a name that ends with .csv, .jsonl or .parquet is expected 文件名应以 .csv、.jsonl 或 .parquet 结尾",
                path.display()
            ),
        })
    }
}

/// A file of rows. It takes the place of the one that was there when it is whole.
pub(crate) struct File {
    path: PathBuf,
    unfinished: PathBuf,
    names: Vec<String>,
    to: To,
}

enum To {
    Csv(BufWriter<fs::File>),
    JsonLines(BufWriter<fs::File>),
    Parquet(Box<Writer<BufWriter<fs::File>>>),
}

impl File {
    /// Begins a file with columns.
    pub(crate) fn new(path: &Path, form: Form, columns: &[Column]) -> Result<Self> {
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".unfinished");
        let unfinished = PathBuf::from(unfinished);
        let mut options = fs::OpenOptions::new();
        // Rows are personal data.
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.write(true).create(true).truncate(true).open(&unfinished);
        let file = file.with_context(|| format!("{}: cannot be written 无法写入", unfinished.display()))?;
        let mut to = BufWriter::new(file);
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let to = match form {
            Form::Csv => {
                let mut head = "\u{feff}".to_owned();
                csv_row(names.iter().map(String::as_str), &mut head);
                to.write_all(head.as_bytes())?;
                To::Csv(to)
            }
            Form::JsonLines => To::JsonLines(to),
            Form::Parquet => To::Parquet(Box::new(Writer::new(to, columns)?)),
        };
        Ok(Self { path: path.to_owned(), unfinished, names, to })
    }

    /// Writes a row.
    pub(crate) fn push(&mut self, row: Vec<Value>) -> Result<()> {
        match &mut self.to {
            To::Parquet(to) => to.push(row)?,
            To::Csv(to) => {
                let cells: Vec<String> = row.into_iter().map(cell).collect();
                let mut line = String::new();
                csv_row(cells.iter().map(String::as_str), &mut line);
                to.write_all(line.as_bytes())?;
            }
            To::JsonLines(to) => {
                let pairs = self.names.iter().cloned().zip(row).filter(|(_, value)| !value.is_null());
                serde_json::to_writer(&mut *to, &pairs.collect::<serde_json::Map<_, _>>())?;
                to.write_all(b"\n")?;
            }
        }
        Ok(())
    }

    /// Ends it; from then on it stands under its name.
    pub(crate) fn close(self) -> Result<()> {
        let to = match self.to {
            To::Csv(to) | To::JsonLines(to) => to,
            To::Parquet(to) => to.close()?,
        };
        let shown = self.path.display();
        let file = to.into_inner().with_context(|| format!("{shown}: cannot be written 无法写入"))?;
        file.sync_all().with_context(|| format!("{shown}: cannot be written 无法写入"))?;
        fs::rename(&self.unfinished, &self.path)
            .with_context(|| format!("{shown}: cannot be written 无法写入"))
    }
}

/// A value as the text of a cell.
fn cell(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Writes all cases of the store. As JSON they are whole objects, otherwise rows.
pub(super) async fn cases(store: &Store, path: &Path) -> Result<ExitCode> {
    let form = Form::of(path)?;
    let columns: Vec<Column> = case_columns().iter().map(|name| Column::new(name, Kind::Text)).collect();
    let mut file = File::new(path, form, &columns)?;
    let (mut after, mut count) = (None, 0);
    loop {
        let page = store.cases_page(after.as_ref(), BATCH as u32).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.case.id.clone());
        count += page.len();
        for stored in &page {
            match &mut file.to {
                To::JsonLines(to) => {
                    serde_json::to_writer(&mut *to, &stored.case)?;
                    to.write_all(b"\n")?;
                }
                _ => {
                    let absent =
                        |text: String| if text.is_empty() { Value::Null } else { Value::String(text) };
                    file.push(case_cells(&stored.case).into_iter().map(absent).collect())?;
                }
            }
        }
    }
    file.close()?;
    out!("{}: {count} cases 个案件", path.display())?;
    Ok(ExitCode::SUCCESS)
}
