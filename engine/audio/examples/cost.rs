//! What each part costs for 20 ms: `cargo run --release -p waihu-audio --example cost [SPEECH.raw ...]`,
//! where the files are 16-bit sound of one channel at 8 kHz; with them also how many keys the in-band
//! detector hears in speech, which should be none.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{hint::black_box, time::Instant};

use waihu_audio::{
    comfort_noise::{ComfortNoise, Description},
    conceal::Concealer,
    dtmf_detect::InbandDtmf,
    gate::SpeechGate,
    halfband::{Downsampler, Upsampler},
    mix,
    stretch::{lengthen, shorten},
};

const SILENCE_20MS: [i16; 320] = [0; 320];

fn noise(samples: usize) -> Vec<i16> {
    let mut seed = 1_u32;
    let next = |n: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as i16 / (4 + n as i16 / 1_600 % 8 * 8)
    };
    (0..samples).map(next).collect()
}

/// The quickest of some rounds [µs a frame].
fn cost(name: &str, frames: usize, mut round: impl FnMut()) {
    let quickest = (0..15)
        .map(|_| {
            let start = Instant::now();
            round();
            start.elapsed()
        })
        .min()
        .unwrap();
    println!("{name:32} {:6.2} µs", quickest.as_secs_f64() * 1e6 / frames as f64);
}

fn main() {
    let files: Vec<Vec<i16>> = std::env::args()
        .skip(1)
        .map(|f| {
            let bytes = std::fs::read(f).unwrap();
            bytes.as_chunks::<2>().0.iter().map(|b| i16::from_le_bytes(*b)).collect()
        })
        .collect();
    let sound = if files.is_empty() { noise(160_000) } else { files.concat() };
    let sound = &sound[..sound.len().min(480_000)];
    for (rate, ms20) in [(8_000, 160), (16_000, 320)] {
        let frames: Vec<&[i16]> = sound.chunks_exact(ms20).collect();
        let n = frames.len();
        println!("-- {rate} Hz");
        let mut out = [0_i16; 640];
        let mut concealer = Concealer::new(rate);
        let mut heard = [0_i16; 320];
        cost("conceal: heard", n, || {
            for f in &frames {
                heard[..ms20].copy_from_slice(f);
                concealer.heard(black_box(&mut heard[..ms20]));
            }
        });
        cost("conceal: heard, conceal", n, || {
            for f in &frames {
                heard[..ms20].copy_from_slice(f);
                concealer.heard(&mut heard[..ms20]);
                concealer.conceal(black_box(&mut out[..ms20]));
            }
        });
        cost("shorten", n, || {
            for f in &frames {
                heard[..ms20].copy_from_slice(f);
                black_box(shorten(&mut heard, ms20, rate));
            }
        });
        cost("lengthen", n, || {
            for f in &frames {
                black_box(lengthen(f, &mut out, rate));
            }
        });
        let mut gate = SpeechGate::new(rate);
        cost("gate: the bot is silent", n, || {
            for f in &frames {
                black_box(gate.push(f, None));
            }
        });
        cost("gate: the bot speaks", n, || {
            for (f, said) in frames.iter().zip(frames.iter().rev()) {
                black_box(gate.push(f, Some(said)));
            }
        });
        cost("gate: the bot speaks to silence", n, || {
            for said in &frames {
                black_box(gate.push(&SILENCE_20MS[..ms20], Some(said)));
            }
        });
        let mut generator = ComfortNoise::new(1);
        for order in [0, 10] {
            generator.update(&Description::of(&sound[..1_600], order));
            cost(&format!("comfort noise, order {order}"), n, || {
                for _ in &frames {
                    generator.generate(black_box(&mut out[..ms20]));
                }
            });
        }
        cost("description, order 10", n, || {
            for f in &frames {
                black_box(Description::of(f, 10));
            }
        });
        let mut detector = InbandDtmf::new(rate);
        cost("in-band DTMF", n, || {
            for f in &frames {
                black_box(detector.push(f));
            }
        });
        cost("sum of 3", n, || {
            for f in &frames {
                mix::sum(black_box(&[f, f, f]), &mut out[..ms20]);
            }
        });
    }
    println!("-- between the rates");
    let frames: Vec<&[i16]> = sound.chunks_exact(160).collect();
    let (mut up, mut down) = (Upsampler::new(), Downsampler::new());
    let mut out = [0_i16; 320];
    cost("up by 2, from 160 samples", frames.len(), || {
        for f in &frames {
            black_box(up.push(f, &mut out));
        }
    });
    let frames: Vec<&[i16]> = sound.chunks_exact(320).collect();
    cost("down by 2, from 320 samples", frames.len(), || {
        for f in &frames {
            black_box(down.push(f, &mut out));
        }
    });
    let mut detector = InbandDtmf::new(8_000);
    let (mut keys, mut seconds) = (0, 0);
    for file in &files {
        keys += file.chunks_exact(160).filter(|f| detector.push(f).is_some()).count();
        seconds += file.len() / 8_000;
    }
    println!("{keys} keys in {seconds} s of the files");
}
