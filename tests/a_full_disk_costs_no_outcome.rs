//! The disk fills up while a campaign is dialled: nobody new is called, calls that are up go on to their end, and their
//! outcomes are kept. Once there is room again, the campaign goes on, and nobody was called twice.
//!
//! The disk is a small one in memory, which only root can mount: where it is refused, nothing is
//! tried, and that is said.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{ErrorKind, Write},
    path::Path,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use common::{COLUMNS, PATIENCE, Told, approve, at, callees, lay_out, row, run, waihu};
use serde_json::Value;

const SIP: &str = "127.0.0.1:5133";
const CAMPAIGN: &str = "full";
/// Those who talk, and as many calls at once; after them come those who are busy.
const TALKERS: usize = 3;
const PEOPLE: usize = 10;

const CALLED: &str = "called 来电: ";
const HEARS: &str = "hears the bot 听到机器人: ";
const OVER: &str = "over 结束: ";

/// A disk of 64 MiB, gone with this.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=64m,mode=700", "waihu-test"];
        let done = Command::new("mount").args(mount).arg(folder.path()).output();
        if done.is_ok_and(|done| done.status.success()) {
            return Some(Self(folder));
        }
        // Past the test's capture: it is to be seen where all pass.
        let told =
            "skipped: a disk in memory cannot be mounted here, which root alone may 跳过：此处不能挂载 tmpfs";
        let _ = writeln!(std::io::stderr(), "{told}");
        None
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

fn name(n: usize) -> String {
    format!("p{n}")
}

fn number(n: usize) -> String {
    format!("{}", 1_400_000 + n)
}

fn personas() -> String {
    let persona = |n: usize| {
        let does = match n {
            // Long enough for the disk to be full meanwhile.
            0..TALKERS => "rings_ms = 300\nsteps = [{ after_ms = 12000, hang_up = true }]",
            _ => "rings_ms = 200\ndecline = 486",
        };
        format!("[[persona]]\nnumber = {:?}\nname = {:?}\nlang = \"zh\"\n{does}\n\n", number(n), name(n))
    };
    (0..PEOPLE).map(persona).collect()
}

fn set_up(project: &Path) {
    let trunk = format!(
        "[trunk]\nproxy = {SIP:?}\nfrom = \"sip:4008001234@127.0.0.1\"\ncompliance = \"laboratory\"\nbind = \"127.0.0.1:0\"\n\
         rtp_ports = [27500, 27598]\nring_timeout_s = 8\nmax_calls = {TALKERS}\nmax_cps = 20.0\n"
    );
    let table: String = (0..PEOPLE).map(|n| row(&name(n), &number(n))).collect();
    lay_out(
        project,
        &[
            ("waihu.toml", "[api]\nlisten = \"127.0.0.1:0\"\n"),
            ("sip-config/full.toml", &trunk),
            ("full.toml", "trunk = \"full\"\nscript = \"reminder\"\n"),
            ("personas.toml", &personas()),
            ("cases.csv", &format!("{COLUMNS}{table}")),
        ],
    );
    approve(project, "reminder");
    let (settings, cases) = (at(project, "full.toml"), at(project, "cases.csv"));
    run(project, &["campaign", "create", CAMPAIGN, "--settings", &settings, "--cases", &cases, "--start"]);
}

/// What the callees have told, from the beginning on.
struct Heard {
    callees: Told,
    lines: Vec<String>,
}

impl Heard {
    fn count(&mut self, begins: &str) -> usize {
        self.lines.extend(self.callees.so_far());
        self.lines.iter().filter(|line| line.starts_with(begins)).count()
    }

    /// Waits until so many have told it.
    fn until(&mut self, begins: &str, many: usize) {
        let begun = Instant::now();
        while self.count(begins) < many {
            assert!(begun.elapsed() < PATIENCE, "{begins:?} was not told {many} times: {:?}", self.lines);
            sleep(Duration::from_millis(100));
        }
    }

    /// How often each was called.
    fn called(mut self) -> BTreeMap<String, usize> {
        self.lines.extend(self.callees.close());
        let mut called = BTreeMap::new();
        for name in self.lines.iter().filter_map(|line| line.strip_prefix(CALLED)) {
            *called.entry(name.to_owned()).or_default() += 1;
        }
        called
    }
}

/// Writes into a file until the disk takes no more.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    loop {
        match file.write(&[1; 65_536]) {
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::StorageFull => return,
            Err(e) => panic!("{e}"),
        }
    }
}

fn outcomes(project: &Path) -> Vec<Value> {
    run(project, &["outcomes", "--json"]).lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

#[test]
fn calls_that_are_up_are_filed_and_nobody_new_is_called_until_there_is_room() {
    let Some(disk) = Disk::mount() else { return };
    let project = disk.0.path();
    set_up(project);
    let callees = callees(project, SIP, ("37500", "37598"), "personas.toml");
    let mut heard = Heard { callees, lines: Vec::new() };
    let engine = Told::spawn(waihu(project).args(["serve", "--trunk", "full"]));
    heard.until(HEARS, TALKERS);

    let filler = project.join("filler");
    fill(&filler);
    heard.until(OVER, TALKERS);
    // The engine looks five times a second whether somebody may be called.
    sleep(Duration::from_secs(6));
    assert_eq!(heard.count(CALLED), TALKERS, "somebody was called on a full disk: {:?}", heard.lines);
    assert!(!project.join(".waihu/.reserve").exists(), "the disk was full for outcomes, too");

    fs::remove_file(&filler).unwrap();
    let begun = Instant::now();
    while outcomes(project).len() < PEOPLE {
        assert!(begun.elapsed() < PATIENCE, "the campaign did not go on: {:?}", heard.lines);
        sleep(Duration::from_millis(500));
    }
    engine.end();
    let filed = outcomes(project);
    let once: BTreeMap<String, usize> = (0..PEOPLE).map(|n| (name(n), 1)).collect();
    assert_eq!(heard.called(), once, "each once");
    assert_eq!(filed.len(), PEOPLE, "each with its one outcome");
    for n in 0..PEOPLE {
        let outcome =
            filed.iter().find(|outcome| outcome["case"] == name(n)).expect("the case has an outcome");
        assert_ne!(outcome["disposition"], "unknown", "filed by the process that called: {outcome}");
        assert_eq!(outcome["answered_at"].is_string(), n < TALKERS, "{outcome}");
        if n < TALKERS {
            assert!(
                outcome["recording"]["cut_short"].is_string(),
                "a full disk costs the rest of it: {outcome}"
            );
        }
    }
    for folder in [".waihu", "recordings"] {
        assert!(project.join(folder).join(".reserve").exists(), "laid again: {folder}");
    }
    let left = fs::read_dir(project.join("recordings")).unwrap().map(|entry| entry.unwrap().file_name());
    let spooled: Vec<_> = left.filter(|name| name.to_string_lossy().contains(".outcome.json")).collect();
    assert!(spooled.is_empty(), "filed, and still in the spool: {spooled:?}");
}
