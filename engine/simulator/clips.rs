//! The personas' lines as sound, made before the first call.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use waihu_audio::frame::RATE_8K;
use waihu_tts::{PromptCache, Request, Tts, TtsError};
use waihu_types::Lang;

use crate::persona::{Act, Persona};

/// Samples at 8 kHz.
pub type Pcm = Arc<[i16]>;

/// A line to be spoken.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    /// The language.
    pub lang: Lang,
    /// The voice; the language's own where none is named.
    pub voice: Option<String>,
    /// The words.
    pub text: String,
}

/// Every different line that the personas speak, in the order of their numbers and steps.
pub fn lines(personas: &BTreeMap<String, Persona>) -> Vec<Line> {
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    for persona in personas.values() {
        for act in persona.steps.iter().map(|s| &s.act).chain(&persona.otherwise) {
            if let Act::Say(text) = act {
                let line = line(persona, text);
                if seen.insert(line.clone()) {
                    all.push(line);
                }
            }
        }
    }
    all
}

/// A persona's line.
pub(crate) fn line(persona: &Persona, text: &str) -> Line {
    Line { lang: persona.lang, voice: persona.voice.clone(), text: text.to_owned() }
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
        personas: &BTreeMap<String, Persona>,
        tts: &mut Tts,
        cache: &mut PromptCache,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Self, TtsError> {
        let mut clips = Self::default();
        let lines = lines(personas);
        let total = lines.len();
        for (n, line) in lines.into_iter().enumerate() {
            progress(n, total);
            let request =
                Request { lang: line.lang, voice: line.voice.as_deref(), text: &line.text, speed: 1.0 };
            let pcm = cache.get_or_synthesize(tts, &request, RATE_8K)?;
            clips.insert(line, pcm);
        }
        progress(total, total);
        Ok(clips)
    }

    /// A line's sound.
    pub fn of(&self, line: &Line) -> Option<Pcm> {
        self.0.get(line).map(Arc::clone)
    }
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
}
