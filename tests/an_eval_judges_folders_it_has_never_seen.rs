//! `waihu eval` on folders of somebody else's: what can be judged is, what cannot is named by file and line,
//! and the figures come as JSON and as a page that holds everything it needs.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use waihu_audio::tone;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A WAV of 16 bits, one channel.
fn wav(path: &Path, rate: u32, samples: &[i16]) {
    waihu_record::wav::write_mono(path, rate, samples).unwrap();
}

/// Runs an eval with a page beside its folder; gives its figures, the page, and whether all rows were judged.
fn eval(kind: &str, dir: &Path, more: &[&str]) -> (Value, String, bool) {
    let page = dir.join("pages/report.html");
    let done = Command::new(env!("CARGO_BIN_EXE_waihu"))
        .args(["--project", ROOT, "eval", kind, "--json", "--html"])
        .args([&page, dir])
        .args(more)
        .output()
        .unwrap();
    let log = String::from_utf8(done.stderr).unwrap();
    let out = serde_json::from_slice(&done.stdout).map_err(|e| format!("{e}: {log}")).unwrap();
    (out, fs::read_to_string(page).unwrap(), done.status.success())
}

/// The rows that could not be judged, as `FILE:LINE` without the folder.
fn places(report: &Value) -> Vec<&str> {
    let bad = report["bad_rows"].as_array().unwrap();
    bad.iter().map(|row| row["place"].as_str().unwrap().rsplit('/').next().unwrap()).collect()
}

fn whole(page: &str) {
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    assert!(!page.contains("<script") && !page.contains("http"), "nothing comes from elsewhere");
}

#[test]
fn silence_and_noise_give_no_words_and_bad_rows_are_named() {
    let dir = tempfile::tempdir().unwrap();
    wav(&dir.path().join("silence.wav"), 8_000, &[0; 16_000]);
    wav(&dir.path().join("a quiet.wav"), 44_100, &[1; 66_150]);
    fs::write(dir.path().join("broken.wav"), b"RIFF and no more").unwrap();
    let list = "file\tlang\ttext\tcondition\n\
                silence.wav\tzh\t\tquiet\n\
                a quiet.wav\ten\t\troom\n\
                # a remark\n\
                missing.wav\tzh\t你好\n\
                silence.wav\tfr\tbonjour\n\
                broken.wav\ten\thello\n\
                silence.wav\n\
                silence.wav\ten\tsome words <now>\tquiet\n";
    fs::write(dir.path().join("manifest.tsv"), list).unwrap();
    let (report, page, all) = eval("speech", dir.path(), &[]);
    assert!(!all, "rows were left out");
    assert_eq!(report["utterances"], 3);
    let lines = ["manifest.tsv:5", "manifest.tsv:6", "manifest.tsv:7", "manifest.tsv:8"];
    assert_eq!(places(&report), lines);
    // Nothing was heard: the only mistake is what was said and not heard.
    let mistakes = report["mistakes"].as_array().unwrap();
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    assert_eq!((&mistakes[0]["heard"], &mistakes[0]["edits"]["deletions"]), (&"".into(), &3.into()));
    let all_english = report["groups"].as_array().unwrap().iter().find(|g| g["lang"] == "en").unwrap();
    assert_eq!((&all_english["utterances"], &all_english["error_rate"]), (&2.into(), &1.0.into()));
    whole(&page);
    assert!(page.contains("语音识别") && page.contains("some words &lt;now&gt;"), "{page}");
    assert!(page.contains("src=\"../silence.wav\""));
}

#[test]
fn lines_of_text_are_judged_by_label_and_an_unknown_label_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let zh = "# label, text\naffirm\t对，是我\nwrong_number\t你打错电话了\nbuy_milk\t买牛奶\naffirm\n";
    fs::write(dir.path().join("zh.tsv"), zh).unwrap();
    fs::write(dir.path().join("manifest.tsv"), "en\trequest_human\tI want to talk to a real person\n")
        .unwrap();
    let (report, page, all) = eval("intents", dir.path(), &[]);
    assert!(!all);
    assert_eq!(places(&report), ["zh.tsv:4", "zh.tsv:5"]);
    let languages = report["languages"].as_array().unwrap();
    let examples: Vec<&Value> = languages.iter().map(|l| &l["examples"]).collect();
    assert_eq!(examples, [2, 1]);
    for language in languages {
        assert_eq!(language["right"], language["examples"], "{language}");
        assert_eq!(language["calibration"]["bins"].as_array().unwrap().len(), 10);
    }
    whole(&page);
    assert!(page.contains("混淆矩阵") && page.contains("<svg"));
}

#[test]
fn a_fax_is_told_from_silence_and_sound_without_speech_is_no_turn() {
    let dir = tempfile::tempdir().unwrap();
    let mut fax = vec![0; 8_000];
    fax.extend(tone::sine(2_100.0, 3_000, -18.0, 8_000));
    wav(&dir.path().join("fax.wav"), 8_000, &fax);
    wav(&dir.path().join("silence.wav"), 8_000, &[0; 96_000]);
    let list =
        "fax.wav\ten\tfax\nsilence.wav\tzh\tsilence\t-\t0\nfax.wav\tzh\tcat\nfax.wav\tzh\tfax\t-\tsoon\n";
    fs::write(dir.path().join("manifest.tsv"), list).unwrap();
    let (report, page, all) = eval("answers", dir.path(), &["--without-words"]);
    assert!(!all);
    assert_eq!(places(&report), ["manifest.tsv:3", "manifest.tsv:4"]);
    assert_eq!((&report["calls"], &report["right"]), (&2.into(), &2.into()), "{report}");
    whole(&page);

    let list = "silence.wav\tzh\t好\tyes_no\tfinished\nsilence.wav\tzh\t好\twhy\tfinished\n";
    fs::write(dir.path().join("manifest.tsv"), list).unwrap();
    let (report, page, all) = eval("turns", dir.path(), &[]);
    assert!(!all && report["ends"].as_array().unwrap().is_empty());
    assert_eq!(places(&report), ["manifest.tsv:1", "manifest.tsv:2"]);
    whole(&page);
}
