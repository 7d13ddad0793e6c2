//! Cases in from files and a database, out again the same, and stopped by a word; without a model or a telephone.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

const CASES: &str = "id,phone,name,lang,creditor,product,amount,currency,due_date,debtor,phone_2,phone_2_whose,contacts\n\
    C-1,13800138000,密名,zh,Bank,card,3999.00,CNY,2026-11-15,D-1,13900139000,relative,2026-11-20 10:05 person 13900139000\n\
    C-2,13800138001,密名,zh,Bank,card,120.50,CNY,2026-11-16,D-1,,,\n";

/// A project with nothing but rules.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    symlink(Path::new(ROOT).join("compliance"), folder.path().join("compliance")).unwrap();
    fs::write(folder.path().join("cases.csv"), CASES).unwrap();
    folder
}

/// What a command says on both its outputs, and whether it went well.
fn run(project: &Path, args: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waihu"));
    let done = command.current_dir(project).args(args).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (done.status.success(), text(done.stdout) + &text(done.stderr))
}

fn well(project: &Path, args: &[&str]) -> String {
    let (ok, said) = run(project, args);
    assert!(ok, "{args:?}: {said}");
    said
}

#[test]
fn what_was_imported_is_exported_and_imported_again_as_it_was() {
    let folder = project();
    let at = folder.path();
    assert!(well(at, &["cases", "import", "cases.csv"]).contains("2 new"));
    assert!(well(at, &["cases", "import", "cases.csv"]).contains("0 new 新增, 0 changed 更新, 2 as before"));
    fs::write(at.join("more.csv"), CASES.replace("120.50", "99.50")).unwrap();
    assert!(well(at, &["cases", "import", "more.csv"]).contains("0 new 新增, 1 changed 更新, 1 as before"));
    for form in ["csv", "jsonl", "parquet"] {
        let file = format!("out.{form}");
        assert!(well(at, &["cases", "export", &file]).contains("2 cases"));
        assert!(well(at, &["cases", "import", &file]).contains("2 as before"), "{form}");
        assert!(well(at, &["cases", "check", &file]).contains("2 cases can be called"));
    }
    assert!(well(at, &["outcomes", "--export", "calls.parquet"]).contains("0 outcomes"));
    let (ok, said) = run(at, &["cases", "export", "out.xlsx"]);
    assert!(!ok && said.contains(".parquet"), "{said}");
}

#[test]
fn a_view_of_the_lenders_database_is_imported() {
    let folder = project();
    let at = folder.path();
    let made = "import sqlite3, csv\n\
                rows = list(csv.reader(open('cases.csv')))\n\
                db = sqlite3.connect('lender.sqlite')\n\
                db.execute('CREATE TABLE t (%s)' % ', '.join(rows[0]))\n\
                db.executemany('INSERT INTO t VALUES (%s)' % ', '.join('?' * len(rows[0])), rows[1:])\n\
                db.execute('CREATE VIEW due AS SELECT *, 1 AS branch FROM t')\n\
                db.commit()";
    assert!(Command::new("python3").current_dir(at).args(["-c", made]).status().unwrap().success());
    let said = well(at, &["cases", "import", "--sql", "lender.sqlite", "--view", "due"]);
    assert!(said.contains("2 new") && said.contains("branch"), "{said}");
    assert!(well(at, &["cases", "import", "cases.csv"]).contains("2 as before"), "the same by either way");
    fs::write(at.join("address"), "sqlite:lender.sqlite\n").unwrap();
    let query = ["cases", "check", "--sql", "file:address", "--query", "SELECT id FROM t"];
    let (ok, said) = run(at, &query);
    assert!(!ok && said.contains("phone") && said.contains("缺少该列"), "{said}");
    let (ok, said) =
        run(at, &["cases", "check", "--sql", "postgres://u:secret@127.0.0.1:1/x", "--view", "v"]);
    assert!(!ok && !said.contains("secret") && said.contains("file:PATH"), "{said}");
}

#[test]
fn rows_that_are_wrong_are_told_a_few_of_a_kind_and_reported_all() {
    let folder = project();
    let at = folder.path();
    let wrong: String =
        (0..20).map(|n| format!("X-{n},call me,密名,zh,Bank,card,1.00,CNY,2026-11-15,,,,\n")).collect();
    fs::write(at.join("wrong.csv"), format!("{CASES}{wrong}")).unwrap();
    let (ok, said) = run(at, &["cases", "import", "wrong.csv", "--report", "report.csv"]);
    assert!(!ok && said.contains("2 new") && said.contains("20 things are wrong"), "{said}");
    assert_eq!(said.matches("号码格式有误").count(), 5, "{said}");
    let report = fs::read_to_string(at.join("report.csv")).unwrap();
    assert_eq!(report.lines().count(), 21);
    assert!(report.contains("23,phone,") && !report.contains("call me") && !report.contains("密名"));
    let (_, said) = run(at, &["cases", "check", "wrong.csv"]);
    assert!(said.contains("15 more like these") && said.contains("--report"), "{said}");
}

#[test]
fn a_case_is_explained_from_the_store_and_stops_by_a_word() {
    let folder = project();
    let at = folder.path();
    let (ok, said) = run(at, &["explain", "C-1", "--profile", "cn"]);
    assert!(!ok && said.contains("--cases"), "{said}");
    well(at, &["cases", "import", "cases.csv"]);
    let said = well(at, &["explain", "C-1", "--profile", "cn", "--at", "2026-11-26 10:00"]);
    assert!(said.contains("1 of 1 may be called") && said.contains("relative 亲属"), "{said}");
    assert!(said.contains("0 calls to the debtor's own numbers so far, 5 come first"), "{said}");
    assert!(well(at, &["cases", "paid", "C-1"]).contains("1 cases are paid"));
    assert!(well(at, &["explain", "C-1", "--profile", "cn"]).contains("案件已还，不再呼叫"));
    let listed = well(at, &["cases", "list", "--state", "paid"]);
    assert!(listed.contains("C-1") && !listed.contains("C-2") && !listed.contains("密名"), "{listed}");
    assert!(well(at, &["cases", "show", "C-1"]).contains("\"state\": \"paid\""));
    let (ok, said) = run(at, &["cases", "withdrawn", "C-2", "C-9", "a b"]);
    assert!(!ok && said.contains("1 cases are withdrawn") && said.contains("C-9"), "{said}");
    assert!(well(at, &["cases", "reopen", "C-1", "C-2"]).contains("2 cases are open"));
    assert!(well(at, &["cases", "import", "cases.csv"]).contains("2 as before"));
}
