use std::{path::Path, sync::Arc};

use waihu_nlu::{Decision, Reading, clauses, combine, decide, fuse};
use waihu_types::{Intent, Lang};

use crate::{
    Encoder, Head, IntentError,
    examples::normalize,
    local::{Local, Sets},
};

/// The encoder and a head that fits it. It may be shared by threads.
pub struct Classifier {
    encoder: Encoder,
    head: Head,
    sets: Sets,
}

impl Classifier {
    /// Loads the encoder's folder (`weights.npz`, `sp.model`) and the head's file.
    pub fn load(encoder_dir: &Path, head: &Path) -> Result<Self, IntentError> {
        let head = Head::load(head)?;
        Self::new(Encoder::load(encoder_dir)?, head)
    }

    /// Joins an encoder and a head; refuses a head that was trained on another encoder.
    pub fn new(encoder: Encoder, head: Head) -> Result<Self, IntentError> {
        head.check_encoder(encoder.version())?;
        Ok(Self { encoder, head, sets: Sets::default() })
    }

    /// Names the models behind a decision, for outcomes.
    pub fn version(&self) -> String {
        self.head.version()
    }

    /// The probability of each intent, in the order of `Intent::ALL`. A text without a word (only
    /// punctuation, or nothing) tells nothing: all are alike.
    pub fn scores(&self, lang: Lang, text: &str) -> Result<Vec<f32>, IntentError> {
        let mut all = self.scores_of(lang, &[text])?;
        Ok(all.pop().unwrap_or_else(unknown))
    }

    /// A script's examples for one state, for [`Self::decide`]. They are embedded once, whoever asks, and kept
    /// by their content.
    pub fn local(&self, examples: &[(Intent, String)]) -> Result<Arc<Local>, IntentError> {
        self.sets.of(&self.encoder, examples)
    }

    /// The probabilities for many texts: faster than one by one.
    pub fn scores_of(&self, lang: Lang, texts: &[&str]) -> Result<Vec<Vec<f32>>, IntentError> {
        self.scores_near(lang, texts, None)
    }

    fn scores_near(
        &self,
        lang: Lang,
        texts: &[&str],
        local: Option<&Local>,
    ) -> Result<Vec<Vec<f32>>, IntentError> {
        let texts: Vec<String> = texts.iter().map(|t| normalize(t)).collect();
        let views: Vec<&str> = texts.iter().map(String::as_str).collect();
        let vectors = self.encoder.encode(&views)?;
        let one = |(text, vector): (&&str, &Vec<f32>)| {
            if text.is_empty() {
                return Ok(unknown());
            }
            let mut scores = self.head.probabilities(lang, text, vector)?;
            if let Some(local) = local {
                local.raise(text, vector, &mut scores);
            }
            Ok(scores)
        };
        views.iter().zip(&vectors).map(one).collect()
    }

    /// Decides on one intent of one text, by the scores and the rules of `waihu_nlu`; as
    /// [`Self::decide`] of a single guess.
    pub fn classify(&self, lang: Lang, text: &str, expected: &[Intent]) -> Result<Decision, IntentError> {
        self.decide(lang, &[(text, 0.0)], expected, None)
    }

    /// Decides on one intent over a recognizer's guesses at one utterance: each with the mean
    /// log-probability of its tokens, in any order; the best [`MAX_HYPOTHESES`] count. `expected` are
    /// the intents that the script waits for, or none: a close decision falls to one of them. The
    /// likeliest guess is also read clause by clause, for what else was meant ([`Decision::also`]). What is
    /// close to one of the `local` examples is taken for what that means.
    pub fn decide(
        &self,
        lang: Lang,
        hypotheses: &[(&str, f32)],
        expected: &[Intent],
        local: Option<&Local>,
    ) -> Result<Decision, IntentError> {
        let mut guesses = hypotheses.to_vec();
        guesses.sort_by(|a, b| sane(b.1).total_cmp(&sane(a.1)));
        guesses.truncate(MAX_HYPOTHESES);
        let parts = guesses.first().map_or_else(Vec::new, |g| clauses(lang, g.0));
        let texts: Vec<&str> = guesses.iter().map(|g| g.0).chain(parts.iter().copied()).collect();
        let scores = self.scores_near(lang, &texts, local)?;
        let (of_guesses, of_parts) = scores.split_at(guesses.len());
        let readings: Vec<Reading<'_>> = guesses
            .iter()
            .zip(of_guesses)
            .map(|((text, log_probability), scores)| Reading {
                text,
                log_probability: *log_probability,
                scores,
            })
            .collect();
        let whole = fuse(lang, &readings, expected);
        let read: Vec<Decision> =
            parts.iter().zip(of_parts).map(|(text, scores)| decide(lang, text, scores, &[])).collect();
        Ok(combine(whole, &read))
    }
}

/// Guesses that have a say: the fifth hardly ever differs in a word that counts, and each costs a pass.
pub const MAX_HYPOTHESES: usize = 5;

/// What is no number stands last.
fn sane(log_probability: f32) -> f32 {
    if log_probability.is_finite() { log_probability } else { f32::MIN }
}

fn unknown() -> Vec<f32> {
    vec![1.0 / Intent::ALL.len() as f32; Intent::ALL.len()]
}
