//! Cases in from files and a database, out again the same, and stopped by a word; what came of their calls, out as other
//! programs read it. Without a model or a telephone.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use waihu_compliance::Gate;
use waihu_store::{CampaignState, NewAttempt, Passage, Placement, Store};
use waihu_types::{Outcome, WallTime};

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
    let said = well(at, &["explain", "C-1", "--profile", "cn", "--at", "2026-11-26 10:00"]);
    assert!(said.contains("案件已还，不再呼叫") && said.contains("0 of 1 may be called"), "{said}");
    let listed = well(at, &["cases", "list", "--state", "paid"]);
    assert!(listed.contains("C-1") && !listed.contains("C-2") && !listed.contains("密名"), "{listed}");
    assert!(well(at, &["cases", "show", "C-1"]).contains("\"state\": \"paid\""));
    let (ok, said) = run(at, &["cases", "withdrawn", "C-2", "C-9", "a b"]);
    assert!(!ok && said.contains("1 cases are withdrawn") && said.contains("C-9"), "{said}");
    assert!(well(at, &["cases", "reopen", "C-1", "C-2"]).contains("2 cases are open"));
    assert!(well(at, &["cases", "import", "cases.csv"]).contains("2 as before"));
}

#[tokio::test]
async fn a_case_is_told_how_many_are_called_before_it() {
    let folder = project();
    let at = folder.path();
    well(at, &["cases", "import", "cases.csv"]);
    let explain = |case: &str| well(at, &["explain", case, "--profile", "cn", "--at", "2026-11-26 10:00"]);
    assert!(!explain("C-1").contains("批次"), "it is in no campaign");

    let store = Store::open(at.join(".waihu/waihu.sqlite")).await.unwrap();
    let november = "november".parse().unwrap();
    let now = WallTime::from_unix_millis(0);
    store.create_campaign(&november, &json!({"trunk": "main", "script": "reminder"}), "", now).await.unwrap();
    store.set_campaign_state(&november, CampaignState::Running, None, now).await.unwrap();
    let placed =
        |id: &str, rank| Placement { case: id.parse().unwrap(), rank, due_at: now, why: "new".to_owned() };
    store.enqueue(&november, &[placed("C-1", 1), placed("C-2", 9)]).await.unwrap();
    store.close().await;
    let said = explain("C-1");
    assert!(said.contains("批次 november：前面还有 1 个案件"), "{said}");
    assert!(said.contains("campaign november: 1 case is called before it"), "{said}");
    assert!(explain("C-2").contains("campaign november: it is called next"));
    let said = well(at, &["explain", "C-1", "--profile", "cn", "--at", "2026-11-26 10:00", "--json"]);
    let told: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    let place = json!([{
        "campaign": "november", "campaign_state": "running", "state": "waiting", "rank": 1,
        "due_at": "1970-01-01T00:00:00.000Z", "rule": "new", "ahead": 1, "more": false,
    }]);
    assert_eq!((&told["state"], &told["queue"], &told["texts"]), (&json!("open"), &place, &json!([])));
    well(at, &["cases", "paid", "C-2"]);
    assert!(explain("C-1").contains("it is called next"));
    assert!(explain("C-2").contains("campaign november: it is called no more (rule paid)"));
}

/// Three outcomes: of one call all that there may be, of one the least, and the third one's process dies in it.
fn outcomes() -> Vec<Outcome> {
    let least = json!({
        "version": 1, "attempt": "least", "campaign": null, "case": "C-2", "callee": "13800138001",
        "dialled_at": "2025-11-26T04:01:00.000Z", "answered_at": null, "ended_at": "2025-11-26T04:02:00.500Z",
        "answered_by": "nobody", "identity": "unconfirmed", "debt_disclosed": false, "disposition": "busy",
        "promise": null, "callback": null, "intents": [], "handover": null,
        "script": {"name": "reminder", "lang": "zh", "sha256": "ab".repeat(32)}, "models": {},
        "recording": null, "transcript": null, "sip": null, "ended_by": null, "fault": "callee",
        "redial": {"verdict": "no", "rule": "attempts_used_up"},
    });
    let full = json!({
        "attempt": "full", "campaign": "nov", "case": "C-1", "callee": "13800138000",
        "dialled_at": "2025-11-26T04:00:00.007Z", "answered_at": "2025-11-26T04:00:05.250Z",
        "ended_at": "2025-11-26T04:00:40.000Z", "answered_by": "human", "identity": "confirmed",
        "debt_disclosed": true, "disposition": "promise_to_pay",
        "promise": {
            "date": "2025-12-01", "amount": "2925.00", "currency": "CNY", "channel": "app",
            "parts": [{"date": "2025-12-01", "amount": "2000.00", "currency": "CNY"},
                      {"date": "2025-12-15", "amount": "925.00", "currency": "CNY"}],
            "discount": {"amount": "325.00", "currency": "CNY"},
        },
        "callback": {"date": "2025-11-28", "time": "10:30:00", "by_agent": true},
        "follow_ups": [{"kind": "note", "words": "asks, \"why\"\nand when"}],
        "intents": ["affirm", "promise_to_pay"],
        "handover": {"agent": "王芳", "result": "joined", "joined_at": "2025-11-26T04:00:20.000Z"},
        "recording": {"path": "recordings/full.wav", "sha256": "cd".repeat(32), "duration_ms": 35_000,
                      "cut_short": null, "holes_ms": 0},
        "transcript": {"path": "recordings/full.jsonl", "sha256": "ef".repeat(32)},
        "sip": {"code": 200, "reason": "OK"}, "ended_by": "us", "fault": null,
        "redial": {"verdict": "allowed", "rule": "promise_follow_up", "not_before": "2025-12-02T02:00:00.000Z"},
    });
    let dies = json!({"attempt": "dies", "case": "C-3", "callee": "13800138003"});
    [json!({}), full, dies]
        .into_iter()
        .map(|more: Value| {
            let mut outcome = least.clone();
            outcome.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value(outcome).unwrap()
        })
        .collect()
}

async fn file_outcomes(project: &Path) {
    fs::create_dir_all(project.join(".waihu")).unwrap();
    let store = Store::open(project.join(".waihu/waihu.sqlite")).await.unwrap();
    for outcome in outcomes() {
        let new = NewAttempt {
            attempt: outcome.attempt.clone(),
            campaign: outcome.campaign.clone(),
            case: outcome.case.clone(),
            callee: outcome.callee.clone(),
            script: outcome.script.clone(),
            models: outcome.models.clone(),
            dialled_at: outcome.dialled_at,
            own_number: true,
        };
        store.begin_attempt(&new, &Passage::new(Gate::laboratory(), "Asia/Shanghai")).await.unwrap();
        if outcome.attempt.as_str() != "dies" {
            store.close_attempt(&outcome).await.unwrap();
        }
    }
    store.close().await;
}

/// Holds every column of the files against the view, each read by a program of others.
const AS_IN_THE_VIEW: &str = r#"
import csv, datetime, json, sqlite3, sys, duckdb

NESTED = {'intents', 'promise_parts', 'record'}
FLAGS = {'debt_disclosed', 'callback_by_agent', 'recovered'}

def plain(name, value):
    if value is None or value == '':
        return None
    if name in NESTED:
        return json.loads(value)
    if name == 'talk_s':
        return float(value)
    if name in FLAGS:
        return value in (True, 1, 'true')
    if isinstance(value, datetime.datetime):
        value = value.astimezone(datetime.timezone.utc).isoformat(timespec='milliseconds')
        return value.replace('+00:00', 'Z')
    return str(value)

def rows(of):
    names = [column[0] for column in of.description]
    return [dict(zip(names, row)) for row in of.fetchall()]

db = sqlite3.connect('.waihu/waihu.sqlite')
view = rows(db.execute('SELECT * FROM outcomes_v1 ORDER BY ended_at, attempt'))
files = {
    'csv': list(csv.DictReader(open('calls.csv', encoding='utf-8-sig', newline=''))),
    'jsonl': [json.loads(line) for line in open('calls.jsonl', encoding='utf-8')],
    'parquet': rows(duckdb.connect().execute("SELECT * FROM 'calls.parquet'")),
}
for form, told in files.items():
    if len(told) != len(view):
        sys.exit(f'{form}: {len(told)} rows, and {len(view)} in the view')
    for row, of_view in zip(told, view):
        # In JSON lines what is absent is left out.
        if set(row) - set(of_view) or form != 'jsonl' and set(of_view) - set(row):
            sys.exit(f'{form}: {sorted(set(row) ^ set(of_view))}')
        for name in of_view:
            ours, theirs = plain(name, row.get(name)), plain(name, of_view[name])
            if ours != theirs:
                sys.exit(f'{form}: {name}: {ours!r}, and in the view {theirs!r}')
print([row['recovered'] for row in view])
"#;

#[tokio::test]
async fn outcomes_are_exported_with_the_columns_of_the_view() {
    let tools = Path::new(ROOT).join(".tools/duckdb");
    assert!(tools.join("duckdb").exists(), "DuckDB is missing: run .ci/setup --with-peers");
    let folder = project();
    let at = folder.path();
    file_outcomes(at).await;
    for form in ["csv", "jsonl", "parquet"] {
        let said = well(at, &["outcomes", "--export", &format!("calls.{form}")]);
        assert!(said.contains("3 outcomes"), "{said}");
    }
    let script = ["-c", AS_IN_THE_VIEW];
    let done =
        Command::new("python3").current_dir(at).args(script).env("PYTHONPATH", tools).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(
        String::from_utf8(done.stdout).unwrap().trim(),
        "[0, 0, 1]",
        "the last one's process has died"
    );
    let some = |more: &[&str]| well(at, &[&["outcomes", "--export", "some.csv"][..], more].concat());
    assert!(some(&["--promises"]).contains("1 outcomes"));
    assert!(some(&["--since", "2025-11-26T04:01:00Z"]).contains("2 outcomes"));
    assert!(some(&["--campaign", "nov"]).contains("1 outcomes"));
}
