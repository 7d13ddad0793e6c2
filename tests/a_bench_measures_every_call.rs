//! `waihu bench media` carries the calls that it says it carries, and leaves nothing behind.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use serde_json::Value;

#[test]
fn calls_begin_end_and_are_recorded_under_srtp_on_a_shared_port() {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        println!("not run: the far ends need a core of their own");
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let mut bench = Command::new(env!("CARGO_BIN_EXE_waihu"));
    bench.args(["bench", "media", "--calls", "12", "--seconds", "6", "--ports", "shared", "--json"]);
    bench.args(["--srtp", "AEAD_AES_128_GCM", "--record", "--turnover", "3"]);
    let ran = bench.arg("--scratch").arg(scratch.path()).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let m: Value = serde_json::from_slice(&ran.stdout).unwrap();
    // Each call was ended and begun anew twice in six seconds.
    assert_eq!((m["carried"].as_u64(), m["left_at_end"].as_u64()), (Some(36), Some(0)), "{m}");
    assert!(m["mos"].as_f64().is_some_and(|mos| mos > 3.0), "the far ends were heard: {m}");
    assert!(m["core_percent"].as_f64().is_some_and(|share| share > 0.0), "{m}");
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "recordings are gone");
}

#[test]
fn what_cannot_be_measured_is_refused_with_a_word_of_help() {
    for (args, word) in [
        (&["--calls", "0"][..], "--calls 0"),
        (&["--codec", "G729"], "PCMA, PCMU, G722 or opus"),
        (&["--srtp", "AES"], "AEAD_AES_128_GCM"),
        (&["--seconds", "1"], "at least 5"),
        (&["--turnover", "3"], "--ports shared"),
    ] {
        let ran =
            Command::new(env!("CARGO_BIN_EXE_waihu")).args(["bench", "media"]).args(args).output().unwrap();
        let told = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(!ran.status.success() && told.contains(word), "{args:?}: {told}");
    }
}
