//! What operations and compliance do with a flow at the command line, without a model or a telephone.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to)
        } else {
            fs::copy(entry.path(), to).map(drop).unwrap()
        }
    }
}

/// A project of its own: the shipped flows, a trunk that leads nowhere, a case, an empty store.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&Path::new(ROOT).join("dialogs"), &folder.path().join("dialogs"));
    fs::create_dir(folder.path().join("sip-config")).unwrap();
    let trunk = "[trunk]\nproxy = \"127.0.0.1:9\"\nfrom = \"sip:1@127.0.0.1\"\nbind = \"127.0.0.1:0\"\ncompliance = \"laboratory\"\n";
    fs::write(folder.path().join("sip-config/none.toml"), trunk).unwrap();
    let cases = "id,phone,name,title,lang,creditor,product,amount,currency,due_date\n\
                 C1,1001,Daniel Reed,Mr,en,Bank,card,90.00,USD,2026-11-15\n";
    fs::write(folder.path().join("cases.csv"), cases).unwrap();
    folder
}

fn waihu(project: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waihu"));
    command.current_dir(project).args(args).stdin(Stdio::null());
    command
}

fn run(project: &Path, args: &[&str]) -> (bool, String, String) {
    told(waihu(project, args).output().unwrap())
}

fn told(done: Output) -> (bool, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (done.status.success(), text(done.stdout), text(done.stderr))
}

fn change(project: &Path, file: &str, from: &str, to: &str) {
    let path = project.join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from:?} is not in {file}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn a_campaign_dials_only_what_a_second_person_approved() {
    let folder = project();
    let project = folder.path();
    let campaign = ["campaign", "run", "--cases", "cases.csv", "--trunk", "none", "--script", "reminder"];
    let (ok, _, why) = run(project, &campaign);
    assert!(!ok && why.contains("no version of reminder is approved"), "{why}");

    let (ok, out, why) = run(project, &["dialog", "submit", "reminder", "--by", "Li Na"]);
    assert!(ok, "{why}");
    let version = out.split(':').next().unwrap();
    let (ok, _, why) = run(project, &["dialog", "approve", version, "--by", "li na"]);
    assert!(!ok && why.contains("a second person has to"), "{why}");
    let (ok, _, why) = run(project, &[&campaign[..6], &["--script", version]].concat());
    assert!(!ok && why.contains("not approved"), "{why}");
    let (ok, out, why) = run(project, &["dialog", "approve", version, "--by", "Wang Fang"]);
    assert!(ok && out.contains("approved"), "{why}");

    // From here on what is missing are the models.
    let (_, _, why) = run(project, &campaign);
    assert!(why.contains(version) && why.contains("approved by") && why.contains("Wang Fang"), "{why}");
    let (ok, _, why) = run(project, &[&campaign[..6], &["--script", "reminder@0123"]].concat());
    assert!(!ok && why.contains("names no stored version") || why.contains("was begun with"), "{why}");

    let (ok, _, why) = run(project, &["dialog", "withdraw", version, "--by", "Li Na"]);
    assert!(ok, "{why}");
    let (ok, _, why) = run(project, &campaign);
    assert!(!ok && why.contains("withdrawn"), "a campaign that was begun stops too: {why}");

    let (_, out, _) = run(project, &["dialog", "versions", "--json"]);
    let listed: Value = serde_json::from_str(out.trim()).unwrap();
    let acts: Vec<&str> =
        listed["acts"].as_array().unwrap().iter().map(|a| a["act"].as_str().unwrap()).collect();
    assert_eq!(
        (acts, &listed["approved"]),
        (vec!["submitted", "approved", "withdrawn"], &Value::Bool(false))
    );
}

#[test]
fn a_campaign_keeps_the_authority_that_it_was_begun_with() {
    let folder = project();
    let project = folder.path();
    let (_, out, why) = run(project, &["dialog", "submit", "reminder", "--by", "Li Na"]);
    let version = out.split(':').next().unwrap_or_else(|| panic!("{why}"));
    let (ok, _, why) = run(project, &["dialog", "approve", version, "--by", "Wang Fang"]);
    assert!(ok, "{why}");
    let campaign = ["campaign", "run", "--cases", "cases.csv", "--trunk", "none", "--script", "reminder"];
    let with = |file: &str| {
        let (ok, _, why) = run(project, &[&campaign[..], &["--authority", file]].concat());
        assert!(!ok, "there are no models to call with");
        why
    };
    fs::write(project.join("wrong.toml"), "max_parts = 3\nmax_delay_days = 400\n").unwrap();
    let why = with("wrong.toml");
    assert!(why.contains("wrong.toml:2: max_delay_days is 400"), "{why}");
    fs::write(project.join("three.toml"), "max_parts = 3\n").unwrap();
    fs::write(project.join("six.toml"), "max_parts = 6\n").unwrap();
    // It was not begun with the wrong file.
    let why = with("three.toml");
    assert!(!why.contains("was begun with") && why.contains("approved by"), "{why}");
    let why = with("six.toml");
    assert!(why.contains(r#"was begun with {"max_parts":3}"#) && why.contains("--id"), "{why}");
    let (_, _, why) = run(project, &campaign);
    assert!(why.contains(r#"{"max_parts":3}"#) && why.contains("approved by"), "goes on with it: {why}");
}

/// A second of a tone, as a person's recording would lie there.
fn recording(hertz: f32) -> Vec<u8> {
    let samples = (0..8_000_u16).map(|n| {
        let at = f32::from(n) / 8_000.0;
        (8_000.0 * (std::f32::consts::TAU * hertz * at).sin()) as i16
    });
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let size = u32::try_from(data.len()).unwrap();
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + size).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend(8_000_u32.to_le_bytes());
    wav.extend(16_000_u32.to_le_bytes());
    wav.extend(b"\x02\0\x10\0data");
    wav.extend(size.to_le_bytes());
    wav.extend(data);
    wav
}

#[test]
fn a_version_is_not_dialled_with_recordings_other_than_its_own() {
    let folder = project();
    let project = folder.path();
    let file = project.join("dialogs/reminder/recorded/en/goodbye.wav");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, recording(440.0)).unwrap();
    let (ok, out, why) = run(project, &["dialog", "submit", "reminder", "--by", "Li Na"]);
    assert!(ok, "{out}{why}");
    let version = out.split(':').next().unwrap();
    let (ok, out, why) = run(project, &["dialog", "approve", version, "--by", "Wang Fang"]);
    assert!(ok, "{out}{why}");
    let campaign =
        ["campaign", "run", "--cases", "cases.csv", "--trunk", "none", "--script", "reminder", "--id", "a"];
    let (_, _, why) = run(project, &campaign);
    assert!(why.contains("approved by"), "the recordings are its own: {why}");
    for other in [Some(recording(441.0)), None] {
        match other {
            Some(other) => fs::write(&file, other).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        let (ok, _, why) = run(project, &campaign);
        assert!(!ok && why.contains("put those recordings back") && !why.contains("approved by"), "{why}");
    }
    fs::write(&file, recording(440.0)).unwrap();
    let (_, _, why) = run(project, &campaign);
    assert!(why.contains("approved by"), "{why}");
}

#[test]
fn cases_that_a_flow_cannot_be_spoken_about_are_told_before_anything_is_dialled() {
    let folder = project();
    let project = folder.path();
    let (ok, out, why) = run(project, &["check", "reminder", "--cases", "cases.csv"]);
    assert!(ok && out.contains("reminder can be spoken about") && out.contains("1 of 1"), "{out}{why}");
    // A box is told whom to call back, and this case does not say.
    let (ok, out, _) = run(project, &["check", "voicemail", "--cases", "cases.csv"]);
    let lacks = |value: &str| {
        out.lines().any(|l| l.contains("line 行 2: script 话术 voicemail") && l.contains(value))
    };
    assert!(
        !ok && lacks("{contact}") && lacks("{reply_number}") && out.contains("fill in its column"),
        "{out}"
    );
    let (ok, out, _) = run(project, &["check", "--cases", "cases.csv"]);
    assert!(
        ok && out.contains("voicemail can be spoken about 适用: 0 of 1"),
        "for which flow was not said: {out}"
    );
    fs::write(project.join("three.toml"), "max_delay_days = 7\nmax_span_days = 6\n").unwrap();
    let check = ["check", "reminder", "--cases", "cases.csv", "--authority", "three.toml"];
    let (ok, _, why) = run(project, &check);
    assert!(!ok && why.contains("three.toml:2: max_span_days"), "{why}");
}

#[test]
fn a_call_over_a_trunk_wants_approval_or_says_that_it_is_a_draft() {
    let folder = project();
    let project = folder.path();
    let case = r#"{"id":"C1","phone":"1001","name":"Daniel Reed","lang":"en","creditor":"Bank","product":"card",
        "amount":"90.00","currency":"USD","due_date":"2026-11-15"}"#;
    fs::write(project.join("case.json"), case).unwrap();
    let call =
        ["call", "sip:1001@127.0.0.1", "--script", "reminder", "--case", "case.json", "--trunk", "none"];
    let (ok, _, why) = run(project, &call);
    assert!(!ok && why.contains("is not approved") && why.contains("--draft"), "{why}");
    let (_, _, why) = run(project, &[&call[..], &["--draft"]].concat());
    assert!(why.contains("warning") && !why.contains("is not approved:"), "{why}");
}

#[test]
fn a_conversation_is_held_through_a_pipe() {
    let folder = project();
    let mut chat = waihu(
        folder.path(),
        &["dialog", "chat", "reminder", "--intents", "--lang", "en", "--trace", "--golden"],
    );
    let mut chat = chat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let typed = "affirm\n/state\npromise_to_pay date=2026-11-27\n/over affirm\naffirm\n";
    chat.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let (ok, out, _) = told(chat.wait_with_output().unwrap());
    assert!(ok && out.contains("state 状态:") && out.contains("· "), "{out}");
    let golden = out.find("[[conversation]]").unwrap();
    assert!(out[golden..].contains("promise_date = 2026-11-27"), "{out}");
    let outcome: Value = serde_json::from_str(&out[out.rfind("\n{").unwrap()..]).unwrap();
    assert_eq!(outcome["disposition"], "promise_to_pay");
}

#[test]
fn a_changed_wording_is_marked_and_a_failed_conversation_fails_the_test() {
    let folder = project();
    let project = folder.path();
    copy(&project.join("dialogs/reminder"), &project.join("dialogs/before"));
    let limits = "[limits]\nmax_turns = 3\nto = \"courtesy.end_time_is_up\"\n\n[use.courtesy]";
    change(project, "dialogs/reminder/script.toml", "[use.courtesy]", limits);
    let (_, out, why) = run(project, &["dialog", "diff", "before", "reminder"]);
    assert!(out.contains("limits.max_turns: [-30-]{+3+}"), "{out}{why}");
    let (ok, out, _) = run(project, &["dialog", "test", "reminder", "--lang", "en"]);
    assert!(!ok && out.contains("✗") && out.contains("step 第"), "{out}");
    let (ok, out, why) = run(project, &["dialog", "test", "before", "--json"]);
    assert!(ok, "{out}{why}");
    for line in out.lines() {
        let told: Value = serde_json::from_str(line).unwrap();
        assert_eq!(told["failed"], 0);
        let rules = |what: &str| told["rules"][what].as_u64().unwrap();
        let untried = told["untried"].as_array().unwrap().len() as u64;
        // What a part has for other flows is told as untried, and everything else was tried.
        assert!(rules("tried") > 100 && rules("total") - rules("tried") <= untried, "{}", told["untried"]);
    }
    let (ok, svg, _) = run(project, &["dialog", "graph", "before", "--lang", "en"]);
    assert!(ok && svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
}
