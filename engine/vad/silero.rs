//! The Silero VAD network: 32 ms of sound and what came before, in; a probability, out.

use std::path::Path;

use ort::{session::Session, value::TensorRef};

use crate::{VadError, onnx};

/// Samples that the model judges at once, at 8 kHz.
pub(crate) const WINDOW: usize = 256;

/// Length of a window [ms].
pub const WINDOW_MS: u64 = 32;

/// Samples from before the window that it wants to see in front of it.
pub(crate) const CONTEXT: usize = 32;

/// Width of the recurrent state: two layers of 128.
const STATE: usize = 256;

/// What the model remembers of one call.
#[derive(Clone)]
pub(crate) struct Memory {
    state: [f32; STATE],
}

impl Default for Memory {
    fn default() -> Self {
        Self { state: [0.0; STATE] }
    }
}

/// The model. One thread owns it and lends it to the [`crate::Detector`] of each call.
pub struct Silero {
    session: Session,
}

impl Silero {
    /// Loads `silero_vad.onnx` and tries it on silence, so that a wrong file is known now and not in
    /// the middle of a call. [`crate::onnx::init`] comes before.
    ///
    /// # Errors
    /// [`VadError::NotInitialised`], [`VadError::File`] and [`VadError::Damaged`].
    pub fn load(model: &Path) -> Result<Self, VadError> {
        onnx::loaded()?;
        let bytes =
            std::fs::read(model).map_err(|source| VadError::File { path: model.to_owned(), source })?;
        let damaged = |problem| VadError::Damaged { path: model.to_owned(), model: "Silero", problem };
        let session = onnx::session(&bytes).map_err(damaged)?;
        let mut silero = Self { session };
        let silence = silero.run(&[0.0; CONTEXT + WINDOW], &mut Memory::default());
        match silence {
            Ok(probability) if (0.0..0.5).contains(&probability) => Ok(silero),
            Ok(probability) => Err(damaged(format!("it takes silence for speech, {probability}"))),
            Err(e) => Err(damaged(e.to_string())),
        }
    }

    /// The probability of speech, 0 to 1, in the last 256 of these samples; `memory` moves on.
    pub(crate) fn run(
        &mut self,
        samples: &[f32; CONTEXT + WINDOW],
        memory: &mut Memory,
    ) -> Result<f32, VadError> {
        run(&mut self.session, samples, memory).map_err(VadError::Model)
    }
}

fn run(session: &mut Session, samples: &[f32; CONTEXT + WINDOW], memory: &mut Memory) -> Result<f32, String> {
    let text = |e: ort::Error| e.to_string();
    let rate = [8_000i64];
    let inputs = ort::inputs![
        "input" => TensorRef::from_array_view(([1usize, samples.len()], samples.as_slice())).map_err(text)?,
        "state" => TensorRef::from_array_view(([2usize, 1, STATE / 2], memory.state.as_slice())).map_err(text)?,
        "sr" => TensorRef::from_array_view(([1usize], rate.as_slice())).map_err(text)?,
    ];
    let outputs = session.run(inputs).map_err(text)?;
    let output = |name: &str| outputs.get(name).ok_or_else(|| format!("it has no output {name}"));
    let (_, probability) = output("output")?.try_extract_tensor::<f32>().map_err(text)?;
    let (_, state) = output("stateN")?.try_extract_tensor::<f32>().map_err(text)?;
    let &[probability] = probability else { return Err("it gives no single probability".to_owned()) };
    let state: [f32; STATE] = state.try_into().map_err(|_| "its state has another size".to_owned())?;
    if !probability.is_finite() {
        return Err("its probability is no number".to_owned());
    }
    memory.state = state;
    Ok(probability)
}
