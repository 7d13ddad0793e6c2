//! Local examples: lines that a script gives for one of its states, with what is meant by them there.
//!
//! A line that is close to one of them raises its intent; a line that is far from all changes nothing. Close is
//! the same words, the same sounds (a recognizer's homophones), or a vector that points the same way. A sentence
//! encoder sees little of a "not": lines of which one denies and the other does not are never close, but for
//! the same words. How far the limits hold is measured in FIGURES.md.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use waihu_types::Intent;

use crate::{Encoder, IntentError, examples::normalize, lexical::sounds};

/// Below this cosine a line has nothing to do with an example.
const FAR: f32 = 0.62;

/// From this cosine on it says the same.
const NEAR: f32 = 0.82;

/// What is heard as the example sounds, but is written otherwise.
const SAME_SOUND: f32 = 0.95;

/// The share of the scores that an example has at most: the same words may still mean something else, and
/// what is unmistakable stands above scores anyway (`waihu_nlu::decide`).
const MOST: f32 = 0.9;

/// Sets of examples that are kept: the states of some dozen scripts. Beyond it all are embedded anew.
const MAX_SETS: usize = 512;

/// The examples of one state, embedded.
#[derive(Debug)]
pub struct Local(Vec<Example>);

#[derive(Debug)]
struct Example {
    intent: Intent,
    text: String,
    sounds: String,
    denies: bool,
    vector: Vec<f32>,
}

impl Local {
    fn embed(encoder: &Encoder, examples: &[(Intent, String)]) -> Result<Self, IntentError> {
        let texts: Vec<(Intent, String)> = examples.iter().map(|(i, text)| (*i, normalize(text))).collect();
        let texts: Vec<(Intent, String)> = texts.into_iter().filter(|(_, text)| !text.is_empty()).collect();
        let views: Vec<&str> = texts.iter().map(|(_, text)| text.as_str()).collect();
        let vectors = encoder.encode(&views)?;
        let example = |((intent, text), vector): ((Intent, String), Vec<f32>)| Example {
            intent,
            sounds: sounds(&text),
            denies: denies(&text),
            text,
            vector,
        };
        Ok(Self(texts.into_iter().zip(vectors).map(example).collect()))
    }

    /// The intent of the closest example, and how close it is, above 0 and up to 1. Takes a normalized text
    /// and its vector.
    fn closest(&self, text: &str, vector: &[f32]) -> Option<(Intent, f32)> {
        let (heard, denied) = (sounds(text), denies(text));
        let closeness = |e: &Example| {
            if e.text == text {
                1.0
            } else if e.denies != denied {
                0.0
            } else if e.sounds == heard {
                SAME_SOUND
            } else {
                let cosine: f32 = e.vector.iter().zip(vector).map(|(a, b)| a * b).sum();
                ((cosine - FAR) / (NEAR - FAR)).clamp(0.0, 1.0)
            }
        };
        let all = self.0.iter().map(|e| (e.intent, closeness(e)));
        all.filter(|(_, c)| *c > 0.0).max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Raises the intent of the closest example in the scores of a normalized text.
    pub(crate) fn raise(&self, text: &str, vector: &[f32], scores: &mut [f32]) {
        let Some((intent, closeness)) = self.closest(text, vector) else { return };
        let Some(at) = Intent::ALL.iter().position(|i| *i == intent) else { return };
        let share = MOST * closeness;
        scores.iter_mut().for_each(|s| *s *= 1.0 - share);
        if let Some(score) = scores.get_mut(at) {
            *score += share;
        }
    }
}

/// Sets that were embedded, by their content.
#[derive(Default)]
pub(crate) struct Sets(Mutex<HashMap<Lines, Arc<Local>>>);

/// A state's lines, with what each means.
type Lines = Arc<[(Intent, String)]>;

impl Sets {
    pub(crate) fn of(
        &self,
        encoder: &Encoder,
        examples: &[(Intent, String)],
    ) -> Result<Arc<Local>, IntentError> {
        // Each change is one step: nothing is left half done.
        let sets = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(local) = sets().get(examples) {
            return Ok(Arc::clone(local));
        }
        // Not under the lock: others go on with theirs, and two that embed the same come to the same.
        let local = Arc::new(Local::embed(encoder, examples)?);
        let mut sets = sets();
        if sets.len() >= MAX_SETS {
            sets.clear();
        }
        sets.insert(examples.into(), Arc::clone(&local));
        Ok(local)
    }
}

/// Whether a normalized text has a word that denies. A doubt only costs the examples their say.
fn denies(text: &str) -> bool {
    const ZH: [char; 6] = ['不', '没', '别', '无', '未', '甭'];
    const EN: [&str; 9] = ["not", "no", "never", "none", "nothing", "cannot", "without", "nobody", "neither"];
    text.contains(ZH) || text.split(' ').any(|w| EN.contains(&w) || w.ends_with("n't"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(intent: Intent, text: &str, vector: [f32; 2]) -> Example {
        let text = normalize(text);
        Example { intent, sounds: sounds(&text), denies: denies(&text), text, vector: vector.to_vec() }
    }

    /// At this cosine to (1, 0).
    fn at(cosine: f32) -> [f32; 2] {
        [cosine, (1.0 - cosine * cosine).sqrt()]
    }

    fn local() -> Local {
        Local(vec![
            example(Intent::PromiseToPay, "发工资就还", at(1.0)),
            example(Intent::RefuseToPay, "我不还", at(0.0)),
        ])
    }

    fn even() -> Vec<f32> {
        vec![1.0 / Intent::ALL.len() as f32; Intent::ALL.len()]
    }

    fn share(local: &Local, text: &str, cosine: f32, of: Intent) -> f32 {
        let mut scores = even();
        local.raise(&normalize(text), &at(cosine), &mut scores);
        assert!((scores.iter().sum::<f32>() - 1.0).abs() < 1e-4, "they are shares all the same");
        scores[Intent::ALL.iter().position(|i| *i == of).unwrap()]
    }

    #[test]
    fn what_is_close_raises_its_intent_and_what_is_far_changes_nothing() {
        let promise = |text, cosine| share(&local(), text, cosine, Intent::PromiseToPay);
        assert!(promise("发工资就还。", 0.0) > 0.9, "the same words");
        assert!(promise("发公资就环", 0.0) > 0.8, "the same sounds");
        assert!(promise("工资到账就给你们", NEAR) > 0.9);
        let between = promise("工资到账就给你们", (FAR + NEAR) / 2.0);
        assert!((0.4..0.6).contains(&between), "{between}");
        let mut scores = even();
        local().raise("今天天气很好", &at(FAR - 0.01), &mut scores);
        assert_eq!(scores, even());
    }

    #[test]
    fn a_denial_is_not_close_to_what_it_denies() {
        let promise = |text, cosine| share(&local(), text, cosine, Intent::PromiseToPay);
        assert!(promise("发工资也不还", 0.95) < 0.1);
        assert!(share(&local(), "我不还", 0.9, Intent::RefuseToPay) > 0.9);
        assert!(denies("i won't pay") && denies("i have no job") && !denies("i know nora"));
    }
}
