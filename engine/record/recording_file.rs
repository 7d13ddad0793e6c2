//! One growing stereo WAV that is whole at every moment: sound first, then the lengths.
//!
//! Our own and not `hound`'s writer, because that one holds bytes back in a buffer of which a full
//! disk leaves an unknown part in the file, and then writes again when it is dropped.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use waihu_audio::StereoFrame;

use crate::file;

/// Bytes before the sound.
const HEADER: u64 = 44;
/// Bytes of one sample of both sides.
const BLOCK: u32 = 4;
/// Bytes of a millisecond of both sides.
const BYTES_PER_MS: u32 = 8 * BLOCK;
/// How much sound is gathered before it is written [bytes]: one second.
const BATCH: usize = 1_000 * BYTES_PER_MS as usize;
/// WAV's lengths are 32 bits: 37 hours.
const MAX_SOUND: u32 = u32::MAX - 1_024;

#[derive(Debug)]
pub(crate) struct RecordingFile {
    file: File,
    /// Sound in the file [bytes].
    written: u32,
    waiting: Vec<u8>,
}

impl RecordingFile {
    /// Begins a file, with the lengths of an empty one.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let mut file = file::create(path)?;
        file.write_all(&header(0))?;
        Ok(Self { file, written: 0, waiting: Vec::with_capacity(BATCH) })
    }

    /// Sound that is safely in the file [ms].
    pub(crate) fn duration_ms(&self) -> u64 {
        u64::from(self.written / BYTES_PER_MS)
    }

    /// Adds 20 ms. Each full second goes to the disk.
    pub(crate) fn add(&mut self, frame: &StereoFrame) -> io::Result<()> {
        for (left, right) in frame.left.iter().zip(&frame.right) {
            self.waiting.extend_from_slice(&left.to_le_bytes());
            self.waiting.extend_from_slice(&right.to_le_bytes());
        }
        if self.waiting.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    /// Brings what waits to the file, and then the lengths up to date. Where not all of it fits,
    /// the file keeps what does, in whole samples, and is a good WAV.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let mut done = 0;
        let result = loop {
            match self.waiting.get(done..) {
                None | Some([]) => break Ok(()),
                Some(_) if self.written > MAX_SOUND - BATCH as u32 => {
                    break Err(io::ErrorKind::FileTooLarge.into());
                }
                Some(rest) => match self.file.write(rest) {
                    Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                    Ok(n) => done += n,
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) => break Err(e),
                },
            }
        };
        self.waiting.clear();
        // At most a batch and a frame, so it fits.
        self.written += done as u32 / BLOCK * BLOCK;
        let end = HEADER + u64::from(self.written);
        let half_a_sample = if result.is_err() { self.file.set_len(end) } else { Ok(()) };
        let lengths = self.write_lengths(end);
        // The first fault is the cause of the others.
        result.and(half_a_sample).and(lengths)
    }

    /// Waits until the disk has it.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn write_lengths(&mut self, end: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&header(self.written))?;
        self.file.seek(SeekFrom::Start(end))?;
        Ok(())
    }
}

/// The sound in a file that [`RecordingFile`] wrote, whoever runs now: as much as its lengths tell of
/// and the disk has \[ms\]. A file that ends within its header holds none.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn sound_ms(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let there = file.metadata()?.len().saturating_sub(HEADER);
    let mut length = [0; 4];
    file.seek(SeekFrom::Start(HEADER - 4))?;
    match file.read_exact(&mut length) {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
        read => read.map(|()| there.min(u32::from_le_bytes(length).into()) / u64::from(BYTES_PER_MS)),
    }
}

/// The canonical header: PCM, two channels, 8000 Hz, 16 bits.
fn header(sound: u32) -> [u8; HEADER as usize] {
    let mut h = [0; HEADER as usize];
    h[0..4].copy_from_slice(b"RIFF");
    h[4..8].copy_from_slice(&(sound + HEADER as u32 - 8).to_le_bytes());
    h[8..16].copy_from_slice(b"WAVEfmt ");
    h[16..20].copy_from_slice(&16_u32.to_le_bytes());
    h[20..22].copy_from_slice(&1_u16.to_le_bytes());
    h[22..24].copy_from_slice(&2_u16.to_le_bytes());
    h[24..28].copy_from_slice(&8_000_u32.to_le_bytes());
    h[28..32].copy_from_slice(&(8_000 * BLOCK).to_le_bytes());
    h[32..34].copy_from_slice(&(BLOCK as u16).to_le_bytes());
    h[34..36].copy_from_slice(&16_u16.to_le_bytes());
    h[36..40].copy_from_slice(b"data");
    h[40..44].copy_from_slice(&sound.to_le_bytes());
    h
}
