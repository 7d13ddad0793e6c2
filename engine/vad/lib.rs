//! Voice activity: Silero on ONNX Runtime, the beginning and end of an utterance, and Smart Turn, which
//! hears whether a pause is the end of a turn.
//!
//! [`onnx::init`] loads the runtime once; [`Silero::load`] the model, one a thread. Each call has a
//! [`Detector`] that turns its frames into probabilities of speech, and an [`Endpointer`] that turns
//! those into [`SpeechBoundary`]s in the caller's time.
//!
//! [`SmartTurn::finished`] judges a pause by its sound. Deliberately absent: keeping the sound, threads,
//! clocks, the decision itself (the turn room's, which also knows words and the question), and telling
//! people from recorded voices.

mod detector;
mod endpointer;
mod error;
mod mel;
pub mod onnx;
mod silero;
mod smart_turn;

pub use detector::{Detector, Gate};
pub use endpointer::{Endpointer, EndpointerConfig, SpeechBoundary};
pub use error::VadError;
pub use silero::{Silero, WINDOW_MS};
pub use smart_turn::SmartTurn;
