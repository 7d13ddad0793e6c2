//! How the callee of one call seems to feel, from what was said and how.
//!
//! What the words say is `waihu_nlu::mood()`'s to judge; here each utterance is set beside the callee's own way
//! of speaking in this call. It holds words, so it is dropped with the call.

use waihu_audio::{energy::level_dbov, pitch::median_pitch};
use waihu_nlu::{Mood, Prosody, Said, mood};
use waihu_types::{Intent, Lang};

use crate::Heard;

/// Utterances kept, the last ones: a call has about twenty.
const MAX_UTTERANCES: usize = 64;
/// Of an utterance the last so much is listened to [samples at 8 kHz]: 4 s, some 10 ms of work.
const LISTENED: usize = 4 * 8_000;
/// Beside fewer utterances than this there is no own way yet.
const OWN_WAY_FROM: usize = 2;

/// How an utterance was spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Manner {
    /// Its level [dBov].
    pub level_dbov: f32,
    /// Its median pitch [Hz]; none where it was hardly a voice.
    pub pitch_hz: Option<f32>,
    /// How long it was, with its pauses [s].
    pub seconds: f32,
}

impl Manner {
    /// Of samples at 8 kHz.
    pub(crate) fn of(samples: &[i16]) -> Self {
        let last = &samples[samples.len().saturating_sub(LISTENED)..];
        Self {
            level_dbov: level_dbov(last),
            pitch_hz: median_pitch(last),
            seconds: samples.len() as f32 / 8_000.0,
        }
    }
}

/// The callee of one call.
pub struct CallMood {
    lang: Lang,
    said: Vec<(String, Intent, f32, Manner)>,
}

impl CallMood {
    /// Nothing was said yet.
    pub fn new(lang: Lang) -> Self {
        Self { lang, said: Vec::new() }
    }

    /// An utterance, in place of the last where it is told together with that.
    pub fn heard(&mut self, heard: &Heard, rejoined: bool) {
        if rejoined || self.said.len() >= MAX_UTTERANCES {
            let at = if rejoined { self.said.len().saturating_sub(1) } else { 0 };
            (at < self.said.len()).then(|| self.said.remove(at));
        }
        self.said.push((heard.text.clone(), heard.intent, heard.confidence, heard.manner));
    }

    /// How the callee seems to feel; none where nothing was said.
    pub fn mood(&self) -> Option<Mood> {
        if self.said.is_empty() {
            return None;
        }
        let mean = |of: &dyn Fn(&Manner) -> Option<f32>| {
            let all: Vec<f32> = self.said.iter().filter_map(|s| of(&s.3)).collect();
            (all.len() >= OWN_WAY_FROM).then(|| all.iter().sum::<f32>() / all.len() as f32)
        };
        let level = mean(&|m| Some(m.level_dbov));
        let pitch = mean(&|m| m.pitch_hz);
        let said: Vec<Said<'_>> = self
            .said
            .iter()
            .map(|(text, intent, confidence, manner)| Said {
                text,
                intent: *intent,
                confidence: *confidence,
                prosody: level.map(|level| Prosody {
                    level_db_over_own_mean: manner.level_dbov - level,
                    pitch_ratio: manner.pitch_hz.zip(pitch).map_or(1.0, |(own, mean)| own / mean),
                    rate_syllables_s: syllables(self.lang, text) as f32 / manner.seconds.max(0.5),
                }),
            })
            .collect();
        Some(mood(self.lang, &said))
    }
}

/// Syllables of a text, as far as its letters tell: characters in Mandarin, groups of vowels in English.
fn syllables(lang: Lang, text: &str) -> usize {
    match lang {
        Lang::Zh => text.chars().filter(|c| c.is_alphanumeric()).count(),
        Lang::En => {
            let vowel = |c: char| matches!(c.to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u' | 'y');
            let begins = text.chars().scan(false, |before, c| {
                let is = vowel(c);
                let was = std::mem::replace(before, is);
                Some(is && !was)
            });
            begins.filter(|b| *b).count()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syllables_are_counted_well_enough() {
        assert_eq!(syllables(Lang::Zh, "我明天还，好吗？"), 6);
        assert_eq!(syllables(Lang::En, "I already told you"), 6, "ea counts once");
        assert_eq!(syllables(Lang::En, ""), 0);
    }

    #[test]
    fn of_nothing_said_there_is_no_mood_and_the_last_ones_are_kept() {
        let mut mood = CallMood::new(Lang::Zh);
        assert_eq!(mood.mood(), None);
        for n in 0..MAX_UTTERANCES + 9 {
            mood.said.push((n.to_string(), Intent::Affirm, 0.9, Manner::default()));
        }
        assert!(mood.mood().is_some());
    }
}
