//! Stereo recordings, transcripts, WAV reading. The room is laid out and not yet furnished.
