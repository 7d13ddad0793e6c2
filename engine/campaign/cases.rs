//! The lender's file of cases: CSV (RFC 4180) in UTF-8 with a header row.
//!
//! A bad row is named by its line and never stops a good one. Messages name the column and the form
//! that is expected, never what stood in the cell: cells are personal data. Line breaks inside a
//! field are not taken: no field here can have one, and so a quote left open spoils one line, not
//! the rest of the file.

use std::{collections::HashMap, fmt};

use waihu_types::{Case, CaseId};

use crate::row::{self, Columns};

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

/// One thing that is wrong with the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowProblem {
    /// The line, 1 for the first of the file.
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
}

impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "line 行 {}, {column}: {}", self.line, self.message),
            None => write!(f, "line 行 {}: {}", self.line, self.message),
        }
    }
}

/// Reads a file of cases as it came from the disk, whatever its bytes.
///
/// Text that is not UTF-8 is refused whole, with the line at which it stops being so: reading on
/// would call people by garbled names.
pub fn read_csv_bytes(bytes: &[u8]) -> CaseTable {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return refused(1, "the file is UTF-16: save it as 请另存为 \"CSV UTF-8\"");
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => read_csv(text),
        Err(e) => {
            let before = &bytes[..e.valid_up_to()];
            let line = 1 + u64::try_from(before.iter().filter(|b| **b == b'\n').count()).unwrap_or(0);
            refused(
                line,
                "not UTF-8 from here on (GBK, as spreadsheets write it?): save the file as 请另存为 \"CSV UTF-8\"",
            )
        }
    }
}

/// Reads a file of cases.
///
/// Columns, in any order: `id`, `phone`, `name`, `lang`, `creditor`, `product`, `amount`,
/// `currency`, `due_date`, and where wanted `title`, `time_zone` (`Asia/Shanghai` where it is absent or
/// empty), `voice` and `voice_speed` (the script's where they are), the fields of
/// [`waihu_types::Particulars`] by their names, and those of [`waihu_types::GivenAuthority`] by theirs after
/// `authority_` (of `authority_discounts` the steps stand apart by spaces or `;`). An unknown column is named
/// once and not read. Without one of the others there
/// are no cases. The second row of an id is refused, and names the first. The second row of a number
/// is a case of its own (one person may owe twice) and noticed.
pub fn read_csv(text: &str) -> CaseTable {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut table = CaseTable::default();
    let mut columns: Option<Columns> = None;
    let mut seen: HashMap<CaseId, u64> = HashMap::new();
    let mut numbers: HashMap<String, u64> = HashMap::new();
    for (line, content) in lines(text) {
        if content.trim().is_empty() {
            continue;
        }
        let Some(known) = &columns else {
            match header(line, content) {
                Ok((found, mut problems)) => {
                    columns = Some(found);
                    table.notices.append(&mut problems);
                    continue;
                }
                Err(mut problems) => {
                    table.problems.append(&mut problems);
                    return table;
                }
            }
        };
        match fields(line, content).and_then(|cells| row::read(line, known, &cells)) {
            Ok(case) => match seen.get(&case.id) {
                Some(first) => table.problems.push(RowProblem::column(
                    line,
                    "id",
                    format!("the id of line {first} again: each case stands once, this row is not dialled 编号重复，本行不呼叫"),
                )),
                None => {
                    seen.insert(case.id.clone(), line);
                    let first = *numbers.entry(case.phone.subscriber().to_owned()).or_insert(line);
                    if first != line {
                        table.notices.push(RowProblem::column(
                            line,
                            "phone",
                            format!(
                                "the number of line {first} again: it is called for each, one after the other 号码重复，将依次呼叫"
                            ),
                        ));
                    }
                    table.cases.push((line, case));
                }
            },
            Err(problem) => table.problems.push(problem),
        }
    }
    if columns.is_none() {
        table
            .problems
            .push(RowProblem::row(1, "the file is empty: it needs a header row and a row a case 文件为空"));
    }
    table
}

fn refused(line: u64, message: &str) -> CaseTable {
    CaseTable { problems: vec![RowProblem::row(line, message)], ..CaseTable::default() }
}

/// The lines with their numbers; ends are LF, CRLF, or CR alone in a file without any LF.
fn lines(text: &str) -> impl Iterator<Item = (u64, &str)> {
    let end = if text.contains('\n') { '\n' } else { '\r' };
    (1u64..).zip(text.split(end)).map(|(n, l)| (n, l.strip_suffix('\r').unwrap_or(l)))
}

/// The cells of one line.
fn fields(line: u64, content: &str) -> Result<Vec<String>, RowProblem> {
    if !content.matches('"').count().is_multiple_of(2) {
        return Err(RowProblem::row(
            line,
            "a double quote is left open: close it, or write a quote inside a field twice 引号未闭合",
        ));
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .buffer_capacity(content.len().max(1))
        .from_reader(content.as_bytes());
    match reader.records().next() {
        Some(Ok(record)) => Ok(record.iter().map(|cell| cell.trim().to_owned()).collect()),
        Some(Err(_)) | None => {
            Err(RowProblem::row(line, "not a row of CSV: fields separated by commas 不是 CSV 行"))
        }
    }
}

/// The columns of the header row, and what is odd about it without stopping the rows.
fn header(line: u64, content: &str) -> Result<(Columns, Vec<RowProblem>), Vec<RowProblem>> {
    let names = fields(line, content).map_err(|p| vec![p])?;
    if let [only] = names.as_slice()
        && only.contains([';', '\t'])
    {
        return Err(vec![RowProblem::row(line, "the columns must be separated by commas 请用逗号分隔")]);
    }
    Columns::read(line, &names)
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
        assert_eq!(t.problems.len(), 4);
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
