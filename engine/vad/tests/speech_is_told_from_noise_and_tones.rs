//! The real model on telephone sound: voices that the engine itself speaks, and what else is heard on a
//! line.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{LazyLock, Mutex},
};

use waihu_audio::{
    energy,
    g711::Law,
    gate::SpeechGate,
    tone::{self, RINGBACK_CN, RINGBACK_US, dtmf},
};
use waihu_tts::{Request, Tts, TtsPaths, VoiceStyle};
use waihu_types::Lang;
use waihu_vad::{
    Detector, Endpointer, Gate, Silero, SpeechBoundary,
    SpeechBoundary::{Ended, Started},
    VadError, onnx,
};

static SILERO: LazyLock<Mutex<Silero>> = LazyLock::new(|| {
    onnx::init(&model("onnxruntime/libonnxruntime.so")).unwrap();
    Mutex::new(Silero::load(&model("silero-vad/silero_vad.onnx")).unwrap())
});

static TTS: LazyLock<Mutex<Tts>> = LazyLock::new(|| {
    Mutex::new(Tts::load(TtsPaths::under(&models())).expect("`make test` fetches the voices"))
});

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.waihu/models")
}

fn model(file: &str) -> PathBuf {
    let path = models().join(file);
    assert!(path.exists(), "{} is not there: `waihu models pull` fetches it", path.display());
    path
}

/// A text at 8 kHz, without silence at its ends; spoken once for all tests.
fn said(lang: Lang, text: &'static str) -> Vec<i16> {
    static SAID: Mutex<BTreeMap<&str, Vec<i16>>> = Mutex::new(BTreeMap::new());
    let speak = || {
        let mut tts = TTS.lock().unwrap();
        tts.synthesize(&Request { lang, text, style: &VoiceStyle::default() })
            .unwrap()
            .to_rate(8_000)
            .unwrap()
    };
    SAID.lock().unwrap().entry(text).or_insert_with(speak).clone()
}

/// A-law there and back.
fn line(samples: &[i16]) -> Vec<i16> {
    samples.iter().map(|s| Law::A.decode(Law::A.encode(*s))).collect()
}

/// White noise at a level [dBov].
fn noise(ms: u32, level: f32) -> Vec<i16> {
    let mut seed = 7u32;
    // The RMS of a uniform distribution is its half width / √3.
    let peak = energy::from_dbov(level) * 3f32.sqrt();
    (0..ms * 8)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let uniform = (seed >> 8) as f32 / (1 << 23) as f32 - 1.0;
            (uniform * peak * 32_767.0) as i16
        })
        .collect()
}

fn mixed(a: &[i16], b: &[i16]) -> Vec<i16> {
    a.iter().zip(b).map(|(a, b)| a.saturating_add(*b)).collect()
}

/// A second of an idle line on both sides.
fn framed(sound: &[i16]) -> Vec<i16> {
    [&tone::silence(1_000, 8_000)[..], sound, &tone::silence(1_400, 8_000)].concat()
}

#[derive(PartialEq)]
enum Before {
    /// The gate of the media threads.
    Gate,
    /// The model sees all.
    Nothing,
}

fn boundaries(samples: &[i16], before: Before) -> Vec<SpeechBoundary> {
    let mut silero = SILERO.lock().unwrap();
    let (mut detector, mut endpointer) = (Detector::default(), Endpointer::default());
    let mut speech_gate = SpeechGate::new(8_000);
    let mut out = Vec::new();
    for (n, frame) in line(samples).as_chunks().0.iter().enumerate() {
        let open = speech_gate.push(frame, None).speech || before == Before::Nothing;
        let gate = if open { Gate::Open } else { Gate::Closed };
        if let Some(p) = detector.push(&mut silero, frame, gate).unwrap() {
            out.extend(endpointer.push((n as u64 + 1) * 20, p));
        }
    }
    out
}

const SENTENCES: [(Lang, &str); 6] = [
    (Lang::Zh, "我下周五还三千块"),
    (Lang::Zh, "请不要再给我打电话了"),
    (Lang::Zh, "没有"),
    (Lang::En, "I can pay two hundred dollars on Friday"),
    (Lang::En, "Please stop calling me"),
    (Lang::En, "No"),
];

#[test]
fn a_sentence_is_one_utterance_with_its_edges() {
    for (lang, text) in SENTENCES {
        let speech = said(lang, text);
        let end = 1_000 + speech.len() as u64 / 8;
        let found = boundaries(&framed(&speech), Before::Gate);
        let [Started { at_ms: from }, Ended { at_ms: to }] = found[..] else { panic!("{text}: {found:?}") };
        assert!((900..=1_200).contains(&from), "{text} begins at 1000, found at {from}");
        assert!((end - 300..=end + 300).contains(&to), "{text} ends at {end}, found at {to}");
    }
}

/// The most voice that was told of one utterance [ms].
fn voiced_ms(samples: &[i16]) -> u64 {
    let mut silero = SILERO.lock().unwrap();
    let (mut detector, mut endpointer) = (Detector::default(), Endpointer::default());
    let mut most = 0;
    for (n, frame) in line(samples).as_chunks().0.iter().enumerate() {
        if let Some(p) = detector.push(&mut silero, frame, Gate::Open).unwrap() {
            endpointer.push((n as u64 + 1) * 20, p);
        }
        most = most.max(endpointer.voiced_ms());
    }
    most
}

/// The call stops a prompt at half a second of voice (`BARGE_IN_AFTER` in call/turn.rs).
#[test]
fn a_murmur_has_less_voice_than_stops_a_prompt_and_a_sentence_more() {
    for (lang, text) in [
        (Lang::Zh, "嗯"),
        (Lang::Zh, "哦"),
        (Lang::Zh, "对"),
        (Lang::Zh, "嗯嗯"),
        (Lang::En, "Mm"),
        (Lang::En, "Uh-huh"),
        (Lang::En, "Yeah"),
    ] {
        let voiced = voiced_ms(&framed(&said(lang, text)));
        assert!((140..500).contains(&voiced), "{text}: {voiced} ms");
    }
    for (lang, text) in SENTENCES.into_iter().filter(|s| s.1.len() > 6) {
        let speech = said(lang, text);
        let (voiced, length) = (voiced_ms(&framed(&speech)), speech.len() as u64 / 8);
        assert!(voiced > 500 && voiced.abs_diff(length) < 200, "{text}: {voiced} of {length} ms");
    }
}

#[test]
fn two_sentences_with_a_second_between_are_two_utterances() {
    let (first, second) = (said(Lang::Zh, "对，我是王丽"), said(Lang::Zh, "我明天还"));
    let sound = [&first[..], &tone::silence(1_000, 8_000), &second].concat();
    let found = boundaries(&framed(&sound), Before::Gate);
    assert!(matches!(found[..], [Started { .. }, Ended { .. }, Started { .. }, Ended { .. }]), "{found:?}");
}

#[test]
fn speech_is_found_in_a_noisy_street_and_on_a_faint_line() {
    for (lang, text) in SENTENCES {
        let speech = framed(&said(lang, text));
        let level = energy::level_dbov(&said(lang, text));
        for (what, sound) in [
            ("15 dB above noise", mixed(&speech, &noise(speech.len() as u32 / 8, level - 15.0))),
            ("20 dB fainter", speech.iter().map(|s| s / 10).collect()),
        ] {
            let found = boundaries(&sound, Before::Gate);
            assert!(matches!(found[..], [Started { .. }, Ended { .. }]), "{text}, {what}: {found:?}");
        }
    }
}

#[test]
fn nothing_that_nobody_said_is_speech() {
    let keys: Vec<i16> = "159#0*"
        .chars()
        .flat_map(|key| {
            [tone::dual(dtmf(key).unwrap(), 120, -12.0, 8_000), tone::silence(120, 8_000)].concat()
        })
        .collect();
    for (what, sound) in [
        ("an idle line", tone::silence(5_000, 8_000)),
        ("hiss", noise(5_000, -50.0)),
        ("noise", noise(5_000, -30.0)),
        ("loud noise", noise(5_000, -15.0)),
        ("Chinese ringback", [RINGBACK_CN.period(-15.0), RINGBACK_CN.period(-15.0)].concat()),
        ("American ringback", [RINGBACK_US.period(-18.0), RINGBACK_US.period(-18.0)].concat()),
        ("busy tone", [tone::sine(450.0, 350, -15.0, 8_000), tone::silence(350, 8_000)].concat().repeat(8)),
        ("keys", keys),
        ("a beep", tone::sine(1_000.0, 600, -12.0, 8_000)),
        ("mains hum", tone::sine(50.0, 3_000, -30.0, 8_000)),
    ] {
        let found = boundaries(&framed(&sound), Before::Gate);
        assert!(found.is_empty(), "{what}: {found:?}");
    }
}

#[test]
fn the_gate_loses_no_speech() {
    for (lang, text) in SENTENCES {
        let sound =
            framed(&[&said(lang, text)[..], &tone::silence(3_000, 8_000), &said(lang, text)].concat());
        let (with, without) = (boundaries(&sound, Before::Gate), boundaries(&sound, Before::Nothing));
        assert_eq!(with.len(), without.len(), "{text}: {with:?}, {without:?}");
        for pair in with.iter().zip(&without) {
            match pair {
                // The model left alone in silence may wake up earlier for it, never later.
                (Started { at_ms: with }, Started { at_ms: without }) => {
                    assert!(*with <= without + 64, "{text}")
                }
                (Ended { at_ms: with }, Ended { at_ms: without }) => {
                    assert!(with.abs_diff(*without) <= 64, "{text}");
                }
                _ => panic!("{text}: {with:?}, {without:?}"),
            }
        }
    }
}

#[test]
fn the_runtime_may_be_loaded_twice_and_a_wrong_model_is_named() {
    let library = model("onnxruntime/libonnxruntime.so");
    onnx::init(&library).unwrap();
    onnx::init(&library).unwrap();
    let missing = Silero::load(Path::new("/nonexistent/silero_vad.onnx"));
    assert!(matches!(&missing, Err(VadError::File { .. })));
    assert!(missing.err().unwrap().to_string().contains("waihu models pull"));
    // Another network than Silero's, and no network at all.
    for wrong in ["piper-joe/model.onnx", "kokoro/vocab.json"] {
        let damaged = Silero::load(&model(wrong));
        assert!(matches!(&damaged, Err(VadError::Damaged { .. })), "{wrong}");
    }
}
