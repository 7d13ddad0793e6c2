//! The arena by voice: what a callee says is spoken, goes through a telephone, and is heard by what hears in a call.
//!
//! Each talk has one voice, of those that train nothing, and one condition of the line, both by its seed. Absent:
//! when words are said (a talk's time is virtual), what is said over the bot, and the bot's own voice; the practice
//! ground has these.

use std::sync::Arc;

use anyhow::Result;
use waihu_audio::frame::RATE_8K;
use waihu_corpus::{Condition, apply, voices};
use waihu_dialog::Script;
use waihu_persona::{Arrived, Play, Said, Talk, Understood};
use waihu_speech::Rehearsal;
use waihu_tts::{PromptCache, Request, Tts, VoiceStyle};
use waihu_types::Lang;

use crate::{plant::speech_config, project::Project};

/// Silence around what is said [samples]: as the ears hand an utterance over.
const BEFORE: usize = 1_600;
const AFTER: usize = 2_000;

/// Lines of others that babble is made of.
const OTHERS: usize = 4;

/// The voices, the line, and what hears.
pub(super) struct Telephone {
    tts: Tts,
    cache: PromptCache,
    ears: Rehearsal,
    others: Vec<Arc<[i16]>>,
}

impl Telephone {
    pub(super) fn load(project: &Project) -> Result<Self> {
        Ok(Self {
            tts: Tts::load(project.voices()?)?,
            cache: PromptCache::open(project.prompts("callees"))?,
            ears: Rehearsal::load(&speech_config(project)?)?,
            others: Vec::new(),
        })
    }

    /// The condition of a talk's line.
    fn condition(play: Play) -> Condition {
        let all = Condition::all();
        // The bits that choose no voice.
        all[usize::try_from(play.seed >> 32).unwrap_or_default() % all.len()].1
    }

    fn voice(play: Play, lang: Lang) -> &'static str {
        let voices = voices::judges(lang);
        voices[usize::try_from(play.seed & 0xffff).unwrap_or_default() % voices.len()]
    }

    /// One talk by voice.
    ///
    /// # Errors
    /// When a voice or a model fails.
    pub(super) fn talk(&mut self, play: Play, script: &Arc<Script>) -> Result<Talk> {
        let mut fault = None;
        let talk = play.talk_by(script, &mut |said| {
            self.carry(play, said).unwrap_or_else(|e| {
                fault.get_or_insert(e);
                Arrived::Nothing
            })
        });
        fault.map_or(Ok(talk), Err)
    }

    fn carry(&mut self, play: Play, said: &Said<'_>) -> Result<Arrived> {
        let style = VoiceStyle::new(Some(Self::voice(play, said.lang)), 1.0);
        let request = Request { lang: said.lang, text: &said.utterance.text, style: &style };
        let words = self.cache.get_or_synthesize(&mut self.tts, &request, RATE_8K)?.samples;
        let padded = [&[0; BEFORE], &words[..], &[0; AFTER]].concat();
        let others: Vec<&[i16]> = self.others.iter().map(|o| &o[..]).collect();
        let heard = apply(&Self::condition(play), &padded, &others, play.seed);
        self.others.push(words);
        self.others.drain(..self.others.len().saturating_sub(OTHERS));
        let expected = said.expected.cloned().map(waihu_dialler::expectation).unwrap_or_default();
        let heard = self.ears.understand(play.lang, said.today, &heard, expected)?;
        Ok(heard.map_or(Arrived::Nothing, |heard| {
            let meant = said.utterance;
            let rightly = heard.intent == meant.intent
                && (heard.entities.date, heard.entities.amount)
                    == (meant.entities.date, meant.entities.amount);
            let understood = if rightly { Understood::Rightly } else { Understood::Wrongly };
            Arrived::Words(waihu_dialler::utterance(heard), understood)
        }))
    }
}
