//! Sound as plain numbers: 20 ms frames, G.711, resampling, levels, tones and mixing.
//!
//! Everything here is a function of its arguments: no clock, no file, no thread. Speech
//! recognition, voice activity and file formats live elsewhere; so do wideband codecs.

pub mod energy;
pub mod frame;
pub mod g711;
pub mod loudness;
pub mod mix;
pub mod resample;
pub mod stereo;
pub mod tone;

pub use frame::{Frame, SAMPLES_8K, SILENCE, StereoFrame};
pub use resample::{ResampleError, Resampler, resample};
pub use stereo::StereoChunk;
