//! Parquet that we write is read by DuckDB, and what DuckDB writes is read by us; files that are broken are told.
#![allow(clippy::unwrap_used)]

use std::{fs::File, path::Path, process::Command};

use bytes::Bytes;
use serde_json::{Value, json};
use waihu_tabular::{Column, Kind, TabularError, Writer, read};

const COLUMNS: [(&str, Kind); 7] = [
    ("id", Kind::Text),
    ("n", Kind::Whole),
    ("p", Kind::Number),
    ("amount", Kind::Sum),
    ("told", Kind::Flag),
    ("due_date", Kind::Day),
    ("at", Kind::Moment),
];

fn rows() -> Vec<Vec<Value>> {
    vec![
        vec![
            json!("C-1"),
            json!(9_007_199_254_740_993_i64),
            json!(0.37),
            json!("1234567890123.45"),
            json!(true),
            json!("2026-11-15"),
            json!("2026-11-20T02:05:00.25Z"),
        ],
        vec![
            json!("张伟, \"x\"\n"),
            Value::Null,
            Value::Null,
            json!("-0.05"),
            json!(false),
            json!("1969-12-31"),
        ],
    ]
}

fn written(rows: &[Vec<Value>]) -> Vec<u8> {
    let columns: Vec<Column> = COLUMNS.iter().map(|(name, kind)| Column::new(name, *kind)).collect();
    let mut writer = Writer::new(Vec::new(), &columns).unwrap();
    rows.iter().for_each(|row| writer.push(row.clone()).unwrap());
    writer.close().unwrap()
}

/// Runs statements in DuckDB and gives back what the last one selects, as JSON.
fn duckdb(folder: &Path, sql: &str) -> Vec<Value> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/duckdb");
    assert!(tools.join("duckdb").exists(), "DuckDB is missing: run .ci/setup --with-peers");
    let script = "import duckdb, json, sys\n\
                  c = duckdb.connect()\n\
                  c.execute(sys.argv[1])\n\
                  names = [d[0] for d in c.description or []]\n\
                  for row in c.fetchall(): print(json.dumps(dict(zip(names, row)), default=str))";
    let done = Command::new("python3")
        .args(["-c", script, sql])
        .env("PYTHONPATH", tools)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn read_all(bytes: Vec<u8>) -> Result<Vec<Vec<Value>>, TabularError> {
    read(Bytes::from(bytes))?.collect()
}

#[test]
fn what_we_write_we_read_back_exactly() {
    let mut wanted = rows();
    wanted[0][6] = json!("2026-11-20T02:05:00.25Z");
    wanted[1].push(Value::Null);
    assert_eq!(read_all(written(&rows())).unwrap(), wanted);
    let empty = read(Bytes::from(written(&[]))).unwrap();
    assert_eq!((empty.columns().len(), empty.total()), (COLUMNS.len(), 0));
    // Several groups of rows.
    let many: Vec<Vec<Value>> = (0..45_000).map(|n| vec![json!(format!("C-{n}")), json!(n)]).collect();
    let back = read_all(written(&many)).unwrap();
    assert_eq!((back.len(), &back[44_999][0]), (45_000, &json!("C-44999")));
}

#[test]
fn duckdb_reads_what_we_write() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ours.parquet"), written(&rows())).unwrap();
    let told = duckdb(folder.path(), "SELECT * FROM 'ours.parquet'");
    assert_eq!(told[0]["id"], "C-1");
    assert_eq!(told[0]["n"], 9_007_199_254_740_993_i64);
    assert_eq!((&told[0]["amount"], &told[1]["amount"]), (&json!("1234567890123.45"), &json!("-0.05")));
    assert_eq!((&told[0]["due_date"], &told[1]["id"]), (&json!("2026-11-15"), &json!("张伟, \"x\"\n")));
    assert_eq!(told[1]["at"], Value::Null);
    let types = duckdb(
        folder.path(),
        "SELECT column_name AS c, column_type AS t FROM (DESCRIBE SELECT * FROM 'ours.parquet')",
    );
    let types: Vec<&str> = types.iter().map(|t| t["t"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        ["VARCHAR", "BIGINT", "DOUBLE", "DECIMAL(18,2)", "BOOLEAN", "DATE", "TIMESTAMP WITH TIME ZONE"]
    );
}

#[test]
fn we_read_what_duckdb_writes() {
    let folder = tempfile::tempdir().unwrap();
    for codec in ["snappy", "zstd", "uncompressed"] {
        let sql = format!(
            "COPY (SELECT 'C-1' AS id, 13800138000::BIGINT AS phone, 3250.10::DECIMAL(30, 2) AS amount,
                    7.5::DECIMAL(9, 3) AS small, DATE '2026-11-15' AS due_date, 0.1::FLOAT AS propensity, NULL AS title,
                    TIMESTAMPTZ '2026-11-20 10:05:00+08' AS micros, TIMESTAMP_NS '2026-11-20 10:05:00' AS nanos,
                    TIMESTAMP_MS '2026-11-20 10:05:00' AS millis, true AS cease,
                    [{{'phone': '1002', 'kind': 'home'}}, {{'phone': '1003', 'kind': NULL}}] AS numbers,
                    200::UTINYINT AS tiny
                  UNION ALL SELECT 'C-2', 1, -0.05, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
             TO 'theirs.parquet' (FORMAT parquet, CODEC '{codec}')"
        );
        duckdb(folder.path(), &sql);
        let rows = read(File::open(folder.path().join("theirs.parquet")).unwrap()).unwrap();
        let columns = rows.columns().to_vec();
        let mut rows: Vec<Vec<Value>> = rows.map(|row| row.unwrap()).collect();
        rows.sort_by_key(|row| row[0].to_string());
        let value = |name: &str| rows[0][columns.iter().position(|c| c == name).unwrap()].clone();
        assert_eq!((value("id"), value("phone")), (json!("C-1"), json!(13_800_138_000_i64)));
        assert_eq!((value("amount"), value("small")), (json!("3250.10"), json!("7.500")));
        assert_eq!((value("due_date"), value("propensity")), (json!("2026-11-15"), json!(0.1)));
        assert_eq!((value("title"), value("cease"), value("tiny")), (Value::Null, json!(true), json!(200)));
        assert_eq!(value("micros"), json!("2026-11-20T02:05:00Z"));
        assert_eq!(value("nanos"), json!("2026-11-20T10:05:00"), "a clock of some place has no offset");
        assert_eq!(value("millis"), json!("2026-11-20T10:05:00"));
        assert_eq!(
            value("numbers"),
            json!([{"phone": "1002", "kind": "home"}, {"phone": "1003", "kind": null}])
        );
        assert_eq!(rows[1][2], json!("-0.05"));
    }
}

#[test]
fn a_file_that_is_cut_or_broken_is_told_and_never_a_panic() {
    let whole = written(&(0..3_000).map(|n| vec![json!(format!("C-{n}")), json!(n)]).collect::<Vec<_>>());
    for cut in [0, 1, 4, 8, 100, whole.len() / 2, whole.len() - 9, whole.len() - 8, whole.len() - 1] {
        assert!(matches!(read_all(whole[..cut].to_vec()), Err(TabularError::Broken(_))), "{cut}");
    }
    assert!(read_all(b"id,phone\nC1,1001\n".to_vec()).is_err());
    // Bytes turned here and there, by a fixed row: whatever it makes of them, it comes back.
    std::panic::set_hook(Box::new(|_| {}));
    let mut at = 12_345_usize;
    for _ in 0..400 {
        let mut odd = whole.clone();
        for _ in 0..3 {
            at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Most of what can go wrong is in the heads of pages and in the footer.
            let end = if at & 64 == 0 { odd.len() } else { odd.len().min(400) };
            let place = if at & 128 == 0 { odd.len() - 1 - (at >> 33) % 400 } else { (at >> 33) % end };
            odd[place] = (at >> 20) as u8;
        }
        let _ = read_all(odd);
    }
    let _ = std::panic::take_hook();
}

#[test]
fn a_value_that_is_not_of_its_column_is_refused() {
    for (at, value) in [
        (0, json!(1)),
        (1, json!("one")),
        (3, json!("12.345")),
        (3, json!("1e3")),
        (3, json!("")),
        (4, json!("yes")),
        (5, json!("15.11.2026")),
        (6, json!("yesterday")),
    ] {
        let columns: Vec<Column> = COLUMNS.iter().map(|(name, kind)| Column::new(name, *kind)).collect();
        let mut writer = Writer::new(Vec::new(), &columns).unwrap();
        let mut row = vec![Value::Null; COLUMNS.len()];
        row[at] = value;
        writer.push(row).unwrap();
        match writer.close() {
            Err(TabularError::Value { column, .. }) => assert_eq!(column, COLUMNS[at].0),
            other => assert!(other.is_err(), "{at}"),
        }
    }
}
