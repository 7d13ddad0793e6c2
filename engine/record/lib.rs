//! What stays of a call on disk: a stereo WAV and a transcript, each with its hash.
//!
//! One thread writes the recordings of all calls ([`Recorder`]); a transcript is written by
//! whoever has the words ([`TranscriptWriter`]). [`wav`] reads and writes whole sound files.
//!
//! A full disk ends a recording, never a call. A killed process leaves files that lack about the last
//! second and that anybody can read; [`repair`] makes good what their headers do not tell of. A power cut
//! may leave less of a call that goes on, since only finished files are forced to the disk. Absent as
//! yet: encryption and retention.

mod error;
mod file;
mod header;
mod left;
mod pool;
mod recorder;
mod recording_file;
mod repair;
mod seal;
mod transcript;
pub mod wav;
mod writer;

pub use error::WavError;
pub use file::create as create_private;
pub use left::{recording_left, transcript_left};
pub use recorder::{Recorder, RecordingInProgress, StereoTap};
pub use repair::{Repaired, Sweep, repair, repair_left};
pub use transcript::{Speaker, TranscriptLine, TranscriptWriter};
pub use waihu_types::{Recording, Transcript};
pub use wav::Pcm;
