//! Rows of every kind of wrong: each is told by line and column with what to write, none stops a good one, and
//! none is a panic.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};
use waihu_campaign::{CaseReader, CaseTable, RowReader, read_csv, read_csv_bytes};

const HEADER: &str = "id,phone,name,title,lang,creditor,product,amount,currency,due_date,time_zone,voice_speed,kind,account_tail,minimum_due,total_balance,installment_no,collateral,reply_number,last_promise,last_promise_date,broken_promises,kept_promises,authority_max_parts,authority_discounts,debtor,phone_kind,consent,phone_2,phone_2_kind,phone_2_whose,phone_2_consent,phone_2_time_zone,phone_3,days_past_due,risk_grade,propensity,best_time,contacts,do_not_call,represented_by";
const ROW: [&str; 41] = [
    "C-1",
    "13800138000",
    "张伟",
    "先生",
    "zh",
    "安信银行",
    "信用卡",
    "3250.00",
    "CNY",
    "2026-11-15",
    "Asia/Shanghai",
    "0.9",
    "card",
    "0421",
    "325.00",
    "9800",
    "3",
    "",
    "400-800-1234",
    "broken",
    "2026-11-01",
    "2",
    "1",
    "3",
    "5% 10%",
    "D-7",
    "mobile",
    "given",
    "13900139000",
    "home",
    "relative",
    "none",
    "Asia/Urumqi",
    "",
    "11",
    "M2",
    "0.37",
    "18:00-20:00",
    "2026-11-20 10:05 person 13900139000; 2026-11-21T09:30:00+08:00 attempted",
    "no",
    "",
];

/// A cell as CSV has it.
fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

fn row(column: &str, cell: &str) -> String {
    let at = HEADER.split(',').position(|name| name == column).unwrap();
    let cells = ROW.iter().enumerate().map(|(n, own)| quoted(if n == at { cell } else { own }));
    cells.collect::<Vec<_>>().join(",")
}

/// What is wrong with a row of which one cell is another.
fn told(column: &str, cell: &str) -> (usize, Vec<(String, String)>) {
    let table = read_csv(&format!("{HEADER}\n{}\n", row(column, cell)));
    assert!(table.problems.iter().all(|p| p.line == 2));
    let told = table.problems.into_iter().map(|p| (p.column.unwrap_or_default(), p.message));
    (table.cases.len(), told.collect())
}

#[test]
fn each_odd_cell_is_told_by_its_column_with_what_to_write() {
    assert_eq!(told("id", "C-1"), (1, vec![]));
    let rows: &[(&str, &str, &str)] = &[
        ("id", "", "1 to 64 letters"),
        ("id", "C 1", "编号格式有误"),
        ("id", "案件1", "1 to 64 letters"),
        ("id", ".hidden", "1 to 64"),
        ("id", "C\u{0}1", "1 to 64"),
        ("phone", "", "3 to 15 digits"),
        ("phone", "1.38E+10", "scientific notation"),
        ("phone", "1.38001E10", "科学计数法"),
        ("phone", "13800138000.0", "号码格式有误"),
        ("phone", "一三八", "3 to 15 digits"),
        ("phone", "１３８００１３８０００", "3 to 15 digits"),
        ("phone", "138-0013-8000-0000-00", "3 to 15 digits"),
        ("phone", "13800138000/13900139000", "3 to 15 digits"),
        ("phone", "#N/A", "3 to 15 digits"),
        ("name", "", "不能为空"),
        ("name", " \u{3000} ", "不能为空"),
        ("name", "ÕÅÎ°", "CSV UTF-8"),
        ("name", "锟斤拷", "乱码"),
        ("name", "张\u{fffd}", "乱码"),
        ("name", "张\u{0}伟", "乱码"),
        ("name", "张\u{7}伟", "乱码"),
        ("title", "先生先生先生先生先生先生先生先生先生先生先生", "过长"),
        ("lang", "", "zh or en"),
        ("lang", "ZH", "zh or en"),
        ("lang", "中文", "zh or en"),
        ("creditor", "", "不能为空"),
        ("product", "", "不能为空"),
        ("amount", "", "金额有误"),
        ("amount", "0", "金额为零"),
        ("amount", "-3250", "金额有误"),
        ("amount", "3.25E+03", "scientific notation"),
        ("amount", "3250,00", "金额有误"),
        ("amount", "3.250,00", "金额有误"),
        ("amount", "¥3250", "金额有误"),
        ("amount", "3250元", "金额有误"),
        ("amount", "3250.005", "at most two places"),
        ("amount", "NaN", "金额有误"),
        ("amount", "Infinity", "金额有误"),
        ("amount", "#VALUE!", "金额有误"),
        ("amount", "99999999999", "金额过大"),
        ("currency", "", "币种有误"),
        ("currency", "rmb", "币种有误"),
        ("currency", "￥", "币种有误"),
        ("due_date", "", "2026-11-15"),
        ("due_date", "46341", "日期序号"),
        ("due_date", "15/11/2026", "日期顺序不明"),
        ("due_date", "11-15-2026", "which is the month"),
        ("due_date", "15.11.2026", "which is the month"),
        ("due_date", "2026-02-30", "日期有误"),
        ("due_date", "2026-13-01", "日期有误"),
        ("due_date", "2026年11月15日", "日期有误"),
        ("due_date", "Nov-15", "日期有误"),
        ("due_date", "2026-11-15 10:00:00", "日期有误"),
        ("due_date", "0000-00-00", "日期有误"),
        ("due_date", "1900-01-00", "日期有误"),
        ("due_date", "1900-01-01", "2000 to 2099"),
        ("due_date", "9999-12-31", "2000 to 2099"),
        ("time_zone", "China", "IANA"),
        ("time_zone", "UTC+8", "时区无效"),
        ("voice_speed", "fast", "应为数字"),
        ("voice_speed", "9", "0.5"),
        ("kind", "信用卡", "personal_loan"),
        ("account_tail", "4.21E+02", "2 to 6 digits"),
        ("account_tail", "421 ", ""),
        ("account_tail", "1", "账号末"),
        ("minimum_due", "9800.01", "大于欠款总额"),
        ("total_balance", "3249.99", "小于逾期金额"),
        ("installment_no", "0", "1 to 600"),
        ("installment_no", "3.0", "应为整数"),
        ("installment_no", "-1", "应为整数"),
        ("installment_no", "99999999999999999999", "应为整数"),
        ("collateral", "\u{202e}\u{7}", "乱码"),
        ("reply_number", "call me", "回拨号码有误"),
        ("last_promise", "yes", "open, kept, broken"),
        ("last_promise_date", "", "缺少承诺日期"),
        ("broken_promises", "many", "应为整数"),
        ("kept_promises", "65536", "应为整数"),
        ("kept_promises", "1001", "up to 1000"),
        ("authority_max_parts", "0", ""),
        ("authority_discounts", "10% 5%", ""),
        ("authority_discounts", "half", "应为百分比"),
        ("debtor", "D/7", "1 to 64"),
        ("phone_kind", "cell", "mobile, home, work, other"),
        ("consent", "yes", "given, none, revoked"),
        ("phone_2", "", "3 to 15 digits"),
        ("phone_2", "1.39E+10", "scientific notation"),
        ("phone_2", "+86 138 0013 8000", "号码重复"),
        ("phone_2_kind", "fax", "号码类型有误"),
        ("phone_2_whose", "wife", "debtor, guarantor, relative, other"),
        ("phone_2_consent", "true", "同意状态有误"),
        ("phone_2_time_zone", "Mars", "IANA"),
        ("phone_3", "13900139000", "号码重复"),
        ("days_past_due", "-3", "应为整数"),
        ("days_past_due", "40000", "36525"),
        ("risk_grade", "a grade that is a story", "16 characters"),
        ("propensity", "37%", "0 to 1"),
        ("propensity", "1.5", "0 to 1"),
        ("propensity", "NaN", "0 to 1"),
        ("best_time", "evening", "18:00-20:00"),
        ("best_time", "20:00-18:00", "18:00-20:00"),
        ("best_time", "25:00-26:00", "18:00-20:00"),
        ("contacts", "yesterday", "分号"),
        ("contacts", "2026-11-20 person", "apart by ';'"),
        ("contacts", "2026-11-20 10:05 spoke", "apart by ';'"),
        ("contacts", "2026-11-20 10:05 person call-me", "apart by ';'"),
        ("contacts", "2026-13-20 10:05 person", "apart by ';'"),
        ("contacts", "0001-01-01 00:00 person", "apart by ';'"),
        ("do_not_call", "perhaps", "是/否"),
        ("do_not_call", "2", "true or false"),
        ("represented_by", "r\u{0}", "乱码"),
    ];
    assert!(rows.len() >= 100);
    for (column, cell, words) in rows {
        let (cases, told) = told(column, cell);
        if *column == "account_tail" && *cell == "421 " {
            assert_eq!(cases, 1, "a space at an end is none");
            continue;
        }
        assert_eq!(cases, 0, "{column}={cell:?}");
        // Numbers are named together, or by their own column.
        let of = |at: &str| at == *column || at == "numbers" && column.starts_with("phone_");
        let found = told.iter().find(|(at, _)| of(at));
        let (_, message) = found.unwrap_or_else(|| unreachable!("{column}={cell:?}: {told:?}"));
        assert!(message.contains(words), "{column}={cell:?}: {message}");
        assert!(!message.is_ascii(), "{column}: {message} is in one language");
    }
}

#[test]
fn every_fault_of_a_row_is_told_at_once() {
    let row = "C 1,x,,,fr,,,0x,yuan,soon,Mars";
    let table = read_csv(&format!(
        "id,phone,name,title,lang,creditor,product,amount,currency,due_date,time_zone\n{row}\n"
    ));
    let columns: Vec<_> = table.problems.iter().map(|p| p.column.as_deref().unwrap()).collect();
    assert_eq!(columns, ["id", "phone", "lang", "currency", "amount", "due_date"]);
}

#[test]
fn files_of_every_kind_of_wrong_are_told() {
    let good = row("id", "C-1");
    let one = |bytes: &[u8]| {
        let table = read_csv_bytes(bytes);
        let told: Vec<String> = table.problems.iter().map(ToString::to_string).collect();
        (table.cases.len(), told.join("\n"))
    };
    let file = |body: &str| format!("{HEADER}\n{body}\n");
    // GBK from the second row on: the first is called, the rest is not guessed.
    let mut gbk = file(&good).into_bytes();
    gbk.extend(b"C-2,13800138001,\xd5\xc5\xce\xb0\n");
    gbk.extend(row("id", "C-3").bytes());
    let (cases, told) = one(&gbk);
    assert!(cases == 1 && told.contains("line 行 3") && told.contains("CSV UTF-8"), "{told}");
    let utf16: Vec<u8> = file(&good).encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(one(&utf16).1.contains("UTF-16"));
    assert!(one(&[b"\xff\xfe".as_slice(), &utf16].concat()).1.contains("UTF-16"));
    assert!(one(b"PK\x03\x04\x00\x00").1.contains("no text"), "a spreadsheet's own file");
    assert_eq!(one(format!("\u{feff}{}", file(&good)).as_bytes()).0, 1);
    assert_eq!(one(file(&good).replace('\n', "\r\n").as_bytes()).0, 1);
    assert_eq!(one(file(&good).replace('\n', "\r").as_bytes()).0, 1);
    assert_eq!(one(file(&good).trim_end().as_bytes()).0, 1, "no line end at the end");
    let huge = format!("{HEADER}\n{}\n{good}\n", row("name", &"伟".repeat(4_000_000)));
    let (cases, told) = one(huge.as_bytes());
    assert!(cases == 1 && told.contains("line 行 2") && told.contains("该行过长"), "{told}");
    let open = file(&format!("C-9,\"13800138000,张伟\n{good}"));
    let (cases, told) = one(open.as_bytes());
    assert!(cases == 1 && told.contains("引号未闭合"), "{told}");
    let behind = file(&format!("\"C-9\" x,1\n{good}"));
    assert!(one(behind.as_bytes()).1.contains("引号之后还有内容"));
    assert!(one(file(&format!("{good},more\n{}", row("id", "C-2"))).as_bytes()).1.contains("字段数不符"));
    assert!(one(file("C-1,13800138000").as_bytes()).1.contains("字段数不符"));
    assert!(one(file(&format!("{good}\n{good}")).as_bytes()).1.contains("the id of line 2 again"));
    assert!(one(good.as_bytes()).1.contains("缺少表头"));
    assert!(one(file(&good).replace(',', ";").as_bytes()).1.contains("commas"));
    assert!(one(file(&good).replacen("phone,", "", 1).as_bytes()).1.contains("缺少该列"));
    assert!(one(file(&good).replacen("title", "phone", 1).as_bytes()).1.contains("列重复"));
    for empty in [&b""[..], b"\n\n", b"\xef\xbb\xbf"] {
        assert!(one(empty).1.contains("文件为空"));
    }
    assert_eq!(one(format!("{HEADER}\n").as_bytes()), (0, String::new()), "a header alone is no fault");
}

fn json_lines(bytes: &[u8]) -> CaseTable {
    let mut table = CaseTable::default();
    let mut reader = CaseReader::json_lines();
    reader.push(bytes, &mut |found| table.take(found));
    reader.end(&mut |found| table.take(found));
    table
}

#[test]
fn odd_lines_of_json_are_told_by_line_and_key() {
    let good = r#""phone":"13800138000","name":"张伟","lang":"zh","creditor":"安信银行","product":"信用卡","amount":"3250.00","currency":"CNY","due_date":"2026-11-15""#;
    let lines: Vec<(String, &str, &str)> = vec![
        ("{".into(), "", "每行应为一个完整的 JSON 对象"),
        ("[]".into(), "", "no object"),
        ("null".into(), "", "no object"),
        ("\"C-1\"".into(), "", "no object"),
        (format!("{{\"id\":\"A1\",{good}}} x"), "", "not JSON"),
        (format!("{{\"id\":\"A1\",{good},}}"), "", "not JSON"),
        (format!("{{\"id\":\"A1\",\"id\":\"A2\",{good}}}"), "id", "stands twice"),
        (format!("{{\"id\":[\"A1\"],{good}}}"), "id", "单个值"),
        (format!("{{\"id\":null,{good}}}"), "id", "1 to 64"),
        (format!("{{\"id\":{}1{},{good}}}", "[".repeat(50), "]".repeat(50)), "id", "单个值"),
        (format!("{{\"id\":{}1{},{good}}}", "[".repeat(100_000), "]".repeat(100_000)), "", "not JSON"),
        (format!("{{\"id\":\"A1\",\"numbers\":{{}},{good}}}"), "numbers", "a list is expected"),
        (format!("{{\"id\":\"A1\",\"numbers\":[1],{good}}}"), "numbers[0]", "an object is expected"),
        (
            format!("{{\"id\":\"A1\",\"numbers\":[{{\"kind\":\"home\"}}],{good}}}"),
            "numbers[0].phone",
            "缺少号码",
        ),
        (
            format!("{{\"id\":\"A1\",\"numbers\":[{{\"phone\":\"1\"}}],{good}}}"),
            "numbers[0].phone",
            "3 to 15",
        ),
        (
            format!("{{\"id\":\"A1\",\"numbers\":[{{\"phone\":\"1002\",\"whose\":\"wife\"}}],{good}}}"),
            "numbers[0].whose",
            "relative",
        ),
        (
            format!("{{\"id\":\"A1\",\"numbers\":[{{\"phone\":\"1002\",\"\":1}}],{good}}}"),
            "numbers[0]",
            "not known",
        ),
        (format!("{{\"id\":\"A1\",\"authority\":[],{good}}}"), "authority", "应为对象"),
        (format!("{{\"id\":\"A1\",\"authority\":{{\"max\":1}},{good}}}"), "authority", "not known"),
        (
            format!("{{\"id\":\"A1\",\"authority\":{{\"max_parts\":\"x\"}},{good}}}"),
            "authority.max_parts",
            "应为整数",
        ),
        (format!("{{\"id\":\"A1\",\"contacts\":[1],{good}}}"), "contacts", "应为列表"),
        (
            format!(
                "{{\"id\":\"A1\",\"contacts\":[{{\"at\":\"2026-11-20T10:05:00Z; x\",\"reached\":\"person\"}}],{good}}}"
            ),
            "contacts",
            "应为列表",
        ),
        (format!("{{\"id\":\"A1\",\"propensity\":1e300,{good}}}"), "propensity", "0 to 1"),
        (format!("{{\"id\":\"A1\",\"days_past_due\":1.5,{good}}}"), "days_past_due", "应为整数"),
        (format!("{{\"id\":\"A1\",\"cease\":2,{good}}}"), "cease", "true or false"),
    ];
    for (line, key, words) in lines {
        let table = json_lines(format!("{line}\n{{\"id\":\"Z9\",{good}}}\n").as_bytes());
        assert_eq!(table.cases.len(), 1, "{key} {words}: the good line is read");
        let found =
            table.problems.iter().find(|p| p.line == 1 && p.column.as_deref().unwrap_or_default() == key);
        let found = found.unwrap_or_else(|| unreachable!("{key} {words}: {:?}", table.problems));
        assert!(found.message.contains(words), "{key}: {}", found.message);
    }
    assert!(json_lines(b"").problems[0].message.contains("文件为空"));
    assert!(json_lines(b"\xff\xfe{\x00").problems[0].message.contains("UTF-16"));
    // A key that nobody knows is named once, and the case is read.
    let twice = format!("{{\"id\":\"A1\",\"branch\":1,{good}}}\n{{\"id\":\"A2\",\"branch\":1,{good}}}\n");
    let table = json_lines(twice.as_bytes());
    assert_eq!((table.cases.len(), table.problems.len()), (2, 0));
    assert_eq!(table.notices.iter().filter(|n| n.column.as_deref() == Some("branch")).count(), 1);
}

#[test]
fn rows_of_values_go_the_same_way() {
    let names: Vec<String> = HEADER.split(',').map(str::to_owned).chain(["branch".to_owned()]).collect();
    let mut table = CaseTable::default();
    let mut reader = RowReader::new(&names, &mut |found| table.take(found)).unwrap();
    let mut values: Vec<Value> = ROW.iter().map(|cell| json!(cell)).chain([json!(7)]).collect();
    // As databases and data frames have them.
    values[1] = json!(13_800_138_000.0);
    values[7] = json!(3250.5);
    values[9] = json!("2026-11-15 00:00:00+08");
    values[39] = json!(false);
    reader.push(values.clone(), &mut |found| table.take(found));
    values[0] = json!("C-2");
    values[7] = json!({ "sum": 1 });
    reader.push(values, &mut |found| table.take(found));
    assert_eq!(table.cases[0].1.phone.as_str(), "13800138000");
    assert_eq!(table.cases[0].1.due.amount().to_string(), "3250.50");
    assert_eq!((table.problems[0].line, table.problems[0].column.as_deref()), (2, Some("amount")));
    assert_eq!(table.notices[0].column.as_deref(), Some("branch"));
    let missing = RowReader::new(&names[1..], &mut |_| {}).unwrap_err();
    assert_eq!(missing[0].column.as_deref(), Some("id"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn however_a_file_is_cut_into_pieces_it_says_the_same(
        cells in prop::collection::vec("[a-z0-9 ,\"\\r\\n伟]{0,12}", 0..40),
        cuts in prop::collection::vec(0_usize..2_000, 0..12),
    ) {
        let mut text = format!("{HEADER}\n{}\n", row("id", "C-1"));
        for (n, cell) in cells.iter().enumerate() {
            text += &row("name", cell).replacen("C-1", &format!("R-{n}"), 1);
            text += if n % 5 == 0 { cell } else { "\n" };
        }
        let whole = read_csv(&text);
        let mut table = CaseTable::default();
        let mut reader = CaseReader::csv();
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut < text.len()).collect();
        cuts.sort_unstable();
        let mut from = 0;
        for cut in cuts.into_iter().chain([text.len()]) {
            reader.push(&text.as_bytes()[from..cut], &mut |found| table.take(found));
            from = cut;
        }
        reader.end(&mut |found| table.take(found));
        prop_assert_eq!(table, whole);
    }

    #[test]
    fn no_bytes_are_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = json_lines(&bytes);
        let _ = read_csv_bytes(&[HEADER.as_bytes(), b"\n", &bytes].concat());
    }

    #[test]
    fn no_value_is_a_panic(text in ".{0,40}", number in any::<f64>(), at in 0_usize..41) {
        let _ = told(HEADER.split(',').nth(at).unwrap(), &text.replace(['\n', '\r'], " "));
        let names: Vec<String> = HEADER.split(',').map(str::to_owned).collect();
        let mut reader = RowReader::new(&names, &mut |_| {}).unwrap();
        let mut values: Vec<Value> = ROW.iter().map(|cell| json!(cell)).collect();
        values[at] = json!(number);
        reader.push(values.clone(), &mut |_| {});
        values[at] = json!([{ &text: [number] }, text]);
        reader.push(values, &mut |_| {});
    }
}
