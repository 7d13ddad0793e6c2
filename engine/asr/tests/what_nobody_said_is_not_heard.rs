//! With the real model: sounds without speech give no words, and speech gives its own.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod sounds;

use std::path::{Path, PathBuf};

use waihu_asr::{Asr, AsrConfig, Options, Prompt, Transcription};
use waihu_audio::{frame, g711::Law};
use waihu_tts::{Request, Tts, TtsPaths, VoiceStyle};
use waihu_types::Lang;

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.waihu/models")
}

fn recognizer() -> Asr {
    let model = models().join("whisper-base/ggml-base-q8_0.bin");
    Asr::load(model, AsrConfig::default()).expect("`waihu models pull` has been run")
}

/// The words of a script and of a question, which must not come out of noise.
fn script(lang: Lang) -> String {
    match lang {
        Lang::Zh => Prompt::new(lang).script(["恒通消费金融", "安心花", "赵立峰"]).question(["分期", "可以"]),
        Lang::En => Prompt::new(lang).script(["Harborline", "Naveen Kowalski"]).question(["yes", "no"]),
    }
    .text()
}

#[test]
fn noise_breath_music_hum_and_tones_give_no_words() {
    let mut asr = recognizer();
    let mut heard = Vec::new();
    for (n, lang) in Lang::ALL.into_iter().enumerate() {
        let prompt = script(lang);
        for (name, sound) in sounds::all(1_800, -25.0, n as u64) {
            let options = Options { lang, prompt: Some(&prompt), readings: 1, ..Options::default() };
            let got = asr.transcribe(&sound, &options).unwrap();
            if !got.text.is_empty() {
                heard.push(format!("{lang} {name}: {}", got.text));
            }
            assert!(
                got.text.is_empty() == got.rejected.is_some()
                    && got.text.is_empty() == got.alternatives.is_empty()
            );
        }
    }
    assert!(heard.is_empty(), "{heard:#?}");
}

/// A line on the telephone, with the pauses that an endpointer leaves.
fn said(tts: &mut Tts, text: &str) -> Vec<f32> {
    let speech = tts.synthesize(&Request { lang: Lang::En, text, style: &VoiceStyle::default() }).unwrap();
    let line: Vec<i16> = std::iter::repeat_n(0, 1_600)
        .chain(speech.to_rate(8_000).unwrap())
        .chain(std::iter::repeat_n(0, 2_400))
        .map(|s| Law::A.decode(Law::A.encode(s)))
        .collect();
    waihu_audio::resample(&frame::to_f32(&line), 8_000, 16_000).unwrap()
}

#[test]
fn what_was_said_is_the_text_and_the_first_reading_and_its_cost_is_told() {
    let mut tts = Tts::load(TtsPaths::under(&models())).unwrap();
    let mut asr = recognizer();
    for (text, word) in
        [("I will pay on Friday.", "Friday"), ("No, you have the wrong number.", "wrong number")]
    {
        let sound = said(&mut tts, text);
        let got: Transcription =
            asr.transcribe(&sound, &Options { lang: Lang::En, ..Options::default() }).unwrap();
        assert!(got.text.contains(word), "{}", got.text);
        assert_eq!(got.alternatives[0].text, got.text);
        assert!(
            got.alternatives.len() <= 3
                && got.alternatives.is_sorted_by(|a, b| a.avg_logprob >= b.avg_logprob)
        );
        assert!(!got.took.is_zero());
        // The same sound again: the readings of one utterance leave nothing behind for the next.
        let again = asr.transcribe(&sound, &Options { lang: Lang::En, ..Options::default() }).unwrap();
        assert_eq!((again.text, again.alternatives), (got.text, got.alternatives));
    }
}
