//! The Smart Turn network: the sound of a turn in; how likely it is over, out.
//!
//! It hears tone and pace, not words: a falling last syllable, a drawn-out 嗯, a breath taken to go on.

use std::path::Path;

use ort::{session::Session, value::TensorRef};

use crate::{
    VadError,
    mel::{BANDS, FRAMES, LogMel},
    onnx,
};

/// The model. One thread owns it; calls take turns.
pub struct SmartTurn {
    session: Session,
    mel: LogMel,
}

impl SmartTurn {
    /// Loads `smart_turn.onnx` and tries it on silence, so that a wrong file is known now and not in the
    /// middle of a call. [`crate::onnx::init`] comes before.
    ///
    /// # Errors
    /// [`VadError::NotInitialised`], [`VadError::File`] and [`VadError::Damaged`].
    pub fn load(model: &Path) -> Result<Self, VadError> {
        onnx::loaded()?;
        let bytes =
            std::fs::read(model).map_err(|source| VadError::File { path: model.to_owned(), source })?;
        let damaged = |problem| VadError::Damaged { path: model.to_owned(), model: "Smart Turn", problem };
        let session = onnx::session(&bytes).map_err(damaged)?;
        let mut loaded = Self { session, mel: LogMel::new() };
        match loaded.finished(&[]) {
            Ok(_) => Ok(loaded),
            Err(e) => Err(damaged(e.to_string())),
        }
    }

    /// The probability, 0 to 1, that the turn which ends with these samples is over. Samples are at 16 kHz,
    /// −1 to 1; the last 8 s count. Give the turn from a little before its beginning, and 200 to 300 ms of
    /// the pause after its last word: the network was trained on such. Sound of a telephone is to be
    /// brought up to 16 kHz before.
    ///
    /// # Errors
    /// [`VadError::Model`] when the computation fails.
    pub fn finished(&mut self, samples_16k: &[f32]) -> Result<f32, VadError> {
        run(&mut self.session, self.mel.picture(samples_16k)).map_err(VadError::Model)
    }
}

fn run(session: &mut Session, picture: &[f32]) -> Result<f32, String> {
    let text = |e: ort::Error| e.to_string();
    let picture = TensorRef::from_array_view(([1usize, BANDS, FRAMES], picture)).map_err(text)?;
    let outputs = session.run(ort::inputs!["input_features" => picture]).map_err(text)?;
    // Called so by its makers; the sigmoid is in the network.
    let output = outputs.get("logits").ok_or("it has no output logits")?;
    let (_, probability) = output.try_extract_tensor::<f32>().map_err(text)?;
    let &[probability] = probability else { return Err("it gives no single probability".to_owned()) };
    if !(0.0..=1.0).contains(&probability) {
        return Err("what it gives is no probability".to_owned());
    }
    Ok(probability)
}
