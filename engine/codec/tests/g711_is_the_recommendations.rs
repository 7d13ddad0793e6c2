//! G.711 against ffmpeg, and against formulas that share nothing with our tables.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{ffmpeg, to_bytes, to_samples};
use waihu_codec::{Decoder, Encoder, MAX_SAMPLES};
use waihu_types::Codec;

/// Every byte, decoded 200 ms at most at once.
fn decode(codec: Codec, bytes: &[u8]) -> Vec<i16> {
    let mut out = [0; MAX_SAMPLES];
    let n = Decoder::new(codec).unwrap().decode(bytes, &mut out).unwrap();
    out[..n].to_vec()
}

fn encode(codec: Codec, samples: &[i16]) -> Vec<u8> {
    let mut bytes = vec![0; samples.len()];
    assert_eq!(Encoder::new(codec).unwrap().encode(samples, &mut bytes), samples.len());
    bytes
}

/// A-law's output values by Table 1a: 13 bits and a sign, here in 16 bits.
fn alaw(byte: u8) -> i32 {
    let code = i32::from(byte ^ 0x55);
    let (segment, step) = (code >> 4 & 7, code & 15);
    let value = match segment {
        0 => 2 * step + 1,
        s => (2 * step + 33) * 2_i32.pow(s as u32 - 1),
    };
    if code & 0x80 != 0 { 8 * value } else { -8 * value }
}

/// µ-law's by Table 2a: 14 bits and a sign.
fn mulaw(byte: u8) -> i32 {
    let code = i32::from(!byte);
    let (segment, step) = (code >> 4 & 7, code & 15);
    let value = (2 * step + 33) * 2_i32.pow(segment as u32) - 33;
    if byte & 0x80 != 0 { 4 * value } else { -4 * value }
}

fn all_bytes() -> Vec<u8> {
    (0..=255).collect()
}

fn all_samples() -> Vec<i16> {
    (i16::MIN..=i16::MAX).collect()
}

#[test]
fn every_byte_decodes_to_the_value_of_the_tables_and_of_ffmpeg() {
    for (codec, formula, name) in
        [(Codec::Pcma, alaw as fn(u8) -> i32, "alaw"), (Codec::Pcmu, mulaw, "mulaw")]
    {
        let ours = decode(codec, &all_bytes());
        let wanted: Vec<i16> = all_bytes().into_iter().map(|b| formula(b) as i16).collect();
        assert_eq!(ours, wanted, "{name}");
        let theirs = ffmpeg(&format!("-f {name} -ar 8000 -ac 1 -i - -f s16le -"), &all_bytes());
        assert_eq!(ours, to_samples(&theirs), "{name} and ffmpeg");
    }
}

/// How wide a byte's interval is, in 16 bits (Tables 1a and 2a).
fn width(codec: Codec, byte: u8) -> i32 {
    match codec {
        Codec::Pcma => 16 << ((i32::from(byte ^ 0x55) >> 4 & 7) - 1).max(0),
        _ => 8 << (i32::from(!byte) >> 4 & 7),
    }
}

/// The convention is the ITU library's (G.191): a negative sample's one's complement is looked at, and
/// the interval between two decision values decides. Where two segments meet, the nearest output value
/// can be the neighbour's; ffmpeg takes that one.
#[test]
fn every_sample_lies_in_the_interval_of_its_byte() {
    for (codec, most) in [(Codec::Pcma, 32_768), (Codec::Pcmu, 8_159 * 4)] {
        let values = decode(codec, &all_bytes());
        let samples = all_samples();
        for (sample, byte) in samples.iter().zip(encode(codec, &samples)) {
            let sample = i32::from(*sample).clamp(-most, most);
            let away = (i32::from(values[usize::from(byte)]) - sample).abs();
            assert!(away <= width(codec, byte) / 2, "{sample} in {codec:?}: {away} away");
        }
    }
}

#[test]
fn ffmpeg_chooses_the_same_byte_or_one_beside_it() {
    for (codec, name) in [(Codec::Pcma, "alaw"), (Codec::Pcmu, "mulaw")] {
        let samples = all_samples();
        let ours = encode(codec, &samples);
        let theirs =
            ffmpeg(&format!("-f s16le -ar 8000 -ac 1 -i - -c:a pcm_{name} -f {name} -"), &to_bytes(&samples));
        let (a, b) = (decode_all(codec, &ours), decode_all(codec, &theirs));
        let other = (0..samples.len()).filter(|i| ours[*i] != theirs[*i]).count();
        assert!(other * 50 < samples.len(), "{name}: {other} of {}", samples.len());
        for i in 0..samples.len() {
            let apart = (i32::from(a[i]) - i32::from(b[i])).abs();
            assert!(apart <= width(codec, ours[i]).max(width(codec, theirs[i])), "{name} of {}", samples[i]);
        }
    }
}

fn decode_all(codec: Codec, bytes: &[u8]) -> Vec<i16> {
    bytes.chunks(1_600).flat_map(|p| decode(codec, p)).collect()
}
