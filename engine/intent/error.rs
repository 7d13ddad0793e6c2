use std::path::PathBuf;

use waihu_types::Lang;

/// Why an encoder, a head or a file of examples could not be used.
#[derive(Debug, thiserror::Error)]
pub enum IntentError {
    /// A file could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A model file is cut short or is another kind of file.
    #[error("{path} is not a sound model file ({reason}); fetch the models again")]
    BadModel {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        reason: String,
    },
    /// Rows of a file of examples that cannot be used, each as `FILE:LINE: reason`.
    #[error("{} bad row(s) in the intent examples:\n{}", .0.len(), .0.join("\n"))]
    BadRows(Vec<String>),
    /// A language without enough to train on.
    #[error("no examples of {label:?} for {lang}: every label needs some")]
    NoExamples {
        /// The language.
        lang: Lang,
        /// The label without examples.
        label: &'static str,
    },
    /// No file of examples at all.
    #[error("{0} holds no examples: expected zh.tsv and en.tsv")]
    NoLanguages(PathBuf),
    /// The head is no JSON of ours, or its numbers do not fit its own description.
    #[error("{path} is not a trained intent head ({reason}); train it again")]
    BadHead {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        reason: String,
    },
    /// The head was trained for another set of labels.
    #[error("the intent head was trained for other labels (first difference: {difference}); train it again")]
    OtherLabels {
        /// The first label that one has and the other has not.
        difference: String,
    },
    /// The head was trained on the vectors of another encoder.
    #[error("the intent head was trained on encoder {trained}, but {loaded} is loaded; train it again")]
    OtherEncoder {
        /// The encoder that the head was trained on.
        trained: String,
        /// The encoder in use.
        loaded: String,
    },
    /// The head has no weights for this language.
    #[error("the intent head was not trained for {0}; add its examples and train again")]
    UntrainedLanguage(Lang),
    /// A computation failed in candle: a shape that does not fit.
    #[error("sentence encoder: {0}")]
    Compute(#[from] candle_core::Error),
    /// The tokenizer refused a text.
    #[error("sentence tokenizer: {0}")]
    Tokenize(String),
}
