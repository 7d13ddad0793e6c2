//! The speaker with its cache and its recordings, with a voice itself.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use waihu_speech::{Origin, Speaker, SpokenPart, Urgency, VoiceRequest};
use waihu_tts::TtsPaths;
use waihu_types::{Lang, VoiceStyle};

fn speaker(prompts: &Path) -> Speaker {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.waihu/models");
    assert!(models.join("kokoro").exists(), "`waihu models pull` fetches the voices");
    Speaker::open(TtsPaths::under(&models), prompts.to_owned()).unwrap()
}

fn request(text: &str, urgency: Urgency) -> VoiceRequest {
    let (text, style) = (text.to_owned(), VoiceStyle::default());
    VoiceRequest { lang: Lang::En, text, parts: Vec::new(), style, urgency }
}

#[test]
fn a_text_that_was_streamed_comes_from_the_cache_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let text = "All right, that is Friday, November 27. We will call you again in the afternoon. Goodbye.";
    let live = request(text, Urgency::Live);
    let mut first = speaker(folder.path());
    assert!(!first.is_ready(&live).unwrap());
    let (spoken, origin) = first.speak(&live).unwrap();
    assert_eq!(origin, Origin::Voice);
    assert!(spoken.marks.windows(2).all(|w| w[0].at_ms <= w[1].at_ms && w[0].byte < w[1].byte));
    // Another process, a preparation this time.
    let mut second = speaker(folder.path());
    let known = request(text, Urgency::Preparation);
    assert!(second.is_ready(&known).unwrap());
    assert!(second.speak(&known).unwrap() == (spoken, Origin::Cache));
}

#[test]
fn recorded_parts_need_no_voice_and_values_between_them_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut speaker = speaker(folder.path());
    let clip: Vec<i16> = (0..8_000).map(|n| ((n as f32 * 0.3).sin() * 6_000.0) as i16).collect();
    let recorded = |bytes: std::ops::Range<usize>| SpokenPart { bytes, recording: Some(clip.clone().into()) };
    let text = "This is Daniel Reed.";
    let mut only = request(text, Urgency::Live);
    only.parts = vec![recorded(0..text.len())];
    assert!(speaker.is_ready(&only).unwrap());
    let (spoken, origin) = speaker.speak(&only).unwrap();
    assert_eq!((spoken.samples.len(), origin), (8_000, Origin::Recording));
    let mut spliced = request(text, Urgency::Live);
    spliced.parts = vec![recorded(0..7), SpokenPart { bytes: 8..text.len(), recording: None }];
    assert!(!speaker.is_ready(&spliced).unwrap());
    let (spoken, origin) = speaker.speak(&spliced).unwrap();
    assert_eq!(origin, Origin::Spliced);
    assert!(spoken.samples.len() > 8_000 + 4_000);
    assert_eq!(spoken.marks.iter().map(|m| m.byte).collect::<Vec<_>>(), [0, 5, 8, 15]);
    assert!(speaker.is_ready(&spliced).unwrap(), "the value is kept");
}
