//! The lists that folders of examples come with: rows of cells between tabs.
//!
//! A bad row is named by file and line, and nothing else is lost. Lines that begin with `#`, empty ones, and a
//! heading are passed over.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use waihu_record::wav;

/// The largest list read [bytes]: a million rows.
const LARGEST: u64 = 1 << 27;

/// First cells of headings.
const HEADINGS: [&str; 3] = ["file", "label", "lang"];

/// A row as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// `FILE:LINE`.
    pub(crate) place: String,
    /// Its cells, blanks at their ends cut off.
    pub(crate) cells: Vec<String>,
}

/// A row that could not be judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct BadRow {
    /// `FILE:LINE`.
    pub(crate) place: String,
    /// What is wrong with it.
    pub(crate) problem: String,
}

/// A list, read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manifest {
    pub(crate) rows: Vec<Row>,
    pub(crate) bad: Vec<BadRow>,
}

/// Reads a list.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn read(path: &Path) -> Result<Manifest> {
    let unread = || format!("{}: cannot be read 无法读取", path.display());
    let size = fs::metadata(path).with_context(unread)?.len();
    ensure!(size <= LARGEST, "{}: larger than {LARGEST} bytes; split it 清单过大", path.display());
    let bytes = fs::read(path).with_context(unread)?;
    Ok(parse(&path.display().to_string(), &bytes))
}

fn parse(name: &str, bytes: &[u8]) -> Manifest {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut out = Manifest::default();
    let mut first = true;
    for (n, line) in bytes.split(|b| *b == b'\n').enumerate() {
        let place = format!("{name}:{}", n + 1);
        let Ok(line) = std::str::from_utf8(line) else {
            let problem = "not UTF-8 text 不是 UTF-8 文本".to_owned();
            out.bad.push(BadRow { place, problem });
            continue;
        };
        let line = line.trim_end_matches('\r');
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let cells: Vec<String> = line.split('\t').map(|c| c.trim().to_owned()).collect();
        let heading = first && cells.len() > 1 && HEADINGS.contains(&cells[0].as_str());
        first = false;
        if !heading {
            out.rows.push(Row { place, cells });
        }
    }
    out
}

/// The sound of a file of the folder, as one channel at `rate` [Hz]; or what is wrong with it.
pub(crate) fn sound(dir: &Path, file: &str, rate: u32) -> Result<Vec<f32>, String> {
    if file.is_empty() {
        return Err("names no file 缺少文件名".to_owned());
    }
    let pcm = wav::read(dir.join(file)).map_err(|e| e.to_string())?;
    waihu_audio::resample(&pcm.mono(), pcm.rate, rate).map_err(|e| format!("{file}: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_is_named_and_the_others_are_read() {
        let list =
            b"\xEF\xBB\xBFfile\tlang\ttext\r\n# a remark\n\na.wav\tzh\t \xE5\xA5\xBD \r\n\xFF\xFE\tzh\nb.wav";
        let read = parse("m.tsv", list);
        assert_eq!(read.rows.len(), 2);
        assert_eq!(read.rows[0].cells, ["a.wav", "zh", "好"]);
        assert_eq!((read.rows[0].place.as_str(), read.rows[1].place.as_str()), ("m.tsv:4", "m.tsv:6"));
        assert_eq!(read.bad.len(), 1);
        assert_eq!(read.bad[0].place, "m.tsv:5");
    }

    #[test]
    fn a_heading_is_one_only_where_it_comes_first() {
        let read = parse("m", b"label\ttext\nlabel\ttext\n");
        assert_eq!(read.rows.len(), 1);
        assert!(parse("m", b"").rows.is_empty());
    }
}
