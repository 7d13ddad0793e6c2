//! A sentence on its way through bad networks.

use std::f32::consts::TAU;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use waihu_load::{Burst, Line, Network};

use super::*;

/// Something like a sentence: syllables of a voice whose pitch falls, with hissing beginnings.
fn sentence(ms: u32, rate: u32) -> Vec<i16> {
    let mut chance = StdRng::seed_from_u64(5);
    let mut phase = 0.0;
    let sample = |n: u32| {
        let t = n as f32 / rate as f32;
        // 4.5 syllables a second, each fifth left out, none like the other.
        let (syllable, part) = ((t * 4.5) as u32, (t * 4.5).fract());
        let strength = if syllable % 5 == 4 { 0.0 } else { 0.4 + 0.15 * (syllable * 7 % 5) as f32 };
        let envelope = strength * (part * TAU / 2.0).sin().max(0.0).sqrt();
        phase += TAU * (150.0 - 15.0 * (t % 2.0)) / rate as f32;
        let voice: f32 = (1..=16).map(|k| (phase * k as f32).sin() / k as f32).sum();
        let hiss = if part < 0.15 { chance.random::<f32>() - 0.5 } else { 0.0 };
        (envelope * (voice * 0.35 + hiss * 0.3) * 14_000.0) as i16
    };
    (0..ms * rate / 1_000).map(sample).collect()
}

/// How loud each 20 ms are, from the first that are loud on.
fn envelope(sound: &[i16], rate: u32) -> Vec<f32> {
    let frame = rate as usize / 50;
    let begin = sound.iter().position(|s| s.unsigned_abs() > 300).unwrap();
    sound[begin..].chunks_exact(frame).map(|f| waihu_audio::energy::from_dbov(level_dbov(f))).collect()
}

/// Pearson's correlation of the two, at the shift of up to 100 ms that fits best.
fn likeness(a: &[f32], b: &[f32]) -> f32 {
    let at = |shift: usize| {
        let n = a.len().min(b.len() - shift);
        let (a, b) = (&a[..n], &b[shift..shift + n]);
        let mean = |x: &[f32]| x.iter().sum::<f32>() / n as f32;
        let (ma, mb) = (mean(a), mean(b));
        let dot: f32 = a.iter().zip(b).map(|(x, y)| (x - ma) * (y - mb)).sum();
        let power = |x: &[f32], m: f32| x.iter().map(|v| (v - m).powi(2)).sum::<f32>();
        dot / (power(a, ma) * power(b, mb)).sqrt()
    };
    (0..5).map(at).fold(-1.0, f32::max)
}

#[test]
fn a_sentence_keeps_its_length_level_and_shape_through_bad_networks() {
    let good = Network::default();
    let burst = Some(Burst { begins: 0.02, ends: 0.3 });
    // How like the original at least, and how many milliseconds longer or shorter at most: the delay grows
    // with jitter, and a burst may take the sentence's first or last syllable.
    for (what, network, like, ms) in [
        ("nothing", good, 0.97, 10),
        ("20 % loss", Network { loss: 0.2, ..good }, 0.9, 20),
        ("bursts", Network { burst, ..good }, 0.9, 100),
        ("order", Network { reorder: 0.2, ..good }, 0.97, 10),
        ("copies", Network { duplicate: 0.3, ..good }, 0.97, 10),
        ("100 ms of jitter", Network { jitter_ms: 100, ..good }, 0.95, 80),
        ("all of it", Network { loss: 0.05, jitter_ms: 60, reorder: 0.05, duplicate: 0.1, ..good }, 0.93, 60),
    ] {
        for codec in Codec::ALL {
            let rate = codec.sample_rate_hz();
            let sound = sentence(12_000, rate);
            let (mut rig, mut far) = (Rig::new(codec), FarEnd::new(codec));
            let mut line = Line::new(network, 3);
            let mut lost = 0;
            let silence = vec![0; rate as usize];
            let with_silence = [&sound[..], &silence[..]].concat();
            for (n, piece) in with_silence.chunks_exact(rate as usize / 50).enumerate() {
                let bytes = far.says(piece);
                let fate = line.decide(BEGIN + TICK * n as u32, bytes.len());
                lost += u32::from(fate[0].is_none());
                for delivery in fate.into_iter().flatten() {
                    rig.comes(delivery.at, bytes.clone());
                }
            }
            rig.run(12_900);
            let recorded = rig.end();
            let (wanted, got) = (envelope(&sound, rate), envelope(&recorded.heard, rate));
            let likeness = likeness(&wanted, &got);
            let [first, last] = [&sound, &recorded.heard].map(|s| {
                let begin = s.iter().position(|s| s.unsigned_abs() > 300).unwrap();
                (s.iter().rposition(|s| s.unsigned_abs() > 300).unwrap() - begin) as i64
            });
            let longer_ms = (last - first) * 1_000 / i64::from(rate);
            let louder_db = level_dbov(&recorded.heard) - level_dbov(&sound);
            let figures = format!(
                "{what}, {codec:?}: {lost} lost, {longer_ms} ms longer, {louder_db:.1} dB, {likeness:.3} like it, {:?}",
                recorded.stats
            );
            assert!(longer_ms.abs() <= ms, "{figures}");
            assert!(louder_db.abs() <= 2.0, "{figures}");
            // G.722's decoder steps from sample to sample, and is out of step for a while after each loss.
            let like = if codec == Codec::G722 && lost > 0 { like - 0.15 } else { like };
            assert!(likeness >= like, "{figures}");
        }
    }
}
