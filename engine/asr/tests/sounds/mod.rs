//! Sounds of a telephone in which nobody speaks, at 16 kHz as a recognizer gets them: made here from a
//! seed, through A-law.

use waihu_audio::{energy::from_dbov, frame, g711::Law, tone};
use waihu_corpus::Random;

const RATE: usize = 8_000;

/// Every sound by its name, `ms` long, at about `dbov` while it lasts.
pub fn all(ms: u32, dbov: f32, seed: u64) -> Vec<(&'static str, Vec<f32>)> {
    let samples = ms as usize * RATE / 1_000;
    let random = |name: &str| Random::named(seed, name);
    let sounds: [(&'static str, Vec<f32>); 9] = [
        ("white noise", white(samples, &mut random("white"))),
        ("breath", breath(samples, &mut random("breath"))),
        ("wind", wind(samples, &mut random("wind"))),
        ("music", music(samples, &mut random("music"))),
        ("hum", hum(samples)),
        ("keys", keys(samples, &mut random("keys"))),
        ("ringback", tones(samples, &[(440.0, 480.0)], 2_000, 4_000)),
        ("busy", tones(samples, &[(450.0, 450.0)], 350, 350)),
        ("clicks", clicks(samples, &mut random("clicks"))),
    ];
    sounds.into_iter().map(|(name, sound)| (name, line(&sound, dbov))).collect()
}

/// What comes out of the line: A-law at 8 kHz, then 16 kHz.
fn line(sound: &[f32], dbov: f32) -> Vec<f32> {
    let peak = sound.iter().fold(1e-6, |m: f32, s| m.max(s.abs()));
    // Peaks of speech lie some 12 dB over its level.
    let gain = from_dbov(dbov + 12.0).min(1.0) / peak;
    let coded: Vec<f32> = sound.iter().map(|s| s * gain).collect();
    let coded: Vec<i16> =
        frame::to_i16(&coded).into_iter().map(|s| Law::A.decode(Law::A.encode(s))).collect();
    waihu_audio::resample(&frame::to_f32(&coded), 8_000, 16_000).expect("8 to 16 kHz")
}

fn white(samples: usize, random: &mut Random) -> Vec<f32> {
    (0..samples).map(|_| random.white()).collect()
}

/// In and out every two seconds and a half: noise of the mouth's cavity, swelling and falling.
fn breath(samples: usize, random: &mut Random) -> Vec<f32> {
    let (mut low, mut band) = (0.0, 0.0);
    (0..samples)
        .map(|n| {
            let turn = (n as f32 / RATE as f32 / 1.25).fract();
            let swell = (turn * std::f32::consts::PI).sin().powi(2);
            // A resonance near 1 kHz.
            let high = random.white() - low - 0.6 * band;
            band += 0.7 * high;
            low += 0.7 * band;
            band * swell
        })
        .collect()
}

/// Low noise that comes and goes.
fn wind(samples: usize, random: &mut Random) -> Vec<f32> {
    let (mut low, mut gust) = (0.0, 0.0);
    (0..samples)
        .map(|_| {
            low += 0.06 * (random.white() - low);
            gust += 0.0006 * (random.white() - gust);
            low * (0.2 + 20.0 * gust.abs())
        })
        .collect()
}

/// Hold music: chords of plucked strings, a melody over them, 100 beats a minute.
fn music(samples: usize, random: &mut Random) -> Vec<f32> {
    let mut sound = vec![0.0; samples];
    let chords = [[0, 4, 7], [9, 12, 16], [5, 9, 12], [7, 11, 14]];
    let note = |half_tones: i32| 220.0 * 2f32.powf(half_tones as f32 / 12.0);
    for beat in 0..samples.div_ceil(RATE * 6 / 10) {
        let chord = chords[beat / 4 % 4];
        let melody = chord[random.below(3)] + 12;
        for pitch in chord.iter().chain([&melody]) {
            for (n, s) in sound.iter_mut().skip(beat * RATE * 6 / 10).take(RATE).enumerate() {
                let t = n as f32 / RATE as f32;
                let turn = t * note(*pitch) * std::f32::consts::TAU;
                *s += (-3.0 * t).exp() * (turn.sin() + 0.5 * (2.0 * turn).sin() + 0.25 * (3.0 * turn).sin());
            }
        }
    }
    sound
}

/// The mains and its harmonics.
fn hum(samples: usize) -> Vec<f32> {
    (0..samples)
        .map(|n| {
            let turn = n as f32 / RATE as f32 * 50.0 * std::f32::consts::TAU;
            (1..12).map(|h| (h as f32 * turn).sin() / h as f32).sum()
        })
        .collect()
}

/// Somebody dials.
fn keys(samples: usize, random: &mut Random) -> Vec<f32> {
    let mut sound = Vec::new();
    while sound.len() < samples {
        let key = "0123456789*#".chars().nth(random.below(12)).unwrap_or('0');
        let pair = tone::dtmf(key).unwrap_or((941.0, 1_336.0));
        sound.extend(frame::to_f32(&tone::dual(pair, 120, -10.0, RATE as u32)));
        sound.extend(std::iter::repeat_n(0.0, RATE / 8));
    }
    sound.truncate(samples);
    sound
}

fn tones(samples: usize, pairs: &[(f32, f32)], on_ms: u32, off_ms: u32) -> Vec<f32> {
    let mut sound = Vec::new();
    while sound.len() < samples {
        for pair in pairs {
            sound.extend(frame::to_f32(&tone::dual(*pair, on_ms, -10.0, RATE as u32)));
        }
        sound.extend(frame::to_f32(&tone::silence(off_ms, RATE as u32)));
    }
    sound.truncate(samples);
    sound
}

/// A bad contact.
fn clicks(samples: usize, random: &mut Random) -> Vec<f32> {
    let mut sound = vec![0.0; samples];
    let mut at = RATE / 10;
    while at + 40 < samples {
        for s in &mut sound[at..at + 40] {
            *s = random.white();
        }
        at += RATE / 8 + random.below(RATE / 2);
    }
    sound
}
