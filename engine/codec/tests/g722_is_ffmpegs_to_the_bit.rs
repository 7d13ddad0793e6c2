//! Our G.722 and ffmpeg's make the same bytes of the same sound, and the same sound of the same bytes.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Seeded, ffmpeg, to_bytes, to_samples, voice_like};
use waihu_codec::{Decoder, Encoder, MAX_PAYLOAD, MAX_SAMPLES};
use waihu_types::Codec;

fn encode(sound: &[i16]) -> Vec<u8> {
    let mut encoder = Encoder::new(Codec::G722).unwrap();
    let mut payload = [0; MAX_PAYLOAD];
    let mut out = Vec::new();
    for frame in sound.chunks(320) {
        let n = encoder.encode(frame, &mut payload);
        out.extend_from_slice(&payload[..n]);
    }
    out
}

fn decode(bytes: &[u8]) -> Vec<i16> {
    let mut decoder = Decoder::new(Codec::G722).unwrap();
    let mut samples = [0; MAX_SAMPLES];
    let mut out = Vec::new();
    for payload in bytes.chunks(160) {
        let n = decoder.decode(payload, &mut samples).unwrap();
        out.extend_from_slice(&samples[..n]);
    }
    out
}

/// Where two rows first differ.
fn first_difference<T: PartialEq>(a: &[T], b: &[T]) -> Option<usize> {
    (0..a.len().max(b.len())).find(|i| a.get(*i) != b.get(*i))
}

#[test]
fn the_same_sound_becomes_the_same_bytes() {
    let mut random = Seeded(7);
    let noise: Vec<i16> = (0..16_000).map(|_| random.next() as i16).collect();
    for sound in [voice_like(20, 16_000), noise] {
        let theirs = ffmpeg("-f s16le -ar 16000 -ac 1 -i - -c:a g722 -f g722 -", &to_bytes(&sound));
        assert_eq!(first_difference(&encode(&sound), &theirs), None);
    }
}

#[test]
fn the_same_bytes_become_the_same_sound() {
    let mut random = Seeded(11);
    let noise: Vec<u8> = (0..80_000).map(|_| random.next() as u8).collect();
    for bytes in [encode(&voice_like(20, 16_000)), noise] {
        let theirs = to_samples(&ffmpeg("-f g722 -i - -f s16le -", &bytes));
        assert_eq!(first_difference(&decode(&bytes), &theirs), None);
    }
}
