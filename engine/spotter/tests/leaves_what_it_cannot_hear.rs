//! With networks whose weights are made up, however sure they are of themselves: what can be no short answer
//! is left to the recognizer, any samples are borne, and a file that is not whole says what is wrong.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use proptest::prelude::*;
use waihu_spotter::{
    Spotter, SpotterError,
    net::{Matrix, Net, shapes},
    phrases,
};
use waihu_types::Lang;

/// A file of `count` networks that take whatever they look at for one phrase of each language alike.
fn credulous(count: usize) -> Vec<u8> {
    let classes = phrases::all().len() + 1;
    let mut matrices: Vec<Matrix> = shapes(classes)
        .into_iter()
        .enumerate()
        .map(|(layer, (depth, width))| Matrix {
            weights: (0..depth * width).map(|n| ((n * 31 + layer) % 17) as f32 / 1000.0 - 0.008).collect(),
            bias: vec![0.0; width],
        })
        .collect();
    let head = matrices.last_mut().unwrap();
    head.bias.fill(-20.0);
    for lang in Lang::ALL {
        head.bias[phrases::all().iter().position(|p| p.lang == lang).unwrap()] = 20.0;
    }
    let nets: Vec<Net> = (0..count).map(|_| Net::new(matrices.clone(), classes)).collect();
    Spotter::to_bytes(&nets, [0.4, 0.4])
}

fn spotter() -> Spotter {
    Spotter::from_bytes(&credulous(1)).unwrap()
}

/// White noise in 16 bits from a small generator.
fn noise(length: usize, amplitude: i32) -> Vec<i16> {
    let mut state = 1u32;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (((state >> 16) as i32 - 32_768) * amplitude / 32_768) as i16
        })
        .collect()
}

#[test]
fn something_of_the_length_of_a_word_is_looked_at() {
    let sound = [vec![0; 1600], noise(4000, 12_000), vec![0; 1600]].concat();
    let first = |lang| phrases::all().into_iter().find(|p| p.lang == lang).unwrap();
    for lang in Lang::ALL {
        let heard = spotter().spot(lang, &sound).unwrap();
        assert_eq!((heard.intent, heard.text), (first(lang).intent, first(lang).text));
    }
}

#[test]
fn silence_clicks_and_long_sounds_are_left() {
    let spotter = spotter();
    let around = |sound: Vec<i16>| [vec![0; 1600], sound, vec![0; 1600]].concat();
    let mut rhythm = noise(80_000, 10_000);
    for (n, sample) in rhythm.iter_mut().enumerate() {
        // Ten seconds of syllables, four in a second, with a pause in each second.
        let share = if n % 8000 > 6500 { 0 } else { 1000 - (n as i32 % 2000 - 1000).abs() };
        *sample = (i32::from(*sample) * share / 1000) as i16;
    }
    let sounds = [
        Vec::new(),
        vec![0; 8000],
        vec![8; 8000],
        around(noise(13_600, 12_000)),
        noise(28_801, 12_000),
        rhythm,
    ];
    for (n, sound) in sounds.iter().enumerate() {
        for lang in Lang::ALL {
            assert_eq!(spotter.spot(lang, sound), None, "sound {n}");
        }
    }
}

#[test]
fn an_answer_below_the_threshold_is_left() {
    let mut bytes = credulous(1);
    let sum_at = bytes.len() - 8;
    // The thresholds lie after the first bytes and the digest: here none can be reached.
    bytes[16..20].copy_from_slice(&1.5f32.to_le_bytes());
    let sum = bytes[..sum_at].iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    bytes[sum_at..].copy_from_slice(&sum.to_le_bytes());
    let strict = Spotter::from_bytes(&bytes).unwrap();
    let sound = [vec![0; 1600], noise(4000, 12_000), vec![0; 1600]].concat();
    assert!(strict.guess(Lang::Zh, &sound).is_some());
    assert_eq!(strict.spot(Lang::Zh, &sound), None);
    assert!(strict.spot(Lang::En, &sound).is_some());
}

#[test]
fn a_damaged_file_and_a_missing_one_say_so() {
    let whole = credulous(2);
    assert_eq!(Spotter::from_bytes(&whole).unwrap().nets().len(), 2);
    let mut one_bit = whole.clone();
    one_bit[whole.len() / 2] ^= 1;
    for bytes in [&whole[..whole.len() - 9], &one_bit, &whole[..3], &[], b"no weights at all, but text"] {
        assert!(matches!(Spotter::from_bytes(bytes), Err(SpotterError::Damaged { .. })));
    }
    let missing = Spotter::load(Path::new("nowhere/spotter.bin")).err().unwrap().to_string();
    assert!(missing.contains("nowhere/spotter.bin"), "{missing}");
}

#[test]
fn threads_share_one_spotter() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&spotter());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn no_samples_make_it_fail(samples in prop::collection::vec(any::<i16>(), 0..6000), quiet in 0usize..3000) {
        let spotter = spotter();
        let sound = [vec![0; quiet], samples, vec![0; quiet]].concat();
        for lang in Lang::ALL {
            if let Some(heard) = spotter.spot(lang, &sound) {
                prop_assert!((0.0..=1.001).contains(&heard.confidence));
            }
        }
    }
}
