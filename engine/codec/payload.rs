//! How long a payload's sound is, from its bytes alone. Nothing is decoded.

use waihu_types::Codec;

/// The longest payload of G.711 and G.722 [bytes, and ticks]: 200 ms (RFC 3551, 4.2).
const MAX_TICKS_8K: usize = 1_600;

/// The longest packet of Opus [ticks at 48 kHz]: 120 ms (RFC 6716, 3.2.5, R5).
const MAX_TICKS_48K: u32 = 5_760;

/// The longest frame of Opus [bytes] (RFC 6716, 3.2.1, R2).
const MAX_OPUS_FRAME: usize = 1_275;

/// Ticks of the codec's RTP clock that a payload holds; `None` where it cannot be that codec's: it is
/// empty, too long, or breaks a rule of Opus's framing (RFC 6716, 3.4).
pub fn duration(codec: Codec, payload: &[u8]) -> Option<u32> {
    match codec {
        // A byte is a sample of G.711, and two samples of G.722, whose clock is half its rate.
        Codec::Pcma | Codec::Pcmu | Codec::G722 => {
            (1..=MAX_TICKS_8K).contains(&payload.len()).then_some(payload.len() as u32)
        }
        Codec::Opus => {
            let (toc, rest) = payload.split_first()?;
            let ticks = opus_frame_ticks(*toc) * opus_frames(*toc, rest)?;
            (ticks <= MAX_TICKS_48K).then_some(ticks)
        }
    }
}

/// Ticks at 48 kHz of one frame, by the configuration in its TOC byte (RFC 6716, Table 2).
fn opus_frame_ticks(toc: u8) -> u32 {
    let config = toc >> 3;
    match config {
        // SILK: 10, 20, 40, 60 ms.
        0..=11 => [480, 960, 1_920, 2_880][usize::from(config & 3)],
        // Hybrid: 10, 20 ms.
        12..=15 => [480, 960][usize::from(config & 1)],
        // CELT: 2.5, 5, 10, 20 ms.
        _ => 120 << (config & 3),
    }
}

/// How many frames are behind the TOC byte, if `rest` can hold them (RFC 6716, 3.2.2 to 3.2.5).
fn opus_frames(toc: u8, rest: &[u8]) -> Option<u32> {
    match toc & 3 {
        0 => (rest.len() <= MAX_OPUS_FRAME).then_some(1),
        1 => (rest.len().is_multiple_of(2) && rest.len() / 2 <= MAX_OPUS_FRAME).then_some(2),
        2 => {
            let (first, after) = frame_length(rest)?;
            let second = after.len().checked_sub(first)?;
            (second <= MAX_OPUS_FRAME).then_some(2)
        }
        _ => many_frames(rest),
    }
}

/// Code 3: a count, perhaps padding, and frames of one or of several lengths.
fn many_frames(rest: &[u8]) -> Option<u32> {
    let (head, mut rest) = rest.split_first()?;
    let count = usize::from(head & 0x3F);
    if count == 0 {
        return None;
    }
    if head & 0x40 != 0 {
        let mut padding = 0;
        loop {
            let (byte, after) = rest.split_first()?;
            rest = after;
            // 255 means 254 bytes, and that another length byte follows.
            padding += usize::from(*byte).min(254);
            if *byte != 255 {
                break;
            }
        }
        rest = &rest[..rest.len().checked_sub(padding)?];
    }
    let last = if head & 0x80 != 0 {
        let mut sum = 0;
        for _ in 1..count {
            let (length, after) = frame_length(rest)?;
            sum += length;
            rest = after;
        }
        rest.len().checked_sub(sum)?
    } else {
        rest.len().is_multiple_of(count).then_some(rest.len() / count)?
    };
    (last <= MAX_OPUS_FRAME).then_some(count as u32)
}

/// A frame's length of one or two bytes, and what follows it (RFC 6716, 3.2.1).
fn frame_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [first @ 0..=251, rest @ ..] => Some((usize::from(*first), rest)),
        [first, second, rest @ ..] => Some((usize::from(*second) * 4 + usize::from(*first), rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_payload_of_g711_or_g722_is_as_long_as_its_bytes() {
        for codec in [Codec::Pcma, Codec::Pcmu, Codec::G722] {
            assert_eq!(duration(codec, &[0; 160]), Some(160));
            assert_eq!(duration(codec, &[0; 1]), Some(1));
            assert_eq!(duration(codec, &[0; 1_600]), Some(1_600));
            assert_eq!((duration(codec, &[]), duration(codec, &[0; 1_601])), (None, None));
        }
    }

    #[test]
    fn opus_says_its_length_in_its_first_bytes() {
        // Wideband SILK, 20 ms; CELT fullband, 2.5 ms; SILK, two of 60 ms; three of 60 ms are too long.
        assert_eq!(duration(Codec::Opus, &[9 << 3, 1, 2, 3]), Some(960));
        assert_eq!(duration(Codec::Opus, &[28 << 3, 1]), Some(120));
        assert_eq!(duration(Codec::Opus, &[11 << 3 | 1, 1, 2]), Some(5_760));
        assert_eq!(duration(Codec::Opus, &[11 << 3 | 3, 3, 1, 2, 3]), None);
        assert_eq!(duration(Codec::Opus, &[9 << 3 | 3, 0]), None);
        assert_eq!(duration(Codec::Opus, &[]), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn libopus_finds_the_same_packets_good_and_as_long(
            bytes in proptest::collection::vec(prop_oneof![0_u8..8, 250_u8..=255, any::<u8>()], 1..80)
        ) {
            let theirs = opus::packet::parse(&bytes).ok().and_then(|_| {
                opus::packet::get_nb_samples(&bytes, 48_000).ok().map(|n| n as u32)
            });
            prop_assert_eq!(duration(Codec::Opus, &bytes), theirs);
        }
    }
}
