//! Recognition of one utterance: Whisper on whisper.cpp, made for the telephone.
//!
//! [`Asr::load`] checks the model file and loads it; [`Asr::transcribe`] turns up to 30 s of 16 kHz
//! samples into text, greedily and in one go. The window is cut to the utterance's length (the model
//! would otherwise compute 30 s each time), a short prompt in the domain's words mends homophones, and
//! what the model makes up out of silence is thrown away. Chinese comes out in simplified characters.
//!
//! Deliberately absent: reading files, resampling, finding where speech begins and ends, threads and
//! queues (one [`Asr`] is one worker's own; [`Asr::another`] shares the weights), streaming, time stamps.

mod check;
mod cost;
mod engine;
mod error;
mod guard;
mod hypotheses;
mod prompt;
mod script;

pub use cost::thread_time;
pub use engine::{Asr, AsrConfig, Options, Transcription, Window};
pub use error::AsrError;
pub use guard::Rejected;
pub use hypotheses::Hypothesis;
pub use prompt::{Prompt, default_prompt};
pub use script::{mend_commas, to_simplified};
