//! Sound as plain numbers: 20 ms frames, G.711 and G.722, concealment of what is lost, resampling,
//! levels, tones and mixing.
//!
//! Everything here is a function of its arguments: no clock, no file, no thread. Speech
//! recognition, the voice activity model and file formats live elsewhere; so does Opus.

pub mod comfort_noise;
pub mod conceal;
pub mod dtmf_detect;
pub mod energy;
pub mod foreground;
pub mod frame;
pub mod g711;
pub mod g722;
pub mod gate;
pub mod halfband;
pub mod loudness;
pub mod mix;
pub mod pitch;
pub mod resample;
pub mod stereo;
pub mod stretch;
pub mod tone;

pub use frame::{Frame, SAMPLES_8K, SILENCE};
pub use resample::{ResampleError, Resampler, resample};
pub use stereo::StereoChunk;
