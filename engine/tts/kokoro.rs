//! Kokoro-82M: phonemes to sound at 24 kHz.

use std::{collections::HashMap, path::PathBuf};

use ort::{session::Session, value::Tensor};

use crate::{TtsError, TtsPaths, runtime, voiced::Voiced};

/// The model's sample rate [Hz].
pub(crate) const RATE: u32 = 24_000;
/// The most phonemes in one run: a voice has a style row for each number of tokens up to this.
const MAX_TOKENS: usize = 510;
/// Width of a style row.
const STYLE: usize = 256;
/// Phonemes after which a sentence is cut at a comma. The model hurries and drops sounds near its own
/// limit, so this is kept well below it.
pub(crate) const COMFORTABLE: usize = 220;
/// The inner tensor that says how many frames each token lasts, the padding at both ends included.
const DURATIONS: &str = "/encoder/Clip_output_0";
/// Samples of such a frame: 25 ms.
const FRAME: usize = 600;

pub(crate) struct Kokoro {
    session: Session,
    tells_durations: bool,
    vocabulary: HashMap<char, i64>,
    voices: HashMap<String, Vec<f32>>,
    voices_dir: PathBuf,
}

impl Kokoro {
    pub(crate) fn load(paths: &TtsPaths) -> Result<Self, TtsError> {
        let runtime::Voicing { session, tells_durations } =
            runtime::session(paths, &paths.kokoro.join("model.onnx"), DURATIONS)?;
        let path = paths.kokoro.join("vocab.json");
        let text =
            std::fs::read_to_string(&path).map_err(|source| TtsError::File { path: path.clone(), source })?;
        let vocabulary = vocabulary(&text).map_err(|what| TtsError::Damaged { path, what })?;
        let (voices, voices_dir) = (HashMap::new(), paths.kokoro.join("voices"));
        Ok(Self { session, tells_durations, vocabulary, voices, voices_dir })
    }

    /// Speaks phonemes, at most 510; symbols that the model does not know are passed over.
    pub(crate) fn speak(&mut self, voice: &str, phonemes: &str, speed: f32) -> Result<Voiced, TtsError> {
        let mut tokens: Vec<i64> = vec![0];
        tokens.extend(phonemes.chars().filter_map(|c| self.vocabulary.get(&c)).take(MAX_TOKENS));
        let count = tokens.len() - 1;
        if count == 0 {
            return Ok(Voiced::default());
        }
        tokens.push(0);
        let style = self.style(voice, count)?;
        let fail = |e: String| TtsError::Model { model: "kokoro".to_owned(), cause: e };
        let tokens = Tensor::from_array(([1, tokens.len()], tokens)).map_err(|e| fail(e.to_string()))?;
        let style = Tensor::from_array(([1, STYLE], style)).map_err(|e| fail(e.to_string()))?;
        let speed = Tensor::from_array(([1], vec![speed])).map_err(|e| fail(e.to_string()))?;
        let outputs = self
            .session
            .run(ort::inputs!["tokens" => tokens, "style" => style, "speed" => speed])
            .map_err(|e| fail(e.to_string()))?;
        let (_, sound) = outputs[0].try_extract_tensor::<f32>().map_err(|e| fail(e.to_string()))?;
        let mut voiced = Voiced::evenly(phonemes, sound.to_vec());
        if self.tells_durations
            && let Ok((_, frames)) = outputs[outputs.len() - 1].try_extract_tensor::<f32>()
        {
            let known = phonemes.chars().map(|c| usize::from(self.vocabulary.contains_key(&c)));
            voiced.timed(known, frames, FRAME);
        }
        Ok(voiced)
    }

    /// The style row of a voice for so many tokens.
    fn style(&mut self, voice: &str, tokens: usize) -> Result<Vec<f32>, TtsError> {
        if !self.voices.contains_key(voice) {
            let path = self.voices_dir.join(format!("{voice}.bin"));
            let bytes =
                std::fs::read(&path).map_err(|source| TtsError::File { path: path.clone(), source })?;
            if bytes.len() != MAX_TOKENS * STYLE * 4 {
                let what = format!("{} bytes, a voice has {}", bytes.len(), MAX_TOKENS * STYLE * 4);
                return Err(TtsError::Damaged { path, what });
            }
            let rows = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            self.voices.insert(voice.to_owned(), rows);
        }
        let row = tokens.min(MAX_TOKENS - 1) * STYLE;
        let rows = self.voices.get(voice).map(Vec::as_slice).unwrap_or_default();
        Ok(rows.get(row..row + STYLE).unwrap_or_default().to_vec())
    }
}

/// Symbol to token, from `{"vocab": {…}}` or the bare map.
fn vocabulary(text: &str) -> Result<HashMap<char, i64>, String> {
    let json: serde_json::Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let map = json.get("vocab").unwrap_or(&json).as_object().ok_or("it is no JSON object")?;
    let known: HashMap<char, i64> = map
        .iter()
        .filter_map(|(symbol, id)| {
            let mut chars = symbol.chars();
            let only = chars.next().filter(|_| chars.next().is_none())?;
            Some((only, id.as_i64()?))
        })
        .collect();
    if known.is_empty() { Err("it names no symbols".to_owned()) } else { Ok(known) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vocabulary_is_read_bare_or_wrapped_and_junk_is_refused() {
        assert_eq!(vocabulary(r#"{"vocab":{"a":43}}"#).unwrap()[&'a'], 43);
        assert_eq!(vocabulary(r#"{"↓":169,"<pad>":0}"#).unwrap().len(), 1);
        for bad in ["", "[]", "{}", r#"{"vocab":[]}"#] {
            assert!(vocabulary(bad).is_err(), "{bad}");
        }
    }
}
