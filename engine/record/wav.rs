//! Whole WAV files: any that a person may hand in, read to float samples; ours, written.
//!
//! Read here and not by `hound`, which refuses the telephone's A-law and µ-law and streamed files
//! without lengths, and whose errors do not say what to do. Writing is hound's. Absent: RF64,
//! ADPCM, and every other container.

use std::{fs::File, io::Read, path::Path};

use waihu_audio::g711::Law;

use crate::{error::WavError, file::make_folder_of};

/// The largest file read [bytes]: two hours of a recorded call, one where it has 16 kHz. As floats it takes
/// two to four times as much memory.
const LARGEST: u64 = 1 << 28;
/// From here on, a length is the mark of a program that wrote to a pipe and did not know it.
const UNKNOWN_LENGTH: u64 = 0x7FFF_0000;

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const ALAW: u16 = 6;
const ULAW: u16 = 7;
/// The real tag stands in the first two bytes of the sub-format.
const EXTENSIBLE: u16 = 0xFFFE;

/// Sound as it was in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Pcm {
    /// Samples a second [Hz].
    pub rate: u32,
    /// One or more channels of the same length, samples from -1 to 1.
    pub channels: Vec<Vec<f32>>,
}

impl Pcm {
    /// All channels as one: their mean.
    pub fn mono(&self) -> Vec<f32> {
        let Some((first, rest)) = self.channels.split_first() else { return Vec::new() };
        let mut out = first.clone();
        for channel in rest {
            out.iter_mut().zip(channel).for_each(|(o, s)| *o += s);
        }
        let n = self.channels.len() as f32;
        out.iter_mut().for_each(|o| *o /= n);
        out
    }

    /// How long it is [ms].
    pub fn duration_ms(&self) -> u64 {
        let samples = self.channels.first().map_or(0, Vec::len) as u64;
        samples * 1_000 / u64::from(self.rate.max(1))
    }
}

/// How samples are coded, from the `fmt ` chunk.
#[derive(Clone, Copy, Debug)]
struct Format {
    tag: u16,
    channels: u16,
    rate: u32,
    bits: u16,
}

/// Reads a WAV of any rate and number of channels: 8, 16, 24 or 32-bit integers, 32 or 64-bit
/// floats, A-law, µ-law.
///
/// # Errors
/// When it is no WAV, damaged, cut off, without sound, or coded otherwise.
pub fn read(path: impl AsRef<Path>) -> Result<Pcm, WavError> {
    let path = path.as_ref();
    let failed = |source| WavError::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    if bytes > LARGEST {
        return Err(WavError::TooLarge { path: path.to_owned(), bytes, limit: LARGEST });
    }
    read_from(path, &mut file)
}

/// Reads the same from wherever it is, of a sealed file for example; `path` is for messages.
///
/// # Errors
/// As [`read`].
pub fn read_from(path: &Path, source: &mut dyn Read) -> Result<Pcm, WavError> {
    let bytes = contents(path, source)?;
    let (format, data) = find_sound(path, &bytes)?;
    let width = usize::from(format.bits.div_ceil(8));
    let decode = decoder(format.tag, format.bits).ok_or_else(|| WavError::Coding {
        path: path.to_owned(),
        format: format.tag,
        bits: format.bits,
    })?;
    let block = width * usize::from(format.channels);
    let mut channels = vec![Vec::with_capacity(data.len() / block.max(1)); usize::from(format.channels)];
    for samples in data.chunks_exact(block) {
        for (channel, sample) in channels.iter_mut().zip(samples.chunks_exact(width)) {
            channel.push(decode(sample));
        }
    }
    if channels.first().is_none_or(Vec::is_empty) {
        return Err(WavError::Empty { path: path.to_owned() });
    }
    Ok(Pcm { rate: format.rate, channels })
}

fn contents(path: &Path, source: &mut dyn Read) -> Result<Vec<u8>, WavError> {
    let failed = |source| WavError::Read { path: path.to_owned(), source };
    let mut out = Vec::new();
    // A pipe has no length beforehand.
    source.take(LARGEST + 1).read_to_end(&mut out).map_err(failed)?;
    let bytes = out.len() as u64;
    if bytes > LARGEST {
        return Err(WavError::TooLarge { path: path.to_owned(), bytes, limit: LARGEST });
    }
    Ok(out)
}

/// Walks the chunks to the format and the sound.
fn find_sound<'a>(path: &Path, bytes: &'a [u8]) -> Result<(Format, &'a [u8]), WavError> {
    let damaged = |what| WavError::Damaged { path: path.to_owned(), what };
    if bytes.is_empty() {
        return Err(WavError::Empty { path: path.to_owned() });
    }
    if !(bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WAVE")) {
        return Err(WavError::NotWav { path: path.to_owned(), looks_like: looks_like(bytes) });
    }
    let mut format = None;
    let mut at = 12;
    while let Some(head) = bytes.get(at..at + 8) {
        let declared = u64::from(u32_at(head, 4));
        let body = &bytes[at + 8..];
        let present = body.len() as u64;
        if &head[..4] == b"data" {
            let format = format.ok_or_else(|| damaged("its sound stands before its format"))?;
            // Length 0 in a file that is longer than it says: a writer that was killed before it
            // came back to it.
            let grew = u64::from(u32_at(bytes, 4)) + 8 < bytes.len() as u64;
            let unknown = declared >= UNKNOWN_LENGTH || (declared == 0 && grew);
            if !unknown && declared > present {
                return Err(WavError::Truncated { path: path.to_owned(), declared, present });
            }
            let length = if unknown { present } else { declared };
            return Ok((format, &body[..length as usize]));
        }
        if &head[..4] == b"fmt " {
            let length = declared.min(present) as usize;
            format = Some(parse_format(&body[..length]).ok_or_else(|| damaged("its format makes no sense"))?);
        }
        // Chunks begin at even places.
        let Some(next) = usize::try_from(declared + declared % 2).ok().and_then(|n| at.checked_add(8 + n))
        else {
            break;
        };
        at = next;
    }
    Err(damaged(if format.is_some() { "it has no sound chunk" } else { "it has no format chunk" }))
}

fn parse_format(body: &[u8]) -> Option<Format> {
    let mut tag = u16_at(body.get(..16)?, 0);
    if tag == EXTENSIBLE {
        tag = u16_at(body.get(24..26)?, 0);
    }
    let (channels, rate, bits) = (u16_at(body, 2), u32_at(body, 4), u16_at(body, 14));
    // Compressed codings have no bits a sample; they are refused as what they are.
    (channels > 0 && rate > 0).then_some(Format { tag, channels, rate, bits })
}

/// How one sample of a coding becomes a number; `None` for codings not read here.
fn decoder(tag: u16, bits: u16) -> Option<fn(&[u8]) -> f32> {
    /// The upper bytes of a 32-bit integer, little end first.
    fn int(b: &[u8]) -> f32 {
        let mut word = [0; 4];
        word[4 - b.len()..].copy_from_slice(b);
        i32::from_le_bytes(word) as f32 / 2_147_483_648.0
    }
    fn float(s: f32) -> f32 {
        if s.is_finite() { s.clamp(-1.0, 1.0) } else { 0.0 }
    }
    fn law(law: Law, b: &[u8]) -> f32 {
        f32::from(law.decode(b[0])) / 32_768.0
    }
    Some(match (tag, bits) {
        // Eight bits alone are without sign.
        (PCM, 8) => |b| (f32::from(b[0]) - 128.0) / 128.0,
        (PCM, 16 | 24 | 32) => int,
        (FLOAT, 32) => |b| float(f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
        (FLOAT, 64) => |b| float(f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f32),
        (ALAW, 8) => |b| law(Law::A, b),
        (ULAW, 8) => |b| law(Law::Mu, b),
        _ => return None,
    })
}

fn looks_like(bytes: &[u8]) -> &'static str {
    let b = bytes;
    match () {
        () if b.starts_with(b"ID3") || (b[0] == 0xFF && b.get(1).is_some_and(|x| x & 0xE0 == 0xE0)) => {
            "an MP3"
        }
        () if b.starts_with(b"OggS") => "an Ogg file",
        () if b.starts_with(b"fLaC") => "a FLAC file",
        () if b.starts_with(b"RF64") || b.starts_with(b"RIFX") => "a variant of WAV (RF64 or RIFX)",
        () if b.get(4..8) == Some(b"ftyp") => "an MP4 or M4A",
        () if b.starts_with(b"#!AMR") => "an AMR file",
        () if b.iter().take(512).all(|c| matches!(c, 9 | 10 | 13 | 32..=126 | 128..)) => "text",
        () => "something else",
    }
}

fn u16_at(b: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([b[at], b[at + 1]])
}

fn u32_at(b: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]])
}

/// Writes 16-bit mono at `rate` [Hz]. Its folder is made where it is missing.
///
/// # Errors
/// When the file cannot be written.
pub fn write_mono(path: impl AsRef<Path>, rate: u32, samples: &[i16]) -> Result<(), WavError> {
    let path = path.as_ref();
    let failed = |e: hound::Error| WavError::Write { path: path.to_owned(), cause: e.to_string() };
    make_folder_of(path).map_err(|e| failed(e.into()))?;
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).map_err(failed)?;
    for s in samples {
        writer.write_sample(*s).map_err(failed)?;
    }
    writer.finalize().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use waihu_audio::{frame::to_i16, tone};

    /// A WAV from its parts.
    fn file(tag: u16, channels: u16, bits: u16, declared: Option<u32>, data: &[u8]) -> Vec<u8> {
        let block = channels * bits / 8;
        let mut b = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0".to_vec();
        b.extend(tag.to_le_bytes());
        b.extend(channels.to_le_bytes());
        b.extend(8_000_u32.to_le_bytes());
        b.extend((8_000 * u32::from(block)).to_le_bytes());
        b.extend(block.to_le_bytes());
        b.extend(bits.to_le_bytes());
        b.extend(b"data");
        b.extend(declared.unwrap_or(data.len() as u32).to_le_bytes());
        b.extend(data);
        b
    }

    fn read_bytes(bytes: &[u8]) -> Result<Pcm, WavError> {
        let f = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(f.path(), bytes).unwrap();
        read(f.path())
    }

    fn message(bytes: &[u8]) -> String {
        read_bytes(bytes).unwrap_err().to_string()
    }

    #[test]
    fn every_coding_gives_the_same_sound() {
        let sound = tone::sine(440.0, 100, -9.0, 8_000);
        let all = |f: &dyn Fn(i16) -> Vec<u8>| sound.iter().flat_map(|s| f(*s)).collect::<Vec<u8>>();
        let cases: [(u16, u16, f32, Vec<u8>); 8] = [
            (PCM, 8, 0.008, all(&|s| vec![((i32::from(s) >> 8) + 128) as u8])),
            (PCM, 16, 1e-6, all(&|s| s.to_le_bytes().to_vec())),
            (PCM, 24, 1e-6, all(&|s| (i32::from(s) << 8).to_le_bytes()[..3].to_vec())),
            (PCM, 32, 1e-6, all(&|s| (i32::from(s) << 16).to_le_bytes().to_vec())),
            (FLOAT, 32, 1e-6, all(&|s| (f32::from(s) / 32_768.0).to_le_bytes().to_vec())),
            (FLOAT, 64, 1e-6, all(&|s| (f64::from(s) / 32_768.0).to_le_bytes().to_vec())),
            (ALAW, 8, 0.02, all(&|s| vec![Law::A.encode(s)])),
            (ULAW, 8, 0.02, all(&|s| vec![Law::Mu.encode(s)])),
        ];
        for (tag, bits, error, data) in cases {
            let pcm = read_bytes(&file(tag, 1, bits, None, &data)).unwrap();
            assert_eq!((pcm.rate, pcm.channels.len(), pcm.duration_ms()), (8_000, 1, 100));
            for (got, want) in pcm.channels[0].iter().zip(&sound) {
                assert!((got - f32::from(*want) / 32_768.0).abs() <= error, "format {tag}, {bits} bits");
            }
        }
    }

    #[test]
    fn channels_are_kept_apart_and_mixed_on_demand() {
        let data: Vec<u8> =
            [[1_000_i16, -3_000], [2_000, -2_000]].concat().iter().flat_map(|s| s.to_le_bytes()).collect();
        let pcm = read_bytes(&file(PCM, 2, 16, None, &data)).unwrap();
        assert_eq!(
            pcm.channels.iter().map(|c| to_i16(c)).collect::<Vec<_>>(),
            [[1_000, 2_000], [-3_000, -2_000]]
        );
        assert_eq!(to_i16(&pcm.mono()), [-1_000, 0]);
    }

    #[test]
    fn a_file_without_a_length_is_read_to_its_end() {
        for declared in [0, u32::MAX, 0x7FFF_FFFF - 36] {
            let pcm = read_bytes(&file(PCM, 1, 16, Some(declared), &[1, 0, 2, 0, 3])).unwrap();
            assert_eq!(to_i16(&pcm.channels[0]), [1, 2]);
        }
    }

    #[test]
    fn what_is_no_use_is_refused_in_words_for_people() {
        assert!(message(b"ID3\x04").contains("an MP3"));
        assert!(message("喂，你好\n".as_bytes()).contains("but text"));
        assert!(message(&[]).contains("holds no sound"));
        assert!(message(&file(PCM, 1, 16, None, &[])).contains("holds no sound"));
        assert!(message(&file(PCM, 1, 16, Some(800), &[0; 300])).contains("300 of 800 bytes"));
        assert!(message(&file(2, 1, 4, None, &[0; 300])).contains("format 2, 4 bits"));
        assert!(message(&file(PCM, 0, 16, None, &[0; 300])).contains("makes no sense"));
        assert!(message(&file(PCM, 1, 16, None, &[0; 300])[..24]).contains("no format chunk"));
        assert!(read("/nowhere/at/all.wav").unwrap_err().to_string().contains("/nowhere/at/all.wav"));
        assert!(read("/").is_err());
    }

    #[test]
    fn no_bytes_make_it_fall() {
        let good = file(PCM, 2, 24, None, &[7; 60]);
        for n in 0..good.len() {
            let _ = read_bytes(&good[..n]);
            for value in [0, 1, 0x7F, 0xFF] {
                let mut bad = good.clone();
                bad[n] = value;
                let _ = read_bytes(&bad);
            }
        }
    }

    proptest::proptest! {
        /// Bytes overwritten, cut out and put in anywhere: sound or an error, and no more sound
        /// than there are bytes for.
        #[test]
        fn no_corruption_makes_it_fall(
            coding in 0..5_usize,
            changes in proptest::collection::vec((0..200_usize, 0..3_u8, proptest::num::u8::ANY), 1..12),
        ) {
            let (tag, bits) = [(PCM, 16), (PCM, 24), (FLOAT, 64), (ALAW, 8), (EXTENSIBLE, 32)][coding];
            let mut bytes = file(tag, 2, bits, None, &[0x55; 96]);
            for (at, how, value) in changes {
                let at = at % bytes.len();
                match how {
                    0 => bytes[at] = value,
                    1 => bytes.insert(at, value),
                    _ if bytes.len() > 1 => drop(bytes.remove(at)),
                    _ => {}
                }
            }
            match read_bytes(&bytes) {
                Ok(pcm) => {
                    let n = pcm.channels[0].len();
                    proptest::prop_assert!(n > 0 && n * pcm.channels.len() <= bytes.len());
                    let sane = |s: &f32| s.abs() <= 1.0;
                    proptest::prop_assert!(pcm.channels.iter().all(|c| c.len() == n && c.iter().all(sane)));
                    proptest::prop_assert_eq!(pcm.mono().len(), n);
                }
                Err(e) => proptest::prop_assert!(!e.to_string().is_empty()),
            }
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/deep/a.wav");
        let sound = tone::sine(440.0, 100, -9.0, 24_000);
        write_mono(&path, 24_000, &sound).unwrap();
        let pcm = read(&path).unwrap();
        assert_eq!((pcm.rate, to_i16(&pcm.mono())), (24_000, sound));
        assert!(write_mono("/proc/no.wav", 8_000, &[1]).unwrap_err().to_string().contains("/proc/no.wav"));
    }
}
