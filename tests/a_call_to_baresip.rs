//! A call to baresip, a SIP phone that we did not write: it answers by itself and plays a spoken WAV.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    fs,
    net::UdpSocket,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use waihu_record::wav;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What the person at baresip says, and how long after the answer [s]. The first falls into the
/// listening after the greeting, which is 5 to 8 s long; the others into the matter, which lasts from 16 to 24.
const SAID: [(f32, &str); 3] = [(8.5, "对，我就是张伟。"), (17.5, "嗯。"), (20.5, "等一下，我已经还过了。")];

/// The length of what is played [s].
const LENGTH_S: f32 = 60.0;

fn waihu(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waihu"));
    command.args(["--project", ROOT]).args(args);
    command
}

/// A WAV with the lines at their times, silence elsewhere.
fn spoken(folder: &Path) -> PathBuf {
    let mut samples = vec![0i16; (LENGTH_S * 8_000.0) as usize];
    for (n, (at, text)) in SAID.iter().enumerate() {
        let line = folder.join(format!("line-{n}.wav"));
        let said =
            waihu(&["say", "--lang", "zh", "--voice", "zf_xiaoyi", "--out", line.to_str().unwrap(), text])
                .status()
                .unwrap();
        assert!(said.success(), "waihu say: are the models there (waihu models pull)?");
        let from = (at * 8_000.0) as usize;
        for (n, s) in wav::read(&line).unwrap().mono().into_iter().enumerate() {
            samples[from + n] = (s * 32_767.0) as i16;
        }
    }
    let path = folder.join("callee.wav");
    wav::write_mono(&path, 8_000, &samples).unwrap();
    path
}

struct Baresip(Child);

impl Drop for Baresip {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts baresip, answering by itself and speaking from `source`; its SIP port.
fn baresip(folder: &Path, source: &Path) -> (Baresip, u16) {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = format!(
        "sip_listen 127.0.0.1:{port}\n\
         audio_source aufile,{}\naudio_player aufile,{}\naudio_alert aufile,/dev/null\n\
         audio_srate 8000-8000\naudio_channels 1-1\nrtp_ports 33000-33100\n\
         module_path /usr/lib/baresip/modules\n\
         module g711.so\nmodule aufile.so\nmodule auloop.so\nmodule_app account.so\nmodule_app menu.so\n",
        source.display(),
        folder.join("heard.wav").display(),
    );
    fs::write(folder.join("config"), config).unwrap();
    fs::write(folder.join("accounts"), format!("<sip:callee@127.0.0.1:{port}>;regint=0;answermode=auto\n"))
        .unwrap();
    fs::write(folder.join("contacts"), "").unwrap();
    let child = Command::new("baresip")
        .args(["-4", "-f", folder.to_str().unwrap()])
        .stdin(Stdio::null())
        .stdout(fs::File::create(folder.join("baresip.log")).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .expect("baresip is missing: run `.ci/setup --with-peers`");
    let own = Baresip(child);
    let until = Instant::now() + Duration::from_secs(20);
    // Its port is taken once it listens.
    while UdpSocket::bind(("127.0.0.1", port)).is_ok() {
        assert!(Instant::now() < until, "baresip did not open its port");
        std::thread::sleep(Duration::from_millis(50));
    }
    (own, port)
}

#[test]
fn a_phone_that_we_did_not_write_is_called_heard_and_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let source = spoken(folder.path());
    let (_phone, port) = baresip(folder.path(), &source);
    let case = folder.path().join("case.json");
    fs::write(
        &case,
        r#"{"id":"baresip-1","phone":"1001","name":"张伟","title":"先生","lang":"zh","creditor":"安信银行",
            "product":"信用卡","amount":"3250.00","currency":"CNY","due_date":"2026-11-15"}"#,
    )
    .unwrap();
    let target = format!("sip:callee@127.0.0.1:{port}");
    let done =
        waihu(&["call", &target, "--script", "reminder", "--case", case.to_str().unwrap()]).output().unwrap();
    let out = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let outcome: Value = serde_json::from_str(&out[out.find("\n{").map_or(0, |at| at + 1)..]).expect(&out);

    assert_eq!(outcome["answered_by"], "human", "{out}");
    assert_eq!(outcome["identity"], "confirmed", "{out}");
    assert_eq!(outcome["debt_disclosed"], true, "{out}");
    assert_eq!(outcome["sip"]["code"], 200);

    // Both sides are in the recording: the callee's first line where it was played, the bot before it.
    let recording = wav::read(Path::new(outcome["recording"]["path"].as_str().unwrap())).unwrap();
    let loud = |channel: usize, from: f32, to: f32| {
        let range = (from * 8_000.0) as usize..(to * 8_000.0) as usize;
        recording.channels[channel][range].iter().any(|s| s.abs() > 0.05)
    };
    assert_eq!((recording.rate, recording.channels.len()), (8_000, 2));
    assert!(loud(1, 0.2, 4.0), "the bot greets");
    assert!(loud(0, SAID[0].0, SAID[0].0 + 2.0), "the callee's line is on the left");
    assert!(!loud(0, 1.0, SAID[0].0 - 0.5), "and nothing before it");

    // What baresip heard is the bot's greeting.
    let transcript = fs::read_to_string(outcome["transcript"]["path"].as_str().unwrap()).unwrap();
    assert!(transcript.lines().any(|l| l.contains("\"callee\"")), "{transcript}");

    // A murmur over the matter leaves it going, what cuts in stops it and is answered.
    let lines: Vec<&str> = transcript.lines().collect();
    let at = |words: &str| lines.iter().position(|l| l.contains(words));
    let cut: Vec<usize> = (0..lines.len()).filter(|n| lines[*n].contains("was cut short")).collect();
    assert_eq!(cut.len(), 1, "{transcript}");
    assert!(at("acknowledge").is_some_and(|murmur| murmur < cut[0]), "{transcript}");
    assert_eq!(outcome["disposition"], "already_paid", "{transcript}");
}
