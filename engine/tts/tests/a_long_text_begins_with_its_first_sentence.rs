//! Texts that are spoken piece by piece, and recordings beside them, with the voices themselves.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use waihu_audio::{frame::to_f32, loudness};
use waihu_tts::{
    Cut, MOST_STREAMED, Mark, Request, Take, Tts, TtsError, TtsPaths, VoiceStyle, fit,
    splice::{Whole, part},
};
use waihu_types::Lang;

fn tts() -> Tts {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.waihu/models");
    assert!(models.join("kokoro").exists(), "`waihu models pull` fetches the voices");
    Tts::load(TtsPaths::under(&models)).unwrap()
}

#[test]
fn ten_thousand_characters_begin_with_a_short_part_and_can_be_left_any_time() {
    let mut tts = tts();
    let style = VoiceStyle::default();
    for (lang, sentence) in [
        (
            Lang::En,
            "On Friday, November 27, you said that you would pay one part, and the other a week later. ",
        ),
        (Lang::Zh, "您说这个星期五先还一部分，余下的下个星期还清，我帮您记下来了。"),
    ] {
        let text = sentence.repeat(10_000 / sentence.chars().count());
        let mut saying = tts.begin(&Request { lang, text: &text, style: &style }, Cut::FirstShort).unwrap();
        let first = tts.go_on(&mut saying).unwrap().unwrap();
        assert!(first.seconds() < 8.0 && first.seconds() > 0.5, "{lang}: {}", first.seconds());
        assert!(!saying.is_over());
        assert!(first.marks.len() > 2 && first.marks[0].byte == 0, "{lang}");
    }
    let book = "好。".repeat(MOST_STREAMED);
    let request = Request { lang: Lang::Zh, text: &book, style: &style };
    assert!(matches!(tts.begin(&request, Cut::FirstShort), Err(TtsError::TooLong { .. })));
}

#[test]
fn a_recording_in_another_voice_sits_beside_spoken_words_without_a_seam() {
    const TEXT: &str = "Good morning, am I speaking with Daniel Reed, please?";
    let mut tts = tts();
    let mut say = |voice: &str, text: &str| {
        let style = VoiceStyle::new(Some(voice), 1.0);
        tts.synthesize(&Request { lang: Lang::En, text, style: &style }).unwrap()
    };
    // As two people would hand them in: one far too loud, one far too quiet, both with silence around.
    let recorded: Vec<Vec<f32>> = [("Good morning, am I speaking with", 1.1), (", please?", 0.05)]
        .map(|(words, gain)| {
            let spoken = say("bm_george", words);
            let silence = vec![0.0; spoken.rate as usize / 2];
            let loud: Vec<f32> = spoken.samples.iter().map(|s| s * gain).collect();
            [silence.clone(), loud, silence].concat()
        })
        .into();
    let takes: Vec<Take<'_>> = recorded.iter().map(|samples| Take { samples, rate: 24_000 }).collect();
    let clips = fit(&takes).unwrap();
    let slot = say("joe", "Daniel Reed").spoken(8_000).unwrap();
    let (name, end) = (TEXT.find("Daniel").unwrap(), TEXT.find(", please").unwrap());
    let parts = [
        part(TEXT, 0..name - 1, &clips[0], &[]),
        part(TEXT, name..end, &slot.samples, &slot.marks),
        part(TEXT, end..TEXT.len(), &clips[1], &[]),
    ];
    let mut whole = Whole::default();
    for spoken in &parts {
        // The rest after it is no part of how loud it is.
        let said = spoken.samples.iter().rposition(|s| *s != 0).unwrap();
        let lufs = loudness::integrated(&to_f32(&spoken.samples[..=said]), 8_000).unwrap();
        assert!((lufs - loudness::PROMPT_LUFS).abs() < 1.5, "{lufs}");
        let (first, last) = (spoken.samples[0], spoken.samples[spoken.samples.len() - 1]);
        assert_eq!((first, last), (0, 0), "an edge that clicks");
        whole.push(spoken);
    }
    let spoken = whole.spoken();
    assert!(spoken.marks.windows(2).all(|w| w[0].at_ms <= w[1].at_ms && w[0].byte < w[1].byte));
    let of_name: Vec<&Mark> = spoken.marks.iter().filter(|m| (name..end).contains(&m.byte)).collect();
    assert_eq!(of_name.len(), 2, "{of_name:?}");
}
