//! When somebody may be called, as the command line tells it and holds to it; without a model or a telephone.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use serde_json::{Value, json};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A project with a trunk that names no rules, and one under those of mainland China.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    symlink(Path::new(ROOT).join("compliance"), at("compliance")).unwrap();
    fs::create_dir(at("sip-config")).unwrap();
    let trunk = "[trunk]\nproxy = \"127.0.0.1:9\"\nfrom = \"sip:1@127.0.0.1\"\nbind = \"127.0.0.1:0\"\n";
    fs::write(at("sip-config/open.toml"), trunk).unwrap();
    fs::write(at("sip-config/china.toml"), format!("{trunk}compliance = \"cn\"\n")).unwrap();
    let cases = "id,phone,name,lang,creditor,product,amount,currency,due_date,time_zone,consent,phone_2,phone_2_whose\n\
                 C1,13800138000,密名,zh,Bank,card,3999.00,CNY,2026-11-15,Asia/Shanghai,,13800138001,relative\n\
                 C2,2125550142,Secret Name,en,Bank,card,90.00,USD,2026-11-15,America/New_York,given,,\n";
    fs::write(at("cases.csv"), cases).unwrap();
    folder
}

fn run(project: &Path, args: &[&str]) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waihu"));
    let done = command.current_dir(project).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (done.status.success(), text(done.stdout), text(done.stderr))
}

#[test]
fn a_trunk_without_rules_calls_nobody_and_says_what_to_write() {
    let folder = project();
    let campaign = ["campaign", "run", "--cases", "cases.csv", "--script", "reminder", "--trunk", "open"];
    let (ok, _, why) = run(folder.path(), &campaign);
    assert!(!ok && why.contains("compliance = \"cn\"") && why.contains("open.toml"), "{why}");
    assert!(!folder.path().join(".waihu").exists(), "nothing was begun");
    let (ok, _, why) = run(folder.path(), &["explain", "--cases", "cases.csv", "--profile", "mars"]);
    assert!(!ok && why.contains("us-ma"), "{why}");
}

#[test]
fn each_case_is_explained_at_a_time_of_its_place_with_the_next_moment() {
    let folder = project();
    let explain = |more: &[&str]| {
        let (ok, out, why) = run(folder.path(), &[&["explain", "--cases", "cases.csv"], more].concat());
        assert!(ok, "{why}");
        out
    };
    let night = explain(&["C1", "--trunk", "china", "--at", "2026-11-26 22:30"]);
    assert!(night.contains("cn-hours") && night.contains("22:00 至次日 8:00"), "{night}");
    assert!(night.contains("2026-11-27 08:00 Asia/Shanghai"), "{night}");
    let evening = explain(&["--profile", "cn", "--at", "2026-11-26 21:55"]);
    assert!(evening.contains("可以呼叫") && evening.contains("1 of 2 may be called"), "{evening}");
    assert!(
        evening.contains("America/New_York") && evening.contains("time alone does not help"),
        "{evening}"
    );
    assert!(evening.contains("号码属于亲属") && evening.contains("5 come first"), "{evening}");
    // One moment, wherever they are: 10:00 in New York.
    let moment = explain(&["C2", "--profile", "us", "--at", "2026-11-26T15:00:00Z"]);
    assert!(moment.contains("10:00 America/New_York") && moment.contains("1 of 1 may be called"), "{moment}");
    // The same for programs: a line a case, and nothing else.
    let lines = explain(&["--profile", "cn", "--at", "2026-11-26 22:30", "--json"]);
    let told: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [first, second] = &told[..] else { panic!("{lines}") };
    assert_eq!(
        (&first["case"], &first["may_be_called"], &first["state"]),
        (&json!("C1"), &json!(false), &Value::Null)
    );
    let own = &first["numbers"][0];
    assert_eq!(
        (&own["denied"][0]["rule"], &own["next"]),
        (&json!("cn-hours"), &json!("2026-11-27T00:00:00.000Z"))
    );
    assert!(own["denied"][0]["zh"].as_str().unwrap().contains("22:00 至次日 8:00"), "{own}");
    assert_eq!((&own["evidence"]["local"], &own["barred"]), (&json!("2026-11-26T22:30:00"), &Value::Null));
    assert_eq!(first["numbers"][1]["next"], Value::Null, "time alone does not help at a relative's");
    assert_eq!((&second["case"], second["numbers"].as_array().unwrap().len()), (&json!("C2"), 1));
    let day = explain(&["C1", "--profile", "cn", "--at", "2026-11-26 10:00", "--json"]);
    let day: Value = serde_json::from_str(&day).unwrap();
    assert_eq!((&day["may_be_called"], &day["numbers"][0]["denied"]), (&json!(true), &json!([])));
    for out in [night, evening, moment, lines] {
        for private in ["密名", "Secret", "138001", "3999"] {
            assert!(!out.contains(private), "{private}: {out}");
        }
    }
}

#[test]
fn the_page_of_ten_cases_is_what_the_program_says() {
    let folder = project();
    let room = Path::new(ROOT).join("engine/compliance");
    symlink(room.join("explained"), folder.path().join("explained")).unwrap();
    let page = fs::read_to_string(room.join("EXPLAINED.md")).unwrap();
    let shown: Vec<&str> = page.split("```console\n$ waihu ").skip(1).collect();
    assert_eq!(shown.len(), 2);
    for shown in shown {
        let (command, rest) = shown.split_once('\n').unwrap();
        // One argument is quoted, and none has a quote in it.
        let args: Vec<&str> = command
            .split('"')
            .enumerate()
            .flat_map(|(n, part)| match n % 2 {
                0 => part.split_whitespace().collect(),
                _ => vec![part],
            })
            .collect();
        let (ok, out, why) = run(folder.path(), &args);
        assert!(ok, "{why}");
        assert_eq!(out, rest.split_once("```").unwrap().0, "{command}");
    }
}
