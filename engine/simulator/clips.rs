//! The personas' lines as sound, made before the first call.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use waihu_audio::{
    frame::{RATE_8K, to_f32, to_i16},
    loudness,
};
use waihu_tts::{PromptCache, Request, Tts, TtsError, VoiceStyle};
use waihu_types::Lang;

use crate::{Personas, persona::Persona};

/// Samples at 8 kHz.
pub type Pcm = Arc<[i16]>;

/// A line to be spoken.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    /// The language.
    pub lang: Lang,
    /// The voice; the language's own where none is named.
    pub voice: Option<String>,
    /// How loud [dBov of the RMS over the line].
    pub level_dbov: i8,
    /// The words.
    pub text: String,
}

/// Every different line that the personas speak, in the order of their numbers and steps.
pub fn lines(personas: &Personas) -> Vec<Line> {
    let mut seen = HashSet::new();
    let all = personas.iter().flat_map(|p| p.says().map(move |text| line(p, text)));
    all.filter(|l| seen.insert(l.clone())).collect()
}

/// A persona's line.
pub(crate) fn line(persona: &Persona, text: &str) -> Line {
    Line {
        lang: persona.lang,
        voice: persona.voice.clone(),
        level_dbov: persona.level_dbov,
        text: text.to_owned(),
    }
}

/// The sound of lines.
#[derive(Clone, Debug, Default)]
pub struct Clips(HashMap<Line, Pcm>);

impl Clips {
    /// Keeps a line's sound, 8 kHz.
    pub fn insert(&mut self, line: Line, pcm: Pcm) {
        self.0.insert(line, pcm);
    }

    /// Speaks every line of the personas, taking from the cache what was spoken before; blocks for
    /// as long as that takes. `progress` is told how many of how many are ready.
    ///
    /// # Errors
    /// The first line that cannot be spoken.
    pub fn speak(
        personas: &Personas,
        tts: &mut Tts,
        cache: &mut PromptCache,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Self, TtsError> {
        let mut clips = Self::default();
        let lines = lines(personas);
        let total = lines.len();
        for (n, line) in lines.into_iter().enumerate() {
            progress(n, total);
            let style = VoiceStyle::new(line.voice.as_deref(), 1.0);
            let request = Request { lang: line.lang, text: &line.text, style: &style };
            let level = f32::from(line.level_dbov);
            let pcm = cache.get_or_synthesize(tts, &request, RATE_8K)?.samples;
            clips.insert(line, at_level(&pcm, level));
        }
        progress(total, total);
        Ok(clips)
    }

    /// A line's sound.
    pub fn of(&self, line: &Line) -> Option<Pcm> {
        self.0.get(line).map(Arc::clone)
    }
}

/// The sound at a level [dBov], with no sample near where G.711 clips.
fn at_level(pcm: &[i16], level_dbov: f32) -> Pcm {
    let mut samples = to_f32(pcm);
    loudness::normalise(&mut samples, level_dbov, loudness::PEAK);
    to_i16(&samples).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_two_steps_share_is_made_once() {
        let personas = crate::read_personas(
            "[[persona]]\nnumber='1001'\nname='x'\nlang='zh'\nsteps=[{say='好'},{listen=true},{say='喂'}]\n\
             otherwise={say='好'}",
        )
        .unwrap();
        let texts: Vec<String> = lines(&personas).into_iter().map(|l| l.text).collect();
        assert_eq!(texts, ["好", "喂"]);
    }

    #[test]
    fn a_quiet_persona_speaks_quietly_and_a_loud_one_does_not_clip() {
        let sound = waihu_audio::tone::sine(300.0, 500, -19.0, 8_000);
        for wanted in [-40_i8, -26, -10] {
            let level = waihu_audio::energy::level_dbov(&at_level(&sound, wanted.into()));
            assert!((level - f32::from(wanted)).abs() < 0.3, "{wanted}: {level}");
        }
        let peaky: Vec<i16> = (0..8_000).map(|n| if n % 160 == 0 { 20_000 } else { 500 }).collect();
        let loudest = at_level(&peaky, -10.0).iter().map(|s| s.unsigned_abs()).max();
        assert!(loudest <= Some(29_200), "{loudest:?}");
    }
}
