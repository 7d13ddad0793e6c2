//! What the comparisons share: ffmpeg as a process, and sound that is the same on every run.
#![allow(dead_code)]

use std::{
    io::Write,
    process::{Command, Stdio},
};

/// Runs ffmpeg over `input` and gives what it writes. Says what to install where it is missing.
pub fn ffmpeg(arguments: &str, input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-hide_banner", "-nostdin"])
        .args(arguments.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("this test compares with ffmpeg, which does not start ({e}): .ci/setup --with-peers installs it"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "ffmpeg {arguments}: {}", out.status);
    writer.join().unwrap().unwrap();
    out.stdout
}

pub fn to_bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|s| s.to_le_bytes()).collect()
}

pub fn to_samples(bytes: &[u8]) -> Vec<i16> {
    bytes.as_chunks::<2>().0.iter().map(|b| i16::from_le_bytes(*b)).collect()
}

/// Numbers that look random and are the same on every run (xorshift).
pub struct Seeded(pub u64);

impl Seeded {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From -1 to 1.
    pub fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / 8_388_608.0 - 1.0
    }
}

/// Sound that moves a coder through all its states: vowels that glide, hisses, pauses, shouts held at
/// full scale, clicks.
pub fn voice_like(seconds: usize, rate: usize) -> Vec<i16> {
    let mut random = Seeded(0x5EED);
    let (mut phase, mut out) = (0.0_f32, Vec::new());
    for n in 0..seconds * rate {
        let t = n as f32 / rate as f32;
        let pitch = 150.0 + 60.0 * (t * 2.3).sin();
        phase = (phase + pitch / rate as f32).fract();
        let vowel: f32 = [(1.0, 0.35), (2.0, 0.3), (4.0, 0.25), (7.0, 0.2), (15.0, 0.1), (23.0, 0.05)]
            .iter()
            .filter(|(h, _)| h * pitch < rate as f32 * 0.45)
            .map(|(h, a)| a * (std::f32::consts::TAU * phase * h).sin())
            .sum();
        let hiss = random.unit();
        let sound = match (t * 4.0) as usize % 8 {
            0 | 1 => 0.5 * vowel,
            2 => 0.1 * hiss,
            3 => 0.0,
            4 => 4.0 * vowel,
            5 => 0.02 * vowel + 0.002 * hiss,
            6 => f32::from(u8::from(n % 400 == 0)) * 0.9,
            _ => 0.3 * vowel + 0.05 * hiss,
        };
        out.push((sound * 32_767.0).clamp(-32_768.0, 32_767.0) as i16);
    }
    out
}

/// How much louder `reference` is than its difference from `heard` [dB], where the two are heard
/// together best within `slack` samples.
pub fn best_snr(reference: &[i16], heard: &[i16], slack: usize) -> f64 {
    (0..slack)
        .map(|shift| {
            let pairs = || reference.iter().zip(&heard[shift..]).map(|(a, b)| (f64::from(*a), f64::from(*b)));
            let signal: f64 = pairs().map(|(a, _)| a * a).sum();
            let noise: f64 = pairs().map(|(a, b)| (a - b) * (a - b)).sum();
            10.0 * (signal / noise.max(1.0)).log10()
        })
        .fold(f64::MIN, f64::max)
}
