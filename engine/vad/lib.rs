//! Voice activity: Silero on ONNX Runtime, and the beginning and end of an utterance.
//!
//! [`onnx::init`] loads the runtime once; [`Silero::load`] the model, one a thread. Each call has a
//! [`Detector`] that turns its frames into probabilities of speech, and an [`Endpointer`] that turns
//! those into [`SpeechBoundary`]s in the caller's time.
//!
//! Deliberately absent: keeping the sound, threads, clocks, turn-taking by what was said (a silence
//! is all that ends an utterance here), and telling people from recorded voices.

mod detector;
mod endpointer;
mod error;
pub mod onnx;
mod silero;

pub use detector::{Detector, Gate};
pub use endpointer::{Endpointer, EndpointerConfig, SpeechBoundary};
pub use error::VadError;
pub use silero::{Silero, WINDOW_MS};
