//! The lender's cases as they come: CSV (RFC 4180) or JSON lines in UTF-8, byte by byte, or rows of values
//! from elsewhere. Whatever the source, the checks and what is said of a row are the same.
//!
//! A bad row is named by its line and never stops a good one. Messages name the column and the form
//! that is expected, never what stood in the cell: cells are personal data. Line breaks inside a
//! field are not taken: no field here can have one, and so a quote left open spoils one line, not
//! the rest of the file.

use std::{
    borrow::Cow,
    collections::{HashMap, hash_map::DefaultHasher},
    fmt,
    hash::{Hash, Hasher},
};

use serde_json::Value;
use waihu_types::Case;

use crate::{
    columns::{Column, Columns},
    object, row,
};

/// The longest line that is read [bytes]: a case with all its contacts has 20,000.
const MAX_LINE: usize = 1 << 20;

/// One thing that is wrong with a file of cases, or odd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowProblem {
    /// The line, 1 for the first of the file; of rows from elsewhere the row, 1 for the first.
    pub line: u64,
    /// The column's name, where one column is at fault.
    pub column: Option<String>,
    /// What is wrong and what is expected; no word of what stood there.
    pub message: String,
}

impl RowProblem {
    pub(crate) fn row(line: u64, message: impl Into<String>) -> Self {
        Self { line, column: None, message: message.into() }
    }

    pub(crate) fn column(line: u64, column: impl Into<String>, message: impl Into<String>) -> Self {
        Self { line, column: Some(column.into()), message: message.into() }
    }

    /// What it has in common with others of its kind: the column, and the message without its numbers.
    pub fn kind(&self) -> String {
        let message: String = self.message.chars().filter(|c| !c.is_ascii_digit()).collect();
        format!("{}: {message}", self.column.as_deref().unwrap_or_default())
    }
}

impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "line 行 {}, {column}: {}", self.line, self.message),
            None => write!(f, "line 行 {}: {}", self.line, self.message),
        }
    }
}

/// What is found in a file of cases.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// A case that can be dialled, with its line.
    Case(u64, Box<Case>),
    /// A row that cannot, or the file as a whole.
    Problem(RowProblem),
    /// What is odd and keeps no row from being dialled: a column that is not read, a number again.
    Notice(RowProblem),
}

/// Reads cases as their bytes come, and tells each as it is found.
///
/// Its memory does not grow with the file but for 32 bytes a row, by which a second row of an id is known.
#[derive(Debug)]
pub struct CaseReader {
    form: Form,
    /// The beginning of a line of which the end is still to come.
    rest: Vec<u8>,
    /// Whether the line that is being read is too long, and thrown away to its end.
    too_long: bool,
    /// Which byte ends a line, once that is known.
    end: Option<u8>,
    line: u64,
    seen: Seen,
}

#[derive(Debug)]
enum Form {
    /// Before the header row.
    Header,
    Csv(Box<Columns>),
    JsonLines(Box<object::Keys>),
    /// Something was wrong with the file as a whole.
    Refused,
}

/// The ids and numbers of the rows so far, each by its hash, with its line.
#[derive(Debug, Default)]
struct Seen {
    ids: HashMap<u64, u32>,
    numbers: HashMap<u64, u32>,
}

impl Seen {
    /// Tells a row that was read.
    fn tell(&mut self, line: u64, read: Result<Case, Vec<RowProblem>>, to: &mut dyn FnMut(Found)) {
        let case = match read {
            Ok(case) => case,
            Err(problems) => return problems.into_iter().for_each(|p| to(Found::Problem(p))),
        };
        // No file has that many lines.
        let short = u32::try_from(line).unwrap_or(u32::MAX);
        if let Some(first) = self.ids.get(&hash(case.id.as_str())) {
            return to(Found::Problem(RowProblem::column(
                line,
                "id",
                format!(
                    "the id of line {first} again: each case stands once, this row is not dialled 编号重复，本行不呼叫"
                ),
            )));
        }
        self.ids.insert(hash(case.id.as_str()), short);
        let first = *self.numbers.entry(hash(case.phone.subscriber())).or_insert(short);
        if first != short {
            to(Found::Notice(RowProblem::column(
                line,
                "phone",
                format!(
                    "the number of line {first} again: it is called for each, one after the other 号码重复，将依次呼叫"
                ),
            )));
        }
        to(Found::Case(line, Box::new(case)));
    }
}

/// Of 2^64, so that of a million rows two are taken for one once in 36 million files.
fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

impl CaseReader {
    /// A reader of CSV: see [`read_csv`].
    pub fn csv() -> Self {
        Self::new(Form::Header)
    }

    /// A reader of JSON, one object a line; its keys are those of `case.schema.json`, or the columns of CSV.
    pub fn json_lines() -> Self {
        Self::new(Form::JsonLines(Box::default()))
    }

    fn new(form: Form) -> Self {
        Self { form, rest: Vec::new(), too_long: false, end: None, line: 0, seen: Seen::default() }
    }

    /// Takes the next bytes of the file.
    pub fn push(&mut self, mut bytes: &[u8], to: &mut dyn FnMut(Found)) {
        while !bytes.is_empty() && !matches!(self.form, Form::Refused) {
            let Some(end) = self.end.or_else(|| line_end(&self.rest, bytes)) else {
                return self.keep(bytes);
            };
            self.end = Some(end);
            // What was kept while the end was not known may hold it.
            if let Some(at) = self.rest.iter().position(|b| *b == end) {
                let beyond = self.rest.split_off(at + 1);
                self.rest.pop();
                self.finish_line(to);
                self.push(&beyond, to);
                continue;
            }
            let Some(at) = bytes.iter().position(|b| *b == end) else {
                return self.keep(bytes);
            };
            if self.rest.is_empty() && !self.too_long {
                self.read_line(&bytes[..at], to);
            } else {
                self.keep(&bytes[..at]);
                self.finish_line(to);
            }
            bytes = &bytes[at + 1..];
        }
    }

    /// Reads what is left when the file is over.
    pub fn end(&mut self, to: &mut dyn FnMut(Found)) {
        // A file without any line feed has lines that end with a carriage return, or one line.
        if self.end.is_none() && self.rest.contains(&b'\r') {
            self.end = Some(b'\r');
            let rest = std::mem::take(&mut self.rest);
            self.push(&rest, to);
        }
        if !self.rest.is_empty() || self.too_long {
            self.finish_line(to);
        }
        if matches!(self.form, Form::Header) || matches!(self.form, Form::JsonLines(_)) && self.line == 0 {
            to(Found::Problem(RowProblem::row(
                1,
                "the file is empty: it needs a row a case, and CSV a header row 文件为空",
            )));
        }
    }

    /// Whether the file was refused as a whole: nothing more of it is read.
    pub fn is_refused(&self) -> bool {
        matches!(self.form, Form::Refused)
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.too_long || self.rest.len() + bytes.len() > MAX_LINE {
            self.too_long = true;
            self.rest.clear();
        } else {
            self.rest.extend_from_slice(bytes);
        }
    }

    fn finish_line(&mut self, to: &mut dyn FnMut(Found)) {
        let line = std::mem::take(&mut self.rest);
        if std::mem::take(&mut self.too_long) {
            self.line += 1;
            self.tell_too_long(to);
        } else {
            self.read_line(&line, to);
        }
        // Its room serves the next one.
        self.rest = line;
        self.rest.clear();
    }

    fn read_line(&mut self, bytes: &[u8], to: &mut dyn FnMut(Found)) {
        self.line += 1;
        if bytes.len() > MAX_LINE {
            return self.tell_too_long(to);
        }
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let first = self.line == 1;
        if first
            && (bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) || bytes.contains(&0))
        {
            return self.refuse("the file is UTF-16, or no text: save it as 请另存为 \"CSV UTF-8\"", to);
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            // Reading on would call people by garbled names.
            return self.refuse(
                "not UTF-8 from here on (GBK, as spreadsheets write it?): save the file as 请另存为 \"CSV UTF-8\"",
                to,
            );
        };
        let text = if first { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
        if text.trim().is_empty() {
            return;
        }
        match &mut self.form {
            Form::Header => self.read_header(text, to),
            Form::Csv(columns) => {
                let line = self.line;
                let read = cells(line, text).map_err(|p| vec![p]).and_then(|cells| {
                    width(line, columns, cells.len())?;
                    row::read(line, columns, &cells, Column::name)
                });
                self.seen.tell(line, read, to);
            }
            Form::JsonLines(keys) => {
                let read = object::line(self.line, text, keys, to);
                self.seen.tell(self.line, read, to);
            }
            Form::Refused => {}
        }
    }

    fn tell_too_long(&self, to: &mut dyn FnMut(Found)) {
        to(Found::Problem(RowProblem::row(
            self.line,
            "longer than a million bytes: no case is; is a quote or a line end missing? 该行过长，是否缺少引号或换行",
        )));
    }

    fn read_header(&mut self, text: &str, to: &mut dyn FnMut(Found)) {
        match header(self.line, text) {
            Ok((columns, odd)) => {
                self.form = Form::Csv(Box::new(columns));
                odd.into_iter().for_each(|p| to(Found::Notice(p)));
            }
            Err(problems) => {
                self.form = Form::Refused;
                problems.into_iter().for_each(|p| to(Found::Problem(p)));
            }
        }
    }

    fn refuse(&mut self, message: &str, to: &mut dyn FnMut(Found)) {
        self.form = Form::Refused;
        to(Found::Problem(RowProblem::row(self.line, message)));
    }
}

/// Reads cases from rows of values: of Parquet, or of a database.
#[derive(Debug)]
pub struct RowReader {
    columns: Vec<String>,
    keys: object::Keys,
    row: u64,
    seen: Seen,
}

impl RowReader {
    /// A reader of rows with these columns: those of CSV, or the keys of `case.schema.json`.
    ///
    /// # Errors
    /// When columns are missing, or stand twice.
    pub fn new(columns: &[String], to: &mut dyn FnMut(Found)) -> Result<Self, Vec<RowProblem>> {
        // What only objects have is known to the reader of objects.
        let plain = columns.iter().map(String::as_str).filter(|name| !object::is_nested(name));
        let (_, odd) = Columns::read(1, plain)?;
        odd.into_iter().for_each(|p| to(Found::Notice(p)));
        let columns: Vec<String> = columns.iter().map(|name| name.to_ascii_lowercase()).collect();
        let keys = object::Keys::told(&columns);
        Ok(Self { columns, keys, row: 0, seen: Seen::default() })
    }

    /// Takes the next row.
    pub fn push(&mut self, values: Vec<Value>, to: &mut dyn FnMut(Found)) {
        self.row += 1;
        let pairs = self.columns.iter().map(String::as_str).zip(values);
        let read = object::read(self.row, pairs, &mut self.keys, Column::name, to);
        self.seen.tell(self.row, read, to);
    }
}

/// Reads one case from a JSON object, as a line of JSON lines is read.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_object(object: serde_json::Map<String, Value>) -> Result<Case, Vec<RowProblem>> {
    let mut keys = object::Keys::default();
    let pairs: Vec<(String, Value)> = object.into_iter().collect();
    let pairs = pairs.iter().map(|(key, value)| (key.as_str(), value.clone()));
    object::read(1, pairs, &mut keys, Column::key, &mut |_| {})
}

/// What came out of a file of cases.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaseTable {
    /// The cases that can be dialled, each with its line (the first line of the file is 1).
    pub cases: Vec<(u64, Case)>,
    /// What cannot, and what is wrong with the file as a whole; in the order of the lines.
    pub problems: Vec<RowProblem>,
    /// What is odd and keeps no row from being dialled: a column that is not read, a number again.
    pub notices: Vec<RowProblem>,
}

impl CaseTable {
    /// Takes what a reader found.
    pub fn take(&mut self, found: Found) {
        match found {
            Found::Case(line, case) => self.cases.push((line, *case)),
            Found::Problem(problem) => self.problems.push(problem),
            Found::Notice(notice) => self.notices.push(notice),
        }
    }
}

/// Reads a file of cases as it came from the disk, whatever its bytes.
///
/// Text that is not UTF-8 is read up to the line at which it stops being so: reading on would call
/// people by garbled names.
pub fn read_csv_bytes(bytes: &[u8]) -> CaseTable {
    let mut table = CaseTable::default();
    let mut reader = CaseReader::csv();
    reader.push(bytes, &mut |found| table.take(found));
    reader.end(&mut |found| table.take(found));
    table
}

/// Reads a file of cases.
///
/// Columns, in any order, are those of `CASE.md`: `id`, `phone`, `name`, `lang`, `creditor`, `product`, `amount`,
/// `currency`, `due_date`, and where wanted the others. An unknown column is named once and not read. Without one
/// of the first there are no cases. The second row of an id is refused, and names the first. The second row of a
/// number is a case of its own (one person may owe twice) and noticed.
pub fn read_csv(text: &str) -> CaseTable {
    read_csv_bytes(text.as_bytes())
}

/// Which byte ends the lines: a line feed, or a carriage return where none follows the first of those.
fn line_end(rest: &[u8], bytes: &[u8]) -> Option<u8> {
    let all = || rest.iter().chain(bytes);
    let at = all().position(|b| matches!(b, b'\r' | b'\n'))?;
    if all().nth(at) == Some(&b'\n') {
        return Some(b'\n');
    }
    all().nth(at + 1).map(|next| if *next == b'\n' { b'\n' } else { b'\r' })
}

/// Whether a row has as many fields as the header.
fn width(line: u64, columns: &Columns, fields: usize) -> Result<(), Vec<RowProblem>> {
    if fields == columns.width {
        return Ok(());
    }
    Err(vec![RowProblem::row(
        line,
        format!(
            "{fields} fields, the header has {}: a comma in a field needs quotes 字段数不符，含逗号的内容须加引号",
            columns.width
        ),
    )])
}

/// The cells of one line.
pub(crate) fn cells(line: u64, content: &str) -> Result<Vec<Cow<'_, str>>, RowProblem> {
    let open = || {
        RowProblem::row(
            line,
            "a double quote is left open: close it, or write a quote inside a field twice 引号未闭合",
        )
    };
    if !content.contains('"') {
        return Ok(content.split(',').map(Cow::Borrowed).collect());
    }
    let mut cells = Vec::new();
    let mut rest = content;
    loop {
        let Some(quoted) = rest.strip_prefix('"') else {
            // A quote inside a field that does not begin with one is a sign like others.
            match rest.split_once(',') {
                Some((cell, after)) => {
                    cells.push(Cow::Borrowed(cell));
                    rest = after;
                    continue;
                }
                None => {
                    cells.push(Cow::Borrowed(rest));
                    return Ok(cells);
                }
            }
        };
        let mut end = 0;
        let mut doubled = false;
        loop {
            end += quoted[end..].find('"').ok_or_else(open)?;
            if !quoted[end + 1..].starts_with('"') {
                break;
            }
            doubled = true;
            end += 2;
        }
        let cell = &quoted[..end];
        cells.push(if doubled { Cow::Owned(cell.replace("\"\"", "\"")) } else { Cow::Borrowed(cell) });
        let after = &quoted[end + 1..];
        match after.trim_start().strip_prefix(',') {
            Some(next) => rest = next,
            None if after.trim().is_empty() => return Ok(cells),
            None => {
                return Err(RowProblem::row(
                    line,
                    "text stands behind a closing quote: write a quote inside a field twice 引号之后还有内容，字段内的引号须写两次",
                ));
            }
        }
    }
}

/// The columns of the header row, and what is odd about it without stopping the rows.
fn header(line: u64, content: &str) -> Result<(Columns, Vec<RowProblem>), Vec<RowProblem>> {
    let names = cells(line, content).map_err(|p| vec![p])?;
    if let [only] = names.as_slice()
        && only.contains([';', '\t'])
    {
        return Err(vec![RowProblem::row(line, "the columns must be separated by commas 请用逗号分隔")]);
    }
    Columns::read(line, names.iter().map(|name| name.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "id,phone,name,title,lang,creditor,product,amount,currency,due_date,time_zone";
    const ZH: &str = "C1,1001,张伟,先生,zh,安信银行,信用卡,3250.00,CNY,2026-11-15,Asia/Shanghai";
    const EN: &str =
        "C2,1002,Dana Reed,Ms,en,Harbor Bank,personal loan,\"1,200.50\",USD,2026-11-10,America/New_York";

    fn table(rows: &[&str]) -> CaseTable {
        read_csv(&format!("{HEADER}\n{}\n", rows.join("\n")))
    }

    fn said(t: &CaseTable) -> String {
        t.problems.iter().map(|p| format!("{p}\n")).collect()
    }

    #[test]
    fn good_rows_are_read_with_their_lines() {
        let t = table(&[ZH, "", EN]);
        assert_eq!(t.problems, []);
        assert_eq!(
            t.cases.iter().map(|(l, c)| (*l, c.id.as_str())).collect::<Vec<_>>(),
            [(2, "C1"), (4, "C2")]
        );
        assert_eq!(t.cases[1].1.due.amount().to_string(), "1200.50");
        assert_eq!(t.cases[1].1.time_zone, "America/New_York");
    }

    #[test]
    fn a_byte_order_mark_crlf_order_case_and_absent_optional_columns_do_no_harm() {
        let text = "\u{feff}Phone,ID,name,lang,creditor,product,amount,currency,due_date\r\n\
                    1001,C1,张伟,zh,安信银行,信用卡,3250,CNY,2026/11/5\r\n";
        let t = read_csv_bytes(text.as_bytes());
        assert_eq!(said(&t), "");
        assert_eq!(t.cases[0].1.time_zone, "Asia/Shanghai");
        assert_eq!(t.cases[0].1.title, "");
        assert_eq!(t.cases[0].1.due_date, jiff::civil::date(2026, 11, 5));
        assert_eq!(read_csv(&text.replace("\r\n", "\r")).cases.len(), 1);
    }

    #[test]
    fn a_row_may_have_a_voice_and_a_speed_of_its_own() {
        let header = format!("{HEADER},voice,voice_speed");
        let read = |own: &str| read_csv(&format!("{header}\n{ZH},{own}\n"));
        let voice = |own: &str| read(own).cases.first().map(|(_, c)| (c.voice.name.clone(), c.voice.speed));
        assert_eq!(voice("zm_yunxi,0.9"), Some((Some("zm_yunxi".to_owned()), Some(0.9))));
        assert_eq!(voice(","), Some((None, None)));
        for wrong in [",fast", ",3", ",NaN", ",-1"] {
            assert_eq!(read(wrong).problems[0].column.as_deref(), Some("voice_speed"), "{wrong}");
        }
    }

    #[test]
    fn each_bad_row_is_named_by_line_and_column_and_the_good_ones_run() {
        let t = table(&[
            ZH,
            &EN.replace("1002", "call me"),
            &EN.replace("en,", "fr,"),
            &EN.replace("\"1,200.50\"", "12.345"),
            &EN.replace("\"1,200.50\"", "\"1200,50\""),
            &EN.replace("\"1,200.50\"", "0"),
            &EN.replace("USD", "dollars"),
            &EN.replace("2026-11-10", "10.11.2026"),
            &EN.replace("America/New_York", "Mars"),
            &EN.replace("Dana Reed", " "),
            &EN.replace("C2", "C 2"),
            "C3,1003",
            &EN.replace("Dana Reed", "\"Dana Reed"),
            EN,
        ]);
        let named: Vec<(u64, Option<&str>)> =
            t.problems.iter().map(|p| (p.line, p.column.as_deref())).collect();
        assert_eq!(
            named,
            [
                (3, Some("phone")),
                (4, Some("lang")),
                (5, Some("amount")),
                (6, Some("amount")),
                (7, Some("amount")),
                (8, Some("currency")),
                (9, Some("due_date")),
                (10, Some("time_zone")),
                (11, Some("name")),
                (12, Some("id")),
                (13, None),
                (14, None),
            ]
        );
        assert_eq!(t.cases.iter().map(|(l, _)| *l).collect::<Vec<_>>(), [2, 15]);
    }

    #[test]
    fn no_message_repeats_what_stood_in_a_cell() {
        let t = table(&[
            "密C,1399999x,密名,密称,密zh,密行,密卡,密3999,密CNY,密2026,密/区",
            "C9,13999990001,密名,先生,zh,密行,密卡,3999,CNY,密2026,密/区",
            "C9,13999990001,密名,先生,zh,密行,密卡,3999,39990001,2026-01-01,密/区",
            "C9,13999990001,密名,先生,zh,密行,密卡,3999,CNY,2026-01-01,密/区",
        ]);
        assert!(t.cases.is_empty());
        let rows: std::collections::BTreeSet<u64> = t.problems.iter().map(|p| p.line).collect();
        assert_eq!(rows.len(), 4);
        for secret in ["密", "1399999", "3999"] {
            assert!(!said(&t).contains(secret), "{secret}");
        }
        // A file without a header puts a person's data where column names stand.
        let headless = read_csv(&ZH.replace("张伟", "密名"));
        assert!(headless.cases.is_empty());
        assert!(!said(&headless).contains("密") && !said(&headless).contains("3250"), "{}", said(&headless));
    }

    #[test]
    fn the_second_row_of_an_id_is_refused_and_names_the_first() {
        let t = table(&[ZH, &EN.replace("C2", "C1")]);
        assert_eq!(t.cases.len(), 1);
        assert_eq!(t.problems[0].line, 3);
        assert!(t.problems[0].message.contains("line 2"));
    }

    #[test]
    fn an_unknown_column_is_named_once_and_the_rows_still_run() {
        let t = read_csv(&format!("{HEADER},branch\n{ZH},x\n{EN},y\n"));
        assert_eq!((t.cases.len(), t.problems.len(), t.notices.len()), (2, 0, 1));
        assert_eq!((t.notices[0].line, t.notices[0].column.as_deref()), (1, Some("branch")));
    }

    #[test]
    fn the_second_row_of_a_number_is_noticed_and_still_runs() {
        let again = EN.replace("C2", "C3").replace("1002", "+8613800138000");
        let t = table(&[&ZH.replace("1001", "13800138000"), EN, &again]);
        assert_eq!((t.cases.len(), t.problems.len(), t.notices.len()), (3, 0, 1));
        assert_eq!((t.notices[0].line, t.notices[0].column.as_deref()), (4, Some("phone")));
        assert!(t.notices[0].message.contains("line 2") && !t.notices[0].message.contains("138"));
    }

    #[test]
    fn a_missing_or_doubled_column_stops_the_file() {
        let t = read_csv("id,phone,name,phone\nC1,1001,张伟,1002\n");
        assert!(t.cases.is_empty());
        let columns: Vec<_> = t.problems.iter().filter_map(|p| p.column.as_deref()).collect();
        assert_eq!(columns, ["phone", "lang", "creditor", "product", "amount", "currency", "due_date"]);
        assert!(said(&read_csv(&HEADER.replace(',', ";"))).contains("commas"));
        assert_eq!(read_csv(" \n").problems.len(), 1);
    }

    #[test]
    fn text_of_another_encoding_is_refused_with_advice() {
        let mut gbk = format!("{HEADER}\n").into_bytes();
        gbk.extend(b"C1,1001,\xd5\xc5\xce\xb0,,zh,x,y,1,CNY,2026-11-15,\n");
        let t = read_csv_bytes(&gbk);
        assert_eq!((t.cases.len(), t.problems[0].line), (0, 2));
        assert!(said(&t).contains("UTF-8"));
        assert!(said(&read_csv_bytes(&[0xFF, 0xFE, b'i', 0])).contains("UTF-16"));
        for garbled in ["ÕÅÎ°", "张\u{fffd}", "锟斤拷", "å¼ ä¼Ÿ"] {
            let t = table(&[&ZH.replace("张伟", garbled), EN]);
            assert_eq!(t.cases.len(), 1, "{garbled}");
            assert_eq!(t.problems[0].column.as_deref(), Some("name"));
            assert!(said(&t).contains("UTF-8"));
        }
    }

    const MORE: &str = "kind,account_tail,minimum_due,total_balance,installment_no,collateral,contact,\
        reply_number,last_promise,last_promise_date,last_promise_amount,broken_promises,\
        authority_least_part,authority_max_parts,authority_max_delay_days,\
        authority_max_delay_broken_days,authority_max_span_days,authority_discounts,authority_approver";
    const FULL: &str = "card,0421,325.00,9800,17,翠湖路的房子,李明,400-800-1234,broken,2026/11/1,1000,2,\
        20%,3,14,7,90,5% 10%,客户经理";

    #[test]
    fn what_a_lender_may_fill_in_is_read_with_the_rest() {
        let t = read_csv(&format!("{HEADER},{MORE}\n{ZH},{FULL}\n{EN}{}\n", ",".repeat(19)));
        assert_eq!((said(&t), t.notices.len()), (String::new(), 0));
        let p = &t.cases[0].1.particulars;
        let json = serde_json::to_value(p).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "kind": "card", "account_tail": "0421", "minimum_due": "325.00", "total_balance": "9800.00",
                "installment_no": 17, "collateral": "翠湖路的房子", "contact": "李明",
                "reply_number": "400-800-1234", "last_promise": "broken",
                "last_promise_date": "2026-11-01", "last_promise_amount": "1000.00", "broken_promises": 2,
                "authority": {
                    "least_part": "20%", "max_parts": 3, "max_delay_days": 14, "max_delay_broken_days": 7,
                    "max_span_days": 90, "discounts": ["5%", "10%"], "approver": "客户经理"
                }
            })
        );
        assert_eq!(t.cases[1].1.particulars, waihu_types::Particulars::default());
    }

    #[test]
    fn each_cell_that_cannot_be_is_named_by_its_column() {
        let names: Vec<&str> = MORE.split(',').map(str::trim).collect();
        let cells: Vec<&str> = FULL.split(',').collect();
        for (column, wrong) in [
            ("kind", "yacht"),
            ("account_tail", "04a1"),
            ("account_tail", "1"),
            ("minimum_due", "-1"),
            ("minimum_due", "9800.01"),
            ("total_balance", "3249"),
            ("installment_no", "0"),
            ("installment_no", "third"),
            ("collateral", "ÕÅÎ°"),
            ("reply_number", "call me"),
            ("last_promise", "maybe"),
            ("last_promise_date", ""),
            ("last_promise_date", "1.11.2026"),
            ("last_promise_amount", "0"),
            ("broken_promises", "-2"),
            ("authority_least_part", "120%"),
            ("authority_max_parts", "0"),
            ("authority_max_parts", "999"),
            ("authority_max_delay_days", "400"),
            ("authority_max_delay_broken_days", "15"),
            ("authority_max_span_days", "13"),
            ("authority_discounts", "10% 5%"),
            ("authority_discounts", "half"),
        ] {
            let at = names.iter().position(|n| *n == column).unwrap();
            let mut row = cells.clone();
            row[at] = wrong;
            let t = read_csv(&format!("{HEADER},{MORE}\n{ZH},{}\n{ZH},{FULL}\n", row.join(",")));
            let named: Vec<_> = t.problems.iter().map(|p| p.column.as_deref().unwrap()).collect();
            assert_eq!((named, t.cases.len()), (vec![column], 1), "{column}={wrong}");
        }
    }

    #[test]
    fn absurd_rows_are_left_out_and_named() {
        let t = table(&[
            &ZH.replace("3250.00", "-3250.00"),
            &ZH.replace("3250.00", "99999999999"),
            &ZH.replace("2026-11-15", "1900-01-01"),
            &ZH.replace("2026-11-15", "2200-01-01"),
            &ZH.replace("张伟", &"伟".repeat(500)),
            &ZH.replace("先生", &"先".repeat(50)),
            EN,
        ]);
        let named: Vec<_> = t.problems.iter().map(|p| p.column.as_deref().unwrap()).collect();
        assert_eq!(named, ["amount", "amount", "due_date", "due_date", "name", "title"]);
        assert_eq!(t.cases.len(), 1);
    }

    #[test]
    fn accents_in_an_english_row_are_names_not_garbage() {
        let t = table(&[&EN.replace("Dana Reed", "José Núñez")]);
        assert_eq!(said(&t), "");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            let _ = read_csv_bytes(&bytes);
            let mut with_header = format!("{HEADER}\n").into_bytes();
            with_header.extend(bytes);
            let _ = read_csv_bytes(&with_header);
        }
    }
}
