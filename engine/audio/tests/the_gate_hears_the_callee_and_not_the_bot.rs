//! The speech gate on a voice, on what is none, and on the bot's own voice coming back. (Measured on
//! real speech: `examples/gate_report.rs`.)

#![allow(clippy::unwrap_used)]

mod common;

use common::{coded, echo, noisy, percent, voice};
use waihu_audio::{
    gate::{Gate, SpeechGate},
    tone,
};

fn judged(heard: &[i16], said: &[i16]) -> Vec<Gate> {
    let mut gate = SpeechGate::new(8_000);
    let frames = heard.chunks_exact(160).enumerate();
    frames.map(|(n, f)| gate.push(f, said.get(n * 160..n * 160 + 160))).collect()
}

/// Frames within 30 dB of the loudest.
fn loud(clean: &[i16]) -> Vec<bool> {
    let energy = |f: &[i16]| f.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
    let most = clean.chunks(160).map(energy).fold(0.0, f64::max);
    clean.chunks_exact(160).map(|f| energy(f) > most / 1_000.0).collect()
}

#[test]
fn a_voice_is_heard_in_noise_and_the_noise_is_not() {
    for (noise, missed) in [(-70.0, 1.0), (-45.0, 3.0), (-35.0, 8.0)] {
        let mut clean = vec![0; 16_000];
        clean.extend(voice(10.0, 8_000, 1));
        clean.extend([0; 24_000]);
        let gates = judged(&noisy(&clean, noise, 3), &[]);
        let voiced = loud(&clean);
        let miss = percent(gates.iter().zip(&voiced).filter(|(_, v)| **v).map(|(g, _)| !g.speech));
        assert!(miss <= missed, "noise of {noise} dBov: {miss} % missed");
        // From 0.6 s on the line's noise is known; 200 ms after the voice the gate is closed.
        let before = percent(gates[30..100].iter().map(|g| g.speech));
        let after = percent(gates[615..].iter().map(|g| g.speech));
        assert!(before <= 2.0 && after <= 2.0, "noise of {noise} dBov: {before} % and {after} %");
        assert!(gates.iter().all(|g| !g.echo));
    }
}

#[test]
fn a_call_that_begins_with_a_voice_loses_none_of_it() {
    let start: Vec<i16> = voice(3.0, 8_000, 2).into_iter().skip_while(|s| s.abs() < 500).collect();
    let gates = judged(&noisy(&start, -60.0, 1), &[]);
    assert!(gates[..10].iter().filter(|g| g.speech).count() >= 9);
}

#[test]
fn tones_hum_and_silence_are_no_speech_for_longer_than_a_moment() {
    let busy = [tone::sine(450.0, 350, -15.0, 8_000), tone::silence(350, 8_000)].concat().repeat(10);
    let hum = [tone::sine(50.0, 4_000, -35.0, 8_000), tone::sine(50.0, 4_000, -35.0, 8_000)].concat();
    for (name, sound, most) in [
        ("silence", vec![0; 80_000], 0.0),
        ("ringback, China", tone::RINGBACK_CN.period(-15.0), 4.0),
        ("ringback, America", tone::RINGBACK_US.period(-18.0), 5.0),
        ("busy", busy, 20.0),
        ("1000 Hz", tone::sine(1_000.0, 5_000, -15.0, 8_000), 4.0),
        ("hum", hum, 3.0),
    ] {
        let speech = percent(judged(&coded(&sound), &[]).iter().map(|g| g.speech));
        assert!(speech <= most, "{name}: {speech} %");
    }
}

#[test]
fn the_bots_own_voice_is_no_speech_once_its_echo_is_known() {
    let said = voice(20.0, 8_000, 4);
    for delay in [0.0, 35.0, 150.0, 400.0] {
        for loss in [6.0, 12.0, 20.0, 30.0, 40.0] {
            let heard = noisy(&echo(&said, delay, loss), -62.0, 5);
            let gates = judged(&heard, &said);
            let speech = percent(gates[150..].iter().map(|g| g.speech));
            assert!(speech <= 6.0, "{delay} ms, {loss} dB: {speech} % of the frames");
            let echoes = percent(gates[150..].iter().map(|g| g.echo));
            assert!(loss > 25.0 || echoes > 30.0, "{delay} ms, {loss} dB: {echoes} % are called echo");
        }
    }
}

#[test]
fn who_speaks_over_the_bot_is_heard_at_once() {
    let said = voice(12.0, 8_000, 4);
    for (delay, loss) in [(35.0, 6.0), (35.0, 12.0), (150.0, 20.0), (400.0, 30.0), (0.0, 120.0)] {
        for seed in 10..16 {
            let mut heard = echo(&said, delay, loss);
            let from = 6 * 8_000;
            let callee: Vec<i16> =
                voice(2.0, 8_000, seed).into_iter().skip_while(|s| s.abs() < 500).take(12_000).collect();
            for (h, c) in heard[from..].iter_mut().zip(&callee) {
                *h = h.saturating_add(*c);
            }
            let gates = judged(&noisy(&heard, -62.0, 6), &said);
            let first = gates[300..].iter().position(|g| g.speech);
            assert!(first <= Some(10) && first.is_some(), "{delay} ms, {loss} dB, {seed}: {first:?}");
            let voiced = loud(&callee);
            let hit = percent(gates[300..].iter().zip(&voiced).filter(|(_, v)| **v).map(|(g, _)| g.speech));
            assert!(hit >= 75.0, "{delay} ms, {loss} dB, {seed}: {hit} %");
        }
    }
}

#[test]
fn wideband_odd_pieces_and_full_scale_are_taken() {
    let mut gate = SpeechGate::new(16_000);
    let wide = voice(3.0, 16_000, 7);
    let speech = wide.chunks_exact(320).map(|f| gate.push(f, None).speech).filter(|s| *s).count();
    assert!(speech > 100, "{speech} of 150");
    for piece in [0, 1, 7, 159, 160, 161, 960] {
        let square: Vec<i16> = (0..piece).map(|i| if i % 2 == 0 { i16::MIN } else { i16::MAX }).collect();
        let same = vec![i16::MIN; piece];
        for _ in 0..200 {
            gate.push(&square, Some(&same));
            gate.push(&same, Some(&square[..piece / 2]));
        }
    }
}
