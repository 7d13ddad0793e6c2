//! The 44 bytes before the sound of a recording, written and recognized. Bytes in, bytes out: no file here.

/// Bytes before the sound.
pub(crate) const HEADER: u64 = 44;
/// Bytes of one sample of both sides.
pub(crate) const BLOCK: u32 = 4;
/// WAV's lengths are 32 bits: 37 hours at 8000 Hz.
pub(crate) const MAX_SOUND: u32 = u32::MAX / 1_024 * 1_024 - 1_024;
/// The rates that recordings have \[Hz\].
pub(crate) const RATES: [u32; 2] = [8_000, 16_000];
/// Where the two lengths stand; all other bytes are the same in each recording of a rate.
const LENGTHS: [std::ops::Range<usize>; 2] = [4..8, 40..44];

/// The canonical header: PCM, two channels, 16 bits.
pub(crate) fn header(rate_hz: u32, sound: u32) -> [u8; HEADER as usize] {
    let mut h = [0; HEADER as usize];
    h[0..4].copy_from_slice(b"RIFF");
    h[4..8].copy_from_slice(&sound.saturating_add(HEADER as u32 - 8).to_le_bytes());
    h[8..16].copy_from_slice(b"WAVEfmt ");
    h[16..20].copy_from_slice(&16_u32.to_le_bytes());
    h[20..22].copy_from_slice(&1_u16.to_le_bytes());
    h[22..24].copy_from_slice(&2_u16.to_le_bytes());
    h[24..28].copy_from_slice(&rate_hz.to_le_bytes());
    h[28..32].copy_from_slice(&rate_hz.saturating_mul(BLOCK).to_le_bytes());
    h[32..34].copy_from_slice(&(BLOCK as u16).to_le_bytes());
    h[34..36].copy_from_slice(&16_u16.to_le_bytes());
    h[36..40].copy_from_slice(b"data");
    h[40..44].copy_from_slice(&sound.to_le_bytes());
    h
}

/// How long so much sound lasts \[ms\].
pub(crate) fn ms_of(rate_hz: u32, sound: u64) -> u64 {
    sound / u64::from(BLOCK) * 1_000 / u64::from(rate_hz.max(1))
}

/// What the first bytes of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// A recording's header.
    Ours {
        /// \[Hz\].
        rate_hz: u32,
        /// Bytes after the first length, as that tells.
        riff: u32,
        /// Bytes of sound, as the second length tells.
        sound: u32,
    },
    /// The file ends within a recording's header, or before it.
    Begun,
    /// Nothing but zeros: a disk that lost its power knew the file's size and not yet its first block.
    Zeros,
    /// Something else: another program's file, or what no longer can be told from one.
    Foreign,
}

/// Looks at the first 44 bytes of a file, or at all of a shorter one.
pub(crate) fn beginning(bytes: &[u8]) -> Beginning {
    let bytes = bytes.get(..HEADER as usize).unwrap_or(bytes);
    if !bytes.is_empty() && bytes.iter().all(|b| *b == 0) {
        return Beginning::Zeros;
    }
    let is_of = |rate_hz: &u32| {
        let alike = |(at, (b, h)): (usize, (&u8, &u8))| b == h || LENGTHS.iter().any(|l| l.contains(&at));
        bytes.iter().zip(&header(*rate_hz, 0)).enumerate().all(alike)
    };
    let Some(rate_hz) = RATES.into_iter().find(is_of) else { return Beginning::Foreign };
    let Ok(whole) = <&[u8; HEADER as usize]>::try_from(bytes) else { return Beginning::Begun };
    let length = |at: usize| u32::from_le_bytes([whole[at], whole[at + 1], whole[at + 2], whole[at + 3]]);
    Beginning::Ours { rate_hz, riff: length(4), sound: length(40) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_recognized_whatever_its_lengths_and_wherever_it_is_cut() {
        for rate_hz in RATES {
            for sound in [0, 4, 32_000, MAX_SOUND] {
                let h = header(rate_hz, sound);
                assert_eq!(beginning(&h), Beginning::Ours { rate_hz, riff: sound + 36, sound });
                assert_eq!(beginning(&[&h[..], &[1, 2, 3]].concat()), beginning(&h));
                for cut in 0..h.len() {
                    assert_eq!(beginning(&h[..cut]), Beginning::Begun, "{cut}");
                }
            }
        }
        assert_eq!(MAX_SOUND % BLOCK, 0);
    }

    #[test]
    fn one_other_byte_outside_the_lengths_makes_it_foreign() {
        for at in (0..44).filter(|at| !LENGTHS.iter().any(|l| l.contains(at))) {
            let mut h = header(8_000, 320);
            h[at] ^= 0x81;
            assert_eq!(beginning(&h), Beginning::Foreign, "{at}");
        }
        assert_eq!(beginning(&[0; 44]), Beginning::Zeros);
        assert_eq!(beginning(&[0; 3]), Beginning::Zeros);
    }
}
