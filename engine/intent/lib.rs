//! What a callee means by one utterance: a sentence encoder, a trained head on top of it, and the
//! decision.
//!
//! The encoder is the multilingual Universal Sentence Encoder on candle (its weights are fetched,
//! never committed); the head is a multinomial logistic regression that we train ourselves from
//! the examples in `models/intents`. One language is one set of weights.
//!
//! Deliberately absent: entities and the rules that overrule scores (`waihu_nlu`), recognition of
//! speech (`waihu_asr`), and any download (`waihu_models`).

mod calibration;
mod classifier;
mod encoder;
mod error;
mod examples;
mod head;
mod lexical;
mod local;
mod npy;
mod regression;
mod report;
mod sentencepiece;
mod train;

pub use calibration::{Bin, Calibration};
pub use classifier::{Classifier, MAX_HYPOTHESES};
pub use encoder::{EMBEDDING_DIM, Encoder};
pub use error::IntentError;
pub use examples::{Example, ExampleSet, normalize, read_examples};
pub use head::{FEATURES_VERSION, Head};
pub use lexical::NGRAM_BUCKETS;
pub use local::Local;
pub use report::{Confusion, HeldOut, LabelReport, LanguageReport, Mistake, Report};
pub use train::{HELD_OUT, TrainOptions, TrainStep, TrainingData, heard_name, train, train_files};
