//! Piper voices: piper-rs reads and runs them, and where a voice's graph tells how long each phoneme
//! lasts, it is run here, since piper-rs gives its first output alone.

use ort::{session::Session, value::Tensor};
use piper_rs::{ModelConfig, Piper};

use crate::{TtsError, TtsPaths, runtime, voiced::Voiced};

/// The inner tensor that says how many frames each token lasts.
const DURATIONS: &str = "/Ceil_output_0";
/// Samples of such a frame: the hop of Piper's spectrogram.
const FRAME: usize = 256;

pub(crate) struct PiperVoice {
    name: String,
    runner: Runner,
    accent: String,
    /// The voice's own length scale: above 1 is slower.
    pace: f32,
}

enum Runner {
    Timed(Box<ModelConfig>, Session),
    Plain(Box<Piper>),
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
        let voicing = runtime::session(paths, &model.dir.join("model.onnx"), DURATIONS)?;
        let runner = if voicing.tells_durations && config.num_speakers <= 1 {
            Runner::Timed(Box::new(config), voicing.session)
        } else {
            Runner::Plain(Box::new(Piper::from_session(voicing.session, config)))
        };
        Ok(Self { name: name.to_owned(), runner, accent, pace })
    }

    /// The eSpeak voice that its phonemes are to come from.
    pub(crate) fn accent(&self) -> &str {
        &self.accent
    }

    /// Speaks IPA; the sound and its rate [Hz].
    pub(crate) fn speak(&mut self, ipa: &str, speed: f32) -> Result<(Voiced, u32), TtsError> {
        let pace = self.pace / speed;
        let done = match &mut self.runner {
            Runner::Timed(config, session) => {
                timed(config, session, ipa, pace).map(|voiced| (voiced, config.audio.sample_rate))
            }
            Runner::Plain(piper) => piper
                .create(ipa, true, None, Some(pace), None, None)
                .map(|(samples, rate)| (Voiced::evenly(ipa, samples), rate))
                .map_err(|e| e.to_string()),
        };
        done.map_err(|cause| TtsError::Model { model: format!("piper-{}", self.name), cause })
    }
}

/// One run: token rows as Piper's voices were trained on, each phoneme followed by a pad.
fn timed(config: &ModelConfig, session: &mut Session, ipa: &str, pace: f32) -> Result<Voiced, String> {
    let id = |c: char| config.phoneme_id_map.get(&c).and_then(|ids| ids.first()).copied();
    let (begin, end, pad) = (id('^').unwrap_or(0), id('$').unwrap_or(0), id('_').unwrap_or(0));
    let mut tokens = vec![begin];
    tokens.extend(ipa.chars().filter_map(id).flat_map(|id| [id, pad]));
    tokens.push(end);
    let count = tokens.len();
    let own = &config.inference;
    let fail = |e: ort::Error| e.to_string();
    let tokens = Tensor::from_array(([1, count], tokens)).map_err(fail)?;
    let lengths = Tensor::from_array(([1], vec![count as i64])).map_err(fail)?;
    let scales = Tensor::from_array(([3], vec![own.noise_scale, pace, own.noise_w])).map_err(fail)?;
    let outputs = session.run(ort::inputs![tokens, lengths, scales]).map_err(fail)?;
    let (_, sound) = outputs[0].try_extract_tensor::<f32>().map_err(fail)?;
    let mut voiced = Voiced::evenly(ipa, sound.to_vec());
    if let Ok((_, frames)) = outputs[outputs.len() - 1].try_extract_tensor::<f32>() {
        voiced.timed(ipa.chars().map(|c| if id(c).is_some() { 2 } else { 0 }), frames, FRAME);
    }
    Ok(voiced)
}
