//! What a 20 ms frame costs: `cargo run --release -p waihu-codec --example cost [SPEECH.raw]`, where
//! the file is 16-bit sound of one channel at 16 kHz; noise that comes and goes without one.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{hint::black_box, time::Instant};

use waihu_codec::{Decoder, Encoder, MAX_PAYLOAD, MAX_SAMPLES};
use waihu_types::Codec;

const ROUNDS: usize = 15;

fn sound() -> Vec<i16> {
    match std::env::args().nth(1) {
        Some(file) => {
            let bytes = std::fs::read(file).unwrap();
            bytes.as_chunks::<2>().0.iter().map(|b| i16::from_le_bytes(*b)).collect()
        }
        None => {
            let mut seed = 1_u32;
            let noise = |n: u32| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let loud = 1 + (n / 3_200) % 5;
                (seed >> 16) as i16 / (loud * loud * 4) as i16
            };
            (0..160_000).map(noise).collect()
        }
    }
}

/// The quickest of some rounds over all frames [µs a frame].
fn cost(frames: usize, mut round: impl FnMut()) -> f64 {
    let quickest = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            round();
            start.elapsed()
        })
        .min()
        .unwrap();
    quickest.as_secs_f64() * 1e6 / frames as f64
}

fn main() {
    let wide = sound();
    let narrow: Vec<i16> = wide.iter().step_by(2).copied().collect();
    println!("{:6} {:>9} {:>9} {:>9} {:>12}", "codec", "encode", "decode", "conceal", "bytes/frame");
    for codec in Codec::ALL {
        let sound = if codec.sample_rate_hz() == 8_000 { &narrow } else { &wide };
        let frames: Vec<&[i16]> = sound.chunks_exact(codec.frame_samples()).collect();
        let mut payload = [0; MAX_PAYLOAD];
        let mut encoder = Encoder::new(codec).unwrap();
        let payloads: Vec<Vec<u8>> = frames
            .iter()
            .map(|f| {
                let n = encoder.encode(f, &mut payload);
                payload[..n].to_vec()
            })
            .collect();
        let encode = cost(frames.len(), || {
            for f in &frames {
                black_box(encoder.encode(f, &mut payload));
            }
        });
        let mut decoder = Decoder::new(codec).unwrap();
        let mut out = [0; MAX_SAMPLES];
        let decode = cost(frames.len(), || {
            for p in &payloads {
                black_box(decoder.decode(p, &mut out).unwrap());
            }
        });
        // Every other frame lost: what a loss costs, with the search for the pitch and the fading in.
        let half = cost(frames.len() / 2, || {
            for p in payloads.as_chunks::<2>().0 {
                decoder.decode(&p[0], &mut out).unwrap();
                black_box(decoder.conceal(codec.frame_samples(), None, &mut out));
            }
        });
        let bytes = payloads.iter().map(Vec::len).sum::<usize>() as f64 / payloads.len() as f64;
        println!("{:6} {encode:6.2} µs {decode:6.2} µs {:6.2} µs {bytes:12.1}", codec.name(), half - decode);
    }
    println!(
        "Encoder {} bytes, Decoder {} bytes",
        std::mem::size_of::<Encoder>(),
        std::mem::size_of::<Decoder>()
    );
}
