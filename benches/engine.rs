//! The figures of the README's table, measured on this machine: `cargo bench --bench engine`.
//!
//! Recognition, classification and synthesis run on one core each time; the call is a real one to the
//! practice ground on this machine. Nothing here is asserted: it prints, and ends by itself within some
//! minutes. It needs the models (`waihu models pull`, `waihu train intents`).
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use waihu_asr::{Asr, AsrConfig, Options, Window};
use waihu_audio::{frame::to_f32, g711::Law};
use waihu_intent::Classifier;
use waihu_tts::{Request, Tts, TtsPaths, VoiceStyle};
use waihu_types::Lang;

/// What is recognized: about one, three and six seconds in each language; as it is spoken, and as Whisper
/// writes it.
const LINES: [(Lang, &str, &str); 6] = [
    (Lang::Zh, "对，我就是。", "对我就是"),
    (Lang::Zh, "我这个月手头有点紧，下周五之前还。", "我这个月手头有点紧下周五之前还"),
    (
        Lang::Zh,
        "我上个星期已经在手机银行上还了两千块钱，剩下的等十五号发了工资再还行不行？",
        "我上个星期已经在手机银行上还了2000块钱剩下的等15号发了工资再还行不行",
    ),
    (Lang::En, "Yes, speaking.", "yes speaking"),
    (Lang::En, "I can pay two hundred dollars on Friday.", "i can pay $200 on friday"),
    (
        Lang::En,
        "I already paid half of it through the bank last week, and I will pay the rest when I get my salary.",
        "i already paid half of it through the bank last week and i will pay the rest when i get my salary",
    ),
];

/// Each measurement is the best of so many: others' work on the machine only ever adds.
const TIMES: usize = 5;

fn main() {
    // `cargo test --benches` only asks whether it builds.
    if std::env::args().any(|a| a == "--test") {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let models = root.join(".waihu/models");
    println!("machine: {}\n", machine());
    println!("| what | figure |\n|---|---|");
    let spoken = synthesis(&models);
    recognition(&models, &spoken);
    classification(root, &models);
    call(root);
}

fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|l| l.strip_prefix("model name")).unwrap_or(": unknown");
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{}, {cores} cores", name.trim_start_matches([' ', '\t', ':']))
}

fn best<T>(mut f: impl FnMut() -> T) -> (f64, T) {
    let mut least = f64::INFINITY;
    let mut last = None;
    for _ in 0..TIMES {
        let begun = Instant::now();
        let value = f();
        least = least.min(begun.elapsed().as_secs_f64());
        last = Some(value);
    }
    (least, last.unwrap())
}

/// Speaks the lines; what comes back is their sound as a telephone carries it, at 16 kHz.
fn synthesis(models: &Path) -> Vec<Vec<f32>> {
    let paths = TtsPaths { threads: 1, ..TtsPaths::under(models) };
    let mut tts = Tts::load(paths).expect("voices: run `waihu models pull`");
    let mut sounds = Vec::new();
    for (lang, voice, engine) in
        [(Lang::Zh, "zf_xiaoxiao", "Kokoro"), (Lang::En, "af_heart", "Kokoro"), (Lang::En, "joe", "Piper")]
    {
        tts.warm_up(lang, Some(voice)).unwrap();
        let text = LINES.iter().filter(|l| l.0 == lang).nth(1).unwrap().1;
        let request = Request { lang, text, style: &VoiceStyle::new(Some(voice), 1.0) };
        let (took, speech) = best(|| tts.synthesize(&request).unwrap());
        println!(
            "| synthesis {lang}, {engine}, one core | real-time factor {:.2} |",
            took / speech.seconds()
        );
    }
    for (lang, text, _) in LINES {
        let voice = if lang == Lang::Zh { "zf_xiaoyi" } else { "bf_emma" };
        let request = Request { lang, text, style: &VoiceStyle::new(Some(voice), 1.0) };
        let pcm = tts.synthesize(&request).unwrap().to_rate(8_000).unwrap();
        let carried: Vec<i16> = pcm.into_iter().map(|s| Law::A.decode(Law::A.encode(s))).collect();
        sounds.push(waihu_audio::resample(&to_f32(&carried), 8_000, 16_000).unwrap());
    }
    sounds
}

fn recognition(models: &Path, sounds: &[Vec<f32>]) {
    let model = models.join("whisper-base/ggml-base-q8_0.bin");
    let mut asr = Asr::load(&model, AsrConfig::default()).expect("whisper: run `waihu models pull`");
    for ((lang, _, text), sound) in LINES.iter().zip(sounds) {
        let mut row =
            format!("| end of speech to text, {lang}, {:.1} s, one core |", sound.len() as f64 / 16_000.0);
        for (window, name) in [(Window::Cut, "cut window"), (Window::Full, "full window")] {
            let options = Options { lang: *lang, window, ..Options::default() };
            let (took, heard) = best(|| asr.transcribe(sound, &options).unwrap());
            let wrong = distance(&plain(text), &plain(&heard.text));
            row += &format!(" {name} {took:.2} s, {wrong} of {} characters wrong;", plain(text).len());
        }
        println!("{} |", row.trim_end_matches(';'));
    }
}

fn classification(root: &Path, models: &Path) {
    let head = root.join(".waihu/models/intents/head.json");
    let classifier = Classifier::load(&models.join("use-multilingual"), &head)
        .expect("intents: run `waihu train intents`");
    for lang in Lang::ALL {
        let text = LINES.iter().filter(|l| l.0 == lang).nth(1).unwrap().1;
        let (took, ()) = best(|| {
            for _ in 0..200 {
                std::hint::black_box(classifier.classify(lang, text, &[]).unwrap());
            }
        });
        println!("| classify, {lang}, one core | {:.0} lines a second |", 200.0 / took);
    }
}

/// A call to the practice ground: the first packet, and memory before and in the call.
fn call(root: &Path) {
    let waihu = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_waihu"));
        command
            .arg("--project")
            .arg(root)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .stdin(Stdio::piped());
        command
    };
    let mut ground = waihu()
        .args(["simulate", "--while-stdin", "--bind", "127.0.0.1:5078", "--rtp-ports", "31000", "31998"])
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(ground.stdout.take().unwrap()).lines();
    let open = lines.by_ref().map_while(Result::ok).any(|l| l.starts_with("practice ground open"));
    assert!(open, "the practice ground did not open");
    thread::spawn(move || lines.for_each(drop));

    let case = case_file();
    let mut call = waihu()
        .env("WAIHU_LOG", "waihu_dialler=info")
        .args(["call", "sip:1001@127.0.0.1:5078", "--script", "reminder", "--case"])
        .arg(&case)
        .spawn()
        .unwrap();
    let log = call.stderr.take().unwrap();
    let mut out = call.stdout.take().unwrap();
    let printed = thread::spawn(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).map(|_| text).unwrap_or_default()
    });
    let memory = watch_memory(&mut call, log);
    let _ = printed.join();
    drop(ground.stdin.take());
    let _ = ground.wait();
    let _ = fs::remove_file(case);
    let Some(first_packet_ms) = memory.first_packet_ms else {
        return println!("the call did not come about: {}", memory.last);
    };
    println!("| first prompt's first packet after the answer, from the cache | {first_packet_ms} ms |");
    println!("| engine with every model loaded, before its first call | {} MB |", memory.idle_mb);
    println!("| one call more than that, at most | {} MB |", memory.peak_mb.saturating_sub(memory.idle_mb));
}

#[derive(Default)]
struct Memory {
    first_packet_ms: Option<String>,
    /// The last line of the log.
    last: String,
    idle_mb: u64,
    peak_mb: u64,
}

/// Watches the process until it ends; the first packet is found in its log.
fn watch_memory(call: &mut Child, log: impl Read + Send + 'static) -> Memory {
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            let after = line.split_once("after_answer_ms=").map(|(_, after)| after);
            let ms = after.map(|a| a.chars().take_while(char::is_ascii_digit).collect::<String>());
            let _ = tell.send((ms, line));
        }
    });
    let mut memory = Memory::default();
    // The flow ends a call after five minutes at most.
    let until = Instant::now() + Duration::from_secs(480);
    while call.try_wait().unwrap().is_none() && Instant::now() < until {
        let now = resident_mb(call.id());
        match memory.first_packet_ms {
            None => memory.idle_mb = now,
            Some(_) => memory.peak_mb = memory.peak_mb.max(now),
        }
        for (ms, line) in told.try_iter() {
            memory.last = line;
            memory.first_packet_ms = memory.first_packet_ms.take().or(ms);
        }
        thread::sleep(Duration::from_millis(50));
    }
    let _ = call.kill();
    let _ = call.wait();
    if let Some((_, line)) = told.iter().last() {
        memory.last = line;
    }
    memory
}

fn resident_mb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kb = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).and_then(|v| v.split_whitespace().next());
    kb.and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1_024
}

fn case_file() -> PathBuf {
    let path = std::env::temp_dir().join(format!("waihu-bench-{}.json", std::process::id()));
    let case = r#"{"id":"bench-1","phone":"1001","name":"张伟","title":"先生","lang":"zh","creditor":"安信银行",
        "product":"信用卡","amount":"3250.00","currency":"CNY","due_date":"2026-11-15"}"#;
    fs::write(&path, case).unwrap();
    path
}

fn plain(text: &str) -> Vec<char> {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The Levenshtein distance [characters].
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
