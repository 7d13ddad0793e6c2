//! What is done to a model's file after it was fetched.
//!
//! Whisper's weights go from CTranslate2's file to whisper.cpp's (ggml): the CTranslate2 side is read in `ct2`, the ggml side written in `ggml`; the mel filters, which
//! only the ggml file carries, are computed in `mel`, and its vocabulary comes out of a
//! `tokenizer.json` in `tokens`. Deliberately absent there: any other architecture, and weights that
//! are quantized already. `onnx` takes an ONNX model's integer operators out.

mod ct2;
mod ggml;
mod mel;
mod onnx;
mod tokens;

use std::io::Write;

pub use ggml::Weights;
pub use onnx::in_floating_point;

/// Bytes that are not the Whisper model they should be.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// The input ends too early.
    #[error("the CTranslate2 model ends early, at byte {at}, in {reading}")]
    Ended {
        /// Offset of what was being read.
        at: usize,
        /// What was being read.
        reading: &'static str,
    },
    /// Another file version.
    #[error("CTranslate2 file version {0}: only version 6 is known")]
    Version(u32),
    /// Another architecture.
    #[error("the CTranslate2 model is a {0:?}, not a WhisperSpec")]
    Spec(String),
    /// A string is not NUL-ended UTF-8.
    #[error("the CTranslate2 model has a damaged string at byte {0}")]
    Text(usize),
    /// A number that cannot be, such as a rank of 200.
    #[error("the CTranslate2 model has an impossible {what} at byte {at}")]
    Impossible {
        /// Its offset.
        at: usize,
        /// What it counts.
        what: &'static str,
    },
    /// A variable is not there.
    #[error("the CTranslate2 model has no variable {0}")]
    NoVariable(String),
    /// A variable has another shape.
    #[error("the variable {name} has shape {actual:?}, expected {expected:?}")]
    Shape {
        /// Its name.
        name: String,
        /// Its dimensions.
        actual: Vec<usize>,
        /// The dimensions by the rest of the model.
        expected: Vec<usize>,
    },
    /// A variable has a type other than f16 and f32.
    #[error("the variable {0} is neither f16 nor f32: take the model unquantized")]
    Type(String),
    /// The key projection has a bias, for which ggml has no place.
    #[error("the key bias in {0} is not zero, which Whisper's is")]
    KeyBias(String),
    /// The tokenizer is not Whisper's.
    #[error("tokenizer.json: {0}")]
    Tokenizer(String),
    /// The ONNX model is not what was expected.
    #[error("the ONNX model: {0}")]
    Onnx(String),
    /// The result cannot be written.
    #[error("{0}")]
    Write(#[from] std::io::Error),
}

/// Writes the ggml file for the CTranslate2 Whisper `model` with the vocabulary of `tokenizer_json`.
///
/// The same input gives the same bytes, so that a manifest can hold their hash.
///
/// # Errors
/// [`ConvertError`] for anything but a well-formed unquantized Whisper model of file version 6.
pub fn whisper(
    model: &[u8],
    tokenizer_json: &[u8],
    weights: Weights,
    out: &mut dyn Write,
) -> Result<(), ConvertError> {
    let model = ct2::Model::parse(model)?;
    let tokens = tokens::base_tokens(tokenizer_json)?;
    ggml::write(&model, &tokens, weights, out)
}

#[cfg(test)]
mod tests;
