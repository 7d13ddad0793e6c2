use std::path::Path;

use waihu_nlu::{Decision, decide};
use waihu_types::{Intent, Lang};

use crate::{Encoder, Head, IntentError, examples::normalize};

/// The encoder and a head that fits it. It may be shared by threads.
pub struct Classifier {
    encoder: Encoder,
    head: Head,
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
        Ok(Self { encoder, head })
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

    /// The probabilities for many texts: faster than one by one.
    pub fn scores_of(&self, lang: Lang, texts: &[&str]) -> Result<Vec<Vec<f32>>, IntentError> {
        let texts: Vec<String> = texts.iter().map(|t| normalize(t)).collect();
        let views: Vec<&str> = texts.iter().map(String::as_str).collect();
        let vectors = self.encoder.encode(&views)?;
        let one = |(text, vector): (&&str, &Vec<f32>)| {
            if text.is_empty() { Ok(unknown()) } else { self.head.probabilities(lang, text, vector) }
        };
        views.iter().zip(&vectors).map(one).collect()
    }

    /// Decides on one intent, by the scores and the rules of `waihu_nlu`. `expected` are the intents
    /// that the script waits for, or none: a close decision falls to one of them.
    pub fn classify(&self, lang: Lang, text: &str, expected: &[Intent]) -> Result<Decision, IntentError> {
        Ok(decide(lang, text, &self.scores(lang, text)?, expected))
    }
}

fn unknown() -> Vec<f32> {
    vec![1.0 / Intent::ALL.len() as f32; Intent::ALL.len()]
}
