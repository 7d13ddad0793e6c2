//! The weights that ship: they hear words from voices that did not train them, and nothing in what is no speech.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use waihu_corpus::{Condition, apply};
use waihu_spotter::Spotter;
use waihu_types::Lang;

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn spotter() -> Spotter {
    Spotter::load(&here().join("../../models/spotter/spotter.bin")).unwrap()
}

/// 200 ms of silence on either side, as an utterance comes from the ears.
fn clip(file: &Path) -> Vec<i16> {
    let spoken = hound::WavReader::open(file).unwrap().into_samples::<i16>().map(Result::unwrap);
    std::iter::repeat_n(0, 1_600).chain(spoken).chain(std::iter::repeat_n(0, 1_600)).collect()
}

#[test]
fn words_of_new_voices_mean_what_they_mean_and_never_something_else() {
    let spotter = spotter();
    let (mut right, mut of) = (0, 0);
    for entry in std::fs::read_dir(here().join("tests/clips")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let (lang, intent) = name.split_once('-').unwrap();
        let sound = clip(&path);
        for (condition, what) in Condition::all() {
            let heard = spotter.spot(lang.parse().unwrap(), &apply(what, &sound, &[], 1));
            of += 1;
            right += usize::from(heard.is_some_and(|h| h.intent.label() == intent));
            assert!(heard.is_none_or(|h| h.intent.label() == intent), "{name} on {condition}: {heard:?}");
        }
    }
    assert!(of >= 80, "{of} hearings");
    assert!(right * 2 > of, "{right} of {of} were heard");
}

#[test]
fn what_is_no_speech_is_no_answer() {
    let spotter = spotter();
    let mut state = 9_u32;
    let mut white = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as f32 / 32_768.0 - 1.0
    };
    let mut low = 0.0;
    for round in 0..60_usize {
        let length = 1_600 + round * 150;
        let sound: Vec<i16> = (0..length)
            .map(|i| {
                let noise = white();
                low += (noise - low) * 0.05;
                let swell = (i as f32 / length as f32 * std::f32::consts::PI).sin();
                let tone = (i as f32 * (0.05 + round as f32 * 0.01)).sin();
                let one = [noise, low * 5.0, tone, noise * swell, low * 5.0 * swell][round % 5];
                (one.clamp(-1.0, 1.0) * 8_000.0) as i16
            })
            .collect();
        for lang in Lang::ALL {
            assert_eq!(spotter.spot(lang, &sound), None, "round {round}, {lang}");
        }
    }
}
