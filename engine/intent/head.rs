//! The trained head: weights from sentence vector and surface features to intents, and its file.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use waihu_types::{Intent, Lang};

use crate::{
    EMBEDDING_DIM, IntentError,
    lexical::{self, NGRAM_BUCKETS},
    regression::{self, Shape},
};

/// The version of the file's format.
const FORMAT: u32 = 1;

/// The version of what is made of a text before the weights see it: normalization, words, runs of
/// characters, their buckets. To be counted up with every change of those: weights for others are noise.
pub const FEATURES_VERSION: u32 = 1;

/// The sizes of every head's model.
pub(crate) fn shape() -> Shape {
    Shape { dense: EMBEDDING_DIM, sparse: NGRAM_BUCKETS, classes: Intent::ALL.len() }
}

/// The weights of one language.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LanguageHead {
    pub lang: Lang,
    /// sha256 of the file of examples.
    pub data_sha256: String,
    pub examples: usize,
    /// Raw scores are divided by it before they become probabilities.
    pub temperature: f32,
    /// One row of intents for each feature: the vector's, the buckets', the bias.
    pub weights: Vec<f32>,
}

/// Trained weights for one or more languages, bound to an encoder and to the set of intents.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    format: u32,
    /// 0 where the head is older than this field.
    #[serde(default)]
    features: u32,
    encoder: String,
    labels: Vec<String>,
    buckets: usize,
    pub(crate) languages: Vec<LanguageHead>,
}

impl Head {
    pub(crate) fn new(encoder: &str, languages: Vec<LanguageHead>) -> Self {
        Self {
            format: FORMAT,
            features: FEATURES_VERSION,
            encoder: encoder.to_owned(),
            labels: Intent::ALL.iter().map(|i| i.label().to_owned()).collect(),
            buckets: NGRAM_BUCKETS,
            languages,
        }
    }

    /// Reads a head and checks that it fits these intents and its own sizes.
    pub fn load(path: &Path) -> Result<Self, IntentError> {
        let bytes =
            std::fs::read(path).map_err(|source| IntentError::Read { path: path.to_owned(), source })?;
        let bad = |reason: String| IntentError::BadHead { path: path.to_owned(), reason };
        let head: Self = serde_json::from_slice(&bytes).map_err(|e| bad(e.to_string()))?;
        if head.format != FORMAT {
            return Err(bad(format!("format {}, this release reads {FORMAT}", head.format)));
        }
        if head.features != FEATURES_VERSION {
            let (theirs, ours) = (head.features, FEATURES_VERSION);
            return Err(bad(format!("made for features {theirs} of a text, this release has {ours}")));
        }
        head.check_labels()?;
        let expected = shape().weights();
        for l in &head.languages {
            let sound = head.buckets == NGRAM_BUCKETS
                && l.weights.len() == expected
                && l.weights.iter().all(|w| w.is_finite())
                && l.temperature.is_finite()
                && l.temperature > 0.0;
            if !sound {
                return Err(bad(format!("the weights for {} do not fit", l.lang)));
            }
        }
        Ok(head)
    }

    fn check_labels(&self) -> Result<(), IntentError> {
        let ours: Vec<&str> = Intent::ALL.iter().map(|i| i.label()).collect();
        if self.labels == ours {
            return Ok(());
        }
        let at = ours.iter().zip(&self.labels).position(|(a, b)| a != b);
        let at = at.unwrap_or(ours.len().min(self.labels.len()));
        let show = |l: Option<&str>| l.unwrap_or("nothing").to_owned();
        Err(IntentError::OtherLabels {
            difference: format!(
                "{} here, {} in the head",
                show(ours.get(at).copied()),
                show(self.labels.get(at).map(String::as_str))
            ),
        })
    }

    /// Refuses a head that was trained on another encoder's vectors.
    pub fn check_encoder(&self, loaded: &str) -> Result<(), IntentError> {
        if self.encoder == loaded {
            return Ok(());
        }
        Err(IntentError::OtherEncoder { trained: self.encoder.clone(), loaded: loaded.to_owned() })
    }

    /// Writes the head, whole or not at all; folders are made.
    pub fn save(&self, path: &Path) -> Result<(), IntentError> {
        let fail = |source| IntentError::Write { path: path.to_owned(), source };
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).map_err(fail)?;
        }
        let bytes = serde_json::to_vec(self).map_err(|e| fail(e.into()))?;
        let part = PathBuf::from(format!("{}.part", path.display()));
        std::fs::write(&part, bytes).map_err(fail)?;
        std::fs::rename(&part, path).map_err(fail)
    }

    /// The languages that it was trained for.
    pub fn languages(&self) -> impl Iterator<Item = Lang> + '_ {
        self.languages.iter().map(|l| l.lang)
    }

    /// Names the encoder and the data behind the decisions of one language.
    pub fn version(&self) -> String {
        let mut out = self.encoder.clone();
        for l in &self.languages {
            out.push_str(&format!(" {}-{}", l.lang, l.data_sha256.get(..12).unwrap_or("unknown")));
        }
        out
    }

    /// Probabilities in the order of `Intent::ALL`, of a normalized text and its vector.
    pub(crate) fn probabilities(
        &self,
        lang: Lang,
        text: &str,
        vector: &[f32],
    ) -> Result<Vec<f32>, IntentError> {
        let head =
            self.languages.iter().find(|l| l.lang == lang).ok_or(IntentError::UntrainedLanguage(lang))?;
        let mut z = shape().logits(&head.weights, vector, &lexical::buckets(lang, text));
        regression::softmax(&mut z, head.temperature);
        Ok(z)
    }
}
