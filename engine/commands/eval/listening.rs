//! A file heard as a call is: 20 ms at a time, through the gate and the voice activity model.

use std::path::Path;

use anyhow::Result;
use waihu_audio::{Frame, SAMPLES_8K, SILENCE, frame::to_i16, gate::SpeechGate};
use waihu_vad::{Detector, Gate, Silero};

use super::manifest;
use crate::project::Project;

/// One frame, heard.
pub(super) struct Moment {
    /// When its end was heard [ms].
    pub(super) now_ms: u64,
    pub(super) frame: Frame,
    pub(super) gate: Gate,
    /// That of speech in the window that it completes, if it completes one.
    pub(super) probability: Option<f32>,
}

/// Loads the voice activity model.
pub(super) fn silero(project: &Project) -> Result<Silero> {
    let library = project.library()?;
    waihu_vad::onnx::init(&library.path("onnxruntime", "libonnxruntime.so")?)?;
    Ok(Silero::load(&library.path("silero-vad", "silero_vad.onnx")?)?)
}

/// The frames of a file; what does not fill the last one is made up with silence.
pub(super) fn hear(silero: &mut Silero, dir: &Path, file: &str) -> Result<Vec<Moment>, String> {
    let samples = to_i16(&manifest::sound(dir, file, 8_000)?);
    let (mut gate, mut detector) = (SpeechGate::new(8_000), Detector::default());
    let mut out = Vec::with_capacity(samples.len() / SAMPLES_8K + 1);
    for (n, piece) in samples.chunks(SAMPLES_8K).enumerate() {
        let mut frame = SILENCE;
        frame[..piece.len()].copy_from_slice(piece);
        let open = gate.push(&frame, None).speech;
        let gate = if open { Gate::Open } else { Gate::Closed };
        let probability = detector.push(silero, &frame, gate).map_err(|e| format!("{file}: {e}"))?;
        out.push(Moment { now_ms: 20 * (n as u64 + 1), frame, gate, probability });
    }
    Ok(out)
}

/// What was heard between two times, at 16 kHz, as models hear it.
pub(super) fn between(heard: &[Moment], from_ms: u64, to_ms: u64) -> Result<Vec<f32>, String> {
    let own = heard.iter().filter(|m| m.now_ms > from_ms && m.now_ms <= to_ms);
    let samples: Vec<f32> = own.flat_map(|m| waihu_audio::frame::to_f32(&m.frame)).collect();
    waihu_audio::resample(&samples, 8_000, 16_000).map_err(|e| e.to_string())
}
