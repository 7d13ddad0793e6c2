//! One growing stereo WAV that is whole at every moment: sound first, then the lengths.
//!
//! Our own and not `hound`'s writer, because that one holds bytes back in a buffer of which a full
//! disk leaves an unknown part in the file, and then writes again when it is dropped. Each write names
//! its place in the file, so nothing depends on where the one before it stopped.

use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

use crate::{
    file,
    header::{BLOCK, HEADER, MAX_SOUND, header, ms_of},
};

#[derive(Debug)]
pub(crate) struct RecordingFile {
    file: File,
    rate_hz: u32,
    /// Sound in the file [bytes]; at most [`MAX_SOUND`].
    written: u32,
    /// Sound that the file's lengths tell of [bytes].
    told: u32,
}

impl RecordingFile {
    /// Begins a file, with the lengths of an empty one.
    pub(crate) fn create(path: &Path, rate_hz: u32) -> io::Result<Self> {
        let file = file::create_held(path)?;
        file.write_all_at(&header(rate_hz, 0), 0)?;
        Ok(Self { file, rate_hz, written: 0, told: 0 })
    }

    /// Sound that is safely in the file \[ms\].
    pub(crate) fn duration_ms(&self) -> u64 {
        ms_of(self.rate_hz, self.written.into())
    }

    /// Adds sound, interleaved, after `owed` pairs of silence; `bytes` is room to work in. The lengths
    /// follow once a second. Where not all of it fits, the file keeps what does, in whole pairs, and is a
    /// good WAV.
    pub(crate) fn add(&mut self, owed: u64, samples: &[i16], bytes: &mut Vec<u8>) -> io::Result<()> {
        // A copy of 16 kB, a microsecond: and the bytes are right on machines of either endianness.
        bytes.resize(size_of_val(samples), 0);
        bytes.as_chunks_mut().0.iter_mut().zip(samples).for_each(|(b, s)| *b = s.to_le_bytes());

        let room = u64::from(MAX_SOUND - self.written);
        let silence = owed.checked_mul(BLOCK.into()).filter(|n| n.saturating_add(bytes.len() as u64) <= room);
        let Some(silence) = silence else {
            return self.keep_what_fits(Err(io::ErrorKind::FileTooLarge.into()));
        };
        // It fits into `room`, which has 32 bits.
        let begin = self.written + silence as u32;
        // The silence itself is not written: a hole in a file reads as zeros.
        let (done, result) = if bytes.is_empty() && silence > 0 {
            (0, self.file.set_len(HEADER + u64::from(begin)))
        } else {
            self.write_at(HEADER + u64::from(begin), bytes)
        };
        if result.is_ok() || done >= BLOCK as usize {
            self.written = begin + done as u32 / BLOCK * BLOCK;
        }
        if result.is_err() {
            return self.keep_what_fits(result);
        }
        if self.written - self.told >= self.rate_hz * BLOCK { self.tell_lengths() } else { Ok(()) }
    }

    /// Brings the lengths up to date.
    pub(crate) fn tell_lengths(&mut self) -> io::Result<()> {
        if self.told == self.written {
            return Ok(());
        }
        self.file.write_all_at(&header(self.rate_hz, self.written), 0)?;
        self.told = self.written;
        Ok(())
    }

    /// Waits until the disk has it.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// How much came into the file, and why not all.
    fn write_at(&self, at: u64, bytes: &[u8]) -> (usize, io::Result<()>) {
        let mut done = 0;
        while let Some(rest) = bytes.get(done..).filter(|r| !r.is_empty()) {
            match self.file.write_at(rest, at + done as u64) {
                Ok(0) => return (done, Err(io::ErrorKind::WriteZero.into())),
                Ok(n) => done += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return (done, Err(e)),
            }
        }
        (done, Ok(()))
    }

    /// Cuts half a pair off and brings the lengths up to date, for nothing more will come.
    fn keep_what_fits(&mut self, result: io::Result<()>) -> io::Result<()> {
        let half_a_pair = self.file.set_len(HEADER + u64::from(self.written));
        let lengths = self.tell_lengths();
        // The first fault is the cause of the others.
        result.and(half_a_pair).and(lengths)
    }
}
