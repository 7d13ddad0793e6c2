//! What voice activity costs on this machine: `cost MODELS [WAV_AT_8_KHZ]`.
//!
//! Prints microseconds per 20 ms frame for sound that the model judges (the file, or noise) and for an
//! idle line, and from it how many callees one core can listen to.
#![allow(clippy::print_stdout)]

use std::{path::Path, time::Instant};

use waihu_audio::{Frame, gate::SpeechGate};
use waihu_vad::{Detector, Endpointer, Gate, Silero, onnx};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [models, wav @ ..] = &args[..] else { return Err("cost MODELS [WAV_AT_8_KHZ]".into()) };
    let models = Path::new(models);
    onnx::init(&models.join("onnxruntime/libonnxruntime.so"))?;
    let mut silero = Silero::load(&models.join("silero-vad/silero_vad.onnx"))?;
    let mut seed = 7u32;
    let mut sound: Vec<i16> = (0..80_000)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 21) as i16 - 1_024
        })
        .collect();
    if let Some(wav) = wav.first() {
        // The header of a plain WAV file is 44 bytes.
        sound = std::fs::read(wav)?[44..].as_chunks().0.iter().map(|b| i16::from_le_bytes(*b)).collect();
    }
    for (what, samples) in [("sound", sound), ("idle line", vec![8; 80_000])] {
        let (frames, _): (&[Frame], _) = samples.as_chunks();
        let (mut detector, mut endpointer) = (Detector::default(), Endpointer::default());
        let rounds = 3_000usize.div_ceil(frames.len().max(1));
        let mut speech_gate = SpeechGate::new(8_000);
        let begun = Instant::now();
        for n in 0..rounds {
            for (k, frame) in frames.iter().enumerate() {
                let gate = if speech_gate.push(frame, None).speech { Gate::Open } else { Gate::Closed };
                if let Some(p) = detector.push(&mut silero, frame, gate)? {
                    let now = ((n * frames.len() + k + 1) * 20) as u64;
                    std::hint::black_box(endpointer.push(now, p));
                }
            }
        }
        let each = begun.elapsed().as_secs_f64() / (rounds * frames.len()) as f64;
        println!("{what}: {:.1} µs a frame, {:.0} callees a core", each * 1e6, 0.02 / each);
    }
    Ok(())
}
