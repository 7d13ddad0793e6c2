//! Which voices there are, and which one a request means.

use std::path::Path;

use waihu_types::Lang;

use crate::{TtsError, TtsPaths};

/// The Mandarin voice where none is named: the clearest of Kokoro's at 8 kHz.
pub const DEFAULT_ZH: &str = "zf_xiaoxiao";
/// The English voice where none is named.
pub const DEFAULT_EN: &str = "joe";

/// Which synthesizer a voice belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Kokoro-82M on ONNX Runtime.
    Kokoro,
    /// Piper (VITS) through piper-rs.
    Piper,
}

impl std::fmt::Display for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Kokoro => "kokoro",
            Self::Piper => "piper",
        })
    }
}

/// A voice that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoiceInfo {
    /// Its name.
    pub name: String,
    /// Its synthesizer.
    pub engine: Engine,
    /// The languages that it speaks.
    pub langs: Vec<Lang>,
    /// The licence of its weights.
    pub licence: String,
}

/// The voices on disk, by language and name.
pub(crate) fn find(paths: &TtsPaths) -> Result<Vec<VoiceInfo>, TtsError> {
    let mut voices: Vec<VoiceInfo> = kokoro_names(&paths.kokoro.join("voices"))
        .into_iter()
        .filter_map(|name| {
            let langs = vec![kokoro_lang(&name)?];
            Some(VoiceInfo { name, engine: Engine::Kokoro, langs, licence: "Apache-2.0".to_owned() })
        })
        .collect();
    voices.extend(paths.piper.iter().map(|p| VoiceInfo {
        name: p.name.clone(),
        engine: Engine::Piper,
        langs: vec![Lang::En],
        licence: p.licence.clone(),
    }));
    voices.sort_by(|a, b| (&a.langs, &a.name).cmp(&(&b.langs, &b.name)));
    if voices.is_empty() {
        return Err(TtsError::NoVoices { kokoro: paths.kokoro.join("voices") });
    }
    Ok(voices)
}

fn kokoro_names(dir: &Path) -> Vec<String> {
    std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|e| e.file_name().to_str()?.strip_suffix(".bin").map(str::to_owned))
        .collect()
}

/// The language by the first letter of a Kokoro voice's name: z Mandarin, a American, b British.
fn kokoro_lang(name: &str) -> Option<Lang> {
    match name.as_bytes() {
        [b'z', _, b'_', ..] => Some(Lang::Zh),
        [b'a' | b'b', _, b'_', ..] => Some(Lang::En),
        _ => None,
    }
}

/// The voice of that name, or the language's own, or else its first.
pub(crate) fn choose<'a>(
    voices: &'a [VoiceInfo],
    lang: Lang,
    name: Option<&str>,
) -> Result<&'a VoiceInfo, TtsError> {
    let names = |of: &dyn Fn(&VoiceInfo) -> bool| {
        voices.iter().filter(|v| of(v)).map(|v| v.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let speaks = |v: &VoiceInfo| v.langs.contains(&lang);
    let Some(name) = name else {
        let own = match lang {
            Lang::Zh => DEFAULT_ZH,
            Lang::En => DEFAULT_EN,
        };
        return voices
            .iter()
            .find(|v| v.name == own && speaks(v))
            .or_else(|| voices.iter().find(|v| speaks(v)))
            .ok_or(TtsError::NoVoice(lang));
    };
    match voices.iter().find(|v| v.name == name) {
        Some(v) if speaks(v) => Ok(v),
        Some(_) => Err(TtsError::WrongLanguage { name: name.to_owned(), lang, known: names(&speaks) }),
        None => Err(TtsError::UnknownVoice { name: name.to_owned(), known: names(&|_| true) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(name: &str, lang: Lang) -> VoiceInfo {
        VoiceInfo { name: name.to_owned(), engine: Engine::Kokoro, langs: vec![lang], licence: String::new() }
    }

    #[test]
    fn an_unknown_voice_is_answered_with_those_there_are() {
        let voices = [voice("zf_xiaoxiao", Lang::Zh), voice("af_heart", Lang::En)];
        let said = choose(&voices, Lang::Zh, Some("nobody")).unwrap_err().to_string();
        assert!(
            said.contains("nobody") && said.contains("zf_xiaoxiao") && said.contains("af_heart"),
            "{said}"
        );
        let said = choose(&voices, Lang::Zh, Some("af_heart")).unwrap_err().to_string();
        assert!(said.contains("zf_xiaoxiao") && !said.contains("these do: af_heart"), "{said}");
    }

    #[test]
    fn a_language_has_its_own_voice_or_else_its_first() {
        let voices = [voice("zm_yunxi", Lang::Zh), voice("zf_xiaoxiao", Lang::Zh)];
        assert_eq!(choose(&voices, Lang::Zh, None).unwrap().name, DEFAULT_ZH);
        assert_eq!(choose(&voices[..1], Lang::Zh, None).unwrap().name, "zm_yunxi");
        assert!(matches!(choose(&voices, Lang::En, None), Err(TtsError::NoVoice(Lang::En))));
    }
}
