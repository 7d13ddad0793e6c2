//! A simulated day and what is learnt of simulated calls are drawn: as files that are XML, with words in both languages.
#![allow(clippy::unwrap_used)]

use std::{os::unix::fs::symlink, path::Path, process::Command};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Prints the words of a drawing, a line each; fails where it is no XML.
const WORDS: &str = "import sys, xml.etree.ElementTree as tree\n\
                     drawn = tree.parse(sys.argv[1]).getroot()\n\
                     assert drawn.tag == '{http://www.w3.org/2000/svg}svg', drawn.tag\n\
                     print('\\n'.join(text.strip() for text in drawn.itertext() if text.strip()))";

/// What a command draws into a file of a project that has rules and nothing else.
fn drawn(args: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    symlink(Path::new(ROOT).join("compliance"), folder.path().join("compliance")).unwrap();
    let plot = folder.path().join("plot.svg");
    let mut waihu = Command::new(env!("CARGO_BIN_EXE_waihu"));
    let done = waihu.current_dir(folder.path()).args(args).arg("--plot").arg(&plot).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let told = String::from_utf8(done.stdout).unwrap();
    assert!(told.contains("plot.svg"), "the file is named: {told}");
    let mut python = Command::new("python3");
    let read = python.env("PYTHONUTF8", "1").args(["-c", WORDS]).arg(&plot).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    String::from_utf8(read.stdout).unwrap()
}

#[test]
fn a_day_is_drawn_with_its_campaigns_and_its_bounds() {
    let words = drawn(&["campaign", "simulate", "--calls", "400"]);
    for label in [
        "calls up 通话中",
        "ringing 振铃中",
        "calls placed a second 每秒呼出",
        "trunk 线路",
        "agents busy 坐席占用 [%]",
        "abandoned of the day so far 当日放弃率 [%]",
        "bound 上限 3 %",
        "reminder",
        "predictive",
        "progressive",
        "preview",
    ] {
        assert!(words.contains(label), "{label} is not in\n{words}");
    }
}

#[test]
fn what_is_learnt_is_drawn_beside_a_guess() {
    let words = drawn(&["train", "contact", "--simulated", "2000"]);
    for label in [
        "answers 接通, AUC 0.",
        "pays 还款, AUC 0.",
        "called first, of all 先呼的占比 [%]",
        "found of those 找到的占比 [%]",
        "a guess 随机",
        "the model 模型",
    ] {
        assert!(words.contains(label), "{label} is not in\n{words}");
    }
}
