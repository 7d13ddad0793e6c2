//! The log-mel picture and the network against the makers' own pipeline.
//!
//! Expected values: `LocalSmartTurnAnalyzerV3` of pipecat-ai 1.14.0 (numpy features, onnxruntime 1.24.4, one thread,
//! sums kept whole: VNNI, or `session.x64quantprecision`) on the same sounds. Our features are computed in 32 bits and
//! theirs in 64; the network is quantized, so that a last bit may move its steps: 0.02 of probability is allowed.
#![allow(missing_docs, clippy::unwrap_used)]

use std::{f64::consts::TAU, path::Path};

use waihu_vad::{SmartTurn, VadError, onnx};

/// A buzz with a pitch that falls, in syllables, over noise: nobody's voice, and the same in every language.
struct Buzz {
    seconds: f64,
    /// Where the pitch begins [Hz], and how far it falls in a second [Hz].
    pitch: f64,
    falls: f64,
    /// Syllables a second.
    pace: f64,
    noise: f64,
    seed: u32,
    /// Silence after it [samples].
    tail: usize,
}

impl Buzz {
    fn samples(&self) -> Vec<f32> {
        let mut seed = self.seed;
        let mut out: Vec<f32> = (0..(self.seconds * 16_000.0) as usize)
            .map(|i| {
                let t = i as f64 / 16_000.0;
                let phase = TAU * (self.pitch * t - self.falls * t * t / 2.0);
                let voice: f64 = (1..=10).map(|k| (f64::from(k) * phase).sin() / f64::from(k)).sum();
                let loud = (TAU * self.pace * t / 2.0).sin().max(0.0).powi(2);
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = f64::from(seed >> 8) / f64::from(1 << 24) - 0.5;
                (0.2 * voice * loud + self.noise * noise) as f32
            })
            .collect();
        out.resize(out.len() + self.tail, 0.0);
        out
    }
}

#[test]
fn probabilities_are_those_of_the_reference() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.waihu/models");
    onnx::init(&models.join("onnxruntime/libonnxruntime.so")).unwrap();
    let mut model = SmartTurn::load(&models.join("smart-turn/smart_turn.onnx")).unwrap();
    let buzz = |seconds, pitch, falls, pace, noise, seed, tail| Buzz {
        seconds,
        pitch,
        falls,
        pace,
        noise,
        seed,
        tail,
    };
    for (sound, expected) in [
        (buzz(1.6, 180.0, 30.0, 4.0, 0.002, 1, 3_200), 0.8897),
        (buzz(3.1, 220.0, -15.0, 5.0, 0.02, 2, 0), 0.2012),
        (buzz(0.7, 120.0, 60.0, 3.0, 0.0005, 3, 3_200), 0.0125),
        // Longer than it hears: the last 8 s count.
        (buzz(9.5, 150.0, 5.0, 4.5, 0.01, 4, 0), 0.7280),
    ] {
        let found = model.finished(&sound.samples()).unwrap();
        assert!((found - expected).abs() < 0.02, "{found} and not {expected}");
    }
    // Sound that is none, and none at all.
    for odd in [vec![], vec![f32::MAX; 300], vec![f32::NAN; 16_000], vec![0.0; 200_000]] {
        if let Ok(p) = model.finished(&odd) {
            assert!((0.0..=1.0).contains(&p));
        }
    }
    let wrong = SmartTurn::load(&models.join("silero-vad/silero_vad.onnx")).err();
    assert!(matches!(wrong, Some(VadError::Damaged { model: "Smart Turn", .. })), "{wrong:?}");
    let missing = SmartTurn::load(Path::new("/nonexistent/smart_turn.onnx")).err();
    assert!(missing.is_some_and(|e| e.to_string().contains("waihu models pull")));
}
