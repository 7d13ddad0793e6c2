//! Recordings that a dead process or a dead disk left unfinished, made good.
//!
//! Only what the recorder's own header begins is touched: its lengths are set from the size of the file, and
//! a tail of less than a pair of samples is cut off. A file that is being written, by whatever process, is
//! held by its writer and left alone.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use crate::{
    file,
    header::{BLOCK, Beginning, HEADER, MAX_SOUND, beginning, header, ms_of},
};

/// Files that one sweep looks at: a month of 6,000 calls a day, some seconds of work.
const SWEEP_MOST: usize = 200_000;

/// What was found, and done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repaired {
    /// Nothing was wrong with it.
    Whole {
        /// Its length \[ms\].
        duration_ms: u64,
    },
    /// Its lengths were wrong, or its last pair of samples was not whole. Now it is a good WAV.
    Mended {
        /// Its length now \[ms\].
        duration_ms: u64,
        /// What was cut off its end, less than a pair of samples [bytes].
        cut_bytes: u8,
    },
    /// It ends within its header, or with it: no sound had come to the disk. It was left as it is.
    NoSound,
    /// It begins with zeros where a header should be: after a power cut the disk lacks its first block. It was
    /// left as it is, since its sample rate stands nowhere else; sound may be in it.
    HeaderLost,
    /// Another program's file, or one whose header is garbage. It was left as it is.
    Foreign,
    /// It is being written. It was left as it is.
    InUse,
}

/// Makes a recording good that was left unfinished.
///
/// # Errors
/// When it cannot be read, or what is wrong with it cannot be written.
pub fn repair(path: &Path) -> io::Result<Repaired> {
    let file = File::open(path)?;
    // Held until this is done, so what is seen here stays as it is.
    if let Err(e) = file::hold(&file) {
        return if e.kind() == io::ErrorKind::ResourceBusy { Ok(Repaired::InUse) } else { Err(e) };
    }
    let (found, size) = look(&file)?;
    let (rate_hz, riff, sound) = match found {
        Beginning::Foreign => return Ok(Repaired::Foreign),
        Beginning::Zeros => return Ok(Repaired::HeaderLost),
        Beginning::Begun => return Ok(Repaired::NoSound),
        Beginning::Ours { rate_hz, riff, sound } => (rate_hz, riff, sound),
    };
    let (there, cut_bytes) = sound_in(size);
    let duration_ms = ms_of(rate_hz, there.into());
    // A chunk of tags behind the sound, for example: whole, and other hands have changed it.
    let has_more = u64::from(riff) + 8 == size && HEADER + u64::from(sound) + u64::from(BLOCK) < size;
    if there == 0 {
        Ok(Repaired::NoSound)
    } else if has_more {
        Ok(Repaired::Foreign)
    } else if (sound, riff, cut_bytes) == (there, there + HEADER as u32 - 8, 0) {
        Ok(Repaired::Whole { duration_ms })
    } else {
        let file = OpenOptions::new().write(true).open(path)?;
        if cut_bytes > 0 {
            file.set_len(HEADER + u64::from(there))?;
        }
        file.write_all_at(&header(rate_hz, there), 0)?;
        Ok(Repaired::Mended { duration_ms, cut_bytes })
    }
}

/// What a file's lengths tell, as far as the disk has it, where nothing may be written \[ms\].
pub(crate) fn told_ms(path: &Path) -> io::Result<u64> {
    let (found, size) = look(&File::open(path)?)?;
    let Beginning::Ours { rate_hz, sound, .. } = found else { return Ok(0) };
    Ok(ms_of(rate_hz, sound.min(sound_in(size).0).into()))
}

fn look(mut file: &File) -> io::Result<(Beginning, u64)> {
    let size = file.metadata()?.len();
    let mut first = Vec::with_capacity(HEADER as usize);
    (&mut file).take(HEADER).read_to_end(&mut first)?;
    Ok((beginning(&first), size))
}

/// The sound of whole pairs in a file of this size, and what is left of another [bytes].
fn sound_in(size: u64) -> (u32, u8) {
    let sound = size.saturating_sub(HEADER);
    let block = u64::from(BLOCK);
    match u32::try_from(sound / block * block) {
        Ok(whole) if whole <= MAX_SOUND => (whole, (sound % block) as u8),
        // What is beyond the longest WAV is left where it is.
        _ => (MAX_SOUND, 0),
    }
}

/// What a sweep found.
#[derive(Debug, Default)]
pub struct Sweep {
    /// Files that nothing was wrong with.
    pub whole: usize,
    /// Files that were made good.
    pub mended: Vec<PathBuf>,
    /// Files without sound.
    pub no_sound: Vec<PathBuf>,
    /// Files that may hold sound, but have lost their header.
    pub header_lost: Vec<PathBuf>,
    /// Files that are not recordings, or no longer recognized.
    pub foreign: usize,
    /// Files that are being written.
    pub in_use: usize,
    /// Files that could not be read or made good, and why.
    pub failed: Vec<(PathBuf, io::Error)>,
    /// Whether the folder holds more than one sweep looks at: 200,000 files.
    pub is_partial: bool,
}

/// Makes good what dead processes left in a folder of recordings: each file there that ends in `.wav`, none in
/// folders below. A folder that does not exist holds nothing.
///
/// # Errors
/// When the folder cannot be read.
pub fn repair_left(folder: &Path) -> io::Result<Sweep> {
    sweep(folder, SWEEP_MOST)
}

fn sweep(folder: &Path, most: usize) -> io::Result<Sweep> {
    let mut swept = Sweep::default();
    let listed = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(swept),
        listed => listed?,
    };
    let mut looked_at = 0;
    for entry in listed {
        let entry = entry?;
        let path = entry.path();
        // Neither folders, nor links that lead elsewhere.
        if path.extension().is_none_or(|e| e != "wav") || !entry.file_type()?.is_file() {
            continue;
        }
        if looked_at == most {
            swept.is_partial = true;
            break;
        }
        looked_at += 1;
        match repair(&path) {
            Ok(Repaired::Whole { .. }) => swept.whole += 1,
            Ok(Repaired::Mended { .. }) => swept.mended.push(path),
            Ok(Repaired::NoSound) => swept.no_sound.push(path),
            Ok(Repaired::HeaderLost) => swept.header_lost.push(path),
            Ok(Repaired::Foreign) => swept.foreign += 1,
            Ok(Repaired::InUse) => swept.in_use += 1,
            // Another process may have tidied it away.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => swept.failed.push((path, e)),
        }
    }
    Ok(swept)
}

#[cfg(test)]
#[path = "repair_tests.rs"]
mod tests;
