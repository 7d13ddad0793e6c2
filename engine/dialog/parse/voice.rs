//! `[voice.LANG]`: in which voice a flow speaks a language, how, and where its recorded prompts lie.

use std::collections::BTreeMap;

use waihu_types::{Lang, VoiceStyle};

use super::Parser;
use crate::{
    problem::nearest,
    reader::Table,
    script::{ScriptVoice, Voices},
};

impl Parser<'_, '_> {
    /// The table `voice` at the top, of which each key is a language.
    pub(super) fn voices(&mut self) -> Voices {
        let mut voices = BTreeMap::new();
        for (name, value) in self.setting("voice").into_iter().flat_map(Table::into_named) {
            let at = value.at.clone();
            let Some(table) = value.table(&name, self.problems) else { continue };
            match name.parse::<Lang>() {
                Ok(lang) => {
                    let voice = self.voice(table);
                    voices.insert(lang, voice);
                }
                Err(_) => {
                    let help = nearest(&name, Lang::ALL.map(Lang::code));
                    self.problems.add(&at, format!("voice: {name:?} is no language"), help);
                }
            }
        }
        voices
    }

    fn voice(&mut self, mut t: Table<'_>) -> ScriptVoice {
        let mut style = VoiceStyle::default();
        let at = t.at.clone();
        let named = t.string("name", self.problems);
        style.speed = t.decimal("speed", VoiceStyle::SPEEDS, self.problems).unwrap_or(style.speed);
        style.pitch = t.decimal("pitch", VoiceStyle::PITCHES, self.problems).unwrap_or(style.pitch);
        let recorded = t.string("recorded", self.problems).map(|(folder, _)| folder);
        t.close(self.problems);
        let at = named.as_ref().map_or(at, |(_, at)| at.clone());
        style.voice = named.map(|(name, _)| name);
        ScriptVoice { style, recorded, at: Some(at) }
    }
}
