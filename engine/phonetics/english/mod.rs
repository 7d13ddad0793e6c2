//! English: text to its spoken form, and eSpeak NG's IPA to the model's symbols.
//!
//! Deliberately absent: letters to sound. eSpeak NG does that, between the two functions here.

mod align;
mod espeak;
mod normalise;
pub(crate) mod number;

pub use align::word_starts;
pub use espeak::from_espeak;
pub use normalise::{spoken_form, spoken_text};
