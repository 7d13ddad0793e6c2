//! Calls on file are judged, drawn, reviewed by two people and exported without persons, by hand; what is altered of the
//! audit and of a bundle is named. Without a model or a telephone. The calls are those of the practice ground.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::{fs, io::Write, path::Path};

use common::{COLUMNS, at, lay_out, row, run, waihu};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::{Connection, SqliteConnection};
use waihu_compliance::Gate;
use waihu_quality::Sampling;
use waihu_store::{NewAttempt, Passage, Store};
use waihu_types::{Case, Outcome, WallTime};

const CALLS: &str = include_str!("../engine/quality/tests/calls.jsonl");

/// Noon of the day that is drawn now: in the first hour of a day that is not yesterday yet.
fn noon() -> i64 {
    let (_, from, _) = Sampling::shipped().unwrap().day_due(jiff::Timestamp::now()).unwrap();
    from.as_millisecond() + 12 * 3_600_000
}

/// Files the calls as if they had been made at that noon; one of them told of the debt too early.
async fn file(project: &Path) {
    let from_ms = noon();
    let store = Store::open(project.join(".waihu/waihu.sqlite")).await.unwrap();
    fs::create_dir_all(project.join("recordings")).unwrap();
    for (n, line) in (0..).zip(CALLS.lines()) {
        let call: Value = serde_json::from_str(line).unwrap();
        let mut outcome: Outcome = serde_json::from_value(call["outcome"].clone()).unwrap();
        let case: Case = serde_json::from_value(call["case"].clone()).unwrap();
        let when = WallTime::from_unix_millis(from_ms + n * 1_000);
        (outcome.campaign, outcome.dialled_at, outcome.ended_at) = (None, when, when);
        outcome.answered_at = outcome.answered_at.map(|_| when);
        let new = NewAttempt {
            attempt: outcome.attempt.clone(),
            campaign: None,
            case: outcome.case.clone(),
            callee: outcome.callee.clone(),
            script: outcome.script.clone(),
            models: outcome.models.clone(),
            dialled_at: when,
            own_number: false,
        };
        store.import(&[case], when).await.unwrap();
        store.begin_attempt(&new, &Passage::new(Gate::laboratory(), "Asia/Shanghai")).await.unwrap();
        let mut text = String::new();
        for line in call["lines"].as_array().unwrap() {
            let line = line.to_string();
            let early = outcome.case.as_str() == "zh-stop-calling" && line.contains("本次通话会录音");
            text +=
                &if early { line.replace("本次通话会录音", "您的信用卡逾期了") } else { line };
            text.push('\n');
        }
        let path = project.join(format!("recordings/{}.jsonl", outcome.attempt));
        fs::write(&path, &text).unwrap();
        if let Some(transcript) = &mut outcome.transcript {
            transcript.path = path.display().to_string();
            transcript.sha256 = hex::encode(Sha256::digest(&text));
        }
        store.close_attempt(&outcome).await.unwrap();
    }
    store.close().await;
}

#[tokio::test]
async fn calls_are_judged_looked_at_and_exported_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = fs::read_to_string(root.join("compliance/quality.toml")).unwrap();
    let plans = fs::read_to_string(root.join("compliance/sampling.toml")).unwrap();
    lay_out(project, &[("compliance/quality.toml", &rules), ("compliance/sampling.toml", &plans)]);
    file(project).await;

    run(project, &["quality", "run"]);
    let wrong = run(project, &["quality", "list", "--wrong"]);
    assert!(wrong.contains("identity, disclosures") && wrong.contains("1 calls"), "{wrong}");
    let attempt = wrong.split_whitespace().find(|word| word.len() == 36).unwrap().to_owned();
    let shown = run(project, &["quality", "show", &attempt]);
    assert!(shown.contains("✗ identity") && shown.contains("line 第 4 行, 0.0 s"), "{shown}");
    let checks = run(project, &["quality", "checks"]);
    assert!(checks.contains("read_back"), "{checks}");
    let judged = run(project, &["quality", "show", &attempt, "--json"]);
    let judged: Value = serde_json::from_str(&judged).unwrap();
    assert_eq!(judged["passed"], false);

    // Yesterday is drawn once, and the critical call has two pairs of eyes.
    let drawn = run(project, &["quality", "draw"]);
    assert!(!drawn.starts_with("0 "), "{drawn}");
    assert!(run(project, &["quality", "draw"]).starts_with("0 "));
    let reviews = run(project, &["quality", "reviews", "--plan", "critical"]);
    assert!(reviews.contains(&attempt) && reviews.contains("1 reviews"), "{reviews}");
    let id = reviews.lines().find(|line| line.contains(&attempt)).unwrap();
    let id = id.split_whitespace().next().unwrap().to_owned();
    assert!(run(project, &["quality", "review", &id]).contains("identity 0–1"));
    let fill = |by: &str| {
        let answers = ["identity=0", "disclosures=0", "understanding=4", "courtesy=4", "result=1"];
        let mut args =
            vec!["quality".to_owned(), "review".to_owned(), id.clone(), "--by".to_owned(), by.to_owned()];
        args.extend(answers.iter().flat_map(|answer| ["--answer".to_owned(), (*answer).to_owned()]));
        waihu(project).args(args).output().unwrap().status.success()
    };
    assert!(fill("Li"));
    let confirm = |by: &str| {
        waihu(project)
            .args(["quality", "review", &id, "--by", by, "--confirm"])
            .output()
            .unwrap()
            .status
            .success()
    };
    assert!(!confirm("li"), "nobody confirms themselves");
    assert!(confirm("Zhao") && !confirm("Sun"));
    assert!(run(project, &["quality", "reviews", "--stage", "done"]).contains("wrong"));

    // Nobody stands in what is exported, and the same debtor has the same pseudonym.
    let (out, key) = (at(project, "calls.jsonl"), at(project, "key"));
    run(project, &["export", "anonymous", &out, "--key", &key]);
    let exported = fs::read_to_string(&out).unwrap();
    assert_eq!(exported.lines().count(), CALLS.lines().count());
    for told in ["张伟", "吴刚", "zh-promises", "3250.00", attempt.as_str()] {
        assert!(!exported.contains(told), "{told}");
    }
    let again = at(project, "again.jsonl");
    run(project, &["export", "anonymous", &again, "--key", &key]);
    assert_eq!(exported, fs::read_to_string(&again).unwrap());
    run(project, &["export", "redacted", &attempt, &at(project, "out")]);
    let redacted = fs::read_to_string(project.join(format!("out/{attempt}.jsonl"))).unwrap();
    assert!(redacted.contains("请问是〔姓名〕先生吗") && !redacted.contains("吴刚"));
}

#[tokio::test]
async fn what_is_done_at_the_command_line_is_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    lay_out(project, &[("cases.csv", &[COLUMNS, &row("c-1", "1001")].concat())]);
    file(project).await;
    let call: Value = serde_json::from_str(CALLS.lines().next().unwrap()).unwrap();
    let attempt = call["outcome"]["attempt"].as_str().unwrap();
    let adding = ["person", "add", "li", "--name", "李明", "--role", "agent"];
    let mut adding = waihu(project).args(adding).spawn().unwrap();
    writeln!(adding.stdin.take().unwrap(), "four words in a row").unwrap();
    assert!(adding.wait().unwrap().success());
    let at = |file| at(project, file);
    let done: [(&[&str], &str); 20] = [
        (
            &["person", "change", "li", "--skills", "hardship=5, dispute", "--langs", "", "--name", "李明月"],
            "person change li: name, skills",
        ),
        (
            &["person", "change", "LI", "--role", "operations", "--skills", ""],
            "person change li: role agent to operations, skills",
        ),
        (&["token", "make", "crm", "--role", "integrator", "--person", "Li"], "token make crm as integrator"),
        (&["token", "revoke", "crm"], "token revoke crm"),
        (&["cases", "import", &at("cases.csv")], "cases import"),
        (&["cases", "show", "c-1"], "cases show c-1"),
        (&["cases", "paid", "c-1"], "cases paid: 1 ids"),
        (&["cases", "export", &at("cases.jsonl")], "cases export"),
        (&["outcomes", "--json", "--case", "c-1"], "outcomes --json --case"),
        (&["outcomes", "--export", &at("promises.csv"), "--promises"], "outcomes --export --promises"),
        (&["export", "anonymous", &at("calls.jsonl"), "--key", &at("key")], "export anonymous"),
        (&["export", "redacted", attempt, &at("out")], &format!("export redacted {attempt}")),
        (
            &["do-not-call", "add", "13800138000", "--reason", "asked", "--by", "Li Na"],
            "do-not-call add: 1 numbers",
        ),
        (&["do-not-call", "list"], "do-not-call list"),
        (&["attempts", "--case", "zh-promises", "--json"], "attempts --case --json"),
        (&["promises", "--due", "2026-11-28"], "promises --due"),
        (&["decisions", "zh-promises"], "decisions zh-promises"),
        (&["search", "Friday", "--case", "en-promises"], "search WORDS --case"),
        (&["events", "--since", "0", "--kinds", "outcome"], "events --since --kinds"),
        (&["debtor", "find", "--case", "zh-promises", "--by", "Li Na"], "debtor find"),
    ];
    for (args, _) in done {
        run(project, args);
    }
    let li: Value = serde_json::from_str(&run(project, &["person", "list", "--json"])).unwrap();
    assert_eq!(
        (&li["name"], &li["role"], &li["skills"]),
        (&json!("李明月"), &json!("operations"), &json!({}))
    );
    // What cannot be, and what is so already, is no change and no row.
    for odd in [
        &["person", "change", "li"][..],
        &["person", "change", "li", "--skills", "hardship=6"],
        &["person", "change", "li", "--langs", "fr"],
        &["person", "change", "wang", "--name", "王芳"],
    ] {
        assert!(!waihu(project).args(odd).output().unwrap().status.success(), "{odd:?}");
    }
    assert!(run(project, &["person", "change", "li", "--name", "李明月"]).contains("无变化"));
    assert!(!waihu(project).args(["campaign", "pause", "none"]).output().unwrap().status.success());
    let submitted = run(project, &["dialog", "submit", "handoff-only", "--by", "Li"]);
    let version = submitted.split(':').next().unwrap();
    let own = ["dialog", "approve", version, "--by", "li"];
    assert!(!waihu(project).args(own).output().unwrap().status.success());
    run(project, &["dialog", "approve", version, "--by", "Wang"]);
    run(project, &["dialog", "withdraw", version, "--by", "Zhao"]);
    run(project, &["vault", "new-key", &at("vault.key")]);
    let told = run(project, &["audit", "list", "--json"]);
    let rows = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let is_of_a_script = |row: &Value| row["act"].as_str().unwrap().starts_with("dialog ");
    let (scripts, rows): (Vec<Value>, Vec<Value>) = rows.partition(is_of_a_script);
    let scripts: Vec<_> = scripts.iter().map(|r| (&r["person"], &r["act"], &r["status"])).collect();
    let [submit, refused, approve, withdraw] = scripts[..] else { panic!("{scripts:?}") };
    let begins =
        |act: &Value, deed: &str| act.as_str().unwrap().starts_with(&format!("dialog {deed} {version}"));
    assert!(submit.0 == "Li" && begins(submit.1, "submit") && submit.2 == 200, "{submit:?}");
    assert!(refused.0 == "li" && begins(refused.1, "approve") && refused.2 == 409, "{refused:?}");
    assert!(approve.0 == "Wang" && begins(approve.1, "approve") && approve.2 == 200, "{approve:?}");
    assert!(withdraw.0 == "Zhao" && begins(withdraw.1, "withdraw") && withdraw.2 == 200, "{withdraw:?}");
    let acts: Vec<_> = rows.iter().map(|r| (r["act"].as_str().unwrap(), r["status"].as_i64())).collect();
    let (key, acts) = acts.split_last().unwrap();
    assert!(key.0.starts_with("vault new-key age1") && key.1 == Some(200), "{key:?}");
    let expected = done.iter().map(|(_, act)| (*act, Some(200)));
    let expected = [("person add li as agent", Some(200))].into_iter().chain(expected);
    let expected: Vec<_> = expected.chain([("campaign none: paused", Some(409))]).collect();
    assert_eq!(acts, expected);
    // By whoever is at the machine, where nobody is named.
    let persons: Vec<_> = rows.iter().map(|r| r["person"].as_str().unwrap()).collect();
    assert!(!persons[0].is_empty());
    let by_name = |n: usize| done.get(n.wrapping_sub(1)).is_some_and(|(args, _)| args.contains(&"Li Na"));
    let expected = (0..persons.len()).map(|n| if by_name(n) { "Li Na" } else { persons[0] });
    assert_eq!(persons, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_dialled_promised_and_decided_is_told_a_page_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    lay_out(project, &[]);
    file(project).await;
    let lines = |args: &[&str]| -> Vec<Value> {
        run(project, args).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let count = CALLS.lines().count();
    let all = lines(&["attempts", "--json"]);
    assert_eq!((all.len(), &all[0]["case"], &all[0]["open"]), (count, &"zh-promises".into(), &false.into()));
    // A page goes on after the one before, whichever way it was asked for.
    let first = lines(&["attempts", "--json", "--limit", "3"]);
    let last = first[2]["attempt"].as_str().unwrap();
    assert_eq!(lines(&["attempts", "--json", "--attempt", last]), all[2..3]);
    assert_eq!(lines(&["attempts", "--json", "--after", last]), all[3..]);
    assert_eq!(first, all[..3]);
    assert_eq!(lines(&["outcomes", "--json", "--attempt", last])[0]["attempt"], last);
    assert!(run(project, &["attempts"]).contains("over 已结束"));

    let due = |days: &str| -> Vec<String> {
        let told = lines(&["promises", "--json", "--due", days]);
        told.iter().map(|promise| promise["case"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(due("2026-11-28"), ["zh-promises", "zh-screened", "zh-talks-over"]);
    assert_eq!(due("2026-11-29.."), ["zh-haggles"]);
    assert_eq!(due("..").len(), 5);
    let found = lines(&["search", "--disposition", "promise_to_pay", "--json"]);
    assert_eq!(found.len(), 5);
    let counted = lines(&["results", "--json"]);
    let calls: i64 = counted.iter().map(|cell| cell["calls"].as_i64().unwrap()).sum();
    assert_eq!(usize::try_from(calls).unwrap(), count);
    run(project, &["results", "--costs"]);

    let decided = lines(&["decisions", "zh-promises", "--json"]);
    let told = (decided.len(), &decided[0]["verdict"], &decided[0]["attempt"]);
    assert_eq!(told, (1, &"allowed".into(), &all[0]["attempt"]));
    assert!(run(project, &["decisions", "zh-promises"]).contains("allowed 允许"));

    let events = lines(&["events", "--since", "0", "--kinds", "outcome", "--json"]);
    assert_eq!(events.len(), count);
    let place = events[2]["seq"].to_string();
    let rest = lines(&["events", "--since", &place, "--kinds", "outcome", "--json"]);
    assert_eq!(rest, events[3..]);
    let next =
        lines(&["events", "--since", &place, "--kinds", "outcome", "--json", "--follow", "--limit", "1"]);
    assert_eq!(next, events[3..4]);
    // Where nothing tells what is personal of an outcome, its end does.
    let told = run(project, &["events", "--since", "0", "--kinds", "outcome"]);
    assert!(told.contains("promise_to_pay") && !told.contains("3250"), "{told}");
}

/// Does to the audit what its triggers refuse: whoever has the file has no need of them.
async fn tampers(project: &Path, how: &'static str) {
    let mut file = SqliteConnection::connect(&at(project, ".waihu/waihu.sqlite")).await.unwrap();
    for sql in ["DROP TRIGGER IF EXISTS audit_stays", "DROP TRIGGER IF EXISTS audit_is_kept", how] {
        sqlx::query(sql).execute(&mut file).await.unwrap();
    }
    file.close().await.unwrap();
}

#[tokio::test]
async fn what_was_altered_in_the_audit_or_in_a_bundle_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    lay_out(project, &[]);
    file(project).await;
    let tells = |args: &[&str]| {
        let done = waihu(project).args(args).output().unwrap();
        (done.status.code(), String::from_utf8(done.stdout).unwrap())
    };
    let call: Value = serde_json::from_str(CALLS.lines().next().unwrap()).unwrap();
    let (attempt, zip) = (call["outcome"]["attempt"].as_str().unwrap(), at(project, "call.zip"));
    run(project, &["bundle", "export", attempt, "--by", "Li Na", "--out", &zip]);
    let whole = run(project, &["bundle", "verify", &zip]);
    assert!(whole.contains("✓ transcript.jsonl") && !whole.contains('✗'), "{whole}");
    let mut bytes = fs::read(&zip).unwrap();
    // Its words begin soon after its name.
    let name = "transcript.jsonl".as_bytes();
    let words = bytes.windows(name.len()).position(|part| part == name).unwrap() + 100;
    bytes[words] ^= 1;
    fs::write(&zip, bytes).unwrap();
    let (code, told) = tells(&["bundle", "verify", &zip]);
    assert!(code == Some(1) && told.contains("✗ transcript.jsonl: altered"), "{told}");
    assert_eq!(told.matches('✗').count(), 1, "and no other: {told}");

    let (code, told) = tells(&["audit", "verify"]);
    assert!(code == Some(0) && told.contains("each fits"), "{told}");
    let head = told.split_whitespace().last().unwrap().to_owned();
    assert_eq!(tells(&["audit", "verify", "--head", &head]).0, Some(0));
    // What is cut off is missed by who has kept the head, and by nobody else.
    tampers(project, "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)").await;
    assert_eq!(tells(&["audit", "verify"]).0, Some(0));
    let (code, told) = tells(&["audit", "verify", "--head", &head]);
    assert!(code == Some(1) && told.contains("is not in the chain"), "{told}");
    tampers(project, "UPDATE audit SET person = 'Li Nb' WHERE seq = 1").await;
    let (code, told) = tells(&["audit", "verify"]);
    assert!(code == Some(1) && told.contains("row 1 was changed"), "{told}");
}
