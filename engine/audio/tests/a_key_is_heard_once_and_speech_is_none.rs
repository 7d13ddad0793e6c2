//! The in-band detector on presses by ITU-T Q.24's limits, and on minutes of a voice.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Seeded, coded, noisy, voice};
use waihu_audio::{dtmf_detect::InbandDtmf, energy::from_dbov, tone};

const KEYS: &str = "0123456789*#ABCD";

/// A press of `ms`, its tones at those levels [dBov] and so far off [%].
fn press(key: char, ms: u32, low: f32, high: f32, off: f32) -> Vec<i16> {
    let (a, b) = tone::dtmf(key).unwrap();
    let by = 1.0 + off / 100.0;
    let low = tone::sine(a * by, ms, low, 8_000);
    low.iter().zip(tone::sine(b * by, ms, high, 8_000)).map(|(a, b)| a + b).collect()
}

/// All sixteen keys with `pause` [ms] between, begun at every phase of the frames.
fn row(ms: u32, pause: u32, low: f32, high: f32, off: f32) -> Vec<i16> {
    let mut all = tone::silence(50, 8_000);
    for (n, key) in KEYS.chars().enumerate() {
        all.extend(press(key, ms, low, high, off));
        all.extend(tone::silence(pause, 8_000));
        all.extend(vec![0; 13 * n % 102]);
    }
    all.extend(tone::silence(100, 8_000));
    all
}

fn heard(sound: &[i16], rate: u32) -> String {
    let mut detector = InbandDtmf::new(rate);
    sound.chunks(rate as usize / 50).filter_map(|f| detector.push(f)).collect()
}

#[test]
fn presses_within_the_limits_are_heard_once_each() {
    for (ms, pause) in [(40, 40), (50, 50), (100, 60), (500, 40), (3_000, 45)] {
        assert_eq!(heard(&coded(&row(ms, pause, -15.0, -13.0, 0.0)), 8_000), KEYS, "{ms} and {pause} ms");
    }
    for off in [-1.8, -1.0, 1.0, 1.8] {
        assert_eq!(heard(&coded(&row(60, 60, -15.0, -15.0, off)), 8_000), KEYS, "{off} %");
    }
    for (low, high) in [(-10.0, -10.0), (-31.0, -31.0), (-12.0, -20.0), (-17.0, -13.0), (-9.5, -9.5)] {
        assert_eq!(heard(&coded(&row(60, 60, low, high, 0.0)), 8_000), KEYS, "{low} and {high} dBov");
    }
}

#[test]
fn noise_and_wideband_do_not_hide_a_press() {
    for (noise, ms) in [(-27.0, 70), (-32.0, 50)] {
        assert_eq!(heard(&noisy(&row(ms, 60, -12.0, -12.0, 0.0), noise, 3), 8_000), KEYS, "{noise} dBov");
    }
    let wide: Vec<i16> = KEYS
        .chars()
        .flat_map(|k| {
            [tone::dual(tone::dtmf(k).unwrap(), 60, -14.0, 16_000), tone::silence(50, 16_000)].concat()
        })
        .collect();
    assert_eq!(heard(&wide, 16_000), KEYS);
}

#[test]
fn what_is_outside_the_limits_is_no_key() {
    assert_eq!(heard(&coded(&row(22, 60, -13.0, -13.0, 0.0)), 8_000), "", "too short");
    assert_eq!(heard(&coded(&row(60, 60, -13.0, -13.0, 3.8)), 8_000), "", "too high");
    assert_eq!(heard(&coded(&row(60, 60, -13.0, -13.0, -3.8)), 8_000), "", "too low");
    assert_eq!(heard(&coded(&row(60, 60, -10.0, -22.0, 0.0)), 8_000), "", "twisted");
    assert_eq!(heard(&coded(&row(60, 60, -24.0, -12.0, 0.0)), 8_000), "", "twisted the other way");
    assert_eq!(heard(&coded(&row(60, 60, -45.0, -45.0, 0.0)), 8_000), "", "too soft");
    for one in [697.0, 1_209.0, 450.0, 1_000.0] {
        assert_eq!(heard(&tone::sine(one, 1_000, -10.0, 8_000), 8_000), "", "{one} Hz alone");
    }
}

#[test]
fn a_break_of_10_ms_is_none_and_two_keys_on_end_are_two() {
    for at in 0..102 {
        let mut sound = vec![0; 100 + at];
        sound.extend(press('5', 200, -13.0, -13.0, 0.0));
        let gap = 100 + at + 700;
        sound[gap..gap + 80].fill(0);
        sound.extend(press('6', 80, -13.0, -13.0, 0.0));
        assert_eq!(heard(&sound, 8_000), "56", "{at}");
    }
}

#[test]
fn ten_minutes_of_voices_press_no_key() {
    for seed in 0..20 {
        let mut speech = voice(30.0, 8_000, seed);
        // A loud line as well.
        let gain = from_dbov(if seed % 2 == 0 { 0.0 } else { 8.0 });
        speech.iter_mut().for_each(|s| *s = (f32::from(*s) * gain) as i16);
        assert_eq!(heard(&coded(&speech), 8_000), "", "voice {seed}");
    }
    let mut random = Seeded(1);
    let noise: Vec<i16> = (0..8_000 * 60).map(|_| (random.unit() * 8_000.0) as i16).collect();
    assert_eq!(heard(&noise, 8_000), "");
}
