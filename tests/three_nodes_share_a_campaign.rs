//! Three processes on one PostgreSQL dial one campaign. One is killed, then the database is killed and started again:
//! every case is called, and nobody twice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;
#[path = "../engine/store/tests/store/common/postgres.rs"]
#[allow(dead_code)]
mod postgres;

use std::{collections::HashMap, fmt::Write as _, path::Path, time::Duration};

use common::{COLUMNS, PATIENCE, Told, approve, at, callees, lay_out, row, run, waihu};
use serde_json::Value;

const SIP: &str = "127.0.0.1:5077";
const CASES: usize = 90;

/// A third is busy, a third picks up and hangs up, a third picks up and speaks.
fn personas() -> String {
    let mut file = String::new();
    for n in 0..CASES {
        let does = match n % 3 {
            0 => "decline = 486",
            1 => "steps = [{ after_ms = 1500, hang_up = true }]",
            _ => "steps = [{ say = \"对，我就是。\" }, { after_ms = 2000, hang_up = true }]",
        };
        write!(
            file,
            "[[persona]]\nnumber = \"{}\"\nname = \"p{n:04}\"\nlang = \"zh\"\nvoice = \"zm_yunjian\"\nrings_ms = {}\n{does}\n\n",
            1_400_000 + n,
            300 + 700 * (n % 4)
        )
        .unwrap();
    }
    file
}

/// One attempt a case: whoever was called is not called again, whatever became of the call.
const STRATEGY: &str = "
[limits]
per_case = 1
per_day = 1

[[rule]]
id = \"all\"
zh = \"全部\"
en = \"all\"
rank = 1000
";

/// A node's project: its own ports and recordings, the others' trunk and database.
fn node(project: &Path, database: &str, ports: u16) {
    let trunk = format!(
        "[trunk]\nproxy = {SIP:?}\nfrom = \"sip:4008001234@127.0.0.1\"\ncompliance = \"laboratory\"\n\
         bind = \"127.0.0.1:0\"\nrtp_ports = [{ports}, {}]\nring_timeout_s = 10\nmax_calls = 9\nmax_cps = 30.0\n",
        ports + 98
    );
    lay_out(
        project,
        &[
            ("sip-config/shared.toml", &trunk),
            ("waihu.toml", "store_file = \"store-url\"\nlease_s = 5\n\n[api]\nlisten = \"127.0.0.1:0\"\n"),
            ("store-url", database),
            ("strategies/once.toml", STRATEGY),
            ("shared.toml", "trunk = \"shared\"\nscript = \"reminder\"\nstrategy = \"once\"\n"),
        ],
    );
}

fn counts(project: &Path) -> Option<Value> {
    let told = waihu(project).args(["campaign", "status", "shared", "--json"]).output().unwrap();
    // While the database is away, nobody can say.
    told.status.success().then(|| serde_json::from_slice(&told.stdout).unwrap())
}

async fn until(project: &Path, what: &str, is: impl Fn(&Value) -> bool) {
    for _ in 0..PATIENCE.as_secs() {
        if counts(project).as_ref().is_some_and(&is) {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("{what}: {:?}", counts(project));
}

#[tokio::test]
async fn nobody_is_called_twice_by_any_of_them() {
    let database = postgres::shared().database().await;
    let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    for (n, folder) in folders.iter().enumerate() {
        node(folder.path(), &database, 25_000 + 100 * n as u16);
    }
    let first = folders[0].path();
    std::fs::write(first.join("personas.toml"), personas()).unwrap();
    let rows: String = (0..CASES).map(|n| row(&format!("p{n:04}"), &format!("{}", 1_400_000 + n))).collect();
    std::fs::write(first.join("cases.csv"), format!("{COLUMNS}{rows}")).unwrap();
    approve(first, "reminder");
    let at = |file| at(first, file);
    run(
        first,
        &["campaign", "create", "shared", "--settings", &at("shared.toml"), "--cases", &at("cases.csv")],
    );
    let ground = callees(first, SIP, ("35000", "35998"), "personas.toml");

    let mut nodes: Vec<Told> = folders
        .iter()
        .map(|folder| Told::spawn(waihu(folder.path()).args(["serve", "--trunk", "shared"])))
        .collect();
    nodes.iter().for_each(|node| drop(node.wait_for("serving")));
    run(first, &["campaign", "start", "shared"]);
    let done = |n: u64| move |counts: &Value| counts["done"].as_u64() >= Some(n);

    until(first, "a sixth is done", done(CASES as u64 / 6)).await;
    let mut dead = nodes.remove(0);
    dead.child.kill().unwrap();
    dead.child.wait().unwrap();
    until(first, "two go on", done(CASES as u64 / 2)).await;
    postgres::shared().kill();
    tokio::time::sleep(Duration::from_secs(6)).await;
    postgres::shared().restart();
    // Who may still have been ringing when a node died waits for 200 s, and has then been called as often as may be.
    let over = |counts: &Value| counts["leased"] == 0 && counts["ready"] == 0;
    until(first, "all had their turn", over).await;
    let told: Vec<usize> = nodes
        .into_iter()
        .map(|node| node.end().iter().filter(|line| line.starts_with('p') && line.contains(" s")).count())
        .collect();
    println!("ends of calls that the two nodes told of: {told:?}");
    assert!(told.iter().all(|calls| *calls > 0), "each had its share");

    let mut called = HashMap::<String, usize>::new();
    for line in ground.close() {
        if let Some(name) = line.strip_prefix("called 来电: ") {
            *called.entry(name.to_owned()).or_default() += 1;
        }
    }
    let outcomes: Vec<Value> =
        run(first, &["outcomes", "--json"]).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let mut by_case = HashMap::<&str, usize>::new();
    for outcome in &outcomes {
        *by_case.entry(outcome["case"].as_str().unwrap()).or_default() += 1;
    }
    assert!(called.values().all(|times| *times == 1), "somebody was called twice: {called:?}");
    assert_eq!((by_case.len(), outcomes.len()), (CASES, CASES), "each case has one outcome");
    let unknown = outcomes.iter().filter(|o| o["disposition"] == "unknown").count();
    println!(
        "{CASES} cases, {} telephones rang, {unknown} calls ended with the node that was killed",
        called.len()
    );
}
