//! How long an hour's call takes: sealed, handed out as a bundle, verified. Run from a warm disk.
//! `cargo run --release -p waihu-keeping --example hour`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::{fs, time::Instant};

use common::{a_call, archive, at, key};
use waihu_keeping::{handed_out, verify};
use waihu_vault::Note;

/// An hour of both sides, 16 bits, 8 kHz [bytes].
const HOUR: usize = 3_600 * 8_000 * 4;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (folder, archive) = archive().await;
    let attempt = key("hour");
    // Noise: nothing is won by pressing it.
    let mut state = 1_u64;
    let sound: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    })
    .take(HOUR)
    .collect();
    let line = "{\"at_ms\":1000,\"speaker\":\"callee\",\"text\":\"我周五还，发了工资就还。\",\"intent\":\"promise_to_pay\"}\n";
    let words = line.repeat(1_200);
    a_call(&archive, "hour", (&sound, 3_600_000), &words).await;
    let begun = Instant::now();
    archive.vault.seal(&archive.recording(&attempt), Note::default()).unwrap();
    archive.vault.seal(&archive.transcript(&attempt), Note::default()).unwrap();
    println!("sealed, hashed before: {:.2} s", begun.elapsed().as_secs_f64());
    let path = folder.path().join("hour.zip");
    let begun = Instant::now();
    archive.bundle(&attempt, handed_out(&path).unwrap(), "Li", at(1)).await.unwrap();
    let took = begun.elapsed().as_secs_f64();
    println!("bundle of {:.0} MB: {took:.2} s", fs::metadata(&path).unwrap().len() as f64 / 1e6);
    let begun = Instant::now();
    assert!(verify(&path).unwrap().holds());
    println!("verified: {:.2} s", begun.elapsed().as_secs_f64());
}
