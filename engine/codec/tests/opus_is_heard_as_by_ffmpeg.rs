//! Opus as we send and hear it, against ffmpeg: its libopus makes packets of every kind, and its own
//! decoder (another code base than libopus) hears ours.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{best_snr, ffmpeg, to_bytes, to_samples, voice_like};
use waihu_codec::{Band, Decoder, Encoder, MAX_PAYLOAD, MAX_SAMPLES, duration};
use waihu_types::Codec;

/// What an Ogg file holds: its packets (RFC 3533, 6), each with the headers of its stream.
fn ogg_packets(file: &[u8]) -> Vec<Vec<u8>> {
    let (mut packets, mut open, mut at) = (Vec::new(), Vec::new(), 0);
    while at < file.len() {
        assert_eq!(&file[at..at + 4], b"OggS");
        let segments = usize::from(file[at + 26]);
        let table = &file[at + 27..at + 27 + segments];
        let mut body = at + 27 + segments;
        for lacing in table {
            open.extend_from_slice(&file[body..body + usize::from(*lacing)]);
            body += usize::from(*lacing);
            if *lacing < 255 {
                packets.push(std::mem::take(&mut open));
            }
        }
        at = body;
    }
    packets
}

/// An Ogg page's checksum (RFC 3533, 6): polynomial 0x04C11DB7, nothing inverted.
fn ogg_checksum(page: &[u8]) -> u32 {
    page.iter().fold(0, |crc: u32, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte) << 24,
            |c, _| {
                if c >> 31 == 1 { c << 1 ^ 0x04C1_1DB7 } else { c << 1 }
            },
        )
    })
}

/// An Ogg file of Opus packets, one a page, for ffmpeg to read (RFC 7845).
fn ogg_file(packets: &[Vec<u8>], ticks: u64) -> Vec<u8> {
    let mut head = b"OpusHead\x01\x01\0\0".to_vec();
    head.extend_from_slice(&16_000_u32.to_le_bytes());
    head.extend_from_slice(&[0, 0, 0]);
    let tags = b"OpusTags\x05\0\0\0waihu\0\0\0\0".to_vec();
    let mut file = Vec::new();
    for (n, packet) in [head, tags].iter().chain(packets).enumerate() {
        let position = (n as u64).saturating_sub(1) * ticks;
        let last = n == packets.len() + 1;
        let mut page = b"OggS\0".to_vec();
        page.push(if n == 0 {
            2
        } else if last {
            4
        } else {
            0
        });
        page.extend_from_slice(&position.to_le_bytes());
        page.extend_from_slice(&1_u32.to_le_bytes());
        page.extend_from_slice(&(n as u32).to_le_bytes());
        page.extend_from_slice(&[0; 4]);
        let segments = packet.len() / 255 + 1;
        page.push(segments as u8);
        page.extend(std::iter::repeat_n(255, segments - 1));
        page.push((packet.len() % 255) as u8);
        page.extend_from_slice(packet);
        let checksum = ogg_checksum(&page);
        page[22..26].copy_from_slice(&checksum.to_le_bytes());
        file.extend_from_slice(&page);
    }
    file
}

fn decode(packets: &[Vec<u8>]) -> Vec<i16> {
    let mut decoder = Decoder::new(Codec::Opus).unwrap();
    let mut out = [0; MAX_SAMPLES];
    let mut all = Vec::new();
    for packet in packets {
        let n = decoder.decode(packet, &mut out).unwrap();
        assert_eq!(duration(Codec::Opus, packet), Some(3 * n as u32));
        all.extend_from_slice(&out[..n]);
    }
    all
}

fn encode(sound: &[i16]) -> Vec<Vec<u8>> {
    encode_as(sound, |_| Band::Wide)
}

/// Each frame as one of that band.
fn encode_as(sound: &[i16], band: impl Fn(usize) -> Band) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(Codec::Opus).unwrap();
    let mut payload = [0; MAX_PAYLOAD];
    let packets = sound.as_chunks::<320>().0.iter().enumerate().map(|(n, frame)| {
        encoder.set_band(band(n));
        let n = encoder.encode(frame, &mut payload);
        payload[..n].to_vec()
    });
    packets.collect()
}

#[test]
fn packets_of_every_mode_length_and_channel_count_are_decoded() {
    let sound = voice_like(6, 16_000);
    // Configurations of RFC 6716's Table 2 that these make: SILK, hybrid and CELT.
    let mut configs = Vec::new();
    for (options, lengths) in [
        ("-ac 1 -b:a 12k -application voip", "20 40 60"),
        ("-ac 1 -b:a 24k -application voip", "10 20 60 120"),
        ("-ac 2 -b:a 40k -application voip", "20 60 120"),
        ("-ac 1 -b:a 64k -application lowdelay", "2.5 5 10 20"),
        ("-ac 2 -b:a 96k -application audio", "20 40"),
    ] {
        for ms in lengths.split(' ') {
            let arguments = format!(
                "-f s16le -ar 16000 -ac 1 -i - -ar 48000 -c:a libopus {options} -frame_duration {ms} -f ogg -"
            );
            let file = ffmpeg(&arguments, &to_bytes(&sound));
            let packets = ogg_packets(&file)[2..].to_vec();
            configs.extend(packets.iter().map(|p| p[0] >> 3));
            let heard = decode(&packets);
            let theirs = to_samples(&ffmpeg("-c:a libopus -f ogg -i - -ac 1 -ar 48000 -f s16le -", &file));
            // ffmpeg decodes at 48 kHz, from which every third sample is taken at the best of all delays.
            let snr = (0..3)
                .map(|third| theirs[third..].iter().step_by(3).copied().take(80_000).collect::<Vec<_>>())
                .map(|theirs| best_snr(&theirs, &heard, 400))
                .fold(f64::MIN, f64::max);
            // CELT and hybrid measure 17 to 36 dB; SILK 16, whose resamplers to 48 and to 16 kHz differ by
            // a part of a sample.
            assert!(snr > 12.0, "{options}, {ms} ms: {snr} dB");
        }
    }
    configs.sort_unstable();
    configs.dedup();
    let of = |range: std::ops::RangeInclusive<u8>| configs.iter().any(|c| range.contains(c));
    assert!(of(0..=11) && of(12..=15) && of(16..=31), "{configs:?}");
}

#[test]
fn another_decoder_hears_what_we_send() {
    let sound = voice_like(8, 16_000);
    let packets = encode(&sound);
    let ours = decode(&packets);
    let theirs = to_samples(&ffmpeg("-c:a opus -f ogg -i - -ar 16000 -f s16le -", &ogg_file(&packets, 960)));
    assert!(theirs.len().abs_diff(ours.len()) < 640, "{} and {}", theirs.len(), ours.len());
    let snr = best_snr(&ours[..ours.len() - 1_000], &theirs, 400).max(best_snr(
        &theirs[..theirs.len() - 1_000],
        &ours,
        400,
    ));
    assert!(snr > 15.0, "{snr} dB");
    let mean = packets.iter().map(Vec::len).sum::<usize>() * 50 * 8 / packets.len();
    assert!((12_000..30_000).contains(&mean), "{mean} bit/s");
}

/// The configurations of SILK, RFC 6716's Table 2: four of a telephone's band, four between, four wide.
#[test]
fn a_telephones_sound_is_coded_as_one_and_heard_through_every_change() {
    let band = |n: usize| if (200..1_200).contains(&n) { Band::Wide } else { Band::Narrow };
    let packets = encode_as(&voice_like(44, 16_000), band);
    // libopus changes by way of filters that take some seconds.
    for (n, packet) in packets.iter().enumerate().filter(|(n, _)| *n < 200 || *n > 2_000) {
        assert!(packet[0] >> 3 < 4, "packet {n}: {}", packet[0] >> 3);
    }
    assert!(packets.iter().any(|packet| packet[0] >> 3 >= 8), "and wide ones as wide");
    let ours = decode(&packets);
    let theirs = to_samples(&ffmpeg("-c:a opus -f ogg -i - -ar 16000 -f s16le -", &ogg_file(&packets, 960)));
    let snr = best_snr(&ours[..ours.len() - 1_000], &theirs, 400).max(best_snr(
        &theirs[..theirs.len() - 1_000],
        &ours,
        400,
    ));
    // Their resamplers delay each band otherwise by a part of a sample; other sound comes to less than 1 dB.
    assert!(snr > 7.0, "{snr} dB");
}

#[test]
fn a_lost_packet_is_made_up_from_the_next_ones_copy_of_it() {
    for band in [Band::Narrow, Band::Wide] {
        is_made_up(&encode_as(&voice_like(8, 16_000), |_| band));
    }
}

fn is_made_up(packets: &[Vec<u8>]) {
    let whole = decode(packets);
    // Mean over the lost frames of how far the sound is above its error [dB].
    let [without, with] = [false, true].map(|fec| {
        let mut decoder = Decoder::new(Codec::Opus).unwrap();
        let mut out = [0; MAX_SAMPLES];
        let mut ratios = Vec::new();
        for (n, packet) in packets.iter().enumerate() {
            if n % 10 == 9 && n + 1 < packets.len() {
                let next = fec.then(|| &packets[n + 1][..]);
                assert_eq!(decoder.conceal(320, next, &mut out), 320);
                let lost = &whole[n * 320..][..320];
                let signal: f64 = lost.iter().map(|s| f64::from(*s).powi(2)).sum();
                let error: f64 =
                    lost.iter().zip(&out).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
                if signal > 320.0 * 10_000.0 {
                    ratios.push((10.0 * (signal / error.max(1.0)).log10()).clamp(-10.0, 35.0));
                }
            } else {
                decoder.decode(packet, &mut out).unwrap();
            }
        }
        ratios.iter().sum::<f64>() / ratios.len() as f64
    });
    // On real speech 9 dB and 2 dB.
    assert!(with > without + 2.0, "{with} and {without} dB");
}

#[test]
fn any_length_is_made_up_and_no_packet_breaks_the_decoder() {
    let packets = encode(&voice_like(1, 16_000));
    let mut decoder = Decoder::new(Codec::Opus).unwrap();
    let mut out = [7; MAX_SAMPLES];
    decoder.decode(&packets[20], &mut out).unwrap();
    for samples in [0, 1, 39, 40, 41, 160, 320, 333, 1_920, 1_921, 3_200, 9_000] {
        assert_eq!(decoder.conceal(samples, Some(&packets[21]), &mut out), samples.min(MAX_SAMPLES));
    }
    assert!(decoder.decode(&[], &mut out).is_err() && decoder.decode(&[0xFF, 0], &mut out).is_err());
    assert_eq!(decoder.conceal(320, Some(&[]), &mut out), 320);
    assert_eq!(decoder.conceal(320, Some(&[0xFF, 0]), &mut out), 320);
    assert_eq!(decoder.decode(&packets[30], &mut out), Ok(320));
    assert!(decoder.decode(&packets[31], &mut out[..319]).is_err());
}
