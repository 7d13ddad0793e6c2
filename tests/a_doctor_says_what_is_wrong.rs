//! `waihu doctor` looks at all there is, says what to do about what is wrong, and fails where something is.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::{fs, net::TcpListener, os::unix::fs::symlink, path::Path};

use common::{lay_out, waihu};
use waihu_keeping::unlock_words;
use waihu_store::Store;
use waihu_vault::{Vault, new_key};

/// What it says, and whether it finds all well.
fn doctor(project: &Path) -> (bool, String) {
    let done = waihu(project).args(["doctor", "--quick"]).output().unwrap();
    (done.status.success(), String::from_utf8(done.stdout).unwrap())
}

fn trunk(ring_timeout_s: u32) -> String {
    format!(
        "[trunk]\nproxy = \"127.0.0.1:9\"\nfrom = \"sip:1@127.0.0.1\"\nbind = \"127.0.0.1:0\"\n\
         compliance = \"cn\"\nring_timeout_s = {ring_timeout_s}\n"
    )
}

/// The line of something that was looked at, and the one after it.
fn about(said: &str, what: &str) -> [String; 2] {
    let mut lines = said.lines().skip_while(|line| !line.contains(what)).map(str::to_owned);
    [lines.next().unwrap_or_else(|| format!("nothing of {what}: {said}")), lines.next().unwrap_or_default()]
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    let local = "[api]\nlisten = \"127.0.0.1:0\"\n";
    lay_out(project, &[("sip-config/main.toml", &trunk(15)), ("waihu.toml", local)]);
    symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("compliance"), project.join("compliance")).unwrap();

    // Of the machine that this is tried on nothing is known.
    let (_, said) = doctor(project);
    for well in
        ["time zones", "configuration", "trunk", "SIP port", "database", "database rights", "API port"]
    {
        assert!(about(&said, &format!("✓ {well}"))[0].starts_with('✓'), "{well}: {said}");
    }
    assert!(about(&said, "✓ trunk")[0].contains("main: 127.0.0.1:9, rules 规则 cn"), "{said}");
    assert!(said.trim_end().lines().last().unwrap().contains("looked at"), "{said}");

    // A telephone that may ring for five seconds, and a database that is a folder.
    fs::write(project.join("sip-config/main.toml"), trunk(5)).unwrap();
    fs::write(project.join("waihu.toml"), format!("store = \"dialogs\"\n{local}")).unwrap();
    let (ok, said) = doctor(project);
    let [trunk_said, todo] = about(&said, "✗ trunk");
    assert!(trunk_said.contains("ring_timeout_s: 5: from 15"), "{said}");
    assert!(!ok && todo.contains("waihu check --trunk main"), "{said}");
    assert!(about(&said, "✗ database")[1].contains("see the path"), "{said}");

    // A gateway for texts, while it is there and when it has gone; without one nothing is said of it.
    assert!(!said.contains("text gateway"), "{said}");
    let gateway = TcpListener::bind("127.0.0.1:0").unwrap();
    let sms = format!(
        "{local}[sms]\nkind = \"http\"\ncompliance = \"cn\"\nurl = \"http://{}/send\"\n\
         body = {{ to = \"{{number}}\", text = \"{{text}}\" }}\n",
        gateway.local_addr().unwrap()
    );
    fs::write(project.join("waihu.toml"), &sms).unwrap();
    let (_, said) = doctor(project);
    assert!(about(&said, "✓ text gateway")[0].contains("takes connections"), "{said}");
    assert!(about(&said, "✓ text rules")[0].contains("cn"), "{said}");
    drop(gateway);
    fs::write(project.join("waihu.toml"), sms.replace("\"cn\"", "\"nowhere\"")).unwrap();
    let (ok, said) = doctor(project);
    assert!(!ok && about(&said, "✗ text gateway")[1].contains("[sms] in waihu.toml"), "{said}");
    assert!(about(&said, "✗ text rules")[1].contains("compliance in waihu.toml"), "{said}");

    // Agents who are always there, and hours of which nobody knows where.
    assert!(!said.contains("agents' hours"), "{said}");
    let hours = format!("{local}[agents]\nzone = \"Asia/Shanghai\"\nevery_day = [\"00:00-24:00\"]\n");
    fs::write(project.join("waihu.toml"), &hours).unwrap();
    let (_, said) = doctor(project);
    assert!(about(&said, "✓ agents' hours")[0].contains("at work now"), "{said}");
    let astray = format!("{}holiday = []\n", hours.replace("Asia/Shanghai", "Shanghai"));
    fs::write(project.join("waihu.toml"), astray).unwrap();
    let (ok, said) = doctor(project);
    assert!(!ok && said.contains("waihu.toml:4: zone") && said.contains("holiday: which days"), "{said}");
    assert!(said.contains("    → mend [agents] in waihu.toml"), "{said}");

    // Where the configuration cannot be read, all else is looked at.
    fs::write(project.join("waihu.toml"), "[api]\nlisten = \"nowhere\"\n").unwrap();
    fs::remove_file(project.join("models")).unwrap();
    let (ok, said) = doctor(project);
    assert!(!ok && about(&said, "✗ configuration")[1].contains("waihu.example.toml"), "{said}");
    assert!(about(&said, "✗ models")[1].contains("models/") && said.contains("✗ trunk"), "{said}");
}

#[tokio::test]
async fn a_key_of_words_that_is_not_opened_here_is_told_and_replaced_when_it_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    let (own, _) = new_key().unwrap();
    let set_up = "[api]\nlisten = \"127.0.0.1:0\"\n[vault]\nkey_file = \"vault.key\"\n";
    lay_out(project, &[("waihu.toml", set_up), ("vault.key", &own)]);
    let (_, said) = doctor(project);
    assert!(about(&said, "✓ words in the database")[0].contains("sealed"), "{said}");

    // Another node was first, with a key that is not here.
    let (other, recipient) = new_key().unwrap();
    let store = Store::open(project.join(".waihu/waihu.sqlite")).await.unwrap();
    unlock_words(&store, &Vault::new(&[], Some(("test", &other))).unwrap()).await.unwrap();
    let (ok, said) = doctor(project);
    let [told, todo] = about(&said, "✗ words in the database");
    assert!(!ok && told.contains(&recipient) && todo.contains("--new-words-key"), "{said}");
    let vault = |args: &[&str]| {
        let done = waihu(project).arg("vault").args(args).output().unwrap();
        let said = [done.stdout, done.stderr].concat();
        (done.status.success(), String::from_utf8(said).unwrap())
    };
    let (_, said) = vault(&["status"]);
    assert!(said.contains(&recipient) && said.contains("0 in clear"), "{said}");
    let (ok, said) = vault(&["renew"]);
    assert!(!ok && said.contains("--new-words-key"), "{said}");
    let (ok, said) = vault(&["renew", "--new-words-key"]);
    assert!(ok, "{said}");
    let (_, said) = doctor(project);
    assert!(about(&said, "✓ words in the database")[0].contains("sealed"), "{said}");
}
