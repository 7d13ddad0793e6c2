//! The voices that scripts and cases name, held against those that are there.

use waihu_dialog::{Problem, Script};
use waihu_tts::{Tts, TtsError};
use waihu_types::{Case, Lang, VoiceStyle};

use crate::project::Project;

/// The voices that have been fetched. Where there are none, nothing is said of names: whatever speaks
/// says what is missing.
pub(crate) struct Voices(Option<Tts>);

impl Voices {
    pub(crate) fn of(project: &Project) -> Self {
        // This looks for files, and loads no model.
        Self(project.voices().ok().and_then(|paths| Tts::load(paths).ok()))
    }

    /// What is wrong with a script's voices, by file and line.
    pub(crate) fn in_script(&self, script: &Script) -> Vec<Problem> {
        let wrong = |lang| {
            self.fault(lang, &script.voice_style(lang)).map(|e| script.voice_problem(lang, e.to_string()))
        };
        Lang::ALL.into_iter().filter_map(wrong).collect()
    }

    /// What is wrong with a case's own voice.
    pub(crate) fn in_case(&self, case: &Case) -> Option<String> {
        let style = case.voice_style(case.lang, &VoiceStyle::default());
        self.fault(case.lang, &style).map(|e| format!("{e} 音色有误"))
    }

    fn fault(&self, lang: Lang, style: &VoiceStyle) -> Option<TtsError> {
        // What a language speaks without a name is for the models to have.
        self.0.as_ref().filter(|_| style.voice.is_some())?.check(lang, style).err()
    }
}
