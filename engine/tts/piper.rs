//! Piper voices through piper-rs.

use piper_rs::{ModelConfig, Piper};

use crate::{TtsError, TtsPaths, runtime};

pub(crate) struct PiperVoice {
    name: String,
    piper: Piper,
    accent: String,
    /// The voice's own length scale: above 1 is slower.
    pace: f32,
}

impl PiperVoice {
    pub(crate) fn load(paths: &TtsPaths, name: &str) -> Result<Self, TtsError> {
        let Some(model) = paths.piper(name) else {
            return Err(TtsError::UnknownVoice { name: name.to_owned(), known: String::new() });
        };
        let path = model.dir.join("model.onnx.json");
        let text =
            std::fs::read_to_string(&path).map_err(|source| TtsError::File { path: path.clone(), source })?;
        let config: ModelConfig =
            serde_json::from_str(&text).map_err(|e| TtsError::Damaged { path, what: e.to_string() })?;
        let (accent, pace) = (config.espeak.voice.clone(), config.inference.length_scale);
        let session = runtime::session(paths, &model.dir.join("model.onnx"))?;
        Ok(Self { name: name.to_owned(), piper: Piper::from_session(session, config), accent, pace })
    }

    /// The eSpeak voice that its phonemes are to come from.
    pub(crate) fn accent(&self) -> &str {
        &self.accent
    }

    /// Speaks IPA; samples and their rate [Hz].
    pub(crate) fn speak(&mut self, ipa: &str, speed: f32) -> Result<(Vec<f32>, u32), TtsError> {
        self.piper
            .create(ipa, true, None, Some(self.pace / speed), None, None)
            .map_err(|e| TtsError::Model { model: format!("piper-{}", self.name), cause: e.to_string() })
    }
}
