//! A file heard as a call is: 20 ms at a time, through the gate.

use std::path::Path;

use anyhow::Result;
use waihu_audio::{Frame, SAMPLES_8K, SILENCE, frame::to_i16, gate::SpeechGate};
use waihu_vad::{Detector, Gate, Silero};

use super::manifest;
use crate::project::Project;

/// Loads the voice activity model.
pub(super) fn silero(project: &Project) -> Result<Silero> {
    let library = project.library()?;
    waihu_vad::onnx::init(&library.path("onnxruntime", "libonnxruntime.so")?)?;
    Ok(Silero::load(&library.path("silero-vad", "silero_vad.onnx")?)?)
}

/// The frames of a file, with the gate's word on each; what does not fill the last one is made up with silence.
pub(super) fn frames(dir: &Path, file: &str) -> Result<Vec<(Frame, Gate)>, String> {
    let samples = to_i16(&manifest::sound(dir, file, 8_000)?);
    let mut gate = SpeechGate::new(8_000);
    let frames = samples.chunks(SAMPLES_8K).map(|piece| {
        let mut frame = SILENCE;
        frame[..piece.len()].copy_from_slice(piece);
        let open = gate.push(&frame, None).speech;
        (frame, if open { Gate::Open } else { Gate::Closed })
    });
    Ok(frames.collect())
}

/// When speech is heard in it: the end of each window of the model, and the probability of speech there.
pub(super) fn voice(silero: &mut Silero, frames: &[(Frame, Gate)]) -> Result<Vec<(u64, f32)>, String> {
    let mut detector = Detector::default();
    let mut out = Vec::with_capacity(frames.len());
    for (n, (frame, gate)) in frames.iter().enumerate() {
        let probability = detector.push(silero, frame, *gate).map_err(|e| e.to_string())?;
        out.extend(probability.map(|p| (20 * (n as u64 + 1), p)));
    }
    Ok(out)
}
